"""Calls of a vendor's API one after the other: limits, tries, outages, in compiled code.

A moment is a whole number of nanoseconds: arrivals, edges of outages, waits, what a call takes and
what a bucket still wants are rounded to it when they are made and are whole ever after. So moments
that fall together are equal, however each came about. Calls are made in order of these moments, of
one moment in order of the request: arrivals from their list, everything that follows from a heap.
Draws are numbered by request, call and try, so that the same try meets the same luck whatever
happened before it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tco.sim.compiled import compiled
from tco.units import NANOSECONDS_PER_SECOND

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

SERVED, FELL_OVER, LOST = range(3)
"""What became of a request."""
# Columns of a limit: what it lets through, what it holds, and what a call takes of it.
PER_S, SIZE, PER_CALL, PER_FRESH, PER_CACHED, PER_OUTPUT = range(6)
LIMIT_COLUMNS = 6
# Places in the settings.
(
    TRIES,
    FIRST_WAIT_S,
    WAIT_FACTOR,
    LONGEST_WAIT_S,
    JITTER_SHARE,
    TIMEOUT_S,
    QUEUE_S,
    ERROR_S,
    COUNT_FROM_S,
) = range(9)
SETTINGS = 9
# Places in the switches.
(
    HAS_PROVISIONED,
    PASSES_ON,
    HONOURS_RETRY_AFTER,
    BILLS_FAILED,
    BILLS_TIMED_OUT,
    FALLS_OVER,
    BY_TOKENS,
) = range(7)
SWITCHES = 7
# Who is paid for a call, by its tokens or by the hour; the rows of tokens billed.
PAID_BY_TOKEN, PROVISIONED, FALLBACK = range(3)
SELLERS = 3
FRESH, CACHED, OUTPUT, CALLS = range(4)
BILLED_COLUMNS = 4
# Places in the counts of tries.
MADE, TURNED_AWAY, FAILED, TIMED_OUT, QUEUED_S, BACKED_OFF_S = range(6)
COUNTS = 6
# Columns of a call in the heap.
MOMENT_NS, REQUEST, CALL, TRY, HAS_FALLEN_OVER = range(5)
HEAP_COLUMNS = 5
# Streams of draws.
BASE, PACE, JITTER, ELSEWHERE = range(4)

MOST_TRIES, MOST_CALLS, STREAMS = 32, 256, 4
CLOSE = 1e-9
"""A call that takes so little more than a bucket's size, as a share of it, fits."""
FOREVER_NS = 2**62
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 2.0**-53


@compiled
def uniform(seed: int, request: int, call: int, tried: int, stream: int) -> float:
    """Return the draw of a number, between 0 and 1: splitmix64 counted instead of stepped."""
    number = ((request * MOST_TRIES + tried) * MOST_CALLS + call) * STREAMS + stream
    mixed = np.uint64(seed) + np.uint64(number + 1) * _GOLDEN
    mixed = (mixed ^ (mixed >> _30)) * _FIRST
    mixed = (mixed ^ (mixed >> _27)) * _SECOND
    mixed ^= mixed >> _31
    return float(mixed >> _11) * _TO_UNIT


@compiled
def quantile(table: Array, share: float) -> float:
    """Return a quantile from its values at the middles of equal shares."""
    last = table.shape[0] - 1
    place = share * table.shape[0] - 0.5
    if place <= 0.0:
        return float(table[0])
    low = int(place)
    if low >= last:
        return float(table[last])
    return float(table[low] + (place - low) * (table[low + 1] - table[low]))


@compiled
def whole_ns(seconds: float) -> int:
    """Return the nearest nanosecond."""
    if seconds * NANOSECONDS_PER_SECOND >= FOREVER_NS:
        return FOREVER_NS
    return math.floor(seconds * NANOSECONDS_PER_SECOND + 0.5)


@compiled
def _moment_s(came_s: float, moment_ns: int) -> float:
    """Return a moment in seconds; an arrival that was rounded down is no later than its end."""
    return max(came_s, moment_ns / NANOSECONDS_PER_SECOND)


@compiled
def _is_before(heap: Whole, one: int, other: int) -> bool:
    if heap[one, MOMENT_NS] != heap[other, MOMENT_NS]:
        return bool(heap[one, MOMENT_NS] < heap[other, MOMENT_NS])
    return bool(heap[one, REQUEST] < heap[other, REQUEST])


@compiled
def _swap(heap: Whole, one: int, other: int) -> None:
    for column in range(HEAP_COLUMNS):
        heap[one, column], heap[other, column] = heap[other, column], heap[one, column]


@compiled
def _push(
    heap: Whole, size: int, moment_ns: int, request: int, call: int, tried: int, fallen: int
) -> int:
    """Add a call to the heap; return its new size."""
    heap[size, MOMENT_NS], heap[size, REQUEST], heap[size, CALL] = moment_ns, request, call
    heap[size, TRY], heap[size, HAS_FALLEN_OVER] = tried, fallen
    child = size
    while child > 0:
        parent = (child - 1) // 2
        if not _is_before(heap, child, parent):
            break
        _swap(heap, child, parent)
        child = parent
    return size + 1


