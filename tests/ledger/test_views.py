"""One option's cost in several views, and what stands beside it: every view has the same sum."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.cli.views import views_document
from tco.domain.business import ShowBack
from tco.ledger import book
from tco.ledger.business import LOST, OUTAGES, WRONG, beside
from tco.ledger.model import CostModel
from tco.ledger.option import likely_months
from tco.ledger.views import SPLITS, profit_and_loss, show_back_usd, splits_usd
from tco.ledger.volume import active_users, monthly_requests
from tco.plan import Evaluation
from tests import strategies
from tests.cases import worked_plans

BASE = worked_plans.scenario("business")
CENT = 0.005


def plan(**changes: Any) -> Evaluation:
    return worked_plans.evaluation_of(BASE, **changes)


def views_of(**changes: Any) -> dict[str, Any]:
    return views_document(plan(**changes), "big")


# ---- the write-up -------------------------------------------------------------------------------


def test_profit_and_loss_are_those_worked_by_hand():
    total = views_of()["profit_and_loss_usd"]["total"]
    by_hand = {
        "value": 10_000, "serving": 560, "margin": 9_440, "running": 300, "one_off": 900,
        "profit": 8_240,
    }  # fmt: skip
    assert total == pytest.approx(by_hand, abs=CENT)


def test_faults_are_counted_apart():
    found = views_of()["business_impact"]
    assert found["tco_usd"] == pytest.approx(1_760, abs=CENT)
    assert found["parts_usd"] == pytest.approx({WRONG: 2_500, OUTAGES: 283.20}, abs=CENT)
    assert found["tco_and_impact_usd"] == pytest.approx(4_543.20, abs=CENT)


def test_unit_costs_are_those_worked_by_hand():
    costs = views_of()["unit_cost_usd"]
    whole = {name: cost["over_the_horizon"] for name, cost in costs.items()}
    assert whole == pytest.approx(
        {
            "per 1,000 requests": 8.8,
            "per million tokens": 8.0,
            "per user and month": 0.44,
            "per right answer": 1_760 / 190_000,
        }
    )
    assert costs["per 1,000 requests"]["by_month"] == pytest.approx([13.3, 4.3])


def test_teams_and_products_bear_what_they_use():
    shared = views_of()["show_back_usd"]
    assert shared["teams"] == pytest.approx({"claims": 1_056, "sales": 704, "idle": 0})
    assert shared["products"] == pytest.approx({"chat": 440, "letters": 1_320, "idle": 0})


def test_a_fiscal_year_bears_its_own_months():
    years = views_of(organisation={"fiscal_year_start_month": 2})["basis_usd"]["by_fiscal_year"]
    assert {year: row["cash"] for year, row in years.items()} == pytest.approx(
        {2027: 1_330, 2028: 430}
    )


def test_the_value_of_answers_and_their_faults_are_never_in_the_total():
    without = plan(business=None)
    assert views_document(without, "big").keys() & {"business_impact", "show_back_usd"} == set()
    totals = [float(found.model.totals_usd()["big"][0]) for found in (plan(), without)]
    assert totals[0] == totals[1]


# ---- what is not known --------------------------------------------------------------------------


def test_an_unknown_part_leaves_the_sum_unknown():
    found = views_of(candidates={"big": {"facts": {"availability": None}, "quality": []}})
    impact = found["business_impact"]
    assert impact["not_known"] == {
        WRONG: "no figure for accuracy",
        OUTAGES: "its availability is not stated; add facts.availability",
    }
    assert "tco_and_impact_usd" not in impact
    assert "per right answer" not in found["unit_cost_usd"]


def test_a_figure_that_is_no_share_counts_no_answers():
    points = {**BASE.candidates["big"].quality[0].model_dump(), "value": 87.0}
    impact = views_of(candidates={"big": {"quality": [points]}})["business_impact"]
    assert impact["not_known"] == {WRONG: "accuracy is 87, which is no share of answers"}


def test_lost_requests_cost_what_is_said_of_them_where_a_fleet_was_simulated():
    lost = {"impact": {"lost_requests": {"usd_each": {"likely": 2}}}}
    scenario = worked_plans.changed(BASE, business=lost)
    requests = monthly_requests(scenario.workload, scenario.horizon_months)
    known = beside(scenario, "big", requests, 0.01)
    assert known.by_month_usd(LOST) == pytest.approx([100_000 * 0.01 * 2] * 2)
    unknown = beside(scenario, "big", requests, None)
    assert unknown.impact_usd is None
    assert LOST in unknown.unknown


def test_shares_that_leave_something_over_are_refused():
    with pytest.raises(ValueError, match=r"the shares of 'teams' add to 0\.9; they must add to 1"):
        plan(business={"show_back": {"shares": {"teams": {"sales": 0.3}}}})


def test_wrong_answers_need_a_metric_that_counts_them():
    with pytest.raises(ValueError, match="name the metric"):
        plan(business={"right_answers": None})


def test_users_are_those_who_take_it_up():
    adoption = {"start_share": {"likely": 0.5}, "full_after_months": 2}
    scenario = worked_plans.changed(BASE, workload={"volume_drivers": {"adoption": adoption}})
    users = active_users(scenario.workload, 2)
    assert users is not None
    assert likely_months(users, 2) == pytest.approx([1_000, 1_500])
    requests = monthly_requests(scenario.workload, 2)
    assert likely_months(requests, 2) == pytest.approx([50_000, 75_000])


# ---- every view has the same sum ----------------------------------------------------------------


@settings(max_examples=40)
@given(model=strategies.cost_models())
def test_every_split_adds_to_the_total(model: CostModel):
    rows = book.ledger(model)
    scale = max(1.0, float(rows["cost_usd"].abs().sum()))
    for column in SPLITS:
        split = sum(splits_usd(rows)[column].values())
        assert split == pytest.approx(book.total_usd(rows), abs=1e-9 * scale)


@settings(max_examples=40)
@given(
    model=strategies.cost_models(),
    idle=st.sampled_from(["apart", "evenly", "by_use"]),
    first=st.floats(0, 1),
)
def test_whoever_bears_idle_machines_the_sum_is_the_total(
    model: CostModel, idle: Any, first: float
):
    rows = book.ledger(model)
    shares = {"a": first, "b": 1.0 - first}
    shared = show_back_usd(rows, ShowBack(shares={"teams": shares}, idle=idle))["teams"]
    scale = max(1.0, float(rows["cost_usd"].abs().sum()))
    assert sum(shared.values()) == pytest.approx(book.total_usd(rows), abs=1e-9 * scale)
    assert ("idle" in shared) == (idle == "apart")


@settings(max_examples=40)
@given(model=strategies.cost_models(), value=st.floats(0, 1e6))
def test_a_profit_is_the_value_less_everything(model: CostModel, value: float):
    rows = book.ledger(model)
    months = len(model.months)
    found = profit_and_loss(rows, model.months, np.full(months, value))
    scale = max(1.0, float(rows["cost_usd"].abs().sum()), value * months)
    assert found.profit.sum() == pytest.approx(
        value * months - book.total_usd(rows), abs=1e-9 * scale
    )
