"""A function on demand at many loads: a week at each, read between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tco.sim.serverless import FunctionRecord, FunctionRules, run_function, since
from tco.sim.usage import Latency
from tco.sim.week import Traffic
from tco.units import HOURS_PER_WEEK, MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

MOST_REQUESTS = 500_000
"""Requests simulated at one load; at higher rates a part of each hour stands for all of it."""
WARM_UP_HOURS = 2
LOADS = 17
RATIO = 2.0**0.5
QUANTILES = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class FunctionUsage:
    """What a function uses by load, as shares of requests and as instances."""

    loads_per_s: tuple[float, ...]
    cold_share: tuple[float, ...]
    """Calls that start an instance, of those served [-]."""
    refused_share: tuple[float, ...]
    idle_instances: tuple[float, ...]
    """Instances that are kept and do nothing, provisioned ones left out [-]."""
    provisioned_busy: tuple[float, ...]
    """Provisioned instances that are busy [-]."""
    latency: Latency
    """At the likely rate of the busiest month."""
    busiest_refused_share: float
    peak_instances: int
    requests: int

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> FunctionUsage:
        """Read it back from plain data."""
        lists = {name: tuple(part) for name, part in data.items() if isinstance(part, list | tuple)}
        return cls(**{**data, **lists, "latency": Latency(**data["latency"])})


def loads_up_to(top_per_s: float) -> tuple[float, ...]:
    """Return loads from none to a top one, the lower ones closer together [1/s]."""
    return (0.0, *(top_per_s / RATIO**step for step in reversed(range(LOADS))))


def function_usage(
    rules: FunctionRules,
    seconds: float,
    traffic: Traffic,
    *,
    top_per_s: float,
    busiest_per_s: float,
    seed: int,
) -> FunctionUsage:
    """Simulate a week at each load.

    Args:
        rules: How the vendor runs the function.
        seconds: A request takes once begun [s].
        traffic: When requests come.
        top_per_s: Mean rate that the loads reach up to [1/s].
        busiest_per_s: Mean rate of the busiest month [1/s].
        seed: Seed; the same arrivals as every option of the scenario meets.
    """
    loads = loads_up_to(top_per_s)
    runs = [_week(rules, seconds, traffic, load, seed) for load in loads[1:]]
    busiest, length_s = _week(rules, seconds, traffic, busiest_per_s, seed)
    shares = [(r.cold_starts / max(1, r.served), r.refused / max(1, r.arrived)) for r, _ in runs]
    p50, p95, p99 = _quantiles_ms(busiest, seconds, rules)
    part = "" if length_s == SECONDS_PER_HOUR else f", {length_s:.0f} s of each hour"
    return FunctionUsage(
        loads_per_s=loads,
        cold_share=(1.0, *(cold for cold, _ in shares)),
        refused_share=(0.0, *(refused for _, refused in shares)),
        idle_instances=(0.0, *(_idle(run, rules) for run, _ in runs)),
        provisioned_busy=(0.0, *(run.provisioned_active_s / run.simulated_s for run, _ in runs)),
        latency=Latency(p50, p95, p99, f"requests of a week of the busiest month{part}"),
        busiest_refused_share=busiest.refused / max(1, busiest.arrived),
        peak_instances=busiest.peak_instances,
        requests=sum(run.arrived for run, _ in runs) + busiest.arrived,
    )


def _week(
    rules: FunctionRules, seconds: float, traffic: Traffic, rate_per_s: float, seed: int
) -> tuple[FunctionRecord, float]:
    """Run a week at a mean rate; return it and how much of each hour was run [s].

    Its last hours are run before it and not counted: no week begins with everything cold.
    """
    expected = rate_per_s * HOURS_PER_WEEK * SECONDS_PER_HOUR
    length_s = SECONDS_PER_HOUR * min(1.0, MOST_REQUESTS / expected)
    rates = rate_per_s * np.concatenate((traffic.week[-WARM_UP_HOURS:], traffic.week))
    arrivals = [chunk.arrivals_s for chunk in traffic.chunks(rates, length_s=length_s, seed=seed)]
    chunks = [(came_s, np.full(came_s.size, seconds)) for came_s in arrivals]
    warm_s = WARM_UP_HOURS * length_s
    whole = run_function(rules, chunks, until_s=rates.size * length_s)
    return since(whole, run_function(rules, chunks, until_s=warm_s)), length_s


def _idle(run: FunctionRecord, rules: FunctionRules) -> float:
    kept_s = rules.provisioned * run.simulated_s - run.provisioned_active_s
    return max(0.0, run.idle_s - kept_s) / run.simulated_s


def _quantiles_ms(run: FunctionRecord, seconds: float, rules: FunctionRules) -> Sequence[float]:
    """Return quantiles of the time to an answer [ms]; of one cold call where none came."""
    known = run.latencies_s if run.served else np.array([rules.cold_start_s + seconds])
    return [float(q) * MILLISECONDS_PER_SECOND for q in np.quantile(known, QUANTILES)]
