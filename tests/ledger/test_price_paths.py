"""Prices that drift, jump and end over the months of a plan."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from tco.domain.price import PricePath, PriceShock
from tco.domain.record import Estimate
from tco.ledger.expression import Valuation
from tco.ledger.tariff import Held, end_of_life, unit_price
from tco.prices.paths import multiplier


class Plan:
    """What a tariff reads of a scenario."""

    def __init__(self, *, inflation: Estimate | None = None, **paths: PricePath) -> None:
        self.price_paths = paths
        self.horizon_months = 36
        self.start = date(2027, 1, 1)
        self.organisation = type(
            "Organisation", (), {"negotiated_discounts": {}, "inflation_per_year": inflation}
        )()


def months(plan: Any, name="price.openai/gpt-5-mini.standard.output", held=None):
    price = unit_price(plan, "openai", name, "USD/Mtok", Estimate(likely=2.0), held=held or Held())
    values = Valuation().of(price)[0]
    return np.broadcast_to(values, (36,))


PATH = PricePath(
    applies_to=("openai/*",),
    yearly_change=Estimate(likely=-0.2),
    shocks=(PriceShock(name="vendor raises prices", month=13, change=Estimate(likely=0.3)),),
)


@pytest.mark.parametrize("steps", ["monthly", "yearly"])
def test_a_price_follows_its_path_month_by_month(steps):
    path = PATH.model_copy(update={"steps": steps})
    np.testing.assert_allclose(months(Plan(slow=path)), 2.0 * multiplier(path, 36, "likely"))


def test_the_second_year_of_a_yearly_path_is_worked_out_by_hand():
    found = months(Plan(slow=PATH.model_copy(update={"steps": "yearly"})))
    assert found[11] == 2.0
    assert found[12] == pytest.approx(2.0 * 0.8 * 1.3)


def test_a_price_follows_the_narrowest_drift_and_every_shock():
    flat = PricePath(applies_to=("openai/gpt-5-mini*",), yearly_change=Estimate(likely=0.0))
    found = months(Plan(wide=PATH, narrow=flat))
    assert set(found[:12]) == {2.0}
    assert found[12:] == pytest.approx(2.0 * 1.3), "a shock reaches all that it names"


def test_a_path_of_another_seller_moves_nothing():
    assert set(months(Plan(other=PATH.model_copy(update={"applies_to": ("aws/*",)})))) == {2.0}


def test_a_commitment_holds_its_price_until_it_is_renewed():
    found = months(Plan(slow=PATH), held=Held(1, 12))
    assert set(found[:12]) == {2.0}
    assert found[12] == pytest.approx(2.0 * 0.8 * 1.3)
    assert len(set(found[12:24])) == 1


def test_an_end_of_sale_within_the_plan_is_said_with_its_day():
    plan: Any = Plan(gone=PricePath(applies_to=("openai/gpt-5-mini",), ends_on=date(2028, 1, 1)))
    assert end_of_life(plan, ["openai/gpt-5-mini", "aws/x"]) == [
        "openai/gpt-5-mini is sold until 2028-01-01, for 12 of the 36 months; "
        "what serves after that is not stated"
    ]
