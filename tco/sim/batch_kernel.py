"""Requests over replicas with dynamic batching, moved one by one in compiled code.

``advance`` carries the lines from where they stand to a moment. Between two such moments nothing
about the fleet changes, so the simulation's clock (SimPy) sets the moments at which something is
decided, and the kernel does the rest exactly.

Order of what happens at one instant: a batch ends or a wait limit runs out (and batches start on
that, those of lower replicas first), then control (the caller's), then requests lose patience, then
requests arrive, by index. A batch starts when a slot is free and either as many requests wait in
its line as the smallest preferred size, or the oldest has waited for the limit. It takes the
largest preferred size that is there; when the limit ran out, all that wait, up to the largest.
Requests that need time of their own make their batch longer by the longest of them.

All replicas serve one line, the free slot of the lowest number first; or each replica has a line of
its own and a request is given to one when it joins. It joins when the host work before its batch is
done; patience and the limit on holding back count from there. After its batch it may need host work
again. Latency counts from its arrival to its answer, waiting from its arrival to its batch.
"""

from __future__ import annotations

import math

from tco.sim import kernel_layout as at
from tco.sim.compiled import compiled
from tco.sim.dispatch_kernel import choose, has_room
from tco.sim.kernel_layout import Incoming, Out, Plan, Slots, Tally
from tco.sim.latency_bins import bin_of
from tco.sim.line_kernel import (
    CAME_S,
    CLASSES,
    DUE_S,
    FREE,
    HEAPED,
    INDEX,
    INPUT_TOKENS,
    JOINED_S,
    LEAVES_S,
    LINE,
    NEXT,
    NOBODY,
    OUTPUT_TOKENS,
    OWN_S,
    SIZE,
    WAITING_COLUMNS,
    Array,
    Lines,
    Whole,
    enrol,
    next_hand,
    oldest_s,
    strike_off,
    will_leave,
)


@compiled
def hour_of(moment_s: float, last: int) -> int:
    """Return the hour that a moment is counted in; the last one goes on."""
    return min(last, int(moment_s / 3600.0))


@compiled
def spread_over_hours(
    hours: Array, column: int, start_s: float, end_s: float, weight: float
) -> None:
    """Add the seconds from start to end, times a weight, to the hours that they fall in."""
    last = hours.shape[0] - 1
    hour = hour_of(start_s, last)
    here = start_s
    while here < end_s:
        edge = end_s if hour >= last else min(end_s, (hour + 1) * 3600.0)
        hours[hour, column] += (edge - here) * weight
        here = edge
        hour += 1


@compiled
def observe(now_s: float, lines: Lines, slots: Slots, tally: Tally) -> tuple[float, int, int]:
    """Return busy slot-seconds up to now [s], requests waiting, and requests in service.

    Busy time is recorded when a batch starts; what of it lies ahead is taken off again.
    """
    busy_s = tally.busy_s[0]
    in_service = 0
    for k in range(slots.free_s.shape[0]):
        if slots.free_s[k] > now_s:
            busy_s -= slots.free_s[k] - now_s
            in_service += slots.in_batch[k]
    return busy_s, lines.present.sum(), in_service


@compiled
def _answer(  # noqa: PLR0913, PLR0917 - compiled code takes its arguments by position
    came_s: float,
    start_s: float,
    end_s: float,
    due_s: float,
    index: int,
    number: int,
    goal_s: float,
    tally: Tally,
    out: Out,
) -> None:
    """Count a request whose answer is known to leave at some time."""
    hour = hour_of(start_s, tally.hours.shape[0] - 1)
    long_bin, wait_bin = bin_of(end_s - came_s), bin_of(start_s - came_s)
    for k in range(tally.rows.shape[0]):
        tally.histogram[tally.rows[k, hour], long_bin] += 1
        tally.waits[tally.rows[k, hour], wait_bin] += 1
    tally.hours[hour, at.HOUR_WAIT_S] += start_s - came_s
    if end_s - came_s > goal_s:
        tally.hours[hour, at.HOUR_LATE] += 1
    if due_s < math.inf and end_s <= due_s:
        tally.hours[hour, at.HOUR_MET] += 1
    tally.counters[at.ANSWERED] += 1
    if out.status.shape[0] > 0:
        out.start_s[index] = start_s
        out.finish_s[index] = end_s
        out.batch[index] = number
        out.status[index] = at.STATUS_SERVED


