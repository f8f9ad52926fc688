"""The cells of a sweep: each one what-if, as plain data, in an order that never changes."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tco.domain.sweep import (
    MOST_CELLS,
    ChoicesAxis,
    FactorsAxis,
    Grid,
    LatinHypercube,
    OneAtATime,
    RangeAxis,
    ScenariosAxis,
    Sobol,
    Sweep,
    Table,
    ValuesAxis,
)
from tco.errors import TcoError

AS_WRITTEN = "as written"
"""Where a choice stands while only others are varied."""
DIGITS = 10
"""Drawn numbers keep so many, which a person can still read."""
Axis = ValuesAxis | FactorsAxis | RangeAxis | ChoicesAxis | ScenariosAxis
Level = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One place on an axis: what it is called, and what it sets."""

    level: Level
    values: Mapping[str, Any] = field(default_factory=dict)
    """New values by key."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """Multiples of what is there, by key [-]."""
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One what-if."""

    number: int
    scenario: str
    replication: int
    levels: Mapping[str, Level]
    """Where each axis stands."""
    values: Mapping[str, Any]
    factors: Mapping[str, float]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the scenario that it changes."""
        return (*self.values, *self.factors)


def cells_of(sweep: Sweep, own_level: Mapping[str, Level]) -> list[Cell]:
    """Return every cell that is to be evaluated, each once.

    Args:
        sweep: What is varied.
        own_level: Where the scenario itself stands on each axis, for what is varied one at a time.
    """
    cells: list[Cell] = []
    there: set[str] = set()
    for steps in _combinations(sweep, own_level):
        levels = dict(zip(sweep.columns, (step.level for step in steps), strict=True))
        if any(all(is_.holds(levels[n]) for n, is_ in entry.items()) for entry in sweep.leave_out):
            continue
        cell = Cell(
            len(cells),
            next((step.scenario for step in steps if step.scenario is not None), sweep.scenario),
            0,
            levels,
            {key: value for step in steps for key, value in step.values.items()},
            {key: factor for step in steps for key, factor in step.factors.items()},
        )
        what = _what_it_is(cell)
        if what in there:  # drawn twice where axes have few levels: it would be the same cell
            continue
        there.add(what)
        for replication in range(sweep.replications):
            cells.append(replace(cell, number=len(cells), replication=replication))
        if len(cells) > MOST_CELLS:
            raise TcoError(
                f"{sweep.name} has more than {MOST_CELLS:,} cells; take fewer steps, or draw them "
                "with a latin_hypercube or sobol design"
            )
    if not cells:
        raise TcoError(f"leave_out leaves no cell of {sweep.name}; take one of its entries out")
    return cells


def _what_it_is(cell: Cell) -> str:
    """Return what two cells have in common that are the same, as text: 1 and true are not."""
    return json.dumps(
        [cell.scenario, dict(cell.levels), dict(cell.values), dict(cell.factors)], sort_keys=True
    )


def _combinations(sweep: Sweep, own_level: Mapping[str, Level]) -> Iterable[Sequence[Step]]:
    axes = list(sweep.axes.values())
    match sweep.design:
        case Grid():
            return itertools.product(*map(steps_of, axes))
        case LatinHypercube() | Sobol() as drawn:
            return [
                [_step_at(axis, share) for axis, share in zip(axes, shares, strict=True)]
                for shares in _shares(drawn, len(axes))
            ]
        case OneAtATime():
            return _one_at_a_time(sweep, own_level)
        case Table() as table:
            return [
                [Step(case[name], {key: case[name]}) for name, key in table.keys.items()]
                for case in table.cases
            ]


def steps_of(axis: Axis) -> list[Step]:
    """Return the places of an axis on a grid."""
    match axis:
        case ValuesAxis():
            return [Step(value, dict.fromkeys(axis.keys, value)) for value in axis.values]
        case FactorsAxis():
            return [Step(f, factors=dict.fromkeys(axis.keys, f)) for f in axis.factors]
        case RangeAxis():
            assert axis.steps is not None
            last = axis.steps - 1
            steps = [_step_at(axis, number / last) for number in range(axis.steps)]
            # Rounded to whole numbers, several may be one.
            return list({step.level: step for step in steps}.values())
        case ChoicesAxis():
            return [Step(name, sets) for name, sets in axis.choices.items()]
        case ScenariosAxis():
            return [Step(name, scenario=name) for name in axis.scenarios]


def _step_at(axis: Axis, share: float) -> Step:
    """Return the place at a share of an axis, from 0 to 1."""
    if not isinstance(axis, RangeAxis):
        steps = steps_of(axis)
        return steps[min(int(share * len(steps)), len(steps) - 1)]
    if axis.scale == "logarithmic":
        low, high = math.log(axis.low), math.log(axis.high)
        number = math.exp(low + share * (high - low))
    else:
        number = axis.low + share * (axis.high - axis.low)
    level = round(number) if axis.whole else float(f"{number:.{DIGITS}g}")
    if axis.sets == "factor":
        return Step(level, factors=dict.fromkeys(axis.keys, float(level)))
    return Step(level, dict.fromkeys(axis.keys, level))


def _shares(drawn: LatinHypercube | Sobol, axes: int) -> list[list[float]]:
    from scipy.stats import qmc  # noqa: PLC0415 - takes a second, and a grid needs none

    if isinstance(drawn, Sobol):
        points = qmc.Sobol(axes, rng=drawn.seed).random_base2(drawn.cells.bit_length() - 1)
    else:
        points = qmc.LatinHypercube(axes, rng=drawn.seed).random(drawn.cells)
    return [[float(share) for share in point] for point in points]


def _one_at_a_time(sweep: Sweep, own_level: Mapping[str, Level]) -> Iterator[list[Step]]:
    """Yield the scenario as it is, then each step of each axis that leads elsewhere."""
    base = [Step(own_level[name]) for name in sweep.axes]
    yield base
    for number, (name, axis) in enumerate(sweep.axes.items()):
        for step in steps_of(axis):
            if step.level != own_level[name]:
                yield [*base[:number], step, *base[number + 1 :]]
