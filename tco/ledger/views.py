"""One option's cost in several views: splits, unit costs by month, who used it, what it earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from tco.domain.business import ShowBack
from tco.domain.cost import Basis, Kind, Nature, Phase
from tco.ledger import book
from tco.ledger.expression import Array
from tco.ledger.finance import by_month_usd

SPLITS = ("flow", "nature", "behaviour", "payee")
"""Columns of the ledger whose few words each make a view."""
NOT_WORKING = (Kind.WASTED, Kind.IDLE)
IDLE = "idle"


def splits_usd(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the nominal cost by capex and opex, one-off and run, behaviour, payee [USD]."""
    return {
        column: {
            str(word): float(usd)
            for word, usd in rows.groupby(column, sort=False)["cost_usd"].sum().items()
        }
        for column in SPLITS
    }


def bases_usd(
    rows: pd.DataFrame, months: Sequence[date], rate_per_year: float
) -> dict[Basis, Array]:
    """Return cost by month in each view of time [USD]."""
    return {basis: by_month_usd(rows, months, basis, rate_per_year) for basis in Basis}


def per_unit_usd(cost_usd: Array, units: Array, of: float = 1.0) -> Array:
    """Return cost over units by month; NaN in a month without any [USD per ``of`` units].

    >>> per_unit_usd(np.array([10.0, 5.0]), np.array([2000.0, 0.0]), of=1000).tolist()
    [5.0, nan]
    """
    none = np.full(cost_usd.shape, np.nan)
    return np.asarray(np.divide(cost_usd * of, units, out=none, where=units > 0))


# ---- show-back ----------------------------------------------------------------------------------


def show_back_usd(rows: pd.DataFrame, asked: ShowBack) -> dict[str, dict[str, float]]:
    """Share an option's nominal cost among those who use it; each way of telling has the same sum.

    What did not work stands apart under its own name, is shared evenly, or by use.
    """
    idle = book.total_usd(rows[rows["kind"].isin(NOT_WORKING)])
    worked = book.total_usd(rows) - idle
    found: dict[str, dict[str, float]] = {}
    for way, shares in asked.shares.items():
        names = list(shares)
        own = {name: worked * share for name, share in shares.items()}
        if asked.idle == "by_use":
            own = {name: own[name] + idle * shares[name] for name in names}
        elif asked.idle == "evenly":
            own = {name: own[name] + idle / len(names) for name in names}
        else:
            own[IDLE] = idle
        found[way] = own
    return found


# ---- profit and loss ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProfitAndLoss:
    """A model as a product, by month, accrual [USD]."""

    value: Array
    serving: Array
    """Answering requests: tokens, machines, what stands around them."""
    running: Array
    """Every other cost that goes on as long as it runs."""
    one_off: Array
    """What is spent once, assets spread over their life."""

    @property
    def margin(self) -> Array:
        """Value less serving: what each request leaves."""
        return self.value - self.serving

    @property
    def profit(self) -> Array:
        """What is left of it after everything."""
        return self.margin - self.running - self.one_off


def profit_and_loss(rows: pd.DataFrame, months: Sequence[date], value_usd: Array) -> ProfitAndLoss:
    """Hold the value of answers against what they cost, month by month."""

    def accrued(part: pd.DataFrame) -> Array:
        return by_month_usd(part, months, Basis.ACCRUAL, 0.0)

    is_run = rows["nature"] == Nature.RUN
    serves = rows["phase"] == Phase.INFERENCE
    return ProfitAndLoss(
        value_usd,
        accrued(rows[is_run & serves]),
        accrued(rows[is_run & ~serves]),
        accrued(rows[~is_run]),
    )


def by_fiscal_year(
    by_month: Mapping[str, Array], months: Sequence[date], start_month: int
) -> dict[int, dict[str, float]]:
    """Sum figures by fiscal year, named by the calendar year in which it ends."""
    years = [day.year + int(day.month >= start_month > 1) for day in months]
    return {
        year: {
            name: float(values[[own == year for own in years]].sum())
            for name, values in by_month.items()
        }
        for year in dict.fromkeys(years)
    }
