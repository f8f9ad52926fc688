"""People, items and switches in their months; the sums are worked by hand in tests/cases."""

from typing import Any

import pandas as pd
import pytest

from tests.cases import worked_plans

BASE = worked_plans.scenario("staged")
ITEM = {"title": "x", "phase": "data", "payee": "other"}


def rows_of(lifecycle: dict[str, Any], *, option: str = "small-until-busy") -> pd.DataFrame:
    """Return the rows of one item of Big, which starts in month 3 of 4 when it is a stage."""
    found = worked_plans.evaluation_of(BASE, candidates={"big": {"lifecycle": lifecycle}})
    rows = found.ledger
    return rows[(rows["option"] == option) & rows["category"].isin(["people", "monthly"])]


def months(rows: pd.DataFrame) -> list[int]:
    return [int(month) for month in rows["month"].dt.month]


@pytest.mark.parametrize(
    ("stretch", "alone", "as_stage"),
    [
        ({}, [1, 2, 3, 4], [3, 4]),
        ({"first": 2}, [2, 3, 4], [4]),
        ({"last": 1}, [1], [3]),
        ({"first": 2, "last": 3}, [2, 3], [4]),
        ({"first": 4}, [4], []),
    ],
)
def test_months_count_from_the_start_of_the_stage(stretch, alone, as_stage):
    monthly = {"monthly": {"x": ITEM | {"usd_per_month": 5, "months": stretch}}}
    people = {"people": {"x": {"role": "engineer", "fte": 1, "phase": "data", "months": stretch}}}
    for lifecycle in (monthly, people):
        assert months(rows_of(lifecycle, option="big")) == alone
        assert months(rows_of(lifecycle)) == as_stage


def test_an_item_that_falls_after_its_stage_is_not_bought():
    item = {"small": {"lifecycle": {"one_off": {"x": ITEM | {"usd": 9, "month": 4}}}}}
    found = worked_plans.evaluation_of(BASE, candidates=item).ledger
    bought = found[found["item"] == "x"]
    assert bought["option"].tolist() == ["small"], "as a stage Small ends after month 3"


def test_people_are_paid_by_the_hour_of_their_role():
    people = {"people": {"x": {"role": "engineer", "fte": 0.5, "phase": "data"}}}
    [row, *_] = rows_of(people, option="big").to_dict("records")
    assert (row["quantity"], row["unit"]) == (50.0, "person-hour")
    assert (row["unit_price_usd"], row["payee"]) == (100.0, "payroll")
    assert "price list made up" in row["price_ref"]


def test_a_role_that_nobody_prices_leaves_the_option_out_with_the_reason():
    people = {"people": {"x": {"role": "wizard", "fte": 1, "phase": "data"}}}
    found = worked_plans.evaluation_of(BASE, candidates={"big": {"lifecycle": people}}).ranking
    assert [a.option for a in found.excluded] == ["big", "small-until-busy"]
    assert all("no price for 'wizard'" in a.reasons[0] for a in found.excluded)


def test_a_shared_role_that_nobody_prices_leaves_out_what_runs_today_too():
    people = {"people": {"x": {"role": "wizard", "fte": 1, "phase": "data"}}}
    found = worked_plans.evaluation_of(worked_plans.scenario("incumbent"), lifecycle=people).ranking
    assert [a.option for a in found.excluded] == ["big", "keep-as-is"]
    assert found.options == ()
