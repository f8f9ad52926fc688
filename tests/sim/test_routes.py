"""Routes: the same times as a plain model of the whole, and nothing lost on the way."""

import math
from dataclasses import replace
from functools import partial
from itertools import product
from operator import itemgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.errors import InfeasibleError, NotFoundError
from tco.sim import api
from tco.sim import kernel_layout as at
from tco.sim.api import ApiRules
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.routes import Route, Step, run_route
from tco.sim.scaling import Hpa, Static
from tco.sim.service import BatchRule, linear_service
from tco.sim.stations import ApiStation, FleetStation
from tests.oracles import routes as plain

FATES = {
    -1: "absent",
    at.STATUS_SERVED: "answered",
    at.STATUS_DROPPED: "refused",
    at.STATUS_ABANDONED: "refused",
}
CLASSES = 3
NAMES = "abcde"


def fleet_of(place: plain.Place) -> FleetStation:
    return FleetStation(
        lambda: FleetRules(
            service=linear_service(place.seconds, 0.0, 1),
            batch=BatchRule(),
            rule=Static(place.servers),
            minimum=place.servers,
            maximum=place.servers,
            queue_limit=-1 if place.limit is None else place.limit,
            patience_s=place.patience_s,
        ),
        until_s=1.0,
    )


# Made once: to make a strategy takes longer than to draw from it.
VISITORS = st.lists(
    st.tuples(st.integers(0, 12).map(float), st.integers(0, CLASSES - 1)), min_size=1, max_size=14
)
PLACES = st.builds(
    plain.Place,
    st.sampled_from([1.0, 2.0, 3.0, 4.0]),
    st.integers(1, 3),
    st.sampled_from([None, None, 0, 1, 2, 3]),
    st.sampled_from([None, None, 1.0, 2.0, 3.0, 4.0, 5.0]),
)
LENGTHS = st.integers(1, len(NAMES))
ANY_OF = [st.integers(0, 2**number - 1) for number in range(len(NAMES))]
"""Some of the steps before, each a bit."""
CHANCES = st.integers(0, 11)
BY_CLASS = st.sampled_from([*[()] * 8, *product([0.0, 1.0], repeat=CLASSES)])
CALLS = st.sampled_from([1.0, 1.0, 1.0, 2.0, 3.0, 0.0])
BOOLEANS = st.booleans()
HAND_OVERS_S = st.sampled_from([0.0, 0.0, 1.0, 2.0])


@st.composite
def routes(draw):
    """Any graph of up to five steps, ties and all; classes say who goes where."""
    arrivals, classes = zip(*sorted(draw(VISITORS), key=itemgetter(0)), strict=True)
    places: dict[str, plain.Place] = {}
    steps: list[Step] = []
    behind: dict[str, set[str]] = {}
    """Stations that each hands on to, if not at once."""
    for number, name in enumerate(NAMES[: draw(LENGTHS)]):
        some = draw(ANY_OF[number])
        after = tuple(before.name for k, before in enumerate(steps) if some >> k & 1)
        before = {step.station for step in steps if step.name in after}
        # What a station hands on must not come back to it.
        free = [s for s in places if not before & (behind[s] | {s})]
        chance = draw(CHANCES)
        station = free[chance % len(free)] if free and chance >= 12 * 2 / (2 + len(free)) else name
        if station == name:
            places[name], behind[name] = draw(PLACES), set()
        for other, known in behind.items():
            if other in before or known & before:
                known.update({station}, behind[station])
        steps.append(
            Step(
                name,
                station,
                after,
                takes_refused=bool(after) and draw(BOOLEANS),
                high_by_class=draw(BY_CLASS),
                calls=draw(CALLS),
                hand_over_s=draw(HAND_OVERS_S),
            )
        )
    return list(arrivals), list(classes), places, steps


def plain_step(step: Step, classes) -> plain.Step:
    by_class = step.high_by_class or (1.0,) * CLASSES
    goes = [by_class[kind] == 1.0 for kind in classes]
    return plain.Step(
        step.name,
        step.station,
        goes,
        step.after,
        step.takes_refused,
        int(step.calls),
        step.hand_over_s,
    )


def simulated(arrivals, classes, places, steps):
    return run_route(
        Route.of(steps),
        {name: fleet_of(place) for name, place in places.items()},
        np.array(arrivals),
        seed=1,
        classes=np.array(classes),
    )


@given(case=routes())
@settings(max_examples=600)
def test_every_request_fares_as_in_the_plain_model(case):
    arrivals, classes, places, steps = case
    found = simulated(*case)
    visits = plain.Routed(places, [plain_step(step, classes) for step in steps]).run(arrivals)
    for step in steps:
        run, own = found.steps[step.name], [visit[step.name] for visit in visits]
        assert [FATES[int(k)] for k in run.status] == [visit.fate for visit in own]
        for name in ("begins_s", "settled_s"):
            times = [getattr(visit, name) for visit in own]
            expected = [math.nan if t is None else t for t in times]
            np.testing.assert_allclose(getattr(run, name), expected, rtol=1e-9, atol=1e-9)


