"""Contracts with an API's vendor: refused with the numbers, the same in draws and in a workbook."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.export.workbook import workbook
from tco.ledger.expression import Driver, RunningSum, Series, Valuation
from tests.cases import worked_plans
from tests.export.recalculated import Recalculated


def plan(**contract):
    base = worked_plans.scenario("api-contract").model_dump()
    whole = {"source": "a test", **contract}
    return worked_plans.laid_over(
        base, {"candidates": {"promised": {"deployment": {"contract": whole}}}}
    )


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        ({"period_months": None}, "period_months is missing; 12 months of 120,000 USD"),
        ({"minimum_usd": None}, "minimum_usd is missing"),
        ({"minimum_usd": 0}, "likely is 0, below the least allowed, 1"),
        ({"discount_share": 1.2}, "1.2"),
        ({"credits": {"usd": 100, "expire_after_months": 0}}, "greater than or equal to 1"),
        (
            {"minimum_usd": None, "period_months": None, "discount_share": None, "credits": None},
            "give minimum_usd with period_months, discount_share or credits",
        ),
    ],
)
def test_a_contract_that_agrees_on_nothing_whole_is_refused(contract, message):
    with pytest.raises(ValidationError, match=message):
        Scenario.model_validate(plan(**contract))


def test_a_discount_that_the_organisation_states_too_is_refused_with_both():
    whole = plan()
    whole["organisation"]["negotiated_discounts"] = {
        "bigvendor": {"share": 0.1, "source": "a letter of January"}
    }
    found = worked_plans.evaluation_of(Scenario.model_validate(whole))
    [promised] = [left for left in found.ranking.excluded if left.option == "promised"]
    assert "bigvendor takes 10% off already, from a letter of January" in promised.reasons[0]


def test_what_is_promised_is_paid_whatever_is_used_and_no_more_than_what_is_used_above_it():
    """Without credits a contract costs the larger of promise and use, period by period."""
    for minimum_usd in (1000, 30_000, 38_640, 60_000):
        found = worked_plans.evaluation_of(
            Scenario.model_validate(plan(minimum_usd=minimum_usd, credits=None))
        )
        rows = found.ledger[found.ledger["option"] == "promised"]
        used = [12 * 4025 * 0.8, 6 * 4025 * 0.8]
        expected = sum(max(part, minimum_usd) for part in used)
        assert rows["cost_usd"].sum() == pytest.approx(expected, abs=0.005)


def promised_with(training, **deployment):
    """The option with the contract and a training plan: evaluated, and its costs by category."""
    whole = worked_plans.laid_over(
        plan(),
        {
            "candidates": {
                "promised": {
                    "lifecycle": {"training": {"lead_months": 0, **training}},
                    "deployment": deployment,
                }
            }
        },
    )
    found = worked_plans.evaluation_of(Scenario.model_validate(whole))
    rows = found.ledger[found.ledger["option"] == "promised"]
    return found, rows.groupby("category")["cost_usd"].sum()


def test_a_contract_is_one_for_all_specialists():
    plain, one = promised_with({})
    found, four = promised_with({"tasks": {"count": 4, "sharing": "specialists"}})
    assert four.to_dict() == pytest.approx(one.to_dict(), rel=1e-12)
    totals = (each.model.totals_usd()["promised"] for each in (plain, found))
    assert next(totals) == pytest.approx(next(totals), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("limits", {"requests_per_minute": 1e6, "source": "a test"}),
        (
            "provisioned",
            {
                "units": 10,
                "tokens_per_minute_per_unit": 1e5,
                "output_token_weight": 4,
                "usd_per_unit_hour": 1,
                "above": "pay_as_you_go",
            },
        ),
    ],
)
def test_specialists_on_what_belongs_to_one_account_are_refused(name, figures):
    tasks = {"tasks": {"count": 4, "sharing": "specialists"}}
    latency = {"p50": 900, "p95": 2000, "evidence": "stated", "source": "a test"}
    found, _ = promised_with(tasks, latency_ms=latency, **{name: figures})
    [promised] = [left for left in found.ranking.excluded if left.option == "promised"]
    assert f"{name} belongs to one account" in promised.reasons[0]
    assert "the 4 specialists" in promised.reasons[0]


def test_tokens_that_prompting_sends_along_are_under_the_contract():
    prompting = {"tokens_per_request": 500, "cached_share": 0.8}
    _, rows = promised_with({"prompting": prompting})
    _, without = promised_with({})
    assert rows["tokens"] > without["tokens"] + 1000
    # A fifth off all tokens, and the credits of 5,000 USD are used up in both.
    assert rows["contract"] == pytest.approx(-0.2 * rows["tokens"] - 5000, rel=1e-12)
    month = 0.8 * rows["tokens"] / 18
    unused = [max(0, 48_000 - counted) for counted in (12 * month - 5000, 6 * month)]
    assert rows["commitment"] == pytest.approx(sum(unused), rel=1e-12)


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=24),
    months=st.integers(1, 13),
    factors=st.lists(st.floats(0.1, 3), min_size=1, max_size=3),
)
def test_a_running_sum_begins_anew_with_each_period(values, months, factors):
    periods = tuple(float(n // months) for n in range(len(values)))
    drawn = Driver("x", "-", 1.0, Evidence.STATED, "a test")
    term = Series("term", "USD", tuple(values), Evidence.STATED, "a test") * drawn
    sums = RunningSum(term, Series("period", "-", periods, Evidence.STATED, "a test"))
    found = Valuation({"x": np.array(factors)}).of(sums)
    for row, factor in zip(found, factors, strict=True):
        so_far = 0.0
        for month, value in enumerate(values):
            so_far = value * factor if month % months == 0 else so_far + value * factor
            assert row[month] == pytest.approx(so_far, rel=1e-9, abs=1e-6)


def test_the_workbook_says_the_same_and_follows_a_larger_promise():
    found = worked_plans.evaluated("api-contract")
    book = Recalculated(workbook(found))
    for sheet, row, column, formula in book.formulas():
        then, now = book.cached_value(sheet, row, column), book.value(sheet, row, column)
        if isinstance(then, int | float) and not isinstance(then, bool):
            assert now == pytest.approx(then, rel=1e-9, abs=1e-9), (sheet, row, column, formula)
    name = "candidates.promised.deployment.contract.minimum_usd"
    row, _ = book.assumption_rows()[name]
    book.set("Assumptions", row, 2, 50_000.0)
    expected = found.model.totals_usd({name: np.array([50_000.0])})
    title = worked_plans.scenario("api-contract").candidates["promised"].title
    assert book.totals()[title] == pytest.approx(float(expected["promised"][0]), rel=1e-9)
