"""An API at the loads of a plan: shortened hours, rare outages, lines between loads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.sim.api import ApiRules, Limit, Quantiles, Retry
from tco.sim.api_loads import (
    ApiCase,
    ApiUsage,
    Outages,
    api_usage,
    placed_outages_s,
    sample_of,
    simulate_load,
)
from tco.sim.week import Traffic
from tco.units import SECONDS_PER_HOUR

HOURS = np.arange(168)
DAY = 1.0 + 0.7 * np.cos((HOURS % 24 - 14) / 24 * 2 * np.pi)
WEEK = DAY / DAY.mean()
LAW = Quantiles(((0.5, 1.0), (0.95, 3.0)))
RETRY = Retry(3, 1.0, longest_wait_s=8.0, jitter_share=0.5)


def case_of(rules: ApiRules, outages: Outages | None = None, week=WEEK) -> ApiCase:
    return ApiCase(rules, (800.0, 200.0, 100.0), Traffic(week), outages, seed=4, goal_s=3.0)


def limited(per_minute: float, **rest) -> ApiRules:
    return ApiRules((Limit("calls", per_minute, per_minute, per_call=1.0),), latency=LAW, **rest)


def whole_hours(sample):
    stretches = tuple(replace(each, length_s=SECONDS_PER_HOUR) for each in sample.stretches)
    return replace(sample, stretches=stretches)


def test_shortened_hours_show_what_whole_ones_show():
    case = case_of(limited(360.0, retry=RETRY))
    sample = sample_of(case, 40.0)
    assert sample.stretches[0].length_s == pytest.approx(600.0)
    short = simulate_load(case, sample, 5.0)
    whole = simulate_load(case, whole_hours(sample), 5.0)
    assert 0.05 < whole.lost_share < 0.3
    assert short.lost_share == pytest.approx(whole.lost_share, abs=0.01)
    assert short.tries_per_call == pytest.approx(whole.tries_per_call, rel=0.02)
    assert short.latency is not None
    assert whole.latency is not None
    assert short.latency.p95_ms == pytest.approx(whole.latency.p95_ms, rel=0.03)


def test_hours_stay_whole_where_calls_are_held_back_for_long():
    sample = sample_of(case_of(limited(360.0, queue_s=7200.0)), 40.0)
    assert {each.length_s for each in sample.stretches} == {SECONDS_PER_HOUR}


@given(
    share=st.floats(0.0001, 0.25),
    lasting_s=st.floats(1.0, 20_000.0),
    length_s=st.sampled_from([3600.0, 14_400.0, 86_400.0]),
)
def test_outages_are_apart_inside_and_at_least_as_frequent_as_stated(share, lasting_s, length_s):
    outages = Outages(share / lasting_s, lasting_s)
    placed = placed_outages_s(outages, 50.0, 50.0 + length_s, np.random.default_rng(1))
    begins_s, ends_s = placed.T
    assert begins_s[0] >= 50.0
    assert ends_s[-1] <= 50.0 + length_s + 1e-6
    assert (begins_s[1:] >= ends_s[:-1] - 1e-6).all()
    assert (ends_s - begins_s).sum() / length_s >= min(outages.share, 1.0) * (1 - 1e-9)
    np.testing.assert_allclose(ends_s - begins_s, min(lasting_s, length_s / len(placed)))


@pytest.mark.parametrize("share", [0.001, 0.02, 0.2])
def test_without_retries_the_share_of_outages_is_lost(share):
    case = case_of(ApiRules(latency=LAW), Outages(share / 1800.0, 1800.0), week=np.ones(168))
    load = simulate_load(case, sample_of(case, 2.0), 2.0)
    assert load.lost_share == pytest.approx(share, rel=0.03)
    assert load.failed_share == pytest.approx(share, rel=0.03)
    assert load.billed["output_by_token"] == pytest.approx(1 - load.lost_share, rel=1e-9)
    # 95 % of what is answered is answered within the goal of 3 s.
    assert load.within_goal == pytest.approx(0.95 * (1 - share), rel=0.005)


def test_lines_between_loads_hold_where_nothing_was_simulated():
    case = case_of(limited(360.0, retry=RETRY))
    usage = api_usage(case, top_per_s=10.0, busiest_per_s=5.0)
    sample = sample_of(case, 10.0)
    for load_per_s in (1.0, 3.3, 4.6, 5.7, 8.1):
        found = simulate_load(case, sample, load_per_s, is_timed=False)
        line = np.interp(load_per_s, usage.loads_per_s, usage.billed["fresh_by_token"])
        assert line == pytest.approx(found.billed["fresh_by_token"], abs=0.015)
    assert usage.billed["fresh_by_token"][0] == 1.0
    again = ApiUsage.from_data(usage.as_data())
    assert again == usage


def test_loads_below_one_that_feels_no_limit_are_not_simulated():
    usage = api_usage(case_of(limited(6000.0)), top_per_s=10.0, busiest_per_s=5.0)
    assert usage.requests == usage.busiest.requests
    assert set(usage.billed["output_by_token"]) == {1.0}


def test_conservation_of_tokens_over_all_who_are_paid():
    bought = Limit("tokens", 300_000.0, 300_000.0, 0.0, 1.0, 1.0, 1.0)
    rules = ApiRules(
        (Limit("calls", 120.0, 120.0, per_call=1.0),), latency=LAW, provisioned=bought,
        falls_over=True, elsewhere=LAW,
    )  # fmt: skip
    case = case_of(rules, Outages(1 / 36_000.0, 900.0))
    load = simulate_load(case, sample_of(case, 8.0), 8.0)
    paid = [load.billed[f"fresh_{who}"] for who in ("by_token", "provisioned", "elsewhere")]
    assert min(paid) > 0.05
    # Whatever met an outage on provisioned throughput took of it and was then paid elsewhere.
    assert 1.0 <= sum(paid) < 1.0 + load.failed_share
    assert load.lost_share == 0.0
    assert load.fell_over_share == pytest.approx(load.billed["fresh_elsewhere"], rel=1e-9)
