"""Requests on their way through LLM replicas, carried from moment to moment.

Holds in arrays what the compiled kernel works on, and fetches arrivals as they are needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tco.sim import llm_kernel as kernel
from tco.sim import llm_state as at
from tco.sim.kernel_cache import drop_outdated
from tco.sim.latency_bins import BINS
from tco.sim.llm_reclaim import reclaim
from tco.sim.llm_state import Limits, State, empty_state, with_room
from tco.sim.llm_steps import StepCurve

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NO_WHOLE = np.empty(0, dtype=np.int64)
NO_REAL = np.empty(0)
NO_REQUESTS = np.empty((at.REQUEST_ROWS, 0), dtype=np.int64)
NO_ADAPTER = at.NOBODY

drop_outdated()


@dataclass(frozen=True, slots=True)
class LlmRequests:
    """Some arrivals in order of time."""

    arrivals_s: Array
    input_tokens: Whole
    output_tokens: Whole
    cached_tokens: Whole = field(default_factory=lambda: NO_WHOLE)
    """Tokens of the prompt that are in the prefix cache; empty: none [tokens]."""
    adapters: Whole = field(default_factory=lambda: NO_WHOLE)
    """Number of the adapter, or ``NO_ADAPTER``; empty: none."""
    came_s: Array = field(default_factory=lambda: NO_REAL)
    """When each came to the host work before its arrival here; empty: there is none [s]."""

    def table(self, before: Whole) -> Whole:
        """Return one column a request, as the kernel reads it, behind those of before."""
        left = before.shape[1]
        table = np.empty((at.REQUEST_ROWS, left + self.arrivals_s.size), dtype=np.int64)
        table[:, :left] = before
        table[0, left:], table[1, left:] = self.input_tokens, self.output_tokens
        table[2, left:] = self.cached_tokens if self.cached_tokens.size else 0
        table[3, left:] = self.adapters if self.adapters.size else NO_ADAPTER
        return table


@dataclass(frozen=True, slots=True)
class LlmTimes:
    """Times of each request [s]; nan where it was not served."""

    start_s: Array
    first_token_s: Array
    finish_s: Array
    replica: Whole
    status: Whole


class LlmQueues:
    """Who waits, who is served where, and what has happened so far."""

    def __init__(
        self,
        curve: StepCurve,
        limits: Limits,
        chunks: Iterable[LlmRequests],
        *,
        replicas: int,
        hours: int,
        adapters: int = 0,
        keep_requests: int = 0,
    ) -> None:
        self._curve = curve
        self._energy = curve.seconds if curve.joules is None else curve.joules
        self._limits = limits
        self._chunks: Iterator[LlmRequests] = iter(chunks)
        self._arrivals_s: Array = np.empty(0)
        self._came_s: Array = np.empty(0)
        self._requests = NO_REQUESTS
        self._position = 0
        self._first_index = 0
        self._more = True
        self._known_until_s = -math.inf
        self._now_s = 0.0
        self.happened_s = 0.0
        """When something last happened to a request [s]."""
        self.state: State = empty_state(
            limits,
            replicas=replicas,
            adapters=adapters,
            hours=hours,
            bins=BINS,
            keep_requests=keep_requests,
        )

    @property
    def takes(self) -> Whole:
        """1 for replicas that admit requests; set it between two carries."""
        return self.state.replicas[:, at.TAKES]

    @property
    def counters(self) -> Whole:
        """Requests by what has happened to them."""
        return self.state.counters

    @property
    def hours(self) -> Array:
        """What happened by hour; columns as in ``llm_state``."""
        return self.state.hours

    @property
    def histograms(self) -> Array:
        """Times by bin: end to end, to the start, to the first token, a token."""
        return self.state.histograms

    @property
    def times(self) -> LlmTimes:
        """Times of each request that was to be kept."""
        start_s, first_s, finish_s = self.state.out_s.T
        return LlmTimes(start_s, first_s, finish_s, self.state.out_replica, self.state.out_status)

    def running(self, replica: int) -> int:
        """Return the sequences that a replica runs or has to run again."""
        preempted = self.state.queues[replica, at.WAITING]
        return int(self.state.replicas[replica, at.RUNNING] + preempted)

    def is_at_work(self) -> bool:
        """Tell whether requests are still to come, wait, or are in service."""
        still_come = self._more or self._position < self._arrivals_s.size
        in_system = (
            self.state.counters[at.ARRIVED]
            - self.state.counters[[at.FINISHED, at.DROPPED, at.ABANDONED]].sum()
        )
        return bool(still_come or in_system > 0)

    def next_end_s(self) -> float:
        """Return when the next stretch of steps ends, unless a request comes first [s]."""
        return float(self.state.clock[:, at.END_S].min())

    @property
    def waiting(self) -> int:
        """Requests that wait for their first step."""
        return int(self.state.queues[self.takes.size :, at.WAITING].sum())

    def observe(self, now_s: float) -> tuple[float, int, int]:
        """Return busy replica-seconds so far [s], requests waiting, requests in service."""
        counters, clock = self.state.counters, self.state.clock
        runs = self.state.replicas[:, at.RUNNING] > 0
        running_s = np.minimum(now_s, clock[runs, at.END_S]) - clock[runs, at.BOOKED_S]
        busy_s = float(self.state.hours[:, at.HOUR_BUSY_S].sum() + running_s.sum())
        return busy_s, self.waiting, int(counters[at.STARTED] - counters[at.FINISHED])

    def settle(self, now_s: float) -> None:
        """Put busy time and energy up to a moment in their hours."""
        kernel.settle(self.state, now_s, self._energy, self._curve.joules is not None)

    def waited_s(self, now_s: float) -> float:
        """Return how long all requests together have waited for their first step so far [s]."""
        return float(kernel.waited_s(self.state, self._limits.patience_s, now_s))

    def next_join_s(self) -> float:
        """Return when the next request joins a queue [s]; infinite if none is to come."""
        while self._position >= self._arrivals_s.size and self.fetch():
            pass
        hand_s = self._arrivals_s[self._position :]
        return float(hand_s[0]) if hand_s.size else math.inf

    def not_joined_s(self) -> Array:
        """Return when those came who are in hand and have not joined a queue [s]."""
        came_s = self._came_s if self._came_s.size else self._arrivals_s
        return came_s[self._position :]

    def open(self, replica: int) -> None:
        """Let a replica admit requests from now on; it holds no adapter."""
        self.state.resident[replica] = 0
        self.takes[replica] = 1

    def close(self, replica: int) -> None:
        """Let a replica admit no more requests; those that wait for it alone wait for any."""
        self.takes[replica] = 0
        if self.counters[at.CALLED] == replica:
            self.counters[at.CALLED] = at.NOBODY
        many = self.takes.size
        while self.state.queues[many + replica, at.WAITING] > 0:
            row = at.leave_queue(self.state, many + replica)
            at.join_queue(self.state, 2 * many, row)

    def reclaim(self, replica: int, now_s: float) -> tuple[int, float]:
        """Take away a replica that admits nobody; return who begins anew, and what is lost [s]."""
        has_energy = self._curve.joules is not None
        requeued, lost_s = reclaim(
            self.state, self._limits, replica, now_s, self._energy, has_energy
        )
        return int(requeued), float(lost_s)

    def ends_s(self, replica: int, now_s: float) -> float:
        """Return when a replica that admits nobody has made what it runs [s].

        Nothing else touches it any more, so it is carried ahead in a copy, alone.
        """
        if self.running(replica) == 0:
            return now_s
        alone = slice(replica, replica + 1)
        state = self.state
        queues = np.full((3, at.QUEUE_COLUMNS), at.NOBODY, dtype=np.int64)
        queues[:, at.WAITING] = 0
        queues[0] = state.queues[replica]
        copy = State(
            rows=state.rows.copy(),
            moments=state.moments.copy(),
            replicas=state.replicas[alone].copy(),
            clock=state.clock[alone].copy(),
            queues=queues,
            heaps=state.heaps[alone].copy(),
            phases=state.phases[alone].copy(),
            in_use=state.in_use[alone].copy(),
            resident=state.resident[alone].copy(),
            counters=state.counters.copy(),
            hours=np.zeros((1, at.HOUR_COLUMNS)),
            histograms=np.zeros_like(state.histograms),
            out_s=np.empty((0, 3)),
            out_status=NO_WHOLE,
            out_replica=NO_WHOLE,
        )
        copy.counters[at.CALLED] = at.NOBODY
        _, ended_s = kernel.advance(
            now_s,
            math.inf,
            NO_REAL,
            NO_REAL,
            NO_REQUESTS,
            0,
            0,
            self._limits,
            self._curve.seconds,
            self._energy,
            False,  # noqa: FBT003 - compiled code takes its arguments by position
            copy,
        )
        return float(ended_s)

    def forget_latencies(self) -> None:
        """Begin the histograms anew, as after a warm-up."""
        self.state.histograms[:] = 0

    def carry(self, until_s: float) -> None:
        """Carry the queues to a moment, fetching arrivals as they are needed."""
        while True:
            self._advance(until_s)
            if self.state.counters[at.FREE_ROW] == self.state.rows.shape[0]:
                self.state = with_room(self.state, 2 * self.state.rows.shape[0])
            elif self._more and self._known_until_s < until_s:
                self.fetch()
            else:
                self._now_s = until_s
                return

    def fetch(self) -> bool:
        """Add a chunk behind the arrivals that have not come yet; tell whether there was one.

        The last arrival in hand waits for the next chunk: until then it bounds what is known.
        """
        chunk = next(self._chunks, None)
        if chunk is None:
            self._more = False
            self._known_until_s = math.inf
            return False
        left = slice(self._position, None)
        self._arrivals_s = np.concatenate((self._arrivals_s[left], chunk.arrivals_s))
        self._came_s = np.concatenate((self._came_s[left], chunk.came_s))
        self._requests = chunk.table(self._requests[:, left])
        self._first_index += self._position
        self._position = 0
        if self._arrivals_s.size:
            self._known_until_s = float(self._arrivals_s[-1])
        return True

    def _advance(self, until_s: float) -> None:
        self._position, happened_s = kernel.advance(
            self._now_s,
            min(until_s, self._known_until_s),
            self._arrivals_s,
            self._came_s,
            self._requests,
            self._position,
            self._first_index,
            self._limits,
            self._curve.seconds,
            self._energy,
            self._curve.joules is not None,
            self.state,
        )
        self.happened_s = max(self.happened_s, happened_s)
