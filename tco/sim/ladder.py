"""From a week to years: what a fleet uses an hour, simulated at some rates and read between them.

A fleet is simulated at rates from none to more than the busiest month brings. Every month of the
plan reads its hours from the straight lines between those points, which are set closer until a
simulated point lies within one percent of its line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim import batch_kernel as kernel
from tco.sim.billing import billed_instance_s
from tco.sim.fleet import Fleet, FleetRecord, FleetRules
from tco.sim.scaling import Static
from tco.sim.static_fleet import STATIC_CAUSES, idle_replicas, whole_replicas
from tco.sim.usage import Latency
from tco.sim.week import Traffic
from tco.units import HOURS_PER_DAY, MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
TOLERANCE = 0.01
MOST_RUNGS = 14
MOST_REQUESTS = 20_000_000
"""Requests simulated for one option in quick fidelity."""
WARM_UP_HOURS = 2
ROUNDING = 1e-9
BEYOND = 1.3
"""The ladder reaches this far above the busiest month, so that uncertain volumes stay on it."""

BUSY = "busy"
BOOTING = "booting"
DRAINING = "draining"
UNALLOCATED = "unallocated capacity"


@dataclass(frozen=True, slots=True)
class Rung:
    """What the fleet uses at one rate, as means over the hours of a week."""

    rate_per_s: float
    instances: float
    """Instances paid for [-]."""
    by_cause: dict[str, float]
    """The same instances split: busy, booting, draining, idle by cause, not allocated [-]."""
    latency: Latency | None
    """None where nothing arrives."""
    lost_share: float
    """Requests turned away or given up, over all [-]."""
    requests: int

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Rung:
        """Read it back from plain data."""
        latency = None if data["latency"] is None else Latency(**data["latency"])
        return cls(**{**data, "latency": latency})


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs in order of their rate."""

    rungs: tuple[Rung, ...]

    @property
    def rates_per_s(self) -> tuple[float, ...]:
        """Rates of the rungs [1/s]."""
        return tuple(rung.rate_per_s for rung in self.rungs)

    def causes(self) -> tuple[str, ...]:
        """Return everything that instances were used for, busy first."""
        return tuple(dict.fromkeys(cause for rung in self.rungs for cause in rung.by_cause))

    def instances(self, cause: str) -> tuple[float, ...]:
        """Return the mean instances of one use at each rung [-]."""
        return tuple(rung.by_cause.get(cause, 0.0) for rung in self.rungs)

    def at(self, rate_per_s: float) -> Rung:
        """Return the rung of exactly this rate."""
        return next(rung for rung in self.rungs if rung.rate_per_s == rate_per_s)

    @property
    def requests(self) -> int:
        """Requests simulated in all."""
        return sum(rung.requests for rung in self.rungs)

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Ladder:
        """Read it back."""
        return cls(tuple(Rung.from_data(rung) for rung in data["rungs"]))


@dataclass(frozen=True, slots=True)
class Machine:
    """How replicas lie on instances, and how those are billed."""

    per_instance: int
    share_of_instance: float
    billing_increment_s: float | None
    billing_minimum_s: float | None


def climb(
    rules: Callable[[], FleetRules],
    machine: Machine,
    traffic: Traffic,
    busiest_rate_per_s: float,
    *,
    seed: int,
) -> Ladder:
    """Simulate the fleet at as many rates as it takes for straight lines to hold within 1 %.

    Args:
        rules: Makes fresh rules for each run; autoscalers remember.
        machine: Packing and billing.
        traffic: When requests come.
        busiest_rate_per_s: Mean rate of the busiest month [1/s].
        seed: Seed of the arrivals, the same for every option.
    """

    def rung_at(rate_per_s: float) -> Rung:
        return _rung(rules, machine, traffic, rate_per_s, seed)

    top = busiest_rate_per_s * BEYOND
    rungs = {rate: rung_at(rate) for rate in (0.0, busiest_rate_per_s, top)}
    open_spans = [(0.0, busiest_rate_per_s), (busiest_rate_per_s, top)]
    budget = MOST_REQUESTS - sum(rung.requests for rung in rungs.values())
    while open_spans and len(rungs) < MOST_RUNGS:
        # The widest span is opened first: it is where a straight line can go most wrong.
        open_spans.sort(key=lambda span: span[1] - span[0])
        low, high = open_spans.pop()
        middle = (low + high) / 2
        if middle * HOURS_PER_DAY * SECONDS_PER_HOUR > budget:
            continue
        found = rung_at(middle)
        budget -= found.requests
        rungs[middle] = found
        if not _lies_between(rungs[low], found, rungs[high]):
            open_spans += [(low, middle), (middle, high)]
    return Ladder(tuple(rungs[rate] for rate in sorted(rungs)))


