"""One step of an LLM replica made up, and the stretch of steps that begins with it.

Decodes first: every decode makes a token; while blocks are short, the newest sequence is preempted,
goes back to the replica and later reads again what it had. What is left of the step's tokens goes
to prompts, in order of admission; waiting requests are admitted, in order of arrival, as long as
tokens, a sequence and blocks are left, but not in a step that preempts. Prompts first: a step reads
prompts alone as long as there is one to read or to admit.

A stretch ends at the step in which a decode makes its last token, or in which free blocks run out.
"""

from __future__ import annotations

import math

from tco.sim import llm_state as at
from tco.sim.compiled import compiled
from tco.sim.latency_bins import bin_of
from tco.sim.llm_state import (
    NOBODY,
    ROW_BITS,
    Limits,
    State,
    Whole,
    blocks_for,
    blocks_of_steps,
    heap_remove,
    leave_queue,
    link,
    new_blocks,
    return_to_queue,
    start_decoding,
    steps_that_fit,
    stop_decoding,
    unlink,
)
from tco.sim.llm_steps import StepTables, decode_total, mixed_step
from tco.sim.llm_tally import book, count_first_token, count_start, held_as, hour_of, tell_times


@compiled
def reading_step(
    tables: StepTables,
    pieces: int,
    prompt_tokens: int,
    pairs: float,
    alone: int,
    decodes: int,
    held: float,
    ending: int,
) -> float:
    """Return what a step with pieces of prompts takes.

    Args:
        tables: What steps take.
        pieces: How many there are.
        prompt_tokens: Tokens of all pieces.
        pairs: What all of these together attend to [tokens squared].
        alone: Tokens read before the only piece.
        decodes: Decodes in the step.
        held: Tokens that they have read, all together.
        ending: Prompts that are read to their end.
    """
    before = float(alone)
    if pieces > 1:
        # What pieces of several prompts attend to, as if it were one piece.
        before = 0.0 if tables.one_piece else pairs / prompt_tokens - 0.5 * prompt_tokens
    return mixed_step(tables, prompt_tokens, before, decodes, held, decodes + ending)


@compiled
def _finish(state: State, limits: Limits, replica: int, row: int, now_s: float, hour: int) -> None:
    """Count a request that has made its last token, and give its row back."""
    state.counters[at.FINISHED] += 1
    state.hours[hour, at.HOUR_FINISHED] += 1
    if limits.adapter_slots > 0 and state.rows[row, at.ADAPTER] != NOBODY:
        state.in_use[replica, state.rows[row, at.ADAPTER]] -= 1
    latency_s = now_s - state.moments[row, at.CAME_S]
    each_s = tell_times(state, limits, replica, row, now_s, hour)
    state.histograms[at.END_TO_END, bin_of(latency_s)] += 1
    if not math.isnan(each_s):
        state.histograms[at.PER_TOKEN, bin_of(each_s)] += 1


@compiled
def _end_reading(state: State, limits: Limits, replica: int, now_s: float, hour: int) -> None:
    """Take the pieces of the step as read; who has read all makes a token."""
    here, rows = state.replicas[replica], state.rows
    row = here[at.READING]
    here[at.READING] = NOBODY
    made = 0
    while row != NOBODY:
        following = rows[row, at.NEXT]
        rows[row, at.DONE] += rows[row, at.PIECE]
        rows[row, at.PIECE] = 0
        read = rows[row, at.INPUT] + rows[row, at.MADE]
        if rows[row, at.DONE] < read:
            here[at.READING] = row
        else:
            made += 1
            rows[row, at.MADE] += 1
            count_first_token(state, row, now_s)
            if rows[row, at.MADE] == rows[row, at.OUTPUT]:
                here[at.FREE_BLOCKS] += blocks_for(read, limits.block_tokens)
                unlink(state, replica, row)
                _finish(state, limits, replica, row, now_s, hour)
            else:
                start_decoding(state, replica, row, read)
        row = following
    state.hours[hour, at.HOUR_OUTPUT_TOKENS] += made


@compiled
def _preempt(state: State, limits: Limits, replica: int, now_s: float, knows_largest: bool) -> None:  # noqa: FBT001
    """Send the newest sequence back, to be the first that the replica admits."""
    here, rows = state.replicas[replica], state.rows
    row = here[at.LAST]
    if row == here[at.READING]:
        here[at.READING] = NOBODY
        here[at.FREE_BLOCKS] += blocks_for(rows[row, at.DONE], limits.block_tokens)
        unlink(state, replica, row)
    else:
        heap = state.heaps[replica]
        entry = (rows[row, at.ENDS] << ROW_BITS) | row
        place = 0
        while heap[place] != entry:
            place += 1
        heap_remove(heap, here[at.HEAPED], place)
        here[at.HEAPED] -= 1
        rows[row, at.MADE] = rows[row, at.OUTPUT] - (rows[row, at.ENDS] - here[at.COUNT])
        stop_decoding(state, replica, row, knows_largest)
    if limits.adapter_slots > 0 and rows[row, at.ADAPTER] != NOBODY:
        state.in_use[replica, rows[row, at.ADAPTER]] -= 1
    return_to_queue(state, replica, row)
    state.counters[at.PREEMPTED] += 1
    state.hours[hour_of(state, now_s), at.HOUR_PREEMPTED] += 1


