"""vLLM bench serve, GuideLLM, AIPerf and genai-perf: the same run reads the same."""

import json

import pytest

from tco.domain.measured import EnergyMethod, EnergyScope, Kind, Phase, Unit
from tco.domain.record import Evidence
from tests.measure.readers.foreign import (
    ABOUT,
    AIPERF,
    GUIDELLM,
    VLLM,
    changed,
    imported,
    refused,
    unit,
)


@pytest.mark.parametrize("content", [VLLM, GUIDELLM, AIPERF], ids=["vllm", "guidellm", "aiperf"])
def test_one_run_reads_the_same_whoever_wrote_it_down(tmp_path, content):
    measured = imported(tmp_path, content)
    point = measured.points[0]
    assert (measured.kind, measured.measured_in) == (Kind.ENDPOINT, "server")
    assert measured.evidence is Evidence.IMPORTED
    assert measured.subject.source == "meta-llama/Llama-3.1-8B-Instruct"
    assert (point.phase, point.concurrency, point.completed, point.failed or 0) == (
        Phase.REQUEST, 32, 512, 0,
    )  # fmt: skip
    assert (point.input_tokens, point.output_tokens, point.window_s) == (500, 200, 32)
    assert (point.throughput_per_s, point.throughput_unit) == (3200, Unit.TOKENS)
    assert point.seconds.mean == pytest.approx(1.99)
    assert point.ttft_s is not None
    assert point.tpot_s is not None
    assert point.ttft_s.mean == pytest.approx(0.060)
    assert point.tpot_s.mean == pytest.approx(0.0097)
    assert point.doubts == ()
    assert "sha256 " in measured.source


# vLLM bench serve


def test_vllm_runs_of_one_sweep_are_points_of_one_measurement(tmp_path):
    half = changed(VLLM, lambda d: d.update(max_concurrency=16, mean_e2el_ms=1000.0,
        median_e2el_ms=990.0, mean_tpot_ms=4.7, median_tpot_ms=4.7))  # fmt: skip
    appended = json.dumps(VLLM) + "\n" + json.dumps(half)
    for contents in ((VLLM, half), (appended,)):
        measured = imported(tmp_path, *contents)
        assert [point.concurrency for point in measured.points] == [32, 16]


def test_vllm_without_latency_summaries_puts_it_together_or_reads_the_array(tmp_path):
    bare = changed(VLLM, lambda d: [d.pop(k) for k in list(d) if "e2el" in k])
    assert imported(tmp_path, bare).points[0].seconds.mean == pytest.approx(0.060 + 199 * 0.0097)
    arrays = {**bare, "latencies": [1.9, 2.0, 2.1]}
    assert imported(tmp_path, arrays).points[0].seconds.mean == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (
            "request_throughput",
            100.0,
            "request_throughput: expected 16 (count / duration), found 100",
        ),
        (
            "output_throughput",
            3.2,
            "output_throughput: expected 3200 (count / duration), found 3.2",
        ),
        ("mean_e2el_ms", 1.99, "mean_e2el_ms: expected about 1990 ms (first token + 200 tokens)"),
        ("completed", 0, "completed: expected more than 0, found none"),
        ("duration", "32 s", 'duration: expected a number, found "32 s"'),
        ("output_lens", [1, 2, 3], "total_output_tokens: expected the sum of output_lens, 6"),
        ("median_ttft_ms", 95.0, "expected quantiles in order"),
    ],
)
def test_vllm_figures_that_contradict_one_another_are_refused(tmp_path, field, value, told):
    wrong = changed(VLLM, lambda d: d.update({field: value, "median_e2el_ms": 1.98})
                    if field == "mean_e2el_ms" else d.update({field: value}))  # fmt: skip
    assert told in refused(tmp_path, wrong)


def test_speculative_steps_are_no_steps(tmp_path):
    found = imported(tmp_path, {**VLLM, "spec_decode_acceptance_rate": 0.7}).points[0]
    assert "speculative decoding: a step yields more than one token" in found.doubts[0]


def test_a_client_that_was_full_before_the_server_is_doubted(tmp_path):
    found = imported(tmp_path, {**VLLM, "queue_times": [0.4, 0.6]}).points[0]
    assert "waited 0.5 s in the client" in found.doubts[0]


def test_a_cold_start_and_ramps_are_always_named(tmp_path):
    measured = imported(tmp_path, VLLM)
    assert "warms nothing up" in measured.doubts[0]
    assert "ramp and drain" in measured.notes[0]


def test_all_requests_at_once_are_a_queue(tmp_path):
    found = imported(tmp_path, changed(VLLM, lambda d: d.update(max_concurrency=None))).points[0]
    assert found.concurrency == 512
    assert any("sent at once" in doubt for doubt in found.doubts)


# GuideLLM


def test_guidellm_of_another_version_is_refused(tmp_path):
    old = changed(GUIDELLM, lambda d: d["metadata"].update(version=1))
    assert "metadata.version: expected 2, found 1" in refused(tmp_path, old)


