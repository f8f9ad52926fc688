"""Plans worked out by hand, to the cent; the planner shows the same arithmetic when it is asked."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import yaml

from tco.domain.cost import Basis, Phase
from tco.ledger.explain import Opened, open_option
from tco.ledger.finance import by_month_usd
from tests.cases import worked_plans
from tests.cases.opened import amounts_in, dollars, first_amount, products_of

CENT = 0.01
HALF_A_CENT = 0.005 + 1e-9


def expected(name: str) -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = yaml.safe_load(
        (worked_plans.FOLDER / name / "expected.yaml").read_text()
    )
    return answers


CASES = [(name, option) for name in worked_plans.NAMES for option in expected(name)]
PARTS = [
    pytest.param(name, option, part, id=f"{name}-{option}-{number}")
    for name, option in CASES
    for number, part in enumerate(expected(name)[option].get("parts", []), start=1)
]


def rows_of(name: str, option: str, part: dict[str, Any]) -> pd.DataFrame:
    """Select rows of the ledger as a part of ``expected.yaml`` names them; items by their start."""
    rows = worked_plans.evaluated(name).ledger
    rows = rows[rows["option"] == option]
    for column, value in part.items():
        if column == "usd":
            continue
        texts = rows[column].map("{:%Y-%m}".format) if column == "month" else rows[column]
        rows = rows[texts.str.startswith(value)]
    return rows


def test_there_are_as_many_cases_as_the_method_has_parts():
    assert len(worked_plans.NAMES) >= 10
    assert len(PARTS) > 40


def test_every_phase_of_a_life_is_worked_by_hand():
    by_hand = {part["phase"] for name, option in CASES for part in parts_of(name, option)}
    assert by_hand >= set(Phase)
    whole = {part["phase"] for part in parts_of("whole-life", "own")}
    assert whole == set(Phase), "and one plan has them all"


def parts_of(name: str, option: str) -> list[dict[str, Any]]:
    """Return the parts that name a phase."""
    return [part for part in expected(name)[option].get("parts", []) if "phase" in part]


@pytest.mark.parametrize(("name", "option"), CASES)
def test_the_totals_are_those_worked_by_hand(name: str, option: str):
    ranking = worked_plans.evaluated(name).ranking
    [answer] = [answer for answer in ranking.options if answer.option == option]
    wanted = {k: v for k, v in expected(name)[option].items() if k not in ("parts", "by_month_usd")}
    assert wanted, "a case states at least its total"
    for figure, usd in wanted.items():
        assert getattr(answer.money, figure) == pytest.approx(usd, abs=HALF_A_CENT), figure


@pytest.mark.parametrize(("name", "option", "part"), PARTS)
def test_the_parts_are_those_worked_by_hand(name: str, option: str, part: dict[str, Any]):
    rows = rows_of(name, option, part)
    assert not rows.empty
    assert rows["cost_usd"].sum() == pytest.approx(part["usd"], abs=HALF_A_CENT)


@pytest.mark.parametrize("basis", list(Basis))
def test_an_asset_under_three_views_of_time(basis: Basis):
    found = worked_plans.evaluated("asset")
    by_hand = expected("asset")["big"]["by_month_usd"][basis.value]
    by_month = by_month_usd(found.ledger, found.scenario.months, basis, 0.1)
    assert list(by_month) == pytest.approx(by_hand, abs=HALF_A_CENT)


# ---- tco explain reproduces the arithmetic ------------------------------------------------------


def opened(name: str, option: str) -> Iterator[Opened]:
    """Open the option over the horizon and in each month."""
    found = worked_plans.evaluated(name)
    for month in (None, *range(found.scenario.horizon_months)):
        yield open_option(found.model, option, month)


@pytest.mark.parametrize("name", worked_plans.NAMES)
def test_every_amount_of_the_write_up_is_in_the_opened_number(name: str):
    write_up = (worked_plans.FOLDER / name / "README.md").read_text()
    options = expected(name)
    known = {
        dollars(amount)
        for option in options
        for tree in opened(name, option)
        for line in tree.lines()
        for amount in amounts_in(line)
    }
    # Sums over several lines, and views of time, are not lines of a tree.
    for answer in options.values():
        known |= {round(part["usd"], 2) for part in answer.get("parts", [])}
        known |= {
            round(usd, 2) for months in answer.get("by_month_usd", {}).values() for usd in months
        }
        known |= {round(answer.get(figure, 0), 2) for figure in ("tco_usd", "pv_usd")}
    wanted = {dollars(amount) for amount in amounts_in(write_up)}
    assert len(wanted) > 3
    assert sorted(wanted - known) == STATED_ONLY.get(name, [])


STATED_ONLY = {
    "growth-and-prices": [2.0],  # the list price before one's own discount
    "asset": [1000.0],  # what a month of life costs, before the tokens
}
"""Steps on the way that the tree shows in another form."""


@pytest.mark.parametrize(("name", "option"), CASES)
def test_the_opened_parts_sum_to_the_total(name: str, option: str):
    total = expected(name)[option]["tco_usd"]
    whole, *months = opened(name, option)
    assert first_amount(whole) == pytest.approx(total, abs=HALF_A_CENT)
    for tree in (whole, *months):
        lines = [line for phase in tree.parts for line in phase.parts]
        assert sum(map(first_amount, tree.parts)) == pytest.approx(
            first_amount(tree), abs=CENT * len(tree.parts) / 2 + 1e-9
        ), "each is rounded to a cent"
        assert sum(map(first_amount, lines)) == pytest.approx(
            first_amount(tree), abs=CENT * len(lines) / 2 + 1e-9
        )
    assert sum(map(first_amount, months)) == pytest.approx(total, abs=CENT * len(months) / 2 + 1e-9)


@pytest.mark.parametrize(("name", "option"), CASES)
def test_a_pocket_calculator_agrees_with_every_product(name: str, option: str):
    products = [pair for tree in opened(name, option) for pair in products_of(tree)]
    assert products
    for product, cost in products:
        assert math.isclose(product, cost, abs_tol=HALF_A_CENT)
