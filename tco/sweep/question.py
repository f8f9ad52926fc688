"""A sweep file with all that its cells rest on: what is asked, and by which digests it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.domain.sweep import ChoicesAxis, FactorsAxis, RangeAxis, ScenariosAxis, Sweep, Table
from tco.errors import TcoError
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.sweep.answer import REFUSED, ROWS
from tco.sweep.cells import AS_WRITTEN, Cell, Level, cells_of
from tco.sweep.ground import Ground, here
from tco.sweep.keys import changed, level_at, path_of, seed_of
from tco.sweep.table import AxisColumn, Done
from tco.tasks import Result, digest_of

TRIED = 20
"""If none of the first cells can be built, the sweep is wrong and not the cells."""


@dataclass(frozen=True)
class Question:
    """What is asked of every cell."""

    sweep: Sweep
    ground: Ground
    cells: tuple[Cell, ...]

    @cached_property
    def rests_on(self) -> dict[str, Any]:
        """What all cells rest on, by digest and version."""
        ground = self.ground
        return {
            "scenarios": {name: one.digest for name, one in ground.scenarios.items()},
            "prices": ground.catalog.digest,
            "measurements": ground.measurements.digest,
            "basis": ground.basis.value,
            "fidelity": ground.fidelity,
            "code": dict(ground.code),
        }

    @cached_property
    def digest(self) -> str:
        """Digest of the sweep: its cells, and what they rest on."""
        return digest_of({"rests_on": self.rests_on, "cells": [*self.keys.values()]})

    @cached_property
    def keys(self) -> dict[int, str]:
        """Digest of each cell by its number."""
        common = digest_of(self.rests_on)
        return {cell.number: _key(cell, common) for cell in self.cells}

    @cached_property
    def axes(self) -> tuple[AxisColumn, ...]:
        """What is varied, as columns."""
        return tuple(_axis_column(self.sweep, name, self.cells) for name in self.sweep.columns)

    @property
    def is_full_grid(self) -> bool:
        """Whether every combination of levels is there."""
        levels = [{cell.levels[name] for cell in self.cells} for name in self.sweep.columns]
        return len(self.cells) == math.prod(map(len, levels)) * self.sweep.replications

    @property
    def scenario_ids(self) -> tuple[str, ...]:
        """Use case and name of every scenario."""
        return tuple(scenario.id for scenario in self.ground.scenarios.values())

    def done(self, cell: Cell, outcome: Result) -> Done:
        """Return a cell with what became of it."""
        key = self.keys[cell.number]
        seed = seed_of(self.ground.scenarios[cell.scenario], cell)
        return Done(key, cell, seed, outcome.get(ROWS, ()), outcome.get(REFUSED))


def _key(cell: Cell, common: str) -> str:
    return digest_of(
        {
            "rests_on": common,
            "scenario": cell.scenario,
            "replication": cell.replication,
            "levels": dict(cell.levels),
            "values": dict(cell.values),
            "factors": dict(cell.factors),
        }
    )


def question_of(
    sweep: Sweep, beside: Path, library: Library, catalog: Catalog, measurements: Measurements
) -> Question:
    """Load what a sweep names, and write its cells out.

    Args:
        sweep: What is varied.
        beside: Folder of the sweep file, from which scenario files are named.
        library: Shipped scenarios.
        catalog: Prices.
        measurements: What was measured.
    """
    named = [sweep.scenario]
    for axis in sweep.axes.values():
        if isinstance(axis, ScenariosAxis):
            named += axis.scenarios
    scenarios = {name: _scenario(name, beside, library) for name in dict.fromkeys(named)}
    ids = [scenario.id for scenario in scenarios.values()]
    for id_ in ids:
        if ids.count(id_) > 1:
            raise TcoError(f"two of the scenarios of {sweep.name} are called {id_}; rename one")
    ground = Ground(
        scenarios,
        catalog,
        measurements.with_hardware(catalog.accelerators),
        sweep.basis,
        sweep.fidelity,
        here(),
    )
    base = scenarios[sweep.scenario]
    _check_keys(sweep, base)
    own = {name: _own_level(sweep, name, base) for name in sweep.axes}
    question = Question(sweep, ground, tuple(cells_of(sweep, own)))
    _check_first(question)
    return question


def _scenario(name: str, beside: Path, library: Library) -> Scenario:
    path = library.find(name)
    if not path.is_absolute() and Path(name).suffix in (".yaml", ".yml"):
        path = beside / path
    return library.load_scenario(path)


def _own_level(sweep: Sweep, name: str, base: Scenario) -> Level:
    """Return where the scenario itself stands on an axis; None where its keys differ."""
    match sweep.axes[name]:
        case FactorsAxis():
            return 1.0
        case RangeAxis(sets="factor"):
            return 1.0
        case ChoicesAxis():
            return AS_WRITTEN
        case ScenariosAxis():
            return sweep.scenario
        case axis:
            levels = [level_at(base, key) for key in axis.keys]
            return levels[0] if all(level == levels[0] for level in levels) else None


def _check_keys(sweep: Sweep, base: Scenario) -> None:
    """Refuse keys that lead nowhere in the scenario that is varied."""
    data = base.model_dump(mode="json")
    keys: list[str] = []
    if isinstance(sweep.design, Table):
        keys += sweep.design.keys.values()
    for axis in sweep.axes.values():
        match axis:
            case ChoicesAxis():
                keys += [key for sets in axis.choices.values() for key in sets]
            case ScenariosAxis():
                pass
            case _:
                keys += axis.keys
    wrong: list[str] = []
    for key in dict.fromkeys(keys):
        try:
            path_of(key, data)
        except TcoError as error:
            wrong.append(f"{sweep.name}: {error}")
    if wrong:
        raise TcoError("\n".join(wrong))


def _check_first(question: Question) -> None:
    """Refuse a sweep none of whose first cells is a scenario."""
    first: TcoError | None = None
    for cell in question.cells[:TRIED]:
        try:
            changed(question.ground.scenarios[cell.scenario], cell)
        except TcoError as error:
            first = first or error
        else:
            return
    tried = min(TRIED, len(question.cells))
    raise TcoError(f"none of the first {tried} cells is a valid scenario; the first says:\n{first}")


def _axis_column(sweep: Sweep, name: str, cells: tuple[Cell, ...]) -> AxisColumn:
    """Describe what is varied, for whoever reads the results."""
    axis = sweep.axes.get(name)
    levels = {cell.levels[name] for cell in cells} - {None}
    return AxisColumn(
        name=name,
        title=(axis.title if axis is not None else None) or name,
        type="number" if all(map(_is_number, levels)) else "text",
        scale=axis.scale if isinstance(axis, RangeAxis) else "linear",
    )


def _is_number(level: Level) -> bool:
    return isinstance(level, int | float) and not isinstance(level, bool)
