"""Cash, accrual, present value."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.cost import Basis
from tco.ledger import book
from tco.ledger.finance import by_month_usd, discount_factors, total_on_basis_usd
from tco.ledger.model import CostModel
from tco.units import month_start
from tests import strategies
from tests.cases import worked_plans

rates = st.floats(-0.3, 1.0)
SAME = 1e-9
"""Relative: float sums in another order."""
MONTHS = tuple(month_start(date(2027, 1, 1), k) for k in range(strategies.MONTHS))


@given(model=strategies.cost_models(), rate=rates)
def test_present_value_at_no_rate_is_the_sum_of_cash(model: CostModel, rate: float):
    rows = book.ledger(model)
    cash = by_month_usd(rows, model.months, Basis.CASH, rate)
    at_zero = by_month_usd(rows, model.months, Basis.PRESENT_VALUE, 0.0)
    assert np.array_equal(cash, at_zero)
    scale = max(1.0, rows["cost_usd"].abs().sum())
    assert cash.sum() == pytest.approx(book.total_usd(rows), abs=SAME * scale)


@given(
    model=strategies.cost_models(),
    lives=st.lists(st.one_of(st.none(), st.integers(1, 60)), min_size=30, max_size=30),
)
def test_accrual_moves_money_between_months_and_never_changes_the_sum(model, lives):
    rows = book.ledger(model)
    rows["life_months"] = rows["life_months"].astype("Int64")
    rows.loc[:, "life_months"] = (lives * 8)[: len(rows)]
    accrual = by_month_usd(rows, model.months, Basis.ACCRUAL, 0.1)
    scale = max(1.0, rows["cost_usd"].abs().sum())
    assert accrual.sum() == pytest.approx(book.total_usd(rows), abs=SAME * scale)


@given(life=st.integers(1, 48), bought=st.integers(0, strategies.MONTHS - 1))
def test_an_asset_is_spread_over_its_life_and_the_rest_written_off_at_the_end(life, bought):
    rows = worked_plans.evaluated("asset").ledger.head(1).copy()
    rows["month"] = [np.datetime64(MONTHS[bought])]
    rows["cost_usd"], rows["life_months"] = [4800.0], [life]
    by_hand = [0.0] * len(MONTHS)
    left = 4800.0
    for month in range(bought, min(bought + life, len(MONTHS))):
        by_hand[month] += 4800.0 / life
        left -= 4800.0 / life
    by_hand[-1] += left
    accrual = by_month_usd(rows, MONTHS, Basis.ACCRUAL, 0.1)
    assert accrual.tolist() == pytest.approx(by_hand, abs=1e-8)


@given(rate=rates)
def test_a_later_dollar_is_worth_less_unless_the_rate_is_negative(rate: float):
    factors = discount_factors(np.array([rate]), 24)[0]
    steps = np.diff(factors)
    assert (steps <= 0).all() if rate >= 0 else (steps >= 0).all()
    assert factors[12] / factors[0] == pytest.approx(1 / (1 + rate), rel=1e-12), "a year apart"


def test_the_middle_of_the_month_counts():
    factor = discount_factors(np.array([0.21]), 7)[0, 5]
    assert factor == pytest.approx(1.21 ** -(5.5 / 12), rel=1e-12)


@pytest.mark.parametrize("basis", list(Basis))
def test_no_rows_cost_nothing(basis: Basis):
    rows = worked_plans.evaluated("asset").ledger.iloc[:0]
    assert total_on_basis_usd(rows, MONTHS, basis, 0.1) == 0.0
