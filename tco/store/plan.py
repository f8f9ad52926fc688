"""A person's plan: a scenario, what was changed in it, and how it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from tco.domain.changes import Change, changes
from tco.domain.cost import Basis
from tco.domain.loading import resolved_scenario
from tco.domain.scenario import Scenario
from tco.errors import TcoError, nearest
from tco.ledger.option import likely_months
from tco.plan import requests_of
from tco.rank.scope import Scope
from tco.rank.unit_cost import UnitOfCost, units_of

FORMAT = "plan/1"
VOLUME_FACTORS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
LEAST_FACTOR, MOST_FACTOR = 1e-3, 1e3
HORIZONS_MONTHS = (12, 24, 36, 48, 60)
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True)
class Plan:
    """What a person works on."""

    origin: Scenario
    """The scenario as it was opened: changes are told against it."""
    edited: Scenario
    """The same with inputs changed, at the volume that it states."""
    volume_factor: float = 1.0
    """Multiple of that volume, from the slider [-]."""
    basis: Basis = Basis.ACCRUAL
    scope: Scope = Scope.ALL
    unit: UnitOfCost = UnitOfCost.REQUESTS

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario that is evaluated."""
        if self.volume_factor == 1.0:
            return self.edited
        workload = self.edited.workload.scaled(self.volume_factor)
        return self.edited.model_copy(update={"workload": workload})

    @cached_property
    def digest(self) -> str:
        """Digest of the scenario, as files and links carry it."""
        return self.scenario.digest

    @cached_property
    def is_illustrative(self) -> bool:
        """Whether any figure is assumed."""
        return self.scenario.illustrative

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Inputs that are not as they were when the scenario was opened."""
        return changes(self.origin, self.scenario)

    @cached_property
    def volumes(self) -> dict[float, float]:
        """Requests of the first month at each place of the slider [1/month]."""
        factors = sorted({*VOLUME_FACTORS, self.volume_factor})
        return {factor: _first_month(self.edited, factor) for factor in factors}

    @property
    def horizons_months(self) -> list[int]:
        """Horizons to choose from."""
        known = {self.origin.horizon_months, self.edited.horizon_months}
        return sorted({*HORIZONS_MONTHS, *known})

    @property
    def unit_of_cost(self) -> UnitOfCost:
        """The unit that costs are shown in; requests where the workload cannot tell another."""
        return self.unit if self.unit in units_of(self.scenario) else UnitOfCost.REQUESTS

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data: every input, and how it is looked at."""
        return {
            "format": FORMAT,
            "origin": self.origin.model_dump(mode="json"),
            "edited": self.edited.model_dump(mode="json"),
            "volume_factor": self.volume_factor,
            "basis": self.basis.value,
            "scope": self.scope.value,
            "unit": self.unit.value,
        }


def plan_of(data: Mapping[str, Any], file: str) -> Plan:
    """Read a plan from plain data, checked as any input is; ``file`` is what errors name."""
    if data.get("format") != FORMAT:
        raise TcoError(
            f"{file} has the format '{data.get('format')}', and this program reads '{FORMAT}'; "
            "open it with the version that wrote it"
        )
    factor = data.get("volume_factor")
    if not isinstance(factor, int | float) or not LEAST_FACTOR <= factor <= MOST_FACTOR:
        raise TcoError(f"{file}: volume_factor is {factor}, not between a thousandth and 1,000")
    scenarios = []
    for part in ("origin", "edited"):
        held = data.get(part)
        if not isinstance(held, Mapping):
            raise TcoError(f"{file} has no '{part}'; it was cut, or is no plan")
        scenarios.append(resolved_scenario(held, f"{file}, {part}"))
    origin, edited = scenarios
    return Plan(
        origin,
        edited,
        float(factor),
        word_of(Basis, data.get("basis"), f"{file}: basis"),
        word_of(Scope, data.get("scope"), f"{file}: scope"),
        word_of(UnitOfCost, data.get("unit"), f"{file}: unit"),
    )


def word_of(words: type[Word], value: object, place: str) -> Word:
    """Return one of some words, or say which there are."""
    try:
        return words(str(value))
    except ValueError:
        known = [word.value for word in words]
        near = nearest(str(value)[:80], known)
        raise TcoError(
            f"{place} is '{str(value)[:80]}', not one of {', '.join(known)}; nearest: {near}"
        ) from None


def _first_month(scenario: Scenario, factor: float) -> float:
    scaled = scenario.model_copy(update={"workload": scenario.workload.scaled(factor)})
    return float(likely_months(requests_of(scaled), scaled.horizon_months)[0])
