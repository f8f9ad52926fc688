"""Requests on their way to the line: fetched chunk by chunk, through the host work before it.

Where that work has a spread, requests overtake one another in it. Those that the next chunk could
still overtake are held back until it is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tco.sim.kernel_layout import Incoming
from tco.sim.line_kernel import host_stage
from tco.sim.run import NONE_WHOLE, NOTHING, Requests
from tco.sim.service import HostWork

Array = NDArray[np.float64]
MISSING = {"ranks": 0, "sizes": 0, "patience_s": math.nan, "due_s": math.inf}


def _incoming(
    joins_s: Array, came_s: Array, numbers: NDArray[np.int64], rest: Requests
) -> Incoming:
    return Incoming(
        joins_s=joins_s,
        came_s=came_s,
        numbers=numbers,
        ranks=rest.ranks,
        sizes=rest.sizes,
        own_s=rest.own_s,
        patience_s=rest.patience_s,
        input_tokens=rest.input_tokens,
        output_tokens=rest.output_tokens,
        due_s=rest.due_s,
    )


_NOBODY = _incoming(NOTHING, NOTHING, NONE_WHOLE, Requests(NOTHING))


class Intake:
    """Requests that have not joined a line."""

    def __init__(self, chunks: Iterable[Requests], front: HostWork | None) -> None:
        self._chunks: Iterator[Requests] = iter(chunks)
        self._front = front
        self._hands_s = np.full(0 if front is None else front.parallel, -math.inf)
        self._fetched = 0
        self._held = _NOBODY
        self.incoming = _NOBODY
        """In the order in which they join."""
        self.position = 0
        """First of them that has not joined."""
        self.first_index = 0
        self.known_until_s = math.inf
        """Until when everything that joins is at hand [s]."""
        self.are_unlike = False
        """Whether any request so far has a size class or time of its own."""
        self.is_at_end = False

    @property
    def is_used_up(self) -> bool:
        """Whether everything at hand has joined."""
        return self.position >= self.incoming.joins_s.size

    @property
    def has_more(self) -> bool:
        """Whether requests are still to join."""
        return not (self.is_used_up and self.is_at_end)

    def fetch(self) -> bool:
        """Take the next chunk; tell whether there may be more to take."""
        if self.is_at_end:
            return False
        chunk = next(self._chunks, None)
        self.position = 0
        self.first_index = self._fetched
        if chunk is None:
            self.is_at_end = True
            self.incoming, self._held = self._held, _NOBODY
            self.known_until_s = math.inf
            return False
        self._fetched += chunk.arrivals_s.size
        self.are_unlike = self.are_unlike or bool(chunk.sizes.size or chunk.own_s.size)
        arrivals_s = chunk.arrivals_s
        if self._front is None:
            self.incoming = _incoming(arrivals_s, NOTHING, NONE_WHOLE, chunk)
            self._know(arrivals_s)
            return True
        front = self._front
        joins_s = host_stage(
            arrivals_s, self.first_index, front.seconds, front.factors, self._hands_s
        )
        if front.factors.size == 0:
            self.incoming = _incoming(joins_s, arrivals_s, NONE_WHOLE, chunk)
            self._know(joins_s)
            return True
        self._overtake(chunk, joins_s)
        return True

    def _know(self, times_s: Array) -> None:
        if times_s.size:
            # Without arrivals in hand beyond this chunk, its last one bounds what is known.
            self.known_until_s = float(np.nextafter(times_s[-1], math.inf))

    def _overtake(self, chunk: Requests, joins_s: Array) -> None:
        """Put those that wait for the next chunk and this one in the order in which they join."""
        numbers = np.arange(self.first_index, self._fetched)
        fresh = _filled(_incoming(joins_s, chunk.arrivals_s, numbers, chunk))
        columns = [np.concatenate(pair) for pair in zip(self._held, fresh, strict=True)]
        both = Incoming._make(columns)
        both = _part(both, np.lexsort((both.numbers, both.joins_s)))
        # Who comes with the next chunk joins no earlier than the last of this one came.
        bound_s = float(chunk.arrivals_s[-1]) if chunk.arrivals_s.size else -math.inf
        cut = int(np.searchsorted(both.joins_s, bound_s, side="right"))
        self.incoming = _part(both, slice(cut))
        self._held = _part(both, slice(cut, None))
        if chunk.arrivals_s.size:
            self.known_until_s = float(np.nextafter(bound_s, math.inf))

    def came_before(self, end_s: float) -> int:
        """Return how many requests have come before the end of a run."""
        return self._fetched - self._later(end_s)

    def on_the_way_s(self, end_s: float) -> Array:
        """Return when those came who are at the host work at the end [s]."""
        came_s = self._not_joined_s()
        return came_s[came_s < end_s]

    def _later(self, end_s: float) -> int:
        return int((self._not_joined_s() >= end_s).sum())

    def _not_joined_s(self) -> Array:
        part = self.incoming
        came_s = part.came_s if self._front is not None else part.joins_s
        return np.concatenate((came_s[self.position :], self._held.came_s))


def _part(incoming: Incoming, which: slice | NDArray[np.int64]) -> Incoming:
    return Incoming._make(column[which] for column in incoming)


def _filled(part: Incoming) -> Incoming:
    """Give every column a value for each request, so that parts can be put together."""
    size = part.joins_s.size
    columns = {
        name: column if column.size else np.full(size, MISSING.get(name, 0.0), column.dtype)
        for name, column in part._asdict().items()
    }
    return Incoming(**columns)
