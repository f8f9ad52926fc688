"""How many machines a plan commits to, term by term, and what of their hours is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tco.domain.deployment import CommitmentChoice
from tco.domain.scenario import Scenario
from tco.ledger.expression import Array, Expression, Number, Sum
from tco.ledger.option import Part, likely_months
from tco.ledger.tariff import active_months
from tco.prices.commitment import Term, best_level
from tco.sim.held import demand_by_hour
from tco.sim.ladder import Ladder
from tco.sim.months import SimulatedMonths
from tco.sim.usage import StaticUsage
from tco.units import HOURS_PER_QUOTED_MONTH, hours_in_month


@dataclass(frozen=True, slots=True)
class Stretch:
    """One term of a commitment, as far as the part serves."""

    first_month: int
    last_month: int
    owed_months: int
    """Months of the term after the last one [months]."""
    instances: int


@dataclass(frozen=True, slots=True)
class Committed:
    """What is committed over the months of a part."""

    name: str
    stretches: tuple[Stretch, ...]
    horizon_months: int
    is_cheapest: bool

    @property
    def note(self) -> str:
        """Say how many machines, when, and why as many."""
        told = ", ".join(
            f"{one.instances} in months {one.first_month} to {one.last_month}"
            for one in self.stretches
        )
        how = "cheapest on the simulated demand by hour" if self.is_cheapest else "as stated"
        return f"committed instances: {told} ({how})"

    def by_stretch(self, of: Callable[[int], Expression | None]) -> Expression | None:
        """Return an expression of the committed number, each stretch in its own months.

        Args:
            of: What holds at a number of committed instances; None for nothing.
        """
        terms = []
        by_number: dict[int, Expression | None] = {}
        for stretch in self.stretches:
            number = stretch.instances
            if number not in by_number:
                by_number[number] = of(number)
        if len(by_number) == 1:
            return next(iter(by_number.values()))
        for number, expression in by_number.items():
            if expression is not None:
                terms.append(expression * self._when(number))
        return Sum(tuple(terms)) if terms else None

    def _when(self, number: int) -> Expression:
        """Return 1 in the months in which so many are committed."""
        found: Expression = Number(0.0)
        for stretch in self.stretches:
            if stretch.instances == number:
                name = f"{self.name}.months_{stretch.first_month}_to_{stretch.last_month}"
                here = active_months(
                    name, stretch.first_month, stretch.last_month, self.horizon_months
                )
                assert here is not None
                found = here if isinstance(found, Number) else found + here
        return found


@dataclass(frozen=True, slots=True)
class Demand:
    """Machines held in the hours of each month, as what each level would cover [-]."""

    levels: tuple[int, ...]
    covered: Array
    """Of shape (months, levels)."""


def demand_of_static(usage: StaticUsage, months: int) -> Demand:
    """Return the demand of a fleet that never changes."""
    levels = (0, usage.instances)
    return Demand(levels, np.tile(np.array(levels, dtype=np.float64), (months, 1)))


def demand_of_simulated(
    ladder: Ladder, months: SimulatedMonths | None, rates_per_s: Array
) -> Demand:
    """Return the demand of a simulated fleet: the months themselves, or read off the ladder."""
    levels = tuple(ladder.covered)
    if months is not None:
        places = range(len(levels))
        return Demand(levels, np.array([months.covered(place) for place in places]).T)
    row = ladder.factors.index(1.0) * len(ladder.loads_per_s)
    at_likely = [
        np.interp(rates_per_s, ladder.loads_per_s, values[row : row + len(ladder.loads_per_s)])
        for values in ladder.covered.values()
    ]
    return Demand(levels, np.array(at_likely).T)


def commit(
    scenario: Scenario,
    part: Part,
    chosen: CommitmentChoice,
    demand: Demand,
    *,
    singly_usd_per_hour: Expression,
    committed_usd_per_hour: Expression,
) -> Committed:
    """Choose how many machines to commit to, anew for each term.

    It is decided at likely values, as whoever signs does; in draws that turn out otherwise the
    commitment stays.
    """
    term = chosen.purchase.term_months
    assert term is not None
    singly = likely_months(singly_usd_per_hour, scenario.horizon_months)
    agreed = likely_months(committed_usd_per_hour, scenario.horizon_months)
    stretches = []
    for first in range(part.first_month, part.last_month + 1, term):
        last = min(first + term - 1, part.last_month)
        owed = first + term - 1 - last
        if chosen.instances == "cheapest":
            wanted = _hours_of(scenario, demand, range(first - 1, last))
            hours = wanted.size + round(owed * HOURS_PER_QUOTED_MONTH)
            level = best_level(
                wanted,
                on_demand_usd_per_hour=float(singly[first - 1 : last].mean()),
                term=Term(float(agreed[first - 1]), hours),
                step=float(demand.levels[1]),
            ).level
        else:
            level = chosen.instances
        stretches.append(Stretch(first, last, owed, round(level)))
    name = f"usage.{part.name}.committed"
    is_cheapest = chosen.instances == "cheapest"
    return Committed(name, tuple(stretches), scenario.horizon_months, is_cheapest)


def _hours_of(scenario: Scenario, demand: Demand, months: Sequence[int]) -> Array:
    """Return the machines wanted in each hour of some months; which hour is which is no matter."""
    return np.concatenate(
        [
            demand_by_hour(
                demand.covered[month], demand.levels, hours_in_month(scenario.months[month])
            )
            for month in months
        ]
    )
