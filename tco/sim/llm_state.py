"""What the LLM kernel works on, and its small moves: chains of requests, blocks of KV memory.

Every request in the system has one row in a pool. A row is in one chain at a time: free rows, a
queue, or the sequences that a replica runs, in the order of their admission.

A replica counts its decode steps. The length of a decode is its ``OFFSET`` plus that count, and it
ends when the count reaches ``ENDS``: nothing has to be written for a token.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tco.sim.compiled import compiled

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

NOBODY = -1
TIE_S = 1e-9
"""Moments closer than this are one: a request that comes then misses the step that starts [s]."""

ONE_QUEUE, ROUND_ROBIN, LEAST_LOADED = range(3)

# Whole numbers of a row.
(
    INDEX,  # number of the request
    INPUT,  # tokens of its prompt [tokens]
    OUTPUT,  # tokens to make [tokens]
    CACHED,  # tokens of the prompt that are in the prefix cache [tokens]
    ADAPTER,
    MADE,  # tokens made when it last was taken up
    DONE,  # tokens read of the prompt, or of what has to be read again
    PIECE,  # tokens read in the running step
    OFFSET,
    ENDS,
    NEXT,
    PREVIOUS,
) = range(12)
ROW_WHOLE = 12
REQUEST_ROWS = 4
"""Input, output, cached tokens and adapter of each request, as the kernel is given them."""
# Moments of a row [s].
CAME_S, START_S, FIRST_S = range(3)
ROW_MOMENTS = 3

# Whole numbers of a replica.
(
    TAKES,  # 1 while it admits new requests
    FIRST,  # oldest sequence
    LAST,  # newest sequence
    READING,  # first sequence that still reads its prompt; all after it do
    RUNNING,  # sequences
    DECODING,  # those that have read their prompt
    HELD,  # tokens that the decodes have read, at the start of the stretch
    LARGEST,  # largest offset of a decode
    FREE_BLOCKS,
    COUNT,  # decode steps made
    STEPS,  # steps of the running stretch
    MAKES,  # 1 if its steps make tokens
    HEAPED,  # decodes in the heap of ends
    REFUSED,  # number of the request that did not fit since something last ended
    PROMPT_TOKENS,  # prompt tokens of the step
    STAMP,  # adapters in order of their last use
) = range(16)
REPLICA_WHOLE = 16
# Start and end of the running stretch, and what is in the hours already [s, J].
SINCE_S, END_S, BOOKED_S, STEP_J, BOOKED_J = range(5)
REPLICA_REAL = 5

# A queue.
HEAD, TAIL, WAITING = range(3)
QUEUE_COLUMNS = 3

# Places in the counters.
(
    ARRIVED,
    STARTED,
    DROPPED,
    ABANDONED,
    FINISHED,
    PREEMPTED,
    NEXT_REPLICA,
    FREE_ROW,
    CALLED,  # replica that looks at the queue in front of all after its running step
    CALLED_FOR,  # number of the request that was the first in that queue then
) = range(10)
COUNTERS = 10
# Columns of an hour's record.
(
    HOUR_ARRIVED,
    HOUR_DROPPED,
    HOUR_ABANDONED,
    HOUR_STARTED,
    HOUR_FINISHED,
    HOUR_STEPS,
    HOUR_BUSY_S,
    HOUR_JOULES,
    HOUR_WAIT_S,
    HOUR_LATE,
    HOUR_INPUT_TOKENS,
    HOUR_OUTPUT_TOKENS,
    HOUR_PREEMPTED,
    HOUR_SWAPS,
) = range(14)
HOUR_COLUMNS = 14
# Rows of the histograms.
END_TO_END, TO_START, TO_FIRST_TOKEN, PER_TOKEN = range(4)
HISTOGRAMS = 4

STATUS_WAITING, STATUS_SERVED, STATUS_DROPPED, STATUS_ABANDONED = range(4)
# Columns of the outputs [s].
OUT_START_S, OUT_FIRST_S, OUT_FINISH_S = range(3)

ROW_BITS = 28
"""An entry of the heap of ends is the count at the end, then the row in so many bits."""
ROW_MASK = (1 << ROW_BITS) - 1
"""The row of an entry; also tells the compiler that what it masks is not negative."""


class Limits(NamedTuple):
    """How a replica admits requests, and how they reach it.

    What is left out is as in a vLLM server of one base model: decodes go first, a request is
    admitted when its prompt fits, all wait in one queue for as long as it takes.
    """

    most_sequences: int
    step_tokens: int
    """Most tokens of a step."""
    blocks: int
    """Blocks of KV memory of a replica."""
    block_tokens: int
    prefill_first: bool = False
    """Steps read prompts only, as long as there are any; else decodes go first in every step."""
    whole_prompt_fits: bool = True
    """A request is admitted when all that it has to read fits; else when the first piece does."""
    routing: int = ONE_QUEUE
    queue_limit: int = -1
    """Most requests that wait; negative if there is no limit."""
    patience_s: float = math.inf
    adapter_slots: int = 0
    """Adapters that a replica holds at once; 0 if all requests use the base alone."""
    swap_s: float = 0.0
    """Time to load an adapter, added to the step that needs it [s]."""
    goal_s: float = math.inf
    """End-to-end latency that lateness is counted against [s]."""


class State(NamedTuple):
    """Where everything stands."""

    rows: Whole
    moments: Array
    replicas: Whole
    clock: Array
    queues: Whole
    """Those that each replica preempted, those that wait for each, and those that wait for any."""
    heaps: Whole
    """Decodes of each replica by their end, in the first half; the rest is room to move."""
    phases: Whole
    """Decodes of each replica by offset modulo the tokens of a block."""
    in_use: Whole
    """Running sequences of each replica by adapter."""
    resident: Whole
    """When each adapter was last used by each replica; 0 if it is not loaded."""
    counters: Whole
    hours: Array
    histograms: Array
    out_s: Array
    """Start, first token and end of each request; of no length where they are not wanted [s]."""
    out_status: Whole
    out_replica: Whole


def empty_state(
    limits: Limits,
    *,
    replicas: int,
    adapters: int,
    hours: int,
    bins: int,
    keep_requests: int,
    room: int = 1024,
) -> State:
    """Make the state of idle replicas that take no requests yet."""
    state = State(
        rows=np.zeros((0, ROW_WHOLE), dtype=np.int64),
        moments=np.zeros((0, ROW_MOMENTS)),
        replicas=np.zeros((replicas, REPLICA_WHOLE), dtype=np.int64),
        clock=np.full((replicas, REPLICA_REAL), math.inf),
        queues=np.full((2 * replicas + 1, QUEUE_COLUMNS), NOBODY, dtype=np.int64),
        heaps=np.zeros((replicas, 2 * limits.most_sequences), dtype=np.int64),
        phases=np.zeros((replicas, limits.block_tokens), dtype=np.int64),
        in_use=np.zeros((replicas, adapters), dtype=np.int64),
        resident=np.zeros((replicas, adapters), dtype=np.int64),
        counters=np.zeros(COUNTERS, dtype=np.int64),
        hours=np.zeros((hours, HOUR_COLUMNS)),
        histograms=np.zeros((HISTOGRAMS, bins)),
        out_s=np.full((keep_requests, 3), np.nan),
        out_status=np.zeros(keep_requests, dtype=np.int64),
        out_replica=np.full(keep_requests, NOBODY, dtype=np.int64),
    )
    state.replicas[:, [FIRST, LAST, READING, LARGEST, REFUSED]] = NOBODY
    state.replicas[:, FREE_BLOCKS] = limits.blocks
    state.queues[:, WAITING] = 0
    state.counters[CALLED] = NOBODY
    return with_room(state, room)


def with_room(state: State, room: int) -> State:
    """Return the state with so many rows in its pool."""
    before = state.rows.shape[0]
    rows = np.zeros((room, ROW_WHOLE), dtype=np.int64)
    moments = np.full((room, ROW_MOMENTS), np.nan)
    rows[:before], moments[:before] = state.rows, state.moments
    # The last free row points beyond the pool, where the rows to come will be.
    rows[before:, NEXT] = np.arange(before + 1, room + 1)
    return state._replace(rows=rows, moments=moments)


# ---- chains ------------------------------------------------------------------------------------


@compiled
def join_queue(state: State, queue: int, row: int) -> None:
    """Put a request at the end of a queue."""
    rows, place = state.rows, state.queues[queue]
    rows[row, NEXT] = NOBODY
    if place[HEAD] == NOBODY:
        place[HEAD] = row
    else:
        rows[place[TAIL], NEXT] = row
    place[TAIL] = row
    place[WAITING] += 1


@compiled
def return_to_queue(state: State, queue: int, row: int) -> None:
    """Put a request at the head of a queue."""
    place = state.queues[queue]
    state.rows[row, NEXT] = place[HEAD]
    if place[HEAD] == NOBODY:
        place[TAIL] = row
    place[HEAD] = row
    place[WAITING] += 1


@compiled
def leave_queue(state: State, queue: int) -> int:
    """Take the head off a queue and return its row."""
    place = state.queues[queue]
    row = place[HEAD]
    place[HEAD] = state.rows[row, NEXT]
    place[WAITING] -= 1
    return int(row)


@compiled
def new_row(state: State, requests: Whole, position: int, index: int, came_s: float) -> int:
    """Take a row of the pool for a request that has come, and return it."""
    rows, moments = state.rows, state.moments
    row = state.counters[FREE_ROW] & ROW_MASK
    state.counters[FREE_ROW] = rows[row, NEXT]
    rows[row, INDEX] = index
    for k in range(REQUEST_ROWS):
        rows[row, INPUT + k] = requests[k, position]
    rows[row, MADE] = 0
    moments[row, CAME_S] = came_s
    moments[row, START_S] = moments[row, FIRST_S] = np.nan
    return int(row)


@compiled
def free_row(state: State, row: int) -> None:
    """Give a row back to the pool."""
    state.rows[row, NEXT] = state.counters[FREE_ROW]
    state.counters[FREE_ROW] = row


@compiled
def link(state: State, replica: int, row: int) -> None:
    """Make a request the newest sequence of a replica."""
    here, rows = state.replicas[replica], state.rows
    rows[row, NEXT], rows[row, PREVIOUS] = NOBODY, here[LAST]
    if here[LAST] == NOBODY:
        here[FIRST] = row
    else:
        rows[here[LAST], NEXT] = row
    here[LAST] = row
    here[RUNNING] += 1


@compiled
def unlink(state: State, replica: int, row: int) -> None:
    """Take a sequence off the chain of a replica."""
    here, rows = state.replicas[replica], state.rows
    following, before = rows[row, NEXT], rows[row, PREVIOUS]
    if before == NOBODY:
        here[FIRST] = following
    else:
        rows[before, NEXT] = following
    if following == NOBODY:
        here[LAST] = before
    else:
        rows[following, PREVIOUS] = before
    here[RUNNING] -= 1


# ---- the heap of ends --------------------------------------------------------------------------


@compiled
def _sift_up(heap: Whole, place: int, entry: int) -> None:
    while place > 0 and heap[(place - 1) >> 1] > entry:
        heap[place] = heap[(place - 1) >> 1]
        place = (place - 1) >> 1
    heap[place] = entry


@compiled
def heap_push(heap: Whole, size: int, entry: int) -> None:
    """Add an entry to a heap of a size."""
    _sift_up(heap, size, entry)


@compiled
def heap_remove(heap: Whole, size: int, place: int) -> None:
    """Remove the entry at a place from a heap of a size."""
    last = size - 1
    entry = heap[last]
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        if child + 1 < last and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[place] = heap[child]
        place = child
    _sift_up(heap, place, entry)


# ---- decodes and their blocks ------------------------------------------------------------------


@compiled
def blocks_for(tokens: int, block_tokens: int) -> int:
    """Return the blocks that so many tokens fill."""
    return (tokens + block_tokens - 1) // block_tokens


@compiled
def new_blocks(phases: Whole, count: int) -> int:
    """Return how many decodes need a new block in the step after so many."""
    return int(phases[(-count) % phases.shape[0]])


@compiled
def blocks_of_steps(phases: Whole, decodes: int, count: int, steps: int) -> int:
    """Return the blocks that decodes need in so many steps from a count on."""
    turn = phases.shape[0]
    rounds = steps // turn
    needed = rounds * decodes
    place = (-count) % turn
    for _ in range(steps - rounds * turn):
        needed += phases[place]
        place = place - 1 if place > 0 else turn - 1
    return int(needed)


@compiled
def steps_that_fit(phases: Whole, decodes: int, count: int, free: int, most: int) -> int:
    """Return how many steps from a count on, up to the most, find free blocks."""
    turn = phases.shape[0]
    if decodes * (most // turn + 1) <= free:
        return most
    rounds = min(most // turn, free // decodes)
    steps, left = rounds * turn, free - rounds * decodes
    place = (-count) % turn
    while steps < most:
        left -= phases[place]
        if left < 0:
            break
        place = place - 1 if place > 0 else turn - 1
        steps += 1
    return int(steps)


@compiled
def start_decoding(state: State, replica: int, row: int, read: int) -> None:
    """Count a sequence that has read its prompt, so many tokens, and made one, as a decode."""
    here, rows = state.replicas[replica], state.rows
    count = here[COUNT]
    offset = read - count
    rows[row, OFFSET] = offset
    rows[row, ENDS] = count + rows[row, OUTPUT] - rows[row, MADE]
    heap_push(state.heaps[replica], here[HEAPED], (rows[row, ENDS] << ROW_BITS) | row)
    here[HEAPED] += 1
    if here[DECODING] == 0 or offset > here[LARGEST]:
        here[LARGEST] = offset
    here[DECODING] += 1
    here[HELD] += read
    phases = state.phases[replica]
    phases[offset % phases.shape[0]] += 1


@compiled
def stop_decoding(
    state: State,
    replica: int,
    row: int,
    knows_largest: bool,  # noqa: FBT001 - compiled code takes its arguments by position
) -> None:
    """Count a decode off and free its blocks."""
    here, rows = state.replicas[replica], state.rows
    offset = rows[row, OFFSET]
    read = offset + here[COUNT]
    phases = state.phases[replica]
    phases[offset % phases.shape[0]] -= 1
    here[DECODING] -= 1
    here[HELD] -= read
    here[FREE_BLOCKS] += blocks_for(read, phases.shape[0])
    unlink(state, replica, row)
    if knows_largest and offset == here[LARGEST] and here[DECODING] > 0:
        largest = -(1 << 62)
        other = here[FIRST]
        while other != NOBODY and other != here[READING]:
            largest = max(largest, rows[other, OFFSET])
            other = rows[other, NEXT]
        here[LARGEST] = largest
