"""Phases that keep options from being compared, told from the files alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tco.domain.cost import Phase
from tco.domain.coverage import Unpriced
from tco.domain.deployment import ComposedDeployment, StagedDeployment
from tco.domain.lifecycle import Lifecycle
from tco.domain.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Gap:
    """A phase that one option prices and another does not speak of, or that is told two ways."""

    option: str
    phase: Phase
    problem: str


def gaps(scenario: Scenario) -> Iterator[Gap]:
    """Yield what keeps options from being compared phase by phase, from the files alone."""
    priced = {option: _priced(scenario, option) for option in scenario.options}
    for option, own in priced.items():
        candidate = scenario.candidates[option]
        stated = stated_phases(scenario, option)
        for phase in Phase:
            others = [other for other in priced if phase in priced[other]]
            if others and phase not in own and phase not in stated:
                yield Gap(option, phase, f"{others[0]} prices {phase}, and this option is silent")
            if phase in candidate.lifecycle.coverage and phase in phases_of(candidate.lifecycle):
                yield Gap(option, phase, f"{phase} is said to have no price and has one")


def stated_phases(scenario: Scenario, option: str) -> dict[Phase, Unpriced]:
    """Return what an option says of the phases that it does not price."""
    stated = dict(scenario.lifecycle.coverage)
    for lifecycle in reversed(_lifecycles(scenario, option)):
        stated |= lifecycle.coverage
    return stated


def _priced(scenario: Scenario, option: str) -> set[Phase]:
    lifecycles = (scenario.lifecycle, *_lifecycles(scenario, option))
    found = {Phase.INFERENCE}.union(*(phases_of(lifecycle) for lifecycle in lifecycles))
    if isinstance(scenario.candidates[option].deployment, StagedDeployment):
        found.add(Phase.DEPLOYMENT)
    return found


def _lifecycles(scenario: Scenario, option: str) -> list[Lifecycle]:
    """Return an option's own lifecycle, then those of its steps."""
    candidate = scenario.candidates[option]
    deployment = candidate.deployment
    steps = deployment.options if isinstance(deployment, ComposedDeployment) else ()
    return [candidate.lifecycle, *(scenario.candidates[step].lifecycle for step in steps)]


def phases_of(lifecycle: Lifecycle) -> set[Phase]:
    """Return the phases in which a lifecycle has something to pay."""
    found = {
        item.phase
        for group in (lifecycle.people, lifecycle.one_off, lifecycle.monthly)
        for item in group.values()
    }
    blocks: dict[Phase, tuple[object, ...]] = {
        Phase.EXPERIMENTATION: (lifecycle.experiments,),
        Phase.TRAINING: (lifecycle.training,),
        Phase.DATA: (lifecycle.data,),
        Phase.DEPLOYMENT: (lifecycle.deployment_work, lifecycle.waiting),
        Phase.PLATFORM: (lifecycle.platform, lifecycle.platform_team),
        Phase.OPERATION: (lifecycle.on_call,),
    }
    plan = lifecycle.operation
    if plan is not None:
        blocks[Phase.OPERATION] += (
            plan.tools,
            plan.production_labels,
            plan.evaluation_sets,
            plan.incidents,
            plan.retraining,
            plan.versions,
        )
        blocks[Phase.GOVERNANCE] = (plan.audits, plan.licences)
        blocks[Phase.RETIREMENT] = (plan.retirement,)
    return found | {phase for phase, parts in blocks.items() if any(parts)}
