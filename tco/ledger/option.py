"""What an option is made of: the parts that serve, which share of the requests, in which months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from tco.domain.deployment import CascadeDeployment, RoutedDeployment, StagedDeployment
from tco.domain.record import Estimate
from tco.domain.route import RouteStep, share_reaching
from tco.domain.scenario import Candidate, Scenario
from tco.domain.snapshot import Snapshot
from tco.domain.training_plan import TrainingPlan
from tco.errors import InfeasibleError, MissingFigureError
from tco.ledger.expression import Array, Expression, Number, Series, Sum, Valuation, driver
from tco.ledger.tariff import active_months, times

NOTHING_LOST: Mapping[str, Expression] = MappingProxyType({})


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
    work_month: int = 1
    """Month in which work on it begins, a lead time before it serves: its lifecycle's month 1."""
    stands_in: bool = False
    """Whether it answers only until the option itself is live."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A change from one stage to the next."""

    month: int
    to: str


def parts_of_option(
    scenario: Scenario,
    option: str,
    requests: Expression,
    lost: Mapping[str, Expression] = NOTHING_LOST,
) -> tuple[tuple[Part, ...], tuple[Switch, ...]]:
    """Take an option apart into what serves, and the switches between its stages.

    Args:
        scenario: Holds it.
        option: Its name.
        requests: Requests of each month [1/month].
        lost: Share of what comes to an option that it turns away, once that is simulated [-]; it
            decides what comes to the steps of a route that take the refused.
    """
    deployment = scenario.candidates[option].deployment
    horizon = scenario.horizon_months
    if isinstance(deployment, RoutedDeployment):
        return _steps(scenario, option, deployment, requests, lost), ()
    if isinstance(deployment, StagedDeployment):
        return _stages(scenario, option, deployment, requests)
    lead, waiting = _lead_of(scenario, [option])
    live = _once_live(scenario, option, requests, lead)
    own = _part(scenario, option, live, lead + 1, horizon)
    return (*_meanwhile(scenario, option, waiting, requests), own), ()


def _steps(
    scenario: Scenario,
    option: str,
    deployment: RoutedDeployment,
    requests: Expression,
    lost: Mapping[str, Expression],
) -> tuple[Part, ...]:
    """Let each option of a route serve the calls of its steps."""
    lead, waiting = _lead_of(scenario, deployment.options)
    parts = list(_meanwhile(scenario, option, waiting, requests))
    live = _once_live(scenario, option, requests, lead)
    calls = calls_per_request(scenario, option, deployment, lost)
    for name in deployment.options:
        own = [part for step, part in calls.items() if deployment.route[step].option == name]
        volume = live
        if len(own) > 1:
            volume = live * Sum(tuple(Number(1.0) if one is None else one for one in own))
        elif own[0] is not None:
            volume = live * own[0]
        part = _part(scenario, name, volume, lead + 1, scenario.horizon_months)
        if part.name in {other.name for other in parts}:  # it has stood in from the start
            part = replace(part, work_month=1)
        parts.append(part)
    return tuple(parts)


def calls_per_request(
    scenario: Scenario,
    option: str,
    deployment: RoutedDeployment,
    lost: Mapping[str, Expression] = NOTHING_LOST,
) -> dict[str, Expression | None]:
    """Return the calls that a request makes at each step as a mean [-]; None for exactly one."""
    route = deployment.route
    path = f"candidates.{option}.deployment.steps"
    sent = _sent(path, deployment, lost)
    found: dict[str, Expression | None] = {}
    for name, step in route.items():
        share = _share(scenario, path, route, name, sent)
        calls = step.calls_per_request
        if calls.likely == 1.0 and calls.low is None:
            found[name] = share
        else:
            each = driver(f"{path}.{name}.calls_per_request", "calls", calls)
            found[name] = each if share is None else share * each
    return found


def _sent(
    path: str, deployment: RoutedDeployment, lost: Mapping[str, Expression]
) -> dict[str, Expression]:
    """Return the share that is sent to each step for which something is drawn for all alike."""
    if isinstance(deployment, CascadeDeployment):
        return {
            after.option: driver(f"{path}.{number}.escalate", "-", step.escalate)
            for number, (step, after) in enumerate(pairwise(deployment.steps))
            if step.escalate is not None
        }
    found: dict[str, Expression] = {}
    for name, step in deployment.steps.items():
        if step.takes == "refused":
            refusing = deployment.steps[step.after[0]].option
            found[name] = lost.get(refusing, Number(0.0, "requests that it turns away"))
        if step.share is not None:
            found[name] = driver(f"{path}.{name}.share", "-", Estimate(likely=step.share))
        elif step.escalate is not None:
            found[name] = driver(f"{path}.{name}.escalate", "-", step.escalate)
    return found


