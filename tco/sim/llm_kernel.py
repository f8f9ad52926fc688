"""Requests over LLM replicas with continuous batching, at the fidelity of single steps.

Steps between two changes of a batch are made at once: a stretch. It ends where its replica has
something to decide, or earlier, at the first step that a new request can be in. So the work is by
request, not by token.

Order of what happens at one instant: steps end and the next begin, by number of the replica; then
control (the caller's); then a request loses patience; then requests arrive, by index. What is
closer than ``TIE_S`` is one instant. An idle replica begins a step with the request that arrives.
"""

from __future__ import annotations

import math

from tco.sim import llm_state as at
from tco.sim.compiled import compiled
from tco.sim.llm_parts import carry_parts, takers_apart
from tco.sim.llm_schedule import end_stretch, queue_of, schedule
from tco.sim.llm_state import (
    NOBODY,
    TIE_S,
    Array,
    Limits,
    State,
    Whole,
    blocks_for,
    free_row,
    join_queue,
    leave_queue,
    new_row,
)
from tco.sim.llm_steps import StepTables, decode_total, steps_beyond
from tco.sim.llm_tally import book, held_as, hour_of


@compiled
def _first_boundary(
    state: State, seconds: StepTables, replica: int, after_s: float
) -> tuple[float, int]:
    """Return the end of the first step of a stretch after a moment [s], and its number."""
    here, clock = state.replicas[replica], state.clock[replica]
    if here[at.STEPS] == 1:
        return float(clock[at.END_S]), 1
    held, decodes, since_s = held_as(state, replica, seconds), here[at.DECODING], clock[at.SINCE_S]
    steps = steps_beyond(seconds, decodes, held, after_s - since_s, here[at.STEPS])
    if steps == here[at.STEPS]:
        return float(clock[at.END_S]), steps
    return since_s + decode_total(seconds, decodes, held, steps), steps


@compiled
def _shorten(state: State, limits: Limits, seconds: StepTables, replica: int, now_s: float) -> None:
    """End a replica's stretch after the running step if somebody in its own queue may get in."""
    here = state.replicas[replica]
    if here[at.RUNNING] >= limits.most_sequences or here[at.STEPS] == 1:
        return
    queue = queue_of(state, limits, replica)
    if queue == NOBODY or here[at.REFUSED] == state.rows[state.queues[queue, at.HEAD], at.INDEX]:
        return
    end_s, steps = _first_boundary(state, seconds, replica, now_s + TIE_S)
    state.clock[replica, at.END_S] = end_s
    here[at.STEPS] = steps


@compiled
def _call(state: State, limits: Limits, seconds: StepTables, now_s: float, after: int) -> None:
    """Let the replica whose step ends next look at the queue in front of all.

    Replicas up to number ``after`` have begun their step at this instant, the others have not.
    Who comes to the head of the queue may fit where the one before did not, so all are asked again.
    """
    front, counters = state.queues.shape[0] - 1, state.counters
    if state.queues[front, at.WAITING] == 0:
        return
    row = state.queues[front, at.HEAD]
    index = state.rows[row, at.INDEX]
    if counters[at.CALLED] != NOBODY and counters[at.CALLED_FOR] == index:
        return
    room = blocks_for(state.rows[row, at.INPUT], limits.block_tokens)
    best, best_s, best_steps = NOBODY, math.inf, 0
    for replica in range(state.replicas.shape[0]):
        here = state.replicas[replica]
        if (
            here[at.TAKES] == 0
            or here[at.RUNNING] == 0
            or here[at.RUNNING] >= limits.most_sequences
            or here[at.REFUSED] == index
            or state.queues[replica, at.WAITING] > 0
            or (limits.whole_prompt_fits and room > here[at.FREE_BLOCKS] and here[at.STEPS] > 1)
        ):
            continue
        after_s = now_s + TIE_S if replica <= after else now_s - TIE_S
        end_s, steps = _first_boundary(state, seconds, replica, after_s)
        if end_s < best_s - TIE_S:
            best, best_s, best_steps = replica, end_s, steps
    if best != NOBODY:
        state.clock[best, at.END_S] = best_s
        state.replicas[best, at.STEPS] = best_steps
        counters[at.CALLED], counters[at.CALLED_FOR] = best, index


