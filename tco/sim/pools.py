"""Replicas that many models share: each holds what its memory has room for, and swaps for the rest.

Requests wait in one line, who comes first first. A request goes to a free replica that holds its
model, the lowest number first; if none does, to the free replica with the most room left. There the
models that were used longest ago go until the new one fits, and loading it keeps the replica from
serving, as multi-model servers do. At one instant ends come before arrivals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError, TcoError
from tco.sim.compiled import compiled

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
ROUNDING = 1e-6
ABSENT = -1
MIB_PER_GIB = 1024


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Replicas and the models that share them."""

    replicas: int
    budget_gib: float
    """Memory of each replica for models [GiB]."""
    model_gib: tuple[float, ...]
    load_s: tuple[float, ...]
    """Time to load each model, in which its replica does nothing else [s]."""

    def __post_init__(self) -> None:
        """Refuse a model that fits nowhere, with the numbers."""
        largest = max(self.model_gib)
        if largest > self.budget_gib:
            number = self.model_gib.index(largest)
            raise InfeasibleError(
                f"model {number} of the pool takes {largest:g} GiB and a replica holds "
                f"{self.budget_gib:g} GiB of models; it could never be loaded. Give replicas more "
                "memory, or the model a fleet of its own"
            )


@dataclass(frozen=True, slots=True)
class PoolRun:
    """What became of requests, and what the replicas did."""

    arrivals_s: Array
    models: Whole
    """Model that each asked for."""
    start_s: Array
    """When each is served, once its model is there [s]."""
    finish_s: Array
    swapped: NDArray[np.bool_]
    """Whether a model had to be loaded for it."""
    replica: Whole
    busy_s: float
    swapping_s: float
    held_s: float
    """Replica-seconds until the end of the run or the last answer, the later of the two [s]."""

    @property
    def idle_s(self) -> float:
        """Replica-seconds in which nothing was served and nothing loaded [s]."""
        return self.held_s - self.busy_s - self.swapping_s

    @property
    def swap_share(self) -> float:
        """Requests that a model had to be loaded for, over all [-]."""
        return float(self.swapped.mean()) if self.swapped.size else 0.0


def run_pool(
    rules: PoolRules, arrivals_s: Array, models: Whole, service_s: Array, *, until_s: float
) -> PoolRun:
    """Serve every request to the last.

    Args:
        rules: The replicas and their models; they begin with none loaded.
        arrivals_s: When requests come, ascending [s].
        models: Model that each asks for.
        service_s: How long each is served, its model being there [s].
        until_s: How long the replicas are held at least [s].
    """
    count, known = arrivals_s.size, len(rules.model_gib)
    if count and not 0 <= int(models.min()) <= int(models.max()) < known:
        raise InfeasibleError(
            f"a request asks for model {int(models.max())} and the pool has models 0 to {known - 1}"
        )
    state = _State(
        free_s=np.full(rules.replicas, -math.inf),
        room_mib=np.full(rules.replicas, _whole_mib(rules.budget_gib), dtype=np.int64),
        used=np.full((rules.replicas, known), ABSENT, dtype=np.int64),
    )
    start_s, finish_s = np.empty(count), np.empty(count)
    swapped, replica = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    sizes_mib = np.array([_whole_mib(gib) for gib in rules.model_gib])
    load_s = np.array(rules.load_s)
    _advance(
        arrivals_s, models, service_s, sizes_mib, load_s, state, start_s, finish_s, swapped, replica
    )
    last_s = max(until_s, float(finish_s.max(initial=0.0)))
    run = PoolRun(
        arrivals_s,
        models,
        start_s,
        finish_s,
        swapped.astype(np.bool_),
        replica,
        busy_s=float(service_s.sum()),
        swapping_s=float(load_s[models[swapped > 0]].sum()),
        held_s=last_s * rules.replicas,
    )
    _check(run, state, sizes_mib, _whole_mib(rules.budget_gib))
    return run


class _State(NamedTuple):
    free_s: Array
    """When each replica is done with what it serves [s]."""
    room_mib: Whole
    """Memory left; whole numbers, so that what goes makes room for what came."""
    used: Whole
    """By replica and model, the request that used it last; ABSENT where it is not loaded."""


@compiled
def _advance(  # noqa: PLR0913, PLR0917 - compiled code takes its arguments by position
    arrivals_s: Array,
    models: Whole,
    service_s: Array,
    sizes_mib: Whole,
    load_s: Array,
    state: _State,
    start_s: Array,
    finish_s: Array,
    swapped: Whole,
    replica_of: Whole,
) -> None:
    """Give each request, in turn, its replica; nobody overtakes, so the next free one is known."""
    free_s, room_mib, used = state.free_s, state.room_mib, state.used
    for request in range(arrivals_s.shape[0]):
        model = models[request]
        begins_s = max(arrivals_s[request], _first_free_s(free_s))
        replica = _place(free_s, room_mib, used, model, begins_s)
        if used[replica, model] < 0:
            _make_room(room_mib, used, sizes_mib, replica, sizes_mib[model])
            room_mib[replica] -= sizes_mib[model]
            begins_s += load_s[model]
            swapped[request] = 1
        used[replica, model] = request
        start_s[request] = begins_s
        finish_s[request] = free_s[replica] = begins_s + service_s[request]
        replica_of[request] = replica


@compiled
def _first_free_s(free_s: Array) -> float:
    first_s = free_s[0]
    for replica in range(1, free_s.shape[0]):
        first_s = min(first_s, free_s[replica])
    return float(first_s)


@compiled
def _place(free_s: Array, room_mib: Whole, used: Whole, model: int, now_s: float) -> int:
    """Return the free replica that holds a model, or else the one with the most room."""
    best = -1
    for replica in range(free_s.shape[0]):
        if free_s[replica] <= now_s:
            if used[replica, model] >= 0:
                return replica
            if best < 0 or room_mib[replica] > room_mib[best]:
                best = replica
    return best


@compiled
def _make_room(
    room_mib: Whole, used: Whole, sizes_mib: Whole, replica: int, needed_mib: int
) -> None:
    """Let the models go that were used longest ago, until there is room."""
    while room_mib[replica] < needed_mib:
        oldest = -1
        for model in range(used.shape[1]):
            if used[replica, model] >= 0 and (
                oldest < 0 or used[replica, model] < used[replica, oldest]
            ):
                oldest = model
        used[replica, oldest] = -1
        room_mib[replica] += sizes_mib[oldest]


def _check(run: PoolRun, state: _State, sizes_mib: Whole, budget_mib: int) -> None:
    """Refuse a run in which time or memory does not add up."""
    taken_s = float((run.finish_s - run.start_s).sum())
    held_mib = np.where(state.used >= 0, sizes_mib, 0).sum(axis=1) + state.room_mib
    is_off = abs(taken_s - run.busy_s) > ROUNDING * max(1.0, run.busy_s)
    if is_off or run.idle_s < -ROUNDING * max(1.0, run.held_s) or (held_mib != budget_mib).any():
        raise TcoError(
            f"the simulation does not add up: {run.held_s:,.6f} replica-seconds held, "
            f"{run.busy_s:,.6f} busy, {run.swapping_s:,.6f} loading. This is a fault of the "
            "planner; please report it."
        )


def _whole_mib(gib: float) -> int:
    return round(gib * MIB_PER_GIB)
