"""Which hours of a week are simulated to stand for all of it, so that the work has a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR

Array = NDArray[np.float64]
MOST_REQUESTS = 20_000_000
"""Requests simulated for one option in quick fidelity."""
ENOUGH_LLM_REQUESTS = 600_000
"""The same of requests that are served step by step, where whole hours do not take more."""
RUNS_EXPECTED = 16
"""Runs that a ladder takes, about, at half of its highest rate on average."""
ROUNDING = 1e-9
"""A sample that was cut to fit is not refused for a rounding."""
WARM_UP_HOURS = 2
FEWEST_HOURS = 4
SERVICE_TIMES_A_PIECE = 200
"""A fleet that never changes and starts empty is as if it had always run, within half a percent."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some hours in a row, and the share of the week that they stand for."""

    first_hour: int
    """Hour of the week in which it begins, warm-up included."""
    factors: tuple[float, ...]
    """Rate of each hour over the mean rate [-], the warm-up first."""
    warm_up_hours: int
    share: float
    length_s: float = SECONDS_PER_HOUR
    """How much of each hour is simulated [s]."""

    @property
    def hours(self) -> int:
        """Hours in the stretch, warm-up included."""
        return len(self.factors)

    @property
    def weight_s(self) -> float:
        """Requests that it takes at a mean rate of one a second [s]."""
        return sum(self.factors) * self.length_s


@dataclass(frozen=True, slots=True)
class Sample:
    """The stretches that stand for a week, and how they were chosen, in words."""

    stretches: tuple[Stretch, ...]
    scope: str

    def requests(self, rate_per_s: float) -> float:
        """Return the expected requests of one run at a mean rate [-]."""
        return rate_per_s * sum(stretch.weight_s for stretch in self.stretches)


def sample_week(
    week: Array,
    top_rate_per_s: float,
    *,
    service_s: float,
    is_scaled: bool = False,
    by_hour: Sequence[int] = (),
    has_jobs: bool = False,
    warm_up_hours: int = WARM_UP_HOURS,
    most_requests: int = MOST_REQUESTS,
) -> Sample:
    """Choose the hours to simulate: as many as the budget holds.

    Args:
        week: Rate of each hour of the week over the mean rate [-].
        top_rate_per_s: Highest mean rate that is simulated [1/s].
        service_s: Service time of a request [s].
        is_scaled: Whether the fleet changes its size.
        by_hour: Replicas by hour of a schedule; days differ by it too.
        has_jobs: Whether batch jobs come, which last over hours and days.
        warm_up_hours: Hours before each day that are not counted [h].
        most_requests: Requests that quick fidelity should do with.
    """
    most = 2.0 * most_requests / RUNS_EXPECTED
    samples = [_week(week)] if has_jobs else [_days(week, by_hour, warm_up_hours)]
    if not has_jobs and is_scaled:
        counts = (36, 24, 16, 12, 8, 6, FEWEST_HOURS)
        samples += [_hours(week, count) for count in counts if not by_hour]
    elif not has_jobs:
        samples.append(_pieces(week, top_rate_per_s, most, service_s))
    for sample in samples:
        if sample.requests(top_rate_per_s) <= most * (1 + ROUNDING):
            return sample
    least, at_most = samples[-1], 2.0 * MOST_REQUESTS / RUNS_EXPECTED
    if least.requests(top_rate_per_s) <= at_most:
        return least
    raise InfeasibleError(
        f"{least.scope} at {top_rate_per_s:,.4g} requests/s hold "
        f"{least.requests(top_rate_per_s):,.0f} requests, and one run of quick fidelity simulates "
        f"{at_most:,.0f} of the {MOST_REQUESTS:,} that an option has; --fidelity full simulates "
        "them all, or choose a narrower range of the volume"
    )


def whole_week(week: Array) -> Sample:
    """Take every hour once, Monday first, without a warm-up."""
    factors = tuple(week.tolist())
    return Sample((Stretch(0, factors, 0, 1.0),), "all hours of the week")


def _week(week: Array) -> Sample:
    first = HOURS_PER_WEEK - HOURS_PER_DAY
    factors = (*week[first:].tolist(), *week.tolist())
    return Sample((Stretch(first, factors, HOURS_PER_DAY, 1.0),), "all hours of the week")


def _days(week: Array, by_hour: Sequence[int], warm_up_hours: int) -> Sample:
    """Take each kind of day once, after some hours of warm-up as its own last hours."""
    days = week.reshape(-1, HOURS_PER_DAY).round(12)
    replicas = np.resize(np.array(by_hour or (0,)), HOURS_PER_WEEK).reshape(-1, HOURS_PER_DAY)
    kinds, first, counts = np.unique(
        np.hstack((days, replicas)), axis=0, return_index=True, return_counts=True
    )
    stretches = []
    for kind, number, count in zip(kinds, first, counts, strict=True):
        rates = kind[:HOURS_PER_DAY]
        warm = rates[HOURS_PER_DAY - warm_up_hours :]
        begins = (int(number) * HOURS_PER_DAY - warm_up_hours) % HOURS_PER_WEEK
        factors = (*warm.tolist(), *rates.tolist())
        stretches.append(Stretch(begins, factors, warm_up_hours, count / len(days)))
    return Sample(tuple(stretches), f"{len(kinds)} kinds of day of the week")


def _hours(week: Array, count: int) -> Sample:
    """Take the middle hours of as many groups of alike rates, each after an hour of warm-up."""
    stretches = []
    for group in np.array_split(np.argsort(week, kind="stable"), min(count, HOURS_PER_WEEK)):
        mean = float(week[group].mean())
        hour = int(group[np.argmin(np.abs(week[group] - mean))])
        scale = mean / week[hour] if week[hour] > 0 else 0.0
        before = float(week[hour - 1]) * scale
        begins = (hour - 1) % HOURS_PER_WEEK
        stretches.append(Stretch(begins, (before, mean), 1, group.size / HOURS_PER_WEEK))
    return Sample(tuple(stretches), f"{len(stretches)} sampled hours of the week")


def _pieces(week: Array, rate_per_s: float, most: float, service_s: float) -> Sample:
    """Take a piece of each unlike hour; a fleet that never changes needs no warm-up."""
    rates, first, counts = np.unique(week.round(12), return_index=True, return_counts=True)
    fitting_s = most / (rate_per_s * float(rates.sum()))
    length_s = min(SECONDS_PER_HOUR, max(fitting_s, SERVICE_TIMES_A_PIECE * service_s))
    stretches = tuple(
        Stretch(int(hour), (float(rate),), 0, count / HOURS_PER_WEEK, length_s)
        for rate, hour, count in zip(rates, first, counts, strict=True)
    )
    return Sample(stretches, f"{length_s:,.0f} s of each unlike hour of the week")