def _lies_between(low: Rung, middle: Rung, high: Rung) -> bool:
    line = (low.instances + high.instances) / 2
    return abs(middle.instances - line) <= TOLERANCE * middle.instances


def _rung(
    rules: Callable[[], FleetRules],
    machine: Machine,
    traffic: Traffic,
    rate_per_s: float,
    seed: int,
) -> Rung:
    """Simulate each kind of day of the week once."""
    week = traffic.week
    days, counts = np.unique(week.reshape(-1, HOURS_PER_DAY).round(12), axis=0, return_counts=True)
    expected = rate_per_s * float(days.sum()) * SECONDS_PER_HOUR
    if expected > MOST_REQUESTS:
        raise InfeasibleError(
            f"a week of {expected:,.0f} requests on its different days is more than quick fidelity "
            f"simulates, {MOST_REQUESTS:,}; full fidelity simulates them all"
        )
    shares = list(counts / counts.sum())
    return rung_of_days(
        rules, machine, traffic, list(days), shares, rate_per_s=rate_per_s, seed=seed
    )


def rung_of_days(
    rules: Callable[[], FleetRules],
    machine: Machine,
    traffic: Traffic,
    stretches: Sequence[Array],
    shares: Sequence[float],
    *,
    rate_per_s: float,
    seed: int,
) -> Rung:
    """Simulate stretches of hours, each after two hours of warm-up, and return their mean.

    Args:
        rules: Makes fresh rules for each run.
        machine: Packing and billing.
        traffic: How requests crowd around the rates.
        stretches: Rate of each hour over the mean rate [-], a stretch a run.
        shares: Share of the time that each stretch stands for; they sum to one.
        rate_per_s: Mean rate [1/s].
        seed: Seed of the arrivals.
    """
    runs = []
    for number, stretch in enumerate(stretches):
        rates = rate_per_s * np.concatenate((stretch[-WARM_UP_HOURS:], stretch))
        chunks = traffic.chunks(rates, length_s=SECONDS_PER_HOUR, seed=seed + number)
        fleet = Fleet(rules(), chunks, until_s=rates.size * SECONDS_PER_HOUR)
        runs.append(fleet.run(warm_up_s=WARM_UP_HOURS * SECONDS_PER_HOUR))
    return _mean_of(runs, np.array(shares), rules(), machine, rate_per_s)


def _mean_of(
    runs: Sequence[FleetRecord],
    shares: Array,
    rules: FleetRules,
    machine: Machine,
    rate_per_s: float,
) -> Rung:
    counted = slice(WARM_UP_HOURS, None)

    def mean(values: Callable[[FleetRecord], Array]) -> float:
        """Mean of something in replica-seconds an hour, in replicas."""
        parts = [float(values(run)[counted].mean()) / SECONDS_PER_HOUR for run in runs]
        return float(np.dot(parts, shares))

    busy = mean(lambda run: run.hours[:, kernel.HOUR_BUSY_S]) / rules.slots
    booting = mean(lambda run: run.booting_s)
    in_service = mean(lambda run: run.serving_s + run.draining_s)
    idle = max(0.0, in_service - busy)
    by_cause = {BUSY: busy, BOOTING: booting}
    if isinstance(rules.rule, Static):
        by_hour = [
            run.hours[counted, kernel.HOUR_BUSY_S] / rules.slots / SECONDS_PER_HOUR for run in runs
        ]
        causes = _static_causes(by_hour, shares, rules.maximum)
    else:
        causes = {}
        for name in runs[0].idle_causes_s:

            def idle_for(run: FleetRecord, cause: str = name) -> Array:
                return run.idle_causes_s[cause]

            causes[name] = mean(idle_for)
    seen = sum(causes.values())
    for cause, replicas in causes.items():
        # The looks of a rule end a little before the run does; what they saw stands for all of it.
        by_cause[cause] = replicas * idle / seen if seen > 0 else 0.0
    by_cause = {cause: n * machine.share_of_instance for cause, n in by_cause.items()}
    paid = float(np.dot([_billed(run, machine) for run in runs], shares))
    held = (in_service + booting) * machine.share_of_instance
    by_cause[UNALLOCATED] = paid - held if paid - held > ROUNDING else 0.0
    arrived = sum(run.arrived for run in runs)
    lost = sum(run.dropped + run.abandoned for run in runs)
    histogram = np.sum([run.histogram * share for run, share in zip(runs, shares, strict=True)], 0)
    return Rung(
        rate_per_s=rate_per_s,
        instances=sum(by_cause.values()),
        by_cause=by_cause,
        latency=_latency(histogram) if histogram.any() else None,
        lost_share=lost / arrived if arrived else 0.0,
        requests=arrived,
    )


