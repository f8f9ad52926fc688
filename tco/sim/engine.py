"""What a fleet needs of an engine: something that moves requests between two decisions.

The fleet decides on replicas and keeps their clock; an engine keeps requests, queues and what is
being served. They meet only here. ``Queues`` serves in batches; any other engine, such as one that
serves step by step, has to offer the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tco.sim.run import FleetRules, Requests, Seen, Work

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a run covers, and what is wanted of it."""

    until_s: float
    hours: int
    keep_requests: int = 0
    """Requests whose own times are wanted; 0 for none."""
    calendars: Whole | None = None
    """Rows of the latency histograms by calendar and hour; None: one row for everything."""


class Engine(Protocol):
    """What moves the requests of a fleet.

    Replicas are numbered from 0 and closed at first. The fleet carries the engine to a moment
    before it opens or closes a replica at it; moments never go back.
    """

    def carry(self, until_s: float) -> None:
        """Let everything happen until a moment, what ends at it included, what arrives not."""

    def open(self, replica: int, now_s: float) -> None:
        """Give work to a replica from now on."""

    def close(self, replica: int, now_s: float) -> Array:
        """Give a replica no more work; who waits in front of it goes to others.

        Returns when each of its slots has done what it serves, not before now [s]. An engine that
        cannot tell beforehand works ahead for this one replica: nothing joins it any more.
        """

    def evict(self, replicas: Sequence[int], now_s: float) -> None:
        """Cut off what closed replicas still serve: its requests wait again, the work is lost."""

    def observe(self, now_s: float) -> Seen:
        """Show the busy time so far, who waits, who is served, and how many have come."""

    def next_join_s(self) -> float:
        """Return when the next request joins a line [s]; infinite if none is to come."""

    def is_at_work(self, now_s: float) -> bool:
        """Tell whether requests are still to come, wait, are served, or are with the host."""

    @property
    def events(self) -> int:
        """How much has happened to requests so far: it grows with everything that does."""

    @property
    def last_s(self) -> float:
        """Latest time at which something happened to a request or is known to end [s]."""

    def forget_latencies(self) -> None:
        """Begin the latency histograms anew, as after a warm-up."""

    def finish(self, end_s: float) -> Work:
        """Return everything that was counted; what lies behind the end is taken off."""


EngineMaker = Callable[[FleetRules, Iterable[Requests], Span], Engine]
