"""Calls of a vendor's API one after the other: limits, tries, outages, in compiled code.

Moments at which a call is made come in order of time, ties in order of the request: arrivals from
their list, everything that follows from a heap. Draws are numbered by request, call and try, so
that the same try meets the same luck whatever happened before it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tco.sim.compiled import compiled

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
# Columns of a call in the heap beside its moment.
REQUEST, CALL, TRY, HAS_FALLEN_OVER = range(4)
HEAP_COLUMNS = 4
# Streams of draws.
BASE, PACE, JITTER, ELSEWHERE = range(4)

MOST_TRIES, MOST_CALLS, STREAMS = 32, 256, 4
CLOSE = 1e-9
"""A bucket that lacks so little of its size, or a moment so little late, is taken to be there."""
TICKS_A_SECOND = 2.0**34
"""Moments that are worked out are kept to ticks of 58 ps, so that what falls together does so."""
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
def _is_before(at_s: Array, what: Whole, one: int, other: int) -> bool:
    if at_s[one] != at_s[other]:
        return bool(at_s[one] < at_s[other])
    return bool(what[one, REQUEST] < what[other, REQUEST])


@compiled
def _swap(at_s: Array, what: Whole, one: int, other: int) -> None:
    at_s[one], at_s[other] = at_s[other], at_s[one]
    for column in range(HEAP_COLUMNS):
        what[one, column], what[other, column] = what[other, column], what[one, column]


@compiled
def _push(
    at_s: Array, what: Whole, size: int, moment_s: float,
    request: int, call: int, tried: int, fallen: int,
) -> int:  # fmt: skip
    """Add a call to the heap; return its new size."""
    at_s[size] = moment_s
    what[size, REQUEST], what[size, CALL] = request, call
    what[size, TRY], what[size, HAS_FALLEN_OVER] = tried, fallen
    child = size
    while child > 0:
        parent = (child - 1) // 2
        if not _is_before(at_s, what, child, parent):
            break
        _swap(at_s, what, child, parent)
        child = parent
    return size + 1


@compiled
def _pop(at_s: Array, what: Whole, size: int) -> int:
    """Put the first call behind the rest; return how many are left before it."""
    size -= 1
    _swap(at_s, what, 0, size)
    parent = 0
    while True:
        first = parent
        for child in (2 * parent + 1, 2 * parent + 2):
            if child < size and _is_before(at_s, what, child, first):
                first = child
        if first == parent:
            return size
        _swap(at_s, what, parent, first)
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
def _let_through_s(
    limits: Array, first: int, last: int, levels: Array, seen_s: float, now_s: float,
    tokens: Array, row: int,
) -> float:  # fmt: skip
    """Return when all limits hold what a call takes; infinite where one never does [s]."""
    from_s = max(now_s, seen_s)
    moment_s = from_s
    for limit in range(first, last):
        wanted, size = _takes(limits, limit, tokens, row), limits[limit, SIZE]
        close = CLOSE * size
        if wanted > size + close:
            return math.inf
        held = min(size, levels[limit] + limits[limit, PER_S] * (from_s - seen_s))
        if held + close < wanted:
            ready_s = from_s + (wanted - held) / limits[limit, PER_S]
            ready_s = math.floor(ready_s * TICKS_A_SECOND + 0.5) / TICKS_A_SECOND
            moment_s = max(moment_s, ready_s)
    return moment_s


@compiled
def _take(
    limits: Array, first: int, last: int, levels: Array, seen_s: float, moment_s: float,
    tokens: Array, row: int,
) -> None:  # fmt: skip
    for limit in range(first, last):
        held = levels[limit] + limits[limit, PER_S] * (moment_s - seen_s)
        wanted = _takes(limits, limit, tokens, row)
        levels[limit] = max(0.0, min(limits[limit, SIZE], held) - wanted)


@compiled
def _is_down(outages_s: Array, moment_s: float) -> bool:
    """Tell whether a moment lies in an outage; its end does not."""
    low, high = 0, outages_s.shape[0]
    while low < high:
        middle = (low + high) // 2
        if outages_s[middle, 1] <= moment_s:
            low = middle + 1
        else:
            high = middle
    return bool(low < outages_s.shape[0] and outages_s[low, 0] <= moment_s)


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
    state: Array,
    levels: Array,
    places: Whole,
    heap_s: Array,
    heap: Whole,
    finish_s: Array,
    first_word_s: Array,
    fates: NDArray[np.int8],
    billed: Array,
    counts: Array,
) -> bool:
    """Make every call; return whether all are done, or the heap wants more room.

    ``state`` holds the moments at which provisioned throughput and the limits were last looked at;
    ``places`` the next arrival and the size of the heap.
    """
    provisioned = switches[HAS_PROVISIONED]
    while True:
        size = places[1]
        if size == heap_s.shape[0]:
            return False
        if size > 0 and (places[0] == came_s.shape[0] or heap_s[0] <= came_s[places[0]]):
            size = _pop(heap_s, heap, size)
            now_s, request, call = heap_s[size], heap[size, REQUEST], heap[size, CALL]
            tried, fallen = heap[size, TRY], heap[size, HAS_FALLEN_OVER]
        elif places[0] < came_s.shape[0]:
            now_s, request, call, tried, fallen = came_s[places[0]], places[0], 0, 0, 0
            places[0] += 1
        else:
            return True
        calls, row = 1, request
        if first_call.shape[0] > 0:
            calls, row = first_call[request + 1] - first_call[request], first_call[request] + call
        if tokens.shape[0] == 1:
            row = 0
        is_counted = came_s[request] >= settings[COUNT_FROM_S]
        begins_s, ready_s, seller = now_s, math.inf, PAID_BY_TOKEN
        if provisioned:
            ready_s = _let_through_s(limits, 0, 1, levels, state[0], now_s, tokens, row)
            if ready_s <= now_s + CLOSE:
                _take(limits, 0, 1, levels, state[0], now_s, tokens, row)
                state[0], seller = now_s, PROVISIONED
                if is_counted:
                    _bill(billed, PROVISIONED, tokens, row)
        is_through = seller == PROVISIONED
        if not is_through and (not provisioned or switches[PASSES_ON]):
            last = limits.shape[0]
            ready_s = _let_through_s(limits, provisioned, last, levels, state[1], now_s,
                                     tokens, row)  # fmt: skip
            if ready_s - now_s <= settings[QUEUE_S] + CLOSE:
                _take(limits, provisioned, last, levels, state[1], ready_s, tokens, row)
                state[1], begins_s, is_through = ready_s, ready_s, True
        if is_counted:
            counts[MADE] += 1.0
            counts[QUEUED_S] += begins_s - now_s
        failed_s, done_s, takes_s = math.inf, math.inf, 0.0
        if not is_through:
            failed_s = now_s
            if is_counted:
                counts[TURNED_AWAY] += 1.0
        elif _is_down(outages_s, begins_s):
            failed_s = begins_s + settings[ERROR_S]
            if is_counted:
                counts[FAILED] += 1.0
                if switches[BILLS_FAILED] and seller != PROVISIONED:
                    _bill(billed, seller, tokens, row)
        elif switches[BY_TOKENS]:
            opens_s = quantile(base_s, uniform(seed, request, call, tried, BASE))
            pace = quantile(pace_s, uniform(seed, request, call, tried, PACE))
            takes_s = opens_s + max(0.0, tokens[row, OUTPUT] - 1.0) * pace
            done_s = begins_s + takes_s
            first_word_s[request] = begins_s + opens_s
        else:
            # A latency of whole requests is one draw, spread evenly over its calls.
            takes_s = quantile(base_s, uniform(seed, request, 0, tried, BASE)) / calls
            done_s = begins_s + takes_s
        # What a call takes is compared, not its moments: their difference is rounded.
        if takes_s > settings[TIMEOUT_S]:
            failed_s, done_s = begins_s + settings[TIMEOUT_S], math.inf
            if is_counted:
                counts[TIMED_OUT] += 1.0
                if switches[BILLS_TIMED_OUT] and seller != PROVISIONED:
                    _bill(billed, seller, tokens, row)
        if failed_s < math.inf and tried + 1 < settings[TRIES]:
            wait_s = settings[FIRST_WAIT_S] * settings[WAIT_FACTOR] ** tried
            wait_s = min(wait_s, settings[LONGEST_WAIT_S])
            if settings[JITTER_SHARE] > 0.0:
                luck = uniform(seed, request, call, tried, JITTER)
                wait_s *= 1.0 - settings[JITTER_SHARE] * luck
            again_s = failed_s + wait_s
            if switches[HONOURS_RETRY_AFTER] and not is_through and ready_s < math.inf:
                again_s = max(again_s, ready_s)
            if is_counted:
                counts[BACKED_OFF_S] += again_s - failed_s
            places[1] = _push(heap_s, heap, size, again_s, request, call, tried + 1, fallen)
            continue
        if failed_s < math.inf:
            if not switches[FALLS_OVER]:
                finish_s[request], fates[request], places[1] = failed_s, LOST, size
                continue
            seller, fallen = FALLBACK, 1
            takes_s = quantile(elsewhere_s, uniform(seed, request, 0, tried, ELSEWHERE)) / calls
            done_s = failed_s + takes_s
            first_word_s[request] = done_s
        if is_counted and seller != PROVISIONED:
            _bill(billed, seller, tokens, row)
        if call + 1 < calls:
            places[1] = _push(heap_s, heap, size, done_s, request, call + 1, 0, fallen)
        else:
            finish_s[request], places[1] = done_s, size
            fates[request] = FELL_OVER if fallen else SERVED