@compiled
def _hand_on(until_s: float, plan: Plan, slots: Slots, tally: Tally, out: Out) -> None:
    """Answer the requests of batches that ended, through the host, in the order of the ends."""
    counters, has_back = tally.counters, slots.back_free_s.shape[0] > 0
    while True:
        slot = -1
        for k in range(slots.free_s.shape[0]):
            if slots.answered[k] == 1 or slots.free_s[k] > until_s:
                continue
            ends_s, number = slots.free_s[k], slots.batch[k]
            if slot < 0 or (ends_s, number) < (slots.free_s[slot], slots.batch[slot]):
                slot = k
        if slot < 0:
            return
        slots.answered[slot] = 1
        for k in range(slots.in_batch[slot]):
            done_s = slots.free_s[slot]
            if has_back:
                takes_s = plan.back_s
                if plan.back_factors.shape[0] > 0:
                    takes_s *= plan.back_factors[
                        counters[at.NEXT_BACK_FACTOR] % plan.back_factors.shape[0]
                    ]
                    counters[at.NEXT_BACK_FACTOR] += 1
                done_s = next_hand(slots.back_free_s, done_s, takes_s)
                if done_s > plan.end_s:
                    counters[at.UNANSWERED] += 1
            _answer(
                slots.served[slot, k, CAME_S],
                slots.served[slot, k, at.SERVED_START_S],
                done_s,
                slots.served[slot, k, DUE_S],
                int(slots.served[slot, k, INDEX]),
                slots.batch[slot],
                plan.goal_s,
                tally,
                out,
            )


@compiled
def _serve(  # noqa: PLR0915, PLR0912, C901 - the same
    start_s: float,
    line: int,
    are_unlike: bool,  # noqa: FBT001 - the same
    plan: Plan,
    lines: Lines,
    slots: Slots,
    tally: Tally,
    out: Out,
) -> None:
    """Start a batch of a line on its first free slot."""
    hours, counters, waiting = tally.hours, tally.counters, lines.waiting
    slot = line * plan.width
    while slots.takes[slot] == 0 or slots.free_s[slot] > start_s:
        slot += 1
    keeps = slots.served.shape[0] > 0
    if keeps:
        _hand_on(start_s, plan, slots, tally, out)
    present = lines.present[line, 0] + lines.present[line, 1]
    take = min(present, plan.preferred[-1])
    if present >= plan.preferred[0] and start_s < oldest_s(lines, line) + plan.max_wait_s:
        for k in range(plan.preferred.shape[0]):
            if plan.preferred[k] <= present:
                take = plan.preferred[k]
    size, longest_s = 0, 0.0
    if are_unlike:
        left = take
        for rank in range(CLASSES):
            place = lines.first[line, rank]
            while left > 0 and place != NOBODY:
                size = max(size, int(waiting[place, SIZE]))
                longest_s = max(longest_s, waiting[place, OWN_S])
                place = lines.links[place, NEXT]
                left -= 1
    kind = slots.hardware[slot]
    service_s = plan.seconds[kind, size, take] + longest_s
    if plan.factors.shape[0] > 0:
        service_s *= plan.factors[counters[at.NEXT_FACTOR] % plan.factors.shape[0]]
        counters[at.NEXT_FACTOR] += 1
    end_s = start_s + service_s
    joules = plan.joules[kind, size, take]
    slots.free_s[slot] = end_s
    slots.in_batch[slot] = take
    slots.batch[slot] = counters[at.BATCHES]
    slots.power_w[slot] = joules / service_s if service_s > 0 else 0.0
    slots.answered[slot] = 0
    hour = hour_of(start_s, hours.shape[0] - 1)
    tally.busy_s[0] += service_s
    spread_over_hours(hours, at.HOUR_BUSY_S, start_s, end_s, 1.0)
    if joules > 0:
        spread_over_hours(hours, at.HOUR_JOULES, start_s, end_s, slots.power_w[slot])
    if tally.busy_by_hardware.shape[1] > 0:
        spread_over_hours(tally.busy_by_hardware, kind, start_s, end_s, 1.0)
    hours[hour, at.HOUR_BATCHES] += 1
    hours[hour, at.HOUR_STARTED] += take
    rank = 0
    for k in range(take):
        while lines.present[line, rank] == 0:
            rank += 1
        place = lines.first[line, rank]
        spread_over_hours(hours, at.HOUR_WAITING_S, waiting[place, JOINED_S], start_s, 1.0)
        hours[hour, at.HOUR_INPUT_TOKENS] += waiting[place, INPUT_TOKENS]
        hours[hour, at.HOUR_OUTPUT_TOKENS] += waiting[place, OUTPUT_TOKENS]
        if keeps:
            for column in range(WAITING_COLUMNS):
                slots.served[slot, k, column] = waiting[place, column]
            slots.served[slot, k, at.SERVED_START_S] = start_s
            slots.served[slot, k, at.SERVED_RANK] = rank
        else:
            _answer(
                waiting[place, CAME_S],
                start_s,
                end_s,
                waiting[place, DUE_S],
                int(waiting[place, INDEX]),
                counters[at.BATCHES],
                plan.goal_s,
                tally,
                out,
            )
        strike_off(lines, place)
    counters[at.BATCHES] += 1
    counters[at.STARTED] += take


