"""The engine of LLM replicas: what a fleet needs of them, over queues that move step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim import kernel_layout as at
from tco.sim import llm_state as llm
from tco.sim.batch_kernel import spread_over_hours
from tco.sim.engine import Span
from tco.sim.latency_bins import BINS
from tco.sim.line_kernel import host_stage
from tco.sim.llm_limits import check_engine, check_requests
from tco.sim.llm_queues import LlmQueues, LlmRequests
from tco.sim.llm_service import LlmService
from tco.sim.run import Discipline, FleetRules, PerRequest, Requests, Seen, TokenWork, Work
from tco.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
ROUTING = {
    Discipline.ONE_LINE: llm.ONE_QUEUE,
    Discipline.ROUND_ROBIN: llm.ROUND_ROBIN,
    Discipline.LEAST_LOADED: llm.LEAST_LOADED,
}
HAPPENED = [llm.ARRIVED, llm.STARTED, llm.DROPPED, llm.ABANDONED, llm.FINISHED, llm.PREEMPTED]
COLUMNS = {
    at.HOUR_ARRIVED: llm.HOUR_ARRIVED,
    at.HOUR_DROPPED: llm.HOUR_DROPPED,
    at.HOUR_ABANDONED: llm.HOUR_ABANDONED,
    at.HOUR_STARTED: llm.HOUR_STARTED,
    at.HOUR_BATCHES: llm.HOUR_STEPS,
    at.HOUR_BUSY_S: llm.HOUR_BUSY_S,
    at.HOUR_JOULES: llm.HOUR_JOULES,
    at.HOUR_WAIT_S: llm.HOUR_WAIT_S,
    at.HOUR_LATE: llm.HOUR_LATE,
    at.HOUR_INPUT_TOKENS: llm.HOUR_INPUT_TOKENS,
    at.HOUR_OUTPUT_TOKENS: llm.HOUR_OUTPUT_TOKENS,
}
"""Columns of an hour's record: the fleet's, and the kernel's."""


