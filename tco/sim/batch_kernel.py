"""Requests over replicas with dynamic batching, moved one by one in compiled code.

``advance`` carries the queues from where they stand to a moment. Between two such moments nothing
about the fleet changes, so the simulation's clock (SimPy) sets the moments at which something is
decided, and the kernel does the rest exactly.

Order of what happens at one instant: a batch ends or a wait limit runs out (and a batch starts on
that), then control (the caller's), then a request loses patience, then requests arrive, by index.
A batch starts when a replica is free and either as many requests wait as the smallest preferred
size, or the oldest has waited for the limit. It takes the largest preferred size that is there;
when the limit ran out, all that wait, up to the largest. Requests that need time of their own make
their batch longer by the longest of them.

A request joins the queue when the host stage in front of it is done with it. Patience and the limit
on holding back count from there; latency and waiting count from its arrival at the host stage.
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

# Columns of a waiting request.
JOINED_S, INDEX, LEAVES_S, SIZE, CAME_S, OWN_S = range(6)
WAITING_COLUMNS = 6

# Who may lose patience: nobody; those of a class in order of joining; any of them.
NOBODY_LEAVES, FIRST_LEAVES_FIRST, ANY_LEAVES = range(3)

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

# The bin of a time is looked up by the leading bits of its float: its exponent and seven bits more
# make cells that are narrower than a bin, so that at most one edge lies in each.
EDGES_S = np.append(LEAST_S * BIN_RATIO ** np.arange(BINS - 1), math.inf)
CELL_BITS = 45
FIRST_CELL = int(np.float64(LEAST_S).view(np.int64)) >> CELL_BITS
_LAST_CELL = int(EDGES_S[-2].view(np.int64)) >> CELL_BITS
_STARTS_S = (np.arange(FIRST_CELL, _LAST_CELL + 1) << CELL_BITS).view(np.float64)
BIN_OF_CELL = np.searchsorted(EDGES_S, np.maximum(_STARTS_S, LEAST_S), side="right")

STATUS_WAITING, STATUS_SERVED, STATUS_DROPPED, STATUS_ABANDONED = range(4)


@njit(cache=True, nogil=True)
def _bin_of(seconds: float) -> int:
    if seconds <= LEAST_S:
        return 0
    cell = (np.float64(seconds).view(np.int64) >> CELL_BITS) - FIRST_CELL
    if cell >= BIN_OF_CELL.shape[0]:
        return BINS - 1
    found = int(BIN_OF_CELL[cell])
    return found + 1 if seconds >= EDGES_S[found] else found


@njit(cache=True, nogil=True)
def _hour_of(moment_s: float, last: int) -> int:
    return min(last, int(moment_s / 3600.0))


@njit(cache=True, nogil=True)
def _spread_over_hours(
    hours: Array, column: int, start_s: float, end_s: float, weight: float
) -> None:
    """Add the seconds from start to end, times a weight, to the hours that they fall in."""
    last = hours.shape[0] - 1
    hour = _hour_of(start_s, last)
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
def host_stage(arrivals_s: Array, seconds: float, free_s: Array) -> Array:
    """Return when requests leave a stage of constant time, first come first served [s].

    Request i starts when it is there and the request as many before as are worked on at once has
    left. ``free_s`` holds the departures before the first and is updated.
    """
    parallel, requests = free_s.shape[0], arrivals_s.shape[0]
    leaves_s = np.empty(parallel + requests)
    leaves_s[:parallel] = free_s
    for i in range(requests):
        leaves_s[parallel + i] = max(arrivals_s[i], leaves_s[i]) + seconds
    free_s[:] = leaves_s[requests:]
    return leaves_s[parallel:]


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
    joins_s: Array,
    came_s: Array,
    ranks: Whole,
    sizes: Whole,
    own_s: Array,
    patience_s: Array,
    common_patience_s: float,
    leaving: int,
    are_unlike: bool,  # noqa: FBT001 - compiled code takes its arguments by position
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
) -> tuple[int, Array, float]:
    """Carry the queues to a moment; return the next position, the rings and the last event [s].

    Args:
        until_s: Moment to stop at [s]; what happens at it before control is done.
        joins_s: When each request joins the queue, ascending [s].
        came_s: When each came to the host stage [s]; empty if that is when it joins.
        ranks: Priority class of each request; empty if all are of class 0.
        sizes: Input-size class of each request; empty if the curve has one.
        own_s: Time that each request needs beyond its batch [s]; empty if none.
        patience_s: How long each request waits before it leaves [s]; empty if all alike.
        common_patience_s: How long a request waits where ``patience_s`` is empty [s].
        leaving: Who, of all requests so far, may lose patience.
        are_unlike: Whether any request so far has a size class or time of its own.
        position: First request that has not joined.
        first_index: Index of the first request in the outputs.
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
        ring: Waiting requests by class, with the columns above.
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
    requests = joins_s.shape[0]
    largest = preferred[preferred.shape[0] - 1]
    smallest = preferred[0]
    has_ranks, has_sizes, has_own = ranks.shape[0] > 0, sizes.shape[0] > 0, own_s.shape[0] > 0
    has_front, has_patience = came_s.shape[0] > 0, patience_s.shape[0] > 0
    wants_out = out_status.shape[0] > 0
    last_hour = hours.shape[0] - 1
    wrap = ring.shape[1] - 1  # its room is a power of two
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
                        oldest = min(oldest, ring[rank, head[rank], JOINED_S])
                limit_s = oldest + max_wait_s
                start_s = max(free_s[replica], now_s)
                if waiting < smallest:
                    start_s = max(start_s, limit_s)
        join_s = joins_s[position] if position < requests else math.inf
        leave_s = math.inf
        leave_rank, leave_place = -1, -1
        if leaving != NOBODY_LEAVES and waiting > 0:
            for rank in range(CLASSES):
                looked_at = count[rank] if leaving == ANY_LEAVES else min(1, count[rank])
                for k in range(looked_at):
                    end = ring[rank, (head[rank] + k) & wrap, LEAVES_S]
                    if end < leave_s:
                        leave_s, leave_rank, leave_place = end, rank, k

        if start_s <= leave_s and start_s <= join_s:
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
            size, longest_s = 0, 0.0
            if are_unlike:
                left = take
                for rank in range(CLASSES):
                    for k in range(min(left, count[rank])):
                        place = (head[rank] + k) & wrap
                        size = max(size, int(ring[rank, place, SIZE]))
                        longest_s = max(longest_s, ring[rank, place, OWN_S])
                    left -= min(left, count[rank])
            service_s = seconds[hardware[replica], size, take] + longest_s
            if factors.shape[0] > 0:
                service_s *= factors[counters[NEXT_FACTOR] % factors.shape[0]]
                counters[NEXT_FACTOR] += 1
            end_s = start_s + service_s
            free_s[replica] = end_s
            in_batch[replica] = take
            hour = _hour_of(start_s, last_hour)
            _spread_over_hours(hours, HOUR_BUSY_S, start_s, end_s, 1.0)
            hours[hour, HOUR_JOULES] += joules[hardware[replica], size, take]
            hours[hour, HOUR_BATCHES] += 1
            hours[hour, HOUR_STARTED] += take
            left = take
            for rank in range(CLASSES):
                while left > 0 and count[rank] > 0:
                    place = head[rank]
                    since_s = ring[rank, place, CAME_S]
                    histogram[_bin_of(end_s - since_s)] += 1
                    waits[_bin_of(start_s - since_s)] += 1
                    hours[hour, HOUR_WAIT_S] += start_s - since_s
                    if end_s - since_s > goal_s:
                        hours[hour, HOUR_LATE] += 1
                    if wants_out:
                        index = int(ring[rank, place, INDEX])
                        out_start_s[index] = start_s
                        out_finish_s[index] = end_s
                        out_batch[index] = counters[BATCHES]
                        out_status[index] = STATUS_SERVED
                    head[rank] = (place + 1) & wrap
                    count[rank] -= 1
                    left -= 1
            counters[BATCHES] += 1
            counters[STARTED] += take
            look_again = True
        elif leave_s <= join_s:
            if leave_s >= until_s:
                break
            now_s = leave_s
            index = int(ring[leave_rank, (head[leave_rank] + leave_place) & wrap, INDEX])
            for k in range(leave_place, 0, -1):
                here = (head[leave_rank] + k) & wrap
                before = (head[leave_rank] + k - 1) & wrap
                ring[leave_rank, here] = ring[leave_rank, before]
            head[leave_rank] = (head[leave_rank] + 1) & wrap
            count[leave_rank] -= 1
            counters[ABANDONED] += 1
            hours[_hour_of(leave_s, last_hour), HOUR_ABANDONED] += 1
            if wants_out:
                out_status[index] = STATUS_ABANDONED
        else:
            if join_s >= until_s:
                break
            now_s = join_s
            counters[ARRIVED] += 1
            hour = _hour_of(join_s, last_hour)
            hours[hour, HOUR_ARRIVED] += 1
            index = first_index + position
            can_start = False
            if queue_limit >= 0 and waiting >= queue_limit:
                # A full queue turns nobody away who would be served at once.
                for k in range(free_s.shape[0]):
                    if takes_work[k] == 1 and free_s[k] <= join_s:
                        can_start = waiting + 1 >= smallest or max_wait_s == 0
                        break
            if queue_limit < 0 or waiting < queue_limit or can_start:
                rank = ranks[position] if has_ranks else 0
                if count[rank] == ring.shape[1]:
                    ring = _grown(ring, head, count)
                    wrap = ring.shape[1] - 1
                place = (head[rank] + count[rank]) & wrap
                waits_s = patience_s[position] if has_patience else common_patience_s
                ring[rank, place, JOINED_S] = join_s
                ring[rank, place, INDEX] = index
                ring[rank, place, LEAVES_S] = join_s + waits_s
                ring[rank, place, SIZE] = sizes[position] if has_sizes else 0
                ring[rank, place, CAME_S] = came_s[position] if has_front else join_s
                ring[rank, place, OWN_S] = own_s[position] if has_own else 0.0
                count[rank] += 1
            else:
                counters[DROPPED] += 1
                hours[hour, HOUR_DROPPED] += 1
                if wants_out:
                    out_status[index] = STATUS_DROPPED
            position += 1
    return position, ring, now_s
