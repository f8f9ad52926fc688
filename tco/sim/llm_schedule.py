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

import numpy as np

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
    free_row,
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


@compiled
def hour_of(state: State, moment_s: float) -> int:
    """Return the hour that a moment is counted in; the last one goes on."""
    return int(min(state.hours.shape[0] - 1, int(moment_s / 3600.0)))


@compiled
def length(state: State, replica: int, tables: StepTables) -> float:
    """Return the length of the decodes that their next step is as long as [tokens]."""
    here = state.replicas[replica]
    mean = here[at.HELD] / here[at.DECODING]
    if tables.largest_weight == 0.0:
        return float(mean)
    largest = here[at.LARGEST] + here[at.COUNT]
    return float(mean + tables.largest_weight * (largest - mean))


@compiled
def _stretch_j(state: State, replica: int, energy: StepTables) -> float:
    """Return the energy of the running stretch [J]."""
    here = state.replicas[replica]
    if here[at.PROMPT_TOKENS] > 0:
        return float(state.clock[replica, at.STEP_J])
    tokens = length(state, replica, energy)
    return decode_total(energy, here[at.DECODING], tokens, here[at.STEPS])


@compiled
def book(
    state: State,
    replica: int,
    until_s: float,
    energy: StepTables,
    has_energy: bool,  # noqa: FBT001 - compiled code takes its arguments by position
) -> None:
    """Put busy time and energy of the running stretch, up to a moment, in their hours."""
    clock, hours = state.clock[replica], state.hours
    start_s = clock[at.BOOKED_S]
    if not start_s < until_s:
        return
    power_w = 0.0
    if has_energy:
        total_j = _stretch_j(state, replica, energy)
        if until_s < clock[at.END_S]:
            total_j *= (until_s - clock[at.SINCE_S]) / (clock[at.END_S] - clock[at.SINCE_S])
        power_w = (total_j - clock[at.BOOKED_J]) / (until_s - start_s)
        clock[at.BOOKED_J] = total_j
    clock[at.BOOKED_S] = until_s
    last = hours.shape[0] - 1
    hour = hour_of(state, until_s)
    if start_s < hour * 3600.0:
        hour = hour_of(state, start_s)
    while start_s < until_s:
        edge_s = until_s if hour >= last else min(until_s, (hour + 1) * 3600.0)
        hours[hour, at.HOUR_BUSY_S] += edge_s - start_s
        hours[hour, at.HOUR_JOULES] += (edge_s - start_s) * power_w
        start_s = edge_s
        hour += 1


@compiled
def _finish(state: State, limits: Limits, replica: int, row: int, now_s: float) -> None:
    """Count a request that has made its last token, and give its row back."""
    rows, moments, counters = state.rows, state.moments, state.counters
    index = rows[row, at.INDEX]
    came_s, first_s = moments[row, at.CAME_S], moments[row, at.FIRST_S]
    hour = hour_of(state, now_s)
    counters[at.FINISHED] += 1
    state.hours[hour, at.HOUR_FINISHED] += 1
    if now_s - came_s > limits.goal_s:
        state.hours[hour, at.HOUR_LATE] += 1
    state.histograms[at.END_TO_END, bin_of(now_s - came_s)] += 1
    if rows[row, at.OUTPUT] > 1:
        each_s = (now_s - first_s) / (rows[row, at.OUTPUT] - 1)
        state.histograms[at.PER_TOKEN, bin_of(each_s)] += 1
    if limits.adapter_slots > 0 and rows[row, at.ADAPTER] != NOBODY:
        state.in_use[replica, rows[row, at.ADAPTER]] -= 1
    if state.out_status.shape[0] > 0:
        state.out_s[index, at.OUT_START_S] = moments[row, at.START_S]
        state.out_s[index, at.OUT_FIRST_S] = first_s
        state.out_s[index, at.OUT_FINISH_S] = now_s
        state.out_status[index] = at.STATUS_SERVED
        state.out_replica[index] = replica
    free_row(state, row)


@compiled
def _end_reading(state: State, limits: Limits, replica: int, now_s: float) -> None:
    """Take the pieces of the step as read; who has read all makes a token."""
    here, rows, moments = state.replicas[replica], state.rows, state.moments
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
            if np.isnan(moments[row, at.FIRST_S]):
                moments[row, at.FIRST_S] = now_s
                waited_s = now_s - moments[row, at.CAME_S]
                state.histograms[at.TO_FIRST_TOKEN, bin_of(waited_s)] += 1
            if rows[row, at.MADE] == rows[row, at.OUTPUT]:
                here[at.FREE_BLOCKS] += blocks_for(read, limits.block_tokens)
                unlink(state, replica, row)
                _finish(state, limits, replica, row, now_s)
            else:
                start_decoding(state, replica, row, read)
        row = following
    state.hours[hour_of(state, now_s), at.HOUR_OUTPUT_TOKENS] += made


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
    here, rows, moments = state.replicas[replica], state.rows, state.moments
    clock, hours = state.clock[replica], state.hours
    knows_largest = seconds.largest_weight != 0.0 or energy.largest_weight != 0.0
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
        if np.isnan(moments[row, at.START_S]):
            moments[row, at.START_S] = now_s
            waited_s = now_s - moments[row, at.CAME_S]
            hour = hour_of(state, now_s)
            state.counters[at.STARTED] += 1
            hours[hour, at.HOUR_STARTED] += 1
            hours[hour, at.HOUR_WAIT_S] += waited_s
            state.histograms[at.TO_START, bin_of(waited_s)] += 1
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
        # What pieces of several prompts attend to, as if it were one piece.
        spread = pairs / prompt_tokens - 0.5 * prompt_tokens if pieces > 1 else float(alone)
        before = 0.0 if seconds.one_piece and pieces > 1 else spread
        tokens = length(state, replica, seconds) if decodes > 0 else 0.0
        took_s = mixed_step(seconds, prompt_tokens, before, decodes, tokens, decodes + ending)
        clock[at.END_S] = now_s + took_s + swaps * limits.swap_s
        if has_energy:
            before = 0.0 if energy.one_piece and pieces > 1 else spread
            tokens = length(state, replica, energy) if decodes > 0 else 0.0
            clock[at.STEP_J] = mixed_step(
                energy, prompt_tokens, before, decodes, tokens, decodes + ending
            )
        hour = hour_of(state, now_s)
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
        tokens = length(state, replica, seconds)
        clock[at.END_S] = now_s + decode_total(seconds, decodes, tokens, most)
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
            _finish(state, limits, replica, row, now_s)
    if here[at.PROMPT_TOKENS] > 0:
        _end_reading(state, limits, replica, now_s)
