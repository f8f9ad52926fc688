"""A few simulated weeks stand for every month of a plan."""

from dataclasses import replace

import numpy as np
import pytest

from tco.domain.demand import BatchJobs, Movement, TwoStateBursts
from tco.domain.fleet import (
    BatchSettings,
    BootTime,
    FleetSettings,
    HpaAutoscaler,
    QueueSettings,
    ScheduleAutoscaler,
)
from tco.domain.workload import DailyWeeklyProfile, SteadyProfile
from tco.errors import InfeasibleError
from tco.sim import ladder as ladders
from tco.sim.capacity import check_capacity
from tco.sim.case import Case, Machine
from tco.sim.ladder import Ladder, Reach, climb
from tco.sim.rung import BUSY, UNALLOCATED, simulate
from tco.sim.sample import MOST_REQUESTS, sample_week, whole_week
from tco.sim.sizing import Curve, constant_curve
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
SERVICE = Curve((tuple(0.5 + 0.25 * n for n in range(1, 9)),))


def scaled(**changes):
    settings = {
        "batch": BatchSettings(max_size=8, max_wait_s=0.1),
        "autoscaler": HpaAutoscaler(
            kind="hpa", minimum=1, maximum=20, target_busy_share=0.6, interval_s=60
        ),
        "boot": BOOT,
    }
    return FleetSettings(**{**settings, **changes})


def case_of(settings, *, traffic=OFFICE_TRAFFIC, machine=ONE_EACH, curve=SERVICE, seed=1):
    return Case(settings, curve, 1, machine, traffic, seed)


def ladder_of(settings, rate, **case):
    return climb(case_of(settings, **case), Reach(rate, rate))


def rung_of(settings, load, factor=1.0, **case):
    found = case_of(settings, **case)
    is_scaled = settings.autoscaler is not None
    sample = sample_week(found.traffic.week, load, service_s=1.0, is_scaled=is_scaled)
    return simulate(found, sample, load, factor)


@pytest.fixture(scope="module")
def office():
    return ladder_of(scaled(), 4.0)


def row(ladder, factor=1.0):
    return ladder.total()[ladder.factors.index(factor)]


def test_a_static_fleet_is_what_the_closed_form_says():
    settings = FleetSettings(replicas=3)
    found = ladder_of(settings, 0.6, traffic=Traffic(STEADY), curve=constant_curve(2.0))
    rung = found.reference
    assert rung.instances == pytest.approx(3.0, rel=1e-9)
    # 0.6 requests/s x 2 s keep 1.2 replicas busy; a day has 51,840 requests, so 1 % is 2.3 sd.
    assert rung.by_cause[BUSY] == pytest.approx(1.2, rel=0.015)
    assert rung.by_cause["peak head-room"] == pytest.approx(1.0, abs=1e-9)
    assert rung.by_cause[UNALLOCATED] == pytest.approx(0.0, abs=1e-9)


def test_instances_are_split_without_remainder(office):
    parts = np.array(list(office.by_cause.values()))
    assert (parts >= 0).all()
    assert (row(office) >= 1 - 1e-9).all(), "one replica is always kept"
    rung = office.reference
    assert sum(rung.by_cause.values()) == pytest.approx(rung.instances, rel=1e-12)
    at = office.loads_per_s.index(4.0)
    assert row(office)[at] == pytest.approx(rung.instances, rel=1e-12)


def test_what_comes_has_one_fate():
    rung = rung_of(scaled(queue=QueueSettings(limit=3, patience_s=1.0)), 4.0)
    fates = rung.served, rung.dropped, rung.abandoned, rung.in_system
    assert min(fates[:3]) > 0
    assert sum(fates) == rung.requests


def test_nothing_arriving_leaves_the_least_number_idle(office):
    assert office.loads_per_s[0] == 0
    assert office.by_cause["minimum floor"][0] == pytest.approx(1.0)
    assert rung_of(scaled(), 0.0).latency is None


def test_more_traffic_takes_more_machines(office):
    held = row(office)
    busy = office.by_cause[BUSY]
    assert (np.diff(held) >= -1e-9).all()
    assert (np.diff(busy) >= 0).all()
    assert held[-1] > 2 * held[0]


