"""Dynamic batching over replicas as a plain SimPy model: one event a request, nothing clever.

Shares no code with the package. At one instant: ends of batches, then wait limits, then control,
then lost patience, then arrivals by index; after each event a batch starts if one can.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import simpy
from simpy.events import Event, EventPriority

END, LIMIT, CONTROL, LOOK, LEAVE, ARRIVE = range(6)


@dataclass
class Outcome:
    start_s: float | None = None
    finish_s: float | None = None
    batch: int = -1
    fate: str = "waiting"


@dataclass
class Server:
    """Queue, replicas and rules."""

    seconds_of: Callable[[int], float]
    replicas: int
    max_size: int
    max_wait_s: float = 0.0
    preferred: Sequence[int] = ()
    limit: int | None = None
    patience_s: Sequence[float] | None = None
    ranks: Sequence[int] | None = None
    environment: simpy.Environment = field(default_factory=simpy.Environment)

    def run(self, arrivals_s: Sequence[float]) -> list[Outcome]:
        self.arrivals_s = list(arrivals_s)
        self.outcomes = [Outcome() for _ in arrivals_s]
        self.queue: list[int] = []
        self.free = [True] * self.replicas
        self.numbers = itertools.count()
        for index, at_s in enumerate(arrivals_s):
            self._at(at_s, ARRIVE, partial(self._arrive, index))
        self.environment.run()
        return self.outcomes

    def _at(self, at_s: float, order: int, action: Callable[[], None]) -> None:
        event = Event(self.environment)
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: action())
        delay_s = at_s - self.environment.now
        self.environment.schedule(event, priority=EventPriority(order), delay=delay_s)

    def _arrive(self, index: int) -> None:
        starts_now = any(self.free) and (
            len(self.queue) + 1 >= min([*self.preferred, self.max_size]) or self.max_wait_s == 0
        )
        if self.limit is not None and len(self.queue) >= self.limit and not starts_now:
            self.outcomes[index].fate = "dropped"
            return
        self.queue.append(index)
        if (ranks := self.ranks) is not None:
            self.queue.sort(key=lambda k: (ranks[k], k))
        now_s = self.environment.now
        if self.max_wait_s > 0:
            self._at(now_s + self.max_wait_s, LIMIT, self._start_what_can)
        if self.patience_s is not None:
            self._at(now_s + self.patience_s[index], LEAVE, lambda: self._leave(index))
        self._start_what_can()

    def _leave(self, index: int) -> None:
        if index in self.queue:
            self.queue.remove(index)
            self.outcomes[index].fate = "abandoned"

    def _start_what_can(self) -> None:
        while self.queue and any(self.free):
            sizes = sorted({*(p for p in self.preferred if p < self.max_size), self.max_size})
            oldest_s = min(self.arrivals_s[k] for k in self.queue)
            ran_out = self.environment.now >= oldest_s + self.max_wait_s
            fitting = [size for size in sizes if size <= len(self.queue)]
            if not ran_out and not fitting:
                return
            take = min(len(self.queue), self.max_size) if ran_out else fitting[-1]
            batch, self.queue = self.queue[:take], self.queue[take:]
            self._serve(batch)

    def _serve(self, batch: list[int]) -> None:
        replica = self.free.index(True)
        self.free[replica] = False
        number, now_s = next(self.numbers), self.environment.now
        end_s = now_s + self.seconds_of(len(batch))
        for index in batch:
            self.outcomes[index] = Outcome(now_s, end_s, number, "served")
        self._at(end_s, END, lambda: self._end(replica))

    def _end(self, replica: int) -> None:
        self.free[replica] = True
        self._start_what_can()
