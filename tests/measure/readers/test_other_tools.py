"""Triton perf_analyzer, optimum-benchmark, codecarbon and the plain table."""

from dataclasses import replace

import pytest

from tco.domain.measured import EnergyMethod, EnergyScope, Kind, Phase, Unit
from tco.domain.record import Evidence
from tco.measure.curve import fit_curve
from tco.measure.readers.template_csv import EXAMPLE
from tests.measure.readers.foreign import (
    ABOUT,
    CODECARBON,
    OPTIMUM,
    PERF_ANALYZER,
    changed,
    imported,
    refused,
)

BATCHED = replace(ABOUT, batch=1.0)

# Triton perf_analyzer


def test_perf_analyzer_rows_are_put_in_order_of_load_and_microseconds_converted(tmp_path):
    measured = imported(tmp_path, PERF_ANALYZER, about=BATCHED)
    assert [point.concurrency for point in measured.points] == [1, 2, 3, 4]
    first = measured.points[0]
    assert first.seconds.median == pytest.approx(0.006133)
    assert first.seconds.mean == pytest.approx((69 + 1230 + 33 + 43 + 4719 + 5 + 9) * 1e-6)
    assert (first.throughput_per_s, first.throughput_unit) == (163.6, Unit.REQUESTS)
    curve = fit_curve(measured)
    assert curve.range == (1, 1)  # clients that overlap show a queue, not a batch


def test_perf_analyzer_does_not_state_its_batch(tmp_path):
    told = refused(tmp_path, PERF_ANALYZER)
    assert "Batch Size: expected the batch that each request carried (-b), found nothing" in told
    assert "say it with --batch" in told


def test_perf_analyzer_in_other_units_or_with_another_batch_is_refused(tmp_path):
    told = refused(tmp_path, PERF_ANALYZER, about=replace(ABOUT, batch=8.0))
    assert "Inferences/Second: expected about" in told
    assert "is the batch right" in told


def test_perf_analyzer_with_a_busy_client_is_doubted(tmp_path):
    busy = PERF_ANALYZER.replace("1,163.6,69,1230", "1,163.6,1000,299")
    assert (
        "16% of the latency is spent in the client"
        in (imported(tmp_path, busy, about=BATCHED).points[0].doubts[0])
    )


def test_a_table_that_is_cut_off_is_refused_with_its_line(tmp_path):
    assert ":4: expected 13 cells, found 2; the file is cut off" in refused(
        tmp_path, PERF_ANALYZER[: PERF_ANALYZER.index("4,209.8") + 6], about=BATCHED
    ).replace(": :", ":")


# optimum-benchmark


def test_optimum_reads_a_forward_pass_with_joules_and_load_time(tmp_path):
    about = replace(ABOUT, runtime=None, precision=None, accelerator=None)
    measured = imported(tmp_path, OPTIMUM, about=about)
    point = measured.points[0]
    assert (measured.kind, measured.measured_in) == (Kind.CLASSIC, "process")
    assert (measured.runtime.name, measured.precision) == ("pytorch", "fp16")
    assert measured.hardware.name == "A100-80GB"
    assert (point.batch, point.input_size, point.seconds.median) == (8, 128, 0.005)
    assert point.throughput_per_s == pytest.approx(1600)
    assert point.energy is not None
    assert point.energy.joules == pytest.approx(1.8)
    assert (point.energy.scope, point.energy.evidence) == (EnergyScope.BOARD, Evidence.IMPORTED)
    assert point.peak_device_gib == pytest.approx(3e9 / 2**30)
    assert measured.load_times is not None
    assert measured.load_times.seconds == (4.2,)


def generation(document, tokens=101):
    forward = document["report"].pop("forward")
    document["report"]["prefill"] = forward
    document["report"]["decode"] = {**forward, "throughput": {"unit": "samples/s", "value": 9e9}}
    document["config"]["scenario"]["generate_kwargs"] = {"max_new_tokens": tokens}


def test_optimum_decode_is_divided_into_steps_and_its_throughput_made_anew(tmp_path):
    measured = imported(tmp_path, changed(OPTIMUM, generation))
    prefill, decode = measured.points
    assert (prefill.phase, decode.phase) == (Phase.PREFILL, Phase.DECODE)
    assert decode.seconds.median == pytest.approx(0.005 / 100)
    assert decode.throughput_per_s == pytest.approx(8 / (0.005 / 100))
    assert decode.throughput_unit is Unit.TOKENS
    assert decode.energy is not None
    assert decode.energy.joules == pytest.approx(1.8 / 100)
    assert decode.context_tokens == 128 + 101 / 2
    one = changed(OPTIMUM, lambda d: generation(d, tokens=1))
    assert "max_new_tokens: expected more than 1" in refused(tmp_path, one)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: f["energy"].update(gpu=-1e-9), "the tool gives -1e-09 kWh"),
        (lambda f: f["energy"].update(gpu=0.0), "the tool gives 0 kWh"),
        (lambda f: f["latency"].update(total=0.8), "read over 0.8 s of work"),
    ],
)
def test_optimum_energy_that_cannot_be_is_withheld(tmp_path, change, why):
    point = imported(tmp_path, changed(OPTIMUM, lambda d: change(d["report"]["forward"]))).points[0]
    assert point.energy is None
    assert why in (point.energy_withheld or "")