def test_between_the_rungs_a_simulation_lies_on_the_line(office):
    for rate in (1.3, 2.9):
        line = np.interp(rate, office.loads_per_s, row(office))
        simulated = rung_of(scaled(), rate).instances
        # One percent for the line, and as much for the noise of two days of traffic.
        assert line == pytest.approx(simulated, rel=0.02)


def test_it_comes_back_from_plain_data(office):
    assert Ladder.from_data(office.as_data()) == office


@pytest.fixture(scope="module")
def two_ways():
    return climb(case_of(scaled()), Reach(2.0, 3.0, 0.8, 1.5))


def test_the_ladder_covers_its_range_and_a_margin_beyond(two_ways):
    assert two_ways.loads_per_s[0] == 0
    assert two_ways.loads_per_s[-1] == pytest.approx(3.0 * ladders.BEYOND)
    assert two_ways.factors[0] == pytest.approx(0.8 / ladders.BEYOND)
    assert two_ways.factors[-1] == pytest.approx(1.5 * ladders.BEYOND)


@pytest.mark.parametrize(("load", "factor"), [(1.5, 0.9), (2.5, 1.6)])
def test_between_two_service_times_too_a_simulation_lies_on_the_grid(two_ways, load, factor):
    total = two_ways.total()
    along = [np.interp(load, two_ways.loads_per_s, line) for line in total]
    on_the_grid = np.interp(factor, two_ways.factors, along)
    assert on_the_grid == pytest.approx(rung_of(scaled(), load, factor).instances, rel=0.02)


def test_equal_work_in_longer_requests_keeps_as_many_replicas_busy():
    # Without batching: in batches, rarer requests share less.
    alone = {"batch": None}
    busy = [
        rung_of(scaled(**alone), 2.0, factor, curve=constant_curve(1.0)).by_cause[BUSY]
        for factor in (0.5, 1.0, 2.0)
    ]
    assert busy == pytest.approx([busy[1]] * 3, rel=0.02)


def test_a_schedule_keeps_its_hours_whatever_hour_a_run_begins_in():
    by_hour = tuple(3 if 8 <= hour < 18 else 1 for hour in range(24))
    settings = FleetSettings(
        autoscaler=ScheduleAutoscaler(kind="schedule", replicas_by_hour=by_hour),
        boot=BootTime(low_s=0, likely_s=0, high_s=0, source="an example"),
    )
    traffic = Traffic(OFFICE)
    found = case_of(settings, traffic=traffic, curve=constant_curve(0.5))
    by_days = ladder_of(settings, 0.5, traffic=traffic, curve=constant_curve(0.5)).reference
    in_full = simulate(found, whole_week(OFFICE), 0.5)
    mean = (3 * 10 + 1 * 14) / 24
    assert by_days.instances == pytest.approx(mean, rel=1e-6)
    assert in_full.instances == pytest.approx(mean, rel=1e-6)


def test_sampled_hours_stand_for_the_week_within_a_percent_or_two():
    found = case_of(scaled())
    few = sample_week(OFFICE, 4.0 * 20, service_s=1.0, is_scaled=True)
    assert "sampled hours" in few.scope
    sampled = simulate(found, few, 4.0)
    assert sampled.instances == pytest.approx(rung_of(scaled(), 4.0).instances, rel=0.03)


def test_pieces_of_hours_stand_for_a_fleet_that_never_changes():
    settings = FleetSettings(replicas=6, batch=BatchSettings(max_size=8, max_wait_s=0.1))
    found = case_of(settings)
    pieces = sample_week(OFFICE, 200.0, service_s=2.5)
    assert "of each unlike hour" in pieces.scope
    assert pieces.requests(200.0) <= MOST_REQUESTS
    busy = [simulate(found, sample, 4.0).by_cause[BUSY] for sample in (pieces, whole_week(OFFICE))]
    assert busy[0] == pytest.approx(busy[1], rel=0.02)


def test_the_work_of_an_option_has_a_bound():
    found = ladder_of(
        FleetSettings(replicas=100), 1000.0, traffic=Traffic(STEADY), curve=constant_curve(1e-3)
    )
    assert found.requests <= MOST_REQUESTS
    with pytest.raises(InfeasibleError, match="--fidelity full simulates them"):
        ladder_of(scaled(), 1000.0, curve=constant_curve(1e-3))


