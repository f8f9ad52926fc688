"""People, deployment, operation: what the worked cases do not show, and what must always hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.cost import Basis, Flow, Nature, Phase
from tco.ledger import book
from tco.ledger.finance import by_month_usd
from tco.ledger.model import CostModel
from tests import strategies
from tests.cases import worked_plans

BIG = worked_plans.scenario("operation")
SAME = 1e-9
MACHINE = {
    "seller": "acme-cloud",
    "region": "north",
    "instance_type": "gpu-2",
    "purchase": "on_demand",
}


def rows_of(name: str = "operation", option: str = "big", **lifecycle: Any):
    base = worked_plans.scenario(name)
    found = worked_plans.evaluation_of(base, candidates={option: {"lifecycle": lifecycle}})
    assert not found.ranking.excluded, found.ranking.excluded[0].reasons
    return found.ledger[found.ledger["option"] == option]


def retrained_in(**rule: Any) -> list[int]:
    rules: dict[str, Any] = {"drift": None, "calendar": None, "cost_optimal": None}
    rows = rows_of(operation={"retraining": rules | rule})
    release = rows[rows["item"].str.startswith("retraining: release")]
    return [int(month) for month in release["month"].dt.month]


def test_a_calendar_retrains_after_each_interval():
    assert retrained_in(calendar={"every_months": 2}) == [3, 5]
    assert retrained_in(calendar={"every_months": 6}) == []


def test_drift_retrains_before_the_floor_is_passed():
    fast = {"quality_at_release": 0.9, "floor": 0.8, "loss_per_month": 0.06}
    assert retrained_in(drift=fast) == [2, 3, 4, 5, 6]
    exact = {"quality_at_release": 0.9, "floor": 0.8, "loss_per_month": 0.05}
    assert retrained_in(drift=exact) == [3, 5], "the floor itself is still good enough"


def test_a_model_that_no_monthly_retraining_keeps_is_left_out_with_the_reason():
    rule = {"drift": {"loss_per_month": {"likely": 0.2}}}
    lifecycle = {"operation": {"retraining": rule}}
    found = worked_plans.evaluation_of(BIG, candidates={"big": {"lifecycle": lifecycle}})
    [answer] = found.ranking.excluded
    assert "within a month" in answer.reasons[0]


@given(loss=st.floats(20, 2000))
@settings(max_examples=8, deadline=None)
def test_no_other_interval_costs_less_than_the_optimal_one(loss: float):
    """One retraining costs $1,080; waiting t months costs k t^2 / 2."""
    months = retrained_in(cost_optimal={"loss_usd_per_month2": loss})
    interval = months[0] - 1 if months else 6

    def monthly(t: float) -> float:
        return 1080 / t + loss * t / 2

    best = (2 * 1080 / loss) ** 0.5
    if months:
        assert abs(interval - best) <= 0.5 or interval == 1
        assert monthly(best) <= monthly(interval) * (1 + SAME)
    else:
        assert best >= 5.5


def test_a_draw_of_the_loss_moves_how_often_a_drifting_model_is_retrained():
    model = worked_plans.evaluated("operation").model
    name = "candidates.big.lifecycle.operation.retraining.drift.loss_per_month"
    likely, twice = model.totals_usd({name: np.array([0.02, 0.04])})["big"]
    assert twice - likely == pytest.approx(1080)


def test_versions_are_kept_up_to_the_most():
    plan = {"retraining": {"drift": None, "calendar": {"every_months": 1}}}
    rows = rows_of(operation=plan)
    kept = rows[rows["item"].str.startswith("model versions")]
    held = kept.groupby("month")["quantity"].sum() / 100
    assert held.tolist() == pytest.approx([1, 2, 3, 3, 3, 3])
    older = kept[kept["cause"] == "old version kept"].groupby("month")["quantity"].sum() / 100
    assert older.tolist() == pytest.approx([1, 2, 2, 2, 2])


def test_a_side_fleet_of_an_api_needs_a_machine_that_is_named():
    fleet = {"instances": 1, "hours_share": 0.5}
    plan = {"fleets": {"staging": fleet}}
    lifecycle = {"deployment_work": plan}
    found = worked_plans.evaluation_of(BIG, candidates={"big": {"lifecycle": lifecycle}})
    assert "state 'machine'" in found.ranking.excluded[0].reasons[0]
    rows = rows_of(deployment_work={"fleets": {"staging": fleet | {"machine": MACHINE}}})
    staging = rows[rows["item"].str.startswith("staging fleet")]
    assert staging["cost_usd"].iloc[0] == pytest.approx(744 / 2 * 10)


def test_a_shadow_of_what_runs_today_needs_it():
    shadow = {"beside": "incumbent", "share": 1, "months": {"last": 1}}
    lifecycle = {"deployment_work": {"shadow": shadow}}
    found = worked_plans.evaluation_of(BIG, candidates={"big": {"lifecycle": lifecycle}})
    assert "needs one" in found.ranking.excluded[0].reasons[0]


def test_a_shadow_of_the_api_pays_its_tokens_again():
    shadow = {"beside": "itself", "share": 0.5, "months": {"first": 2, "last": 3}}
    rows = rows_of(deployment_work={"shadow": shadow})
    twice = rows[rows["item"].str.startswith("shadow phase")]
    assert twice["cost_usd"].tolist() == pytest.approx([1.0, 1.0])
    assert set(twice["phase"]) == {Phase.DEPLOYMENT}
    assert set(twice["nature"]) == {Nature.ONE_OFF}


# ---- inflation and the end of a vendor ---------------------------------------------------------


def test_inflation_moves_wages_and_stated_prices_once_a_year_and_no_list_price():
    base = worked_plans.scenario("operation")
    changes: dict[str, Any] = {
        "horizon_months": 14,
        "organisation": {"inflation_per_year": {"likely": 0.1}},
    }
    rows = worked_plans.evaluation_of(base, **changes).ledger
    first = rows[rows["month"] == "2027-12-01"].set_index("item")["unit_price_usd"]
    later = rows[rows["month"] == "2028-01-01"].set_index("item")["unit_price_usd"]
    ratio = (later / first).dropna()
    for item in ("drift alarms", "P0 incidents (engineer)", "licence of the base model"):
        assert ratio[item] == pytest.approx(1.1)
    assert ratio["fresh input tokens, bigvendor/big-1 standard"] == 1.0


def test_a_path_that_names_a_role_replaces_inflation():
    base = worked_plans.scenario("operation")
    found = worked_plans.evaluation_of(
        base,
        horizon_months=14,
        organisation={"inflation_per_year": {"likely": 0.1}},
        price_paths={"pay": {"applies_to": ("people.*",), "yearly_change": {"likely": 0.0}}},
    )
    rows = found.ledger[found.ledger["item"].str.startswith("P0")]
    assert set(rows["unit_price_usd"]) == {100.0}


def test_an_end_of_sale_forces_a_move_at_the_successors_price():
    path = {
        "applies_to": ("bigvendor/*",),
        "ends_on": "2027-03-01",
        "successor": {"title": "Big 2", "change": {"likely": 0.5}, "migration_usd": 900},
    }
    base = worked_plans.scenario("operation")
    found = worked_plans.evaluation_of(base, price_paths={"end": path})
    assert not found.ranking.unproven
    tokens = found.ledger[found.ledger["category"] == "tokens"]
    assert tokens["cost_usd"].tolist() == pytest.approx([2, 2, 3, 3, 3, 3])
    [move] = found.ledger[found.ledger["category"] == "migration"].to_dict("records")
    assert (f"{move['month']:%m}", move["cost_usd"]) == ("03", 900)
    assert "Big 2" in move["item"]


def test_without_a_successor_the_end_of_sale_is_an_open_question():
    path = {"applies_to": ("bigvendor/*",), "ends_on": "2027-03-01"}
    found = worked_plans.evaluation_of(worked_plans.scenario("operation"), price_paths={"e": path})
    assert "is sold until 2027-03-01" in found.ranking.unproven[0].reasons[0]


# ---- what must hold of every ledger ------------------------------------------------------------


@given(
    model=strategies.cost_models(),
    by=st.lists(
        st.sampled_from(
            ["option", "phase", "category", "item", "kind", "nature", "behaviour", "payee", "month"]
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ),
)
@settings(max_examples=30)
def test_the_sum_over_any_partition_is_the_total(model: CostModel, by: list[str]):
    rows = book.ledger(model)
    scale = max(1.0, float(rows["cost_usd"].abs().sum()))
    whole = float(model.totals_usd().get("a", np.zeros(1))[0]) + float(
        model.totals_usd().get("b", np.zeros(1))[0]
    )
    assert book.totals(rows, by)["cost_usd"].sum() == pytest.approx(whole, abs=SAME * scale)


@given(model=strategies.cost_models(), order=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_neither_the_order_of_lines_nor_a_name_changes_a_total(model: CostModel, order):
    lines = list(model.lines)
    order.shuffle(lines)
    renamed = tuple(
        replace(line, option="z" if line.option == "a" else line.option) for line in lines
    )
    before, after = model.totals_usd(), CostModel(model.months, renamed).totals_usd()
    scale = max(1.0, sum(float(np.abs(v.cost_usd).sum()) for v in model.valued()))
    for old, new in (("a", "z"), ("b", "b")):
        if old in before:
            assert float(after[new][0]) == pytest.approx(float(before[old][0]), abs=SAME * scale)


@given(model=strategies.cost_models(), factor=st.floats(0.1, 10))
@settings(max_examples=50)
def test_cost_scales_with_price(model: CostModel, factor: float):
    dearer = tuple(replace(x, unit_price_usd=x.unit_price_usd * factor) for x in model.lines)
    before, after = model.totals_usd(), CostModel(model.months, dearer).totals_usd()
    scale = max(1.0, sum(float(np.abs(v.cost_usd).sum()) for v in model.valued())) * factor
    for option, usd in before.items():
        assert float(after[option][0]) == pytest.approx(float(usd[0]) * factor, abs=SAME * scale)


def test_splitting_a_month_of_work_changes_no_nominal_total():
    work = {"role": "engineer", "hours": 12, "usd": 600}
    whole = rows_of(deployment_work={"integration": work})
    split = rows_of(deployment_work={"integration": work | {"over_months": 4}})
    assert split["cost_usd"].sum() == pytest.approx(whole["cost_usd"].sum(), rel=SAME)
    assert len(split) == len(whole) + 2 * 3


@given(bought=st.integers(1, 3), life=st.integers(1, 60), share=st.floats(0, 1))
@settings(max_examples=8, deadline=None)
def test_cash_and_accrual_have_one_sum_over_an_assets_life(bought: int, life: int, share: float):
    server = {"month": bought, "life_months": life, "residual_share": {"likely": share}}
    rows = rows_of("asset", one_off={"server": server})
    months = worked_plans.scenario("asset").months
    cash = by_month_usd(rows, months, Basis.CASH, 0.1)
    accrual = by_month_usd(rows, months, Basis.ACCRUAL, 0.1)
    assert accrual.sum() == pytest.approx(cash.sum(), abs=1e-6)
    credits = rows[rows["flow"] == Flow.CREDIT]["cost_usd"].sum()
    assert credits == pytest.approx(-24_000 * share, abs=1e-6)
