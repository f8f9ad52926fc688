"""A log becomes a workload; what is put in comes out again."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import yaml

from tco.domain.source import parse_yaml
from tco.domain.workload import Workload
from tco.errors import TcoError
from tco.traffic import fit_rate
from tco.traffic.arrivals import arrivals_s
from tco.traffic.fit import fit_log
from tco.traffic.fit_check import check_fit
from tco.traffic.fit_sizes import fit_mixture, fit_quantiles, fit_rows, fit_sizes, rank_correlation
from tco.traffic.names import PRESETS, SAID, traffic_name
from tco.traffic.profile import week_of
from tco.traffic.rate import PiecewiseRate, hourly_rate
from tco.traffic.requests import Requests, plan_requests
from tco.traffic.tokens import draw_sizes
from tco.traffic.traces import RequestLog, read_log
from tests.traffic.traces import requests_of_2023, trace_file

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
PLAIN = {"requests_per_month": 1000, "growth_per_year": 0, "profile": {"shape": "steady"}}
DAILY = {
    "shape": "daily_weekly",
    "peak_hour_utc": 14,
    "night_to_peak": 0.2,
    "weekend_to_weekday": 0.4,
}


def log_of(requests, origin=MONDAY):
    if not isinstance(requests, Requests):
        requests = Requests(np.asarray(requests, dtype=float))
    return RequestLog("own.csv", "0" * 64, requests, np.arange(requests.count), origin, ())


def fit_of(requests, origin=MONDAY) -> Any:
    """Fit to requests or bare times; what may be absent is looked into without asking."""
    return fit_log(log_of(requests, origin))


def off(check) -> float:
    """Give how far a figure of the fit is from the log's."""
    return abs(float(check.difference))


def steady(per_s, span_s, seed=1, bursts=None):
    rate = PiecewiseRate(np.array([0.0, span_s]), np.array([per_s]))
    return arrivals_s(rate, np.random.default_rng(seed), bursts)


def months_of(count, per_month, seed=1, **more):
    workload = Workload.model_validate(PLAIN | more)
    start = MONDAY.date().replace(day=1)
    return plan_requests(workload, start, [per_month] * count, np.random.default_rng(seed))


SUNDAY = datetime(2026, 11, 1, tzinfo=UTC)
"""First moment of the plans above."""


# ---- shape, volume, growth ----------------------------------------------------------------------


def test_a_short_log_is_steady_and_says_what_it_does_not_show():
    fit = fit_of(steady(2.0, 5000.0))
    assert fit.block["profile"] == {"shape": "steady"}
    assert fit.block["requests_per_month"]["likely"] == pytest.approx(2.0 * 3600 * 730, rel=0.05)
    assert fit.workload.growth_per_year.evidence == "assumed"
    assert "bursts" not in fit.block
    assert any("no daily or weekly shape" in note for note in fit.notes)
    assert any("growth: not shown" in note for note in fit.notes)


def test_a_few_days_show_the_day():
    requests = months_of(1, 200_000, profile=DAILY | {"weekend_to_weekday": 1.0})
    times = requests.arrival_s[requests.arrival_s < 4 * 86400]
    fit = fit_of(times, SUNDAY)
    week = week_of(fit.workload.profile)
    assert week[:24] == pytest.approx(week[-24:])
    assert np.argmax(week[:24]) in (13, 14, 15)
    assert week.min() / week.max() == pytest.approx(0.2, abs=0.05)


def test_weeks_show_the_week_on_its_own_days():
    requests = months_of(2, 300_000, profile=DAILY)
    fit = fit_of(requests.arrival_s, SUNDAY)
    expected = week_of(Workload.model_validate(PLAIN | {"profile": DAILY}).profile)
    assert week_of(fit.workload.profile) == pytest.approx(expected, abs=0.12)
    assert "bursts" not in fit.block
    assert "movement" not in fit.block
    assert fit.rate.expected == pytest.approx(requests.count, rel=1e-9)


def test_a_log_that_begins_within_an_hour_keeps_its_clock():
    requests = months_of(1, 400_000, profile=DAILY)
    late = requests.arrival_s[requests.arrival_s > 40.4 * 3600]
    fit = fit_of(late, SUNDAY)
    assert fit.first_hour == pytest.approx((6 * 24 + 40.4) % 168, abs=0.01)
    expected = week_of(Workload.model_validate(PLAIN | {"profile": DAILY}).profile)
    assert week_of(fit.workload.profile) == pytest.approx(expected, abs=0.15)
    assert fit.block["fitted_log"]["first"].startswith("2026-11-02T16:2")


