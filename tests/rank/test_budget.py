"""What a budget buys: by hand, by closed form, and verified by evaluating at and above it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.plan import Evaluation, costs_at_volume
from tco.rank.breakeven import CLOSE
from tco.rank.budget import Bought, bought
from tests.cases import worked_plans

SET = {"task": "chat", "test_set": "ours"}
GOAL = {"metric": "accuracy", "at_least": 0.7, **SET}
NOT_ASKED = worked_plans.evaluated("staged").ranking


def scored(value: float) -> dict[str, object]:
    figure = {"name": "accuracy", "value": value, "split": "test", "evidence": "stated", **SET}
    return {"quality": ({**figure, "source": "our test run"},)}


def plan(**goals: object) -> Evaluation:
    """Big costs 11,400 for 5.7 million requests in 4 months; Small 10,000 and 570 for as many."""
    host = {"title": "host", "usd_per_month": 2500, "phase": "operation", "payee": "other"}
    return worked_plans.evaluation_of(
        worked_plans.scenario("staged"),
        goals=goals,
        candidates={
            "small-until-busy": None,
            "big": {"lifecycle": None, **scored(0.9)},
            "small": {"lifecycle": {"monthly": {"host": host}}, **scored(0.8)},
        },
    )


def costs(found: Evaluation, factor: float) -> dict[str, float]:
    return costs_at_volume(found, factor, worked_plans.catalog(), worked_plans.measurements())


def answer(found: Evaluation, usd_per_month: float) -> Bought:
    goal = found.scenario.goals.quality
    return bought(found.ranking, goal, usd_per_month, 4, 5.7e6, lambda factor: costs(found, factor))


@pytest.mark.parametrize(
    ("usd_per_month", "option", "requests", "best"),
    [
        (3000, "small", 5_000_000, "big"),  # 12,000 = 10,000 + 570 x 3.5088; Big takes 11,400
        (2750, "small", 2_500_000, "small"),  # 11,000 = 10,000 + 570 x 1.7544; Big takes more
        (2000, "big", 1_000_000, None),  # 8,000 = 11,400 x 0.7018; Small takes more in any case
    ],
)
def test_budgets_by_hand(usd_per_month: float, option: str, requests: float, best: str | None):
    found = plan(quality=GOAL)
    buys = answer(found, usd_per_month)
    assert buys.volume is not None
    assert buys.volume.option == option
    assert buys.volume.requests_per_month == pytest.approx(requests, rel=2 * CLOSE)
    assert (buys.quality.option if buys.quality else None) == best
    whole = 4 * usd_per_month
    assert min(costs(found, buys.volume.factor).values()) <= whole
    assert min(costs(found, buys.volume.factor * (1 + CLOSE)).values()) > whole
    if buys.quality is not None:
        assert costs(found, 1.0)[buys.quality.option] == buys.quality.cost_usd <= whole


def test_the_goals_own_budget_does_not_bind_another_one():
    """An option that misses only the stated budget is bought by a larger one."""
    buys = answer(plan(quality=GOAL, budget_usd=10_900), 3000)
    assert buys.quality is not None
    assert (buys.quality.option, buys.quality.value) == ("big", 0.9)


def test_an_option_below_the_floor_is_not_bought_for_less():
    buys = answer(plan(quality={**GOAL, "at_least": 0.85}), 2750)
    assert buys.quality is None
    assert buys.volume is not None
    assert buys.volume.option == "big"
    assert "at today's volume" in buys.no_quality


def test_without_a_quality_goal_no_figures_are_compared():
    buys = answer(plan(), 3000)
    assert buys.quality is None
    assert "no quality goal" in buys.no_quality
    assert buys.as_data()["best_quality"] == {"none": buys.no_quality}


def by_machine(factor: float) -> dict[str, float]:
    """Return the bill of one machine that carries four times today's volume."""
    return {"own": 1500.0} if factor <= 4 else {}


def test_what_ends_the_volume_is_said():
    def said(cost_at, usd: float) -> str:
        found = bought(NOT_ASKED, None, usd, 1, 100.0, cost_at)
        return found.sentences(lambda amount: f"${amount:,.0f}")[0]

    assert "no option carries more as it is described" in said(by_machine, 1500)
    assert "not even a thousandth of today's volume" in said(by_machine, 1499)
    assert "no larger volume was tried" in said(lambda factor: {"api": 1.0 * factor}, 1e9)
    assert "more costs more" in said(lambda factor: {"api": 1.0 * factor}, 3)


@given(fixed=st.floats(0, 1e5), each=st.floats(1, 1e4), budget=st.floats(1, 1e6))
def test_the_volume_is_that_of_the_closed_form(fixed: float, each: float, budget: float):
    def bill(factor: float) -> dict[str, float]:
        return {"api": fixed + each * factor}

    found = bought(NOT_ASKED, None, budget, 1, 100.0, bill).volume
    exact = (budget - fixed) / each
    if exact < 1e-3:
        assert found is None
    else:
        assert found is not None
        assert found.cost_usd <= budget
        assert found.factor == pytest.approx(min(exact, 1000.0), rel=2 * CLOSE)
        assert found.just_above_usd is not None
        assert exact > 1000 or found.just_above_usd > budget