@given(case=routes())
@settings(max_examples=200)
def test_no_request_is_lost_and_a_request_ends_with_its_last_step(case):
    arrivals, _, _, steps = case
    found = simulated(*case)
    counts = [int((found.status == fate).sum()) for fate in range(4)]
    assert sum(counts) == len(arrivals)
    assert counts[at.STATUS_WAITING] == 0, "every fleet here serves to the last"
    for name, run in found.steps.items():
        step = next(step for step in steps if step.name == name)
        assert run.calls == run.visited.sum() * step.calls
        served = run.answered & (found.status == at.STATUS_SERVED)
        assert (found.ends_s[served] >= run.settled_s[served]).all()
        if step.after and not step.takes_refused:
            passed = [found.steps[before].answered for before in step.after]
            assert (np.logical_or.reduce(passed) | ~run.visited).all()
    for run in found.stations.values():
        record = run.outcome.record
        assert record.arrived == record.served + record.dropped + record.abandoned
        assert record.arrived == run.calls.arrivals_s.size


@given(case=routes())
@settings(max_examples=100)
def test_a_route_uses_what_its_fleets_use_on_their_recorded_arrivals(case):
    _, _, places, _ = case
    found = simulated(*case)
    for name, run in found.stations.items():
        calls = run.calls
        if not calls.arrivals_s.size:
            continue
        alone = Fleet(
            fleet_of(places[name]).rules(),
            [Requests(calls.arrivals_s)],
            until_s=max(1.0, float(calls.arrivals_s[-1])),
        ).run(to_the_last=True)
        np.testing.assert_array_equal(alone.hours, run.outcome.record.hours)
        assert alone.instances_over_time == run.outcome.record.instances_over_time
        assert alone.simulated_s == run.outcome.record.simulated_s


# ---- what is drawn -------------------------------------------------------------------------------


def fast(servers: int = 50) -> FleetStation:
    return fleet_of(plain.Place(0.01, servers))


def cascade(escalate: float) -> Route:
    return Route.of([Step("small", "s"), Step("large", "l", ("small",), high=escalate)])


def run(route: Route, count: int = 20_000, seed: int = 7, **stations):
    names = {step.station for step in route.steps}
    served = {name: stations.get(name, fast()) for name in names}
    return run_route(route, served, np.linspace(0.0, count / 10, count), seed=seed)


def test_a_cascade_escalates_its_share_and_the_same_requests_in_every_scenario():
    some, more = run(cascade(0.1)), run(cascade(0.25))
    up, also = some.steps["large"].visited, more.steps["large"].visited
    assert up.mean() == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / 20_000))
    assert also.mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.1875 / 20_000))
    assert also[up].all(), "who escalates at a tenth escalates at a quarter"
    slower = run(cascade(0.1), s=fleet_of(plain.Place(3.0, 400)))
    np.testing.assert_array_equal(slower.steps["large"].visited, up)
    assert (run(cascade(0.1), seed=8).steps["large"].visited != up).any()


def test_the_ways_of_a_split_are_taken_by_each_request_once():
    split = partial(Step, draw="way")
    route = Route.of([split("old", "s", high=0.95), split("new", "l", low=0.95)])
    found = run(route)
    old, new = found.steps["old"].visited, found.steps["new"].visited
    assert (old ^ new).all()
    assert new.mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.0475 / 20_000))


def test_calls_of_a_fan_out_keep_their_mean():
    route = Route.of([Step("plan", "s"), Step("work", "l", ("plan",), calls=2.3)])
    found = run(route)
    owners = found.stations["l"].calls.owners
    counts = np.bincount(owners, minlength=20_000)
    assert set(counts) == {2, 3}
    assert counts.mean() == pytest.approx(2.3, abs=4 * math.sqrt(0.21 / 20_000))


def test_what_a_full_fleet_refuses_goes_to_its_fallback_and_is_answered():
    own = fleet_of(plain.Place(1.0, 1, limit=2))
    route = Route.of([Step("own", "s"), Step("overflow", "l", ("own",), takes_refused=True)])
    found = run(route, 500, s=own)
    refused = found.stations["s"].outcome.record.dropped
    assert refused > 400
    assert found.steps["overflow"].visited.sum() == refused
    assert (found.status == at.STATUS_SERVED).all()


def test_a_chain_takes_the_sum_of_its_steps_and_branches_the_longest():
    chain = Route.of([Step("a", "a"), Step("b", "b", ("a",), hand_over_s=0.5)])
    of = {name: fleet_of(plain.Place(seconds, 9)) for name, seconds in {"a": 2.0, "b": 3.0}.items()}
    alone = run_route(chain, of, np.array([1.0]), seed=1)
    assert alone.ends_s.tolist() == [6.5]
    branches = Route.of([Step("a", "a"), Step("b", "b"), Step("vote", "v", ("a", "b"))])
    both = run_route(branches, {**of, "v": fleet_of(plain.Place(0.25, 1))}, np.array([1.0]), seed=1)
    assert both.ends_s.tolist() == [4.25]


