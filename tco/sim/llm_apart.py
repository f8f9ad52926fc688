"""One replica alone with its requests, and memory that holds all of them to their last token.

Then nobody is preempted or waits for blocks, and the step at which a decode ends is known when it
begins: blocks are not counted, ends lie in a line in their order, and who waits has no row before
it is admitted. Everything else is as in ``llm_schedule`` and ``llm_kernel``, to the last bit of
every time. Who comes, and how far memory surely suffices, is worked out in ``llm_parts``.
"""

from __future__ import annotations

import math

from tco.sim import llm_state as at
from tco.sim.compiled import compiled
from tco.sim.latency_bins import bin_of
from tco.sim.llm_state import (
    NOBODY,
    ROW_BITS,
    ROW_MASK,
    TIE_S,
    Array,
    Limits,
    State,
    Whole,
    blocks_for,
    heap_push,
    heap_remove,
    join_queue,
    leave_queue,
    link,
    new_row,
)
from tco.sim.llm_steps import StepTables, line_mixed_step, line_steps_beyond, line_total
from tco.sim.llm_tally import book, hour_of, surely_in, tell_times


@compiled
def _put_in_order(ends: Whole, first: int, last: int) -> None:
    """Sort ends; a heap becomes a line, which is a heap too."""
    for place in range(first + 1, last):
        _insert(ends, first, place, ends[place])


@compiled
def _move_down(ends: Whole, first: int, last: int) -> int:
    """Move a line to the start of its room, and return where it ends there."""
    for place in range(first, last):
        ends[place - first] = ends[place]
    return last - first


@compiled
def _insert(ends: Whole, first: int, last: int, entry: int) -> None:
    """Put an entry in its place in a line."""
    place = last
    while place > first and ends[place - 1] > entry:
        ends[place] = ends[place - 1]
        place -= 1
    ends[place] = entry


@compiled
def _count(
    state: State, hour: int, steps: int, made: int, read: int, started: int, finished: int
) -> None:
    """Put counts in their hour: steps, tokens made and read, requests started and finished."""
    record, counters = state.hours[hour], state.counters
    record[at.HOUR_STEPS] += steps
    record[at.HOUR_OUTPUT_TOKENS] += made
    record[at.HOUR_INPUT_TOKENS] += read
    record[at.HOUR_STARTED] += started
    record[at.HOUR_FINISHED] += finished
    counters[at.STARTED] += started
    counters[at.FINISHED] += finished


@compiled
def _tell(state: State, histogram: int, seconds: float) -> None:
    """Put a time in its histogram."""
    state.histograms[histogram, bin_of(seconds)] += 1


@compiled
def _stamp(state: State, here: Whole) -> int:
    """Write in each sequence its place in the order of admission, and return the next place."""
    rows, row, stamp = state.rows, here[at.FIRST], 0
    while row != NOBODY:
        following = rows[row, at.NEXT]
        rows[row, at.PREVIOUS] = stamp
        stamp += 1
        row = following
    return int(stamp)


@compiled
def _chain(state: State, replica: int, reading: int, decodes: int) -> None:
    """Chain the sequences of a replica in the order of their stamps; those that read come last."""
    here, rows, ends = state.replicas[replica], state.rows, state.heaps[replica]
    order = ends[ends.shape[0] >> 1 :]
    for place in range(decodes):
        row = ends[place] & ROW_MASK
        heap_push(order, place, (rows[row, at.PREVIOUS] << ROW_BITS) | row)
    here[at.FIRST] = here[at.LAST] = NOBODY
    here[at.RUNNING] = 0
    for place in range(decodes):
        row = order[0] & ROW_MASK
        heap_remove(order, decodes - place, 0)
        link(state, replica, row)
    row = reading
    while row != NOBODY:
        following = rows[row, at.NEXT]
        link(state, replica, row)
        row = following


@compiled
def _count_blocks(
    state: State,
    limits: Limits,
    replica: int,
    has_stretch: bool,  # noqa: FBT001
) -> None:
    """Count the blocks that are held, those of the running stretch's first step among them."""
    here, rows, phases = state.replicas[replica], state.rows, state.phases[replica]
    phases[:] = 0
    free, row, reads = limits.blocks, here[at.FIRST], False
    while row != NOBODY:
        reads = reads or row == here[at.READING]
        if reads:
            held = rows[row, at.DONE] + rows[row, at.PIECE]
        else:
            offset = rows[row, at.OFFSET]
            phases[offset % limits.block_tokens] += 1
            held = offset + here[at.COUNT] + int(has_stretch)
        free -= blocks_for(held, limits.block_tokens)
        row = rows[row, at.NEXT]
    here[at.FREE_BLOCKS] = free