def test_machines_that_hold_two_replicas_are_freed_when_empty():
    pairs = rung_of(scaled(), 4.0, machine=Machine(2, 0.5, None, None))
    single = rung_of(scaled(), 4.0)
    held = single.instances - single.by_cause[UNALLOCATED]
    assert pairs.instances >= 0.5 * held
    assert pairs.by_cause[UNALLOCATED] > 0
    assert pairs.instances <= 0.5 * held + 0.5


def test_requests_that_a_full_queue_turns_away_are_counted():
    settings = FleetSettings(replicas=1, queue=QueueSettings(limit=0))
    rung = rung_of(settings, 0.5, traffic=Traffic(STEADY), curve=constant_curve(1.0))
    # One server without a queue loses a / (1 + a) of Poisson requests: 0.5 / 1.5.
    assert rung.lost_share == pytest.approx(1 / 3, rel=0.03)


def test_a_fleet_too_small_at_its_largest_is_refused_with_the_numbers():
    case = case_of(FleetSettings(replicas=2), traffic=Traffic(STEADY), curve=constant_curve(2.0))
    with pytest.raises(
        InfeasibleError,
        match=r"month 7 brings 1\.5 requests/s and 2 replicas serve 1 at most.*At least 4",
    ):
        check_capacity(case, 1.5, 7)


JOBS = BatchJobs(share=1.0, start_hour_utc=20, deadline_hours=8)


def test_a_batch_job_takes_as_long_as_its_requests_one_after_the_other():
    traffic = Traffic(STEADY, jobs=JOBS)
    case = case_of(FleetSettings(replicas=2), traffic=traffic, curve=constant_curve(2.0))
    # 0.1 requests/s are 8,640 a day, handed over at once: 8,640 x 2 s / 2 replicas = 2.4 hours.
    sample = sample_week(STEADY, 0.1, service_s=2.0, has_jobs=True)
    rung = simulate(case, sample, 0.1)
    assert rung.completion_hours == pytest.approx(2.4, rel=1e-3)
    assert rung.latency is None, "nobody waits for a single answer"
    assert rung.by_cause[BUSY] == pytest.approx(0.2, rel=1e-3)


def test_people_are_served_before_batch_jobs():
    jobs = JOBS.model_copy(update={"share": 0.5})
    case = case_of(
        FleetSettings(replicas=2), traffic=Traffic(STEADY, jobs=jobs), curve=constant_curve(2.0)
    )
    rung = simulate(case, sample_week(STEADY, 0.1, service_s=2.0, has_jobs=True), 0.1)
    assert rung.latency is not None
    # At worst one waits for a request of the job that is being served, and for a few like itself.
    assert rung.latency.p99_ms < 8000
    assert rung.completion_hours is not None
    assert rung.completion_hours > 1.2


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


def test_rates_that_wander_are_met_several_times_and_leave_a_standard_error():
    movement = Movement(log_sd=0.3, correlation_hours=12, source="an example")
    settings = FleetSettings(replicas=4)
    moving = Traffic(STEADY, movement=movement)
    found = ladder_of(scaled(batch=None), 0.5, traffic=moving, curve=constant_curve(2.0))
    still = ladder_of(settings, 0.5, traffic=Traffic(STEADY), curve=constant_curve(2.0))
    assert found.standard_error > 0
    assert still.standard_error == pytest.approx(0, abs=1e-9)


def test_all_options_meet_the_same_arrivals_in_the_same_replication():
    counts = {
        (settings.replicas, run): simulate(
            replace(case_of(settings, traffic=Traffic(STEADY), curve=constant_curve(1.0))),
            whole_week(STEADY),
            0.2,
            replications=(run,),
        ).requests
        for settings in (FleetSettings(replicas=2), FleetSettings(replicas=5))
        for run in (0, 1)
    }
    assert counts[2, 0] == counts[5, 0]
    assert counts[2, 1] == counts[5, 1]
    assert counts[2, 0] != counts[2, 1]
