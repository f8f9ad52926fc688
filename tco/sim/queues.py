"""Requests on their way through the lines of a fleet, carried from moment to moment.

Holds in arrays what the compiled kernel works on, and fetches arrivals as they are needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim import batch_kernel as kernel
from tco.sim import dispatch_kernel, line_kernel
from tco.sim import kernel_layout as at
from tco.sim.engine import Span
from tco.sim.intake import Intake
from tco.sim.kernel_cache import drop_outdated
from tco.sim.latency_bins import BINS
from tco.sim.reclaim_kernel import cut_off
from tco.sim.run import Discipline, FleetRules, PerRequest, Requests, Seen, Work
from tco.sim.service import Service

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
FIRST_ROOM = 256
HAPPENED = [at.JOINED, at.ANSWERED, at.DROPPED, at.ABANDONED]

drop_outdated()


class Queues:
    """Who waits, who is served where, and what has happened so far: the engine of batches."""

    def __init__(self, rules: FleetRules, chunks: Iterable[Requests], span: Span) -> None:
        self._rules = rules
        self._intake = Intake(chunks, rules.service.front)
        self._has_lines = rules.discipline is not Discipline.ONE_LINE
        self._plan = _plan(rules, span.until_s)
        self._slots = _slots(rules)
        # Behind the lines of the replicas lies one for requests that come while none is ready.
        lines = rules.places + 1 if self._has_lines else 1
        self._lines = line_kernel.empty_lines(lines, FIRST_ROOM)
        self._tally = _tally(rules, span)
        self._ready: list[int] = []
        self._ready_array = np.empty(0, dtype=np.int64)
        self._out = at.Out(
            np.full(span.keep_requests, np.nan),
            np.full(span.keep_requests, np.nan),
            np.full(span.keep_requests, -1, dtype=np.int64),
            np.zeros(span.keep_requests, dtype=np.int64),
        )
        self._changed_s = -math.inf
        self._happened_s = 0.0
        self._not_counted = 0
        self._lost_s = np.zeros((span.hours, 1))
        self._requeued = 0

    @property
    def events(self) -> int:
        """Arrivals, answers and departures so far; a batch that is cut off was none."""
        return int(self._tally.counters[HAPPENED].sum())

    @property
    def last_s(self) -> float:
        """Latest time at which something happened to a request or is known to end [s]."""
        ends_s = self._slots.free_s, self._slots.back_free_s
        return max(self._happened_s, *(float(part.max(initial=-math.inf)) for part in ends_s))

    @property
    def times(self) -> PerRequest:
        """Times of the requests whose own are kept, as far as their batches have begun."""
        return PerRequest(*self._out)

    def is_at_work(self, now_s: float) -> bool:
        """Tell whether requests are still to come, wait, are served, or are with the host."""
        if self._intake.has_more or self._lines.present.any():
            return True
        return bool((self._slots.free_s > now_s).any() or (self._slots.back_free_s > now_s).any())

    def observe(self, now_s: float) -> Seen:
        """Show the busy time so far, who waits, and who is served."""
        busy_s, waiting, in_service = kernel.observe(now_s, self._lines, self._slots, self._tally)
        came = int(self._tally.counters[at.JOINED])
        return Seen(busy_s / self._rules.slots, waiting, in_service, came)

    def next_join_s(self) -> float:
        """Return when the next request joins a line [s]; infinite if none is to come."""
        intake = self._intake
        while intake.is_used_up and intake.fetch():
            pass
        return math.inf if intake.is_used_up else float(intake.incoming.joins_s[intake.position])

    def open(self, replica: int, now_s: float) -> None:
        """Give work to a replica from now on."""
        places = self._places_of(replica)
        self._slots.takes[places] = 1
        self._slots.free_s[places] = now_s
        self._set_ready([*self._ready, replica], now_s)
        if len(self._ready) == 1:
            self._move_on(self._rules.places, now_s)

    def close(self, replica: int, now_s: float) -> Array:
        """Give a replica no more work; return when each of its slots is done [s]."""
        places = self._places_of(replica)
        if replica in self._ready:
            self._slots.takes[places] = 0
            self._set_ready([other for other in self._ready if other != replica], now_s)
            self._move_on(replica, now_s)
        return np.maximum(self._slots.free_s[places], now_s)

    def evict(self, replicas: Sequence[int], now_s: float) -> None:
        """Cut off what closed replicas serve; its requests wait where they stood before."""
        places = [self._places_of(replica) for replica in replicas]
        coming = sum(int(self._slots.in_batch[part].sum()) for part in places)
        while self._lines.heap.size - int(self._lines.present.sum()) < coming:
            self._lines = line_kernel.larger(self._lines)
        for part in places:
            self._requeued += cut_off(
                part.start,
                part.stop,
                now_s,
                self._plan,
                self._ready_array,
                self._lines,
                self._slots,
                self._tally,
                self._lost_s,
            )
        self._changed_s = now_s

    def forget_latencies(self) -> None:
        """Begin the histograms anew, as after a warm-up."""
        self._tally.histogram[:] = 0
        self._tally.waits[:] = 0
        self._not_counted = int(self._tally.counters[at.ANSWERED])

    def carry(self, until_s: float) -> None:
        """Carry the lines to a moment, fetching arrivals as they are needed."""
        intake = self._intake
        while True:
            while intake.is_used_up and intake.fetch():
                pass
            intake.position, happened_s, is_full = kernel.advance(
                min(until_s, intake.known_until_s),
                self._changed_s,
                intake.incoming,
                intake.position,
                intake.first_index,
                intake.are_unlike,
                self._plan,
                self._ready_array,
                self._lines,
                self._slots,
                self._tally,
                self._out,
            )
            self._happened_s = max(self._happened_s, happened_s)
            if is_full:
                self._lines = line_kernel.larger(self._lines)
            elif not intake.is_used_up or intake.is_at_end:
                return

    def finish(self, end_s: float) -> Work:
        """Return everything that was counted; what lies behind the end is taken off."""
        slots, tally, counters = self._slots, self._tally, self._tally.counters
        ahead = slots.free_s > end_s
        in_service = int(slots.in_batch[ahead].sum())
        # What batches still have ahead of them at the end lies in the last hour.
        left_s = slots.free_s[ahead] - end_s
        tally.hours[-1, at.HOUR_BUSY_S] -= left_s.sum()
        tally.hours[-1, at.HOUR_JOULES] -= (left_s * slots.power_w[ahead]).sum()
        by_hardware = tally.busy_by_hardware
        if by_hardware.shape[1]:
            np.subtract.at(by_hardware[-1], slots.hardware[ahead], left_s)
        else:
            by_hardware = tally.hours[:, [at.HOUR_BUSY_S]].copy()
        for joined_s in self._still_waiting_s():
            kernel.spread_over_hours(tally.hours, at.HOUR_WAITING_S, joined_s, end_s, 1.0)
        in_front = self._intake.on_the_way_s(end_s)
        last = tally.hours.shape[0] - 1
        np.add.at(
            tally.hours[:, at.HOUR_ARRIVED], np.minimum(in_front // 3600, last).astype(int), 1
        )
        unanswered = int(counters[at.UNANSWERED]) if end_s <= self._plan.end_s else 0
        gone = int(counters[at.DROPPED] + counters[at.ABANDONED])
        served = int(counters[at.STARTED]) - in_service - unanswered
        return Work(
            hours=tally.hours,
            busy_by_hardware=by_hardware / self._rules.slots,
            histograms=tally.histogram,
            wait_histograms=tally.waits,
            calendars=tally.rows.shape[0],
            latencies=self._latencies(ahead),
            arrived=self._intake.came_before(end_s),
            served=served,
            dropped=int(counters[at.DROPPED]),
            abandoned=gone - int(counters[at.DROPPED]),
            waiting=int(self._lines.present.sum()),
            in_service=in_service,
            in_host=unanswered + in_front.size,
            lost_s=self._lost_s[:, 0] / self._rules.slots,
            requeued=self._requeued,
            per_request=PerRequest(*self._out) if self._out.status.size else None,
            tokens=None,
        )

    def _latencies(self, ahead: NDArray[np.bool_]) -> int:
        """Return how many latencies should have been counted, from what is served and not yet."""
        started = int(self._tally.counters[at.STARTED])
        if self._slots.served.size:
            started -= int(self._slots.in_batch[ahead].sum())
        return started - self._not_counted

    def _still_waiting_s(self) -> list[float]:
        """Return when those who wait at the end joined [s]."""
        joined_s = []
        for chain in self._lines.first.flat:
            place = chain
            while place != line_kernel.NOBODY:
                joined_s.append(float(self._lines.waiting[place, line_kernel.JOINED_S]))
                place = self._lines.links[place, line_kernel.NEXT]
        return joined_s

    def _places_of(self, replica: int) -> slice:
        return slice(replica * self._rules.slots, (replica + 1) * self._rules.slots)

    def _set_ready(self, replicas: list[int], now_s: float) -> None:
        self._ready = sorted(replicas)
        self._ready_array = np.array(self._ready, dtype=np.int64)
        self._changed_s = now_s

    def _move_on(self, line: int, now_s: float) -> None:
        if self._has_lines and self._lines.present[line].any():
            dispatch_kernel.move_on(
                line,
                now_s,
                self._plan,
                self._ready_array,
                self._lines,
                self._slots,
                self._tally.counters,
            )


def _plan(rules: FleetRules, end_s: float) -> at.Plan:
    service = rules.service
    assert isinstance(service, Service)
    if rules.discipline is Discipline.TWO_CHOICES and not rules.draws.size:
        raise InfeasibleError("two choices need random numbers to choose by; give rules.draws")
    has_lines = rules.discipline is not Discipline.ONE_LINE
    back = service.back
    return at.Plan(
        seconds=service.seconds,
        joules=service.joules,
        factors=service.factors,
        preferred=rules.batch.sizes(service),
        max_wait_s=rules.batch.max_wait_s,
        queue_limit=rules.queue_limit,
        patience_s=math.inf if rules.patience_s is None else rules.patience_s,
        goal_s=rules.goal_s,
        discipline=rules.discipline.value,
        draws=rules.draws,
        width=rules.slots if has_lines else rules.places * rules.slots,
        back_s=0.0 if back is None else back.seconds,
        back_factors=np.empty(0) if back is None else back.factors,
        end_s=end_s,
    )


def _slots(rules: FleetRules) -> at.Slots:
    places = rules.places * rules.slots
    hardware = np.repeat(np.array(rules.hardware_classes), rules.slots)
    back = rules.service.back if isinstance(rules.service, Service) else None
    keeps = back is not None or rules.faults is not None
    largest = rules.batch.max_size if keeps else 0
    return at.Slots(
        free_s=np.full(places, -math.inf),
        takes=np.zeros(places, dtype=np.int64),
        hardware=hardware.astype(np.int64),
        in_batch=np.zeros(places, dtype=np.int64),
        batch=np.zeros(places, dtype=np.int64),
        power_w=np.zeros(places),
        answered=np.ones(places, dtype=np.int64),
        served=np.empty((places if largest else 0, largest, at.SERVED_COLUMNS)),
        starts_s=np.full(rules.places, math.inf),
        first=np.full(rules.places, line_kernel.NOBODY),
        back_free_s=np.full(0 if back is None else back.parallel, -math.inf),
    )


def _tally(rules: FleetRules, span: Span) -> at.Tally:
    kinds = rules.service.kinds
    calendars = span.calendars
    if calendars is None:
        calendars = np.zeros((1, span.hours), dtype=np.int64)
    rows = int(calendars.max()) + 1
    return at.Tally(
        counters=_counters(),
        busy_s=np.zeros(1),
        hours=np.zeros((span.hours, at.HOUR_COLUMNS)),
        busy_by_hardware=np.zeros((span.hours, kinds if kinds > 1 else 0)),
        rows=calendars,
        histogram=np.zeros((rows, BINS)),
        waits=np.zeros((rows, BINS)),
    )


def _counters() -> Whole:
    counters = np.zeros(at.COUNTERS, dtype=np.int64)
    counters[at.LAST_LINE] = line_kernel.NOBODY
    return counters
