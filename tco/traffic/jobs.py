"""Batch jobs: part of a month's requests, handed over at once, each with a deadline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import BatchJobs
from tco.units import HOURS_PER_DAY, SECONDS_PER_HOUR, hours_in_month, month_start

Array = NDArray[np.float64]
DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class Jobs:
    """Each job: when it is handed over, how many requests, and when it must be done."""

    release_s: Array
    requests: NDArray[np.int64]
    deadline_s: Array


def plan_jobs(jobs: BatchJobs, start: date, requests_per_month: Array) -> Jobs:
    """Return the jobs of a plan; their requests sum to the share of the month, rounded."""
    day, releases, sizes = 0, [], []
    for number, requests in enumerate(requests_per_month):
        days = hours_in_month(month_start(start, number)) // HOURS_PER_DAY
        runs = _runs(jobs, start.weekday(), day, days)
        releases.append(runs)
        sizes.append(np.full(runs.size, requests * jobs.share / runs.size))
        day += days
    return _with_deadlines(jobs, np.concatenate(releases), np.concatenate(sizes))


def week_jobs(jobs: BatchJobs, requests_per_week: float) -> Jobs:
    """Return the jobs of one week that begins on a Monday at 00:00 UTC."""
    runs = _runs(jobs, 0, 0, DAYS_PER_WEEK)
    sizes = np.full(runs.size, requests_per_week * jobs.share / runs.size)
    return _with_deadlines(jobs, runs, sizes)


def _runs(jobs: BatchJobs, first_weekday: int, first_day: int, days: int) -> Array:
    """Return the hours from the start at which jobs of some days are handed over."""
    numbers = np.arange(first_day, first_day + days)
    chosen = numbers[np.isin((numbers + first_weekday) % DAYS_PER_WEEK, jobs.weekdays)]
    return np.asarray(chosen * HOURS_PER_DAY + jobs.start_hour_utc, dtype=np.float64)


def _with_deadlines(jobs: BatchJobs, release_hours: Array, sizes: Array) -> Jobs:
    """Round sizes so that they sum to the rounded whole, carrying the rest from job to job."""
    whole = np.diff(np.round(np.cumsum(sizes)), prepend=0.0).astype(np.int64)
    release_s = release_hours * SECONDS_PER_HOUR
    return Jobs(release_s, whole, release_s + jobs.deadline_hours * SECONDS_PER_HOUR)