@compiled
def _route(state: State, limits: Limits) -> int:
    """Choose the queue that a request joins: a replica's own, or the one in front of all."""
    replicas, queues = state.replicas, state.queues
    many = replicas.shape[0]
    best, least = NOBODY, 0
    if limits.routing == at.ROUND_ROBIN:
        for k in range(many):
            replica = (state.counters[at.NEXT_REPLICA] + k) % many
            if replicas[replica, at.TAKES] == 1:
                state.counters[at.NEXT_REPLICA] = replica + 1
                best = replica
                break
    elif limits.routing == at.LEAST_LOADED:
        for k in range(many):
            load = replicas[k, at.RUNNING] + queues[k, at.WAITING] + queues[many + k, at.WAITING]
            if replicas[k, at.TAKES] == 1 and (best == NOBODY or load < least):
                best, least = k, load
    return int(2 * many if best == NOBODY else many + best)


@compiled
def _idle_replica(state: State, queue: int) -> int:
    """Return the replica that begins a step at once for a request in a queue, or nobody."""
    many = state.replicas.shape[0]
    first, last = (0, many) if queue == 2 * many else (queue - many, queue - many + 1)
    for replica in range(first, last):
        if state.replicas[replica, at.RUNNING] == 0 and state.replicas[replica, at.TAKES] == 1:
            return replica
    return NOBODY


@compiled
def waiting(state: State) -> int:
    """Return the number of requests that wait for their first step."""
    total = 0
    for queue in range(state.replicas.shape[0], state.queues.shape[0]):
        total += state.queues[queue, at.WAITING]
    return total


@compiled
def waited_s(state: State, patience_s: float, now_s: float) -> float:
    """Return how long all requests together have waited for their first step so far [s]."""
    total = state.counters[at.ABANDONED] * patience_s if state.counters[at.ABANDONED] > 0 else 0.0
    for hour in range(state.hours.shape[0]):
        total += state.hours[hour, at.HOUR_WAIT_S]
    for queue in range(state.replicas.shape[0], state.queues.shape[0]):
        row = state.queues[queue, at.HEAD]
        while row != NOBODY:
            total += now_s - state.moments[row, at.CAME_S]
            row = state.rows[row, at.NEXT]
    return float(total)


@compiled
def _touch(state: State, limits: Limits, seconds: StepTables, queue: int, now_s: float) -> int:
    """After a queue changed: return who begins a step for it, or end a stretch where one may."""
    many = state.replicas.shape[0]
    idle = _idle_replica(state, queue)
    if idle == NOBODY and queue != 2 * many:
        _shorten(state, limits, seconds, queue - many, now_s)
    return idle


@compiled
def _wake(state: State, limits: Limits, seconds: StepTables, now_s: float) -> int:
    """Return a replica that begins a step for who waits in front of all, or nobody."""
    front = state.queues.shape[0] - 1
    if limits.routing == at.ONE_QUEUE:
        return _idle_replica(state, front) if state.queues[front, at.WAITING] > 0 else NOBODY
    idle = NOBODY
    while idle == NOBODY and state.queues[front, at.WAITING] > 0:
        queue = _route(state, limits)
        if queue == front:
            break
        join_queue(state, queue, leave_queue(state, front))
        idle = _touch(state, limits, seconds, queue, now_s)
    return idle


@compiled
def _next_to_leave(state: State, limits: Limits) -> tuple[float, int]:
    """Return when the next request in a queue loses patience [s], and its queue."""
    best_s, best = math.inf, NOBODY
    if limits.patience_s < math.inf:
        for queue in range(state.replicas.shape[0], state.queues.shape[0]):
            if state.queues[queue, at.WAITING] > 0:
                row = state.queues[queue, at.HEAD]
                leaves_s = state.moments[row, at.CAME_S] + limits.patience_s
                if leaves_s < best_s:
                    best_s, best = leaves_s, queue
    return best_s, best


@compiled
def _next_to_end(state: State) -> int:
    """Return the replica whose stretch ends next; of those that tie the first."""
    clock = state.clock
    best = 0
    for replica in range(1, clock.shape[0]):
        if clock[replica, at.END_S] < clock[best, at.END_S]:
            best = replica
    for replica in range(best):
        if clock[replica, at.END_S] <= clock[best, at.END_S] + TIE_S:
            return replica
    return best


@compiled
def _give_up(state: State, queue: int, now_s: float) -> None:
    """Let the head of a queue go."""
    row = leave_queue(state, queue)
    state.counters[at.ABANDONED] += 1
    state.hours[hour_of(state, now_s), at.HOUR_ABANDONED] += 1
    if state.out_status.shape[0] > 0:
        state.out_status[state.rows[row, at.INDEX]] = at.STATUS_ABANDONED
    free_row(state, row)


