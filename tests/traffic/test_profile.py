"""The shape of a week."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.workload import DailyWeeklyProfile, NightlyProfile, SteadyProfile
from tco.traffic.profile import week_of

steady = st.just(SteadyProfile(shape="steady"))
daily = st.builds(
    DailyWeeklyProfile,
    shape=st.just("daily_weekly"),
    peak_hour_utc=st.integers(0, 23),
    night_to_peak=st.floats(0.01, 1),
    weekend_to_weekday=st.floats(0.01, 1),
)
nightly = st.builds(
    NightlyProfile,
    shape=st.just("nightly"),
    start_hour_utc=st.integers(0, 23),
    window_hours=st.integers(1, 24),
)


@given(profile=st.one_of(steady, daily, nightly))
def test_the_mean_of_a_week_is_one(profile):
    week = week_of(profile)
    assert week.shape == (168,)
    assert (week >= 0).all()
    assert week.mean() == pytest.approx(1.0, rel=1e-12)


@given(profile=daily)
def test_a_day_peaks_at_its_hour_and_rests_by_the_stated_ratios(profile: DailyWeeklyProfile):
    days = week_of(profile).reshape(7, 24)
    assert days[0].max() == days[0, profile.peak_hour_utc]
    assert days[0].min() / days[0].max() == pytest.approx(profile.night_to_peak, rel=1e-9)
    assert days[5] / days[0] == pytest.approx(np.full(24, profile.weekend_to_weekday), rel=1e-9)
    assert (days[1:5] == days[0]).all()


def test_a_night_passes_midnight():
    week = week_of(NightlyProfile(shape="nightly", start_hour_utc=22, window_hours=6))
    hours = [hour for hour in range(24) if week[hour] > 0]
    assert hours == [0, 1, 2, 3, 22, 23]
    assert week[0] == pytest.approx(4.0, rel=1e-12), "24 hours of work in 6"
