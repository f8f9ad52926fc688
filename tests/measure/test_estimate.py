"""Curves carried over to hardware that nobody measured, and how far such estimates miss."""

from statistics import mean

import pytest

from tco.domain.record import Evidence
from tco.errors import MissingFigureError
from tco.measure.estimate import transfer_errors
from tco.measure.library import Measurements
from tests.measure.sweeps import architecture, batch, card, decode, llm, measured, shipped

FAST, SLOW = card("Fast", gb_per_s=4000, tflops=400), card("Slow")
KNOWN = {"Fast": FAST, "Slow": SLOW}


def classic(name, base, slope):
    return measured(
        [batch(n, base + slope * n) for n in (1, 4, 16)],
        id=f"classic-{name.lower()}",
        hardware={"name": name, "accelerator_count": 1},
    )


def of_another_net(name):
    return measured(
        [batch(n, 0.001 * n) for n in (1, 4, 16)],
        id=f"another-{name.lower()}",
        subject={"snapshot": "other-net", "source": "x", "weights": "trained"},
        hardware={"name": name, "accelerator_count": 1},
    )


def steps(name, base, slope):
    return llm(
        [decode(n, base + slope * n, 10 + n, output_tokens=200) for n in (1, 4, 16)],
        id=f"steps-{name.lower()}",
        subject={"snapshot": "llm-net", "source": "x", "weights": "trained"},
        hardware={"name": name, "accelerator_count": 1},
    )


def library(*sweeps):
    return Measurements((), "", sweeps, {"llm-net": architecture()}, KNOWN)


def test_an_estimate_that_the_rule_gets_right_has_no_error():
    # A quarter of the bandwidth: the base doubles (square root); a quarter of the compute: x 4.
    found = transfer_errors(
        [classic("Fast", 0.002, 0.001), classic("Slow", 0.004, 0.004), steps("Fast", 0.01, 1e-4),
         steps("Slow", 0.02, 2e-4)],
        KNOWN, {"llm-net": architecture()},
    )  # fmt: skip
    assert found.batch_seconds == pytest.approx((0, 0), abs=1e-9)
    assert len(found.step_seconds) == 2


def test_an_estimate_carries_the_measured_error_and_says_so():
    sweeps = [classic("Fast", 0.002, 0.001), classic("Slow", 0.004, 0.006)]
    found = library(*sweeps, steps("Fast", 0.01, 1e-4), steps("Slow", 0.02, 2e-4))
    known = found.transfer_errors
    assert mean(known.batch_seconds) > 0.1
    estimate = found.estimate("net", "Slow", 2, "rt", "fp16")
    assert estimate.evidence is Evidence.ESTIMATED
    assert estimate.relative_error(4) > mean(known.batch_seconds)
    assert f"miss by {mean(known.batch_seconds):.0%} on average" in estimate.sources[0]
    assert estimate.grade(4) is Evidence.ESTIMATED


def test_twice_the_cards_take_half_the_roof():
    sweeps = [classic("Fast", 0.002, 0.001), classic("Slow", 0.004, 0.004)]
    found = library(*sweeps, steps("Fast", 0.01, 1e-4), steps("Slow", 0.02, 2e-4))
    once = found.curve("net", "Slow", 1, "rt", "fp16")
    twice = found.estimate("net", "Slow", 2, "rt", "fp16")
    assert once.kind == twice.kind == "batch"
    assert once.batch is not None
    assert twice.batch is not None
    assert twice.batch.sizes[0].seconds.slope == pytest.approx(
        once.batch.sizes[0].seconds.slope / 2
    )


def test_nothing_is_estimated_across_runtimes_or_without_a_data_sheet():
    found = library(classic("Fast", 0.002, 0.001))
    with pytest.raises(MissingFigureError, match="nothing to estimate"):
        found.estimate("net", "Slow", 1, "another runtime", "fp16")
    with pytest.raises(MissingFigureError, match=r"has no 'Slw' to estimate with. Near it: Slow"):
        found.estimate("net", "Slw", 1, "rt", "fp16")


def test_nothing_is_estimated_further_than_any_pair_lies_apart():
    """Fast and Slow differ fourfold in both figures: that far the error is known."""
    tiny = card("Tiny", gb_per_s=500)
    sweeps = (
        classic("Fast", 0.002, 0.001),
        of_another_net("Fast"),
        of_another_net("Slow"),
        steps("Fast", 0.01, 1e-4),
        steps("Slow", 0.02, 2e-4),
    )
    models = {"llm-net": architecture()}
    found = Measurements((), "", sweeps, models, KNOWN | {"Tiny": tiny})
    assert found.estimate("net", "Slow", 1, "rt", "fp16").kind == "batch"
    with pytest.raises(MissingFigureError, match="1 x Tiny is more unlike Fast than any two kinds"):
        found.estimate("net", "Tiny", 1, "rt", "fp16")


def test_without_pairs_there_is_no_error_and_so_no_estimate():
    with pytest.raises(MissingFigureError, match="cannot be measured, and without it none is made"):
        library(classic("Fast", 0.002, 0.001)).estimate("net", "Slow", 1, "rt", "fp16")


def test_the_shipped_sweeps_measure_the_error_over_several_kinds_of_hardware():
    measurements = shipped()
    errors = measurements.transfer_errors
    assert len(errors.batch_seconds) >= 12
    assert len(errors.step_seconds) >= 14
    assert 0.05 < mean(errors.step_seconds) < 0.5
    assert 0.05 < mean(errors.batch_seconds) < 0.6
    estimate = measurements.estimate("llama-3.1-8b-instruct", "L40S", 1, "vLLM", "bf16")
    slower = estimate.step_arrays().base_s[0]
    measured_there = measurements.curve("llama-3.1-8b-instruct", "H100-SXM", 1, "vLLM", "bf16")
    assert slower > measured_there.step_arrays().base_s[0]