@compiled
def _join(
    state: State, limits: Limits, requests: Whole, position: int, index: int, came_s: float
) -> int:
    """Put a request in its queue and return that, or nobody if it is turned away."""
    counters = state.counters
    hour = hour_of(state, came_s)
    counters[at.ARRIVED] += 1
    state.hours[hour, at.HOUR_ARRIVED] += 1
    queue = _route(state, limits)
    is_full = limits.queue_limit >= 0 and waiting(state) >= limits.queue_limit
    if is_full and _idle_replica(state, queue) == NOBODY:
        counters[at.DROPPED] += 1
        state.hours[hour, at.HOUR_DROPPED] += 1
        if state.out_status.shape[0] > 0:
            state.out_status[index] = at.STATUS_DROPPED
        return NOBODY
    join_queue(state, queue, new_row(state, requests, position, index, came_s))
    return queue


@compiled
def advance(  # noqa: C901, PLR0912, PLR0913, PLR0917 - compiled code takes its arguments by position
    from_s: float,
    until_s: float,
    arrivals_s: Array,
    came_s: Array,
    requests: Whole,
    position: int,
    first_index: int,
    limits: Limits,
    seconds: StepTables,
    energy: StepTables,
    has_energy: bool,  # noqa: FBT001
    state: State,
) -> tuple[int, float]:
    """Carry everything from a moment to another; return the next position, the last event [s].

    What happens at the later moment before control is done. Stops early when the pool has no
    free row; the caller makes room and comes again.

    Args:
        from_s: When the caller last changed which replicas take requests [s].
        until_s: Moment to stop at [s].
        arrivals_s: When each request joins a queue, ascending [s].
        came_s: When it came to the host work before that; empty if there is none [s].
        requests: Rows of prompt tokens, tokens to make, cached tokens and adapters.
        position: First request that has not come.
        first_index: Index of the first request in the outputs.
        limits: How replicas admit requests.
        seconds: What steps take [s].
        energy: What steps take [J].
        has_energy: Whether that is known.
        state: Where everything stands.
    """
    many, front = state.replicas.shape[0], state.queues.shape[0] - 1
    counters, clock = state.counters, state.clock
    now_s, happened_s = from_s, -math.inf
    takers = takers_apart(state, limits, seconds, has_energy)
    if takers > 0:
        position, now_s, happened_s = carry_parts(
            from_s,
            until_s,
            arrivals_s,
            came_s,
            requests,
            position,
            first_index,
            limits,
            seconds,
            state,
            takers,
        )
    woken = False
    due, after = NOBODY, many
    while True:
        if due != NOBODY:
            schedule(state, limits, seconds, energy, has_energy, due, now_s)
            if counters[at.CALLED] == due:
                counters[at.CALLED] = NOBODY
            due = NOBODY
        if not woken:
            due = _wake(state, limits, seconds, now_s)
            woken = due == NOBODY
            if not woken:
                continue
        if state.queues[front, at.WAITING] > 0:
            _call(state, limits, seconds, now_s, after)
        replica = _next_to_end(state)
        end_s = clock[replica, at.END_S]
        come_s = arrivals_s[position] if position < arrivals_s.shape[0] else math.inf
        leave_s, queue = _next_to_leave(state, limits)
        if end_s <= min(come_s, leave_s) + TIE_S:
            if end_s > until_s or end_s == math.inf:
                break
            now_s, due, after = end_s, replica, replica
            end_stretch(state, limits, seconds, energy, has_energy, replica)
        elif leave_s <= come_s:
            if leave_s >= until_s:
                break
            now_s, after = leave_s, many
            _give_up(state, queue, leave_s)
            if state.queues[queue, at.WAITING] > 0:
                due = _touch(state, limits, seconds, queue, leave_s)
        else:
            if come_s >= until_s or counters[at.FREE_ROW] == state.rows.shape[0]:
                break
            now_s, after = come_s, many
            since_s = came_s[position] if came_s.shape[0] > 0 else come_s
            index = first_index + position
            queue = _join(state, limits, requests, position, index, since_s)
            if queue != NOBODY:
                due = _touch(state, limits, seconds, queue, come_s)
            position += 1
        happened_s = now_s
    return position, happened_s


@compiled
def settle(
    state: State,
    now_s: float,
    energy: StepTables,
    has_energy: bool,  # noqa: FBT001 - compiled code takes its arguments by position
) -> None:
    """Put busy time and energy up to a moment in their hours."""
    for replica in range(state.replicas.shape[0]):
        if state.replicas[replica, at.RUNNING] > 0:
            book(state, replica, min(now_s, state.clock[replica, at.END_S]), energy, has_energy)
