"""Keys of a scenario as people write them, and a scenario with some of them changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tco.domain.changes import with_inputs
from tco.domain.scenario import Scenario
from tco.domain.source import Path_, dotted
from tco.errors import NotFoundError, TcoError
from tco.sweep.cells import Cell, Level

_INDEX = re.compile(r"\[([0-9]{1,6})\]\.?")
LIKELY, AROUND = "likely", ("likely", "low", "high")
LARGEST_SEED = 2**63


def path_of(key: str, data: Mapping[str, Any]) -> Path_:
    """Find the place that a key names; the last name may be new, as in a mapping of price paths.

    Names may hold dots themselves, so of those that fit the longest counts.

    >>> path_of("snapshots.gpt-5.4-mini.name", {"snapshots": {"gpt-5.4-mini": {"name": "x"}}})
    ('snapshots', 'gpt-5.4-mini', 'name')
    """
    path: Path_ = ()
    here: Any = data
    rest = key
    while rest:
        step: str | int
        if isinstance(here, list):
            found = _INDEX.match(rest)
            if found is None or int(found[1]) >= len(here):
                raise TcoError(
                    f"'{key}': {dotted(path)} is a list of {len(here)}; write {dotted(path)}[0]"
                    + (f" to {dotted(path)}[{len(here) - 1}]" if len(here) > 1 else "")
                )
            step, rest = int(found[1]), rest[found.end() :]
        elif isinstance(here, dict):
            step, rest = _name_in(here, rest, key, path)
        else:
            raise TcoError(f"'{key}': {dotted(path)} holds no keys; end the key there")
        path = (*path, step)
        is_new = isinstance(here, dict) and step not in here
        here = None if is_new else here[step]
    return path


def _name_in(here: dict[str, Any], rest: str, key: str, path: Path_) -> tuple[str, str]:
    """Return the name that a key begins with, and what follows it."""
    fitting = [name for name in here if rest == name or rest.startswith((f"{name}.", f"{name}["))]
    if fitting:
        name = max(fitting, key=len)
        return name, rest[len(name) :].removeprefix(".")
    if "." in rest or "[" in rest or not path:
        place = f"under {dotted(path)}" if path else "in the scenario"
        wrong = re.split(r"[.\[]", rest)[0]
        raise NotFoundError(f"key {place}", wrong, here, f"Correct '{key}'.")
    return rest, ""


def level_at(scenario: Scenario, key: str) -> Level:
    """Return where a scenario itself stands: a plain value, or the likely one of an estimate."""
    data = scenario.model_dump(mode="json")
    here: Any = data
    for step in path_of(key, data):
        here = here.get(step) if isinstance(here, dict) else here[step]
    if isinstance(here, dict) and LIKELY in here:
        here = here[LIKELY]
    if here is None or isinstance(here, bool | int | float | str):
        return here
    raise TcoError(f"'{key}' holds keys of its own; name one of them: {', '.join(here)}")


def seed_of(scenario: Scenario, cell: Cell) -> int:
    """Return the seed of a replication: the scenario's own, and those that follow it."""
    return (scenario.seed + cell.replication) % LARGEST_SEED


def changed(scenario: Scenario, cell: Cell) -> Scenario:
    """Return the scenario of a cell, checked as a file is."""
    data = scenario.model_dump(mode="json")
    values: dict[Path_, Any] = {path_of(key, data): value for key, value in cell.values.items()}
    for key, factor in cell.factors.items():
        path = path_of(key, data)
        here: Any = data
        for step in path:
            here = here.get(step) if isinstance(here, dict) else here[step]
        values[path] = _scaled(here, factor, key)
    if cell.replication:
        values["seed",] = seed_of(scenario, cell)
    return with_inputs(scenario, values) if values else scenario


def _scaled(value: Any, factor: float, key: str) -> Any:
    """Return a multiple of a number, or of an estimate with its range."""
    if isinstance(value, dict) and LIKELY in value:
        scaled = {name: value[name] * factor for name in AROUND if value[name] is not None}
        return {**value, **scaled}
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TcoError(f"'{key}' is no number, so there is no multiple of it; give values instead")
    return value if factor == 1 else value * factor
