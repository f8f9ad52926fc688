"""A fleet that never scales: does it carry the load, how fast does it answer, why is it idle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim.replicas import start_times_s
from tco.sim.usage import Latency, StaticUsage
from tco.traffic.arrivals import poisson_arrivals_s
from tco.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
WARM_UP_REQUESTS = 300
SIMULATED_REQUESTS = 4_000
"""Enough for a p99 within a few percent; the full simulation of a week comes with the fleet."""
LEAST_PER_LEVEL = 60


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
    mean_rate_per_s = requests_per_month / (hours_per_month * SECONDS_PER_HOUR)
    busy_replicas = np.outer(mean_rate_per_s, week) * fleet.seconds / fleet.parallel
    busiest = int(np.argmax(mean_rate_per_s))
    load = float(busy_replicas[busiest].max()) / fleet.replicas
    if load >= 1:
        need = int(np.floor(busy_replicas[busiest].max())) + 1
        per_hour = (load - 1) * fleet.places / fleet.seconds * SECONDS_PER_HOUR
        raise InfeasibleError(
            f"capacity below load: the busiest hour of month {busiest + 1} offers {load:.2f} "
            f"times what {fleet.replicas} replicas serve; the queue would grow by "
            f"{per_hour:,.0f} requests an hour. At least {need} replicas are needed"
        )
    latency, simulated = _latency(fleet, mean_rate_per_s[busiest] * week, busiest, seed)
    head_room, night, rest = _idle_shares(busy_replicas, fleet.replicas)
    return StaticUsage(
        replicas=fleet.replicas,
        instances=fleet.instances,
        instance_share=fleet.instance_share,
        parallel=fleet.parallel,
        seconds=fleet.seconds,
        busiest_load=load,
        latency=latency,
        simulated_requests=simulated,
        peak_head_room_share=tuple(head_room),
        night_and_weekend_share=tuple(night),
        rest_share=tuple(rest),
    )


def _latency(fleet: StaticFleet, rate_per_s: Array, month: int, seed: int) -> tuple[Latency, int]:
    """Simulate each rate that occurs in the week, and weigh it by the requests it carries."""
    levels, hours = np.unique(np.round(rate_per_s, 12), return_counts=True)
    levels, hours = levels[levels > 0], hours[levels > 0]
    if not levels.size:
        raise InfeasibleError("no request arrives in the whole horizon; there is nothing to serve")
    shares = levels * hours / np.sum(levels * hours)
    found, weights, simulated = [], [], 0
    for number, (rate, share) in enumerate(zip(levels, shares, strict=True)):
        counted = max(LEAST_PER_LEVEL, round(SIMULATED_REQUESTS * share))
        total = WARM_UP_REQUESTS + counted
        random = np.random.default_rng([seed, number])
        arrivals_s = poisson_arrivals_s(float(rate), total, random)
        service_s = np.full(total, fleet.seconds)
        starts_s = start_times_s(arrivals_s, service_s, places=fleet.places)
        latency_s = starts_s + service_s - arrivals_s
        found.append(latency_s[WARM_UP_REQUESTS:])
        weights.append(np.full(counted, share / counted))
        simulated += total
    p50, p95, p99 = (
        weighted_quantile(np.concatenate(found), np.concatenate(weights), q)
        * MILLISECONDS_PER_SECOND
        for q in (0.50, 0.95, 0.99)
    )
    return Latency(p50, p95, p99, f"requests of the busiest month, month {month + 1}"), simulated


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """Return the smallest value that at least ``share`` of the weight does not exceed.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return float(values[order][min(place, values.size - 1)])


def _idle_shares(busy_replicas: Array, replicas: int) -> tuple[Array, Array, Array]:
    """Split idle replica-hours into peak head-room, night and weekend, and the rest.

    The whole replicas that an hour needs are its busy replicas rounded up. Above the need of the
    busiest hour lies head-room; between that and the hour's own need, night and weekend; what is
    left is the part of a started replica that finds no work.
    """
    need = np.ceil(np.round(busy_replicas, 9))
    peak_need = need.max(axis=1, keepdims=True)
    head_room = np.broadcast_to(replicas - peak_need, need.shape).mean(axis=1)
    night = (peak_need - need).mean(axis=1)
    rest = (need - busy_replicas).mean(axis=1)
    idle = head_room + night + rest
    return head_room / idle, night / idle, rest / idle
