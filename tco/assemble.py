"""One option from its candidate: its parts simulated, priced as lines, described to be ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tco.domain.deployment import (
    ApiDeployment,
    RoutedDeployment,
    SelfHostedDeployment,
    StagedDeployment,
)
from tco.domain.edge import EdgeDeployment
from tco.domain.goals import Custody
from tco.domain.record import worse
from tco.domain.scenario import Candidate, Scenario
from tco.domain.serverless import ServerlessDeployment
from tco.domain.snapshot import Metric, Openness, SizeClass
from tco.errors import TcoError
from tco.hosting import Effort, Usage, host
from tco.hosting.host import Way
from tco.hosting.priced_api import host_api, stated_latency
from tco.hosting.routes import RoutedOption, routed_option, way_to
from tco.hosting.serverless import host_function
from tco.ledger.catalogued import Shop
from tco.ledger.contracts import add_contract
from tco.ledger.edge import add_edge_lines
from tco.ledger.expression import Expression, driver
from tco.ledger.holder import Holder
from tco.ledger.lifecycle import add_forced_moves, add_incumbent_lines, add_switch_lines
from tco.ledger.meanwhile import add_incumbent_until_live
from tco.ledger.model import CostLine, LineMaker
from tco.ledger.option import Part, incumbent_months, parts_of_option, serves_later, snapshot_label
from tco.ledger.phases import add_phase_lines
from tco.ledger.tariff import end_of_life
from tco.ledger.tasks import for_each_specialist, one_specialist, specialists_of
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.rank.goals import Facts, LatencyFact
from tco.rank.known import with_known
from tco.rank.score import OptionKind, OptionProfile

INCUMBENT = "keep-as-is"


@dataclass(slots=True)
class Built:
    """One option, priced and described."""

    profile: OptionProfile
    lines: list[CostLine]
    usage: tuple[Usage, ...] = ()


@dataclass(slots=True)
class _PartFacts:
    custody: Custody
    kind: OptionKind
    latency: LatencyFact | None
    completion_hours: float | None
    usage: tuple[Usage, ...] = field(default=())
    open_questions: tuple[str, ...] = ()
    ttft: LatencyFact | None = None
    lost: Expression | None = None
    """Share of what comes that a fleet turns away [-]; None where nothing ever is."""


def build_option(
    scenario: Scenario,
    option: str,
    requests: Expression,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
) -> Built:
    """Build the lines and the profile of one candidate, or raise with the reason why not."""
    candidate = scenario.candidates[option]
    parts, switches = parts_of_option(scenario, option, requests)
    make = LineMaker(option, snapshot_label(parts))
    found: list[_PartFacts] = []
    shop = Shop(scenario, catalog, measurements.trainings)
    routed: RoutedOption | str | None = None
    if isinstance(candidate.deployment, RoutedDeployment):
        routed = routed_option(scenario, option, parts, requests, catalog, measurements)
    lost: dict[str, Expression] = {}
    for number in range(len(parts)):
        part = parts[number]
        serving = LineMaker(option, part.snapshot.id)
        count = specialists_of(part.candidate)
        one = part if count == 1 else one_specialist(part, count)
        way = way_to(routed, candidate.deployment, part)
        facts = _serve(serving, scenario, one, catalog, measurements, effort, way)
        found.append(facts)
        if way.overflows and facts.lost is not None:
            lost[part.name] = facts.lost
            parts, _ = parts_of_option(scenario, option, requests, lost)
        if count > 1:
            serving.lines = for_each_specialist(serving.lines, count)
        if not (part.stands_in and serves_later(part, parts)):
            path = f"candidates.{part.name}.lifecycle"
            holder = Holder(shop, path, part.work_month, part.last_month, part.volume, part)
            add_phase_lines(serving, part.candidate.lifecycle, holder)
        _add_contract(serving, scenario, part)
        make.lines += serving.lines
    waiting = incumbent_months(scenario, option)
    if waiting is not None:
        assert scenario.incumbent is not None
        add_incumbent_until_live(make, scenario.incumbent, requests, waiting)
    _add_shared(make, scenario, catalog, option, parts, requests)
    if isinstance(candidate.deployment, StagedDeployment):
        cost = driver(
            f"candidates.{option}.deployment.migration_usd",
            "USD",
            candidate.deployment.migration_usd,
        )
        add_switch_lines(make, scenario, switches, cost)
    end_to_end = _end_to_end(routed, effort)
    profile = _profile(option, candidate, parts, found, catalog, end_to_end)
    return Built(profile, make.lines, tuple(use for facts in found for use in facts.usage))


def _add_contract(serving: LineMaker, scenario: Scenario, part: Part) -> None:
    """Add the contract of a part, one for all specialists, over all that its vendor is paid for."""
    deployment = part.candidate.deployment
    if isinstance(deployment, ApiDeployment) and deployment.contract is not None:
        add_contract(serving, scenario, part, deployment.provider, deployment.contract)


def _add_shared(
    make: LineMaker,
    scenario: Scenario,
    catalog: Catalog,
    option: str,
    parts: Sequence[Part],
    requests: Expression,
) -> None:
    """Add what every option costs alike, and what a route costs beside its steps."""
    holders = {"lifecycle": scenario.lifecycle}
    if option not in {part.name for part in parts}:
        holders[f"candidates.{option}.lifecycle"] = scenario.candidates[option].lifecycle
    for path, lifecycle in holders.items():
        shop = Shop(scenario, catalog)
        holder = Holder(shop, path, 1, scenario.horizon_months, requests)
        add_phase_lines(make, lifecycle, holder)


@dataclass(frozen=True, slots=True)
class _EndToEnd:
    """What is known of a route beside its steps; nothing of what is no route."""

    latency: LatencyFact | None = None
    open_questions: tuple[str, ...] = ()


def _end_to_end(routed: RoutedOption | str | None, effort: Effort) -> _EndToEnd:
    if not isinstance(routed, RoutedOption):
        return _EndToEnd()
    return _EndToEnd(*routed.latency(effort))


def _serve(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
    way: Way,
) -> _PartFacts:
    """Add the lines of one part's serving, and return what is known of it."""
    deployment = part.candidate.deployment
    if isinstance(deployment, ApiDeployment):
        answers = host_api(make, scenario, part, catalog, effort)
        sold_as = f"{deployment.provider}/{deployment.model}"
        add_forced_moves(make, scenario, part, sold_as)
        return _PartFacts(
            Custody.API_VENDOR,
            OptionKind.API,
            answers.latency,
            answers.completion_hours,
            open_questions=(*answers.open_questions, *end_of_life(scenario, [sold_as])),
            ttft=answers.ttft,
        )
    if isinstance(deployment, EdgeDeployment):
        add_edge_lines(make, scenario, part, deployment, catalog)
        is_ours = deployment.own is not None
        return _PartFacts(
            Custody.OWN_SITE if is_ours else Custody.USER_DEVICE,
            OptionKind.SELF_HOSTED,
            stated_latency(deployment.latency_ms),
            None,
        )
    if isinstance(deployment, ServerlessDeployment):
        function = host_function(make, scenario, part, catalog, effort)
        return _PartFacts(
            Custody.CLOUD_ACCOUNT,
            OptionKind.SELF_HOSTED,
            function.latency,
            None,
            open_questions=function.open_questions,
        )
    assert isinstance(deployment, SelfHostedDeployment)
    hosted = host(make, scenario, part, catalog, measurements, effort, way)
    return _PartFacts(
        Custody.CLOUD_ACCOUNT if deployment.own_site is None else Custody.OWN_SITE,
        OptionKind.SELF_HOSTED,
        hosted.latency,
        hosted.completion_hours,
        (hosted.usage,),
        hosted.open_questions,
        hosted.ttft,
        hosted.lost,
    )


