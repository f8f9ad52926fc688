"""What an option is made of: the parts that serve, which share of the requests, in which months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tco.domain.deployment import CascadeDeployment, StagedDeployment
from tco.domain.scenario import Candidate, Scenario
from tco.domain.snapshot import Snapshot
from tco.ledger.expression import Array, Expression, Valuation, driver
from tco.ledger.tariff import active_months, times


@dataclass(frozen=True, slots=True)
class Part:
    """One plain option at work inside an option; an option without steps has one part."""

    name: str
    candidate: Candidate
    snapshot: Snapshot
    volume: Expression
    """Requests that meet this part [1/month]."""
    first_month: int
    last_month: int


@dataclass(frozen=True, slots=True)
class Switch:
    """A change from one stage to the next."""

    month: int
    to: str


def parts_of_option(
    scenario: Scenario, option: str, requests: Expression
) -> tuple[tuple[Part, ...], tuple[Switch, ...]]:
    """Take an option apart into what serves, and the switches between its stages."""
    deployment = scenario.candidates[option].deployment
    horizon = scenario.horizon_months
    if isinstance(deployment, CascadeDeployment):
        parts = []
        reaching = requests
        for number, step in enumerate(deployment.steps):
            parts.append(_part(scenario, step.option, reaching, 1, horizon))
            if step.escalate is not None:
                name = f"candidates.{option}.deployment.steps.{number}.escalate"
                reaching = reaching * driver(name, "-", step.escalate)
        return tuple(parts), ()
    if isinstance(deployment, StagedDeployment):
        return _stages(scenario, option, deployment, requests)
    return (_part(scenario, option, requests, 1, horizon),), ()


def _stages(
    scenario: Scenario, option: str, deployment: StagedDeployment, requests: Expression
) -> tuple[tuple[Part, ...], tuple[Switch, ...]]:
    """Let each stage run to the next switch, and for the parallel months beyond it.

    A stage is never entered if its trigger is not reached, or only once a later one has begun.
    """
    horizon = scenario.horizon_months
    likely = likely_months(requests, horizon)
    starts: list[tuple[str, int]] = [(deployment.stages[0].option, 1)]
    for stage in deployment.stages[1:]:
        month = stage.from_month
        if month is None:
            reached = [
                k + 1
                for k, count in enumerate(likely)
                if count >= (stage.when_requests_per_month_reach or 0)
            ]
            month = reached[0] if reached else horizon + 1
        if month > horizon:
            continue
        while len(starts) > 1 and starts[-1][1] >= month:
            starts.pop()
        starts.append((stage.option, month))
    parts, switches = [], []
    for number, (name, first) in enumerate(starts):
        last = horizon
        if number + 1 < len(starts):
            last = min(horizon, starts[number + 1][1] - 1 + deployment.parallel_months)
        if number > 0:
            switches.append(Switch(first, name))
        if last >= first:
            active = active_months(f"candidates.{option}.stages.{name}", first, last, horizon)
            parts.append(_part(scenario, name, times(requests, [active]), first, last))
    return tuple(parts), tuple(switches)


def _part(scenario: Scenario, name: str, volume: Expression, first: int, last: int) -> Part:
    candidate = scenario.candidates[name]
    assert candidate.snapshot is not None
    return Part(name, candidate, scenario.snapshots[candidate.snapshot], volume, first, last)


def likely_months(expression: Expression, horizon_months: int) -> Array:
    """Return the likely value of each month, of shape (months,)."""
    values: Array = Valuation().of(expression)[0]
    return values if values.size == horizon_months else values.repeat(horizon_months)


def snapshot_label(parts: Sequence[Part]) -> str:
    """Name the snapshots of an option in one text."""
    return "+".join(dict.fromkeys(part.snapshot.id for part in parts))
