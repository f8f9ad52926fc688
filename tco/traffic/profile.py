"""The shape of a week: the rate of each hour over the mean rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tco.domain.workload import (
    DailyWeeklyProfile,
    NightlyProfile,
    Profile,
    PublishedProfile,
    SteadyProfile,
    TableProfile,
)
from tco.traffic.published import PUBLISHED
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK

Array = NDArray[np.float64]
WEEKDAYS = 5


def week_of(profile: Profile) -> Array:
    """Return the rate of each hour of a week over the mean rate [-], Monday 00:00 UTC first.

    The mean of the 168 values is one, so a month's requests do not depend on the shape.
    """
    hours = np.arange(HOURS_PER_WEEK)
    hour_of_day = hours % HOURS_PER_DAY
    is_weekend = hours >= WEEKDAYS * HOURS_PER_DAY
    match profile:
        case SteadyProfile():
            shape = np.ones(HOURS_PER_WEEK)
        case DailyWeeklyProfile():
            angle = 2 * np.pi * (hour_of_day - profile.peak_hour_utc) / HOURS_PER_DAY
            night = profile.night_to_peak
            shape = night + (1 - night) * (1 + np.cos(angle)) / 2
            shape = np.where(is_weekend, shape * profile.weekend_to_weekday, shape)
        case NightlyProfile():
            since_start = (hour_of_day - profile.start_hour_utc) % HOURS_PER_DAY
            shape = np.where(since_start < profile.window_hours, 1.0, 0.0)
        case PublishedProfile():
            week = PUBLISHED[profile.name]
            shape = np.where(
                is_weekend,
                np.array(week.weekend)[hour_of_day],
                np.array(week.weekday)[hour_of_day],
            )
            shape = np.roll(shape, profile.shift_hours)
        case TableProfile():
            shape = np.array(profile.hours)
    return np.asarray(shape / shape.mean())
