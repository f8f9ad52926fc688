"""Dynamic batching over replicas as a plain SimPy model: one event a request, nothing clever.

Shares no code with the package. At one instant: ends of batches, then wait limits, then control,
then lost patience, then requests that leave the host, then joining by index. After each event
batches start where they can, those of lower lines first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import simpy

from tests.oracles.instants import act_at

END, LIMIT, CONTROL, LOOK, LEAVE, HOST, ARRIVE = range(7)
NOBODY_READY = -1
"""The line of requests that come while no replica takes work."""


@dataclass
class Outcome:
    start_s: float | None = None
    finish_s: float | None = None
    batch: int = -1
    fate: str = "waiting"


@dataclass
class Host:
    """Hands that do some work for each request, who comes first first."""

    seconds: float
    parallel: int
    factors: Sequence[float] = (1.0,)

    def __post_init__(self):
        self.free_s = [0.0] * self.parallel
        self.done = 0

    def leaves_s(self, now_s: float) -> float:
        hand = self.free_s.index(min(self.free_s))
        takes_s = self.seconds * self.factors[self.done % len(self.factors)]
        self.free_s[hand] = max(now_s, self.free_s[hand]) + takes_s
        self.done += 1
        return self.free_s[hand]


@dataclass
class Server:
    """Lines, replicas and rules; with ``discipline`` each replica has a line of its own."""

    seconds_of: Callable[[int], float]
    replicas: int
    max_size: int
    max_wait_s: float = 0.0
    preferred: Sequence[int] = ()
    limit: int | None = None
    patience_s: Sequence[float] | None = None
    ranks: Sequence[int] | None = None
    discipline: str | None = None
    draws: Sequence[float] = ()
    slowness: Sequence[float] | None = None
    """Factor on the seconds by replica: unlike hardware."""
    factors: Sequence[float] = (1.0,)
    front: Host | None = None
    back: Host | None = None
    environment: simpy.Environment = field(default_factory=simpy.Environment)

    def run(self, arrivals_s: Sequence[float]) -> list[Outcome]:
        self.outcomes = [Outcome() for _ in arrivals_s]
        self.lines: dict[int, list[int]] = {NOBODY_READY: []}
        self.lines |= {line: [] for line in range(self.replicas if self.discipline else 1)}
        self.joined: dict[int, tuple[float, int]] = {}
        self.served_at: dict[int, list[int]] = {k: [] for k in range(self.replicas)}
        everybody = list(range(self.replicas))
        self.serving = {line: [line] if self.discipline else everybody for line in self.lines}
        self.serving[NOBODY_READY] = []
        self.free = [True] * self.replicas
        self.ready = list(range(self.replicas))
        self.numbers, self.turns = itertools.count(), itertools.count()
        self.uniform = itertools.cycle(self.draws)
        self.last_line = -1
        self.arriving: list[int] = []
        for index, at_s in enumerate(arrivals_s):
            if self.front is None:
                self._at(at_s, ARRIVE, partial(self._arrive, index))
            else:
                self._at(self.front.leaves_s(at_s), HOST, partial(self._leave_host, index))
        self.environment.run()
        return self.outcomes

    def _at(self, at_s: float, order: int, action: Callable[[], None]) -> None:
        act_at(self.environment, at_s, order, action)

    def _leave_host(self, index: int) -> None:
        """Who leaves the host at one instant joins by index, whoever began first."""
        self.arriving.append(index)

        def join() -> None:
            first = min(self.arriving)
            self.arriving.remove(first)
            self._arrive(first)

        self._at(self.environment.now, ARRIVE, join)

    def _arrive(self, index: int) -> None:
        line = self._line()
        queue = self.lines[line]
        starts_now = any(self.free[k] for k in self.serving[line]) and (
            len(queue) + 1 >= min([*self.preferred, self.max_size]) or self.max_wait_s == 0
        )
        if self.limit is not None and len(queue) >= self.limit and not starts_now:
            self.outcomes[index].fate = "dropped"
            return
        if self.patience_s is not None:
            leaves_s = self.environment.now + self.patience_s[index]
            self._at(leaves_s, LEAVE, lambda: self._leave(index))
        self._join(index, line)
        self._start_what_can()

    def _join(self, index: int, line: int) -> None:
        now_s = self.environment.now
        self.joined[index] = now_s, next(self.turns)
        self.lines[line].append(index)
        if (ranks := self.ranks) is not None:
            self.lines[line].sort(key=lambda k: (ranks[k], self.joined[k][1]))
        if self.max_wait_s > 0:
            self._at(now_s + self.max_wait_s, LIMIT, self._start_what_can)

    def _load(self, replica: int) -> int:
        return len(self.lines[replica]) + len(self.served_at[replica])

    def _line(self) -> int:
        if not self.discipline:
            return 0
        if not self.ready:
            return NOBODY_READY
        if self.discipline == "round robin":
            later = [k for k in self.ready if k > self.last_line]
            self.last_line = min(later or self.ready)
            return self.last_line
        if self.discipline == "least loaded":
            return min(self.ready, key=lambda k: (self._load(k), k))
        one, other = next(self.uniform), next(self.uniform)
        first = self.ready[int(one * len(self.ready))]
        rest = [k for k in self.ready if k != first]
        if not rest:
            return first
        second = rest[int(other * len(rest))]
        return second if self._load(second) < self._load(first) else first

    def _move_on(self, line: int) -> None:
        """Everybody in a line joins others, as if they came now."""
        moving, self.lines[line] = self.lines[line], []
        for index in moving:
            self._join(index, self._line())

    def _leave(self, index: int) -> None:
        for queue in self.lines.values():
            if index in queue:
                queue.remove(index)
                self.outcomes[index].fate = "abandoned"

    def _start_what_can(self) -> None:
        for line, queue in self.lines.items():
            if queue:
                self._start_in(line)

    def _start_in(self, line: int) -> None:
        while (queue := self.lines[line]) and any(self.free[k] for k in self.serving[line]):
            sizes = sorted({*(p for p in self.preferred if p < self.max_size), self.max_size})
            oldest_s = min(self.joined[k][0] for k in queue)
            ran_out = self.environment.now >= oldest_s + self.max_wait_s
            fitting = [size for size in sizes if size <= len(queue)]
            if not ran_out and not fitting:
                return
            take = min(len(queue), self.max_size) if ran_out else fitting[-1]
            batch, self.lines[line] = queue[:take], queue[take:]
            self._serve(batch, min(k for k in self.serving[line] if self.free[k]))

    def _serve(self, batch: list[int], replica: int) -> None:
        self.free[replica] = False
        number, now_s = next(self.numbers), self.environment.now
        slowness = 1.0 if self.slowness is None else self.slowness[replica]
        takes_s = self.seconds_of(len(batch)) * slowness * self.factors[number % len(self.factors)]
        self.served_at[replica] = batch
        for index in batch:
            self.outcomes[index] = Outcome(now_s, now_s + takes_s, number, "served")
        self._at(now_s + takes_s, END, lambda: self._end(replica))

    def _end(self, replica: int) -> None:
        for index in self.served_at[replica]:
            if self.back is not None:
                self.outcomes[index].finish_s = self.back.leaves_s(self.environment.now)
        self.served_at[replica] = []
        self._give_back(replica)
        # Everything that ends now has ended before a batch starts.
        self._at(self.environment.now, LIMIT, self._start_what_can)

    def _give_back(self, replica: int) -> None:
        self.free[replica] = True