@compiled
def _grant_decodes(
    state: State,
    limits: Limits,
    replica: int,
    now_s: float,
    knows_largest: bool,  # noqa: FBT001
) -> bool:
    """Give the decodes their blocks of the next step; return whether any had to be preempted."""
    here, phases = state.replicas[replica], state.phases[replica]
    preempted = False
    needed = new_blocks(phases, here[at.COUNT])
    while needed > here[at.FREE_BLOCKS]:
        _preempt(state, limits, replica, now_s, knows_largest)
        preempted = True
        needed = new_blocks(phases, here[at.COUNT])
    here[at.FREE_BLOCKS] -= needed
    return preempted


@compiled
def _above_zero(numbers: Whole) -> int:
    count = 0
    for k in range(numbers.shape[0]):
        count += int(numbers[k] > 0)
    return count


@compiled
def _adapter_fits(state: State, limits: Limits, replica: int, adapter: int) -> bool:
    """Tell whether a replica holds an adapter, or can load it in the place of an unused one."""
    if limits.adapter_slots == 0 or adapter == NOBODY or state.in_use[replica, adapter] > 0:
        return True
    return _above_zero(state.in_use[replica]) < limits.adapter_slots


@compiled
def _use_adapter(state: State, limits: Limits, replica: int, adapter: int) -> int:
    """Count a sequence that uses an adapter; return 1 if it has to be loaded, else 0."""
    if limits.adapter_slots == 0 or adapter == NOBODY:
        return 0
    here, in_use = state.replicas[replica], state.in_use[replica]
    resident = state.resident[replica]
    is_new = resident[adapter] == 0
    if is_new and _above_zero(resident) == limits.adapter_slots:
        oldest = NOBODY
        for other in range(resident.shape[0]):
            unused = resident[other] > 0 and in_use[other] == 0
            if unused and (oldest == NOBODY or resident[other] < resident[oldest]):
                oldest = other
        resident[oldest] = 0
    here[at.STAMP] += 1
    resident[adapter] = here[at.STAMP]
    in_use[adapter] += 1
    return 1 if is_new else 0


@compiled
def queue_of(state: State, limits: Limits, replica: int) -> int:
    """Return the queue that a replica takes its next request from, or nobody."""
    if state.queues[replica, at.WAITING] > 0:
        return replica
    own = state.replicas.shape[0] + replica
    if state.queues[own, at.WAITING] > 0:
        return int(own)
    front = state.queues.shape[0] - 1
    looks = limits.routing == at.ONE_QUEUE and state.replicas[replica, at.TAKES] == 1
    return front if looks and state.queues[front, at.WAITING] > 0 else NOBODY