@compiled
def _pop(heap: Whole, size: int) -> int:
    """Put the first call behind the rest; return how many are left before it."""
    size -= 1
    _swap(heap, 0, size)
    parent = 0
    while True:
        first = parent
        for child in (2 * parent + 1, 2 * parent + 2):
            if child < size and _is_before(heap, child, first):
                first = child
        if first == parent:
            return size
        _swap(heap, parent, first)
        parent = first


@compiled
def _takes(limits: Array, limit: int, tokens: Array, row: int) -> float:
    return float(
        limits[limit, PER_CALL]
        + limits[limit, PER_FRESH] * tokens[row, FRESH]
        + limits[limit, PER_CACHED] * tokens[row, CACHED]
        + limits[limit, PER_OUTPUT] * tokens[row, OUTPUT]
    )


@compiled
def _held(limits: Array, limit: int, levels: Array, seen_ns: int, moment_ns: int) -> float:
    """Return what a bucket holds at a moment, not earlier than it was last looked at."""
    refilled = limits[limit, PER_S] * ((moment_ns - seen_ns) / NANOSECONDS_PER_SECOND)
    return float(min(limits[limit, SIZE], levels[limit] + refilled))


@compiled
def _let_through_ns(
    limits: Array, first: int, last: int, levels: Array, seen_ns: int, now_ns: int,
    tokens: Array, row: int,
) -> int:  # fmt: skip
    """Return when all limits hold what a call takes; for ever where one never does."""
    from_ns = max(now_ns, seen_ns)
    moment_ns = from_ns
    for limit in range(first, last):
        wanted = _takes(limits, limit, tokens, row)
        if wanted > limits[limit, SIZE] * (1.0 + CLOSE):
            return FOREVER_NS
        lacking = wanted - _held(limits, limit, levels, seen_ns, from_ns)
        if lacking > 0.0:
            moment_ns = max(moment_ns, from_ns + whole_ns(lacking / limits[limit, PER_S]))
    return moment_ns


@compiled
def _take(
    limits: Array, first: int, last: int, levels: Array, seen_ns: int, moment_ns: int,
    tokens: Array, row: int,
) -> None:  # fmt: skip
    """Take what a call takes; what a moment rounded down had not yet refilled stays owed."""
    for limit in range(first, last):
        held = _held(limits, limit, levels, seen_ns, moment_ns)
        levels[limit] = held - _takes(limits, limit, tokens, row)


@compiled
def _is_down(outages_s: Array, moment_ns: int) -> bool:
    """Tell whether a moment lies in an outage; its end does not."""
    low, high = 0, outages_s.shape[0]
    while low < high:
        middle = (low + high) // 2
        if whole_ns(outages_s[middle, 1]) <= moment_ns:
            low = middle + 1
        else:
            high = middle
    return bool(low < outages_s.shape[0] and whole_ns(outages_s[low, 0]) <= moment_ns)


@compiled
def _bill(billed: Array, seller: int, tokens: Array, row: int) -> None:
    """Count what is paid to a seller; of provisioned throughput, what was taken of it."""
    for kind in (FRESH, CACHED, OUTPUT):
        billed[seller, kind] += tokens[row, kind]
    billed[seller, CALLS] += 1.0