@compiled
def carry_apart(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - one loop, in order of time
    from_s: float,
    until_s: float,
    arrivals_s: Array,
    came_s: Array,
    requests: Whole,
    position: int,
    stop: int,
    every: int,
    first_index: int,
    limits: Limits,
    seconds: StepTables,
    state: State,
    replica: int,
    queue: int,
) -> float:
    """Carry a replica on to a moment; return when something last happened to a request of it [s].

    Args:
        from_s: When it is looked at [s].
        until_s: Moment to stop at [s].
        arrivals_s: When each request joins a queue, ascending [s].
        came_s: When it came to the host work before that, or else the same [s].
        requests: Rows of prompt tokens, tokens to make, cached tokens and adapters.
        position: Its first request that has not come.
        stop: Where requests end that come before the moment.
        every: Its requests are so many places apart.
        first_index: Index of the first request in the outputs.
        limits: How it admits requests.
        seconds: What steps take, by a formula [s].
        state: Where everything stands.
        replica: Its number.
        queue: The queue that its requests wait in.
    """
    rows, moments = state.rows, state.moments
    here, clock = state.replicas[replica], state.clock[replica]
    line = state.queues[queue]
    now_s, happened_s = from_s, -math.inf
    running, in_line = here[at.RUNNING], line[at.WAITING]
    here_now = running + in_line
    stamp, newest = _stamp(state, here), here[at.LAST]
    ends, first, last = state.heaps[replica], 0, here[at.HEAPED]
    _put_in_order(ends, first, last)
    count, held, decodes = here[at.COUNT], here[at.HELD], here[at.DECODING]
    reading, prompt_tokens, steps = here[at.READING], here[at.PROMPT_TOKENS], here[at.STEPS]
    since_s, end_s, booked_s = clock[at.SINCE_S], clock[at.END_S], clock[at.BOOKED_S]
    hour, hour_from_s, hour_to_s = 0, math.inf, -math.inf
    admitted = position
    begins = running == 0 and here_now > 0
    steps_made = tokens_made = tokens_read = started = finished = 0
    busy_s = waited_s = 0.0
    refused = here[at.REFUSED]
    while True:
        come_s = arrivals_s[position] if position < stop else math.inf
        while not begins and not end_s <= come_s + TIE_S:
            here_now += 1
            position += every
            happened_s = come_s
            if here_now == 1:
                now_s, begins = come_s, True
            elif steps > 1 and running == here_now - 1 and running < limits.most_sequences:
                # The first to come ends the stretch after the running step.
                after_s = come_s + TIE_S
                until = line_steps_beyond(seconds, decodes, held, after_s - since_s, steps)
                if until < steps:
                    steps = until
                    end_s = since_s + line_total(seconds, decodes, held, steps)
            come_s = arrivals_s[position] if position < stop else math.inf
        if not begins:
            if end_s > until_s or end_s == math.inf:
                break
            now_s = happened_s = end_s
        if not hour_from_s <= now_s < hour_to_s:
            _count(state, hour, steps_made, tokens_made, tokens_read, started, finished)
            state.hours[hour, at.HOUR_BUSY_S] += busy_s
            state.hours[hour, at.HOUR_WAIT_S] += waited_s
            steps_made = tokens_made = tokens_read = started = finished = 0
            busy_s = waited_s = 0.0
            hour = hour_of(state, now_s)
            hour_from_s, hour_to_s = surely_in(state, hour)
        if not begins:
            if booked_s >= hour_from_s:
                busy_s += end_s - booked_s
            else:
                clock[at.END_S], clock[at.BOOKED_S] = end_s, booked_s
                book(state, replica, end_s, seconds, False)  # noqa: FBT003
            steps_made += steps
            if decodes > 0:
                count += steps
                held += steps * decodes
                tokens_made += steps * decodes
                while first < last and ends[first] >> ROW_BITS == count:
                    row = ends[first] & ROW_MASK
                    first += 1
                    decodes -= 1
                    made = rows[row, at.OUTPUT]
                    held -= rows[row, at.INPUT] + made - 1
                    here_now -= 1
                    running -= 1
                    finished += 1
                    _tell(state, at.END_TO_END, now_s - moments[row, at.CAME_S])
                    each_s = tell_times(state, limits, replica, row, now_s, hour)
                    if made > 1:
                        _tell(state, at.PER_TOKEN, each_s)
            if prompt_tokens > 0:
                row = reading
                reading = NOBODY
                while row != NOBODY:
                    following = rows[row, at.NEXT]
                    made = rows[row, at.MADE]
                    read = rows[row, at.INPUT] + made
                    done = rows[row, at.DONE] + rows[row, at.PIECE]
                    rows[row, at.DONE], rows[row, at.PIECE] = done, 0
                    if done < read:
                        reading = row
                    else:
                        made += 1
                        rows[row, at.MADE] = made
                        tokens_made += 1
                        if made == 1:
                            moments[row, at.FIRST_S] = now_s
                            _tell(state, at.TO_FIRST_TOKEN, now_s - moments[row, at.CAME_S])
                        left = rows[row, at.OUTPUT] - made
                        if left == 0:
                            here_now -= 1
                            running -= 1
                            finished += 1
                            _tell(state, at.END_TO_END, now_s - moments[row, at.CAME_S])
                            each_s = tell_times(state, limits, replica, row, now_s, hour)
                            if not math.isnan(each_s):
                                _tell(state, at.PER_TOKEN, each_s)
                        else:
                            rows[row, at.OFFSET] = read - count
                            rows[row, at.ENDS] = count + left
                            if last == ends.shape[0]:
                                last = _move_down(ends, first, last)
                                first = 0
                            _insert(ends, first, last, ((count + left) << ROW_BITS) | row)
                            last += 1
                            decodes += 1
                            held += read
                    row = following
        begins = False

        since_s = booked_s = now_s
        steps, prompt_tokens, refused = 1, 0, NOBODY
        if here_now == running and reading == NOBODY:
            if decodes > 0:
                steps = (ends[first] >> ROW_BITS) - count
                end_s = now_s + line_total(seconds, decodes, held, steps)
            else:
                end_s = booked_s = math.inf
            continue
        budget = limits.step_tokens - decodes
        ending, row = 0, reading
        if row != NOBODY:
            rest = rows[row, at.INPUT] + rows[row, at.MADE] - rows[row, at.DONE]
            prompt_tokens = min(rest, budget)
            rows[row, at.PIECE] = prompt_tokens
            budget -= prompt_tokens
            ending = int(prompt_tokens == rest)
        while budget > 0 and here_now > running and running < limits.most_sequences:
            if in_line > 0:
                row = leave_queue(state, queue)
                in_line -= 1
            else:
                index, joined_s = first_index + admitted, came_s[admitted]
                row = new_row(state, requests, admitted, index, joined_s)
                admitted += every
            read = rows[row, at.INPUT] + rows[row, at.MADE]
            done = min(rows[row, at.CACHED], read - 1)
            piece = min(read - done, budget)
            rows[row, at.NEXT], rows[row, at.PREVIOUS] = NOBODY, stamp
            stamp += 1
            if reading == NOBODY:
                reading = row
            else:
                rows[newest, at.NEXT] = row
            newest = row
            rows[row, at.DONE], rows[row, at.PIECE] = done, piece
            running += 1
            started += 1
            moments[row, at.START_S] = now_s
            waited_s += now_s - moments[row, at.CAME_S]
            _tell(state, at.TO_START, now_s - moments[row, at.CAME_S])
            prompt_tokens += piece
            budget -= piece
            ending += int(done + piece == read)
        if here_now > running and running < limits.most_sequences:
            refused = rows[line[at.HEAD], at.INDEX] if in_line > 0 else first_index + admitted
        if prompt_tokens > 0:
            took_s = line_mixed_step(seconds, prompt_tokens, decodes, held, decodes + ending)
            end_s = now_s + took_s
            tokens_read += prompt_tokens
        else:
            # All sequences are taken.
            steps = (ends[first] >> ROW_BITS) - count
            end_s = now_s + line_total(seconds, decodes, held, steps)

    _count(state, hour, steps_made, tokens_made, tokens_read, started, finished)
    state.hours[hour, at.HOUR_BUSY_S] += busy_s
    state.hours[hour, at.HOUR_WAIT_S] += waited_s
    while admitted < position:
        index, joined_s = first_index + admitted, came_s[admitted]
        row = new_row(state, requests, admitted, index, joined_s)
        join_queue(state, queue, row)
        admitted += every
    here[at.HEAPED] = last = _move_down(ends, first, last)
    _chain(state, replica, reading, last)
    here[at.COUNT], here[at.HELD], here[at.DECODING] = count, held, decodes
    here[at.READING], here[at.PROMPT_TOKENS], here[at.STEPS] = reading, prompt_tokens, steps
    here[at.MAKES], here[at.REFUSED] = 1, refused
    clock[at.SINCE_S], clock[at.END_S], clock[at.BOOKED_S] = since_s, end_s, booked_s
    _count_blocks(state, limits, replica, end_s < math.inf)
    return happened_s
