"""Views of time: what is paid, what is expensed, and what it is worth today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tco.domain.cost import Basis
from tco.units import MONTHS_PER_YEAR, REQUESTS_PER_THOUSAND

Array = NDArray[np.float64]


def discount_factors(rates_per_year: Array, months: int) -> Array:
    """Return (1 + r) ** -((k + 0.5) / 12) for each rate and month k after the start [-].

    >>> discount_factors(np.array([0.0]), 2).tolist()
    [[1.0, 1.0]]
    """
    middle = (np.arange(months) + 0.5) / MONTHS_PER_YEAR
    return np.asarray((1.0 + rates_per_year[:, np.newaxis]) ** -middle)


def by_month_usd(
    rows: pd.DataFrame, months: Sequence[date], basis: Basis, rate_per_year: float
) -> Array:
    """Return cost by month on a basis [USD], of shape (months,).

    Cash counts a row when it is paid. Accrual spreads an asset evenly over its life, as far as the
    horizon reaches; what is left in the books then, less what the asset fetches as a credit, is the
    loss of its disposal in the last month, so that both views have the same sum. Present value
    discounts cash.
    """
    count = len(months)
    first = np.datetime64(months[0], "M")
    at = (rows["month"].to_numpy("datetime64[M]") - first).astype(np.int64)
    cost = rows["cost_usd"].to_numpy(dtype=np.float64)
    cash = np.bincount(at, weights=cost, minlength=count).astype(np.float64)
    if basis is Basis.CASH:
        return cash
    if basis is Basis.PRESENT_VALUE:
        return np.asarray(cash * discount_factors(np.array([rate_per_year]), count)[0])
    is_asset = rows["life_months"].notna().to_numpy(dtype=bool)
    expensed = np.bincount(at[~is_asset], weights=cost[~is_asset], minlength=count)
    accrual = expensed.astype(np.float64)
    lives = rows["life_months"].to_numpy(dtype=np.float64, na_value=np.nan)
    for start, amount, life in zip(at[is_asset], cost[is_asset], lives[is_asset], strict=True):
        end = min(count, start + int(life))
        accrual[start:end] += amount / life
        accrual[count - 1] += amount - amount / life * (end - start)
    return accrual


def spread_over_life_usd(paid_usd: Array, life_months: int) -> Array:
    """Spread what is paid for assets in each month over their life, as ``by_month_usd`` does.

    Args:
        paid_usd: What is paid, of shape (draws, months) [USD].
        life_months: Life of what is bought; the rest of it is written off in the last month.

    >>> spread_over_life_usd(np.array([[40.0, 0.0]]), 4).tolist()
    [[10.0, 30.0]]
    """
    count = paid_usd.shape[1]
    later = np.arange(count)[np.newaxis, :] - np.arange(count)[:, np.newaxis]
    shares = ((later >= 0) & (later < life_months)) / life_months
    shares[:, -1] += 1.0 - shares.sum(axis=1)
    return np.asarray(paid_usd @ shares)


def levelised_cost_per_1k_usd(
    rows: pd.DataFrame, months: Sequence[date], monthly_requests: Array, rate_per_year: float
) -> float:
    """Return today's value of all cost over today's value of all requests [USD per 1,000].

    The even price a request at which the requests would pay for everything.
    """
    paid = by_month_usd(rows, months, Basis.PRESENT_VALUE, rate_per_year).sum()
    factors = discount_factors(np.array([rate_per_year]), len(months))[0]
    return float(paid / (monthly_requests @ factors) * REQUESTS_PER_THOUSAND)


def total_on_basis_usd(
    rows: pd.DataFrame, months: Sequence[date], basis: Basis, rate_per_year: float
) -> float:
    """Return the total of some rows on a basis [USD]."""
    return float(by_month_usd(rows, months, basis, rate_per_year).sum())
