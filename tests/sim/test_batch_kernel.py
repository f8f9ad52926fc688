"""The compiled kernel moves requests as the plain model does, one by one."""

import math
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.sim import batch_kernel as kernel
from tco.sim import dispatch_kernel, latency_bins, line_kernel
from tco.sim import kernel_layout as at
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.run import Discipline
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, HostWork, Service, service_table
from tests.oracles.batching import Host, Outcome, Server

FATES = {
    at.STATUS_WAITING: "waiting",
    at.STATUS_SERVED: "served",
    at.STATUS_DROPPED: "dropped",
    at.STATUS_ABANDONED: "abandoned",
}
whole = st.integers(0, 40).map(float)
real = st.floats(0, 40, allow_nan=False)
host_work = st.tuples(
    st.sampled_from([0.25, 1.0, 3.0]),
    st.integers(1, 3),
    st.sampled_from([(1.0,), (0.5, 2.0), (4.0, 1.0, 2.0)]),
)
DRAWS = np.random.default_rng(5).random(997).tolist()
DISCIPLINES = {
    "round robin": Discipline.ROUND_ROBIN,
    "least loaded": Discipline.LEAST_LOADED,
    "two choices": Discipline.TWO_CHOICES,
}


@st.composite
def systems(draw):
    times = draw(st.sampled_from([whole, real]))
    arrivals = sorted(draw(st.lists(times, min_size=1, max_size=40)))
    max_size = draw(st.integers(1, 6))
    positive = st.integers(1, 9).map(float) if times is whole else st.floats(0.01, 9)
    table = sorted(draw(st.lists(positive, min_size=max_size, max_size=max_size)))
    count = len(arrivals)
    replicas = draw(st.integers(1, 4))
    spread = st.sampled_from([(1.0,), (0.5, 1.5), (0.25, 2.0, 1.0)])
    return {
        "arrivals": arrivals,
        "table": table,
        "replicas": replicas,
        "max_size": max_size,
        "max_wait_s": draw(st.sampled_from([0.0, 1.0, 3.0, 2.5])),
        "preferred": draw(st.lists(st.integers(1, max_size), max_size=2)),
        "limit": draw(st.none() | st.integers(0, 8)),
        "patience": draw(st.none() | st.lists(positive, min_size=count, max_size=count)),
        "ranks": draw(st.none() | st.lists(st.integers(0, 1), min_size=count, max_size=count)),
        "discipline": draw(st.none() | st.sampled_from(sorted(DISCIPLINES))),
        "slowness": draw(
            st.none()
            | st.lists(st.sampled_from([1.0, 2.0, 4.0]), min_size=replicas, max_size=replicas)
        ),
        "factors": draw(spread),
        "front": draw(st.none() | host_work),
        "back": draw(st.none() | host_work),
    }


def hands(work) -> Host | None:
    return None if work is None else Host(*work)


def oracle(system) -> list[Outcome]:
    return Server(
        seconds_of=lambda size: system["table"][size - 1],
        replicas=system["replicas"],
        max_size=system["max_size"],
        max_wait_s=system["max_wait_s"],
        preferred=system["preferred"],
        limit=system["limit"],
        patience_s=system["patience"],
        ranks=system["ranks"],
        discipline=system["discipline"],
        draws=DRAWS,
        slowness=system["slowness"],
        factors=system["factors"],
        front=hands(system["front"]),
        back=hands(system["back"]),
    ).run(system["arrivals"])


def host(work) -> HostWork | None:
    return None if work is None else HostWork(work[0], work[1], np.array(work[2]))


def service_of(system) -> Service:
    """Make the service; replicas that are slower by one factor are of one hardware class."""
    kinds = sorted(set(system["slowness"] or [1.0]))
    table = np.array([0.0, *system["table"]])
    seconds = np.array([[table * kind] for kind in kinds])
    return Service(
        seconds,
        seconds * 50.0,
        np.array(system["factors"]),
        host(system["front"]),
        host(system["back"]),
    )


