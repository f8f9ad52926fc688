"""A pool that many models share, at many loads: a week at each, read between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim.function_loads import QUANTILES, loads_up_to
from tco.sim.pools import PoolRules, PoolRun, run_pool
from tco.sim.usage import Latency
from tco.sim.week import Traffic
from tco.units import HOURS_PER_WEEK, MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
MOST_REQUESTS = 200_000
"""Requests simulated at one load; at higher rates a part of each hour stands for all of it."""
WARM_UP_HOURS = 2
MODELS = 14
"""Stream that the model of each request is drawn from."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """What a pool loads by load, and how it answers in the busiest month."""

    loads_per_s: tuple[float, ...]
    swapping_replicas: tuple[float, ...]
    """Replicas that load a model, as a mean [-]."""
    latency: Latency
    swap_share: float
    """Requests that a model is loaded for, in the busiest month [-]."""
    requests: int

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PoolUsage:
        """Read it back from plain data."""
        lists = {name: tuple(part) for name, part in data.items() if isinstance(part, list | tuple)}
        return cls(**{**data, **lists, "latency": Latency(**data["latency"])})


@dataclass(frozen=True, slots=True)
class PoolCase:
    """A pool and its traffic as plain data."""

    rules: PoolRules
    shares: tuple[float, ...]
    """Share of the requests that ask for each model [-]."""
    seconds: float
    traffic: Traffic
    seed: int


@dataclass(frozen=True, slots=True)
class _Week:
    run: PoolRun
    length_s: float

    @property
    def warm_s(self) -> float:
        return WARM_UP_HOURS * self.length_s

    @property
    def counted(self) -> NDArray[np.bool_]:
        return self.run.arrivals_s >= self.warm_s


def pool_usage(case: PoolCase, *, top_per_s: float, busiest_per_s: float) -> PoolUsage:
    """Simulate a week at each load.

    Args:
        case: The pool and its traffic.
        top_per_s: Mean rate that the loads reach up to [1/s].
        busiest_per_s: Mean rate of the busiest month [1/s].

    Raises:
        InfeasibleError: If serving and loading take more in the busiest hour than there is.
    """
    loads = loads_up_to(top_per_s)
    weeks = [_week(case, load) for load in loads[1:]]
    busiest = _week(case, busiest_per_s)
    _check_busiest_hour(case, busiest)
    run, counted = busiest.run, busiest.counted
    taken_s = (run.finish_s - run.arrivals_s)[counted]
    if not taken_s.size:
        taken_s = np.array([max(case.rules.load_s) + case.seconds])
    p50, p95, p99 = (float(q) * MILLISECONDS_PER_SECOND for q in np.quantile(taken_s, QUANTILES))
    return PoolUsage(
        loads,
        (0.0, *(_swapping_replicas(case, week) for week in weeks)),
        Latency(p50, p95, p99, "requests of a week of the busiest month, models loaded for them"),
        float(run.swapped[counted].mean()) if counted.any() else 1.0,
        sum(week.run.arrivals_s.size for week in (*weeks, busiest)),
    )


def _week(case: PoolCase, rate_per_s: float) -> _Week:
    """Run a week at a mean rate; its last hours are run before it and not counted."""
    expected = rate_per_s * HOURS_PER_WEEK * SECONDS_PER_HOUR
    length_s = SECONDS_PER_HOUR * min(1.0, MOST_REQUESTS / expected)
    week = case.traffic.week
    rates = rate_per_s * np.concatenate((week[-WARM_UP_HOURS:], week))
    chunks = case.traffic.chunks(rates, length_s=length_s, seed=case.seed)
    arrivals_s = np.concatenate([np.empty(0), *(chunk.arrivals_s for chunk in chunks)])
    drawn = np.random.default_rng([case.seed, MODELS]).random(arrivals_s.size)
    bounds = np.cumsum(case.shares)[:-1]
    models = np.searchsorted(bounds, drawn, side="right").astype(np.int64)
    service_s = np.full(arrivals_s.size, case.seconds)
    until_s = rates.size * length_s
    return _Week(run_pool(case.rules, arrivals_s, models, service_s, until_s=until_s), length_s)


def _loading_s(case: PoolCase, week: _Week) -> Array:
    return np.where(week.run.swapped, np.array(case.rules.load_s)[week.run.models], 0.0)


def _swapping_replicas(case: PoolCase, week: _Week) -> float:
    counted_s = HOURS_PER_WEEK * week.length_s
    return float(_loading_s(case, week)[week.counted].sum()) / counted_s


def _check_busiest_hour(case: PoolCase, week: _Week) -> None:
    """Refuse a pool whose replicas serve and load for longer than an hour lasts."""
    run, replicas = week.run, case.rules.replicas
    hours = (run.arrivals_s // week.length_s).astype(np.int64)
    asked_s = np.bincount(hours, case.seconds + _loading_s(case, week))
    load = float(asked_s.max(initial=0.0)) / (week.length_s * replicas)
    if load >= 1.0:
        raise InfeasibleError(
            f"capacity below load: in its busiest hour the pool would serve and load models for "
            f"{load:.2f} times what {replicas} replicas have, {run.swap_share:.0%} of the requests "
            f"having to wait for a model. More replicas, or more memory for models, are needed"
        )
