"""The cost model's expressions as spreadsheet formulas: the same arithmetic, one row a step.

A month stands in the same column on every sheet, so a formula is the same all along its row. What
several lines share, and every table that is looked up, has a row of its own among the workings;
a driver is a named cell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tco.ledger.expression import (
    Array,
    Difference,
    Driver,
    Expression,
    Least,
    Lookup,
    Number,
    Power,
    Product,
    Ratio,
    RunningSum,
    Series,
    Sum,
    Valuation,
    parts_of,
)

WORKINGS, TABLES = "Workings", "Tables"
FIRST_WORKING = 5
"""Row of the first step, counted from 1; above it stand the title and the months."""
FIRST_POINT = 5
"""Row of the first point of each table."""
LONGEST_FORMULA = 4000
"""Characters; a spreadsheet takes 8,192."""
WHOLE_BELOW = 1e15
ROUNDING = 1e-9
"""A recalculated argument may miss the end of its table by this, relatively."""

_SIGNS: dict[type[Expression], str] = {
    Sum: "+",
    Product: "*",
    Difference: "-",
    Ratio: "/",
    Power: "^",
}


@dataclass(frozen=True, slots=True)
class Working:
    """One row of the workings: a step with its formula in the first month, and its values."""

    row: int
    what: str
    unit: str
    source: str
    formula: str | None
    """With ``{c}`` for the month's column; None where the values are inputs."""
    values: Array
    """The engine's value in each month."""


@dataclass(frozen=True, slots=True)
class Table:
    """Simulated points and what was read off at them, side by side among the tables."""

    column: int
    """Column of the points, counted from 0; the values stand to the right of it."""
    name: str
    points: tuple[float, ...]
    values: tuple[float, ...]
    """For the first of the second points, then for the next."""
    source: str
    second_points: tuple[float, ...] = ()

    @property
    def rows_of_values(self) -> list[tuple[float, ...]]:
        """The values at each second point; one row where there is no second argument."""
        width = len(self.points)
        return [self.values[n : n + width] for n in range(0, len(self.values), width)]

    @property
    def points_range(self) -> str:
        """Where the points stand."""
        return self._range(
            self.column, FIRST_POINT, self.column, FIRST_POINT + len(self.points) - 1
        )

    @property
    def second_points_range(self) -> str:
        """Where the points of the second argument stand: above their columns."""
        last = self.column + len(self.second_points)
        return self._range(self.column + 1, FIRST_POINT - 1, last, FIRST_POINT - 1)

    def at(self, place: str, second_place: str) -> str:
        """Return the formula of one value."""
        last = self.column + len(self.rows_of_values)
        values = self._range(self.column + 1, FIRST_POINT, last, FIRST_POINT + len(self.points) - 1)
        return f"INDEX({values},{place},{second_place})"

    @staticmethod
    def _range(first: int, top: int, last: int, bottom: int) -> str:
        left, right = column_letters(first), column_letters(last)
        return f"{TABLES}!${left}${top}:${right}${bottom}"


@dataclass(frozen=True, slots=True)
class _Axis:
    """The point before an argument, and the way to the next; no way where there is one point."""

    place: str
    share: str

    @property
    def places(self) -> tuple[str, ...]:
        return (self.place, f"{self.place}+1") if self.share else (self.place,)


def _between(ends: list[str], share: str) -> str:
    """Return the formula of a value on the straight line between two."""
    return ends[0] if not share else f"({ends[0]}+{share}*({ends[1]}-{ends[0]}))"


