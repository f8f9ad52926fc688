"""A static fleet: load, latency, and why it is idle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.errors import InfeasibleError
from tco.sim import static_fleet
from tco.sim.fleet import Requests
from tco.sim.static_fleet import StaticFleet, simulate_static_fleet
from tests.oracles import queues
from tests.oracles.first_come import starts_by_recursion
from tests.oracles.hours import idle_by_cause

STEADY = np.ones(168)
MONTH_H = np.array([720.0])


def fleet(replicas: int = 1, *, parallel: int = 1, seconds: float = 1.0) -> StaticFleet:
    return StaticFleet(replicas, replicas, 1.0, parallel, seconds)


def requests_for(load: float, places: int, seconds: float = 1.0) -> np.ndarray:
    """Requests a month that keep so many places busy by the given share."""
    return np.array([load * places / seconds * 3600 * 720])


weeks = st.lists(st.floats(0.0, 5.0, width=16), min_size=168, max_size=168).filter(any)


@settings(max_examples=25)
@given(week=weeks, replicas=st.integers(1, 6), load=st.floats(0.05, 0.95))
def test_idle_causes_match_a_table_of_hours(week, replicas: int, load: float):
    shape = np.array(week) / np.mean(week)
    busy = shape * load * replicas / shape.max()
    head_room, night, rest = static_fleet._idle_shares(busy[np.newaxis, :], replicas)
    table = idle_by_cause(busy.tolist(), replicas)
    idle = sum(table.values())
    assert head_room[0] + night[0] + rest[0] == pytest.approx(1.0, rel=1e-12)
    shares = [table[cause] / idle for cause in ("peak head-room", "night and weekend", "rest")]
    assert [head_room[0], night[0], rest[0]] == pytest.approx(shares, abs=1e-7), (
        "an hour within 1e-9 of a whole replica may fall on either side"
    )


def test_shares_are_given_for_each_month():
    months = np.array([0.0, 360_000.0])
    usage = simulate_static_fleet(fleet(2), months, np.array([744.0, 720.0]), STEADY, seed=1)
    first, _ = zip(*usage.idle_shares.values(), strict=True)
    assert dict(zip(usage.idle_shares, first, strict=True)) == {
        "peak head-room": 1.0,  # nothing to do
        "night and weekend": 0.0,
        "rest": 0.0,
    }
    sums = np.sum(list(usage.idle_shares.values()), axis=0)
    assert sums == pytest.approx([1.0, 1.0], rel=1e-12)
    assert usage.latency.scope == "requests of a week of the busiest month, month 2"
    assert usage.busiest_load == pytest.approx(360_000 / 3600 / 720 / 2, rel=1e-12)


@pytest.mark.parametrize("busy", [1e-12, 0.0, 2.0, 2.0 + 1e-12, 2.0 - 1e-12])
def test_no_cause_is_ever_below_zero(busy: float):
    """A trifle of work, or whole replicas but for the last digits, are no negative idle time."""
    usage = simulate_static_fleet(
        fleet(3), np.array([busy, 0.1]) * 3600 * 720, np.array([720.0, 720.0]), STEADY, seed=1
    )
    shares = np.array(list(usage.idle_shares.values()))
    assert (shares >= 0).all()
    assert shares.sum(axis=0) == pytest.approx([1.0, 1.0], rel=1e-9)


def test_capacity_below_load_is_refused_with_the_numbers():
    with pytest.raises(InfeasibleError) as refusal:
        simulate_static_fleet(
            fleet(2, parallel=4, seconds=2.0),
            requests_for(3.2, 4, seconds=2.0),
            MONTH_H,
            STEADY,
            seed=1,
        )
    # 3.2 replicas' work for 2: 1.6 times; 6.4 requests/s come and 4 are served.
    assert str(refusal.value) == (
        "capacity below load: the busiest hour of month 1 offers 1.60 times what 2 replicas serve; "
        "the queue would grow by 8,640 requests an hour. At least 4 replicas are needed"
    )


@given(load=st.floats(1.0, 30.0))
def test_the_replicas_asked_for_carry_the_load(load: float):
    with pytest.raises(InfeasibleError) as refusal:
        simulate_static_fleet(fleet(1), requests_for(load, 1), MONTH_H, STEADY, seed=1)
    need = int(str(refusal.value).split("At least ")[1].split()[0])
    assert load < need <= load + 1


def test_the_busiest_hour_counts_and_not_the_mean():
    week = np.full(168, 0.5)
    week[10] = 0.5 * 168 + 0.5
    with pytest.raises(InfeasibleError, match="capacity below load"):
        simulate_static_fleet(fleet(1), requests_for(0.5, 1), MONTH_H, week, seed=1)


def test_no_traffic_is_refused():
    with pytest.raises(InfeasibleError, match="no request arrives in the whole horizon"):
        simulate_static_fleet(fleet(), np.zeros(1), MONTH_H, STEADY, seed=1)


def test_hours_without_requests_are_left_out_of_latency():
    week = np.where(np.arange(168) % 24 < 12, 2.0, 0.0)
    usage = simulate_static_fleet(fleet(1), requests_for(0.2, 1), MONTH_H, week, seed=1)
    assert usage.latency.p50_ms >= 1000


def test_latency_is_the_service_time_where_nobody_waits():
    usage = simulate_static_fleet(
        fleet(20, seconds=0.25), requests_for(0.01, 20, 0.25), MONTH_H, STEADY, seed=3
    )
    latency = usage.latency
    assert [latency.p50_ms, latency.p95_ms, latency.p99_ms] == pytest.approx(
        [250.0] * 3, rel=1e-9
    ), "start + service - arrival rounds in the last digits"


def test_more_replicas_never_answer_later():
    p99 = [
        simulate_static_fleet(
            fleet(replicas), requests_for(0.9, 2), MONTH_H, STEADY, seed=5
        ).latency.p99_ms
        for replicas in (2, 3, 4)
    ]
    assert p99 == sorted(p99, reverse=True), "the same arrivals meet more places"


def test_the_same_seed_gives_the_same_usage():
    once, again, other = (
        simulate_static_fleet(fleet(2), requests_for(0.8, 2), MONTH_H, STEADY, seed=seed)
        for seed in (4, 4, 5)
    )
    assert once == again
    assert once.latency != other.latency


def test_hardly_any_traffic_is_served_at_once():
    usage = simulate_static_fleet(fleet(seconds=0.5), np.array([1e-6]), MONTH_H, STEADY, seed=1)
    assert usage.simulated_requests == 0
    assert usage.latency.p99_ms == 500.0


@pytest.mark.parametrize("places", [1, 2, 4])
def test_mean_waits_are_those_of_the_closed_form(places: int):
    """Latency less service is the wait: M/D/c, through all that a plan's fleet goes through."""
    load = 0.7
    means = []
    for seed in range(20):
        run = static_fleet._latency_s(
            fleet(places), np.full(168, load * places), length_s=120.0, seed=seed
        )
        means.append(float(run.mean()) - 1.0)
    middle, half = queues.interval(means)
    wait_s = queues.fixed_service_wait_s(load * places, 1.0, places)
    assert abs(middle - wait_s) <= half, "99.9 % t-interval of 20 replications"
    assert half < 0.05 * wait_s, "narrow enough to see gaps cut at three means (7 % at this load)"


@settings(max_examples=100)
@given(
    arrivals_s=st.lists(st.one_of(st.integers(0, 20).map(float), st.floats(0, 20)), min_size=1),
    service_s=st.sampled_from([0.5, 1.0, 2.5, 0.3]),
    replicas=st.integers(1, 3),
    parallel=st.integers(1, 3),
)
def test_every_finish_equals_the_recursion_bit_for_bit(arrivals_s, service_s, replicas, parallel):
    arrivals_s.sort()
    run = static_fleet._finish_s(
        fleet(replicas, parallel=parallel, seconds=service_s),
        [Requests(np.array(arrivals_s))],
        until_s=30.0,
    )
    starts_s = starts_by_recursion(arrivals_s, [service_s] * len(arrivals_s), replicas * parallel)
    assert run.tolist() == [start_s + service_s for start_s in starts_s]
