"""Costs of options on one basis, for many draws at once: what all questions of money look through.

Ranges, sensitivity, flip values and break-even are evaluations of one cost model; they differ in
the draws that they put in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tco.domain.cost import Basis
from tco.ledger.expression import Array, Driver
from tco.ledger.finance import discount_factors, spread_over_life_usd
from tco.ledger.model import CostModel

Draws = Mapping[str, Array]
"""Values by driver name, each of shape (draws,)."""
BLOCK_DRAWS = 512
"""So many draws are worked out at a time: their arrays stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class View:
    """A cost model on one basis; where it has no figure, costs are NaN."""

    model: CostModel
    basis: Basis
    discount_rate: Driver

    @property
    def options(self) -> tuple[str, ...]:
        """Options that have a line, in the order of the model."""
        return tuple(dict.fromkeys(line.option for line in self.model.lines))

    def of(self, *options: str) -> View:
        """Look at some options only."""
        return View(self.model.of(options), self.basis, self.discount_rate)

    def drivers(self) -> dict[str, Driver]:
        """Return every driver that a cost rests on, by name."""
        drivers = self.model.cost_drivers()
        if self.basis is Basis.PRESENT_VALUE:
            drivers[self.discount_rate.name] = self.discount_rate
        return drivers

    def totals_usd(self, draws: Draws) -> dict[str, Array]:
        """Return each option's cost over the horizon [USD], of shape (draws,)."""
        # Accrual moves money between months and leaves the sum as it is.
        basis = Basis.PRESENT_VALUE if self.basis is Basis.PRESENT_VALUE else Basis.CASH
        found: dict[str, list[Array]] = {option: [] for option in self.options}
        for block in _blocks(draws):
            for option, cost in self._by_month(block, basis).items():
                found[option].append(_finite(cost.sum(axis=1)))
        return {option: np.concatenate(parts) for option, parts in found.items()}

    def by_month_usd(self, draws: Draws) -> dict[str, Array]:
        """Return each option's cost of each month [USD], of shape (draws, months)."""
        found: dict[str, list[Array]] = {option: [] for option in self.options}
        for block in _blocks(draws):
            for option, cost in self._by_month(block, self.basis).items():
                found[option].append(_finite(cost))
        return {option: np.concatenate(parts) for option, parts in found.items()}

    def _by_month(self, draws: Draws, basis: Basis) -> dict[str, Array]:
        """Add up lines: those alike in all draws or months stay small until one is not."""
        count, months = _count(draws), len(self.model.months)
        totals: dict[str, Array] = {}
        # What is divided by may be moved to nothing: such a draw has no cost.
        with np.errstate(divide="ignore", invalid="ignore"):
            for line, paid in self.model.costs(draws):
                cost = paid
                if basis is Basis.ACCRUAL and line.life_months is not None:
                    whole = np.broadcast_to(paid, (paid.shape[0], months))
                    cost = spread_over_life_usd(whole, line.life_months)
                before = totals.get(line.option)
                totals[line.option] = cost if before is None else before + cost
        if basis is Basis.PRESENT_VALUE:
            rate = draws.get(self.discount_rate.name)
            rates = np.array([self.discount_rate.likely]) if rate is None else rate
            factors = discount_factors(rates, months)
            totals = {option: cost * factors for option, cost in totals.items()}
        return {option: np.broadcast_to(cost, (count, months)) for option, cost in totals.items()}


def _finite(cost_usd: Array) -> Array:
    return np.where(np.isfinite(cost_usd), cost_usd, np.nan)


def _count(draws: Draws) -> int:
    return next((values.size for values in draws.values()), 1)


def _blocks(draws: Draws) -> Iterator[Draws]:
    count = _count(draws)
    for start in range(0, count, BLOCK_DRAWS):
        block = slice(start, start + BLOCK_DRAWS)
        yield {name: values[block] for name, values in draws.items()}
