"""What runs today against the options: savings, paybacks, and the last bill beside its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from tco.domain.cost import Basis, Nature, Phase
from tco.domain.scenario import Incumbent
from tco.ledger.expression import Array, Driver, Valuation, leaves_of
from tco.ledger.finance import by_month_usd, discount_factors
from tco.ledger.model import CostLine, CostModel, cost_usd, value_line

ROUNDING_USD = 1e-6
SHOWN = 3
"""Rows that are named beside a gap."""


# ---- what an option saves -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Payback:
    """An option against what runs today; savings above 0 are money kept."""

    option: str
    saving_usd: float
    """Nominal, over the horizon [USD]."""
    saving_pv_usd: float
    """The same in today's money [USD]."""
    payback_month: int | None
    """Month from whose end on its savings have paid for what it took; None where that does not
    happen within the plan."""
    discounted_payback_month: int | None
    """The same in today's money."""
    most_laid_out_usd: float
    """The most by which what was paid ran ahead of keeping things as they are [USD]."""
    roi: float | None
    """Saving over the most that was laid out [-]; None where nothing was."""


def paybacks(
    rows: pd.DataFrame, incumbent: str, months: Sequence[date], rate_per_year: float
) -> tuple[Payback, ...]:
    """Hold every option of a ledger against what runs today, in cash.

    Args:
        rows: The ledger.
        incumbent: The option that what runs today is ranked as.
        months: First day of each month.
        rate_per_year: Discount rate [1/year].
    """
    paid = {
        str(option): by_month_usd(own, months, Basis.CASH, rate_per_year)
        for option, own in rows.groupby("option", sort=False)
    }
    if incumbent not in paid:
        return ()
    factors = discount_factors(np.array([rate_per_year]), len(months))[0]
    kept = paid.pop(incumbent)
    return tuple(_payback(option, kept - usd, factors) for option, usd in paid.items())


def _payback(option: str, saved_usd: Array, factors: Array) -> Payback:
    so_far = np.cumsum(saved_usd)
    laid_out = max(0.0, -float(so_far.min()))
    saving = float(so_far[-1])
    return Payback(
        option,
        saving,
        float(saved_usd @ factors),
        _paid_back(so_far),
        _paid_back(np.cumsum(saved_usd * factors)),
        laid_out,
        saving / laid_out if laid_out > ROUNDING_USD else None,
    )


def _paid_back(so_far_usd: Array) -> int | None:
    """Return the first month from whose end on nothing is owed any more, counted from 1.

    >>> _paid_back(np.array([-5.0, 1.0, -1.0, 0.0])), _paid_back(np.array([1.0, -1.0]))
    (4, None)
    """
    owing = np.flatnonzero(so_far_usd < -ROUNDING_USD)
    after = 1 if owing.size == 0 else int(owing[-1]) + 2
    return after if after <= so_far_usd.size else None


# ---- the last bill ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that may be why model and bill differ."""

    item: str
    modelled_usd: float
    movable_usd: float
    """How far its own figures, within their ranges, let it move towards the bill [USD]."""


@dataclass(frozen=True, slots=True)
class BillCheck:
    """The modelled last month beside the bill that was paid."""

    option: str
    modelled_usd: float
    paid_usd: float
    suspects: tuple[Suspect, ...]
    """Rows most likely to explain the gap, the likeliest first."""

    @property
    def gap_usd(self) -> float:
        """What the bill has more than the model [USD]."""
        return self.paid_usd - self.modelled_usd


def check_bill(model: CostModel, incumbent: Incumbent | None) -> BillCheck | None:
    """Model last month by the option that describes what runs today, and hold it against the bill.

    It is the option's first month of serving at last month's requests: what follows the volume is
    scaled to them, the rest stays. The bill is for serving: no other phase is held against it.
    None where no option describes what runs today, or that one was left out.
    """
    if incumbent is None or incumbent.option is None:
        return None
    lines = [
        line
        for line in model.lines
        if line.option == incumbent.option
        and line.phase is Phase.INFERENCE
        and line.nature is Nature.RUN
    ]
    volumes = [Valuation().of(line.volume)[0] for line in lines if line.volume is not None]
    if not volumes:
        return None
    months = len(model.months)
    served = np.max([np.broadcast_to(volume, months) for volume in volumes], axis=0)
    month = int(np.flatnonzero(served > 0)[0])
    factor = incumbent.last_month_requests / float(served[month])
    paid = incumbent.last_month_bill_usd.likely

    def of_last_month(line: CostLine, usd: float) -> float:
        return usd if line.volume is None else usd * factor

    valued = [value_line(line, Valuation(), months) for line in lines]
    likely = [of_last_month(one.line, float(one.cost_usd[0, month])) for one in valued]
    modelled = sum(likely)
    suspects = [
        Suspect(
            line.item,
            usd,
            of_last_month(line, _movable(line, months, month, up=paid > modelled)),
        )
        for line, usd in zip(lines, likely, strict=True)
        if usd != 0
    ]
    suspects.sort(key=lambda one: (-one.movable_usd, -abs(one.modelled_usd)))
    return BillCheck(incumbent.option, modelled, paid, tuple(suspects[:SHOWN]))


def _movable(line: CostLine, months: int, month: int, *, up: bool) -> float:
    """Return how far a line moves one way when each of its own figures does what moves it most."""
    own: dict[str, Driver] = {
        leaf.name: leaf
        for expression in (line.quantity, line.unit_price_usd)
        for leaf in leaves_of(expression)
        if isinstance(leaf, Driver) and leaf.low is not None
    }

    def usd(draws: dict[str, Array]) -> Array:
        at = Valuation(draws, is_nan_beyond=True)
        cost = cost_usd(at.of(line.quantity), at.of(line.unit_price_usd))
        return np.broadcast_to(cost, (cost.shape[0], months))[:, month]

    likely = float(usd({})[0])
    ends: dict[str, Array] = {}
    for name, leaf in own.items():
        both = np.array([leaf.low, leaf.high], dtype=np.float64)
        steps = usd({name: both}) - likely
        # An end beyond what was simulated tells nothing.
        reach = np.nan_to_num(steps if up else -steps, nan=-np.inf)
        best = int(np.argmax(reach))
        if reach[best] > 0:
            ends[name] = both[best : best + 1]
    moved = float(np.nan_to_num(usd(ends)[0] - likely))
    return max(0.0, moved if up else -moved)