@compiled
def schedule(  # noqa: PLR0915, PLR0912, C901 - one step, in the order in which it is made up
    state: State,
    limits: Limits,
    seconds: StepTables,
    energy: StepTables,
    has_energy: bool,  # noqa: FBT001 - compiled code takes its arguments by position
    replica: int,
    now_s: float,
) -> None:
    """Make up the next step of a replica, and begin the stretch that starts with it."""
    here, rows = state.replicas[replica], state.rows
    clock, hours = state.clock[replica], state.hours
    knows_largest = seconds.largest_weight != 0.0 or energy.largest_weight != 0.0
    hour = hour_of(state, now_s)
    here[at.REFUSED] = NOBODY
    budget = limits.step_tokens
    preempted = False
    makes = not limits.prefill_first
    if makes and here[at.DECODING] > 0:
        preempted = _grant_decodes(state, limits, replica, now_s, knows_largest)
        budget -= here[at.DECODING]

    pieces, prompt_tokens, pairs, ending, swaps, alone = 0, 0, 0.0, 0, 0, 0
    row = here[at.READING]
    if row != NOBODY and budget > 0:
        done = rows[row, at.DONE]
        rest = rows[row, at.INPUT] + rows[row, at.MADE] - done
        piece = min(rest, budget)
        more = blocks_for(done + piece, limits.block_tokens) - blocks_for(done, limits.block_tokens)
        if more > here[at.FREE_BLOCKS]:
            _preempt(state, limits, replica, now_s, knows_largest)
            preempted = True
        else:
            here[at.FREE_BLOCKS] -= more
            rows[row, at.PIECE] = piece
            pieces, prompt_tokens, alone = 1, piece, done
            pairs = piece * (done + 0.5 * piece)
            budget -= piece
            ending += int(piece == rest)

    queue = NOBODY if preempted else queue_of(state, limits, replica)
    while queue != NOBODY and here[at.RUNNING] < limits.most_sequences:
        row = state.queues[queue, at.HEAD]
        read = rows[row, at.INPUT] + rows[row, at.MADE]
        done = min(rows[row, at.CACHED], read - 1)
        piece = min(read - done, budget)
        room = blocks_for(read if limits.whole_prompt_fits else done + piece, limits.block_tokens)
        adapter = rows[row, at.ADAPTER]
        if (
            budget <= 0
            or room > here[at.FREE_BLOCKS]
            or not _adapter_fits(state, limits, replica, adapter)
        ):
            here[at.REFUSED] = rows[row, at.INDEX]
            break
        leave_queue(state, queue)
        here[at.FREE_BLOCKS] -= blocks_for(done + piece, limits.block_tokens)
        link(state, replica, row)
        if here[at.READING] == NOBODY:
            here[at.READING] = row
        rows[row, at.DONE], rows[row, at.PIECE] = done, piece
        swaps += _use_adapter(state, limits, replica, adapter)
        count_start(state, row, now_s, hour)
        pieces += 1
        prompt_tokens += piece
        alone = done
        pairs += piece * (done + 0.5 * piece)
        budget -= piece
        ending += int(done + piece == read)
        queue = queue_of(state, limits, replica)

    if limits.prefill_first and prompt_tokens == 0:
        makes = True
        if here[at.DECODING] > 0:
            preempted |= _grant_decodes(state, limits, replica, now_s, knows_largest)

    decodes = here[at.DECODING] if makes else 0
    here[at.PROMPT_TOKENS], here[at.MAKES] = prompt_tokens, int(makes)
    clock[at.SINCE_S] = clock[at.BOOKED_S] = now_s
    clock[at.BOOKED_J] = 0.0
    here[at.STEPS] = 1
    if prompt_tokens > 0:
        held = held_as(state, replica, seconds) if decodes > 0 else 0.0
        took_s = reading_step(seconds, pieces, prompt_tokens, pairs, alone, decodes, held, ending)
        clock[at.END_S] = now_s + took_s + swaps * limits.swap_s
        if has_energy:
            held = held_as(state, replica, energy) if decodes > 0 else 0.0
            clock[at.STEP_J] = reading_step(
                energy, pieces, prompt_tokens, pairs, alone, decodes, held, ending
            )
        hours[hour, at.HOUR_INPUT_TOKENS] += prompt_tokens
        hours[hour, at.HOUR_SWAPS] += swaps
    elif decodes > 0:
        most = (state.heaps[replica, 0] >> ROW_BITS) - here[at.COUNT]
        if preempted:
            most = 1  # who was preempted may be admitted in the step after
        else:
            most = 1 + steps_that_fit(
                state.phases[replica],
                decodes,
                here[at.COUNT] + 1,
                here[at.FREE_BLOCKS],
                most - 1,
            )
        here[at.STEPS] = most
        held = held_as(state, replica, seconds)
        clock[at.END_S] = now_s + decode_total(seconds, decodes, held, most)
    else:
        clock[at.END_S] = math.inf
        clock[at.BOOKED_S] = math.inf


@compiled
def end_stretch(
    state: State,
    limits: Limits,
    seconds: StepTables,
    energy: StepTables,
    has_energy: bool,  # noqa: FBT001 - compiled code takes its arguments by position
    replica: int,
) -> None:
    """Make the steps of a stretch: what they read and made is there, who is done leaves."""
    here, rows = state.replicas[replica], state.rows
    now_s = state.clock[replica, at.END_S]
    book(state, replica, now_s, energy, has_energy)
    hour = hour_of(state, now_s)
    steps, decodes = here[at.STEPS], here[at.DECODING]
    state.hours[hour, at.HOUR_STEPS] += steps
    if here[at.MAKES] == 1 and decodes > 0:
        if steps > 1:
            here[at.FREE_BLOCKS] -= blocks_of_steps(
                state.phases[replica], decodes, here[at.COUNT] + 1, steps - 1
            )
        here[at.COUNT] += steps
        here[at.HELD] += steps * decodes
        state.hours[hour, at.HOUR_OUTPUT_TOKENS] += steps * decodes
        knows_largest = seconds.largest_weight != 0.0 or energy.largest_weight != 0.0
        heap = state.heaps[replica]
        while here[at.HEAPED] > 0 and heap[0] >> ROW_BITS == here[at.COUNT]:
            row = heap[0] & ((1 << ROW_BITS) - 1)
            heap_remove(heap, here[at.HEAPED], 0)
            here[at.HEAPED] -= 1
            rows[row, at.MADE] = rows[row, at.OUTPUT]
            stop_decoding(state, replica, row, knows_largest)
            _finish(state, limits, replica, row, now_s, hour)
    if here[at.PROMPT_TOKENS] > 0:
        _end_reading(state, limits, replica, now_s, hour)
