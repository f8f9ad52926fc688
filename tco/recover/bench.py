"""A bench on which one option is evaluated again and again, each time with something changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.fleet import ScaledFleet
from tco.domain.machine import MachineChoice
from tco.domain.record import Estimate
from tco.domain.scenario import Scenario
from tco.hosting.host import arrange, mean_rates_per_s
from tco.ledger.option import Part, parts_of_option
from tco.ledger.tasks import one_specialist, specialists_of
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate, requests_of
from tco.prices import Catalog
from tco.rank.score import Answer, Status

Array = NDArray[np.float64]
ORDER = tuple(Status)
"""From what is ranked to what is excluded."""


@dataclass
class Bench:
    """One option of a plan, what it must go on doing, and what it is evaluated with."""

    scenario: Scenario
    """The plan with this option and those that it is made of or held against."""
    option: str
    catalog: Catalog
    measurements: Measurements
    settings: Settings
    least_instances: int
    """Machines that a fleet of as many or more keeps, so that one may fail [-]."""
    _known: dict[str, Evaluation] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        found: Evaluation,
        option: str,
        catalog: Catalog,
        measurements: Measurements,
        least_instances: int,
    ) -> Bench:
        """Set it up for one option of a plan that has been evaluated."""
        scenario = found.scenario
        needed = {option}
        while more := set(_options_in(scenario, needed)) - needed:
            needed |= more
        kept = {name: known for name, known in scenario.candidates.items() if name in needed}
        narrow = scenario.model_copy(update={"candidates": kept})
        return cls(narrow, option, catalog, measurements, found.settings, least_instances)

    # ---- evaluating ----------------------------------------------------------------------------

    def evaluated(self, scenario: Scenario) -> Evaluation:
        """Evaluate a changed plan; the same one only once."""
        key = scenario.digest
        if key not in self._known:
            self._known[key] = evaluate(
                scenario, self.catalog, self.measurements, settings=self.settings
            )
        return self._known[key]

    def answer(self, scenario: Scenario) -> Answer:
        """Return what a changed plan says of the option."""
        ranking = self.evaluated(scenario).ranking
        answers = (*ranking.options, *ranking.unproven, *ranking.excluded)
        [own] = [answer for answer in answers if answer.option == self.option]
        return own

    def usd(self, scenario: Scenario) -> float | None:
        """Return what the option costs on the plan's basis [USD]; None where it cannot work."""
        money = self.answer(scenario).money
        return None if money is None else money.basis_usd

    @cached_property
    def today(self) -> Answer:
        """What the plan says of the option as it is."""
        return self.answer(self.scenario)

    def still_does(self, scenario: Scenario) -> bool:
        """Tell whether the option meets every goal that it meets as it is."""
        answer = self.answer(scenario)
        if answer.money is None or ORDER.index(answer.status) > ORDER.index(self.today.status):
            return False
        return {x.goal for x in answer.misses} <= {x.goal for x in self.today.misses}

    # ---- looking at fleets ---------------------------------------------------------------------

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The option and, of a cascade or stages, the options that serve in it."""
        serving = (part.name for part in self._parts_of(self.scenario))
        return tuple(dict.fromkeys((self.option, *serving)))

    @cached_property
    def fleets(self) -> tuple[str, ...]:
        """Those of them that serve on machines."""
        candidates = self.scenario.candidates
        return tuple(
            name
            for name in self.parts
            if isinstance(candidates[name].deployment, SelfHostedDeployment)
        )

    def fleet(self, scenario: Scenario, name: str) -> SelfHostedDeployment:
        """Return the deployment of a part on machines."""
        deployment = scenario.candidates[name].deployment
        assert isinstance(deployment, SelfHostedDeployment)
        return deployment

    def least_replicas(self, scenario: Scenario, name: str) -> int:
        """Return the fewest replicas that a fleet may fall to: one, or as many machines as stay."""
        fleet = self.fleet(self.scenario, name)
        today = arrange(self.scenario, self._part(self.scenario, name), *self._tables)
        after = arrange(scenario, self._part(scenario, name), *self._tables)
        scaler = fleet.autoscaler
        kept = scaler.minimum if isinstance(scaler, ScaledFleet) else fleet.replicas
        held = -(-(kept or 1) // today.rented.packing.per_instance)
        stay = min(held, self.least_instances)
        return (stay - 1) * after.rented.packing.per_instance + 1

    def busy_replicas(self, scenario: Scenario, name: str) -> Array:
        """Return how many replicas work in each hour of a week of the busiest month [-]."""
        part = self._part(scenario, name)
        arranged = arrange(scenario, part, *self._tables)
        busiest = float(mean_rates_per_s(scenario, part).max())
        week: Array = arranged.case.traffic.week
        return busiest * week / arranged.case.each_per_s

    def smaller_machines(self, fleet: SelfHostedDeployment) -> Iterator[MachineChoice]:
        """Yield machines of the same seller with fewer of the same accelerators."""
        machine = fleet.machine
        own = self.catalog.instance(machine.seller, machine.region, machine.instance_type)
        for other in self.catalog.instances:
            is_kin = (other.seller, other.region, other.accelerator) == (
                own.seller,
                own.region,
                own.accelerator,
            )
            fits = fleet.accelerators_per_replica <= other.accelerator_count
            is_smaller = 0 < other.accelerator_count < own.accelerator_count
            if is_kin and fits and is_smaller:
                yield machine.model_copy(update={"instance_type": other.instance_type})

    def figure(self, name: str) -> Estimate:
        """Return a figure of the tables."""
        return self.catalog.figure(name, on=self.scenario.price_date)

    @property
    def _tables(self) -> tuple[Catalog, Measurements]:
        return self.catalog, self.measurements.with_hardware(self.catalog.accelerators)

    def _parts_of(self, scenario: Scenario) -> tuple[Part, ...]:
        parts, _ = parts_of_option(scenario, self.option, requests_of(scenario))
        return parts

    def _part(self, scenario: Scenario, name: str) -> Part:
        part = next(part for part in self._parts_of(scenario) if part.name == name)
        count = specialists_of(part.candidate)
        return part if count == 1 else one_specialist(part, count)


def _options_in(scenario: Scenario, names: set[str]) -> Iterator[str]:
    """Yield the options that some options, or the goals, refer to."""
    baseline = scenario.goals.baseline
    if baseline is not None:
        yield baseline.option
    for name in names:
        for word in _named(scenario.candidates[name].model_dump()):
            if word in scenario.candidates:
                yield word


def _named(value: Any, key: str = "") -> Iterator[str]:
    """Yield every text under a key 'option'."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _named(part, name)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _named(part, key)
    elif key == "option" and isinstance(value, str):
        yield value
