"""The rate of requests over time: base x growth x profile x events x slow movement, by the hour."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import Event, Movement
from tco.domain.workload import Workload
from tco.traffic.profile import week_of
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR, hours_in_month, month_start

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PiecewiseRate:
    """A rate that is constant between edges."""

    edges_s: Array
    """Rising times [s], one more than there are pieces."""
    per_s: Array
    """Rate in each piece [1/s]."""

    @property
    def expected(self) -> float:
        """Expected number of requests [-]."""
        return float(np.sum(np.diff(self.edges_s) * self.per_s))

    @property
    def span_s(self) -> float:
        """Length of the whole [s]."""
        return float(self.edges_s[-1] - self.edges_s[0])

    @property
    def mean_per_s(self) -> float:
        """Mean rate [1/s]."""
        return self.expected / self.span_s

    def expected_until(self) -> Array:
        """Return the expected number of requests before each edge [-]."""
        return np.concatenate(([0.0], np.cumsum(np.diff(self.edges_s) * self.per_s)))

    def times(self, factor: float) -> PiecewiseRate:
        """Multiply the rate."""
        return PiecewiseRate(self.edges_s, self.per_s * factor)

    def at(self, times_s: Array) -> Array:
        """Return the rate at given times [1/s]; 0 outside."""
        piece = np.searchsorted(self.edges_s, times_s, side="right") - 1
        inside = (piece >= 0) & (piece < self.per_s.size)
        return np.where(inside, self.per_s[np.clip(piece, 0, self.per_s.size - 1)], 0.0)

    def modulated(self, edges_s: Array, factors: Array) -> PiecewiseRate:
        """Multiply by another function that is constant between edges and covers this one."""
        own = edges_s[(edges_s > self.edges_s[0]) & (edges_s < self.edges_s[-1])]
        edges = np.union1d(self.edges_s, own)
        starts = edges[:-1]
        base = self.per_s[np.searchsorted(self.edges_s, starts, side="right") - 1]
        factor = factors[np.searchsorted(edges_s, starts, side="right") - 1]
        return PiecewiseRate(edges, base * factor)


def week_rate(week: Array, mean_per_s: float) -> PiecewiseRate:
    """Return one week from Monday 00:00 UTC on at a mean rate, from its 168 relative rates."""
    return PiecewiseRate(_hours_s(HOURS_PER_WEEK), week / week.mean() * mean_per_s)


def _hours_s(count: int) -> Array:
    return np.arange(count + 1, dtype=np.float64) * SECONDS_PER_HOUR


def hourly_rate(
    workload: Workload,
    start: date,
    requests_per_month: Array,
    random: np.random.Generator | None = None,
) -> PiecewiseRate:
    """Return the rate of every hour of a plan, time 0 being its first moment in UTC.

    Each month gets exactly its requests, spread by the profile over its real hours, whatever the
    weekday it begins on; events come on top, slow movement wanders around it. Batch jobs are
    taken out: they do not arrive at a rate.

    Args:
        workload: Profile, events, movement and batch jobs.
        start: First day of the first month.
        requests_per_month: Requests of each month without events: base and growth [1/month].
        random: Draws the slow movement; it is left out without.
    """
    week = week_of(workload.profile)
    first_hour = start.weekday() * HOURS_PER_DAY
    pieces = []
    for number, requests in enumerate(requests_per_month):
        hours = hours_in_month(month_start(start, number))
        shape = week[(first_hour + np.arange(hours)) % HOURS_PER_WEEK]
        pieces.append(requests * shape / shape.sum() / SECONDS_PER_HOUR)
        first_hour += hours
    per_s = np.concatenate(pieces)
    if workload.batch_jobs is not None:
        per_s = per_s * (1.0 - workload.batch_jobs.share)
    if workload.movement is not None and random is not None:
        per_s = per_s * movement_factors(workload.movement, per_s.size, random)
    rate = PiecewiseRate(_hours_s(per_s.size), np.asarray(per_s, dtype=np.float64))
    return with_events(rate, start, workload.events)


def with_events(rate: PiecewiseRate, start: date, events: Iterable[Event]) -> PiecewiseRate:
    """Multiply the rate by each event between its two moments; overlapping events multiply."""
    origin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    for event in events:
        begin_s, end_s = (
            (when - origin) / timedelta(seconds=1) for when in (event.start, event.end)
        )
        edges_s = np.array([-math.inf, begin_s, end_s])
        rate = rate.modulated(edges_s, np.array([1.0, event.factor, 1.0]))
    return rate


def event_factors(workload: Workload, start: date, months: int) -> Array:
    """Return what events make of the requests of each month [-]: 1 where there are none."""
    plain = workload.model_copy(update={"movement": None, "batch_jobs": None})
    rate = hourly_rate(plain, start, np.ones(months))
    ends_s = np.cumsum([hours_in_month(month_start(start, m)) for m in range(months)])
    until = np.interp(ends_s * SECONDS_PER_HOUR, rate.edges_s, rate.expected_until())
    return np.diff(until, prepend=0.0)


def movement_factors(movement: Movement, hours: int, random: np.random.Generator) -> Array:
    """Draw a factor for each hour [-]: a stationary log-AR(1) with mean 1.

    The recursion x[k] = a x[k-1] + e[k] is solved in blocks in which a^-k stays in range.
    """
    decay = math.exp(-1.0 / movement.correlation_hours)
    shocks = random.standard_normal(hours) * movement.log_sd * math.sqrt(1.0 - decay**2)
    shocks[:1] = random.standard_normal(1) * movement.log_sd
    logs = np.empty(hours)
    block = max(1, min(hours, int(300.0 / -math.log(decay)) if decay > 0 else 1))
    last = 0.0
    for first in range(0, hours, block):
        part = shocks[first : first + block]
        powers = decay ** np.arange(part.size)
        logs[first : first + block] = powers * (np.cumsum(part / powers) + decay * last)
        last = float(logs[first + part.size - 1])
    return np.asarray(np.exp(logs - movement.log_sd**2 / 2.0))
