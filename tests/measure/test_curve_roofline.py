"""What bandwidth and compute say, and which peak a number format runs at."""

from typing import Any

import pytest

from tco.domain.hardware import Precision
from tco.errors import MissingFigureError
from tco.measure.curve_roofline import Roofline, peak_tflops
from tests.measure.sweeps import architecture, card


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("fp32", 10), ("bf16", 100), ("fp16", 100), ("fp8", 100), ("int8", 200), ("mxfp4", 800),
     ("q4_k_m", None)],
)  # fmt: skip
def test_formats_that_the_hardware_lacks_are_widened(precision, expected):
    peaks = {Precision.FP32: 10.0, Precision.BF16: 100.0, Precision.INT8: 200.0,
             Precision.FP4: 800.0}  # fmt: skip
    assert peak_tflops(card().model_copy(update={"peak_tflops": peaks}), precision) == expected


def test_without_bf16_half_precision_runs_at_half_the_int8_rate():
    old = card().model_copy(update={"peak_tflops": {Precision.INT8: 130.0}})
    assert peak_tflops(old, "fp16") == 65


def test_two_cards_read_a_token_of_cache_in_half_the_time_and_draw_the_same_joules():
    one, two = (Roofline(card(), count, "bf16") for count in (1, 2))
    alone, shared = one.per_kv_token_s(architecture()), two.per_kv_token_s(architecture())
    assert shared.value == pytest.approx(alone.value / 2)
    joules = [roofline.joules_of(s) for roofline, s in ((one, alone), (two, shared))]
    assert joules[0] is not None
    assert joules[1] is not None
    assert joules[0].value == pytest.approx(joules[1].value)


def test_a_figure_that_the_data_sheet_lacks_is_named():
    gaps: dict[str, Any] = {"memory_gb_per_s": None, "peak_tflops": {}}
    roofline = Roofline(card().model_copy(update=gaps), 1, "bf16")
    with pytest.raises(MissingFigureError, match="no memory_gb_per_s of 'Card'"):
        roofline.per_kv_token_s(architecture())
    with pytest.raises(MissingFigureError, match="no peak for bf16 of 'Card'"):
        roofline.per_prefill_token_s(architecture())


def test_active_parameters_are_what_a_token_meets():
    roofline = Roofline(card(), 1, "bf16")
    dense, sparse = architecture(), architecture(active_parameters=1e8)
    assert roofline.per_prefill_token_s(sparse).value == pytest.approx(
        roofline.per_prefill_token_s(dense).value / 10
    )
