"""The ledger: rows of draw 0, their sums, and the checks that a broken one cannot pass."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.cost import LEDGER_COLUMN_NAMES, Kind
from tco.domain.record import Evidence
from tco.ledger import book
from tco.ledger.model import CostModel
from tests import strategies
from tests.cases import worked_plans

SAME = 1e-9
"""Relative: float sums in another order."""


def rows_of(name: str = "staged") -> pd.DataFrame:
    return worked_plans.evaluated(name).ledger.copy()


@given(model=strategies.cost_models())
def test_every_generated_ledger_passes_its_checks(model: CostModel):
    rows = book.ledger(model, tags={"team": "search"})
    assert book.findings(rows) == []
    assert list(rows.columns) == list(LEDGER_COLUMN_NAMES)
    assert (rows["quantity"] != 0).all(), "a month without quantity has no row"
    assert {json.loads(tags)["team"] for tags in rows["tags"]} <= {"search"}


@given(
    model=strategies.cost_models(),
    by=st.lists(
        st.sampled_from(["month", "option", "phase", "kind", "payee", "evidence", "cause", "item"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
)
def test_totals_over_any_partition_are_the_sum(model: CostModel, by: list[str]):
    rows = book.ledger(model)
    parts = book.totals(rows, by)["cost_usd"]
    scale = max(1.0, rows["cost_usd"].abs().sum())
    assert parts.sum() == pytest.approx(book.total_usd(rows), rel=SAME, abs=SAME * scale)
    assert list(parts) == sorted(parts, reverse=True)


@given(model=strategies.cost_models())
def test_the_ledger_is_draw_zero_of_the_model(model: CostModel):
    rows = book.ledger(model)
    for option, usd in model.totals_usd().items():
        own = rows[rows["option"] == option]
        assert usd.shape == (1,)
        assert usd[0] == pytest.approx(book.total_usd(own), rel=SAME, abs=SAME)
    assert set(rows["option"]) <= set(model.totals_usd())


@given(model=strategies.cost_models(), random=st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_nothing(model: CostModel, random):
    shuffled = list(model.lines)
    random.shuffle(shuffled)
    by = ["option", "month", "item"]
    one, other = (
        book.totals(book.ledger(each), by).sort_values([*by, "cost_usd"], ignore_index=True)
        for each in (model, CostModel(model.months, tuple(shuffled)))
    )
    pd.testing.assert_frame_equal(one, other, rtol=SAME)


@given(model=strategies.cost_models())
def test_cost_scales_with_prices(model: CostModel):
    drivers = model.drivers()
    tripled = {
        name: np.array([one.likely, 3 * one.likely])
        for name, one in drivers.items()
        if name.startswith("price.")
    }
    for usd in model.totals_usd(tripled).values():
        assert usd[1] == pytest.approx(3 * usd[0], rel=SAME, abs=SAME)


@given(model=strategies.cost_models())
def test_a_model_of_some_options_holds_theirs_alone(model: CostModel):
    alone = model.of(["a"])
    assert {line.option for line in alone.lines} <= {"a"}
    assert len(alone.lines) + len(model.of(["b"]).lines) == len(model.lines)


def test_drivers_are_named_once_and_series_are_none():
    model = worked_plans.evaluated("growth-and-prices").model
    names = model.drivers()
    assert [one.name for one in names.values()] == list(names)
    assert "workload.growth_per_year" in names
    assert "calendar.years_since_start" not in names


def test_an_empty_ledger_is_a_ledger():
    rows = book.ledger(CostModel((date(2027, 1, 1),), ()))
    assert rows.empty
    assert book.findings(rows) == []
    assert book.total_usd(rows) == 0.0
    assert book.evidence_shares(rows) == {}


def test_months_stand_down_and_names_across():
    rows = rows_of("cascade")
    table = book.monthly_pivot(rows[rows["option"] == "small-then-big"], "snapshot")
    assert table.loc["2027-02-01"].to_dict() == pytest.approx(
        {"small": 140.0, "big": 560.0, "small+big": 0.0}, rel=SAME
    )
    assert list(table.index) == sorted(table.index)


def test_capacity_and_idle_are_sums_over_kinds():
    rows = rows_of("static-fleet")
    assert book.capacity_usd(rows) == pytest.approx(28_320.0, rel=SAME)
    assert book.idle_usd(rows) == pytest.approx(23_010.0, rel=SAME)
    assert book.capacity_usd(rows_of("api-tokens")) == 0.0


def test_shares_of_evidence_sum_to_one_and_come_best_first():
    shares = book.evidence_shares(rows_of("static-fleet"))
    assert sum(shares.values()) == pytest.approx(1.0, rel=SAME)
    assert list(shares) == [grade for grade in Evidence if grade.value in shares]


@pytest.mark.parametrize("name", worked_plans.NAMES)
def test_the_worked_ledgers_pass(name: str):
    assert book.findings(rows_of(name)) == []


# ---- each planted violation is found ------------------------------------------------------------


def planted(column: str, value: str | float, *, name: str = "static-fleet") -> list[str]:
    rows = rows_of(name)
    rows.loc[rows.index[0], column] = value
    return book.findings(rows)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("cost_usd", 1.0, "1 rows are not q x p"),
        ("quantity", np.nan, "have no finite quantity"),
        ("unit_price_usd", np.inf, "have no finite unit_price_usd"),
        ("cost_usd", np.nan, "have no finite cost_usd"),
        ("quantity", -1.0, "have a negative quantity"),
        ("price_ref", "", "have an empty price_ref"),
        ("quantity_ref", "", "have an empty quantity_ref"),
        ("evidence", "", "have an empty evidence"),
        ("unit", "", "have an empty unit"),
        ("item", "", "have an empty item"),
        ("evidence", "hearsay", "have an unknown grade of evidence"),
        ("kind", Kind.WASTED.value, "are not busy and name no cause"),
        ("cause", "laziness", "name a cause of waste and are none"),
        ("flow", "capex", "are assets without a life"),
    ],
)
def test_a_planted_violation_is_found(column: str, value: str | float, problem: str):
    found = planted(column, value)
    assert any(problem in finding for finding in found), found
    assert all("first: own, " in finding and ", 2027-01" in finding for finding in found)


def test_a_negative_cost_that_is_no_credit_is_found():
    rows = rows_of()
    rows.loc[0, ["unit_price_usd", "cost_usd"]] *= -1
    assert any("are negative and no credit" in finding for finding in book.findings(rows))
    rows.loc[0, "flow"] = "credit"
    assert book.findings(rows) == []


def test_a_credit_that_costs_is_found():
    rows = rows_of()
    rows.loc[0, "flow"] = "credit"
    assert any("are credits and positive" in finding for finding in book.findings(rows))


def test_missing_and_moved_columns_are_found():
    rows = rows_of()
    assert "not those of the ledger" in book.findings(rows.drop(columns="payee"))[0]
    assert "not those of the ledger" in book.findings(rows[list(rows.columns)[::-1]])[0]


def test_totals_that_lose_rows_are_found(monkeypatch: pytest.MonkeyPatch):
    rows, whole = rows_of(), book.totals
    monkeypatch.setattr(book, "totals", lambda rows, by: whole(rows, by).iloc[1:])
    found = book.findings(rows)
    assert [finding.split(" add to")[0] for finding in found] == [
        f"totals by {name}" for name in ("option", "phase", "kind", "payee", "month")
    ]
