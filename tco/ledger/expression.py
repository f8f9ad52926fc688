"""Quantities and prices as small expressions over named drivers.

An expression can be evaluated for many draws at once, opened down to its leaves for a person, and
written as a spreadsheet formula: one statement of the arithmetic, many readings of it.

Values are arrays of shape (draws or 1, months or 1); draw 0 is the likely case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.domain.record import Estimate, Evidence, worse
from tco.errors import InfeasibleError

Array = NDArray[np.float64]
ROUNDING = 1e-9
MOST_READ = 8192
"""Expressions whose leaves are remembered: those of some twenty plans."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """Base of all expressions; arithmetic builds new ones."""

    def __add__(self, other: Expression | float) -> Expression:
        return Sum((self, _as_expression(other)))

    def __sub__(self, other: Expression | float) -> Expression:
        return Difference(self, _as_expression(other))

    def __rsub__(self, other: float) -> Expression:
        return Difference(_as_expression(other), self)

    def __mul__(self, other: Expression | float) -> Expression:
        return Product((self, _as_expression(other)))

    def __truediv__(self, other: Expression | float) -> Expression:
        return Ratio(self, _as_expression(other))

    __radd__ = __add__
    __rmul__ = __mul__


@dataclass(frozen=True, slots=True, eq=False)
class Number(Expression):
    """A constant of the arithmetic, such as a conversion of units; not an input."""

    value: float
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Driver(Expression):
    """A named input with its range, source and grade: what draws vary and what flips an answer."""

    name: str
    unit: str
    likely: float
    evidence: Evidence
    source: str
    low: float | None = None
    high: float | None = None
    checked_on: date | None = None
    """Day on which its source was read, or the figure measured; None where nobody says."""


@dataclass(frozen=True, slots=True, eq=False)
class Series(Expression):
    """A named value for each month of the horizon, the same in all draws."""

    name: str
    unit: str
    values: tuple[float, ...]
    evidence: Evidence
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Expression):
    """All terms added."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Difference(Expression):
    """The first less the second."""

    whole: Expression
    part: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Product(Expression):
    """All factors multiplied."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ratio(Expression):
    """The first over the second."""

    top: Expression
    bottom: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Power(Expression):
    """A base raised to an exponent."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Least(Expression):
    """The smallest of several."""

    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RunningSum(Expression):
    """What has come together since a period began, this month included."""

    term: Expression
    period: Series
    """Number of the period that each month belongs to; months of one follow one another."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Expression):
    """Straight lines between the points of a simulated table, at arguments within it.

    With a second argument the table is a grid: ``values`` holds the row of ``points`` for the first
    of ``second_points``, then that for the next, and a value lies on straight lines both ways.
    """

    name: str
    unit: str
    argument: Expression
    points: tuple[float, ...]
    values: tuple[float, ...]
    evidence: Evidence
    source: str
    second: Expression | None = None
    second_points: tuple[float, ...] = ()


Leaf = Driver | Series | Lookup
"""What carries a source; a look-up rests on its arguments too."""


def _as_expression(value: Expression | float) -> Expression:
    return value if isinstance(value, Expression) else Number(float(value))


def driver(name: str, unit: str, estimate: Estimate) -> Driver:
    """Make a driver of an estimate; a plain number in a file is stated by that file."""
    return Driver(
        name,
        unit,
        estimate.likely,
        estimate.evidence,
        estimate.source or "stated in the scenario",
        estimate.low,
        estimate.high,
        estimate.checked_on,
    )


_PARTS: dict[type[Expression], Callable[[Any], tuple[Expression, ...]]] = {
    Sum: lambda it: it.terms,
    Product: lambda it: it.factors,
    Least: lambda it: it.choices,
    Difference: lambda it: (it.whole, it.part),
    Ratio: lambda it: (it.top, it.bottom),
    Power: lambda it: (it.base, it.exponent),
    RunningSum: lambda it: (it.term, it.period),
    Lookup: lambda it: (it.argument,) if it.second is None else (it.argument, it.second),
}


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """Return what an expression is directly made of."""
    parts = _PARTS.get(type(expression))
    return () if parts is None else parts(expression)


@lru_cache(maxsize=MOST_READ)
def leaves_of(expression: Expression) -> tuple[Leaf, ...]:
    """Return what an expression rests on, each once, in reading order.

    It never changes, and is asked for its grade, its sources and its drivers one after another.
    """
    leaves: dict[str, Leaf] = {}
    seen: set[int] = set()
    ahead = [expression]
    while ahead:
        here = ahead.pop()
        if id(here) in seen:  # a shared part is read where it stands first
            continue
        seen.add(id(here))
        if isinstance(here, (Driver, Series, Lookup)):
            leaves.setdefault(here.name, here)
        ahead += reversed(parts_of(here))
    return tuple(leaves.values())


def evidence_of(expression: Expression) -> Evidence:
    """Return the weakest grade among the leaves; a bare constant is as good as measured."""
    return worse(Evidence.MEASURED, *(leaf.evidence for leaf in leaves_of(expression)))


def sources_of(expression: Expression) -> str:
    """Join the sources of the leaves, each once."""
    return "; ".join(dict.fromkeys(leaf.source for leaf in leaves_of(expression)))


_JOINED_BY: dict[type[Expression], np.ufunc] = {
    Sum: np.add,
    Product: np.multiply,
    Least: np.minimum,
    Difference: np.subtract,
    Ratio: np.divide,
    Power: np.power,
}


@dataclass(slots=True)
class Valuation:
    """Evaluates expressions for one table of draws; a shared part is worked out once."""

    draws: Mapping[str, Array] = field(default_factory=dict)
    """Draws by driver name, each of shape (draws,); a driver without any takes its likely value."""
    is_nan_beyond: bool = False
    """Beyond what was simulated: NaN in those draws, or an error for all of them."""
    _known: dict[int, tuple[Any, Array]] = field(default_factory=dict)

    def of(self, expression: Expression) -> Array:
        """Return the value, of shape (draws or 1, months or 1)."""
        known = self._known.get(id(expression))
        if known is None:
            known = (expression, self._worked_out(expression))
            self._known[id(expression)] = known
        return known[1]

    def _worked_out(self, expression: Expression) -> Array:
        joined_by = _JOINED_BY.get(type(expression))
        if joined_by is not None:
            return reduce(joined_by, [self.of(part) for part in parts_of(expression)])
        match expression:
            case Number(value):
                return np.array([[value]])
            case Driver(name=name, likely=likely):
                drawn = self.draws.get(name)
                return np.array([[likely]]) if drawn is None else drawn[:, np.newaxis]
            case Series(values=values):
                return np.asarray(values, dtype=np.float64)[np.newaxis, :]
            case Lookup():
                return self._looked_up(expression)
            case RunningSum(term, period):
                return _summed(self.of(term), np.array(period.values))
        raise TypeError(f"no way to work out a {type(expression).__name__}")

    def _looked_up(self, table: Lookup) -> Array:
        """Interpolate; a table says nothing beyond its ends."""
        at = self.of(table.argument)
        beyond = self._beyond(table.name, at, table.points, "Widen the range of the volume")
        if table.second is None:
            found = np.interp(at, table.points, table.values)
        else:
            across = self.of(table.second)
            action = "Widen the range of the service time"
            beyond = beyond | self._beyond(table.name, across, table.second_points, action)
            found = _on_the_grid(table, at, across)
        # A line ends at its points; a rounding beyond them would be use that is less than none.
        found = np.clip(found, min(table.values), max(table.values))
        return np.where(beyond, np.nan, found) if beyond.any() else found

    def _beyond(
        self, name: str, at: Array, points: tuple[float, ...], action: str
    ) -> NDArray[np.bool_]:
        """Tell which values lie outside a table, or refuse them."""
        low, high = points[0], points[-1]
        # A product taken in another order may miss the end by its last digits.
        beyond = (at < low - ROUNDING * abs(low)) | (at > high + ROUNDING * abs(high))
        if beyond.any() and not self.is_nan_beyond:
            raise InfeasibleError(
                f"{name} was simulated from {low:,.4g} to {high:,.4g} and is asked for at "
                f"{at.min():,.4g} to {at.max():,.4g}. {action}"
            )
        return np.asarray(beyond)


def _summed(values: Array, periods: Array) -> Array:
    """Return, for each month, the sum over the months so far that are of its period."""
    counts = np.triu(periods[:, np.newaxis] == periods).astype(np.float64)
    return np.asarray(np.broadcast_to(values, (values.shape[0], periods.size)) @ counts)


def _on_the_grid(table: Lookup, at: Array, across: Array) -> Array:
    """Read a grid: along each of the two rows around the second argument, then between them."""
    rows = np.array(table.values).reshape(len(table.second_points), len(table.points))
    points = np.array(table.second_points)
    if points.size == 1:
        return np.asarray(np.interp(at, table.points, rows[0]) + 0.0 * across)
    at, across = np.broadcast_arrays(at, np.clip(across, points[0], points[-1]))
    below = np.clip(np.searchsorted(points, across, side="right") - 1, 0, points.size - 2)
    found = np.empty(at.shape)
    for row in range(points.size - 1):
        here = below == row
        share = (across[here] - points[row]) / (points[row + 1] - points[row])
        low, high = (np.interp(at[here], table.points, rows[k]) for k in (row, row + 1))
        found[here] = low + share * (high - low)
    return found
