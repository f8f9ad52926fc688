"""The rate over time: what each month, event and hour gets."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.demand import BatchJobs, Event, Movement
from tco.domain.workload import (
    DailyWeeklyProfile,
    NightlyProfile,
    PublishedProfile,
    SteadyProfile,
    TableProfile,
    Workload,
)
from tco.traffic.profile import week_of
from tco.traffic.published import PUBLISHED
from tco.traffic.rate import (
    PiecewiseRate,
    event_factors,
    hourly_rate,
    movement_factors,
    week_rate,
)
from tests.traffic.traces import trace

DAILY = DailyWeeklyProfile(
    shape="daily_weekly", peak_hour_utc=14, night_to_peak=0.2, weekend_to_weekday=0.5
)


def published(name):
    return PublishedProfile.model_validate({"shape": "published", "name": name})


PROFILES = [
    SteadyProfile(shape="steady"),
    DAILY,
    NightlyProfile(shape="nightly", start_hour_utc=22, window_hours=5),
    *(published(name) for name in PUBLISHED),
    TableProfile(shape="table", rates=tuple(float(hour % 7) for hour in range(168))),
]


def workload(**more):
    plain = {"requests_per_month": 1000, "growth_per_year": 0, "profile": DAILY}
    return Workload.model_validate(plain | more)


def event(title, start, end, factor):
    return Event.model_validate({"title": title, "start": start, "end": end, "factor": factor})


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: getattr(p, "name", p.shape))
def test_a_week_has_mean_one(profile):
    week = week_of(profile)
    assert week.shape == (168,)
    assert week.mean() == pytest.approx(1.0, rel=1e-12)
    assert week.min() >= 0


def test_a_published_week_says_where_it_is_from():
    for week in PUBLISHED.values():
        assert len(week.weekday) == len(week.weekend) == 24
        assert week.citation
        assert week.caveat
        mean = (5 * np.mean(week.weekday) + 2 * np.mean(week.weekend)) / 7
        assert mean == pytest.approx(1.0, abs=0.02)


def test_a_published_week_can_be_shifted_to_another_part_of_the_world():
    plain, later = (
        week_of(PublishedProfile(shape="published", name="azure-coding-2024", shift_hours=hours))
        for hours in (0, 9)
    )
    assert later[9:] == pytest.approx(plain[:-9])
    assert np.argmax(plain[:24]) == 19


def test_the_coding_week_is_that_of_its_trace():
    rows = trace("azure_llm_2024_code_week_10min.csv", names=True, dtype=None, encoding="utf-8")
    rate = np.array([row["requests_per_min"] for row in rows])
    hour = np.array([int(row["timestamp"][11:13]) for row in rows])
    day = np.array([int(row["timestamp"][8:10]) for row in rows])
    is_weekend = np.isin(day, [11, 12])  # 2024-05-11 was a Saturday
    for weekend, figures in (
        (False, PUBLISHED["azure-coding-2024"].weekday),
        (True, PUBLISHED["azure-coding-2024"].weekend),
    ):
        means = [rate[(hour == h) & (is_weekend == weekend)].mean() for h in range(24)]
        assert np.array(means) / rate.mean() == pytest.approx(figures, abs=0.0051)
    week = week_of(published("azure-coding-2024"))
    assert week[:120].mean() / week[120:].mean() == pytest.approx(3.08, abs=0.02)


def test_the_small_model_day_is_that_of_its_trace():
    rows = trace("servegen_m_small_10min.csv", names=True)
    rows = rows[rows["requests_per_s"] > 50]  # gaps in collection are missing, not quiet
    hour_utc = (rows["t_s"] // 3600 - 8) % 24
    means = [rows["requests_per_s"][hour_utc == h].mean() for h in range(24)]
    figures = PUBLISHED["servegen-small-2025"].weekday
    assert np.array(means) / rows["requests_per_s"].mean() == pytest.approx(figures, abs=0.0051)


def test_a_table_of_days_is_a_table_of_hours():
    hours = tuple(float(hour + 1) for hour in range(168))
    days = tuple(hours[24 * day : 24 * day + 24] for day in range(7))
    assert week_of(TableProfile(shape="table", days=days)) == pytest.approx(
        week_of(TableProfile(shape="table", rates=hours))
    )


@given(
    requests=st.lists(st.floats(0, 1e9), min_size=1, max_size=6),
    start=st.dates(date(2024, 1, 1), date(2030, 1, 1)).map(lambda day: day.replace(day=1)),
    profile=st.sampled_from(PROFILES),
)
def test_each_month_gets_its_requests(requests, start, profile):
    rate = hourly_rate(workload(profile=profile), start, np.array(requests))
    assert rate.expected == pytest.approx(sum(requests), rel=1e-9)
    assert rate.edges_s[0] == 0
    first = round((date(start.year + start.month // 12, start.month % 12 + 1, 1) - start).days)
    until = rate.expected_until()
    assert until[first * 24] == pytest.approx(requests[0], rel=1e-9, abs=1e-6)


def test_a_plan_begins_on_its_own_weekday():
    rate = hourly_rate(workload(), date(2026, 11, 1), np.array([1000.0]))  # a Sunday
    assert rate.per_s[24 + 14] == pytest.approx(2 * rate.per_s[14])


def test_an_event_multiplies_its_hours_and_no_other():
    launch = event("launch", "2026-11-10 12:30", "2026-11-12T00:00:00Z", 3)
    start = date(2026, 11, 1)
    plain = hourly_rate(workload(), start, np.array([1000.0]))
    rate = hourly_rate(workload(events=(launch,)), start, np.array([1000.0]))
    times = np.array([9 * 24 + 12.25, 9 * 24 + 12.75, 10 * 24 + 23.5, 11 * 24 + 0.1]) * 3600
    assert rate.at(times) / plain.at(times) == pytest.approx([1, 3, 3, 1])
    assert rate.at(np.array([-1.0, 1e9])) == pytest.approx([0, 0])


def test_events_change_the_volume_of_their_months():
    sale = event("sale", datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 8, tzinfo=UTC), 2)
    plan = workload(profile=SteadyProfile(shape="steady"), events=(sale,))
    assert event_factors(plan, date(2026, 11, 1), 3) == pytest.approx([1, 1 + 7 / 31, 1])
    assert event_factors(workload(), date(2026, 11, 1), 3) == pytest.approx([1, 1, 1])


def test_overlapping_events_multiply_and_early_ones_are_clipped():
    events = (
        event("a", "2026-10-01", "2026-11-02", 2),
        event("b", "2026-11-01", "2026-11-03", 5),
        event("gone", "2025-11-01", "2025-11-03", 7),
    )
    plain = hourly_rate(workload(), date(2026, 11, 1), np.array([1000.0]))
    rate = hourly_rate(workload(events=events), date(2026, 11, 1), np.array([1000.0]))
    times = np.array([0.5, 30, 60]) * 3600
    assert rate.at(times) / plain.at(times) == pytest.approx([10, 5, 1])


def test_batch_jobs_do_not_arrive_at_a_rate():
    jobs = BatchJobs(share=0.25, start_hour_utc=22, deadline_hours=8)
    rate = hourly_rate(workload(batch_jobs=jobs), date(2026, 11, 1), np.array([1000.0]))
    assert rate.expected == pytest.approx(750)


@pytest.mark.parametrize("hours", [0.05, 0.5, 7.0, 500.0])
def test_slow_movement_has_mean_one_and_its_own_memory(hours):
    movement = Movement(log_sd=0.3, correlation_hours=hours, source="test")
    draws = np.array(
        [movement_factors(movement, 400, np.random.default_rng(seed)) for seed in range(1500)]
    )
    logs = np.log(draws)
    assert draws.mean() == pytest.approx(1.0, abs=0.03)
    assert logs.std() == pytest.approx(0.3, rel=0.05)
    assert logs[:, 0].std() == pytest.approx(0.3, rel=0.08)
    correlation = np.corrcoef(logs[:, :-3].ravel(), logs[:, 3:].ravel())[0, 1]
    assert correlation == pytest.approx(np.exp(-3 / hours), abs=0.03)


def test_slow_movement_is_the_plain_recursion():
    movement = Movement(log_sd=0.2, correlation_hours=4.0, source="test")
    found = np.log(movement_factors(movement, 5000, np.random.default_rng(3))) + 0.02
    random = np.random.default_rng(3)
    decay = np.exp(-0.25)
    shocks = random.standard_normal(5000) * 0.2 * np.sqrt(1 - decay**2)
    value = random.standard_normal() * 0.2
    for hour in range(5000):
        value = value if hour == 0 else decay * value + shocks[hour]
        assert found[hour] == pytest.approx(value, abs=1e-9)


def test_a_plan_without_a_generator_stands_still():
    movement = Movement(log_sd=0.2, correlation_hours=4.0, source="test")
    plan = workload(movement=movement)
    still = hourly_rate(plan, date(2026, 11, 1), np.array([1000.0]))
    moved = hourly_rate(plan, date(2026, 11, 1), np.array([1000.0]), np.random.default_rng(1))
    assert still.expected == pytest.approx(1000)
    assert not np.allclose(still.per_s, moved.per_s)


@given(
    cuts=st.lists(st.floats(0.01, 9.99), max_size=8, unique=True).map(sorted),
    base=st.lists(st.floats(0, 5), min_size=4, max_size=4),
)
def test_a_product_of_rates_is_the_product_at_every_moment(cuts, base):
    rate = PiecewiseRate(np.array([0.0, 2.0, 5.0, 7.0, 10.0]), np.array(base))
    edges = np.array([0.0, *cuts])
    factors = np.arange(1.0, edges.size + 1)
    product = rate.modulated(edges, factors)
    times = np.linspace(0.003, 9.997, 101)
    factor = factors[np.searchsorted(edges, times, side="right") - 1]
    assert product.at(times) == pytest.approx(rate.at(times) * factor)
    assert product.times(2.0).mean_per_s == pytest.approx(product.expected / 5.0)


def test_a_week_at_a_mean_rate():
    rate = week_rate(week_of(DAILY), 2.5)
    assert rate.mean_per_s == pytest.approx(2.5)
    assert rate.span_s == 7 * 86400
