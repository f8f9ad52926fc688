"""A fleet that never scales: does it carry the load, how fast does it answer, why is it idle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, linear_service
from tco.sim.usage import Latency, StaticUsage
from tco.sim.week import Traffic
from tco.units import HOURS_PER_WEEK, MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
MOST_REQUESTS = 200_000
"""Enough for a p99 within a percent or two of that of the whole week."""
SERVICE_TIMES_A_STRETCH = 50
STATIC_CAUSES = ("peak head-room", "night and weekend", "rest")


@dataclass(frozen=True, slots=True)
class StaticFleet:
    """What a static deployment is to the simulation."""

    replicas: int
    instances: int
    instance_share: float
    parallel: int
    seconds: float

    @property
    def places(self) -> int:
        """Requests that the fleet serves at once."""
        return self.replicas * self.parallel


def simulate_static_fleet(
    fleet: StaticFleet, requests_per_month: Array, hours_per_month: Array, week: Array, *, seed: int
) -> StaticUsage:
    """Simulate the busiest month and split the idle time of every month by cause.

    Args:
        fleet: Replicas and their constant service time.
        requests_per_month: Requests of each month [1/month].
        hours_per_month: Calendar hours of each month [h].
        week: Rate of each hour of the week over the mean rate [-].
        seed: Seed of the arrivals; every option of a scenario meets the same ones.
    """
    load = check_load(fleet, requests_per_month, hours_per_month, week)
    mean_rate_per_s = requests_per_month / (hours_per_month * SECONDS_PER_HOUR)
    busy_replicas = np.outer(mean_rate_per_s, week) * fleet.seconds / fleet.parallel
    busiest = int(np.argmax(mean_rate_per_s))
    latency, simulated = _latency(fleet, mean_rate_per_s[busiest] * week, busiest, seed)
    shares = _idle_shares(busy_replicas, fleet.replicas)
    return StaticUsage(
        replicas=fleet.replicas,
        instances=fleet.instances,
        instance_share=fleet.instance_share,
        parallel=fleet.parallel,
        seconds=fleet.seconds,
        busiest_load=load,
        latency=latency,
        simulated_requests=simulated,
        idle_shares={cause: tuple(part) for cause, part in zip(STATIC_CAUSES, shares, strict=True)},
    )


def check_load(
    fleet: StaticFleet, requests_per_month: Array, hours_per_month: Array, week: Array
) -> float:
    """Return the load of the busiest hour over capacity [-], or refuse a fleet that is too small.

    Args:
        fleet: Replicas and their constant service time.
        requests_per_month: Requests of each month [1/month].
        hours_per_month: Calendar hours of each month [h].
        week: Rate of each hour of the week over the mean rate [-].
    """
    mean_rate_per_s = requests_per_month / (hours_per_month * SECONDS_PER_HOUR)
    busiest = int(np.argmax(mean_rate_per_s))
    rates_per_s = float(mean_rate_per_s[busiest]) * week
    busy_replicas = float((rates_per_s * fleet.seconds / fleet.parallel).max())
    load = busy_replicas / fleet.replicas
    if load >= 1:
        need = int(np.floor(busy_replicas)) + 1
        per_hour = (load - 1) * fleet.places / fleet.seconds * SECONDS_PER_HOUR
        raise InfeasibleError(
            f"capacity below load: the busiest hour of month {busiest + 1} offers {load:.2f} "
            f"times what {fleet.replicas} replicas serve; the queue would grow by "
            f"{per_hour:,.0f} requests an hour. At least {need} replicas are needed"
        )
    return load


def _latency(fleet: StaticFleet, rate_per_s: Array, month: int, seed: int) -> tuple[Latency, int]:
    """Simulate a week of the month; a long one by a stretch of each hour."""
    if not rate_per_s.any():
        raise InfeasibleError("no request arrives in the whole horizon; there is nothing to serve")
    length_s = _stretch_s(float(rate_per_s.sum()), fleet.seconds)
    latency_s = _latency_s(fleet, rate_per_s, length_s=length_s, seed=seed)
    if not latency_s.size:
        # Less than a request a week: it never meets another one.
        alone = fleet.seconds * MILLISECONDS_PER_SECOND
        return Latency(alone, alone, alone, "a request alone; hardly any arrive in a week"), 0
    latency_ms = latency_s * MILLISECONDS_PER_SECOND
    p50, p95, p99 = (float(q) for q in np.quantile(latency_ms, (0.50, 0.95, 0.99)))
    scope = f"requests of a week of the busiest month, month {month + 1}"
    return Latency(p50, p95, p99, scope), int(latency_s.size)


def _latency_s(fleet: StaticFleet, rate_per_s: Array, *, length_s: float, seed: int) -> Array:
    """Simulate a week with a stretch of so many seconds for each hour; one value a request [s]."""
    chunks = list(Traffic(rate_per_s).chunks(rate_per_s, length_s=length_s, seed=seed))
    arrivals_s = np.concatenate([np.empty(0), *(chunk.arrivals_s for chunk in chunks)])
    if not arrivals_s.size:
        return arrivals_s
    finish_s = _finish_s(fleet, chunks, until_s=HOURS_PER_WEEK * length_s)
    return np.asarray(finish_s - arrivals_s)


def _finish_s(fleet: StaticFleet, chunks: Sequence[Requests], *, until_s: float) -> Array:
    """Return when each request is answered [s]."""
    rules = FleetRules(
        service=linear_service(fleet.seconds, 0.0, 1),
        batch=BatchRule(),
        rule=Static(fleet.replicas),
        minimum=fleet.replicas,
        maximum=fleet.replicas,
        slots=fleet.parallel,
    )
    requests = sum(chunk.arrivals_s.size for chunk in chunks)
    run = Fleet(rules, chunks, until_s=until_s, keep_requests=requests)
    times = run.run(to_the_last=True).per_request
    assert times is not None
    return times.finish_s


def _stretch_s(sum_of_rates_per_s: float, service_s: float) -> float:
    """Return how much of each hour is simulated [s]: all of it, or as much as the budget holds.

    A stretch is never so short that what one hour leaves behind would colour the next.
    """
    within_budget_s = MOST_REQUESTS / sum_of_rates_per_s
    return min(SECONDS_PER_HOUR, max(within_budget_s, SERVICE_TIMES_A_STRETCH * service_s))


def whole_replicas(busy_replicas: Array) -> Array:
    """Return the whole replicas that so many busy ones need; rounding errors need none."""
    return np.asarray(np.ceil(np.round(busy_replicas, 9)))


def idle_replicas(
    busy_replicas: Array, replicas: int, peak_need: float
) -> tuple[Array, Array, Array]:
    """Split idle replicas by hour into peak head-room, night and weekend, and the rest.

    The whole replicas that an hour needs are its busy replicas rounded up. Above the need of the
    busiest hour lies head-room; between that and the hour's own need, night and weekend; what is
    left is the part of a started replica that finds no work.
    """
    need = whole_replicas(busy_replicas)
    head_room: Array = np.full_like(need, replicas - peak_need)
    # Rounding may leave an hour a trifle more work than its whole replicas.
    return head_room, peak_need - need, np.maximum(need - busy_replicas, 0.0)


def _idle_shares(busy_replicas: Array, replicas: int) -> tuple[Array, Array, Array]:
    """Return each cause's share of the idle time, month by month."""
    parts = np.array(
        [
            [part.mean() for part in idle_replicas(month, replicas, whole_replicas(month).max())]
            for month in busy_replicas
        ]
    )
    shares: Array = parts / parts.sum(axis=1, keepdims=True)
    return shares[:, 0], shares[:, 1], shares[:, 2]
