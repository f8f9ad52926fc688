"""Requests over replicas with dynamic batching, moved one by one in compiled code.

``advance`` carries the queues from where they stand to a moment. Between two such moments nothing
about the fleet changes, so the simulation's clock (SimPy) sets the moments at which something is
decided, and the kernel does the rest exactly.

Order of what happens at one instant: a batch ends or a wait limit runs out (and a batch starts on
that), then control (the caller's), then a request loses patience, then requests arrive, by index.
A batch starts when a replica is free and either as many requests wait as the smallest preferred
size, or the oldest has waited for the limit. It takes the largest preferred size that is there;
when the limit ran out, all that wait, up to the largest.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

CLASSES = 2
"""Priority classes: 0 is served first."""

# Places in the state's counters.
ARRIVED, STARTED, DROPPED, ABANDONED, BATCHES, NEXT_FACTOR = range(6)
COUNTERS = 6
# Columns of an hour's record.
(
    HOUR_ARRIVED,
    HOUR_DROPPED,
    HOUR_ABANDONED,
    HOUR_STARTED,
    HOUR_BATCHES,
    HOUR_BUSY_S,
    HOUR_JOULES,
    HOUR_WAIT_S,
    HOUR_LATE,
) = range(9)
HOUR_COLUMNS = 9

LEAST_S = 1e-6
BIN_RATIO = 1.015
"""A quantile read at the middle of its bin is off by less than 0.75 %."""
BINS = 1 + math.ceil(math.log(1e12) / math.log(BIN_RATIO))

STATUS_WAITING, STATUS_SERVED, STATUS_DROPPED, STATUS_ABANDONED = range(4)


@njit(cache=True, nogil=True)
def _bin_of(seconds: float) -> int:
    if seconds <= LEAST_S:
        return 0
    return min(BINS - 1, 1 + int(math.log(seconds / LEAST_S) / math.log(BIN_RATIO)))


@njit(cache=True, nogil=True)
def _spread_over_hours(
    hours: Array, column: int, start_s: float, end_s: float, weight: float
) -> None:
    """Add the seconds from start to end, times a weight, to the hours that they fall in."""
    last = hours.shape[0] - 1
    hour = min(last, int(start_s // 3600.0))
    here = start_s
    while here < end_s:
        edge = end_s if hour >= last else min(end_s, (hour + 1) * 3600.0)
        hours[hour, column] += (edge - here) * weight
        here = edge
        hour += 1


@njit(cache=True, nogil=True)
def observe(
    now_s: float, hours: Array, free_s: Array, in_batch: Whole, count: Whole
) -> tuple[float, int, int]:
    """Return busy slot-seconds up to now [s], requests waiting, and requests in service.

    Busy time is recorded when a batch starts; what of it lies ahead is taken off again.
    """
    busy_s = 0.0
    for hour in range(hours.shape[0]):
        busy_s += hours[hour, HOUR_BUSY_S]
    in_service = 0
    for k in range(free_s.shape[0]):
        if free_s[k] > now_s:
            busy_s -= free_s[k] - now_s
            in_service += in_batch[k]
    return busy_s, count[0] + count[1], in_service


@njit(cache=True, nogil=True)
def _grown(ring: Array, head: Whole, count: Whole) -> Array:
    """Copy the rings into ones of twice the room, heads at 0."""
    room = ring.shape[1]
    larger = np.empty((CLASSES, 2 * room, ring.shape[2]))
    for rank in range(CLASSES):
        for k in range(count[rank]):
            larger[rank, k] = ring[rank, (head[rank] + k) % room]
        head[rank] = 0
    return larger


@njit(cache=True, nogil=True)
def advance(  # noqa: PLR0913, PLR0915, PLR0912, PLR0917, C901 - one compiled loop over events
    until_s: float,
    arrivals_s: Array,
    ranks: Whole,
    sizes: Whole,
    patience_s: Array,
    some_leave: bool,  # noqa: FBT001 - compiled code takes its arguments by position
    position: int,
    first_index: int,
    seconds: Array,
    joules: Array,
    factors: Array,
    preferred: Whole,
    max_wait_s: float,
    queue_limit: int,
    goal_s: float,
    free_s: Array,
    takes_work: Whole,
    hardware: Whole,
    in_batch: Whole,
    ring: Array,
    head: Whole,
    count: Whole,
    counters: Whole,
    hours: Array,
    histogram: Array,
    waits: Array,
    out_start_s: Array,
    out_finish_s: Array,
    out_batch: Whole,
    out_status: Whole,
) -> tuple[int, Array]:
    """Carry the queues to a moment; return the next arrival's position and the rings.

    Args:
        until_s: Moment to stop at [s]; what happens at it before control is done.
        arrivals_s: Arrival times, ascending [s].
        ranks: Priority class of each arrival; empty if all are of class 0.
        sizes: Input-size class of each arrival; empty if the curve has one.
        patience_s: How long each arrival waits before it leaves [s]; empty if for ever.
        some_leave: Whether any request so far has a patience that ends.
        position: First arrival that has not been handled.
        first_index: Index of the first arrival in the outputs.
        seconds: Service time by hardware, size class and batch [s].
        joules: Energy of a batch by hardware, size class and batch [J].
        factors: Factors on the service time, taken in turn; empty if it has no spread [-].
        preferred: Preferred batch sizes, ascending; the last is the largest batch.
        max_wait_s: Longest time that the oldest request is held back for company [s].
        queue_limit: Most requests that wait; negative if there is no limit.
        goal_s: Latency goal that lateness is counted against [s].
        free_s: When each replica's batch ends [s].
        takes_work: 1 for replicas that may start a batch.
        hardware: Hardware class of each replica.
        in_batch: Size of each replica's latest batch.
        ring: Waiting requests by class: arrival [s], index, end of patience [s], size class.
        head: Place of the oldest request in each ring.
        count: Requests in each ring.
        counters: Totals since the start.
        hours: Totals by hour since time 0.
        histogram: Latency counts by logarithmic bin.
        waits: Waiting-time counts by logarithmic bin.
        out_start_s: Start by request [s]; empty if not wanted.
        out_finish_s: End by request [s]; empty if not wanted.
        out_batch: Number of the batch by request; empty if not wanted.
        out_status: Fate by request; empty if not wanted.
    """
    arrivals = arrivals_s.shape[0]
    largest = preferred[preferred.shape[0] - 1]
    smallest = preferred[0]
    has_ranks, has_sizes = ranks.shape[0] > 0, sizes.shape[0] > 0
    has_patience, wants_out = patience_s.shape[0] > 0, out_status.shape[0] > 0
    last_hour = hours.shape[0] - 1
    now_s = -math.inf
    limit_s = math.inf
    replica = -1
    look_again = True
    while True:
        waiting = count[0] + count[1]
        start_s = math.inf
        if waiting > 0:
            if look_again:
                replica = -1
                for k in range(free_s.shape[0]):
                    if takes_work[k] == 1 and (replica < 0 or free_s[k] < free_s[replica]):
                        replica = k
                look_again = False
            if replica >= 0:
                oldest = math.inf
                for rank in range(CLASSES):
                    if count[rank] > 0:
                        oldest = min(oldest, ring[rank, head[rank], 0])
                limit_s = oldest + max_wait_s
                start_s = max(free_s[replica], now_s)
                if waiting < smallest:
                    start_s = max(start_s, limit_s)
        arrival_s = arrivals_s[position] if position < arrivals else math.inf
        leave_s = math.inf
        leave_rank, leave_place = -1, -1
        if some_leave and waiting > 0:
            for rank in range(CLASSES):
                for k in range(count[rank]):
                    end = ring[rank, (head[rank] + k) % ring.shape[1], 2]
                    if end < leave_s:
                        leave_s, leave_rank, leave_place = end, rank, k

        if start_s <= leave_s and start_s <= arrival_s:
            if start_s > until_s or start_s == math.inf:
                break
            now_s = start_s
            # A free replica of the lowest index serves, whichever became free first.
            for k in range(free_s.shape[0]):
                if takes_work[k] == 1 and free_s[k] <= start_s:
                    replica = k
                    break
            take = min(waiting, largest)
            if waiting >= smallest and start_s < limit_s:
                for k in range(preferred.shape[0]):
                    if preferred[k] <= waiting:
                        take = preferred[k]
            size = 0
            if has_sizes:
                left = take
                for rank in range(CLASSES):
                    for k in range(min(left, count[rank])):
                        place = (head[rank] + k) % ring.shape[1]
                        size = max(size, int(ring[rank, place, 3]))
                    left -= min(left, count[rank])
            service_s = seconds[hardware[replica], size, take]
            if factors.shape[0] > 0:
                service_s *= factors[counters[NEXT_FACTOR] % factors.shape[0]]
                counters[NEXT_FACTOR] += 1
            end_s = start_s + service_s
            free_s[replica] = end_s
            in_batch[replica] = take
            hour = min(last_hour, int(start_s // 3600.0))
            _spread_over_hours(hours, HOUR_BUSY_S, start_s, end_s, 1.0)
            hours[hour, HOUR_JOULES] += joules[hardware[replica], size, take]
            hours[hour, HOUR_BATCHES] += 1
            hours[hour, HOUR_STARTED] += take
            left = take
            for rank in range(CLASSES):
                while left > 0 and count[rank] > 0:
                    place = head[rank]
                    came_s = ring[rank, place, 0]
                    histogram[_bin_of(end_s - came_s)] += 1
                    waits[_bin_of(start_s - came_s)] += 1
                    hours[hour, HOUR_WAIT_S] += start_s - came_s
                    if end_s - came_s > goal_s:
                        hours[hour, HOUR_LATE] += 1
                    if wants_out:
                        index = int(ring[rank, place, 1])
                        out_start_s[index] = start_s
                        out_finish_s[index] = end_s
                        out_batch[index] = counters[BATCHES]
                        out_status[index] = STATUS_SERVED
                    head[rank] = (place + 1) % ring.shape[1]
                    count[rank] -= 1
                    left -= 1
            counters[BATCHES] += 1
            counters[STARTED] += take
            look_again = True
        elif leave_s <= arrival_s:
            if leave_s >= until_s:
                break
            now_s = leave_s
            index = int(ring[leave_rank, (head[leave_rank] + leave_place) % ring.shape[1], 1])
            for k in range(leave_place, 0, -1):
                here = (head[leave_rank] + k) % ring.shape[1]
                before = (head[leave_rank] + k - 1) % ring.shape[1]
                ring[leave_rank, here] = ring[leave_rank, before]
            head[leave_rank] = (head[leave_rank] + 1) % ring.shape[1]
            count[leave_rank] -= 1
            counters[ABANDONED] += 1
            hours[min(last_hour, int(leave_s // 3600.0)), HOUR_ABANDONED] += 1
            if wants_out:
                out_status[index] = STATUS_ABANDONED
        else:
            if arrival_s >= until_s:
                break
            now_s = arrival_s
            counters[ARRIVED] += 1
            hour = min(last_hour, int(arrival_s // 3600.0))
            hours[hour, HOUR_ARRIVED] += 1
            index = first_index + position
            can_start = False
            if queue_limit >= 0 and waiting >= queue_limit:
                # A full queue turns nobody away who would be served at once.
                for k in range(free_s.shape[0]):
                    if takes_work[k] == 1 and free_s[k] <= arrival_s:
                        can_start = waiting + 1 >= smallest or max_wait_s == 0
                        break
            if queue_limit < 0 or waiting < queue_limit or can_start:
                rank = ranks[position] if has_ranks else 0
                if count[rank] == ring.shape[1]:
                    ring = _grown(ring, head, count)
                place = (head[rank] + count[rank]) % ring.shape[1]
                ring[rank, place, 0] = arrival_s
                ring[rank, place, 1] = index
                ring[rank, place, 2] = (
                    arrival_s + patience_s[position] if has_patience else math.inf
                )
                ring[rank, place, 3] = sizes[position] if has_sizes else 0
                count[rank] += 1
            else:
                counters[DROPPED] += 1
                hours[hour, HOUR_DROPPED] += 1
                if wants_out:
                    out_status[index] = STATUS_DROPPED
            position += 1
    return position, ring
