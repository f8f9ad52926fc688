"""Which cell is evaluated next, and who works out a simulation that several cells need.

A cell that lacks simulations comes back with their keys. Those that nobody is at are handed out
with it; for the others it waits. So each simulation is worked out once, however many cells, workers
and machines there are, and no worker waits while there is a cell that lacks nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tco.sweep.answer import FRESH, WANTED, Job
from tco.tasks import Result

MOST_WAITING = 64
"""Cells that wait for simulations of others before no further ones are begun."""


@dataclass(slots=True)
class Agenda:
    """The jobs of a sweep, from the first to the last."""

    fresh: Iterator[Job]
    is_open: Callable[[], bool]
    """Whether cells may still be begun."""
    shares: bool
    """Whether there are other workers that may work out what a cell lacks."""
    _ready: deque[Job] = field(default_factory=deque)
    _at_work: set[str] = field(default_factory=set)
    _waiting: dict[str, Job] = field(default_factory=dict)
    _who_waits_for: dict[str, list[str]] = field(default_factory=dict)
    _claimed: set[str] = field(default_factory=set)
    _known: dict[str, Result] = field(default_factory=dict)
    _needs: dict[str, set[str]] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job | None]:
        """Yield the next job; None where there is none before another has ended."""
        while True:
            job = self._next()
            if job is not None:
                self._at_work.add(job.key)
                yield job
            elif self._at_work:
                yield None
            else:
                return

    def _next(self) -> Job | None:
        if self._ready:
            return self._ready.popleft()
        if len(self._waiting) >= MOST_WAITING or not self.is_open():
            return None
        job = next(self.fresh, None)
        return job if job is None or self.shares else replace(job, may=None)

    def take(self, job: Job, outcome: Result) -> Result | None:
        """Take in how a job ended; return its outcome, or None if it will be done again."""
        self._at_work.discard(job.key)
        fresh: dict[str, Result] = outcome.get(FRESH, {})
        if self.shares:
            self._known |= fresh
            self._free({*fresh, *(job.may or ())})
        if WANTED not in outcome:
            self._needs.pop(job.key, None)
            return outcome
        self._ask(job, outcome[WANTED])
        return None

    def _ask(self, job: Job, wanted: Iterable[str]) -> None:
        """Have a cell done again with what it lacks, or let it wait for that."""
        needs = self._needs.setdefault(job.key, set())
        needs |= set(wanted)
        lacking = needs - self._known.keys()
        unclaimed = lacking - self._claimed
        if lacking and not unclaimed:
            self._waiting[job.key] = job
            for key in lacking:
                self._who_waits_for.setdefault(key, []).append(job.key)
            return
        self._claimed |= unclaimed
        given = {key: self._known[key] for key in sorted(needs & self._known.keys())}
        self._ready.appendleft(replace(job, given=given, may=frozenset(unclaimed)))

    def _free(self, simulations: Iterable[str]) -> None:
        """Wake cells that waited for simulations that are known now, or that nobody is at."""
        self._claimed -= set(simulations)
        for key in simulations:
            for waiting in self._who_waits_for.pop(key, []):
                job = self._waiting.pop(waiting, None)
                if job is not None:
                    self._ask(job, ())
