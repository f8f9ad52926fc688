"""Whose lifecycle a phase belongs to, and how its months lie on the horizon."""

from __future__ import annotations

from dataclasses import dataclass

from tco.domain.months import Months
from tco.domain.record import Evidence
from tco.ledger.catalogued import Shop
from tco.ledger.expression import Expression, Series
from tco.ledger.option import Part
from tco.ledger.tariff import active_months


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose lifecycle it is: where it stands in the file, its months, and what it serves."""

    shop: Shop
    path: str
    """Key path of the lifecycle, the start of every line's key."""
    first_month: int
    """Month of the horizon that the lifecycle counts as its month 1."""
    last_month: int
    volume: Expression
    """Requests a month that the holder answers, over the whole horizon."""
    part: Part | None = None
    """The option with its snapshot; None for what all options share, and for routes."""

    @property
    def horizon_months(self) -> int:
        """Months of the plan."""
        return self.shop.scenario.horizon_months

    def span(self, months: Months) -> tuple[int, int]:
        """Return first and last month of the horizon; the first may lie beyond the last."""
        shift = self.first_month - 1
        last = self.last_month if months.last is None else months.last + shift
        return months.first + shift, min(last, self.last_month)

    def each_month(self, name: str, months: Months) -> Expression | None:
        """Return 1 in the months of a stretch and 0 elsewhere; None where that is all months."""
        return active_months(f"{name}.months", *self.span(months), self.horizon_months)

    def once(self, name: str, month: int) -> Expression | None:
        """Return 1 in one month and 0 elsewhere; None where that is all months."""
        return self.each_month(name, Months(first=month, last=month))

    def evenly(self, name: str, months: Months) -> Expression | None:
        """Return the share of each month in something spread evenly over a stretch.

        What of the stretch lies beyond the holder's last month is not paid within the plan.
        """
        if months.last is None or months.last == months.first:
            return self.each_month(name, months)
        first, last = self.span(months)
        share = 1 / (months.last - months.first + 1)
        values = tuple(
            share if first <= month <= last else 0.0 for month in range(1, self.horizon_months + 1)
        )
        source = f"spread evenly over months {months.first} to {months.last} of the work"
        return Series(f"{name}.months", "-", values, Evidence.STATED, source)