@compiled
def advance(  # noqa: PLR0913, PLR0917, PLR0912, PLR0915, C901 - one compiled loop
    came_s: Array,
    first_call: Whole,
    tokens: Array,
    limits: Array,
    settings: Array,
    switches: Whole,
    outages_s: Array,
    base_s: Array,
    pace_s: Array,
    elsewhere_s: Array,
    seed: int,
    seen_ns: Whole,
    levels: Array,
    places: Whole,
    heap: Whole,
    finish_s: Array,
    first_word_s: Array,
    fates: NDArray[np.int8],
    billed: Array,
    counts: Array,
) -> bool:
    """Make every call; return whether all are done, or the heap wants more room.

    ``seen_ns`` holds the moments at which provisioned throughput and the limits were last looked
    at; ``places`` the next arrival and the size of the heap.
    """
    provisioned = switches[HAS_PROVISIONED]
    queue_ns, timeout_ns = whole_ns(settings[QUEUE_S]), whole_ns(settings[TIMEOUT_S])
    while True:
        size = places[1]
        if size == heap.shape[0]:
            return False
        is_left = places[0] < came_s.shape[0]
        came_ns = whole_ns(came_s[places[0]]) if is_left else FOREVER_NS
        if size > 0 and heap[0, MOMENT_NS] <= came_ns:
            size = _pop(heap, size)
            now_ns, request, call = heap[size, MOMENT_NS], heap[size, REQUEST], heap[size, CALL]
            tried, fallen = heap[size, TRY], heap[size, HAS_FALLEN_OVER]
        elif is_left:
            now_ns, request, call, tried, fallen = came_ns, places[0], 0, 0, 0
            places[0] += 1
        else:
            return True
        calls, row = 1, request
        if first_call.shape[0] > 0:
            calls, row = first_call[request + 1] - first_call[request], first_call[request] + call
        if tokens.shape[0] == 1:
            row = 0
        is_counted = came_s[request] >= settings[COUNT_FROM_S]
        begins_ns, ready_ns, seller = now_ns, FOREVER_NS, PAID_BY_TOKEN
        if provisioned:
            ready_ns = _let_through_ns(limits, 0, 1, levels, seen_ns[0], now_ns, tokens, row)
            if ready_ns <= now_ns:
                _take(limits, 0, 1, levels, seen_ns[0], now_ns, tokens, row)
                seen_ns[0], seller = now_ns, PROVISIONED
                if is_counted:
                    _bill(billed, PROVISIONED, tokens, row)
        is_through = seller == PROVISIONED
        if not is_through and (not provisioned or switches[PASSES_ON]):
            last = limits.shape[0]
            ready_ns = _let_through_ns(limits, provisioned, last, levels, seen_ns[1], now_ns,
                                       tokens, row)  # fmt: skip
            if ready_ns < FOREVER_NS and ready_ns - now_ns <= queue_ns:
                _take(limits, provisioned, last, levels, seen_ns[1], ready_ns, tokens, row)
                seen_ns[1], begins_ns, is_through = ready_ns, ready_ns, True
        if is_counted:
            counts[MADE] += 1.0
            counts[QUEUED_S] += (begins_ns - now_ns) / NANOSECONDS_PER_SECOND
        failed_ns, takes_ns = FOREVER_NS, 0
        if not is_through:
            failed_ns = now_ns
            if is_counted:
                counts[TURNED_AWAY] += 1.0
        elif _is_down(outages_s, begins_ns):
            failed_ns = begins_ns + whole_ns(settings[ERROR_S])
            if is_counted:
                counts[FAILED] += 1.0
                if switches[BILLS_FAILED] and seller != PROVISIONED:
                    _bill(billed, seller, tokens, row)
        elif switches[BY_TOKENS]:
            opens_s = quantile(base_s, uniform(seed, request, call, tried, BASE))
            pace = quantile(pace_s, uniform(seed, request, call, tried, PACE))
            takes_ns = whole_ns(opens_s + max(0.0, tokens[row, OUTPUT] - 1.0) * pace)
            opens_ns = begins_ns + whole_ns(opens_s)
            first_word_s[request] = _moment_s(came_s[request], opens_ns)
        else:
            # A latency of whole requests is one draw, spread evenly over its calls.
            takes_ns = whole_ns(quantile(base_s, uniform(seed, request, 0, tried, BASE)) / calls)
        done_ns = begins_ns + takes_ns
        if takes_ns > timeout_ns:
            failed_ns = begins_ns + timeout_ns
            if is_counted:
                counts[TIMED_OUT] += 1.0
                if switches[BILLS_TIMED_OUT] and seller != PROVISIONED:
                    _bill(billed, seller, tokens, row)
        if failed_ns < FOREVER_NS and tried + 1 < settings[TRIES]:
            wait_s = settings[FIRST_WAIT_S] * settings[WAIT_FACTOR] ** tried
            wait_s = min(wait_s, settings[LONGEST_WAIT_S])
            if settings[JITTER_SHARE] > 0.0:
                luck = uniform(seed, request, call, tried, JITTER)
                wait_s *= 1.0 - settings[JITTER_SHARE] * luck
            again_ns = failed_ns + whole_ns(wait_s)
            if switches[HONOURS_RETRY_AFTER] and not is_through and ready_ns < FOREVER_NS:
                again_ns = max(again_ns, ready_ns)
            if is_counted:
                counts[BACKED_OFF_S] += (again_ns - failed_ns) / NANOSECONDS_PER_SECOND
            places[1] = _push(heap, size, again_ns, request, call, tried + 1, fallen)
            continue
        if failed_ns < FOREVER_NS:
            if not switches[FALLS_OVER]:
                finish_s[request] = _moment_s(came_s[request], failed_ns)
                fates[request], places[1] = LOST, size
                continue
            seller, fallen = FALLBACK, 1
            takes_s = quantile(elsewhere_s, uniform(seed, request, 0, tried, ELSEWHERE)) / calls
            done_ns = failed_ns + whole_ns(takes_s)
            first_word_s[request] = _moment_s(came_s[request], done_ns)
        if is_counted and seller != PROVISIONED:
            _bill(billed, seller, tokens, row)
        if call + 1 < calls:
            places[1] = _push(heap, size, done_ns, request, call + 1, 0, fallen)
        else:
            finish_s[request], places[1] = _moment_s(came_s[request], done_ns), size
            fates[request] = FELL_OVER if fallen else SERVED