@dataclass(slots=True)
class Formulas:
    """Writes expressions as formulas, and keeps the rows and tables that they point at."""

    columns: tuple[str, ...]
    """Letters of the months' columns, the same on every sheet."""
    valuation: Valuation = field(default_factory=Valuation)
    workings: list[Working] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    names: dict[str, Driver] = field(default_factory=dict)
    """Drivers by the name of their cell, in the order of first use."""
    _name_of: dict[str, str] = field(default_factory=dict)
    _uses: Counter[int] = field(default_factory=Counter)
    _placed: dict[int, str] = field(default_factory=dict)
    _series: dict[tuple[str, tuple[float, ...]], str] = field(default_factory=dict)
    _axes: dict[tuple[str, tuple[float, ...]], _Axis] = field(default_factory=dict)
    _next_column: int = 0
    _kept: list[Expression] = field(default_factory=list)

    def count(self, expressions: Iterable[Expression]) -> None:
        """Count how often each step is used: what is shared gets a row of its own."""
        for expression in expressions:
            self._kept.append(expression)  # so that an identity is not given to another
            self._uses[id(expression)] += 1
            if self._uses[id(expression)] == 1:
                self.count(parts_of(expression))

    def values(self, expression: Expression) -> Array:
        """Return the engine's value in each month, likely case."""
        return np.broadcast_to(self.valuation.of(expression)[0], (len(self.columns),))

    def of(self, expression: Expression, *, inside: bool = False) -> str:
        """Write an expression, with ``{c}`` for the column of the month.

        Args:
            expression: What is written.
            inside: Whether it becomes part of a longer formula and may need brackets.
        """
        match expression:
            case Number(value):
                return literal(value)
            case Driver():
                return self._cell_name(expression)
            case Series():
                return self._series_row(expression)
            case Lookup():
                return self._looked_up(expression)
            case RunningSum(term, period):
                return self._summed(term, period)
        if self._uses[id(expression)] > 1:
            return self._shared_row(expression)
        text = self._joined(expression)
        return f"({text})" if inside and not isinstance(expression, Least) else text

    def _summed(self, term: Expression, period: Series) -> str:
        """Write a sum over the months so far that are of this month's period."""
        numbers, values = self._series_row(period), self.row_of(term)
        since = [row.replace("{c}", f"${self.columns[0]}", 1) for row in (numbers, values)]
        to = [row.removeprefix(f"{WORKINGS}!") for row in (numbers, values)]
        return f"SUMIF({since[0]}:{to[0]},{numbers},{since[1]}:{to[1]})"

    def _joined(self, expression: Expression) -> str:
        texts = [self.of(part, inside=True) for part in parts_of(expression)]
        if isinstance(expression, Least):
            return f"MIN({','.join(texts)})"
        text = _SIGNS[type(expression)].join(texts)
        if len(text) > LONGEST_FORMULA:
            raise ValueError(f"a formula of {len(text)} characters; give its parts rows")
        return text

    def _cell_name(self, driver: Driver) -> str:
        known = self._name_of.get(driver.name)
        if known is not None:
            return known
        name = base = cell_name(driver.name)
        number = 2
        while name.lower() in {taken.lower() for taken in self.names}:
            name, number = f"{base}_{number}", number + 1
        self.names[name] = driver
        self._name_of[driver.name] = name
        return name

    def _series_row(self, series: Series) -> str:
        key = (series.name, series.values)  # stages share names, in other months
        known = self._series.get(key)
        if known is None:
            known = self._add(series.name, series.unit, series.source, None, self.values(series))
            self._series[key] = known
        return known

    def _shared_row(self, expression: Expression) -> str:
        known = self._placed.get(id(expression))
        if known is None:
            text = self._joined(expression)
            values = self.values(expression)
            known = self._add(_in_words(expression), "", "worked out", text, values)
            self._placed[id(expression)] = known
        return known

    def _looked_up(self, table: Lookup) -> str:
        known = self._placed.get(id(table))
        if known is not None:
            return known
        width = max(1, len(table.second_points))
        held = Table(
            self._next_column,
            table.name,
            table.points,
            table.values,
            table.source,
            table.second_points,
        )
        self.tables.append(held)
        self._next_column += width + 1
        along = self._axis(table.name, table.argument, table.points, held.points_range)
        across = _Axis("1", "")
        if table.second is not None:
            across = self._axis(
                table.name, table.second, table.second_points, held.second_points_range
            )
        text = _between(
            [_between([held.at(i, j) for i in along.places], along.share) for j in across.places],
            across.share,
        )
        known = self._add(table.name, table.unit, table.source, text, self.values(table))
        self._placed[id(table)] = known
        return known

    def row_of(self, argument: Expression, what: str = "") -> str:
        """Return the row of an expression among the workings; it is given one if it has none."""
        text = self.of(argument)
        if re.fullmatch(WORKINGS + r"!\{c\}\$\d+", text):
            return text
        values = self.values(argument)
        known = self._add(what or _in_words(argument), "", "worked out", text, values)
        self._placed[id(argument)] = known
        self._uses[id(argument)] = 2
        return known

    def _axis(
        self, name: str, argument: Expression, points: tuple[float, ...], where: str
    ) -> _Axis:
        """Return between which two points a table is read, and how far along; beyond it, none."""
        if len(points) == 1:
            return _Axis("1", "")
        at = self.row_of(argument)
        known = self._axes.get((at, points))
        if known is not None:
            return known
        low, high = points[0], points[-1]
        slack = ROUNDING * max(abs(low), abs(high))
        inside = f"AND({at}>={literal(low - slack)},{at}<={literal(high + slack)})"
        last = len(points) - 1
        found = f"MIN(MATCH(MAX({at},{literal(low)}),{where},1),{last})"
        values = self.values(argument)
        number = np.clip(np.searchsorted(points, values, side="right"), 1, last)
        place = self._add(
            f"point before, in {name}",
            "",
            f"an error outside {low:,.6g} to {high:,.6g}: nothing was simulated there",
            f"IF({inside},{found},NA())",
            number.astype(np.float64),
        )
        lower, upper = np.array(points)[number - 1], np.array(points)[number]
        before, after = f"INDEX({where},{place})", f"INDEX({where},{place}+1)"
        share = self._add(
            f"way to the next point, in {name}",
            "-",
            "worked out",
            f"MIN(1,MAX(0,({at}-{before})/({after}-{before})))",
            np.clip((values - lower) / (upper - lower), 0.0, 1.0),
        )
        self._axes[at, points] = axis = _Axis(place, share)
        return axis

    def _add(self, what: str, unit: str, source: str, formula: str | None, values: Array) -> str:
        row = FIRST_WORKING + len(self.workings)
        self.workings.append(Working(row, what, unit, source, formula, values))
        return f"{WORKINGS}!{{c}}${row}"


