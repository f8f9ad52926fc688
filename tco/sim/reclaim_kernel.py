"""Batches cut off before their end, in compiled code.

It is as if they had never begun, but for the time that they took: their requests wait where they
stood before, with the time at which they joined, and go on waiting. Who has lost patience meanwhile
gives up now.
"""

from __future__ import annotations

import math

from tco.sim import kernel_layout as at
from tco.sim.batch_kernel import hour_of, spread_over_hours
from tco.sim.compiled import compiled
from tco.sim.dispatch_kernel import choose
from tco.sim.kernel_layout import Plan, Slots, Tally
from tco.sim.line_kernel import (
    INPUT_TOKENS,
    JOINED_S,
    LEAVES_S,
    OUTPUT_TOKENS,
    WAITING_COLUMNS,
    Array,
    Lines,
    Whole,
    rejoin,
    take_place,
    will_leave,
)


@compiled
def _wait_again(
    request: Array, now_s: float, plan: Plan, ready: Whole, lines: Lines, slots: Slots, tally: Tally
) -> None:
    """Put a request of a batch back in a line."""
    place = take_place(lines)
    line = choose(now_s, plan, ready, lines, slots, tally.counters)
    for column in range(WAITING_COLUMNS):
        lines.waiting[place, column] = request[column]
    leaves_s = max(now_s, request[LEAVES_S])
    lines.waiting[place, LEAVES_S] = leaves_s
    rejoin(lines, place, line, int(request[at.SERVED_RANK]))
    if leaves_s < math.inf:
        will_leave(lines, place)


@compiled
def cut_off(  # noqa: PLR0913, PLR0917 - compiled code takes its arguments by position
    first: int,
    end: int,
    now_s: float,
    plan: Plan,
    ready: Whole,
    lines: Lines,
    slots: Slots,
    tally: Tally,
    lost_s: Array,
) -> int:
    """Undo the running batches of some slots; return how many requests wait again.

    Args:
        first: First of the slots.
        end: The slot after the last.
        now_s: When they are cut off [s].
        plan: How requests are served.
        ready: Replicas that take work, ascending.
        lines: Who waits; there is room for all who come back.
        slots: What serves.
        tally: What has been counted.
        lost_s: Slot-seconds of work cut off, by hour and in one column [s].
    """
    hours, back = tally.hours, 0
    for slot in range(first, end):
        if slots.answered[slot] == 1:
            continue
        take, free_s, kind = slots.in_batch[slot], slots.free_s[slot], slots.hardware[slot]
        start_s = slots.served[slot, 0, at.SERVED_START_S]
        hour = hour_of(start_s, hours.shape[0] - 1)
        tally.busy_s[0] -= free_s - now_s
        spread_over_hours(hours, at.HOUR_BUSY_S, now_s, free_s, -1.0)
        spread_over_hours(hours, at.HOUR_JOULES, now_s, free_s, -slots.power_w[slot])
        if tally.busy_by_hardware.shape[1] > 0:
            spread_over_hours(tally.busy_by_hardware, kind, now_s, free_s, -1.0)
        spread_over_hours(lost_s, 0, start_s, now_s, 1.0)
        slots.free_s[slot], slots.in_batch[slot], slots.answered[slot] = now_s, 0, 1
        tally.counters[at.STARTED] -= take
        hours[hour, at.HOUR_STARTED] -= take
        hours[hour, at.HOUR_BATCHES] -= 1
        for k in range(take):
            request = slots.served[slot, k]
            spread_over_hours(hours, at.HOUR_WAITING_S, request[JOINED_S], start_s, -1.0)
            hours[hour, at.HOUR_INPUT_TOKENS] -= request[INPUT_TOKENS]
            hours[hour, at.HOUR_OUTPUT_TOKENS] -= request[OUTPUT_TOKENS]
            _wait_again(request, now_s, plan, ready, lines, slots, tally)
        back += take
    return back
