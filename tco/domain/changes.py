"""What differs between two scenarios, input by input, and a scenario with some inputs changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tco.domain.loading import resolved_scenario
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
