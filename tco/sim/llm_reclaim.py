"""An LLM replica taken away with its KV memory, in compiled code: its requests begin anew.

They wait in front of all, in the order in which they came, and read their prompts again. Their
first token is the first of the run that answers them.
"""

from __future__ import annotations

import math

import numpy as np

from tco.sim import llm_state as at
from tco.sim.compiled import compiled
from tco.sim.latency_bins import bin_of
from tco.sim.llm_state import NOBODY, Limits, State, free_row, leave_queue
from tco.sim.llm_steps import StepTables
from tco.sim.llm_tally import book, hour_of


@compiled
def _return_in_order(state: State, queue: int, row: int) -> None:
    """Put a request in a queue, before those who came after it."""
    rows, moments, place = state.rows, state.moments, state.queues[queue]
    before, after = NOBODY, place[at.HEAD]
    while after != NOBODY and (
        moments[after, at.CAME_S] < moments[row, at.CAME_S]
        or (
            moments[after, at.CAME_S] == moments[row, at.CAME_S]
            and rows[after, at.INDEX] < rows[row, at.INDEX]
        )
    ):
        before, after = after, rows[after, at.NEXT]
    rows[row, at.NEXT] = after
    if before == NOBODY:
        place[at.HEAD] = row
    else:
        rows[before, at.NEXT] = row
    if after == NOBODY:
        place[at.TAIL] = row
    place[at.WAITING] += 1


@compiled
def _begin_anew(state: State, limits: Limits, row: int, now_s: float) -> None:
    """Let a request wait as if it had never been taken up; who has lost patience gives up."""
    rows, moments, hours = state.rows, state.moments, state.hours
    came_s, start_s = moments[row, at.CAME_S], moments[row, at.START_S]
    first_s = moments[row, at.FIRST_S]
    hour = hour_of(state, start_s)
    state.counters[at.STARTED] -= 1
    hours[hour, at.HOUR_STARTED] -= 1
    hours[hour, at.HOUR_WAIT_S] -= start_s - came_s
    state.histograms[at.TO_START, bin_of(start_s - came_s)] -= 1
    if not np.isnan(first_s):
        state.histograms[at.TO_FIRST_TOKEN, bin_of(first_s - came_s)] -= 1
    moments[row, at.START_S] = moments[row, at.FIRST_S] = np.nan
    rows[row, at.MADE] = rows[row, at.DONE] = rows[row, at.PIECE] = 0
    if came_s + limits.patience_s > now_s:
        _return_in_order(state, state.queues.shape[0] - 1, row)
        return
    state.counters[at.ABANDONED] += 1
    hours[hour_of(state, now_s), at.HOUR_ABANDONED] += 1
    if state.out_status.shape[0] > 0:
        state.out_status[rows[row, at.INDEX]] = at.STATUS_ABANDONED
    free_row(state, row)


@compiled
def reclaim(
    state: State,
    limits: Limits,
    replica: int,
    now_s: float,
    energy: StepTables,
    has_energy: bool,  # noqa: FBT001 - compiled code takes its arguments by position
) -> tuple[int, float]:
    """Take a replica's sequences off it; return how many, and the replica-seconds lost [s].

    Steps are shared by all who run, so what is lost is the mean of the times since they started.
    """
    here, clock = state.replicas[replica], state.clock[replica]
    if here[at.RUNNING] > 0:
        book(state, replica, now_s, energy, has_energy)
    count, since_s = 0, 0.0
    row = here[at.FIRST]
    while row != NOBODY:
        following = state.rows[row, at.NEXT]
        since_s += now_s - state.moments[row, at.START_S]
        count += 1
        _begin_anew(state, limits, row, now_s)
        row = following
    while state.queues[replica, at.WAITING] > 0:
        row = leave_queue(state, replica)
        since_s += now_s - state.moments[row, at.START_S]
        count += 1
        _begin_anew(state, limits, row, now_s)
    state.in_use[replica] = 0
    state.phases[replica] = 0
    here[at.FIRST] = here[at.LAST] = here[at.READING] = NOBODY
    here[at.LARGEST] = here[at.REFUSED] = NOBODY
    here[at.RUNNING] = here[at.DECODING] = here[at.HELD] = here[at.HEAPED] = 0
    here[at.PROMPT_TOKENS] = here[at.STEPS] = 0
    here[at.FREE_BLOCKS] = limits.blocks
    clock[at.END_S] = clock[at.BOOKED_S] = math.inf
    return count, since_s / count if count > 0 else 0.0
