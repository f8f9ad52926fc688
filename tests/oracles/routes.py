"""Routes as a plain SimPy model: one clock for all steps, one event for each thing that happens.

Shares no code with the package. At one instant: services end, then lines move up, then patience
ends, then calls come, place by place along the route and at each by number of request.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import simpy

from tests.oracles.instants import act_at

END, MOVE_UP, LEAVE, COME = range(4)


@dataclass
class Place:
    """Servers in front of one line, who comes first first."""

    seconds: float
    servers: int
    limit: int | None = None
    patience_s: float | None = None


@dataclass
class Step:
    name: str
    place: str
    goes: Sequence[bool]
    """Whether each request is sent here, should it get so far."""
    after: Sequence[str] = ()
    takes_refused: bool = False
    calls: int = 1
    hand_over_s: float = 0.0


@dataclass
class Visit:
    """A request at a step: what became of it, once that is known."""

    fate: str | None = None
    begins_s: float | None = None
    settled_s: float | None = None
    open_calls: int = 0
    lost: bool = False


@dataclass
class Line:
    free: int
    waiting: list[tuple[int, int, int]] = field(default_factory=list)
    coming: list[tuple[float, int, int, int]] = field(default_factory=list)


class Routed:
    def __init__(self, places: dict[str, Place], steps: Sequence[Step]):
        self.places, self.steps = places, list(steps)
        self.number = {step.name: k for k, step in enumerate(self.steps)}
        self.depth = dict.fromkeys(places, 0)
        for _ in places:
            for step in self.steps:
                for name in step.after:
                    before = self.depth[self.steps[self.number[name]].place]
                    self.depth[step.place] = max(self.depth[step.place], before + 1)

    def run(self, arrivals_s: Sequence[float]) -> list[dict[str, Visit]]:
        self.environment = simpy.Environment()
        self.lines = {name: Line(place.servers) for name, place in self.places.items()}
        self.visits = [{step.name: Visit() for step in self.steps} for _ in arrivals_s]
        for request, at_s in enumerate(arrivals_s):
            self._at(at_s, MOVE_UP, lambda r=request: self._enter(r))
        self.environment.run()
        return self.visits

    def _at(self, at_s, order, action):
        act_at(self.environment, at_s, order, action)

    def _enter(self, request):
        for step in self.steps:
            if not step.after:
                self._decide(request, step)
        self._go_on(request)

    def _go_on(self, request):
        """Decide on every step of which all that stands before is settled."""
        visits, changed = self.visits[request], True
        while changed:
            changed = False
            for step in self.steps:
                open_ = visits[step.name].fate is None and visits[step.name].begins_s is None
                if step.after and open_ and all(visits[n].fate for n in step.after):
                    self._decide(request, step)
                    changed = True

    def _decide(self, request, step):
        visits, now_s = self.visits[request], self.environment.now
        visit = visits[step.name]
        fates = {name: visits[name].fate for name in step.after}
        if not step.after:
            comes = True
        elif step.takes_refused:
            comes = "refused" in fates.values()
        else:
            comes = "answered" in fates.values()
            for name, fate in fates.items():
                others = [self.steps[self.number[n]] for n in step.after]
                taken_up = any(other.takes_refused and name in other.after for other in others)
                comes = comes and (fate != "refused" or taken_up)
        if not comes or not step.goes[request]:
            visit.fate, visit.settled_s = "absent", now_s
            return
        visit.begins_s, visit.open_calls = now_s + step.hand_over_s, step.calls
        if step.calls == 0:
            self._at(visit.begins_s, MOVE_UP, lambda: self._settle(request, step))
        line = self.lines[step.place]
        for call in range(step.calls):
            heapq.heappush(line.coming, (visit.begins_s, request, self.number[step.name], call))
            order = COME + self.depth[step.place]
            self._at(visit.begins_s, order, lambda: self._come(step.place))

    def _come(self, name):
        line, place = self.lines[name], self.places[name]
        _, request, number, nth = heapq.heappop(line.coming)
        call = request, number, nth
        if line.free:
            self._serve(name, call)
        elif place.limit is not None and len(line.waiting) >= place.limit:
            self._close(call, lost=True)
        else:
            line.waiting.append(call)
            if place.patience_s is not None:
                leaves_s = self.environment.now + place.patience_s
                self._at(leaves_s, LEAVE, lambda: self._leave(name, call))

    def _serve(self, name, call):
        self.lines[name].free -= 1
        ends_s = self.environment.now + self.places[name].seconds
        self._at(ends_s, END, lambda: self._end(name, call))

    def _end(self, name, call):
        self.lines[name].free += 1
        self._at(self.environment.now, MOVE_UP, lambda: self._move_up(name))
        self._close(call, lost=False)

    def _move_up(self, name):
        line = self.lines[name]
        while line.free and line.waiting:
            self._serve(name, line.waiting.pop(0))

    def _leave(self, name, call):
        waiting = self.lines[name].waiting
        if call in waiting:
            waiting.remove(call)
            self._close(call, lost=True)

    def _close(self, call, *, lost):
        request, number, _ = call
        visit = self.visits[request][self.steps[number].name]
        visit.open_calls -= 1
        visit.lost = visit.lost or lost
        if visit.open_calls == 0:
            self._settle(request, self.steps[number])

    def _settle(self, request, step):
        visit = self.visits[request][step.name]
        visit.fate = "refused" if visit.lost else "answered"
        visit.settled_s = self.environment.now
        self._go_on(request)