def column_letters(number: int) -> str:
    """Return a column's letters, counted from 0.

    >>> column_letters(0), column_letters(25), column_letters(26), column_letters(701)
    ('A', 'Z', 'AA', 'ZZ')
    """
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_name(driver_name: str) -> str:
    """Make a defined name of a driver's; ``in_`` keeps it from looking like a cell.

    >>> cell_name("price.openai/gpt-5-mini.standard.output")
    'in_price_openai_gpt_5_mini_standard_output'
    """
    return "in_" + re.sub(r"\W+", "_", driver_name, flags=re.ASCII).strip("_")


def literal(value: float) -> str:
    """Write a constant so that it reads back as the same number.

    >>> literal(730.0), literal(0.1), literal(-2.5)
    ('730', '0.1', '(-2.5)')
    """
    is_whole = value == int(value) and abs(value) < WHOLE_BELOW
    text = repr(int(value)) if is_whole else repr(float(value))
    text = text.replace("e", "E")
    return f"({text})" if value < 0 else text


def _in_words(expression: Expression) -> str:
    """Name a step by what it is made of."""
    word = {Sum: "sum", Product: "product", Difference: "difference", Ratio: "ratio"}.get(
        type(expression), type(expression).__name__.lower()
    )
    names = [
        part.name.rsplit(".", 1)[-1].replace("_", " ")
        for part in parts_of(expression)
        if isinstance(part, Driver | Series | Lookup)
    ]
    return f"{word} of {', '.join(names)}" if names else word
