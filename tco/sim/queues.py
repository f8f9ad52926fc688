"""Requests on their way through the queues of a fleet, carried from moment to moment.

Holds in arrays what the compiled kernel works on, and fetches arrivals as they are needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tco.sim import batch_kernel as kernel
from tco.sim.run import NOTHING, FleetRules, PerRequest, Requests

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
FIRST_RING = 256


class Queues:
    """Who waits, who is served where, and what has happened so far."""

    def __init__(
        self, rules: FleetRules, chunks: Iterable[Requests], *, hours: int, keep_requests: int
    ) -> None:
        places = rules.maximum * rules.slots
        self.free_s = np.full(places, -math.inf)
        """When the batch of each slot ends [s]."""
        self.takes = np.zeros(places, dtype=np.int64)
        """1 for slots that may start a batch."""
        self.in_batch = np.zeros(places, dtype=np.int64)
        self.count = np.zeros(kernel.CLASSES, dtype=np.int64)
        """Requests that wait, by priority class."""
        self.counters = np.zeros(kernel.COUNTERS, dtype=np.int64)
        self.hours = np.zeros((hours, kernel.HOUR_COLUMNS))
        self.histogram = np.zeros(kernel.BINS)
        self.waits = np.zeros(kernel.BINS)
        self.happened_s = 0.0
        """When something last happened to a request [s]."""
        self.per_request = PerRequest(
            np.full(keep_requests, np.nan),
            np.full(keep_requests, np.nan),
            np.full(keep_requests, -1, dtype=np.int64),
            np.zeros(keep_requests, dtype=np.int64),
        )
        self._not_counted = 0
        self._rules = rules
        self._chunks: Iterator[Requests] = iter(chunks)
        self._hardware = np.zeros(places, dtype=np.int64)
        self._ring = np.empty((kernel.CLASSES, FIRST_RING, kernel.WAITING_COLUMNS))
        self._head = np.zeros(kernel.CLASSES, dtype=np.int64)
        self._sizes = rules.batch.sizes(rules.service)
        self._front_end_free_s = np.full(rules.service.front_end_parallel, -math.inf)
        self._chunk = Requests(NOTHING)
        self._joins_s = NOTHING
        self._known_until_s = math.inf
        self._position = 0
        self._first_index = 0
        self._more = True
        self._are_unlike = False
        self._leaving = (
            kernel.NOBODY_LEAVES if rules.patience_s is None else kernel.FIRST_LEAVES_FIRST
        )

    def slots_of(self, replica: int) -> slice:
        """Return the places of a replica's slots."""
        return slice(replica * self._rules.slots, (replica + 1) * self._rules.slots)

    def is_at_work(self, now_s: float) -> bool:
        """Tell whether requests are still to come, wait, or are in service."""
        still_come = self._more or self._position < self._joins_s.size
        return still_come or bool(self.count.sum()) or bool((self.free_s > now_s).any())

    def observe(self, now_s: float) -> tuple[float, int, int]:
        """Return busy replica-seconds so far [s], requests waiting, requests in service."""
        busy_s, waiting, in_service = kernel.observe(
            now_s, self.hours, self.free_s, self.in_batch, self.count
        )
        return busy_s / self._rules.slots, waiting, in_service

    @property
    def latencies_expected(self) -> int:
        """Requests whose latency is in the histogram."""
        return int(self.counters[kernel.STARTED]) - self._not_counted

    def forget_latencies(self) -> None:
        """Begin the histograms anew, as after a warm-up."""
        self.histogram[:] = 0
        self.waits[:] = 0
        self._not_counted = int(self.counters[kernel.STARTED])

    def carry(self, until_s: float) -> None:
        """Carry the queues to a moment, fetching arrivals as they are needed."""
        while True:
            done = self._position >= self._joins_s.size
            if done and self._more:
                self._fetch()
                continue
            self._advance(until_s)
            if self._position < self._joins_s.size or not self._more:
                return

    def _fetch(self) -> None:
        self._first_index += self._joins_s.size
        self._position = 0
        chunk = next(self._chunks, None)
        if chunk is None:
            self._more = False
            chunk = Requests(NOTHING)
        self._chunk = chunk
        service = self._rules.service
        self._joins_s = chunk.arrivals_s
        if service.front_end_parallel:
            self._joins_s = kernel.host_stage(
                chunk.arrivals_s, service.front_end_s, self._front_end_free_s
            )
        # Without arrivals in hand beyond this chunk, its last one bounds what is known.
        self._known_until_s = math.inf
        if self._more and self._joins_s.size:
            self._known_until_s = float(np.nextafter(self._joins_s[-1], math.inf))
        if chunk.patience_s.size:
            self._leaving = kernel.ANY_LEAVES
        if chunk.sizes.size or chunk.own_s.size:
            self._are_unlike = True

    def _advance(self, until_s: float) -> None:
        rules, chunk, joins_s = self._rules, self._chunk, self._joins_s
        self._position, self._ring, happened_s = kernel.advance(
            min(until_s, self._known_until_s),
            joins_s,
            chunk.arrivals_s if rules.service.front_end_parallel else NOTHING,
            chunk.ranks,
            chunk.sizes,
            chunk.own_s,
            chunk.patience_s,
            math.inf if rules.patience_s is None else rules.patience_s,
            self._leaving,
            self._are_unlike,
            self._position,
            self._first_index,
            rules.service.seconds,
            rules.service.joules,
            rules.service.factors,
            self._sizes,
            rules.batch.max_wait_s,
            rules.queue_limit,
            rules.goal_s,
            self.free_s,
            self.takes,
            self._hardware,
            self.in_batch,
            self._ring,
            self._head,
            self.count,
            self.counters,
            self.hours,
            self.histogram,
            self.waits,
            self.per_request.start_s,
            self.per_request.finish_s,
            self.per_request.batch,
            self.per_request.status,
        )
        self.happened_s = max(self.happened_s, happened_s)
