"""Autoscaling rules against the published rule's own examples, and the week that it was read on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.sim.scaling import Hpa, Observation, QueueLength, Schedule, Static, hpa_desired
from tests.traffic.traces import trace


def seen(now_s: float, current: int, share: float = 0.0, **more) -> Observation:
    values = {"ready": current, "waiting": 0, "in_service": 0, **more}
    return Observation(now_s, current, busy_share=share, **values)


@pytest.mark.parametrize(
    ("current", "metric", "target", "desired"),
    [(10, 90, 60, 15), (10, 63, 60, 10), (10, 67, 60, 12), (7, 30, 60, 4), (4, 200, 60, 14)],
)
def test_the_recommendation_is_that_of_the_documentation(current, metric, target, desired):
    assert hpa_desired(current, metric, target) == desired


@pytest.mark.parametrize(
    ("current", "ready", "metric", "desired", "why"),
    [
        (10, 5, 120, 10, "5 x 120 over 10 is the target: those that boot count as idle"),
        (10, 5, 132, 10, "1.1 times the target is within the tolerance"),
        (10, 5, 150, 13, "600 / 480 = 1.25 over all ten"),
        (10, 5, 90, 10, "up by those that are ready, down by all: no action"),
        (10, 5, 30, 3, "down: those that boot are left out"),
        (10, 0, 0, 10, "nobody to ask"),
    ],
)
def test_replicas_that_are_not_ready_count_as_the_documentation_says(
    current, ready, metric, desired, why
):
    assert hpa_desired(current, metric, 60, ready=ready) == desired, why


def test_four_replicas_that_want_fourteen_are_eight_after_fifteen_seconds():
    wish = Hpa(0.6).ask(seen(15.0, 4, 2.0))
    assert (wish.replicas, wish.unsmoothed) == (8, 14)


@pytest.mark.parametrize(("current", "most"), [(1, 5), (3, 7), (4, 8), (5, 10), (50, 100)])
def test_fifteen_seconds_bring_a_doubling_or_four_more(current: int, most: int):
    assert Hpa(0.01).ask(seen(15.0, current, 1.0)).replicas == most


def test_the_limit_on_growth_is_a_matter_of_fifteen_seconds_and_not_of_looks():
    rule = Hpa(0.01, interval_s=5.0)
    current, held = 10, []
    for look in range(1, 8):
        current = rule.ask(seen(5.0 * look, current, 1.0)).replicas
        held.append(current)
    # Twenty from the first look on, until that growth is fifteen seconds old.
    assert held == [20, 20, 20, 40, 40, 40, 80]


def test_replicas_at_the_start_were_not_added_in_the_last_seconds():
    rule = Hpa(0.1, interval_s=5.0)
    rule.ask(seen(0.0, 10))
    assert rule.ask(seen(5.0, 10, 1.0)).replicas == 20


def test_a_fleet_shrinks_to_the_highest_wish_of_the_last_five_minutes():
    rule, held = Hpa(0.5), []
    current = rule.ask(seen(15.0, 10, 0.4)).replicas
    for look in range(2, 24):
        current = rule.ask(seen(15.0 * look, current, 0.1)).replicas
        held.append(current)
    # The wish of 8 at 15 s is forgotten at 315 s, the 20th look after it.
    assert held[:19] == [8] * 19
    assert held[19] == 2


def test_a_queue_rule_asks_for_so_many_a_replica_and_can_start_from_none():
    rule = QueueLength(4.0)
    assert rule.ask(seen(15.0, 0, waiting=9)).replicas == 3
    assert QueueLength(4.0).ask(seen(15.0, 10, waiting=30, in_service=13)).replicas == 10
    assert QueueLength(4.0).ask(seen(15.0, 10, waiting=40, in_service=5)).replicas == 12
    assert QueueLength(1.0).ask(seen(15.0, 0, waiting=90)).replicas == 4, "from none, four at once"


def test_a_schedule_repeats_by_day_or_week():
    day = Schedule(list(range(24)))
    week = Schedule(list(range(168)))
    moment_s = (3 * 24 + 5) * 3600.0
    assert day.ask(seen(moment_s, 0)).replicas == 5
    assert week.ask(seen(moment_s + 168 * 3600.0, 0)).replicas == 77
    assert Static(7).ask(seen(0.0, 1)).replicas == 7


@given(
    current=st.integers(1, 500),
    share=st.floats(0, 1),
    target=st.floats(0.05, 1),
    window_s=st.floats(0, 600),
)
def test_a_busy_share_grows_a_fleet_by_one_over_the_target_at_most(
    current, share, target, window_s
):
    """It saturates: however long the queue, no replica is more than busy."""
    wish = Hpa(target, down_window_s=window_s).ask(seen(15.0, current, share))
    assert wish.replicas <= max(current, current / target + 1)
    assert wish.replicas <= max(2 * current, current + 4)


def test_a_week_of_code_completion_takes_a_third_of_the_static_fleet():
    """Rates every ten minutes, two seconds of work a request, target 0.7: 0.318 of static."""
    per_s = trace("azure_llm_2024_code_week_10min.csv", names=True, dtype=None, encoding="utf8")
    busy = per_s["requests_per_min"] / 60 * 2.0
    static = int(np.ceil(busy.max() / 0.7))
    rule, current, spent = Hpa(0.7), int(np.ceil(busy[0] / 0.7)), 0
    for look in range(1, busy.size * 40 + 1):
        now = busy[(look - 1) // 40]
        current = max(1, rule.ask(seen(15.0 * look, current, min(1.0, now / current))).replicas)
        spent += current
    assert static * 168 == 42_336
    assert spent / 240 == pytest.approx(13_456, rel=0.002)
    assert spent / 240 / 42_336 == pytest.approx(0.318, abs=0.0005)
