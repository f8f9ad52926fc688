"""One simulated week of a fleet, hour by hour and step by step, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tco.errors import InfeasibleError
from tco.sim import kernel_layout as at
from tco.sim.case import Case
from tco.sim.rung import run_stretch
from tco.sim.sample import MOST_REQUESTS, whole_week
from tco.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

MOST_STEPS = 1_500
"""More changes than these are not told apart on a screen."""


@dataclass(frozen=True, slots=True)
class SeenWeek:
    """What a fleet held and did in each hour of a week, Monday 00:00 UTC first."""

    rate_per_s: float
    """Mean rate of the week [1/s]."""
    requests: tuple[float, ...]
    """Requests that came in each hour."""
    busy: tuple[float, ...]
    """Replicas that worked, as the mean of each hour [-]."""
    ready: tuple[float, ...]
    """Replicas in service or finishing their work, busy or not [-]."""
    booting: tuple[float, ...]
    waiting: tuple[float, ...]
    """Requests that wait, as the mean of each hour [-]."""
    steps: tuple[tuple[float, int], ...]
    """Hour of each change and the replicas held from then on; empty where there are too many."""
    cold_starts: int
    """Replicas that were started after the week began."""
    scale_downs: int

    @property
    def idle_share(self) -> tuple[float, ...]:
        """Part of what is held in each hour that does not work [-]; 0 where nothing is held."""
        busy, held = np.array(self.busy), np.array(self.ready) + np.array(self.booting)
        share = np.divide(held - busy, held, out=np.zeros_like(held), where=held > 0)
        return tuple(np.clip(share, 0.0, 1.0).tolist())

    @property
    def mean_idle_share(self) -> float:
        """Part of what is held over the week that does not work [-]."""
        held = sum(self.ready) + sum(self.booting)
        return 1.0 - sum(self.busy) / held if held > 0 else 0.0

    @property
    def booting_hours(self) -> float:
        """Replica-hours spent on starting [h]."""
        return sum(self.booting)

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> SeenWeek:
        """Read it back."""
        lists = {name: tuple(v) for name, v in data.items() if isinstance(v, Sequence)}
        steps = tuple((float(hour), int(held)) for hour, held in data["steps"])
        return cls(**{**data, **lists, "steps": steps})


def see_week(case: Case, rate_per_s: float) -> SeenWeek:
    """Simulate every request of one week.

    Args:
        case: The fleet and its traffic.
        rate_per_s: Mean rate of the week [1/s].
    """
    expected = rate_per_s * HOURS_PER_WEEK * SECONDS_PER_HOUR
    if expected > MOST_REQUESTS:
        raise InfeasibleError(
            f"a week of the busiest month holds {expected:,.0f} requests, and a week is drawn for "
            f"up to {MOST_REQUESTS:,}; the causes of waste are known all the same"
        )
    [stretch] = whole_week(case.traffic.week).stretches
    record = run_stretch(case, stretch, rate_per_s).record
    slots = case.rules().slots

    def hourly(seconds: Any) -> tuple[float, ...]:
        return tuple((np.asarray(seconds, dtype=np.float64) / SECONDS_PER_HOUR).tolist())

    held = list(dict(record.replicas_over_time).items())  # what changes at one moment is one step
    changes = list(record.replicas_over_time)
    after = [now - before for (_, before), (moment_s, now) in pairwise(changes) if moment_s > 0]
    steps = tuple((moment_s / SECONDS_PER_HOUR, replicas) for moment_s, replicas in held)
    return SeenWeek(
        rate_per_s=rate_per_s,
        requests=tuple(record.hours[:, at.HOUR_ARRIVED].tolist()),
        busy=hourly(record.hours[:, at.HOUR_BUSY_S] / slots),
        ready=hourly(record.serving_s + record.draining_s),
        booting=hourly(record.booting_s),
        waiting=hourly(record.hours[:, at.HOUR_WAITING_S]),
        steps=steps if len(steps) <= MOST_STEPS else (),
        cold_starts=sum(1 for change in after if change > 0),
        scale_downs=sum(1 for change in after if change < 0),
    )
