"""Which line a request joins, and whether it finds room there, in compiled code."""

from __future__ import annotations

import numpy as np

from tco.sim import kernel_layout as at
from tco.sim.compiled import compiled
from tco.sim.kernel_layout import Plan, Slots
from tco.sim.line_kernel import CLASSES, JOINED_S, NEXT, Lines, Whole, append, unchain


@compiled
def _load(line: int, now_s: float, width: int, lines: Lines, slots: Slots) -> int:
    """Return how many wait in a line or are served at it."""
    load = lines.present[line, 0] + lines.present[line, 1]
    for k in range(line * width, (line + 1) * width):
        if slots.free_s[k] > now_s:
            load += slots.in_batch[k]
    return int(load)


@compiled
def choose(
    now_s: float, plan: Plan, ready: Whole, lines: Lines, slots: Slots, counters: Whole
) -> int:
    """Return the line that a request joins; the last one, of no replica, if none is ready."""
    if plan.discipline == at.ONE_LINE:
        return 0
    number = ready.shape[0]
    if number == 0:
        return int(lines.present.shape[0]) - 1
    if plan.discipline == at.ROUND_ROBIN:
        turn = int(np.searchsorted(ready, counters[at.LAST_LINE], side="right"))
        chosen = int(ready[turn % number])
        counters[at.LAST_LINE] = chosen
        return chosen
    if plan.discipline == at.LEAST_LOADED:
        best = ready[0]
        least = _load(best, now_s, plan.width, lines, slots)
        for k in range(1, number):
            load = _load(ready[k], now_s, plan.width, lines, slots)
            if load < least:
                best, least = ready[k], load
        return int(best)
    draws = plan.draws.shape[0]
    one = int(plan.draws[counters[at.NEXT_DRAW] % draws] * number)
    other = int(plan.draws[(counters[at.NEXT_DRAW] + 1) % draws] * (number - 1))
    counters[at.NEXT_DRAW] += 2
    if number == 1:
        return int(ready[0])
    if other >= one:
        other += 1
    load = _load(ready[one], now_s, plan.width, lines, slots)
    if _load(ready[other], now_s, plan.width, lines, slots) < load:
        return int(ready[other])
    return int(ready[one])


@compiled
def move_on(
    line: int, now_s: float, plan: Plan, ready: Whole, lines: Lines, slots: Slots, counters: Whole
) -> None:
    """Give everybody in a line to other lines, the first class first, each class in its order.

    They join there as if they came now; their patience and latency count on.
    """
    for rank in range(CLASSES):
        place = lines.first[line, rank]
        for _ in range(lines.present[line, rank]):
            after = lines.links[place, NEXT]
            unchain(lines, place)
            # Out of the chain it is not counted as load anywhere when its new line is chosen.
            append(lines, place, choose(now_s, plan, ready, lines, slots, counters), rank)
            lines.waiting[place, JOINED_S] = now_s
            place = after


@compiled
def has_room(line: int, now_s: float, plan: Plan, lines: Lines, slots: Slots) -> bool:
    """Tell whether a line takes one more; a full one turns nobody away who is served at once."""
    present = lines.present[line, 0] + lines.present[line, 1]
    if plan.queue_limit < 0 or present < plan.queue_limit:
        return True
    if present + 1 < plan.preferred[0] and plan.max_wait_s > 0:
        return False
    for k in range(line * plan.width, min((line + 1) * plan.width, slots.free_s.shape[0])):
        if slots.takes[k] == 1 and slots.free_s[k] <= now_s:
            return True
    return False