def simulated(system, *, cuts=(), until_s=10_000.0):
    arrivals = np.array(system["arrivals"])
    bounds = [0, *sorted(cuts), arrivals.size]
    ranks = np.array(system["ranks"] or [], dtype=np.int64)
    patience = np.array(system["patience"] or [], dtype=float)
    chunks = [
        Requests(arrivals[a:b], ranks[a:b], patience_s=patience[a:b]) for a, b in pairwise(bounds)
    ]
    slowness = system["slowness"] or [1.0] * system["replicas"]
    rules = FleetRules(
        service=service_of(system),
        batch=BatchRule(system["max_size"], system["max_wait_s"], tuple(system["preferred"])),
        rule=Static(system["replicas"]),
        minimum=system["replicas"],
        maximum=system["replicas"],
        queue_limit=-1 if system["limit"] is None else system["limit"],
        discipline=DISCIPLINES.get(system["discipline"], Discipline.ONE_LINE),
        draws=np.array(DRAWS),
        hardware=tuple(sorted(set(slowness)).index(kind) for kind in slowness),
        idle_w=(10.0, 20.0, 30.0),
    )
    return Fleet(rules, chunks, until_s=until_s, keep_requests=arrivals.size).run()


@given(system=systems())
@settings(max_examples=1500)
def test_every_request_fares_as_in_the_plain_model(system):
    expected = oracle(system)
    found = simulated(system).per_request
    assert [FATES[int(k)] for k in found.status] == [one.fate for one in expected]
    assert [int(k) for k in found.batch] == [one.batch for one in expected]
    for name in ("start_s", "finish_s"):
        times = [math.nan if getattr(o, name) is None else getattr(o, name) for o in expected]
        np.testing.assert_allclose(getattr(found, name), times, rtol=1e-9, atol=1e-9)


@given(system=systems(), cuts=st.lists(st.integers(0, 40), max_size=3))
@settings(max_examples=200)
def test_where_arrivals_are_cut_into_chunks_does_not_matter(system, cuts):
    cuts = [min(cut, len(system["arrivals"])) for cut in cuts]
    whole_run, cut_run = simulated(system), simulated(system, cuts=cuts)
    np.testing.assert_array_equal(whole_run.per_request.start_s, cut_run.per_request.start_s)
    np.testing.assert_array_equal(whole_run.per_request.status, cut_run.per_request.status)
    np.testing.assert_allclose(whole_run.hours, cut_run.hours)


def waited_s(system, found) -> float:
    """Seconds that requests spent in line, from their joining to their start or their leaving."""
    work = hands(system["front"])
    total_s = 0.0
    for number, arrival_s in enumerate(system["arrivals"]):
        joined_s = arrival_s if work is None else work.leaves_s(arrival_s)
        if found.per_request.status[number] == at.STATUS_SERVED:
            total_s += found.per_request.start_s[number] - joined_s
        elif found.per_request.status[number] == at.STATUS_ABANDONED:
            total_s += system["patience"][number]
    return total_s


@given(system=systems())
@settings(max_examples=200)
def test_no_request_is_lost_and_busy_time_is_that_of_the_batches(system):
    found = simulated(system)
    assert found.arrived == len(system["arrivals"])
    assert found.arrived == (
        found.served + found.dropped + found.abandoned + found.waiting + found.in_service
    )
    batches: dict[int, list[float]] = {}
    for start, outcome in zip(found.per_request.start_s, oracle(system), strict=True):
        if outcome.batch >= 0:
            batches.setdefault(outcome.batch, []).append(start)
    assert all(len(set(starts)) == 1 for starts in batches.values())
    busy_s = found.busy_by_hardware.sum()
    assert found.hours[:, at.HOUR_BUSY_S].sum() == pytest.approx(busy_s)
    assert found.hours[:, at.HOUR_BATCHES].sum() == len(batches)
    assert found.hours[:, at.HOUR_WAITING_S].sum() == pytest.approx(waited_s(system, found))
    assert found.histogram.sum() == found.served + found.in_service


@given(
    arrivals=st.lists(st.floats(0, 50), min_size=1, max_size=60).map(sorted),
    seconds=st.floats(0.01, 5),
    parallel=st.integers(1, 5),
    cut=st.integers(0, 60),
)
def test_the_host_stage_is_first_come_first_served(arrivals, seconds, parallel, cut):
    free = [-math.inf] * parallel
    expected = []
    for arrival in arrivals:
        start = max(arrival, min(free))
        free[free.index(min(free))] = start + seconds
        expected.append(start + seconds)
    last = np.full(parallel, -math.inf)
    times = np.array(arrivals)
    found = np.concatenate(
        [
            line_kernel.host_stage(part, 0, seconds, np.empty(0), last)
            for part in (times[:cut], times[cut:])
        ]
    )
    assert found.tolist() == expected