def build_incumbent(scenario: Scenario, requests: Expression, catalog: Catalog) -> Built:
    """Build the lines and the profile of what runs today."""
    incumbent = scenario.incumbent
    assert incumbent is not None
    if INCUMBENT in scenario.candidates:
        raise TcoError(f"an option is named '{INCUMBENT}' too, as what runs today is; rename it")
    make = LineMaker(INCUMBENT, INCUMBENT)
    add_incumbent_lines(make, incumbent, requests)
    shop = Shop(scenario, catalog)
    holder = Holder(shop, "lifecycle", 1, scenario.horizon_months, requests)
    add_phase_lines(make, scenario.lifecycle, holder)
    questions: tuple[str, ...] = ()
    end = incumbent.contract_end_month
    if end is not None and end < scenario.horizon_months:
        questions = (f"its contract ends in month {end}, and what it costs then is not stated",)
    facts = Facts(
        custody=frozenset(),
        licences=frozenset(),
        interpretability=(),
        latency=None,
        completion_hours=None,
        quality=(),
        open_questions=questions,
        accepted_as_it_is=True,
    )
    profile = OptionProfile(
        INCUMBENT,
        f"{incumbent.title} (keep as is)",
        (INCUMBENT,),
        OptionKind.INCUMBENT,
        None,
        None,
        facts,
    )
    return Built(profile, make.lines)


