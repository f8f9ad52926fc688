"""Routes: requests go through steps, each on a fleet, an API or anything else that serves.

A step only hands on: nothing behind it changes what it does. So the steps are simulated one after
the other, each on the recorded moments at which those before it hand on, by the engines of a fleet
that stands alone. That is exact, takes no longer than the steps by themselves, and makes what a
route uses the sum of what its steps use. A fleet that would serve a step and another behind it is
refused: what it hands on would come back to it.

Who goes where is drawn by the number of the request, so that the same requests escalate in every
scenario. Of what happens at one instant, what comes to a step is in the order of those numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tco.domain.route import broken, in_order
from tco.errors import InfeasibleError, NotFoundError
from tco.sim import kernel_layout as at
from tco.sim.run import NONE_WHOLE, NOTHING, FleetRecord, Requests

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]
GOES, CALLS = 11, 12
"""What is drawn for a step, each from a stream of its own."""
NOT_THERE = -1
"""Fate of a request that does not come to a step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a route, and which requests come to it."""

    name: str
    station: str
    """What serves it; steps may share one."""
    after: tuple[str, ...] = ()
    """It begins when it is known what became of a request at all of these; none: requests enter."""
    takes_refused: bool = False
    """Whether it takes what those steps turned away or lost, not what they answered."""
    draw: str = ""
    """Which of the uniform numbers of a request decides; the ways of a split share one."""
    low: float = 0.0
    high: float = 1.0
    """A request comes where that number lies from low to below high [-]."""
    high_by_class: tuple[float, ...] = ()
    """The upper bound for each class of requests; empty where all are alike [-]."""
    calls: float = 1.0
    """Calls that a request makes at once, as a mean [-]."""
    hand_over_s: float = 0.0

    @property
    def takes_all(self) -> bool:
        """Whether nothing is drawn for it."""
        return not self.high_by_class and self.low <= 0.0 and self.high >= 1.0


@dataclass(frozen=True, slots=True)
class Route:
    """Steps, each behind those that it comes after."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Route:
        """Put steps in order, and refuse circles and fleets to which their own work comes back."""
        by_name = {step.name: step for step in steps}
        after = {step.name: step.after for step in steps}
        wrong = broken(after)
        if wrong is not None:
            raise InfeasibleError(wrong.says)
        order = in_order(after)
        route = cls(tuple(by_name[name] for name in order))
        _ = route.stations
        return route

    @property
    def stations(self) -> tuple[str, ...]:
        """What serves, each behind all that hands on to it."""
        station_of = {step.name: step.station for step in self.steps}
        before: dict[str, set[str]] = {station: set() for station in station_of.values()}
        for step in self.steps:
            before[step.station] |= {station_of[name] for name in step.after}
        order: list[str] = []
        while len(order) < len(before):
            ready = [name for name in before if name not in order and before[name] <= set(order)]
            if not ready:
                stuck = next(name for name in before if name not in order)
                steps = ", ".join(step.name for step in self.steps if step.station == stuck)
                raise InfeasibleError(
                    f"'{stuck}' serves {steps}, and what it hands on comes back to it or a fleet "
                    "before it; such a route cannot be simulated step by step. Give the later step "
                    "a fleet of its own, or serve it through an API"
                )
            order += ready
        return tuple(order)

    def up_to(self, station: str) -> Route:
        """Return the part that decides what comes to a station, its own steps included."""
        order = self.stations
        needed = {station}
        for name in reversed(order[: order.index(station) + 1]):
            if name in needed:
                before = {b for step in self.steps if step.station == name for b in step.after}
                needed |= {step.station for step in self.steps if step.name in before}
        return Route(tuple(step for step in self.steps if step.station in needed))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of calls, one value each."""

    status: Whole
    """Codes as in the kernel's layout."""
    ends_s: Array
    """When each was answered, turned away or gave up [s]; nan for who waits for ever."""
    record: FleetRecord | None = None
    """What the fleet did; None where somebody else's machines serve."""
    first_token_s: Array = field(default_factory=lambda: NOTHING)
    """Empty where answers come whole."""


class Station(Protocol):
    """What serves a step."""

    def calls(self, arrivals_s: Array) -> Requests:
        """Return the calls of requests as if all came here when they enter the route.

        Each belongs to a request by its owner; without owners there is one call a request, in
        their order.
        """

    def serve(self, calls: Requests) -> Outcome:
        """Serve calls, in order of time, to the last."""


