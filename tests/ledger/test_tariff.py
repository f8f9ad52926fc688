"""Unit prices: one's own discount, shocks, and prices that a commitment holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.record import Estimate, Evidence
from tco.ledger.expression import evidence_of, sources_of
from tco.ledger.option import likely_months
from tco.ledger.tariff import Held, active_months, times, unit_price
from tests.cases import worked_plans

LIST = Estimate(likely=10.0, evidence=Evidence.PUBLISHED, source="price list")
TODAY = Held()
RISE = {"applies_to": ("acme/*",), "shocks": [{"name": "rise", "month": 5, "change": 1.0}]}


def prices(*, seller: str = "acme", horizon: int = 30, is_own: bool = False, held=TODAY, **changes):
    scenario = worked_plans.changed(
        worked_plans.scenario("api-tokens"), horizon_months=horizon, **changes
    )
    price = unit_price(
        scenario, seller, f"price.{seller}/x", "USD/h", LIST, is_own=is_own, held=held
    )
    return price, likely_months(price, horizon).tolist()


def test_a_list_price_stays_as_it_is():
    _, months = prices()
    assert months == [10.0] * 30


def test_ones_own_discount_is_named_and_taken_once():
    deal = {"negotiated_discounts": {"acme": {"share": 0.25, "source": "contract 7"}}}
    price, months = prices(organisation=deal)
    assert months == [7.5] * 30
    assert "negotiated: contract 7" in sources_of(price)
    assert evidence_of(price) is Evidence.PUBLISHED, "the list price is the weaker half"
    assert prices(organisation=deal, is_own=True)[1] == [10.0] * 30, "it is in the price already"
    assert prices(organisation=deal, seller="other")[1] == [10.0] * 30


def test_shocks_change_prices_from_their_month_on_and_multiply():
    fall = {"name": "fall", "month": 7, "change": -0.5}
    later = {"applies_to": ("acme/*", "b/*"), "shocks": [fall]}
    _, months = prices(price_paths={"rise": RISE, "fall": later})
    assert months == [10.0] * 4 + [20.0] * 2 + [10.0] * 24
    assert prices(price_paths={"rise": RISE}, seller="other")[1] == [10.0] * 30


def test_a_commitment_holds_its_price_until_it_is_renewed():
    _, months = prices(price_paths={"rise": RISE}, held=Held(1, 12))
    assert months == [10.0] * 12 + [20.0] * 18
    _, months = prices(price_paths={"rise": RISE}, held=Held(3, 12))
    assert months[2:14] == [10.0] * 12
    assert months[14:] == [20.0] * 16
    agreed_after = prices(price_paths={"rise": RISE}, held=Held(6, 36))[1]
    assert agreed_after[5:] == [20.0] * 25, "agreed when it was dear already"


@given(first=st.integers(1, 60), term=st.sampled_from([12, 36]), month=st.integers(1, 120))
def test_a_price_was_agreed_at_the_start_of_its_term(first: int, term: int, month: int):
    agreed = Held(first, term).agreed_in(month)
    if month < first:
        assert agreed == month
    else:
        assert agreed <= month < agreed + term
        assert (agreed - first) % term == 0


def test_months_are_switched_on_and_off():
    assert active_months("x", 1, 4, 4) is None
    some = active_months("x", 2, 3, 4)
    assert some is not None
    assert some.values == (0.0, 1.0, 1.0, 0.0)
    assert some.source == "months 2 to 3 of the scenario"
    only = active_months("x", 2, 2, 4)
    assert only is not None
    assert only.source == "month 2 of the scenario"
    never = active_months("x", 5, 4, 4)
    assert never is not None
    assert never.values == (0.0,) * 4


def test_factors_that_are_not_there_change_nothing():
    price, _ = prices()
    assert times(price, [None, None]) is price
    assert likely_months(times(price, [None, price]), 1) == pytest.approx([100.0], rel=1e-12)
