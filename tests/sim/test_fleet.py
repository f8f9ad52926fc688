"""The fleet scales, boots and drains as the plain model does, and every second is accounted for."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.errors import TcoError
from tco.sim import kernel_layout as at
from tco.sim import latency_bins as bins
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.queues import Queues
from tco.sim.run import Discipline
from tco.sim.scaling import Hpa, QueueLength, Schedule, Static
from tco.sim.service import BatchRule, HostWork, Service, linear_service
from tco.sim.tally import DRAINING, MINIMUM_FLOOR, REST, SCALE_DOWN_DELAY
from tests.oracles.fleet import Rule, ScaledFleet

UNTIL_S = 400.0
whole = st.integers(0, 60).map(float)
real = st.floats(0, 60, allow_nan=False)
DRAWS = np.random.default_rng(5).random(997).tolist()
DISCIPLINES = {
    "round robin": Discipline.ROUND_ROBIN,
    "least loaded": Discipline.LEAST_LOADED,
    "two choices": Discipline.TWO_CHOICES,
}


@st.composite
def systems(draw):
    times = draw(st.sampled_from([whole, real]))
    arrivals = sorted(draw(st.lists(times, min_size=1, max_size=30)))
    max_size = draw(st.integers(1, 4))
    positive = st.integers(1, 9).map(float) if times is whole else st.floats(0.01, 9)
    by_queue = draw(st.booleans())
    minimum = draw(st.integers(0 if by_queue else 1, 2))
    maximum = draw(st.integers(max(1, minimum), 6))
    return {
        "arrivals": arrivals,
        "table": sorted(draw(st.lists(positive, min_size=max_size, max_size=max_size))),
        "max_size": max_size,
        "max_wait_s": draw(st.sampled_from([0.0, 2.0])),
        "limit": draw(st.none() | st.integers(0, 8)),
        "patience": draw(st.none() | st.integers(1, 30).map(float)),
        "by_queue": by_queue,
        "target": draw(
            st.sampled_from([Fraction(1, 2), Fraction(7, 10), Fraction(4 if by_queue else 1)])
        ),
        "minimum": minimum,
        "maximum": maximum,
        "first": draw(st.integers(minimum, maximum)),
        "spare": draw(st.sampled_from([0, 0, 1, 2])),
        "discipline": draw(st.none() | st.sampled_from(sorted(DISCIPLINES))),
        "slowness": draw(st.lists(st.sampled_from([1.0, 2.0]), min_size=8, max_size=8)),
        "interval_s": draw(st.sampled_from([3.0, 5.0, 15.0])),
        "down_window_s": draw(st.sampled_from([0.0, 6.0, 30.0])),
        "boot_s": draw(st.sampled_from([0.0, 3.0, 5.0, 7.5, 20.0])),
    }


def oracle(system) -> ScaledFleet:
    count = len(system["arrivals"])
    fleet = ScaledFleet(
        seconds_of=lambda size: system["table"][size - 1],
        replicas=system["first"] + system["spare"],
        discipline=system["discipline"],
        draws=DRAWS,
        slowness=system["slowness"],
        max_size=system["max_size"],
        max_wait_s=system["max_wait_s"],
        limit=system["limit"],
        patience_s=None if system["patience"] is None else [system["patience"]] * count,
        rule=Rule(
            system["target"],
            system["minimum"],
            system["maximum"],
            system["interval_s"],
            system["down_window_s"],
            by_queue=system["by_queue"],
        ),
        spare=system["spare"],
        boot_s=system["boot_s"],
        until_s=UNTIL_S,
    )
    fleet.run(system["arrivals"])
    return fleet


def rules_of(system) -> FleetRules:
    kind = QueueLength if system["by_queue"] else Hpa
    spare, table = system["spare"], np.array([0.0, *system["table"]])
    seconds = np.array([[table], [table * 2.0]])
    maximum = system["maximum"] + spare
    return FleetRules(
        service=Service(seconds, seconds * 50.0),
        batch=BatchRule(system["max_size"], system["max_wait_s"]),
        rule=kind(float(system["target"]), system["interval_s"], system["down_window_s"]),
        minimum=system["minimum"] + spare,
        maximum=maximum,
        first=system["first"] + spare,
        boot_s=lambda: system["boot_s"],
        queue_limit=-1 if system["limit"] is None else system["limit"],
        patience_s=system["patience"],
        discipline=DISCIPLINES.get(system["discipline"], Discipline.ONE_LINE),
        draws=np.array(DRAWS),
        spare=spare,
        hardware=tuple(int(slow) - 1 for slow in system["slowness"][:maximum]),
        idle_w=(10.0, 30.0),
        replicas_per_instance=2,
    )


def simulated(system):
    return run(rules_of(system), system["arrivals"], until_s=UNTIL_S)


@given(system=systems())
@settings(max_examples=400)
def test_a_fleet_that_scales_serves_every_request_as_the_plain_model_does(system):
    expected, found = oracle(system), simulated(system)
    for name in ("start_s", "finish_s"):
        times = [math.nan if (t := getattr(o, name)) is None else t for o in expected.outcomes]
        np.testing.assert_allclose(getattr(found.per_request, name), times, rtol=1e-9, atol=1e-9)
    for state, found_s in (
        ("active", found.serving_s),
        ("booting", found.booting_s),
        ("draining", found.draining_s),
    ):
        spent_s = sum(machine.spent_s[state] for machine in expected.machines)
        assert found_s.sum() == pytest.approx(spent_s, rel=1e-9, abs=1e-6), state
    check_joules(system, expected, found)


def check_joules(system, expected, found):
    """Batches at 50 W, whoever is held besides at the idle watts of its hardware."""
    busy_s = [0.0] * len(expected.machines)
    for number, start_s, end_s in expected.work:
        busy_s[number] += end_s - start_s
    watts = [10.0 if slow == 1.0 else 30.0 for slow in system["slowness"]]
    joules = {"busy": 50.0 * sum(busy_s), "booting": 0.0, "idle": 0.0}
    for number, machine in enumerate(expected.machines):
        held_s = machine.spent_s["active"] + machine.spent_s["draining"]
        joules["booting"] += watts[number] * machine.spent_s["booting"]
        joules["idle"] += watts[number] * (held_s - busy_s[number])
    sums = {use: float(part.sum()) for use, part in found.joules.items()}
    assert sums.pop("busy") == pytest.approx(joules["busy"], abs=1e-4)
    assert sums.pop("booting") == pytest.approx(joules["booting"], abs=1e-4)
    assert sum(sums.values()) == pytest.approx(joules["idle"], rel=1e-7, abs=1e-3)


@given(system=systems())
@settings(max_examples=150)
def test_every_replica_second_is_busy_or_idle_for_one_cause(system):
    found = simulated(system)
    busy_s = found.hours[:, at.HOUR_BUSY_S]
    idle_s = np.sum(list(found.idle_causes_s.values()), axis=0)
    np.testing.assert_allclose(busy_s + idle_s, found.serving_s + found.draining_s, atol=1e-6)
    assert all((part >= -1e-9).all() for part in found.idle_causes_s.values())
    assert found.idle_causes_s[DRAINING].sum() == pytest.approx(0, abs=1e-6), (
        "a replica of one slot drains only while it works"
    )


@given(system=systems())
@settings(max_examples=100)
def test_a_run_to_the_last_request_ends_with_it(system):
    arrivals = np.array(system["arrivals"])
    found = run(rules_of(system), arrivals, until_s=arrivals[-1], to_the_last=True)
    longer = simulated(system)
    np.testing.assert_array_equal(found.per_request.finish_s, longer.per_request.finish_s)
    assert found.waiting == found.in_service == 0
    served = found.per_request.status == at.STATUS_SERVED
    last_s = max([arrivals[-1], *found.per_request.finish_s[served]])
    assert found.simulated_s >= last_s
    if not (found.per_request.status == at.STATUS_ABANDONED).any():
        assert found.simulated_s == last_s


def test_slots_that_have_nothing_left_to_do_while_their_replica_drains_are_idle():
    """Two slots: one works to 20, one to 12; retired at 10, the replica is gone at 20."""
    rules = FleetRules(
        service=Service(np.array([[[0.0, 10.0]]]), np.zeros((1, 1, 2))),
        batch=BatchRule(),
        rule=Schedule([1, 0] + [0] * 22, interval_s=3600.0),
        minimum=0,
        maximum=1,
        slots=2,
    )
    arrivals = np.array([3592.0, 3598.0])
    found = run(rules, arrivals, until_s=7200.0)
    assert found.draining_s.tolist() == [0.0, 8.0]
    assert found.idle_causes_s[DRAINING].tolist() == [0.0, 3.0], "half a replica from 3602 to 3608"
    assert found.hours[:, at.HOUR_BUSY_S].tolist() == [10.0, 10.0], "slot-seconds"
    assert found.serving_s.tolist() == [3600.0, 0.0]


def test_busy_time_beyond_the_end_is_not_counted():
    rules = fleet_of(1, linear_service(100.0, 0.0, 1))
    found = run(rules, np.array([3590.0]), until_s=3600.0)
    assert found.hours[0, at.HOUR_BUSY_S] == 10.0
    assert found.in_service == 1
    assert found.idle_causes_s[REST].tolist() == [3590.0]


def test_a_boot_that_was_given_up_does_not_make_its_successor_ready():
    """Wanted at 10 s, given up at 20 s, wanted again at 30 s: the first boot would end at 35 s."""
    rules = dataclasses.replace(
        fleet_of(1, linear_service(1.0, 0.0, 1)),
        rule=QueueLength(1.0, interval_s=10.0, down_window_s=0.0),
        maximum=2,
        first=1,
        boot_s=lambda: 25.0,
    )
    arrivals = np.array([*[9.5] * 4, *[29.5] * 8])
    found = run(rules, arrivals, until_s=60.0)
    assert found.replicas_over_time[1:] == ((10.0, 2), (20.0, 1), (30.0, 2), (40.0, 1))
    assert found.booting_s.tolist() == [20.0], "held, and so billed, all along"
    assert np.diff(found.per_request.start_s[4:]).tolist() == [1.0] * 7, "one replica serves"


def run(rules, arrivals_s, *, until_s, **how):
    """Run a fleet on plain arrivals and keep every request."""
    chunk = Requests(np.asarray(arrivals_s, dtype=np.float64))
    return run_chunks(rules, [chunk], until_s=until_s, **how)


def run_chunks(rules, chunks, *, until_s, **how):
    count = sum(chunk.arrivals_s.size for chunk in chunks)
    return Fleet(rules, chunks, until_s=until_s, keep_requests=count).run(**how)


def fleet_of(replicas: int, service: Service, **rest) -> FleetRules:
    return FleetRules(
        service=service,
        batch=rest.pop("batch", BatchRule()),
        rule=Static(replicas),
        minimum=replicas,
        maximum=replicas,
        **rest,
    )


def test_idle_time_has_the_first_cause_that_applies():
    rules = dataclasses.replace(
        fleet_of(1, linear_service(10.0, 0.0, 1)), rule=Hpa(0.5), minimum=2, maximum=4, first=4
    )
    found = Fleet(rules, [], until_s=3600.0).run()
    idle_s = {cause: part.sum() for cause, part in found.idle_causes_s.items()}
    # Nothing comes: four replicas until the first look at 15 s, then two for ever.
    assert idle_s[MINIMUM_FLOOR] == 2 * 3600
    assert idle_s[SCALE_DOWN_DELAY] == 2 * 15
    assert sum(idle_s.values()) == 2 * 3600 + 2 * 15


def test_latency_and_waiting_count_from_arrival_at_the_front_end():
    service = dataclasses.replace(linear_service(2.0, 0.0, 1), front=HostWork(0.5, 1))
    arrivals = np.array([0.0, 0.0])
    found = run(fleet_of(2, service), arrivals, until_s=10.0)
    assert found.per_request.start_s.tolist() == [0.5, 1.0]
    assert found.per_request.finish_s.tolist() == [2.5, 3.0]
    assert found.hours[0, at.HOUR_WAIT_S] == 1.5
    middles = [bins.middle_s(place) for place in np.flatnonzero(found.histogram).tolist()]
    assert middles == pytest.approx([2.5, 3.0], rel=0.008)


@given(data=st.data())
@settings(max_examples=100)
def test_a_batch_lasts_longer_by_the_longest_of_its_requests(data):
    own = data.draw(st.lists(st.floats(0, 5), min_size=1, max_size=12))
    cut = data.draw(st.integers(0, len(own)))
    arrivals, own_s = np.zeros(len(own)), np.array(own)
    chunks = [
        Requests(arrivals[part], own_s=own_s[part]) for part in (slice(0, cut), slice(cut, None))
    ]
    rules = fleet_of(1, linear_service(1.0, 0.0, 3), batch=BatchRule(3))
    found = run_chunks(rules, chunks, until_s=100.0).per_request
    clock, expected = 0.0, []
    batches = [own[:1], *[own[k : k + 3] for k in range(1, len(own), 3)]]
    for batch in batches:  # the first finds the replica free
        clock += 1.0 + max(batch)
        expected += [clock] * len(batch)
    np.testing.assert_allclose(found.finish_s, expected, rtol=1e-12)


def test_the_largest_input_of_a_batch_sets_its_time_though_no_more_come():
    seconds = np.array([[[0.0, 1.0, 1.0], [0.0, 4.0, 4.0]]])
    rules = fleet_of(1, Service(seconds, np.zeros_like(seconds)), batch=BatchRule(2))
    requests = Requests(np.zeros(3), sizes=np.array([0, 1, 0]))
    found = run_chunks(rules, [requests], until_s=100.0).per_request
    assert found.finish_s.tolist() == [1.0, 5.0, 5.0]


def test_a_run_that_loses_requests_is_refused():
    fleet = Fleet(fleet_of(1, linear_service(1.0, 0.0, 1)), [Requests(np.zeros(3))], until_s=60.0)
    assert isinstance(fleet._engine, Queues)
    fleet._engine._tally.counters[at.DROPPED] = 1
    with pytest.raises(TcoError, match=r"requests by fate, 3\.0* in all and 4\.0* in parts"):
        fleet.run()


def test_a_warm_up_is_left_out_of_latencies_only():
    arrivals = np.arange(0.0, 100.0)
    fleet = Fleet(fleet_of(1, linear_service(0.5, 0.0, 1)), [Requests(arrivals)], until_s=100.0)
    found = fleet.run(warm_up_s=40.0)
    assert found.histogram.sum() == found.waits.sum() == 60
    assert found.served == 100


def test_who_cannot_be_served_is_not_waited_for_for_ever():
    rules = dataclasses.replace(
        fleet_of(1, linear_service(1.0, 0.0, 1)),
        rule=QueueLength(1.0, interval_s=3600.0),
        minimum=0,
        first=0,
        boot_s=lambda: 1e9,
    )
    found = run(rules, np.zeros(2), until_s=0.0, to_the_last=True)
    assert (found.served, found.waiting) == (0, 2)
    assert found.simulated_s < 60 * 24 * 3600


# ---- traps --------------------------------------------------------------------------------------


def test_no_traffic_at_all_is_only_idle():
    found = Fleet(fleet_of(3, linear_service(1.0, 0.0, 1)), [], until_s=7200.0).run()
    assert (found.arrived, found.served, found.histogram.sum()) == (0, 0, 0)
    assert found.idle_causes_s[REST].tolist() == [3 * 3600.0] * 2


def test_a_burst_at_the_first_moment_is_worked_off_in_full_batches():
    rules = fleet_of(2, linear_service(1.0, 0.1, 10), batch=BatchRule(10, max_wait_s=0.5))
    found = run(rules, np.zeros(100), until_s=0.0, to_the_last=True)
    assert np.bincount(found.per_request.batch).tolist() == [10] * 10
    assert found.simulated_s == pytest.approx(5 * 2.0)


def test_one_request_a_month_leaves_one_replica_idle():
    month_s = 730 * 3600.0
    arrivals = np.arange(1, 13) * month_s
    rules = dataclasses.replace(
        fleet_of(1, linear_service(2.0, 0.0, 1)), rule=Hpa(0.7, interval_s=3600.0), maximum=5
    )
    found = run(rules, arrivals, until_s=13 * month_s)
    assert (found.per_request.start_s == arrivals).all()
    assert found.peak_replicas == 1
    assert found.hours[:, at.HOUR_BUSY_S].sum() == pytest.approx(24.0)


def test_on_off_traffic_is_followed_up_and_down():
    """Ten minutes of eight busy replicas' work, ten minutes of nothing, three times."""
    minute = np.arange(0.0, 600.0, 0.125)
    arrivals = np.concatenate([minute + 1200.0 * k for k in range(3)])
    rules = dataclasses.replace(
        fleet_of(1, linear_service(1.0, 0.0, 1)),
        rule=Hpa(0.8),
        maximum=20,
        boot_s=lambda: 60.0,
    )
    found = run(rules, arrivals, until_s=3600.0)
    held = np.array(found.replicas_over_time)
    at_s = np.array([550.0, 1190.0, 1750.0, 2390.0])
    replicas = held[np.searchsorted(held[:, 0], at_s, side="right") - 1, 1]
    assert replicas[0] >= 8
    assert replicas[2] >= 8
    assert replicas[1] == replicas[3] == 1
    assert found.hours[:, at.HOUR_BUSY_S].sum() == pytest.approx(arrivals.size)


def test_a_load_of_0_999_is_carried_and_a_load_above_one_grows_by_the_difference():
    rules = fleet_of(1, linear_service(1.0, 0.0, 1))
    for gap_s, left in ((1 / 0.999, 1), (0.8, 2001)):
        arrivals = np.arange(10_000) * gap_s
        found = run(rules, arrivals, until_s=arrivals[-1] + gap_s)
        assert found.waiting + found.in_service == pytest.approx(left, abs=1)