def _profile(
    option: str,
    candidate: Candidate,
    parts: Sequence[Part],
    found: Sequence[_PartFacts],
    catalog: Catalog,
    end_to_end: _EndToEnd,
) -> OptionProfile:
    own = [part for part in parts if not part.stands_in]
    snapshots = [part.snapshot for part in own]
    kinds = {facts.kind for part, facts in zip(parts, found, strict=True) if not part.stands_in}
    opennesses = {snapshot.openness for snapshot in snapshots}
    sizes = {snapshot.size_class for snapshot in snapshots}
    is_route = isinstance(candidate.deployment, RoutedDeployment)
    facts = Facts(
        custody=frozenset(facts.custody for facts in found),
        licences=frozenset(part.snapshot.licence for part in parts),
        interpretability=tuple(part.snapshot.interpretability_score for part in parts),
        latency=_slowest(
            [
                *([end_to_end.latency] if is_route else []),
                *(
                    facts.latency
                    for part, facts in zip(parts, found, strict=True)
                    if part.stands_in or not is_route
                ),
            ]
        ),
        ttft=None if is_route else _slowest([facts.ttft for facts in found]),
        completion_hours=_longest([facts.completion_hours for facts in found]),
        quality=_quality(candidate, parts, is_route=is_route),
        open_questions=(
            *(text for facts in found for text in facts.open_questions),
            *end_to_end.open_questions,
        ),
    )
    return OptionProfile(
        option=option,
        title=candidate.title,
        snapshots=tuple(dict.fromkeys(snapshot.id for snapshot in snapshots)),
        kind=kinds.pop() if len(kinds) == 1 and not is_route else OptionKind.HYBRID,
        openness=opennesses.pop() if len(opennesses) == 1 else Openness.MIXED,
        size_class=sizes.pop() if len(sizes) == 1 and not is_route else SizeClass.MIXED,
        facts=with_known(facts, candidate, parts, catalog),
        approaches=frozenset(snapshot.training.approach for snapshot in snapshots),
        has_steps=candidate.snapshot is None,
    )


def _slowest(known: Sequence[LatencyFact | None]) -> LatencyFact | None:
    """Return the worst of each quantile; None where some part's latency is unknown."""
    facts = [fact for fact in known if fact is not None]
    if len(facts) < len(known) or not facts:
        return None
    names = set.intersection(*(set(fact.ms) for fact in facts))
    worst = {name: max(fact.ms[name] for fact in facts) for name in sorted(names)}
    return LatencyFact(
        worst,
        worse(*(fact.evidence for fact in facts)),
        "; ".join(dict.fromkeys(fact.source for fact in facts)),
    )


def _longest(known: Sequence[float | None]) -> float | None:
    hours = [number for number in known if number is not None]
    return max(hours) if hours and len(hours) == len(known) else None


def _quality(
    candidate: Candidate, parts: Sequence[Part], *, is_route: bool
) -> tuple[tuple[Metric, ...], ...]:
    """Return what is known of each part's quality; a route's is stated for the route or unknown.

    What only stands in until the option is live must be good enough too.
    """
    alone = [part for part in parts if part.stands_in or not is_route]
    known = tuple((*part.candidate.quality, *part.snapshot.metrics) for part in alone)
    return (candidate.quality, *known) if is_route else known
