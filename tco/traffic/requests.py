"""Workload and random generator become requests: when each comes, how large it is, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tco.domain.workload import Workload
from tco.traffic.arrivals import arrivals_s
from tco.traffic.classes import draw_classes
from tco.traffic.jobs import Jobs, plan_jobs, week_jobs
from tco.traffic.profile import week_of
from tco.traffic.rate import PiecewiseRate, hourly_rate, movement_factors, week_rate
from tco.traffic.tokens import Tokens, draw_sizes, in_whole_tokens
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests in the order in which they come; a column that is not known is absent."""

    arrival_s: Array
    """Time of arrival from the start [s], rising; ties keep their order."""
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    kind: NDArray[np.int16] | None = None
    """Number of the class in ``classes``."""
    classes: tuple[str, ...] = ()
    deadline_s: Array | None = None
    """Latest finish [s]; infinite for requests outside batch jobs."""

    @property
    def count(self) -> int:
        """Number of requests."""
        return int(self.arrival_s.size)


def week_requests(
    workload: Workload, requests_per_week: float, random: np.random.Generator
) -> Requests:
    """Draw one week from Monday 00:00 UTC on. Dated events have no place in it.

    Args:
        workload: Profile, bursts, movement, batch jobs and sizes.
        requests_per_week: Expected requests of the week [1/week].
        random: Source of all draws; the same seed gives the same requests on one machine.
    """
    moving, coming, sizing = random.spawn(3)
    streamed = requests_per_week
    jobs = None
    if workload.batch_jobs is not None:
        jobs = week_jobs(workload.batch_jobs, requests_per_week)
        streamed *= 1.0 - workload.batch_jobs.share
    rate = week_rate(week_of(workload.profile), streamed / (HOURS_PER_WEEK * SECONDS_PER_HOUR))
    if workload.movement is not None:
        factors = movement_factors(workload.movement, HOURS_PER_WEEK, moving)
        rate = PiecewiseRate(rate.edges_s, rate.per_s * factors)
    return _requests(workload, rate, jobs, coming, sizing)


def plan_requests(
    workload: Workload,
    start: date,
    requests_per_month: Array | Sequence[float],
    random: np.random.Generator,
) -> Requests:
    """Draw every request of a plan; time 0 is the first moment of its first month in UTC.

    Args:
        workload: Profile, bursts, events, movement, batch jobs and sizes.
        start: First day of the first month.
        requests_per_month: Requests of each month without events [1/month].
        random: Source of all draws.
    """
    moving, coming, sizing = random.spawn(3)
    volume = np.asarray(requests_per_month, dtype=np.float64)
    rate = hourly_rate(workload, start, volume, moving)
    jobs = None
    if workload.batch_jobs is not None:
        jobs = plan_jobs(workload.batch_jobs, start, volume)
    return _requests(workload, rate, jobs, coming, sizing)


def _requests(
    workload: Workload,
    rate: PiecewiseRate,
    jobs: Jobs | None,
    coming: np.random.Generator,
    sizing: np.random.Generator,
) -> Requests:
    times_s = arrivals_s(rate, coming, workload.bursts)
    deadline_s = None
    if jobs is not None:
        released_s = np.repeat(jobs.release_s, jobs.requests)
        due_s = np.repeat(jobs.deadline_s, jobs.requests)
        deadline_s = np.concatenate((np.full(times_s.size, np.inf), due_s))
        both_s = np.concatenate((times_s, released_s))
        order = np.argsort(both_s, kind="stable")
        times_s, deadline_s = both_s[order], deadline_s[order]
    return sized(workload, times_s, requests_by_hour(rate, jobs), sizing, deadline_s)


def sized(
    workload: Workload,
    times_s: Array,
    by_hour: Array,
    random: np.random.Generator,
    deadline_s: Array | None = None,
) -> Requests:
    """Draw the class and size of requests that come at given times.

    Args:
        workload: Tokens, sizes or classes; without any, requests have no size.
        times_s: Sorted arrivals from a midnight UTC on [s].
        by_hour: Requests in each hour of the day [-], to hold the shares of classes.
        random: Source of the draws.
        deadline_s: Latest finish of each request [s], if there are any.
    """
    if workload.classes is not None:
        kind, inputs, outputs = draw_classes(workload.classes, times_s, by_hour, random)
        return Requests(times_s, inputs, outputs, kind, tuple(workload.classes), deadline_s)
    if workload.sizes is not None:
        inputs, outputs = draw_sizes(workload.sizes, times_s.size, random)
        return Requests(times_s, inputs, outputs, deadline_s=deadline_s)
    if workload.tokens is not None:
        means = workload.tokens.input.likely, workload.tokens.output.likely
        inputs, outputs = (in_whole_tokens(np.full(times_s.size, m), random) for m in means)
        return Requests(times_s, inputs, outputs, deadline_s=deadline_s)
    return Requests(times_s, deadline_s=deadline_s)


def requests_by_hour(
    rate: PiecewiseRate, jobs: Jobs | None = None, *, first_s: float = 0.0
) -> Array:
    """Return the expected requests in each UTC hour of the day.

    Args:
        rate: Constant within each hour.
        jobs: Batch jobs that come on top.
        first_s: Time from a midnight to time 0 [s].
    """
    hour = ((rate.edges_s[:-1] + first_s) // SECONDS_PER_HOUR).astype(np.int64) % HOURS_PER_DAY
    volume = np.bincount(hour, np.diff(rate.edges_s) * rate.per_s, minlength=HOURS_PER_DAY)
    if jobs is not None:
        released = (jobs.release_s // SECONDS_PER_HOUR).astype(np.int64) % HOURS_PER_DAY
        volume = volume + np.bincount(released, jobs.requests, minlength=HOURS_PER_DAY)
    return np.asarray(volume)
