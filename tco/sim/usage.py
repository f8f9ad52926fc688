"""What an option consumes and how fast it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.sim import kernel_layout as at
from tco.sim.latency_bins import quantile_s
from tco.sim.run import FleetRecord
from tco.sim.tally import BOOTING, BUSY, pieces
from tco.units import HOURS_PER_WEEK, SECONDS_PER_HOUR, hours_in_month, month_start

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles of end-to-end latency [ms], and what they are quantiles of."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    scope: str


@dataclass(frozen=True, slots=True)
class StaticUsage:
    """A static fleet over the horizon: what it holds, and how its idle time splits by cause.

    The shares of each month sum to one; they split the time in which replicas are not busy.
    """

    replicas: int
    instances: int
    instance_share: float
    """Part of an instance that one replica is given [-]."""
    parallel: int
    seconds: float
    busiest_load: float
    """Offered load over capacity in the busiest hour of the busiest month [-]."""
    latency: Latency
    simulated_requests: int
    idle_shares: dict[str, tuple[float, ...]]
    """Share of each month's idle time by cause [-]."""

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> StaticUsage:
        """Read it back."""
        shares = {cause: tuple(part) for cause, part in data["idle_shares"].items()}
        latency = Latency(**data["latency"])
        return cls(**{**data, "latency": latency, "idle_shares": shares})


# ---- what a run of a fleet used, by hour of the week and by month -------------------------------


@dataclass(frozen=True, slots=True)
class Calendar:
    """Parts of a run that are reported each for itself."""

    names: tuple[str, ...]
    of_hour: Whole
    """Number of the part that each hour of the run belongs to."""


def hours_of_week(hours: int, *, first: int = 0) -> Calendar:
    """Return the hours of the week of a run, which begins at one of them; Monday 00:00 is 0."""
    names = tuple(f"{DAYS[hour // 24]} {hour % 24:02}:00" for hour in range(HOURS_PER_WEEK))
    return Calendar(names, (np.arange(hours) + first) % HOURS_PER_WEEK)


def months(hours: int, start: date) -> Calendar:
    """Return the calendar months of a run that begins on the first of one."""
    names: list[str] = []
    lengths: list[int] = []
    while sum(lengths) < hours:
        month = month_start(start, len(names))
        names.append(f"{month:%Y-%m}")
        lengths.append(hours_in_month(month))
    return Calendar(tuple(names), np.repeat(np.arange(len(names)), lengths)[:hours])


def rows_of(*calendars: Calendar) -> Whole:
    """Return the histogram rows of calendars that a run is to count latencies by."""
    offsets = np.cumsum([0, *(len(calendar.names) for calendar in calendars[:-1])])
    return np.array(
        [c.of_hour + offset for c, offset in zip(calendars, offsets, strict=True)], dtype=np.int64
    )


@dataclass(frozen=True, slots=True)
class FleetUsage:
    """What a fleet used and how it answered, one value for each part of a calendar.

    Requests count where they arrived; once served, where their batch started. Time and energy count
    where they were spent. What is unknown is absent; a part without requests has no latency (nan).
    """

    names: tuple[str, ...]
    requests: dict[str, Array]
    """Arrived, started, dropped, abandoned."""
    tokens: dict[str, Array]
    """Of requests that were served: input and output; of parts whose tokens are unknown 0."""
    batches: Array
    mean_batch: Array
    mean_waiting: Array
    """Mean number of requests that wait [-]."""
    replica_s: dict[str, Array]
    """Replica-seconds busy, booting, and idle by cause [s]."""
    joules: dict[str, Array]
    """Energy by the same words [J]."""
    instance_s: Array
    latency_s: dict[str, Array]
    """Quantiles from arrival to answer [s]."""
    within_goal: Array
    """Served requests within the latency goal, over all served [-]."""
    deadlines: dict[str, Array]
    """Requests with a deadline that came, and those answered in time."""


def fleet_usage(record: FleetRecord, calendar: Calendar, *, slots: int, row: int = 0) -> FleetUsage:
    """Add up a run by the parts of a calendar.

    Args:
        record: The run.
        calendar: Its parts.
        slots: Slots of a replica.
        row: First histogram row of this calendar, the sum of the parts of those before it.
    """
    parts = len(calendar.names)

    def total(by_hour: Array) -> Array:
        summed = np.bincount(calendar.of_hour, by_hour, minlength=parts)
        return np.asarray(summed, dtype=np.float64)

    def column(number: int) -> Array:
        return total(record.hours[:, number])

    def over(amount: Array, whole: Array) -> Array:
        none = np.full(parts, math.nan)
        return np.asarray(np.divide(amount, whole, out=none, where=whole > 0))

    hours = record.hours.shape[0]
    lasted_s = np.full(hours, float(SECONDS_PER_HOUR))
    lasted_s[-1] += record.simulated_s - hours * SECONDS_PER_HOUR
    instances = instance_s_by_hour(record)
    histograms = record.histograms[row : row + parts]
    started, batches = column(at.HOUR_STARTED), column(at.HOUR_BATCHES)
    busy_s = record.hours[:, at.HOUR_BUSY_S] / slots
    spent = {BUSY: busy_s, BOOTING: record.booting_s, **record.idle_causes_s}
    return FleetUsage(
        names=calendar.names,
        requests={
            "arrived": column(at.HOUR_ARRIVED),
            "started": started,
            "dropped": column(at.HOUR_DROPPED),
            "abandoned": column(at.HOUR_ABANDONED),
        },
        tokens={
            "input": column(at.HOUR_INPUT_TOKENS),
            "output": column(at.HOUR_OUTPUT_TOKENS),
        },
        batches=batches,
        mean_batch=over(total(record.served_together), batches),
        mean_waiting=over(column(at.HOUR_WAITING_S), total(lasted_s)),
        replica_s={use: total(part) for use, part in spent.items()},
        joules={use: total(part) for use, part in record.joules.items()},
        instance_s=total(instances),
        latency_s={
            name: np.array([quantile_s(h, share) if h.any() else math.nan for h in histograms])
            for name, share in QUANTILES.items()
        },
        within_goal=1.0 - over(column(at.HOUR_LATE), total(record.judged)),
        deadlines={"due": column(at.HOUR_DUE), "met": column(at.HOUR_MET)},
    )


def instance_s_by_hour(record: FleetRecord) -> Array:
    """Return the time for which instances were held, by hour [s]."""
    hours = record.hours.shape[0]
    held_s = np.zeros(hours)
    curve = [*record.instances_over_time, (record.simulated_s, 0)]
    for (from_s, instances), (until_s, _) in pairwise(curve):
        if until_s > from_s:
            for hour, seconds in pieces(from_s, until_s, hours):
                held_s[hour] += instances * seconds
    return held_s


def instance_s(record: FleetRecord) -> float:
    """Return the time for which instances were held [s]."""
    return float(instance_s_by_hour(record).sum())