@given(seconds=st.floats(0, 1e9) | st.sampled_from(latency_bins.EDGES_S.tolist()))
def test_a_time_is_counted_in_the_bin_between_whose_edges_it_lies(seconds):
    found = latency_bins.bin_of(seconds)
    if seconds < latency_bins.LEAST_S:
        assert found == 0
    elif found == latency_bins.BINS - 1:
        assert seconds >= latency_bins.EDGES_S[found - 1]
    else:
        assert latency_bins.EDGES_S[found - 1] <= seconds < latency_bins.EDGES_S[found]
        assert latency_bins.middle_s(found) == pytest.approx(seconds, rel=1 / 128)


# ---- the same, not compiled ---------------------------------------------------------------------

KERNEL = (kernel, dispatch_kernel, latency_bins, line_kernel)


@contextmanager
def not_compiled():
    """Run the kernel as the Python that it is written in."""
    with pytest.MonkeyPatch.context() as patch:
        for module in KERNEL:
            for name, function in vars(module).copy().items():
                if hasattr(function, "py_func"):
                    patch.setattr(module, name, function.py_func)
        yield


@given(system=systems())
@settings(max_examples=150)
def test_the_kernel_does_the_same_compiled_and_not(system):
    compiled = simulated(system)
    with not_compiled():
        plain = simulated(system)
    for name in ("start_s", "finish_s", "batch", "status"):
        np.testing.assert_array_equal(
            getattr(compiled.per_request, name), getattr(plain.per_request, name)
        )
    np.testing.assert_allclose(compiled.hours, plain.hours, rtol=1e-12)
    np.testing.assert_array_equal(compiled.histogram, plain.histogram)
    np.testing.assert_array_equal(compiled.waits, plain.waits)


def test_a_line_longer_than_the_first_ring_keeps_its_order_compiled_and_not():
    """Two classes, inputs of two sizes, times of their own, and a host stage in front."""
    count = 700
    seconds = np.array([[[0.0, 1.0, 1.5], [0.0, 2.0, 2.5]]])
    service = Service(seconds, np.ones_like(seconds), np.array([1.0, 1.5]), HostWork(0.25, 3))
    rules = FleetRules(
        service=service,
        batch=BatchRule(2),
        rule=Static(2),
        minimum=2,
        maximum=2,
        goal_s=100.0,
        patience_s=120.0,
    )
    numbers = np.arange(count)
    chunk = Requests(
        np.zeros(count), ranks=numbers % 2, sizes=numbers % 3 // 2, own_s=numbers % 5 / 8
    )

    def run():
        return Fleet(rules, [chunk], until_s=7200.0, keep_requests=count).run()

    compiled = run()
    with not_compiled():
        plain = run()
    np.testing.assert_array_equal(compiled.per_request.finish_s, plain.per_request.finish_s)
    np.testing.assert_allclose(compiled.hours, plain.hours, rtol=1e-12)
    assert compiled.hours[:, at.HOUR_LATE].sum() > 0
    assert compiled.abandoned > 0
    starts = compiled.per_request.start_s
    for rank in (0, 1):
        own = starts[rank::2]
        assert (np.diff(own[np.isfinite(own)]) >= 0).all()


def test_who_shares_one_patience_leaves_as_who_has_it_alone():
    arrivals = np.sort(np.random.default_rng(3).random(300)) * 100

    def run(patience_s, each):
        rules = FleetRules(
            service=service_table(np.array([1.0])),
            batch=BatchRule(),
            rule=Static(2),
            minimum=2,
            maximum=2,
            patience_s=patience_s,
        )
        chunk = Requests(arrivals, ranks=np.arange(300) % 2, patience_s=each)
        return Fleet(rules, [chunk], until_s=500.0, keep_requests=300).run()

    alike, alone = run(7.0, np.empty(0)), run(None, np.full(300, 7.0))
    np.testing.assert_array_equal(alike.per_request.status, alone.per_request.status)
    np.testing.assert_array_equal(alike.per_request.start_s, alone.per_request.start_s)
    assert alike.abandoned > 50
