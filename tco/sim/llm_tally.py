"""What is counted of the requests of LLM replicas, in the hours in which it happens."""

from __future__ import annotations

import math

import numpy as np

from tco.sim import llm_state as at
from tco.sim.compiled import compiled
from tco.sim.latency_bins import bin_of
from tco.sim.llm_state import Limits, State, free_row
from tco.sim.llm_steps import StepTables, decode_total


@compiled
def hour_of(state: State, moment_s: float) -> int:
    """Return the hour that a moment is counted in; the last one goes on."""
    return int(min(state.hours.shape[0] - 1, int(moment_s / 3600.0)))


@compiled
def surely_in(state: State, hour: int) -> tuple[float, float]:
    """Return moments between which all are in an hour, however they are rounded [s]."""
    from_s, to_s = hour * 3600.0 * (1.0 + 1e-15), (hour + 1) * 3600.0 * (1.0 - 1e-15)
    return from_s, math.inf if hour == state.hours.shape[0] - 1 else to_s


@compiled
def count_start(state: State, row: int, now_s: float, hour: int) -> None:
    """Count the first step of a request; one that was preempted has had it."""
    moments = state.moments
    if np.isnan(moments[row, at.START_S]):
        moments[row, at.START_S] = now_s
        waited_s = now_s - moments[row, at.CAME_S]
        state.counters[at.STARTED] += 1
        state.hours[hour, at.HOUR_STARTED] += 1
        state.hours[hour, at.HOUR_WAIT_S] += waited_s
        state.histograms[at.TO_START, bin_of(waited_s)] += 1


@compiled
def count_first_token(state: State, row: int, now_s: float) -> None:
    """Count the first token of a request; one that was preempted may have made it."""
    moments = state.moments
    if np.isnan(moments[row, at.FIRST_S]):
        moments[row, at.FIRST_S] = now_s
        waited_s = now_s - moments[row, at.CAME_S]
        state.histograms[at.TO_FIRST_TOKEN, bin_of(waited_s)] += 1


@compiled
def tell_times(
    state: State, limits: Limits, replica: int, row: int, now_s: float, hour: int
) -> float:
    """Tell the times of a request that has made its last token; return its time a token [s].

    The time is not a number if it made one alone. Its row goes back to the pool.
    """
    rows, moments = state.rows, state.moments
    came_s, first_s = moments[row, at.CAME_S], moments[row, at.FIRST_S]
    if now_s - came_s > limits.goal_s:
        state.hours[hour, at.HOUR_LATE] += 1
    if state.out_status.shape[0] > 0:
        index = rows[row, at.INDEX]
        state.out_s[index, at.OUT_START_S] = moments[row, at.START_S]
        state.out_s[index, at.OUT_FIRST_S] = first_s
        state.out_s[index, at.OUT_FINISH_S] = now_s
        state.out_status[index] = at.STATUS_SERVED
        state.out_replica[index] = replica
    free_row(state, row)
    between = rows[row, at.OUTPUT] - 1
    return float((now_s - first_s) / between) if between > 0 else math.nan


@compiled
def held_as(state: State, replica: int, tables: StepTables) -> float:
    """Return the tokens that the decodes' next step counts as read, all together."""
    here = state.replicas[replica]
    held = float(here[at.HELD])
    if tables.largest_weight == 0.0:
        return held
    largest = here[at.DECODING] * (here[at.LARGEST] + here[at.COUNT])
    return float(held + tables.largest_weight * (largest - held))


@compiled
def _stretch_j(state: State, replica: int, energy: StepTables) -> float:
    """Return the energy of the running stretch [J]."""
    here = state.replicas[replica]
    if here[at.PROMPT_TOKENS] > 0:
        return float(state.clock[replica, at.STEP_J])
    held = held_as(state, replica, energy)
    return decode_total(energy, here[at.DECODING], held, here[at.STEPS])


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