def test_guidellm_without_warm_up_is_doubted(tmp_path):
    cold = changed(GUIDELLM, lambda d: d["benchmarks"][0].update(warmup_duration=0.0))
    assert "no warm-up was cut off" in imported(tmp_path, cold).doubts[0]


def test_guidellm_with_its_latency_in_ms_is_refused(tmp_path):
    wrong = changed(
        GUIDELLM,
        lambda d: d["benchmarks"][0]["metrics"]["request_latency"]["successful"].update(
            mean=1990.0
        ),
    )
    told = refused(tmp_path, wrong)
    assert "request_latency.successful.mean: expected about 1.99 s" in told


def test_guidellm_rates_are_open_loads(tmp_path):
    rate = changed(
        GUIDELLM,
        lambda d: d["benchmarks"][0]["config"].update(strategy={"type_": "poisson", "rate": 20.0}),
    )
    point = imported(tmp_path, rate).points[0]
    assert (point.concurrency, point.offered_per_s) == (None, 20)
    assert "offered 20 a second, completed 16" in point.doubts[0]


# AIPerf and genai-perf


def test_aiperf_energy_is_most_minus_least_of_the_counter_never_its_average(tmp_path):
    energy = imported(tmp_path, AIPERF).points[0].energy
    assert energy is not None
    assert energy.joules == pytest.approx(0.016e6 / 512)
    assert (energy.scope, energy.method) == (EnergyScope.BOARD, EnergyMethod.COUNTER)


def board(document):
    gpus = document["telemetry_data"]["endpoints"]["localhost:9400"]["gpus"]
    return gpus["gpu_0"]["metrics"]


def test_a_counter_that_stands_still_gives_no_energy(tmp_path):
    still = changed(AIPERF, lambda d: board(d)["energy_consumption"].update(max=712.0))
    point = imported(tmp_path, still).points[0]
    assert point.energy is None
    assert "stands still" in (point.energy_withheld or "")


def test_a_counter_that_power_does_not_bear_out_is_doubted(tmp_path):
    odd = changed(AIPERF, lambda d: board(d)["gpu_power_usage"].update(avg=100.0))
    assert "mean power x time 3200" in imported(tmp_path, odd).points[0].doubts[0]


def test_aiperf_units_are_read_and_unknown_ones_refused(tmp_path):
    in_us = changed(AIPERF, lambda d: d["time_to_first_token"].update(
        {k: v * 1000 for k, v in d["time_to_first_token"].items() if k not in ("unit", "count")},
        unit="us"))  # fmt: skip
    ttft = imported(tmp_path, in_us).points[0].ttft_s
    assert ttft is not None
    assert ttft.mean == pytest.approx(0.060)
    unknown = changed(AIPERF, lambda d: d["request_latency"].update(unit="ticks"))
    assert "request_latency.unit: expected one of s, sec, ms, us, ns, found 'ticks'" in refused(
        tmp_path, unknown
    )


def test_hidden_reasoning_tokens_are_named(tmp_path):
    thinking = {**AIPERF, "reasoning_token_count": unit("tokens", 120.0)}
    assert "120 hidden reasoning tokens" in imported(tmp_path, thinking).points[0].doubts[0]


def test_genai_perf_keeps_its_load_elsewhere(tmp_path):
    settings = {"model": ["m"], "perf_analyzer": {"stimulus": {"concurrency": 32}}}
    older = {**AIPERF, "input_config": settings}
    measured = imported(tmp_path, older)
    assert measured.points[0].concurrency == 32
    assert measured.subject.source == "m"


def record(number, phase="profiling", latency_ms=1000.0):
    start = 1_000_000_000 * number
    return json.dumps({
        "metadata": {"benchmark_phase": phase, "request_start_ns": start + 1,
                     "request_end_ns": start + 1 + int(latency_ms * 1e6)},
        "metrics": {"request_latency": {"value": latency_ms, "unit": "ms"},
                    "time_to_first_token": {"value": 50.0, "unit": "ms"},
                    "output_sequence_length": {"value": 100, "unit": "tokens"}},
    })  # fmt: skip


def test_aiperf_requests_of_the_warm_up_are_left_out(tmp_path):
    lines = [record(0, "warmup", 9000.0), *(record(n) for n in range(1, 5))]
    about = ABOUT.__class__(**{**{k: getattr(ABOUT, k) for k in ABOUT.__slots__}, "concurrency": 1})
    measured = imported(tmp_path, "\n".join(lines), about=about)
    point = measured.points[0]
    assert (point.completed, point.seconds.mean) == (4, 1.0)
    assert point.throughput_per_s == pytest.approx(4 * 100 / 4.0)
    assert measured.notes == ("1 requests of the warm-up left out",)
    assert "found none that were answered" in refused(tmp_path, record(0, "warmup"))
