"""What differs between two scenarios, input by input, and a scenario with some inputs changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tco.domain.loading import resolved_scenario
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.domain.source import Path_, dotted
from tco.errors import TcoError

NAMES = {("use_case",), ("name",), ("title",), ("question",)}
"""What a scenario is called is no input."""


@dataclass(frozen=True, slots=True)
class Change:
    """One input that is not what it was; None where there was or is none."""

    path: Path_
    before: Any
    after: Any

    @property
    def key(self) -> str:
        """Its place, as people write it."""
        return dotted(self.path)


def changes(before: Scenario, after: Scenario) -> tuple[Change, ...]:
    """Return every input that differs, in the order of the scenario."""
    pair = (scenario.model_dump(mode="json") for scenario in (before, after))
    return tuple(change for change in _differing((), *pair) if change.path[:1] not in NAMES)


def _differing(path: Path_, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _differing((*path, key), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from _differing((*path, number), *pair)
    elif before != after:
        yield Change(path, before, after)


def with_inputs(scenario: Scenario, values: Mapping[Path_, Any]) -> Scenario:
    """Return a scenario with some inputs changed, checked as a file is; None takes an input away.

    Args:
        scenario: What is changed.
        values: New values by path, such as ``("workload", "tokens", "input", "likely")``.
    """
    data = deepcopy(scenario.model_dump(mode="json"))
    for path, value in values.items():
        holder: Any = data
        for step in path[:-1]:
            try:
                holder = holder[step]
            except (KeyError, IndexError, TypeError):
                raise TcoError(f"{dotted(path)} has no place in {scenario.id}") from None
        holder[path[-1]] = value
    return resolved_scenario(data, scenario.id)


@dataclass(frozen=True, slots=True)
class Held:
    """A number that a scenario rests on."""

    path: Path_
    likely: float
    low: float | None
    high: float | None
    evidence: str
    source: str | None

    @property
    def key(self) -> str:
        """Its place, as people write it."""
        return dotted(self.path)


def estimates(scenario: Scenario) -> tuple[Held, ...]:
    """Return every number with a range, a source or a grade, the worst known first."""
    found = _estimates((), scenario.model_dump(mode="json"))
    grades = list(Evidence)
    return tuple(sorted(found, key=lambda held: -grades.index(Evidence(held.evidence))))


def _estimates(path: Path_, value: Any) -> Iterator[Held]:
    if isinstance(value, dict) and "likely" in value and "evidence" in value:
        yield Held(
            (*path, "likely"),
            value["likely"],
            value["low"],
            value["high"],
            value["evidence"],
            value["source"],
        )
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _estimates((*path, key), part)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _estimates((*path, number), part)


@dataclass(frozen=True, slots=True)
class Plain:
    """A number that a scenario states without a range: a count, a goal, a month."""

    path: Path_
    value: float

    @property
    def key(self) -> str:
        """Its place, as people write it."""
        return dotted(self.path)

    def as_typed(self, value: float) -> float:
        """Return another value in the kind of number that this one is."""
        return int(value) if isinstance(self.value, int) and value == int(value) else value


def plain_numbers(scenario: Scenario) -> tuple[Plain, ...]:
    """Return every number that stands alone, in the order of the scenario.

    Figures of snapshots and of measured histories are records, not choices, and are left out.
    """
    data = scenario.model_dump(mode="json")
    kept = {key: part for key, part in data.items() if key not in {"snapshots", "histories"}}
    return tuple(_plain_numbers((), kept))


def _plain_numbers(path: Path_, value: Any) -> Iterator[Plain]:
    if isinstance(value, dict) and "likely" in value and "evidence" in value:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _plain_numbers((*path, key), part)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _plain_numbers((*path, number), part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield Plain(path, value)
