"""An option that is a route: what comes to each of its fleets, and how it answers end to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tco.domain.deployment import (
    ApiDeployment,
    Deployment,
    RoutedDeployment,
    SelfHostedDeployment,
)
from tco.domain.record import Estimate, Evidence, worse
from tco.domain.route import RouteStep, share_reaching, splits
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.hosting.fleets import Effort, RouteTask
from tco.hosting.host import MOST_LOST, NO_WAY, Way, arrange, mean_rates_per_s
from tco.hosting.priced_api import api_rules, api_task
from tco.ledger.expression import Expression
from tco.ledger.option import Part, calls_per_request, likely_months
from tco.ledger.tasks import specialists_of
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.rank.goals import LatencyFact
from tco.sim.case import Case
from tco.sim.routed import HandedOn, RouteCase, RouteUsage, Vendor
from tco.sim.routes import Route, Step
from tco.sim.week import Before, Traffic
from tco.traffic.profile import week_of

ONE_CALL = Estimate(likely=1.0)


@dataclass(frozen=True, slots=True)
class RoutedOption:
    """A route ready to be simulated."""

    case: RouteCase
    rate_per_s: float
    """Requests that enter in its busiest month [1/s]."""
    evidence: Evidence
    """The weakest grade among the times of its steps."""
    notes: tuple[str, ...]

    def before(self, option: str) -> Before | None:
        """Return what stands before one of its fleets; None where requests enter there alone."""
        up_to = self.case.route.up_to(option).steps
        [first, *others] = up_to
        enters = not others and not first.after and first.takes_all and first.calls == 1.0
        return None if enters and not first.hand_over_s else HandedOn(self.case, option)

    def latency(self, effort: Effort) -> tuple[LatencyFact | None, tuple[str, ...]]:
        """Return the latency end to end, and what has to be asked of lost requests.

        Raises:
            WantedError: If it has not been simulated yet.
        """
        [data] = effort.kept.of(RouteTask(self.case, self.rate_per_s))["runs"]
        usage = RouteUsage.from_data(data)
        questions: tuple[str, ...] = ()
        if usage.lost_share > MOST_LOST:
            questions = (
                f"its steps turn away or lose {usage.lost_share:.1%} of the requests of the "
                "busiest month, and nobody has said what a lost request costs",
            )
        if usage.latency is None:
            return None, questions
        found = usage.latency
        ms = {"p50": found.p50_ms, "p95": found.p95_ms, "p99": found.p99_ms}
        how = f"simulated, {usage.requests:,} requests through {len(usage.steps)} steps"
        source = "; ".join((f"{how}: {found.scope}", *self.notes))
        return LatencyFact(ms, worse(Evidence.ESTIMATED, self.evidence), source), questions


def routed_option(
    scenario: Scenario,
    option: str,
    parts: Sequence[Part],
    requests: Expression,
    catalog: Catalog,
    measurements: Measurements,
) -> RoutedOption | str:
    """Make a route of an option ready to be simulated, or say why its time is not known.

    Args:
        scenario: Holds the option and its traffic.
        option: Name of an option that is a route.
        parts: The options that serve in it.
        requests: Requests of each month [1/month].
        catalog: Machines.
        measurements: Operating points.
    """
    deployment = scenario.candidates[option].deployment
    assert isinstance(deployment, RoutedDeployment)
    _check_refusals(scenario, deployment)
    _check_bills(scenario, deployment)
    workload = scenario.workload
    if workload.batch_jobs is not None:
        return "its workload has batch jobs, which are handed over and not sent through steps"
    fleets: dict[str, Case] = {}
    vendors: dict[str, Vendor] = {}
    grades: list[Evidence] = []
    notes: list[str] = []
    for part in parts:
        if part.stands_in:
            continue
        served = part.candidate.deployment
        unknown = _why_unknown(part)
        if unknown is not None:
            return unknown
        if isinstance(served, SelfHostedDeployment):
            arranged = arrange(scenario, part, catalog, measurements)
            if not arranged.service.shows_latency:
                return f"of {part.name} only the capacity was measured"
            fleets[part.name] = arranged.case
            notes += arranged.service.notes
            continue
        assert isinstance(served, ApiDeployment)
        assert served.latency_ms is not None
        api = api_task(scenario, part).case
        if api.traffic.events_per_request > 1:
            return f"behind a request at {part.name} stand several calls"
        vendors[part.name] = Vendor(api.rules, api.tokens)
        grades.append(served.latency_ms.evidence)
        notes.append(f"{part.name}: {served.latency_ms.source}")
    calls = _calls(scenario, option, deployment)
    classes = tuple(workload.classes or ())
    by_class = any(step.escalate_by_class for step in deployment.route.values())
    case = RouteCase(
        route_of(deployment.route, classes),
        fleets,
        vendors,
        calls,
        Traffic(week_of(workload.profile), workload.bursts, workload.movement),
        scenario.seed,
        workload if by_class else None,
    )
    own = next(part for part in parts if not part.stands_in)
    rates = mean_rates_per_s(scenario, replace(own, volume=requests))
    live = np.arange(1, rates.size + 1) >= own.first_month
    return RoutedOption(
        case,
        float(rates[live].max()),
        worse(Evidence.ESTIMATED, *grades),
        tuple(dict.fromkeys(notes)),
    )


def _why_unknown(part: Part) -> str | None:
    """Say why the time of a step cannot be known; None where it can."""
    served = part.candidate.deployment
    if isinstance(served, SelfHostedDeployment):
        if specialists_of(part.candidate) > 1:
            return f"{part.name} is many fleets, and which of them a request meets is not known"
        if served.pool is not None:
            return f"{part.name} is a pool of models, which is simulated by itself"
        return None
    if not isinstance(served, ApiDeployment) or served.latency_ms is None:
        return f"the latency of {part.name} is not stated"
    if served.outages is not None:
        return f"{part.name} has outages, which are not simulated within a route"
    law = api_rules(served).latency
    if law is None or len(law.points) == 1:
        return f"of {part.name} one quantile of the latency is stated, and two make a law"
    return None


def way_to(routed: RoutedOption | str | None, deployment: Deployment, part: Part) -> Way:
    """Return how requests come to a part, and whether another takes what it turns away."""
    if not isinstance(deployment, RoutedDeployment) or part.stands_in:
        return NO_WAY
    before = routed.before(part.name) if isinstance(routed, RoutedOption) else None
    steps = deployment.route
    refusing = {steps[s.after[0]].option for s in steps.values() if s.takes == "refused"}
    return Way(before, part.name in refusing)


def _check_refusals(scenario: Scenario, deployment: RoutedDeployment) -> None:
    """Refuse steps on what is never turned away, and fleets that only what is refused comes to."""
    steps = deployment.route
    refused = [name for name, step in steps.items() if step.takes == "refused"]
    shares = {name: step.share for name, step in steps.items() if step.share is not None}
    for name in refused:
        before = steps[steps[name].after[0]].option
        served = scenario.candidates[before].deployment
        if not isinstance(served, SelfHostedDeployment) or (
            served.queue.limit is None and served.queue.patience_s is None
        ):
            raise InfeasibleError(
                f"step '{name}' takes what '{before}' refuses, and that refuses nothing; give it "
                "a queue.limit or a queue.patience_s on machines of your own"
            )
        if served.has_faults:
            raise InfeasibleError(
                f"step '{name}' takes what '{before}' refuses, and its machines fail or are taken "
                "away: when a request that was cut off gives up is not known; leave interruptions "
                "and failures out, or the step"
            )
    for name, step in steps.items():
        if isinstance(scenario.candidates[step.option].deployment, SelfHostedDeployment):
            none, all_ = (
                share_reaching(steps, name, shares | dict.fromkeys(refused, x)) for x in (0.0, 1.0)
            )
            if none != all_:
                raise InfeasibleError(
                    f"step '{name}' is a fleet to which more comes the more another refuses, which "
                    "follows no line that a plan could read between loads; let an API take it"
                )


def _check_bills(scenario: Scenario, deployment: RoutedDeployment) -> None:
    """Refuse steps whose bill would rest on other requests than those that come.

    A fleet is simulated on what comes; all else is billed by shares and in smooth traffic.
    """
    steps, apart = deployment.route, ("limits", "provisioned", "outages")
    overflowing = {steps[s.after[0]].option for s in steps.values() if s.takes == "refused"}
    short: dict[str, str] = {}
    for name, step in steps.items():
        taking = {b for o in step.after if steps[o].takes == "refused" for b in steps[o].after}
        for other in step.after:
            refuses = step.takes == "answered" and steps[other].option in overflowing
            if other in short or (refuses and other not in taking):
                short[name] = short.get(other, steps[other].option)
        served = scenario.candidates[step.option].deployment
        if name in short and not isinstance(served, SelfHostedDeployment):
            raise InfeasibleError(
                f"step '{name}' is billed by the request, and what '{short[name]}' refuses never "
                "comes to it, which its bill does not know; let the step behind "
                f"'{short[name]}' come after the one that takes what is refused, too, or serve "
                f"'{name}' on machines of your own"
            )
        stated = [word for word in apart if getattr(served, word, None) is not None]
        calls = [other for other in steps.values() if other.option == step.option]
        alone = not step.after and len(calls) == 1 and step.calls_per_request == ONE_CALL
        if isinstance(served, ApiDeployment) and stated and not alone:
            raise InfeasibleError(
                f"step '{name}' calls '{step.option}', which states {' and '.join(stated)}: what "
                "that turns away and bills is worked out for requests as they enter, not as other "
                "steps hand them on or several at once; leave it out, or call it first and once"
            )


def route_of(steps: Mapping[str, RouteStep], classes: Sequence[str]) -> Route:
    """Return the steps of a plan as they are simulated, at likely values.

    Args:
        steps: By name.
        classes: Classes of the workload in their order; empty where requests are alike.
    """
    bounds: dict[str, tuple[str, float, float]] = {}
    for after, ways in splits(steps).items():
        draw, low = "way after " + ", ".join(sorted(after)), 0.0
        for name, share in ways.items():
            bounds[name] = draw, low, low + share
            low += share
        # Decimals that sum to one a trifle short of it leave nobody without a way.
        bounds[name] = draw, bounds[name][1], 1.0
    found = []
    for name, step in steps.items():
        escalate = 1.0 if step.escalate is None else step.escalate.likely
        draw, low, high = bounds.get(name, (name, 0.0, escalate))
        by_class = step.escalate_by_class
        found.append(
            Step(
                name,
                step.option,
                step.after,
                step.takes == "refused",
                draw,
                low,
                high,
                () if by_class is None else tuple(by_class.get(kind, 0.0) for kind in classes),
                step.calls_per_request.likely,
                step.hand_over_s,
            )
        )
    return Route.of(found)


def _calls(scenario: Scenario, option: str, deployment: RoutedDeployment) -> dict[str, float]:
    """Return the calls of a request at each option as a mean [-]."""
    found = dict.fromkeys(deployment.options, 0.0)
    for name, calls in calls_per_request(scenario, option, deployment).items():
        each = 1.0 if calls is None else float(likely_months(calls, 1)[0])
        found[deployment.route[name].option] += each
    return found
