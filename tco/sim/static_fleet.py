"""A fleet that never scales: does it carry the load, how fast does it answer, why is it idle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim.fleet import Fleet, FleetRules
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, linear_service
from tco.sim.usage import Latency, StaticUsage
from tco.sim.week import poisson_hours
from tco.units import HOURS_PER_WEEK, MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
MOST_REQUESTS = 200_000
"""Enough for a p99 within a percent or two of that of the whole week."""
SERVICE_TIMES_A_STRETCH = 50


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
    """Simulate a week of the month; a long one by a stretch of each hour."""
    if not rate_per_s.any():
        raise InfeasibleError("no request arrives in the whole horizon; there is nothing to serve")
    length_s = _stretch_s(float(rate_per_s.sum()), fleet.seconds)
    chunks = list(poisson_hours(rate_per_s, length_s=length_s, seed=seed))
    arrivals_s = np.concatenate([chunk.arrivals_s for chunk in chunks])
    if not arrivals_s.size:
        # Less than a request a week: it never meets another one.
        alone = fleet.seconds * MILLISECONDS_PER_SECOND
        return Latency(alone, alone, alone, "a request alone; hardly any arrive in a week"), 0
    rules = FleetRules(
        service=linear_service(fleet.seconds, 0.0, 1),
        batch=BatchRule(),
        rule=Static(fleet.replicas),
        minimum=fleet.replicas,
        maximum=fleet.replicas,
        slots=fleet.parallel,
    )
    run = Fleet(rules, chunks, until_s=HOURS_PER_WEEK * length_s, keep_requests=arrivals_s.size)
    times = run.run(to_the_last=True).per_request
    assert times is not None
    latency_ms = (times.finish_s - arrivals_s) * MILLISECONDS_PER_SECOND
    p50, p95, p99 = (float(q) for q in np.quantile(latency_ms, (0.50, 0.95, 0.99)))
    scope = f"requests of a week of the busiest month, month {month + 1}"
    return Latency(p50, p95, p99, scope), int(arrivals_s.size)


def _stretch_s(sum_of_rates_per_s: float, service_s: float) -> float:
    """Return how much of each hour is simulated [s]: all of it, or as much as the budget holds.

    A stretch is never so short that what one hour leaves behind would colour the next.
    """
    within_budget_s = MOST_REQUESTS / sum_of_rates_per_s
    return min(SECONDS_PER_HOUR, max(within_budget_s, SERVICE_TIMES_A_STRETCH * service_s))


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
