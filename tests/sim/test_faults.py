"""Machines that are taken away or fail: every request against a plain model, every second told."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.faults import Failures, Interruptions, RepairTime
from tco.errors import InfeasibleError
from tco.sim import kernel_layout as at
from tco.sim.faults import DrawnFaults, Outage, interruptions
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.run import Discipline
from tco.sim.scaling import Hpa, QueueLength, Static
from tco.sim.service import BatchRule, HostWork, Service, linear_service
from tests.oracles.spot import BOOTING, LEAVING, READY, Loss, SpotFleet

UNTIL_S = 400.0


@dataclasses.dataclass(frozen=True)
class Told:
    """Outages as a test tells them."""

    streams: tuple[tuple[Outage, ...], ...]
    falls_back: bool = False
    pays_repair: bool = False
    on_demand_instances: int = 0

    def outages(self, instances: int):
        return [iter(stream) for stream in self.streams]


@st.composite
def systems(draw):
    replicas = draw(st.integers(1, 4))
    arrivals = sorted(draw(st.lists(st.integers(0, 60).map(float), min_size=1, max_size=30)))
    max_size = draw(st.integers(1, 4))
    table = draw(st.lists(st.integers(1, 12).map(float), min_size=max_size, max_size=max_size))
    pools = draw(st.integers(1, replicas))
    streams = []
    for pool in range(pools):
        now, outages = 0.0, []
        for _ in range(draw(st.integers(0, 4))):
            notice = now + draw(st.integers(1, 20))
            gone = notice + draw(st.sampled_from([0, 0, 1, 2, 5]))
            now = gone + draw(st.integers(1, 15))
            outages.append((tuple(range(pool, replicas, pools)), notice, gone, now))
        streams.append(outages)
    return {
        "replicas": replicas,
        "arrivals": arrivals,
        "table": sorted(table),
        "streams": streams,
        "boot_s": draw(st.sampled_from([0.5, 2.5, 7.5])),
        "falls_back": draw(st.booleans()),
        "patience": draw(st.none() | st.integers(1, 30).map(float)),
    }


def rules_of(system, *, faults=None) -> FleetRules:
    seconds = np.array([[[0.0, *system["table"]]]])
    return FleetRules(
        service=Service(seconds, seconds * 50.0),
        batch=BatchRule(len(system["table"])),
        rule=Static(system["replicas"]),
        minimum=system["replicas"],
        maximum=system["replicas"],
        boot_s=lambda: system["boot_s"],
        patience_s=system["patience"],
        idle_w=(10.0,),
        faults=faults,
    )


def run(rules, arrivals_s, until_s=UNTIL_S):
    requests = Requests(np.array(arrivals_s))
    fleet = Fleet(rules, [requests], until_s=until_s, keep_requests=len(arrivals_s))
    return fleet.run()


@given(system=systems())
@settings(max_examples=300)
def test_whoever_is_cut_off_waits_where_it_stood_as_in_the_plain_model(system):
    streams = [[Loss(*loss) for loss in stream] for stream in system["streams"]]
    expected = SpotFleet(
        system["table"],
        system["replicas"],
        system["boot_s"],
        system["falls_back"],
        UNTIL_S,
        system["patience"],
    )
    expected.run(system["arrivals"], streams)
    told = tuple(tuple(Outage(*loss) for loss in stream) for stream in system["streams"])
    faults = Told(told, falls_back=system["falls_back"])
    found = run(rules_of(system, faults=faults), system["arrivals"])
    for name in ("start_s", "finish_s"):
        times = [math.nan if t is None else t for t in getattr(expected, name)]
        np.testing.assert_allclose(getattr(found.per_request, name), times, rtol=1e-9, atol=1e-9)
    assert found.abandoned == len(expected.gave_up)
    assert found.requeued == expected.requeued
    assert found.taken == expected.taken
    assert found.lost_s.sum() == pytest.approx(expected.lost_s, abs=1e-9)
    for state, spent in (
        (READY, found.serving_s),
        (BOOTING, found.booting_s),
        (LEAVING, found.draining_s),
    ):
        expected_s = sum(machine.spent_s[state] for machine in expected.machines)
        assert spent.sum() == pytest.approx(expected_s, rel=1e-9, abs=1e-6), state


@given(system=systems())
@settings(max_examples=100)
def test_outages_that_never_come_change_nothing(system):
    bare = run(rules_of(system), system["arrivals"])
    never = run(rules_of(system, faults=Told((), falls_back=True)), system["arrivals"])
    for name in ("start_s", "finish_s", "status"):
        np.testing.assert_array_equal(
            getattr(never.per_request, name), getattr(bare.per_request, name)
        )
    np.testing.assert_array_equal(never.serving_s, bare.serving_s)
    assert never.instances_over_time == bare.instances_over_time
    assert never.joules.keys() == bare.joules.keys()
    for use, joules in bare.joules.items():
        np.testing.assert_allclose(never.joules[use], joules, rtol=1e-12)


def drawn(seed=1, **changes) -> DrawnFaults:
    spot = {
        "per_hour": 20.0,
        "retry_s": 30.0,
        "filled_share": 0.5,
        "source": "a test",
        "notice_s": 5.0,
        "fallback": "on_demand",
        **changes,
    }
    failures = Failures(
        mean_hours_between=0.2,
        repair=RepairTime(low_hours=0.01, likely_hours=0.02, high_hours=0.03),
        is_paid_in_repair=False,
        source="a test",
    )
    return DrawnFaults(Interruptions.model_validate(spot), failures, seed)


SCALERS = st.sampled_from(
    [lambda: Hpa(0.5, 5.0, 20.0), lambda: QueueLength(3.0, 5.0, 30.0), lambda: Static(4)]
)


@given(
    scaler=SCALERS,
    discipline=st.sampled_from(list(Discipline)),
    slots=st.integers(1, 2),
    host=st.sampled_from([None, HostWork(0.3, 2)]),
    limit=st.sampled_from([-1, 3]),
    patience_s=st.sampled_from([None, 6.0]),
    spot=st.fixed_dictionaries(
        {
            "fallback": st.sampled_from(["on_demand", "none"]),
            "on_demand_instances": st.integers(0, 1),
            "pools": st.integers(1, 2),
        }
    ),
    seed=st.integers(0, 999),
)
@settings(max_examples=60)
def test_a_fleet_that_scales_and_loses_machines_keeps_every_request_and_second(
    scaler, discipline, slots, host, limit, patience_s, spot, seed
):
    rule, random = scaler(), np.random.default_rng(seed)
    arrivals_s = np.sort(random.uniform(0, 1500, 600))
    service = dataclasses.replace(linear_service(2.0, 0.5, 4), front=host, back=host)
    rules = FleetRules(
        service=service,
        batch=BatchRule(4, 1.0),
        rule=rule,
        minimum=4 if isinstance(rule, Static) else 1,
        maximum=4,
        slots=slots,
        boot_s=lambda: 7.0,
        queue_limit=limit,
        patience_s=patience_s,
        discipline=discipline,
        draws=random.random(97),
        replicas_per_instance=2,
        faults=drawn(seed, **spot),
    )
    # The fleet itself refuses a run in which requests, latencies or seconds do not add up.
    requests = Requests(arrivals_s, ranks=random.integers(0, 2, 600))
    found = Fleet(rules, [requests], until_s=2000.0, keep_requests=600).run()
    times = found.per_request
    assert times is not None
    served = times.status == at.STATUS_SERVED
    assert served.sum() == found.served
    assert not (times.finish_s[served] > 2000.0).any()
    assert (times.start_s[served] >= arrivals_s[served]).all()
    assert (found.lost_s.sum() > 0) == (found.requeued > 0)
    assert found.hours[:, at.HOUR_STARTED].sum() == found.latencies + found.in_service
    assert found.hours[:, at.HOUR_BUSY_S].sum() / slots >= found.lost_s.sum() - 1e-6
    falls_back, base = spot["fallback"] == "on_demand", spot["on_demand_instances"]
    most = 4 if falls_back else 2
    assert max(held for _, held in found.instances_over_time) <= most
    kept = max((held for _, held in found.on_demand_over_time), default=0)
    assert kept <= base + (2 if falls_back else 0)


def test_a_pool_is_taken_back_as_often_as_its_rate_says():
    """In up-time, interruptions are a Poisson stream; its share of the time is the closed form."""
    spot = drawn().interruptions
    assert spot is not None
    counts, up_s, away_s = [], [], []
    for seed in range(200):
        stream = interruptions(spot, (0,), np.random.default_rng(seed))
        outages = list(itertools.islice(stream, 40))
        up = [b.notice_s - a.back_s for a, b in itertools.pairwise(outages)]
        counts.append(len(up))
        up_s.append(sum(up))
        away_s.append(sum(outage.back_s - outage.gone_s for outage in outages[1:]))
    expected = sum(up_s) / 3600.0 * spot.pool.per_hour
    assert abs(sum(counts) - expected) < 4 * math.sqrt(expected)
    mean_gone_s = sum(away_s) / sum(counts)
    assert mean_gone_s == pytest.approx(spot.pool.retry_s / spot.pool.filled_share, rel=0.07)
    share = sum(up_s) / (sum(up_s) + sum(away_s))
    assert share == pytest.approx(spot.available_share, rel=0.02)


@pytest.mark.parametrize("is_paid", [True, False])
def test_machines_under_repair_are_there_for_mtbf_over_mtbf_and_mttr(is_paid):
    figures = Failures(
        mean_hours_between=3.0,
        repair=RepairTime(low_hours=0.2, likely_hours=0.5, high_hours=1.1),
        is_paid_in_repair=is_paid,
        source="a test",
    )
    until_s, machines = 60 * 3600.0, 8
    shares, failed, repair_s = [], 0, 0.0
    for seed in range(12):
        rules = FleetRules(
            service=linear_service(1.0, 0.0, 1),
            batch=BatchRule(),
            rule=Static(machines),
            minimum=machines,
            maximum=machines,
            faults=DrawnFaults(None, figures, seed),
        )
        found = Fleet(rules, [], until_s=until_s).run()
        shares.append(found.serving_s.sum() / (machines * until_s))
        repair_s += found.repair_s.sum()
        failed += found.failed
    error = np.std(shares, ddof=1) / math.sqrt(len(shares))
    assert abs(np.mean(shares) - figures.available_share) < 4 * error
    expected = sum(shares) * machines * until_s / 3600.0 / 3.0
    assert abs(failed - expected) < 4 * math.sqrt(expected)
    gone_s = sum(1.0 - share for share in shares) * machines * until_s
    assert repair_s == pytest.approx(gone_s if is_paid else 0.0, rel=1e-9)


def test_the_same_seed_takes_the_same_machines_away_at_every_load():
    until_s, taken = 4 * 3600.0, []
    for count in (10, 4000):
        arrivals_s = np.sort(np.random.default_rng(3).uniform(0, until_s, count))
        rules = FleetRules(
            service=linear_service(1.0, 0.0, 1),
            batch=BatchRule(),
            rule=Static(3),
            minimum=3,
            maximum=3,
            boot_s=lambda: 2.0,
            faults=drawn(7, fallback="none"),
        )
        found = Fleet(rules, [Requests(arrivals_s)], until_s=until_s).run()
        taken.append((found.taken, found.failed))
    assert taken[0] == taken[1]
    assert taken[0][0] > 0
    streams = [drawn(7).outages(3) for _ in range(2)]
    for one, other in zip(*streams, strict=True):
        assert list(itertools.islice(one, 20)) == list(itertools.islice(other, 20))


def test_more_machines_on_demand_than_there_are_is_refused_with_the_numbers():
    rules = FleetRules(
        service=linear_service(1.0, 0.0, 1),
        batch=BatchRule(),
        rule=Static(3),
        minimum=3,
        maximum=3,
        faults=drawn(on_demand_instances=4),
    )
    with pytest.raises(InfeasibleError, match=r"4 instances .* lies on 3"):
        Fleet(rules, [], until_s=1.0)