class LlmEngine:
    """Who waits, who is served where, and what has happened so far, step by step.

    A replica is busy while it makes steps, whether for one sequence or for many. Times are counted
    in the hour in which they end: of the first token, or of the last.
    """

    def __init__(self, rules: FleetRules, chunks: Iterable[Requests], span: Span) -> None:
        service = rules.service
        assert isinstance(service, LlmService)
        self._service = service
        self._limits = limits_of(rules)
        check_engine(self._limits, service.curve)
        self._came = 0
        self._last_came_s = -math.inf
        self._hands_s = np.full(0 if service.front is None else service.front.parallel, -math.inf)
        self._queues = LlmQueues(
            service.curve,
            self._limits,
            self._joining(chunks),
            replicas=rules.places,
            hours=span.hours,
            adapters=service.adapters,
            keep_requests=span.keep_requests,
        )
        calendars = span.calendars
        self._rows = np.zeros((1, span.hours), np.int64) if calendars is None else calendars
        self._histograms = np.zeros((llm.HISTOGRAMS, int(self._rows.max()) + 1, BINS))
        self._counted = np.zeros((llm.HISTOGRAMS, BINS))
        """What of the kernel's histograms is in the rows already."""
        self._waiting_s = np.zeros(span.hours)
        self._waited_s = 0.0
        self._hour = 0
        self._not_counted = 0
        self._lost_s = np.zeros((span.hours, 1))
        self._requeued = 0

    @property
    def events(self) -> int:
        """Arrivals, starts and ends so far."""
        return int(self._queues.counters[HAPPENED].sum())

    @property
    def last_s(self) -> float:
        """Latest time at which something happened to a request or is known to end [s]."""
        ends_s = self._queues.state.clock[:, llm.END_S]
        known_s = float(ends_s[np.isfinite(ends_s)].max(initial=-math.inf))
        return max(self._queues.happened_s, known_s)

    def carry(self, until_s: float) -> None:
        """Carry the queues to a moment; at each full hour note what it held."""
        while self._hour + 1 < self._waiting_s.size:
            edge_s = (self._hour + 1) * SECONDS_PER_HOUR
            if edge_s > until_s:
                break
            self._queues.carry(edge_s)
            self._close_hour(edge_s)
            self._hour += 1
        self._queues.carry(until_s)

    def open(self, replica: int, now_s: float) -> None:
        """Give work to a replica from now on; it begins without any adapter."""
        self._queues.open(replica)

    def close(self, replica: int, now_s: float) -> Array:
        """Give a replica no more work; return when it has made what it serves [s]."""
        self._queues.close(replica)
        return np.array([max(now_s, self._queues.ends_s(replica, now_s))])

    def evict(self, replicas: Sequence[int], now_s: float) -> None:
        """Take closed replicas away with their memory; what they serve begins anew."""
        for replica in replicas:
            requeued, lost_s = self._queues.reclaim(replica, now_s)
            self._requeued += requeued
            spread_over_hours(self._lost_s, 0, now_s - lost_s, now_s, 1.0)

    def observe(self, now_s: float) -> Seen:
        """Show the busy time so far, who waits, and who is served."""
        return Seen(*self._queues.observe(now_s), int(self._queues.counters[llm.ARRIVED]))

    def next_join_s(self) -> float:
        """Return when the next request joins a queue [s]; infinite if none is to come."""
        return self._queues.next_join_s()

    def is_at_work(self, now_s: float) -> bool:
        """Tell whether requests are still to come, wait, are served, or are with the host."""
        return self._queues.is_at_work()

    def forget_latencies(self) -> None:
        """Begin the histograms anew, as after a warm-up."""
        self._histograms[:] = 0
        self._counted = self._queues.histograms.copy()
        self._not_counted = int(self._queues.counters[llm.FINISHED])

    def finish(self, end_s: float) -> Work:
        """Return everything that was counted."""
        queues = self._queues
        queues.settle(end_s)
        self._close_hour(end_s)
        while self._last_came_s < end_s and queues.fetch():
            pass
        ahead_s = queues.not_joined_s()
        in_front = ahead_s[ahead_s < end_s]
        hours = np.zeros((queues.hours.shape[0], at.HOUR_COLUMNS))
        for column, found in COLUMNS.items():
            hours[:, column] = queues.hours[:, found]
        hours[:, at.HOUR_WAITING_S] = self._waiting_s
        last = hours.shape[0] - 1
        places = np.minimum(in_front // SECONDS_PER_HOUR, last).astype(int)
        np.add.at(hours[:, at.HOUR_ARRIVED], places, 1)
        if self._requeued:
            # Who began anew was taken off again, perhaps in another hour's row.
            np.maximum(self._histograms, 0.0, out=self._histograms)
        counters = queues.counters
        finished = int(counters[llm.FINISHED])
        times = queues.times
        return Work(
            hours=hours,
            busy_by_hardware=hours[:, [at.HOUR_BUSY_S]].copy(),
            histograms=self._histograms[llm.END_TO_END],
            wait_histograms=self._histograms[llm.TO_START],
            calendars=self._rows.shape[0],
            latencies=finished - self._not_counted,
            arrived=self._came - int((ahead_s >= end_s).sum()),
            served=finished,
            dropped=int(counters[llm.DROPPED]),
            abandoned=int(counters[llm.ABANDONED]),
            waiting=queues.waiting,
            in_service=int(counters[llm.STARTED]) - finished,
            in_host=in_front.size,
            lost_s=self._lost_s[:, 0],
            requeued=self._requeued,
            per_request=PerRequest(
                times.start_s,
                times.finish_s,
                np.full(times.status.size, llm.NOBODY, dtype=np.int64),
                times.status,
                times.first_token_s,
            )
            if times.status.size
            else None,
            tokens=TokenWork(
                first_token_histograms=self._histograms[llm.TO_FIRST_TOKEN],
                per_token_histograms=self._histograms[llm.PER_TOKEN],
                finished=queues.hours[:, llm.HOUR_FINISHED].copy(),
                preempted=queues.hours[:, llm.HOUR_PREEMPTED].copy(),
                swaps=queues.hours[:, llm.HOUR_SWAPS].copy(),
            ),
        )

    def _close_hour(self, now_s: float) -> None:
        """Put what was counted since the last full hour in the rows of the running one."""
        fresh = self._queues.histograms - self._counted
        self._counted = self._queues.histograms.copy()
        for row in self._rows[:, self._hour]:
            self._histograms[:, row] += fresh
        waited_s = self._queues.waited_s(now_s)
        self._waiting_s[self._hour] += waited_s - self._waited_s
        self._waited_s = waited_s

    def _joining(self, chunks: Iterable[Requests]) -> Iterator[LlmRequests]:
        """Yield requests as they reach the replicas, through the host work before them."""
        front = self._service.front
        for chunk in chunks:
            _check_columns(chunk)
            if not chunk.arrivals_s.size:
                continue
            joins_s, came_s = chunk.arrivals_s, np.empty(0)
            if front is not None:
                came_s = chunk.arrivals_s
                joins_s = host_stage(
                    came_s, self._came, front.seconds, front.factors, self._hands_s
                )
            requests = LlmRequests(
                joins_s,
                chunk.input_tokens.astype(np.int64),
                chunk.output_tokens.astype(np.int64),
                chunk.cached_tokens.astype(np.int64),
                chunk.adapters,
                came_s,
            )
            check_requests(
                requests, self._limits, longest_context=self._service.longest_context_tokens
            )
            self._came += chunk.arrivals_s.size
            self._last_came_s = float(chunk.arrivals_s[-1])
            yield requests
        self._last_came_s = math.inf


def limits_of(rules: FleetRules) -> llm.Limits:
    """Return what the kernel needs to know of engine and queue."""
    service = rules.service
    assert isinstance(service, LlmService)
    if rules.discipline not in ROUTING:
        raise InfeasibleError(
            "two choices are not simulated for LLM replicas; choose the discipline one_queue, "
            "round_robin or least_loaded"
        )
    return service.limits(
        routing=ROUTING[rules.discipline],
        queue_limit=rules.queue_limit,
        patience_s=math.inf if rules.patience_s is None else rules.patience_s,
        goal_s=rules.goal_s,
    )


def _check_columns(chunk: Requests) -> None:
    """Refuse what LLM replicas cannot look at; they admit requests in order of arrival."""
    count = chunk.arrivals_s.size
    if chunk.input_tokens.size != count or chunk.output_tokens.size != count:
        raise InfeasibleError(
            "LLM replicas serve by tokens, and the requests have no input and output tokens; add "
            "the columns input_tokens and output_tokens"
        )
    if chunk.ranks.size and np.ptp(chunk.ranks):
        raise InfeasibleError(
            "some requests are served before others, and LLM replicas admit them in order of "
            "arrival; leave classes that go first, batch jobs and deadlines out"
        )
    if chunk.patience_s.size:
        raise InfeasibleError(
            "requests have patience of their own, and LLM replicas know one for all: queue.patience"
        )
    if chunk.due_s.size and np.isfinite(chunk.due_s).any():
        raise InfeasibleError("deadlines are not judged for LLM replicas; leave deadline_s out")
