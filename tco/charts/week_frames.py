"""From a simulated week to the plain tables that its charts are drawn from."""

from __future__ import annotations

import pandas as pd

from tco.charts.idle import DAYS
from tco.sim.seen_week import SeenWeek
from tco.units import HOURS_PER_DAY


def heat_table(week: SeenWeek) -> pd.DataFrame:
    """Return the hours of a week: what came, what was held, and what of it was idle."""
    hours = range(len(week.busy))
    return pd.DataFrame(
        {
            "day": [DAYS[hour // HOURS_PER_DAY] for hour in hours],
            "hour": [hour % HOURS_PER_DAY for hour in hours],
            "requests": week.requests,
            "busy_replicas": week.busy,
            "ready_replicas": week.ready,
            "booting_replicas": week.booting,
            "waiting_requests": week.waiting,
            "idle_share": week.idle_share,
        }
    )


def replicas_table(week: SeenWeek) -> pd.DataFrame:
    """Return replicas held, step by step where the steps are known, and those that work."""
    means = zip(week.ready, week.booting, strict=True)
    held = [(float(hour), ready + boots) for hour, (ready, boots) in enumerate(means)]
    if week.steps:
        end = (float(len(week.busy)), week.steps[-1][1])
        held = [(hour, float(replicas)) for hour, replicas in (*week.steps, end)]
    busy = [(float(hour), working) for hour, working in enumerate(week.busy)]
    rows = [(hour, "held", value) for hour, value in held]
    rows += [(hour, "working, mean of the hour", value) for hour, value in busy]
    return pd.DataFrame(rows, columns=["hour", "series", "value"])