def test_optimum_on_a_processor_is_modelled(tmp_path):
    on_cpu = changed(OPTIMUM, lambda d: d["config"]["backend"].update(device="cpu"))
    about = replace(ABOUT, accelerator=None, accelerator_count=None)
    measured = imported(tmp_path, on_cpu, about=about)
    assert (measured.hardware.name, measured.hardware.accelerator_count) == ("AMD EPYC 7742", 0)
    energy = measured.points[0].energy
    assert energy is not None
    assert (energy.method, energy.evidence) == (EnergyMethod.MODELLED, Evidence.ESTIMATED)
    assert energy.joules == pytest.approx(1.1e-7 * 3.6e6)


def test_optimum_with_few_warm_ups_is_doubted(tmp_path):
    cold = changed(OPTIMUM, lambda d: d["config"]["scenario"].update(warmup_runs=1))
    assert imported(tmp_path, cold).doubts[0] == "1 warm-up runs: a cold engine reads slow"


def test_optimum_in_other_units_is_refused(tmp_path):
    wrong = changed(OPTIMUM, lambda d: d["report"]["forward"]["latency"].update(unit="ms"))
    assert "report.forward.latency.unit: expected 's', found 'ms'" in refused(tmp_path, wrong)
    wrong = changed(OPTIMUM, lambda d: d["report"]["forward"]["energy"].update(unit="J"))
    assert "report.forward.energy.unit: expected 'kWh', found 'J'" in refused(tmp_path, wrong)


# codecarbon

RUN = replace(ABOUT, batch=8.0, calls=1000)


def test_codecarbon_gives_the_boards_joules_of_each_call(tmp_path):
    point = imported(tmp_path, CODECARBON, about=RUN).points[0]
    assert point.seconds.mean == pytest.approx(0.06)
    assert point.energy is not None
    assert point.energy.joules == pytest.approx(0.005 * 3.6e6 / 1000)
    assert point.energy.scope is EnergyScope.BOARD


def test_codecarbon_without_a_board_is_modelled_and_never_better_than_estimated(tmp_path):
    on_cpu = CODECARBON.replace(",0.005,", ",0.0,").replace("0.00588", "0.00088")
    energy = imported(tmp_path, on_cpu, about=RUN).points[0].energy
    assert energy is not None
    assert (energy.method, energy.evidence) == (EnergyMethod.MODELLED, Evidence.ESTIMATED)
    assert energy.joules == pytest.approx(0.00088 * 3.6e6 / 1000)


def test_codecarbon_does_not_say_how_many_calls(tmp_path):
    assert "say it with --calls and --batch" in refused(tmp_path, CODECARBON)


def test_codecarbon_that_does_not_add_up_is_refused(tmp_path):
    wrong = CODECARBON.replace("0.00588", "5.88")
    assert "energy_consumed: expected the sum of its parts, 0.00588 kWh, found 5.88" in refused(
        tmp_path, wrong, about=RUN
    )


def test_codecarbon_fall_backs_are_said(tmp_path):
    odd = (
        CODECARBON.replace("hesse", "").replace(",process,", ",machine,").replace("1.0\n", "1.5\n")
    )
    doubts = imported(tmp_path, odd, about=RUN).doubts
    assert [doubt[:20] for doubt in doubts] == [
        "tracking_mode is mac", "pue 1.5 is set: its ", "no region: its carbo",
    ]  # fmt: skip


def test_codecarbon_too_short_or_of_nothing_withholds_energy(tmp_path):
    short = CODECARBON.replace(",60.0,", ",2.0,")
    nothing = CODECARBON.replace("0.00071,0.005,0.00017,0.00588", "0,0,0,0")
    withheld = [
        imported(tmp_path, text, about=RUN).points[0].energy_withheld for text in (short, nothing)
    ]
    assert withheld[0] is not None
    assert withheld[1] is not None
    assert "too short" in withheld[0]
    assert "no meter and no model" in withheld[1]


# Our own table


def test_the_template_that_is_printed_can_be_read_back(tmp_path):
    measured = imported(tmp_path, EXAMPLE)
    assert [point.batch for point in measured.points] == [1, 8, 32]
    assert {point.input_size for point in measured.points} == {128}
    assert measured.points[0].energy is not None
    assert fit_curve(measured).range == (1, 32)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "seconds_p95",
            "latency_ms",
            "latency_ms: expected seconds and joules, found another unit",
        ),
        ("input_size", "inputsize", "inputsize: expected one of our columns; nearest: input_size"),
        ("forward,8", "froward,8", ":3: phase: expected one of forward, prefill"),
        (",0.62,board", ",0.62,", ":3: energy_scope: expected it beside energy_j, found nothing"),
        (",0.0102,", ",fast,", ':3: seconds: expected a number, found "fast"'),
        (",0.0110,", ",0.0010,", ":3: seconds: expected median, p90, p95 and p99 in order"),
        ("forward,8", "forward,1", "the same setting stands there twice"),
    ],
)
def test_a_wrong_table_is_refused_with_line_and_column(tmp_path, old, new, told):
    assert told in refused(tmp_path, EXAMPLE.replace(old, new, 1))