def test_a_log_without_dates_begins_on_monday_and_says_so():
    fit = fit_of(steady(2.0, 5000.0) + 3600, None)
    assert fit.first_hour == pytest.approx(1.0, abs=0.01)
    assert any("Monday 00:00 UTC" in note for note in fit.notes)


def test_growth_is_found_with_its_range():
    random = np.random.default_rng(2)
    weekly = 4000 * 1.5 ** (np.arange(30) * 7 / 365) * np.exp(random.normal(0, 0.03, 30))
    times = np.concatenate(
        [
            week * 604800 + np.sort(random.uniform(0, 604800, round(count)))
            for week, count in enumerate(weekly)
        ]
    )
    found: Any = fit_rate.growth(times - times[0])
    assert found.low < 0.5 < found.high
    assert found.likely == pytest.approx(0.5, abs=0.2)
    fit = fit_of(times)
    last = np.sum(times > times[-1] - 4 * 604800) / (4 * 168) * 730
    assert fit.block["requests_per_month"]["likely"] == pytest.approx(last, rel=1e-4)
    assert fit.workload.growth_per_year.low == pytest.approx(found.low, rel=1e-5)
    assert any(note.startswith("volume: level of the last 4 weeks") for note in fit.notes)


def test_growth_needs_weeks_with_requests():
    assert fit_rate.growth(np.array([0.0, 5 * 604800.0])) is None
    assert fit_rate.growth(np.array([0.0, 20 * 604800.0])) is None


def test_wild_growth_stays_within_what_a_workload_takes():
    counts = [2**week for week in range(10)]
    times = np.concatenate(
        [week * 604800 + np.linspace(0, 604799, count) for week, count in enumerate(counts)]
    )
    found: Any = fit_rate.growth(np.append(times, 10 * 604800))
    assert found.likely == found.high == 99
    assert found.low <= 99


# ---- movement and bursts ------------------------------------------------------------------------


def test_slow_movement_is_found():
    moving = {"log_sd": 0.3, "correlation_hours": 6.0, "source": "test"}
    requests = months_of(6, 300_000, profile=DAILY, movement=moving)
    fit = fit_of(requests.arrival_s, SUNDAY)
    assert fit.workload.movement.log_sd == pytest.approx(0.3, abs=0.06)
    assert fit.workload.movement.correlation_hours == pytest.approx(6.0, rel=0.4)


def test_two_levels_are_found():
    bursts = Workload.model_validate(PLAIN | {"bursts": TWO_LEVELS}).bursts
    fit = fit_of(steady(10.0, 40_000.0, 3, bursts))
    found = fit.workload.bursts
    assert found.kind == "two_state"
    assert found.high_to_low == pytest.approx(8.0, rel=0.3)
    assert found.high_mean_s == pytest.approx(30.0, rel=0.35)
    assert found.low_mean_s == pytest.approx(90.0, rel=0.35)


TWO_LEVELS = {"kind": "two_state", "high_to_low": 8.0, "high_mean_s": 30.0, "low_mean_s": 90.0}
ON_OFF = {"kind": "on_off", "on_mean_s": 20.0, "off_mean_s": 60.0}


def test_on_and_off_is_found():
    bursts = Workload.model_validate(PLAIN | {"bursts": ON_OFF}).bursts
    fit = fit_of(steady(10.0, 60_000.0, 4, bursts))
    found = fit.workload.bursts
    assert found.kind == "on_off"
    assert found.on_mean_s == pytest.approx(20.0, rel=0.35)
    assert found.off_mean_s == pytest.approx(60.0, rel=0.35)


def test_a_silent_source_between_spikes_is_recorded():
    random = np.random.default_rng(5)
    spikes = np.sort(random.uniform(0, 7200, 40))
    times = np.sort(
        np.concatenate(
            [spike + random.uniform(0, 1.5, 1 + int(random.pareto(1.1) * 8)) for spike in spikes]
        )
    )
    fit = fit_of(times)
    assert fit.workload.bursts.kind == "recorded"
    assert fit.workload.bursts.step_s == 1.0
    assert np.mean(fit.workload.bursts.factors) == pytest.approx(1.0, rel=1e-3)
    assert any("recorded in steps of 1 s" in note for note in fit.notes)