@compiled
def _look_at(
    line: int, now_s: float, plan: Plan, lines: Lines, slots: Slots, first: Whole
) -> float:
    """Return when the next batch of a line starts, if nobody joins or leaves it before [s]."""
    present = lines.present[line, 0] + lines.present[line, 1]
    if present == 0:
        return math.inf
    if first[line] == NOBODY:
        for k in range(line * plan.width, (line + 1) * plan.width):
            if slots.takes[k] == 1 and (
                first[line] == NOBODY or slots.free_s[k] < slots.free_s[first[line]]
            ):
                first[line] = k
        if first[line] == NOBODY:
            return math.inf
    start_s = max(slots.free_s[first[line]], now_s)
    if present < plan.preferred[0]:
        start_s = max(start_s, oldest_s(lines, line) + plan.max_wait_s)
    return float(start_s)


@compiled
def advance(  # noqa: PLR0913, PLR0915, PLR0912, PLR0917, C901 - one compiled loop over events
    until_s: float,
    from_s: float,
    incoming: Incoming,
    position: int,
    first_index: int,
    are_unlike: bool,  # noqa: FBT001 - the same
    plan: Plan,
    ready: Whole,
    lines: Lines,
    slots: Slots,
    tally: Tally,
    out: Out,
) -> tuple[int, float, bool]:
    """Carry the lines to a moment.

    Returns the next position, the time of the last event [s], and whether the pool of waiting
    requests is full, so that the moment was not reached.

    Args:
        until_s: Moment to stop at [s]; what happens at it before control is done.
        from_s: When something about the fleet last changed: no batch starts earlier [s].
        incoming: Requests in the order in which they join.
        position: First of them that has not joined.
        first_index: Number of their first, where they have no numbers of their own.
        are_unlike: Whether any request so far has a size class or time of its own.
        plan: How requests are served.
        ready: Replicas that take work, ascending.
        lines: Who waits.
        slots: What serves.
        tally: What has been counted.
        out: Values by request.
    """
    counters, hours, waiting = tally.counters, tally.hours, lines.waiting
    requests = incoming.joins_s.shape[0]
    has_came, has_index = incoming.came_s.shape[0] > 0, incoming.numbers.shape[0] > 0
    has_ranks, has_sizes = incoming.ranks.shape[0] > 0, incoming.sizes.shape[0] > 0
    has_own, has_patience = incoming.own_s.shape[0] > 0, incoming.patience_s.shape[0] > 0
    has_in, has_out = incoming.input_tokens.shape[0] > 0, incoming.output_tokens.shape[0] > 0
    has_due = incoming.due_s.shape[0] > 0
    last_hour = hours.shape[0] - 1
    in_use = 1
    if plan.discipline != at.ONE_LINE:
        in_use = ready[-1] + 1 if ready.shape[0] > 0 else 0
    starts_s, first = slots.starts_s, slots.first
    starts_s[0] = math.inf
    for line in range(in_use):
        first[line] = NOBODY
        starts_s[line] = _look_at(line, from_s, plan, lines, slots, first)
    now_s = from_s
    is_full = False
    while True:
        line = 0
        for k in range(1, in_use):
            if starts_s[k] < starts_s[line]:
                line = k
        start_s = starts_s[line]
        join_s = incoming.joins_s[position] if position < requests else math.inf
        leave_s = math.inf
        if lines.book[HEAPED] > 0:
            leave_s = waiting[lines.heap[0], LEAVES_S]
        if start_s <= leave_s and start_s <= join_s:
            if start_s > until_s or start_s == math.inf:
                break
            now_s = start_s
            _serve(start_s, line, are_unlike, plan, lines, slots, tally, out)
            first[line] = NOBODY
        elif leave_s <= join_s:
            if leave_s >= until_s:
                break
            now_s = leave_s
            place = lines.heap[0]
            line = int(lines.links[place, LINE])
            spread_over_hours(hours, at.HOUR_WAITING_S, waiting[place, JOINED_S], leave_s, 1.0)
            counters[at.ABANDONED] += 1
            hours[hour_of(leave_s, last_hour), at.HOUR_ABANDONED] += 1
            if out.status.shape[0] > 0:
                out.status[int(waiting[place, INDEX])] = at.STATUS_ABANDONED
            strike_off(lines, place)
        else:
            if join_s >= until_s:
                break
            if lines.book[FREE] == NOBODY:
                is_full = True
                break
            now_s = join_s
            came_s = incoming.came_s[position] if has_came else join_s
            index = incoming.numbers[position] if has_index else first_index + position
            due_s = incoming.due_s[position] if has_due else math.inf
            hour = hour_of(came_s, last_hour)
            counters[at.JOINED] += 1
            hours[hour, at.HOUR_ARRIVED] += 1
            if due_s < math.inf:
                hours[hour, at.HOUR_DUE] += 1
            line = choose(join_s, plan, ready, lines, slots, counters)
            if has_room(line, join_s, plan, lines, slots):
                place = enrol(lines, line, incoming.ranks[position] if has_ranks else 0)
                stays_s = plan.patience_s
                if has_patience and not math.isnan(incoming.patience_s[position]):
                    stays_s = incoming.patience_s[position]
                waiting[place, JOINED_S] = join_s
                waiting[place, INDEX] = index
                waiting[place, LEAVES_S] = join_s + stays_s
                waiting[place, SIZE] = incoming.sizes[position] if has_sizes else 0
                waiting[place, CAME_S] = came_s
                waiting[place, OWN_S] = incoming.own_s[position] if has_own else 0.0
                waiting[place, INPUT_TOKENS] = incoming.input_tokens[position] if has_in else 0.0
                waiting[place, OUTPUT_TOKENS] = incoming.output_tokens[position] if has_out else 0.0
                waiting[place, DUE_S] = due_s
                if stays_s < math.inf:
                    will_leave(lines, place)
            else:
                counters[at.DROPPED] += 1
                hours[hour, at.HOUR_DROPPED] += 1
                if out.status.shape[0] > 0:
                    out.status[index] = at.STATUS_DROPPED
            position += 1
        if line < in_use:
            starts_s[line] = _look_at(line, now_s, plan, lines, slots, first)
    if slots.served.shape[0] > 0:
        _hand_on(until_s, plan, slots, tally, out)
    return position, now_s, is_full