def _static_causes(
    busy_replicas: Sequence[Array], shares: Array, replicas: int
) -> dict[str, float]:
    """Split the idle replicas of a static fleet by the need of the busiest hour of all."""
    peak = max(float(whole_replicas(busy).max()) for busy in busy_replicas)
    parts = [
        [part.mean() for part in idle_replicas(busy, replicas, peak)] for busy in busy_replicas
    ]
    means = np.dot(shares, np.array(parts))
    return {name: float(mean) for name, mean in zip(STATIC_CAUSES, means, strict=True)}


def _billed(run: FleetRecord, machine: Machine) -> float:
    """Return the mean number of instances that are billed after the warm-up [-]."""
    warm_s = WARM_UP_HOURS * SECONDS_PER_HOUR
    before = [held for moment, held in run.replicas_over_time if moment <= warm_s]
    curve = [(0.0, before[-1] if before else 0)]
    curve += [(t - warm_s, held) for t, held in run.replicas_over_time if t > warm_s]
    length_s = run.hours.shape[0] * SECONDS_PER_HOUR - warm_s
    billed_s = billed_instance_s(
        curve,
        length_s,
        per_instance=machine.per_instance,
        increment_s=machine.billing_increment_s,
        minimum_s=machine.billing_minimum_s,
    )
    return float(billed_s / length_s)


def _latency(histogram: Array) -> Latency:
    p50, p95, p99 = (
        quantile_s(histogram, share) * MILLISECONDS_PER_SECOND for share in (0.50, 0.95, 0.99)
    )
    return Latency(p50, p95, p99, "requests of a week of the busiest month")


def quantile_s(histogram: Array, share: float) -> float:
    """Return a quantile of times counted in logarithmic bins [s]: the middle of its bin."""
    reached = np.cumsum(histogram)
    place = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    if place == 0:
        return float(kernel.LEAST_S)
    return float(kernel.LEAST_S * kernel.BIN_RATIO ** (place - 0.5))


def check_capacity(rules: FleetRules, peak_rate_per_s: float, month: int) -> None:
    """Refuse a fleet whose largest size serves less than the busiest hour brings."""
    seconds = rules.service.seconds[0, 0, 1:]
    sizes = np.arange(1, seconds.size + 1)
    usable = sizes <= rules.batch.max_size
    each_per_s = float((sizes[usable] / seconds[usable]).max()) * rules.slots
    capacity_per_s = each_per_s * rules.maximum
    if peak_rate_per_s >= capacity_per_s:
        need = math.floor(peak_rate_per_s / each_per_s) + 1
        growth = (peak_rate_per_s - capacity_per_s) * SECONDS_PER_HOUR
        raise InfeasibleError(
            f"capacity below load: the busiest hour of month {month} brings "
            f"{peak_rate_per_s:,.4g} requests/s and {rules.maximum} replicas serve "
            f"{capacity_per_s:,.4g} at most; the queue would grow by {growth:,.0f} requests an "
            f"hour. At least {need} replicas are needed"
        )