@dataclass(frozen=True, slots=True)
class StationRun:
    """What came to a station, and what it did."""

    calls: Requests
    """Its recorded arrivals; each belongs to a request by its owner."""
    steps: Whole
    """Which of its steps each call is of; empty if it has one."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class StepRun:
    """What became of each request at one step."""

    begins_s: Array
    """When its calls come [s]; nan where it does not come."""
    settled_s: Array
    """When the last of its calls is answered or lost; where it does not come, when that is known;
    nan where it waits for ever [s]."""
    status: Whole
    """Fate of each request at this step."""
    calls: int

    @property
    def visited(self) -> Mask:
        """Whether a request comes here."""
        return np.asarray(self.status != NOT_THERE)

    @property
    def answered(self) -> Mask:
        """Whether all its calls are answered."""
        return np.asarray(self.status == at.STATUS_SERVED)

    @property
    def refused(self) -> Mask:
        """Whether a call of it was turned away or gave up."""
        return np.asarray((self.status == at.STATUS_DROPPED) | (self.status == at.STATUS_ABANDONED))


@dataclass(frozen=True, slots=True)
class RouteRun:
    """What became of requests on a route."""

    route: Route
    arrivals_s: Array
    steps: dict[str, StepRun]
    stations: dict[str, StationRun]
    ends_s: Array
    """When the last step of each request was done [s]; nan where it was not answered."""
    status: Whole
    """Fate of each request; what one step loses and no other takes up is lost."""


def run_route(
    route: Route,
    stations: Mapping[str, Station],
    arrivals_s: Array,
    *,
    seed: int,
    classes: Whole | None = None,
) -> RouteRun:
    """Send requests through a route to their last step.

    Args:
        route: The steps.
        stations: What serves them, by name.
        arrivals_s: When requests enter, ascending [s].
        seed: Seed of who goes where; the same one sends the same requests the same way.
        classes: Class of each request; needed where a step takes some classes more than others.
    """
    if any(step.high_by_class for step in route.steps) and classes is None:
        raise InfeasibleError("a step takes requests by their class, and the requests have none")
    steps: dict[str, StepRun] = {}
    runs: dict[str, StationRun] = {}
    for name in route.stations:
        if name not in stations:
            raise NotFoundError("station", name, stations, "Say what serves each step.")
        seen = stations[name].calls(arrivals_s)
        asked = []
        for step in route.steps:
            if step.station == name:
                known_s, comes = _reached(step, route, steps, arrivals_s)
                if not step.takes_all:
                    comes = comes & _is_sent(step, arrivals_s.size, seed, classes)
                begins_s = np.where(comes, known_s, np.nan)
                if step.hand_over_s:
                    begins_s += step.hand_over_s
                calls = _calls_of(step, begins_s, seen, arrivals_s, seed)
                is_single = step.calls == 1.0 and not seen.owners.size
                asked.append(_Asked(step, known_s, begins_s, *calls, is_single))
        runs[name] = _served(stations[name], seen, asked)
        steps |= {part.step.name: _step_run(part, runs[name], k) for k, part in enumerate(asked)}
    return RouteRun(route, arrivals_s, steps, runs, *_ends(route, steps, arrivals_s.size))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a step asks of its station."""

    step: Step
    known_s: Array
    """When it is known whether each request comes [s]."""
    begins_s: Array
    places: Whole
    """Of each call, its place among all calls as seen by the station."""
    owners: Whole
    times_s: Array
    is_single: bool
    """Whether no request makes more than one call."""


def _uniform(count: int, seed: int, what: int, name: str) -> Array:
    """Return a number for each request that depends on nothing but its own number [-]."""
    return np.random.default_rng([seed, what, crc32(name.encode())]).random(count)


def _is_sent(step: Step, count: int, seed: int, classes: Whole | None) -> Mask:
    """Tell which requests are sent to a step, should they get so far."""
    number = _uniform(count, seed, GOES, step.draw or step.name)
    high: float | Array = step.high
    if step.high_by_class:
        assert classes is not None
        high = np.array(step.high_by_class)[classes]
    return np.asarray((number >= step.low) & (number < high))


