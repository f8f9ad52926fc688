"""Views of time: what is paid, what is expensed, and what it is worth today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tco.domain.cost import Basis
from tco.units import MONTHS_PER_YEAR

Array = NDArray[np.float64]


def discount_factors(rate_per_year: float, months: int) -> Array:
    """Return (1 + r) ** -((k + 0.5) / 12) for each month k after the start [-].

    >>> float(discount_factors(0.0, 2)[1])
    1.0
    """
    middle = (np.arange(months) + 0.5) / MONTHS_PER_YEAR
    return np.asarray((1.0 + rate_per_year) ** -middle)


def by_month_usd(
    rows: pd.DataFrame, months: Sequence[date], basis: Basis, rate_per_year: float
) -> Array:
    """Return cost by month on a basis [USD], of shape (months,).

    Cash counts a row when it is paid. Accrual spreads an asset evenly over its life, as far as the
    horizon reaches; what is left of it then is written off in the last month, so that both views
    have the same sum. Present value discounts cash.
    """
    count = len(months)
    place = {pd.Timestamp(month): k for k, month in enumerate(months)}
    at = rows["month"].map(place).to_numpy(dtype=np.int64)
    cost = rows["cost_usd"].to_numpy(dtype=np.float64)
    cash = np.bincount(at, weights=cost, minlength=count).astype(np.float64)
    if basis is Basis.CASH:
        return cash
    if basis is Basis.PRESENT_VALUE:
        return cash * discount_factors(rate_per_year, count)
    is_asset = rows["life_months"].notna().to_numpy(dtype=bool)
    expensed = np.bincount(at[~is_asset], weights=cost[~is_asset], minlength=count)
    accrual = expensed.astype(np.float64)
    lives = rows["life_months"].to_numpy(dtype=np.float64, na_value=np.nan)
    for start, amount, life in zip(at[is_asset], cost[is_asset], lives[is_asset], strict=True):
        end = min(count, start + int(life))
        accrual[start:end] += amount / life
        accrual[count - 1] += amount - amount / life * (end - start)
    return accrual


def total_on_basis_usd(
    rows: pd.DataFrame, months: Sequence[date], basis: Basis, rate_per_year: float
) -> float:
    """Return the total of some rows on a basis [USD]."""
    return float(by_month_usd(rows, months, basis, rate_per_year).sum())