def test_a_recording_is_played_from_another_moment_each_time():
    factors = [0.0, 0.0, 6.0, 0.0, 4.0, 0.0]
    bursts = Workload.model_validate(
        PLAIN | {"bursts": {"kind": "recorded", "step_s": 10.0, "factors": factors}}
    ).bursts
    counts = [steady(5.0, 6_000.0, seed, bursts).size for seed in range(50)]
    assert np.mean(counts) == pytest.approx(30_000, abs=4 * np.std(counts) / math.sqrt(50))
    first = [steady(5.0, 60.0, seed, bursts)[0] // 10 for seed in range(30)]
    assert len(set(first)) > 2


def test_long_logs_are_recorded_in_longer_steps():
    rate = PiecewiseRate(np.array([0.0, 90_000.0]), np.array([1.0]))
    step_s, factors = fit_rate.recording(steady(1.0, 90_000.0), rate)
    assert step_s == 5.0
    assert factors.size == 18_000


def test_excess_needs_windows_and_is_nothing_for_independent_requests():
    rate = PiecewiseRate(np.array([0.0, 50_000.0]), np.array([4.0]))
    times = steady(4.0, 50_000.0)
    assert fit_rate.excess(times, rate, 10_000.0) is None
    assert fit_rate.excess(times, rate, 10.0) == pytest.approx(0.0, abs=4 * 0.025 / math.sqrt(5000))


# ---- whole logs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", ["quantiles", "rows", "mixture"])
@pytest.mark.parametrize("name", ["conv", "code"])
def test_published_logs_are_reproduced(name, sizes):
    log = read_log(trace_file(f"azure_llm_2023_{name}.csv"))
    fit: Any = fit_log(log, sizes=sizes)
    checks = {check.name: check for check in check_fit(fit, log.requests)}
    for figure in ("input, mean", "output, mean"):
        assert off(checks[figure]) < 0.03
    for window, tolerance in ((1, 0.15), (10, 0.15), (60, 0.15), (300, 0.3)):
        assert off(checks[f"dispersion in {window} s"]) < tolerance
        assert off(checks[f"peak over mean in {window} s"]) < 0.25
    assert fit.workload.bursts.kind == {"conv": "two_state", "code": "recorded"}[name]
    assert "a plain lognormal would miss" in " ".join(fit.notes)


def test_a_block_is_yaml_that_loads():
    log = read_log(trace_file("azure_llm_2023_code.csv"))
    fit: Any = fit_log(log)
    text = yaml.safe_dump({"workload": fit.block}, sort_keys=False)
    read = parse_yaml(text.encode(), "block.yaml").data["workload"]
    assert Workload.model_validate_json(json.dumps(read), strict=True) == fit.workload
    assert traffic_name(fit.workload) == "my log"


def test_classes_are_told_apart_by_the_hour():
    rows = {"kind": "rows", "rows": [[100, 20], [300, 60]]}
    night = {"share": 0.3, "sizes": {"kind": "rows", "rows": [[9000, 5]]}}
    night["by_hour"] = [5.0] * 8 + [1.0] * 16
    both = {"Chat window": {"share": 0.7, "sizes": rows}, "chat-window": night}
    tokens = {"input": 0.7 * 200 + 0.3 * 9000, "output": 0.7 * 40 + 0.3 * 5}
    requests = months_of(
        1,
        60_000,
        classes={f"c{number}": each for number, each in enumerate(both.values())},
        tokens=tokens | {"cached_input_share": 0},
    )
    named = Requests(
        requests.arrival_s,
        requests.input_tokens,
        requests.output_tokens,
        requests.kind,
        tuple(both),
    )
    log = log_of(named, SUNDAY)
    fit: Any = fit_log(log)
    found = fit.workload.classes
    assert list(found) == ["chat-window", "chat-window-2"]
    assert found["chat-window-2"].share == pytest.approx(0.3, abs=0.01)
    hours = np.array(found["chat-window-2"].by_hour)
    odds = hours / (1 - hours)
    assert odds[:8].mean() / odds[8:].mean() == pytest.approx(5.0, rel=0.15)
    checks = {check.name: check for check in check_fit(fit, named)}
    assert off(checks["input, mean"]) < 0.02


def test_classes_of_a_short_log_have_no_hours():
    times = steady(2.0, 3000.0)
    kind = (np.arange(times.size) % 2).astype(np.int16)
    ones = np.ones(times.size, dtype=np.int64)
    fit = fit_of(Requests(times, ones, ones, kind, ("", "b")))
    assert list(fit.workload.classes) == ["class", "b"]
    assert fit.workload.classes["b"].by_hour is None


def test_a_log_with_one_kind_of_tokens_only_has_no_sizes():
    times = steady(2.0, 3000.0)
    fit = fit_of(Requests(times, np.ones(times.size, dtype=np.int64)))
    assert fit.workload.tokens is None
    assert "sizes: the log has no input and output tokens" in fit.notes
    names = [check.name for check in check_fit(fit, Requests(times))]
    assert "input, mean" not in names
    assert names[0] == "requests"


def test_a_long_log_is_compared_over_its_beginning():
    times = steady(600.0, 1000.0)
    checks = check_fit(fit_of(times), Requests(times))
    assert checks[0].fit == pytest.approx(600, rel=0.02)


def test_movement_reaches_the_comparison():
    moving = {"log_sd": 0.4, "correlation_hours": 6.0, "source": "test"}
    requests = months_of(2, 50_000, movement=moving)
    fit = fit_of(requests.arrival_s, SUNDAY)
    assert fit.workload.movement is not None
    peak = next(c for c in check_fit(fit, requests) if c.name == "dispersion in 300 s")
    assert off(peak) < 0.3


@pytest.mark.parametrize("times", [np.arange(50.0), np.full(500, 3.0)])
def test_too_little_to_fit_is_refused(times):
    with pytest.raises(TcoError, match=r"own.csv: \d+ requests over \S+ s are too few to fit"):
        fit_of(times)


def test_bins_of_a_rate_are_no_requests():
    with pytest.raises(TcoError, match="a row comes every 600 s exactly, so these are bins"):
        fit_of(np.arange(1000) * 600.0)


def test_a_burst_of_a_single_moment_is_carried():
    times = np.sort(np.concatenate((np.zeros(400), steady(0.2, 4000.0))))
    fit = fit_of(times)
    assert fit.workload.bursts is not None


# ---- sizes --------------------------------------------------------------------------------------


def test_few_rows_are_kept_as_they_are():
    sizes = fit_rows(np.array([5.0, 1.0]), np.array([2.0, 3.0]))
    assert sizes.rows == ((1, 3), (5, 2))


def test_a_mean_carried_by_a_few_giants_is_refused_for_rows():
    inputs = np.ones(50_000)
    inputs[:3] = 1e8
    with pytest.raises(TcoError, match="a few very large requests carry the mean"):
        fit_rows(inputs, np.ones(50_000))
    assert fit_quantiles(inputs, np.ones(50_000)).input_mean == pytest.approx(inputs.mean())


def test_a_mixture_needs_sizes_above_zero():
    with pytest.raises(TcoError, match="sizes of 0 tokens have no logarithm"):
        fit_mixture(np.array([0.0, 1.0]), np.array([1.0, 1.0]))


def test_sizes_that_never_vary_are_fitted():
    ones = np.full(300, 7.0)
    for way in ("quantiles", "rows", "mixture"):
        inputs, outputs = draw_sizes(fit_sizes(way, ones, ones), 2000, np.random.default_rng(1))
        assert inputs.mean() == pytest.approx(7, rel=0.02)
        assert outputs.mean() == pytest.approx(7, rel=0.02)
    assert rank_correlation(ones, np.arange(300.0)) == 0


def test_rank_correlation_is_that_of_the_published_logs():
    for name, expected in (("conv", 0.073), ("code", -0.021)):
        _, inputs, outputs = requests_of_2023(name)
        found = rank_correlation(inputs.astype(float), outputs.astype(float))
        assert found == pytest.approx(expected, abs=0.001)


# ---- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_presets_go_by_their_names(name):
    workload = Workload.model_validate(PLAIN | PRESETS[name])
    assert traffic_name(workload) == name
    assert name in SAID
    assert hourly_rate(workload, SUNDAY.date(), np.array([100.0])).expected == pytest.approx(100)