def _share(
    scenario: Scenario,
    path: str,
    route: Mapping[str, RouteStep],
    name: str,
    sent: Mapping[str, Expression],
) -> Expression | None:
    """Return the share of requests that come to a step [-]; None for all of them."""
    by_class = {n: step.escalate_by_class for n, step in route.items() if step.escalate_by_class}
    if not by_class:
        alike: Expression | float = share_reaching(route, name, sent)
        return alike if isinstance(alike, Expression) else None
    # What is sent by class is not drawn independently: whoever is hard for one step is for all.
    of_class: list[Expression] = []
    for kind, known in (scenario.workload.classes or {}).items():
        here: dict[str, Expression] = {
            step: driver(
                f"{path}.{step}.escalate_by_class.{kind}",
                "-",
                Estimate(likely=shares.get(kind, 0.0)),
            )
            for step, shares in by_class.items()
        }
        share = share_reaching(route, name, {**sent, **here})
        weight = driver(f"workload.classes.{kind}.share", "-", Estimate(likely=known.share))
        of_class.append(weight * share)
    return Sum(tuple(of_class))


def _lead_of(scenario: Scenario, names: Sequence[str]) -> tuple[int, TrainingPlan | None]:
    """Return the longest lead time of some plain options [months], and the plan that has it."""
    plans = [scenario.candidates[name].lifecycle.training for name in names]
    longest = max(
        (plan for plan in plans if plan is not None),
        key=lambda plan: plan.lead_months,
        default=None,
    )
    if longest is None or longest.lead_months == 0:
        return 0, None
    return longest.lead_months, longest


def _once_live(scenario: Scenario, option: str, requests: Expression, lead: int) -> Expression:
    horizon = scenario.horizon_months
    if lead >= horizon:
        raise InfeasibleError(
            f"'{option}' takes {lead} months before it answers anything, and the plan has {horizon}"
        )
    return times(requests, [active_months(f"candidates.{option}.live", lead + 1, horizon, horizon)])


def _meanwhile(
    scenario: Scenario, option: str, plan: TrainingPlan | None, requests: Expression
) -> tuple[Part, ...]:
    """Let another option answer until this one is live; what runs today is no option."""
    if plan is None or plan.meanwhile is None or plan.meanwhile.option is None:
        return ()
    name, lead = plan.meanwhile.option, plan.lead_months
    if _lead_of(scenario, [name])[0]:
        raise InfeasibleError(f"'{name}' cannot stand in for '{option}': it has a lead time itself")
    volume = times(requests, [_until_live(scenario, option, lead)])
    return (replace(_part(scenario, name, volume, 1, lead), stands_in=True),)


def incumbent_months(scenario: Scenario, option: str) -> Expression | None:
    """Return 1 in the months in which what runs today answers for an option that is not live."""
    deployment = scenario.candidates[option].deployment
    names = [option]
    if isinstance(deployment, RoutedDeployment):
        names = list(deployment.options)
    elif isinstance(deployment, StagedDeployment):
        names = [deployment.stages[0].option]
    lead, plan = _lead_of(scenario, names)
    if plan is None or plan.meanwhile is None or plan.meanwhile.incumbent is None:
        return None
    if scenario.incumbent is None:
        raise MissingFigureError(
            f"what runs today answers until '{option}' is live, and the scenario states no "
            "incumbent; add it, or name an option under meanwhile"
        )
    return _until_live(scenario, option, lead)


def _until_live(scenario: Scenario, option: str, lead: int) -> Series | None:
    return active_months(f"candidates.{option}.meanwhile", 1, lead, scenario.horizon_months)


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
    switches = []
    first_lead, waiting = _lead_of(scenario, [starts[0][0]])
    _once_live(scenario, option, requests, first_lead)
    parts = list(_meanwhile(scenario, option, waiting, requests))
    if first_lead and len(starts) > 1 and starts[1][1] <= first_lead + 1:
        raise InfeasibleError(
            f"'{option}': stage '{starts[1][0]}' begins in month {starts[1][1]}, and the stage "
            f"before it takes {first_lead} months before it answers anything"
        )
    starts[0] = (starts[0][0], first_lead + 1)
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
    lead, _ = _lead_of(scenario, [name])
    if first <= lead:
        raise InfeasibleError(
            f"'{name}' is to answer from month {first} and takes {lead} months of work before; "
            "let it begin later"
        )
    snapshot = scenario.snapshots[candidate.snapshot]
    return Part(name, candidate, snapshot, volume, first, last, work_month=first - lead)


def serves_later(part: Part, parts: Sequence[Part]) -> bool:
    """Tell whether what stands in goes on as a step: its lifecycle is that step's, paid once."""
    return any(other.name == part.name and not other.stands_in for other in parts)


def likely_months(expression: Expression, horizon_months: int) -> Array:
    """Return the likely value of each month, of shape (months,)."""
    values: Array = Valuation().of(expression)[0]
    return values if values.size == horizon_months else values.repeat(horizon_months)


def snapshot_label(parts: Sequence[Part]) -> str:
    """Name the snapshots of an option in one text, without one that only stands in."""
    return "+".join(dict.fromkeys(part.snapshot.id for part in parts if not part.stands_in))
