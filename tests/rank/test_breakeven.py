"""Break-even against closed forms, and on plans that are evaluated anew."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.cost import Kind
from tco.domain.record import Evidence
from tco.ledger.expression import Series
from tco.plan import costs_at_volume
from tco.rank.breakeven import (
    Crossing,
    NoCrossing,
    largest_volume,
    machine_prices,
    month_crossing,
    price_crossing,
    token_prices,
    utilisation,
    volume_crossing,
)
from tco.rank.comparison import compared
from tests import shipped
from tests.cases import worked_plans
from tests.rank.plans import figure, line, view

PRICE = figure("price.vendor/model.standard.output", 10.0)
API = line("api", 100.0, PRICE)
OWN = line("own", 1.0, figure("rent", 1500.0))


def bill(factor: float) -> dict[str, float]:
    """An API at 10 a unit against 1,500 a month for at most 400 units."""
    own = {"own": 1500.0} if factor <= 4 else {}
    return {"api": 10.0 * 100 * factor, **own}


def test_a_price_crosses_where_the_bills_are_equal():
    found = price_crossing(view([API, OWN]), "own", "api", token_prices(view([API, OWN]), "api"))
    assert isinstance(found, Crossing)
    assert (found.cheaper_today, found.cheaper_beyond) == ("api", "own")
    assert found.factor == pytest.approx(1.5, rel=1e-9)


def test_a_price_that_cannot_make_up_for_the_rest_does_not_cross():
    fixed = line("own", 1.0, 2000.0)
    small = line("own", 1.0, figure("price.small", 1.0))
    found = price_crossing(
        view([API, fixed, small]), "api", "own", token_prices(view([small]), "own")
    )
    assert found == NoCrossing("no price from nothing to 1,000 times today's does it")


def test_machine_prices_are_those_of_capacity():
    machine = replace(
        line("own", 1.0, figure("price.gpu", 4.0)), kind=Kind.USED, category="compute"
    )
    idle = replace(machine, kind=Kind.WASTED, quantity=machine.quantity * 3.0)
    seen = view([machine, idle, API])
    assert [driver.name for driver in machine_prices(seen, "own")] == ["price.gpu"]
    assert utilisation(seen, "own") == pytest.approx(0.25)
    assert utilisation(seen, "api") is None


def test_the_month_is_the_first_by_whose_end_the_order_has_changed():
    """5,000 once and 100 a month against 900 a month: 5,000 = 800 x 6.25, so month 7."""
    once = Series("once", "-", (1.0, *(0.0,) * 11), Evidence.STATED, "x")
    lines = [line("own", once, 5000.0), line("own", 1.0, 100.0), line("api", 1.0, 900.0)]
    assert month_crossing(view(lines), "own", "api") == 7
    assert month_crossing(view(lines), "api", "own") == 7


def test_bills_that_keep_their_order_cross_in_no_month():
    lines = [line("own", 1.0, 100.0), line("api", 1.0, 900.0)]
    assert month_crossing(view(lines), "own", "api") is None


@given(rent=st.floats(1100, 3900))
@settings(max_examples=25)
def test_volumes_cross_where_the_bills_are_equal(rent: float):
    def at(factor: float) -> dict[str, float]:
        return bill(factor) | ({"own": rent} if factor <= 4 else {})

    found = volume_crossing(at, "api", "own")
    if rent > 3000:  # the last volume tried that it carries is three times today's
        assert isinstance(found, NoCrossing)
        assert "beyond which one of them cannot carry it" in found.reason
    else:
        assert isinstance(found, Crossing)
        assert (found.cheaper_today, found.cheaper_beyond) == ("api", "own")
        assert found.factor == pytest.approx(rent / 1000, rel=2e-3)


def test_the_largest_volume_that_a_budget_buys():
    assert largest_volume(bill, "api", 2500.0) == pytest.approx(2.5, rel=2e-3)
    assert largest_volume(bill, "own", 1500.0) == pytest.approx(4.0, rel=2e-3)
    assert largest_volume(bill, "own", 1499.0) is None


def test_a_plan_at_twice_the_volume_is_that_plan():
    found = worked_plans.evaluated("cascade")
    fields = found.scenario.model_dump()
    workload = fields["workload"]
    twice = worked_plans.evaluation_of(
        found.scenario,
        workload={"requests_per_month": 2 * workload["requests_per_month"]["likely"]},
    )
    expected = {a.option: a.money.basis_usd for a in twice.ranking.options if a.money}
    at = costs_at_volume(found, 2.0, worked_plans.catalog(), worked_plans.measurements())
    assert at == pytest.approx(expected, rel=1e-12)


def test_comparisons_are_said_and_written():
    found = shipped.evaluated("document-extraction/base")
    pairs = compared(found.outlook, found.requests_answered, lambda factor: {})
    assert [pair.question for pair in pairs] == ["open or proprietary", "build or buy"]
    for pair in pairs:
        assert pair.cheaper == found.outlook.winner
        assert "month: never within the 36 months" in pair.sentence
        assert {"volume", f"token price of {pair.cheaper}"} <= set(pair.as_data())
