"""Replicas that go their way apart from each other, and how far they can be carried so.

The only replica that takes requests has all that come; replicas in turn have each their share,
which is known before anything is served. Nothing else joins them as long as memory holds everybody
to the last token: so each is carried on alone, through as many arrivals as surely find memory.
Whoever comes while memory may run short is left to the general rules, which go on from the state
that is left here.
"""

from __future__ import annotations

import math

import numpy as np

from tco.sim import llm_state as at
from tco.sim.compiled import compiled
from tco.sim.llm_apart import carry_apart
from tco.sim.llm_state import NOBODY, Array, Limits, State, Whole
from tco.sim.llm_steps import StepTables
from tco.sim.llm_tally import hour_of, surely_in


@compiled
def takers_apart(
    state: State,
    limits: Limits,
    seconds: StepTables,
    has_energy: bool,  # noqa: FBT001 - compiled code takes its arguments by position
) -> int:
    """Return how many replicas take requests if each lives by rules that are known here, else 0."""
    if (
        has_energy
        or limits.prefill_first
        or limits.queue_limit >= 0
        or limits.patience_s < math.inf
        or limits.adapter_slots > 0
        or seconds.largest_weight != 0.0
        or not seconds.is_line
    ):
        return 0
    many, takers = state.replicas.shape[0], 0
    for replica in range(many):
        takers += state.replicas[replica, at.TAKES]
    if takers > 1 and limits.routing != at.ROUND_ROBIN:
        return 0
    in_front = state.queues[2 * many, at.WAITING] > 0 and limits.routing != at.ONE_QUEUE
    for replica in range(many):
        own = state.queues[many + replica, at.WAITING] > 0
        strays = own and state.replicas[replica, at.TAKES] == 0
        in_front = in_front or strays or state.queues[replica, at.WAITING] > 0
    return 0 if in_front else int(takers)


@compiled
def _queue_of(state: State, limits: Limits, replica: int) -> int:
    """Return the queue that requests wait in for a replica that takes them."""
    many, takes = state.replicas.shape[0], state.replicas[replica, at.TAKES] == 1
    return int(2 * many if takes and limits.routing == at.ONE_QUEUE else many + replica)


@compiled
def _at_most(limits: Limits, prompt: int, answer: int) -> int:
    """Return the tokens that a request's blocks have room for, at its end and at most."""
    return int(prompt + answer - 1 + limits.block_tokens - 1)


@compiled
def _chain_at_most(state: State, limits: Limits, row: int) -> int:
    """Return the same for all requests of a chain, from a row on."""
    total = 0
    while row != NOBODY:
        total += _at_most(limits, state.rows[row, at.INPUT], state.rows[row, at.OUTPUT])
        row = state.rows[row, at.NEXT]
    return total


@compiled
def _held_at_most(state: State, limits: Limits, replica: int) -> int:
    """Return the same for all who run on a replica or wait for it."""
    total = _chain_at_most(state, limits, state.replicas[replica, at.FIRST])
    place = state.queues[_queue_of(state, limits, replica)]
    if place[at.WAITING] > 0:
        total += _chain_at_most(state, limits, place[at.HEAD])
    return int(total)


@compiled
def _in_turn(state: State, k: int) -> int:
    """Return the replica that is so many places behind the one whose turn it is."""
    return int((state.counters[at.NEXT_REPLICA] + k) % state.replicas.shape[0])


@compiled
def _surely_held(
    state: State, limits: Limits, requests: Whole, position: int, last: int, takers: int
) -> int:
    """Return up to which position all find memory; before the first if not all who are there do."""
    room, turn = limits.blocks * limits.block_tokens, 0
    for k in range(state.replicas.shape[0]):
        replica = _in_turn(state, k)
        total = _held_at_most(state, limits, replica)
        if total > room:
            return position - 1
        if state.replicas[replica, at.TAKES] == 0:
            continue
        for own in range(position + turn, last, takers):
            total += _at_most(limits, requests[0, own], requests[1, own])
            if total > room:
                last = own
                break
        turn += 1
    return last


@compiled
def _count_arrivals(state: State, since_s: Array, first: int, last: int) -> None:
    """Count who came, from a position up to another, in the hour of each."""
    hour, many, from_s, to_s = 0, 0, math.inf, -math.inf
    for position in range(first, last):
        if not from_s <= since_s[position] < to_s:
            state.hours[hour, at.HOUR_ARRIVED] += many
            hour, many = hour_of(state, since_s[position]), 0
            from_s, to_s = surely_in(state, hour)
        many += 1
    state.hours[hour, at.HOUR_ARRIVED] += many
    state.counters[at.ARRIVED] += last - first


@compiled
def _is_idle(state: State, limits: Limits, replica: int) -> bool:
    """Tell whether a replica runs nobody, and nobody waits for it."""
    waiting = state.queues[_queue_of(state, limits, replica), at.WAITING]
    return bool(state.replicas[replica, at.RUNNING] == 0 and waiting == 0)


@compiled
def carry_parts(  # noqa: PLR0913, PLR0917 - compiled code takes its arguments by position
    from_s: float,
    until_s: float,
    arrivals_s: Array,
    came_s: Array,
    requests: Whole,
    position: int,
    first_index: int,
    limits: Limits,
    seconds: StepTables,
    state: State,
    takers: int,
) -> tuple[int, float, float]:
    """Carry each replica on, to a moment or to a request that the general rules take.

    The arguments are those of ``advance``, and how many replicas take requests; returns the next
    position, and the last event [s] for what goes on and for what is told.
    """
    counters, now_s, happened_s = state.counters, from_s, -math.inf
    since_s = came_s if came_s.shape[0] > 0 else arrivals_s
    while True:
        in_system = counters[at.ARRIVED] - counters[at.FINISHED]
        in_system -= counters[at.DROPPED] + counters[at.ABANDONED]
        most = min(arrivals_s.shape[0], position + state.rows.shape[0] - in_system)
        last = position + int(np.searchsorted(arrivals_s[position:most], until_s))
        last = _surely_held(state, limits, requests, position, last, takers)
        reaches = last == arrivals_s.shape[0] or arrivals_s[last] >= until_s
        if last < position or (not reaches and last - position <= in_system):
            # Where so few find memory at once, the general rules are quicker.
            return position, now_s, happened_s
        to_s = until_s if reaches else arrivals_s[last]
        turn, last_taker = 0, NOBODY
        for k in range(state.replicas.shape[0]):
            replica, own = _in_turn(state, k), last
            if state.replicas[replica, at.TAKES] == 1:
                own = position + turn
                if (last - 1 - own) % takers == 0:
                    last_taker = replica
                turn += 1
            if own < last or not _is_idle(state, limits, replica):
                ended_s = carry_apart(
                    from_s,
                    to_s,
                    arrivals_s,
                    since_s,
                    requests,
                    own,
                    last,
                    takers,
                    first_index,
                    limits,
                    seconds,
                    state,
                    replica,
                    _queue_of(state, limits, replica),
                )
                happened_s = max(happened_s, ended_s)
        _count_arrivals(state, since_s, position, last)
        if limits.routing == at.ROUND_ROBIN and last > position:
            counters[at.NEXT_REPLICA] = last_taker + 1
        position, from_s, now_s = last, to_s, max(now_s, happened_s)
        if reaches:
            return position, now_s, happened_s
