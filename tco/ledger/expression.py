"""Quantities and prices as small expressions over named drivers.

An expression can be evaluated for many draws at once, opened down to its leaves for a person, and
written as a spreadsheet formula: one statement of the arithmetic, many readings of it.

Values are arrays of shape (draws or 1, months or 1); draw 0 is the likely case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.domain.record import Estimate, Evidence, worse

Array = NDArray[np.float64]


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
    )


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """Return what an expression is directly made of."""
    match expression:
        case Sum(terms):
            return terms
        case Product(factors):
            return factors
        case Least(choices):
            return choices
        case Difference(whole, part):
            return (whole, part)
        case Ratio(top, bottom):
            return (top, bottom)
        case Power(base, exponent):
            return (base, exponent)
        case _:
            return ()


def leaves_of(expression: Expression) -> Iterator[Driver | Series]:
    """Yield the drivers and series that an expression rests on, each once, in reading order."""
    seen: set[str] = set()

    def walk(here: Expression) -> Iterator[Driver | Series]:
        if isinstance(here, Driver | Series):
            if here.name not in seen:
                seen.add(here.name)
                yield here
            return
        for part in parts_of(here):
            yield from walk(part)

    yield from walk(expression)


def evidence_of(expression: Expression) -> Evidence:
    """Return the weakest grade among the leaves; a bare constant is as good as measured."""
    return worse(Evidence.MEASURED, *(leaf.evidence for leaf in leaves_of(expression)))


def sources_of(expression: Expression) -> str:
    """Join the sources of the leaves, each once."""
    return "; ".join(dict.fromkeys(leaf.source for leaf in leaves_of(expression)))


@dataclass(slots=True)
class Valuation:
    """Evaluates expressions for one table of draws; a shared part is worked out once."""

    draws: Mapping[str, Array] = field(default_factory=dict)
    """Draws by driver name, each of shape (draws,); a driver without any takes its likely value."""
    _known: dict[int, tuple[Any, Array]] = field(default_factory=dict)

    def of(self, expression: Expression) -> Array:
        """Return the value, of shape (draws or 1, months or 1)."""
        known = self._known.get(id(expression))
        if known is None:
            known = (expression, self._worked_out(expression))
            self._known[id(expression)] = known
        return known[1]

    def _worked_out(self, expression: Expression) -> Array:
        match expression:
            case Number(value):
                return np.full((1, 1), value)
            case Driver(name=name, likely=likely):
                drawn = self.draws.get(name)
                return np.full((1, 1), likely) if drawn is None else drawn[:, np.newaxis]
            case Series(values=values):
                return np.asarray(values, dtype=np.float64)[np.newaxis, :]
            case Sum(terms):
                return reduce(np.add, [self.of(term) for term in terms])
            case Product(factors):
                return reduce(np.multiply, [self.of(factor) for factor in factors])
            case Least(choices):
                return reduce(np.minimum, [self.of(choice) for choice in choices])
            case Difference(whole, part):
                return np.subtract(self.of(whole), self.of(part))
            case Ratio(top, bottom):
                return np.divide(self.of(top), self.of(bottom))
            case Power(base, exponent):
                return np.power(self.of(base), self.of(exponent))
            case _:  # pragma: no cover - a new kind of expression must be added above
                raise TypeError(f"no rule to evaluate {type(expression).__name__}")