def _reached(
    step: Step, route: Route, runs: Mapping[str, StepRun], arrivals_s: Array
) -> tuple[Array, Mask]:
    """Return when the steps before are settled [s], and which requests get so far."""
    if not step.after:
        return arrivals_s, np.ones(arrivals_s.size, dtype=np.bool_)
    first, *others = [runs[name] for name in step.after]
    known_s = first.settled_s
    comes = first.refused if step.takes_refused else first.answered
    for run in others:
        known_s = np.maximum(known_s, run.settled_s)
        comes = comes | (run.refused if step.takes_refused else run.answered)
    if others and not step.takes_refused:
        for name in step.after:
            if not _stand_ins(route, name, step.after):
                comes &= runs[name].answered | ~runs[name].visited
    return known_s, comes & ~np.isnan(known_s)


def _stand_ins(route: Route, name: str, among: Sequence[str]) -> list[str]:
    """Return the steps among some that take what a step refuses."""
    return [s.name for s in route.steps if s.takes_refused and name in s.after and s.name in among]


def _calls_of(
    step: Step, begins_s: Array, seen: Requests, arrivals_s: Array, seed: int
) -> tuple[Whole, Whole, Array]:
    """Return the place of each call among those seen, its request, and when it comes [s]."""
    comes = ~np.isnan(begins_s)
    if seen.owners.size:
        places = np.flatnonzero(comes[seen.owners])
        owners = seen.owners[places]
        times_s = begins_s[owners] + (seen.arrivals_s[places] - arrivals_s[owners])
    else:
        places = owners = np.flatnonzero(comes)
        times_s = begins_s[owners]
    if step.calls == 1.0:
        return places, owners, times_s
    whole = math.floor(step.calls)
    has_more = _uniform(arrivals_s.size, seed, CALLS, step.name) < step.calls - whole
    counts = (whole + has_more)[owners]
    return places.repeat(counts), owners.repeat(counts), times_s.repeat(counts)


def _served(station: Station, seen: Requests, asked: Sequence[_Asked]) -> StationRun:
    """Let a station serve the calls of its steps in order of time, at one instant by request."""
    if len(asked) == 1:
        [part] = asked
        places, owners, times_s = part.places, part.owners, part.times_s
        order = np.argsort(times_s, kind="stable")
        steps = NONE_WHOLE
    else:
        places = np.concatenate([part.places for part in asked])
        owners = np.concatenate([part.owners for part in asked])
        times_s = np.concatenate([part.times_s for part in asked])
        order = np.lexsort((owners, times_s))
        steps = np.repeat(np.arange(len(asked)), [part.owners.size for part in asked])[order]
    columns = {
        name: known[places[order]]
        for name in (column.name for column in fields(Requests))
        if name not in ("arrivals_s", "owners") and (known := getattr(seen, name)).size
    }
    calls = Requests(times_s[order], owners=owners[order], **columns)
    return StationRun(calls, steps, station.serve(calls))


def _step_run(part: _Asked, run: StationRun, number: int) -> StepRun:
    """Bring the calls of each request together: it is done when the last of them is."""
    owners, fates, ends_s = run.calls.owners, run.outcome.status, run.outcome.ends_s
    if run.steps.size:
        mine = run.steps == number
        owners, fates, ends_s = owners[mine], fates[mine], ends_s[mine]
    is_absent = np.isnan(part.begins_s)
    settled_s = np.where(is_absent, part.known_s, part.begins_s)
    status = np.where(is_absent, NOT_THERE, at.STATUS_SERVED)
    if part.is_single:
        settled_s[owners], status[owners] = ends_s, fates
        return StepRun(part.begins_s, settled_s, status, owners.size)
    np.maximum.at(settled_s, owners, ends_s)
    # What is worse for a request is written last.
    for fate in (at.STATUS_ABANDONED, at.STATUS_DROPPED, at.STATUS_WAITING):
        status[owners[fates == fate]] = fate
    return StepRun(part.begins_s, settled_s, status, owners.size)


def _ends(route: Route, runs: Mapping[str, StepRun], count: int) -> tuple[Array, Whole]:
    """Return when each request was done with its last step [s], and its fate."""
    ends_s = np.full(count, -math.inf)
    status = np.full(count, at.STATUS_SERVED)
    names = [step.name for step in route.steps]
    for name in names:
        run = runs[name]
        answered = run.answered
        np.maximum(ends_s, run.settled_s, out=ends_s, where=answered)
        if answered.all():
            continue
        lost = run.visited & ~run.answered & (status != at.STATUS_WAITING)
        for other in _stand_ins(route, name, names):
            lost &= ~runs[other].visited
        status[lost] = run.status[lost]
    ends_s[status != at.STATUS_SERVED] = np.nan
    return ends_s, status