def test_a_vendors_api_answers_by_its_law_and_loses_what_its_limit_turns_away():
    law = ApiRules(latency=api.Quantiles(((0.5, 2.0), (0.95, 8.0))))
    found = run(cascade(1.0), l=ApiStation(law, (1.0, 0.0, 1.0), 1))
    taken_s = found.steps["large"].settled_s - found.steps["large"].begins_s
    assert np.quantile(taken_s, [0.5, 0.95]) == pytest.approx([2.0, 8.0], rel=0.06)
    limited = replace(law, limits=(api.Limit("calls", 60.0, 60.0, per_call=1.0),))
    found = run(cascade(1.0), l=ApiStation(limited, (1.0, 0.0, 1.0), 1))
    assert found.steps["large"].refused.mean() == pytest.approx(0.9, abs=0.01)
    assert (found.status == at.STATUS_DROPPED).sum() == found.steps["large"].refused.sum()


def test_a_fleet_that_scales_serves_a_step_as_it_would_alone():
    scaled = FleetStation(
        lambda: FleetRules(
            service=linear_service(0.5, 0.0, 1), batch=BatchRule(), rule=Hpa(0.6), minimum=1,
            maximum=20, boot_s=lambda: 30.0,
        ),
        until_s=1800.0,
    )  # fmt: skip
    found = run(cascade(0.5), 10_000, l=scaled)
    record = found.stations["l"].outcome.record
    assert record.peak_replicas > 1
    alone = Fleet(scaled.rules(), [Requests(found.stations["l"].calls.arrivals_s)],
                  until_s=1800.0).run(to_the_last=True)  # fmt: skip
    assert alone.replicas_over_time == record.replicas_over_time


# ---- closed form ---------------------------------------------------------------------------------


def test_two_exponential_servers_in_a_row_are_two_queues_apart():
    """Burke: what leaves M/M/1 is Poisson again, so each step waits as if it stood alone."""
    count, rate = 400_000, 0.7
    random = np.random.default_rng(3)
    arrivals_s = np.cumsum(random.exponential(1 / rate, count))
    stations = {}
    for name in "ab":
        service = replace(linear_service(1.0, 0.0, 1), factors=random.exponential(1.0, count))
        rules = FleetRules(service, BatchRule(), Static(1), 1, 1)
        stations[name] = FleetStation(partial(replace, rules), 1.0)
    found = run_route(
        Route.of([Step("a", "a"), Step("b", "b", ("a",))]), stations, arrivals_s, seed=1
    )
    expected = 1.0 / (1.0 - rate)
    spent = {name: run.settled_s - run.begins_s for name, run in found.steps.items()}
    for taken_s in spent.values():
        blocks = [part.mean() for part in np.array_split(taken_s[count // 10 :], 40)]
        error = np.std(blocks, ddof=1) / math.sqrt(40)
        assert abs(np.mean(blocks) - expected) <= 4 * error
        assert 4 * error <= 0.12 * expected, "narrow enough to tell"
    # Product form: what one queue holds says nothing of the other at the same moment.
    moments = arrivals_s[count // 10 :: 50]
    held = [
        np.searchsorted(np.sort(run.begins_s), moments)
        - np.searchsorted(np.sort(run.settled_s), moments)
        for run in found.steps.values()
    ]
    both_empty = np.mean((held[0] == 0) & (held[1] == 0))
    error = math.sqrt(0.09 * 0.91 / (moments.size / 4))
    assert abs(both_empty - (1 - rate) ** 2) <= 4 * error


# ---- what is refused -----------------------------------------------------------------------------


def test_routes_that_go_round_are_refused_and_the_circle_is_named():
    steps = [
        Step("plan", "p", ("answer",)),
        Step("work", "w", ("plan",)),
        Step("answer", "a", ("work",)),
    ]
    with pytest.raises(InfeasibleError, match=r"circle: plan after answer after work after plan"):
        Route.of(steps)


def test_a_step_after_none_that_there_is_names_what_is_near():
    with pytest.raises(
        InfeasibleError, match=r"'answer' comes after 'retreive', which is no step.*retrieve"
    ):
        Route.of([Step("retrieve", "r"), Step("answer", "a", ("retreive",))])


def test_a_fleet_that_its_own_work_comes_back_to_is_refused():
    steps = [Step("plan", "llm"), Step("work", "w", ("plan",)), Step("answer", "llm", ("work",))]
    with pytest.raises(InfeasibleError, match=r"'llm' serves plan, answer.*fleet of its own"):
        Route.of(steps)


def test_a_step_that_nothing_serves_is_refused():
    with pytest.raises(NotFoundError, match="no station 'l'"):
        run_route(cascade(0.5), {"s": fast()}, np.zeros(1), seed=1)


def test_requests_without_a_class_cannot_be_sent_by_it():
    route = Route.of([Step("a", "s", high_by_class=(0.0, 1.0))])
    with pytest.raises(InfeasibleError, match="by their class"):
        run_route(route, {"s": fast()}, np.zeros(1), seed=1)
