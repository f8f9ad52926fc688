"""A few simulated weeks stand for every month of a plan."""

from functools import partial

import numpy as np
import pytest

from tco.domain.demand import TwoStateBursts
from tco.domain.fleet import BatchSettings, BootTime, FleetSettings, HpaAutoscaler, QueueSettings
from tco.domain.workload import DailyWeeklyProfile, SteadyProfile
from tco.errors import InfeasibleError
from tco.sim.ladder import BUSY, UNALLOCATED, Ladder, Machine, _rung, check_capacity, climb
from tco.sim.rules import rules_of
from tco.sim.service import linear_service
from tco.sim.week import Traffic
from tco.traffic.profile import week_of

OFFICE = week_of(
    DailyWeeklyProfile(
        shape="daily_weekly", peak_hour_utc=14, night_to_peak=0.2, weekend_to_weekday=0.4
    )
)
STEADY = week_of(SteadyProfile(shape="steady"))
OFFICE_TRAFFIC = Traffic(OFFICE)
ONE_EACH = Machine(1, 1.0, None, None)
BOOT = BootTime(low_s=60, likely_s=60, high_s=60, source="an example")
SERVICE = linear_service(0.5, 0.25, 8)


def scaled(**changes):
    settings = {
        "batch": BatchSettings(max_size=8, max_wait_s=0.1),
        "autoscaler": HpaAutoscaler(kind="hpa", minimum=1, maximum=20, target_busy_share=0.6),
        "boot": BOOT,
    }
    return FleetSettings(**{**settings, **changes})


def ladder_of(settings, rate, *, week=OFFICE, machine=ONE_EACH, service=SERVICE, seed=1):
    return climb(
        lambda: rules_of(settings, service, seed=seed), machine, Traffic(week), rate, seed=seed
    )


def rung_of(settings, rate, *, traffic=OFFICE_TRAFFIC, machine=ONE_EACH):
    return _rung(partial(rules_of, settings, SERVICE, seed=1), machine, traffic, rate, 1)


@pytest.fixture(scope="module")
def office():
    return ladder_of(scaled(), 4.0)


def test_a_static_fleet_is_what_the_closed_form_says():
    service = linear_service(2.0, 0.0, 1)
    found = ladder_of(FleetSettings(replicas=3), 0.6, week=STEADY, service=service)
    rung = found.at(0.6)
    assert rung.instances == pytest.approx(3.0, rel=1e-9)
    # 0.6 requests/s x 2 s keep 1.2 replicas busy; a day has 51,840 requests, so 1 % is 2.3 sd.
    assert rung.by_cause[BUSY] == pytest.approx(1.2, rel=0.015)
    assert rung.by_cause["peak head-room"] == pytest.approx(1.0, abs=1e-9)
    assert rung.by_cause[UNALLOCATED] == pytest.approx(0.0, abs=1e-9)


def test_instances_are_split_without_remainder(office):
    for rung in office.rungs:
        assert sum(rung.by_cause.values()) == pytest.approx(rung.instances, rel=1e-12)
        assert min(rung.by_cause.values()) >= 0
        assert sum(rung.by_cause.values()) >= 1 - 1e-9, "one replica is always kept"


def test_nothing_arriving_leaves_the_least_number_idle(office):
    rung = office.at(0.0)
    assert rung.latency is None
    assert rung.by_cause["minimum floor"] == pytest.approx(1.0)


def test_more_traffic_takes_more_machines(office):
    held = [rung.instances for rung in office.rungs]
    busy = [rung.by_cause[BUSY] for rung in office.rungs]
    assert held == sorted(held)
    assert busy == sorted(busy)
    assert held[-1] > 2 * held[0]


def test_between_the_rungs_a_simulation_lies_on_the_line(office):
    for rate in (1.3, 2.1, 2.9, 3.7):
        line = np.interp(rate, office.rates_per_s, [rung.instances for rung in office.rungs])
        simulated = rung_of(scaled(), rate).instances
        # One percent for the line, and as much for the noise of two days of traffic.
        assert line == pytest.approx(simulated, rel=0.02)


def test_it_comes_back_from_plain_data(office):
    assert Ladder.from_data(office.as_data()) == office


def test_machines_that_hold_two_replicas_are_freed_when_empty():
    pairs = rung_of(scaled(), 4.0, machine=Machine(2, 0.5, None, None))
    single = rung_of(scaled(), 4.0)
    held = single.instances - single.by_cause[UNALLOCATED]
    assert pairs.instances >= 0.5 * held
    assert pairs.by_cause[UNALLOCATED] > 0
    assert pairs.instances <= 0.5 * held + 0.5


def test_requests_that_a_full_queue_turns_away_are_counted():
    settings = FleetSettings(replicas=1, queue=QueueSettings(limit=0))
    service = linear_service(1.0, 0.0, 1)
    rung = ladder_of(settings, 0.5, week=STEADY, service=service).at(0.5)
    # One server without a queue loses a / (1 + a) of Poisson requests: 0.5 / 1.5.
    assert rung.lost_share == pytest.approx(1 / 3, rel=0.03)


def test_a_fleet_too_small_at_its_largest_is_refused_with_the_numbers():
    rules = rules_of(FleetSettings(replicas=2), linear_service(2.0, 0.0, 1), seed=1)
    with pytest.raises(
        InfeasibleError,
        match=r"month 7 brings 1\.5 requests/s and 2 replicas serve 1 at most.*At least 4",
    ):
        check_capacity(rules, 1.5, 7)


def test_more_than_a_day_can_hold_is_refused():
    with pytest.raises(InfeasibleError, match="more than quick fidelity simulates"):
        ladder_of(FleetSettings(replicas=100), 1000.0, service=linear_service(1e-3, 0.0, 1))


def test_crowding_takes_more_machines_than_independent_arrivals():
    bursts = TwoStateBursts(
        kind="two_state", high_to_low=8, high_mean_s=600, low_mean_s=1800, client_shares=(1.0,)
    )
    crowded = rung_of(scaled(), 4.0, traffic=Traffic(OFFICE, bursts))
    calm = rung_of(scaled(), 4.0)
    assert crowded.instances > 1.05 * calm.instances
    slow, fast = crowded.latency, calm.latency
    assert slow is not None
    assert fast is not None
    assert slow.p95_ms > fast.p95_ms
