"""The one cost model: lines of quantity and unit price over named drivers.

This is the only place where a quantity meets a price. Draw 0 of the lines is the ledger; ranges,
sensitivity, flip values, break-even and the workbook are other evaluations of the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from tco.domain.cost import Behaviour, Flow, Kind, Nature, Payee, Phase, draws_power
from tco.ledger.expression import Array, Driver, Expression, Sum, Valuation, leaves_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One thing that costs money in some months, as quantity and unit price.

    ``volume`` is the part of the quantity that counts requests, where there is one: a bridge
    between two scenarios tells volume from size of requests by it. ``energy_kwh`` is what the line
    draws at the meter in each month, None where nobody measured it; ``co2e_kg_per_kwh`` is the grid
    behind that meter, ``embodied_co2e_kg`` this line's share of making the machines.
    """

    key: str
    option: str
    snapshot: str
    phase: Phase
    category: str
    item: str
    quantity: Expression
    unit: str
    unit_price_usd: Expression
    nature: Nature
    behaviour: Behaviour
    payee: Payee
    kind: Kind = Kind.NONE
    cause: str = ""
    flow: Flow = Flow.OPEX
    life_months: int | None = None
    volume: Expression | None = None
    energy_kwh: Expression | None = None
    co2e_kg_per_kwh: Expression | None = None
    embodied_co2e_kg: Expression | None = None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Everything that the line is worked out from."""
        known = (
            self.quantity,
            self.unit_price_usd,
            self.energy_kwh,
            self.co2e_kg_per_kwh,
            self.embodied_co2e_kg,
        )
        return tuple(expression for expression in known if expression is not None)

    @property
    def draws_power(self) -> bool:
        """Whether machines run for what this line pays, known or not how much they draw."""
        return draws_power(self.kind, self.category)


@dataclass(frozen=True, slots=True)
class ValuedLine:
    """A line with its numbers, each of shape (draws or 1, months)."""

    line: CostLine
    quantity: Array
    unit_price_usd: Array
    cost_usd: Array
    energy_kwh: Array | None = None
    co2e_kg: Array | None = None
    embodied_co2e_kg: Array | None = None


@dataclass(frozen=True)
class CostModel:
    """All lines of all options over one horizon."""

    months: tuple[date, ...]
    lines: tuple[CostLine, ...]

    def drivers(self) -> dict[str, Driver]:
        """Return every driver that some line rests on, by name."""
        return _drivers_of(x for line in self.lines for x in line.expressions)

    def cost_drivers(self) -> dict[str, Driver]:
        """Return every driver that some cost rests on, by name; energy that nobody pays is none."""
        return _drivers_of(x for y in self.lines for x in (y.quantity, y.unit_price_usd))

    def valued(self, draws: Mapping[str, Array] | None = None) -> list[ValuedLine]:
        """Evaluate every line; without draws, the likely case alone."""
        return self.likely if not draws else self._valued(draws)

    @cached_property
    def likely(self) -> list[ValuedLine]:
        """Every line in the likely case, worked out once."""
        return self._valued({})

    def _valued(self, draws: Mapping[str, Array]) -> list[ValuedLine]:
        valuation = Valuation(draws)
        return [value_line(line, valuation, len(self.months)) for line in self.lines]

    def costs(self, draws: Mapping[str, Array] | None = None) -> Iterator[tuple[CostLine, Array]]:
        """Yield each line's cost alone, for many draws at once [USD].

        Its shape is (draws or 1, months or 1): what no draw moves, or no month, is worked out once.
        A draw in which a line is asked for beyond what was simulated is NaN.
        """
        valuation = Valuation(draws or {}, is_nan_beyond=True)
        for line in self.lines:
            yield line, cost_usd(valuation.of(line.quantity), valuation.of(line.unit_price_usd))

    def totals_usd(self, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Return each option's nominal cost by draw [USD], of shape (draws or 1,)."""
        totals: dict[str, Array] = {}
        for valued in self.valued(draws):
            here = valued.cost_usd.sum(axis=1)
            totals[valued.line.option] = totals.get(valued.line.option, np.zeros(1)) + here
        return totals

    def totals_kwh(self, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Return each option's energy by draw [kWh]; an option with an unknown part is absent."""
        return self._totals_by_draw(draws, lambda valued: valued.energy_kwh)

    def totals_co2e_kg(self, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Return the carbon of each option's energy by draw [kg CO2e]; absent where unknown."""
        return self._totals_by_draw(draws, lambda valued: valued.co2e_kg)

    def _totals_by_draw(
        self, draws: Mapping[str, Array] | None, part: Callable[[ValuedLine], Array | None]
    ) -> dict[str, Array]:
        totals: dict[str, Array] = {}
        unknown: set[str] = set()
        for valued in self.valued(draws):
            here, option = part(valued), valued.line.option
            if here is not None:
                totals[option] = totals.get(option, np.zeros(1)) + here.sum(axis=1)
            elif valued.line.draws_power and valued.quantity.any():
                unknown.add(option)
        return {option: total for option, total in totals.items() if option not in unknown}

    def of(self, options: Iterable[str]) -> CostModel:
        """Return the model of some options only."""
        wanted = set(options)
        return CostModel(self.months, tuple(x for x in self.lines if x.option in wanted))


def _drivers_of(expressions: Iterable[Expression]) -> dict[str, Driver]:
    found: dict[str, Driver] = {}
    for expression in expressions:
        for leaf in leaves_of(expression):
            if isinstance(leaf, Driver):
                found.setdefault(leaf.name, leaf)
    return found


def value_line(line: CostLine, valuation: Valuation, months: int) -> ValuedLine:
    """Evaluate one line over all months."""
    quantity = valuation.of(line.quantity)
    price = valuation.of(line.unit_price_usd)
    draws = max(quantity.shape[0], price.shape[0])
    quantity = np.broadcast_to(quantity, (draws, months))
    price = np.broadcast_to(price, (draws, months))

    def by_month(expression: Expression | None) -> Array | None:
        if expression is None:
            return None
        value = valuation.of(expression)
        return np.broadcast_to(value, (value.shape[0], months))

    energy, grid = by_month(line.energy_kwh), by_month(line.co2e_kg_per_kwh)
    return ValuedLine(
        line,
        quantity,
        price,
        cost_usd(quantity, price),
        energy,
        None if energy is None or grid is None else np.multiply(energy, grid),
        by_month(line.embodied_co2e_kg),
    )


def cost_usd(quantity: Array, unit_price_usd: Array) -> Array:
    """Quantity x unit price [USD]: the one multiplication that makes money."""
    return np.multiply(quantity, unit_price_usd)


def spend(lines: Iterable[CostLine]) -> Expression:
    """Return what some lines cost together [USD], for who is owed by what is spent."""
    return Sum(tuple(line.quantity * line.unit_price_usd for line in lines))


@dataclass(frozen=True, slots=True)
class Step:
    """The part of a month's quantity that falls into one tier of a price."""

    quantity: Expression
    unit_price_usd: Expression
    from_units: float


@dataclass(slots=True)
class LineMaker:
    """Fills in what all lines of one part of an option share."""

    option: str
    snapshot: str
    lines: list[CostLine] = field(default_factory=list)

    def add(  # noqa: PLR0913 - one keyword for each column of a row
        self,
        key: str,
        *,
        phase: Phase,
        category: str,
        item: str,
        quantity: Expression,
        unit: str,
        unit_price_usd: Expression,
        nature: Nature,
        behaviour: Behaviour,
        payee: Payee,
        kind: Kind = Kind.NONE,
        cause: str = "",
        flow: Flow = Flow.OPEX,
        life_months: int | None = None,
        volume: Expression | None = None,
        energy_kwh: Expression | None = None,
        co2e_kg_per_kwh: Expression | None = None,
        embodied_co2e_kg: Expression | None = None,
    ) -> None:
        """Add one line."""
        self.lines.append(
            CostLine(
                key=key,
                option=self.option,
                snapshot=self.snapshot,
                phase=phase,
                category=category,
                item=item,
                quantity=quantity,
                unit=unit,
                unit_price_usd=unit_price_usd,
                nature=nature,
                behaviour=behaviour,
                payee=payee,
                kind=kind,
                cause=cause,
                flow=flow,
                life_months=life_months,
                volume=volume,
                energy_kwh=energy_kwh,
                co2e_kg_per_kwh=co2e_kg_per_kwh,
                embodied_co2e_kg=embodied_co2e_kg,
            )
        )

    def add_steps(  # noqa: PLR0913 - one keyword for each column that differs
        self,
        key: str,
        steps: Iterable[Step],
        *,
        share: Expression | None = None,
        item: str,
        phase: Phase,
        category: str,
        unit: str,
        nature: Nature = Nature.RUN,
        behaviour: Behaviour = Behaviour.FIXED,
        payee: Payee = Payee.CLOUD,
        kind: Kind = Kind.NONE,
        cause: str = "",
        volume: Expression | None = None,
    ) -> None:
        """Add a line a tier of a price: all that falls into it, or a share of each."""
        for step in steps:
            start = step.from_units
            self.add(
                f"{key}.above_{start:g}" if start else key,
                phase=phase,
                category=category,
                item=f"{item} above {start:,g}" if start else item,
                quantity=step.quantity if share is None else step.quantity * share,
                unit=unit,
                unit_price_usd=step.unit_price_usd,
                nature=nature,
                behaviour=behaviour,
                payee=payee,
                kind=kind,
                cause=cause,
                volume=volume,
            )
