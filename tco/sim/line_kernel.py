"""Lines of waiting requests in compiled code: who comes next, and whose patience ends next.

All waiting requests lie in one pool. A line has a chain for each priority class, and those who may
give up lie in one heap, the next to leave on top: joining, leaving and being served take no longer
in a long line than in a short one. Host work is a stage of some hands, each request taken by the
hand that is free first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tco.sim.compiled import compiled

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

CLASSES = 2
"""Priority classes: 0 is served first."""

# Columns of a waiting request.
JOINED_S, INDEX, LEAVES_S, SIZE, CAME_S, OWN_S, INPUT_TOKENS, OUTPUT_TOKENS, DUE_S = range(9)
WAITING_COLUMNS = 9
# Its links.
NEXT, PREVIOUS, IN_HEAP, LINE, RANK = range(5)
LINKS = 5
# Places in the bookkeeping of the pool.
FREE, HEAPED = range(2)
NOBODY = -1


class Lines(NamedTuple):
    """Waiting requests of all lines."""

    waiting: Array
    """What is known of each, by place in the pool."""
    links: Whole
    """Its neighbours in the chain, its place in the heap, its line and class."""
    first: Whole
    """First place of each chain, by line and class."""
    last: Whole
    present: Whole
    """Requests in each chain."""
    heap: Whole
    """Places of those who may give up, ordered by when they do."""
    book: Whole
    """First free place, and the length of the heap."""


def empty_lines(lines: int, room: int) -> Lines:
    """Make lines without anybody in them."""
    links = np.full((room, LINKS), NOBODY, dtype=np.int64)
    links[:-1, NEXT] = np.arange(1, room)
    return Lines(
        waiting=np.empty((room, WAITING_COLUMNS)),
        links=links,
        first=np.full((lines, CLASSES), NOBODY, dtype=np.int64),
        last=np.full((lines, CLASSES), NOBODY, dtype=np.int64),
        present=np.zeros((lines, CLASSES), dtype=np.int64),
        heap=np.empty(room, dtype=np.int64),
        book=np.array([0, 0]),
    )


def larger(lines: Lines) -> Lines:
    """Return the same lines in a pool of twice the room."""
    room = lines.heap.size
    fresh = empty_lines(1, room)
    fresh.links[:-1, NEXT] += room
    fresh.links[-1, NEXT] = lines.book[FREE]
    return lines._replace(
        waiting=np.concatenate((lines.waiting, fresh.waiting)),
        links=np.concatenate((lines.links, fresh.links)),
        heap=np.concatenate((lines.heap, fresh.heap)),
        book=np.array([room, lines.book[HEAPED]]),
    )


@compiled
def _settle(lines: Lines, spot: int, place: int) -> None:
    """Put a place where it belongs in the heap, beginning at a spot."""
    heap, links, waiting = lines.heap, lines.links, lines.waiting
    leaves_s = waiting[place, LEAVES_S]
    length = lines.book[HEAPED]
    while spot > 0:
        above = (spot - 1) >> 1
        if waiting[heap[above], LEAVES_S] <= leaves_s:
            break
        heap[spot] = heap[above]
        links[heap[spot], IN_HEAP] = spot
        spot = above
    while True:
        below = 2 * spot + 1
        if below >= length:
            break
        right = below + 1
        if right < length and waiting[heap[right], LEAVES_S] < waiting[heap[below], LEAVES_S]:
            below = right
        if waiting[heap[below], LEAVES_S] >= leaves_s:
            break
        heap[spot] = heap[below]
        links[heap[spot], IN_HEAP] = spot
        spot = below
    heap[spot] = place
    links[place, IN_HEAP] = spot


@compiled
def take_place(lines: Lines) -> int:
    """Take a free place out of the pool, whose columns are to be filled."""
    place = lines.book[FREE]
    lines.book[FREE] = lines.links[place, NEXT]
    lines.links[place, IN_HEAP] = NOBODY
    return int(place)


@compiled
def enrol(lines: Lines, line: int, rank: int) -> int:
    """Put a request at the end of a line; return its place."""
    place = take_place(lines)
    append(lines, place, line, rank)
    return place


@compiled
def append(lines: Lines, place: int, line: int, rank: int) -> None:
    """Chain a request to the end of a line."""
    before = lines.last[line, rank]
    lines.links[place, NEXT] = NOBODY
    lines.links[place, PREVIOUS] = before
    lines.links[place, LINE] = line
    lines.links[place, RANK] = rank
    if before == NOBODY:
        lines.first[line, rank] = place
    else:
        lines.links[before, NEXT] = place
    lines.last[line, rank] = place
    lines.present[line, rank] += 1


@compiled
def rejoin(lines: Lines, place: int, line: int, rank: int) -> None:
    """Chain a request to where it stood before: in front of those who joined after it."""
    waiting, links = lines.waiting, lines.links
    joined_s, index = waiting[place, JOINED_S], waiting[place, INDEX]
    after = lines.first[line, rank]
    while after != NOBODY and (
        waiting[after, JOINED_S] < joined_s
        or (waiting[after, JOINED_S] == joined_s and waiting[after, INDEX] < index)
    ):
        after = links[after, NEXT]
    if after == NOBODY:
        append(lines, place, line, rank)
        return
    before = links[after, PREVIOUS]
    links[place, NEXT], links[place, PREVIOUS] = after, before
    links[place, LINE], links[place, RANK] = line, rank
    links[after, PREVIOUS] = place
    if before == NOBODY:
        lines.first[line, rank] = place
    else:
        links[before, NEXT] = place
    lines.present[line, rank] += 1


@compiled
def unchain(lines: Lines, place: int) -> None:
    """Take a request out of its line; it stays in the pool."""
    before, after = lines.links[place, PREVIOUS], lines.links[place, NEXT]
    line, rank = lines.links[place, LINE], lines.links[place, RANK]
    if before == NOBODY:
        lines.first[line, rank] = after
    else:
        lines.links[before, NEXT] = after
    if after == NOBODY:
        lines.last[line, rank] = before
    else:
        lines.links[after, PREVIOUS] = before
    lines.present[line, rank] -= 1


@compiled
def will_leave(lines: Lines, place: int) -> None:
    """Take note that the patience of a request ends at some time."""
    spot = lines.book[HEAPED]
    lines.book[HEAPED] += 1
    _settle(lines, spot, place)


@compiled
def strike_off(lines: Lines, place: int) -> None:
    """Take a request out of its line and out of the pool."""
    unchain(lines, place)
    spot = lines.links[place, IN_HEAP]
    if spot != NOBODY:
        lines.book[HEAPED] -= 1
        length = lines.book[HEAPED]
        if spot < length:
            _settle(lines, spot, lines.heap[length])
    lines.links[place, NEXT] = lines.book[FREE]
    lines.book[FREE] = place


@compiled
def oldest_s(lines: Lines, line: int) -> float:
    """Return when the first of a line joined it [s]."""
    found = math.inf
    for rank in range(CLASSES):
        if lines.present[line, rank] > 0:
            found = min(found, lines.waiting[lines.first[line, rank], JOINED_S])
    return found


@compiled
def next_hand(free_s: Array, arrival_s: float, seconds: float) -> float:
    """Let the hand that is free first do some work; return when it is done [s].

    The hands are a heap by the time at which they are free.
    """
    done_s = max(arrival_s, free_s[0]) + seconds
    spot, hands = 0, free_s.shape[0]
    while True:
        below = 2 * spot + 1
        if below >= hands:
            break
        if below + 1 < hands and free_s[below + 1] < free_s[below]:
            below += 1
        if free_s[below] >= done_s:
            break
        free_s[spot] = free_s[below]
        spot = below
    free_s[spot] = done_s
    return float(done_s)


@njit(cache=True, nogil=True)
def host_stage(
    arrivals_s: Array, first_index: int, seconds: float, factors: Array, free_s: Array
) -> Array:
    """Return when requests leave a stage of host work, begun first come first served [s].

    Args:
        arrivals_s: When they come, ascending [s].
        first_index: Index of the first; each takes the factor of its index.
        seconds: Work for one request [s].
        factors: Factors on it, in turn; empty if it has no spread [-].
        free_s: When each hand is free, as a heap; updated [s].
    """
    leaves_s = np.empty(arrivals_s.shape[0])
    for i in range(arrivals_s.shape[0]):
        takes_s = seconds
        if factors.shape[0] > 0:
            takes_s *= factors[(first_index + i) % factors.shape[0]]
        leaves_s[i] = next_hand(free_s, arrivals_s[i], takes_s)
    return leaves_s
