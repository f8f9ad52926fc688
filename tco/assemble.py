"""One option from its candidate: its parts simulated, priced as lines, described to be ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tco.domain.deployment import ApiDeployment, SelfHostedDeployment, StagedDeployment
from tco.domain.price import Purchase
from tco.domain.record import Evidence, worse
from tco.domain.scenario import Candidate, Custody, Scenario
from tco.domain.snapshot import Metric, Openness, SizeClass
from tco.errors import InfeasibleError, MissingFigureError, TcoError
from tco.ledger.expression import Driver, Expression, driver
from tco.ledger.inference import add_api_lines, add_self_hosted_lines
from tco.ledger.lifecycle import add_incumbent_lines, add_lifecycle_lines, add_switch_lines
from tco.ledger.model import CostLine, LineMaker
from tco.ledger.option import Part, likely_months, parts_of_option, snapshot_label
from tco.ledger.volume import tokens_per_request
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.rank.goals import Facts, LatencyFact
from tco.rank.score import OptionKind, OptionProfile
from tco.sim.packing import instances_needed, replicas_per_instance, share_of_instance
from tco.sim.static_fleet import StaticFleet, simulate_static_fleet
from tco.sim.usage import StaticUsage
from tco.traffic.profile import week_of
from tco.units import hours_in_month

INCUMBENT = "keep-as-is"
SAME_SIZE = 0.25
"""A measured point stands for requests whose size is within a quarter of what it was taken at."""


@dataclass(slots=True)
class Built:
    """One option, priced and described."""

    profile: OptionProfile
    lines: list[CostLine]
    usage: tuple[StaticUsage, ...] = ()


@dataclass(slots=True)
class _PartFacts:
    custody: Custody
    kind: OptionKind
    latency: LatencyFact | None
    completion_hours: float | None
    usage: tuple[StaticUsage, ...] = field(default=())


def build_option(
    scenario: Scenario,
    option: str,
    requests: Expression,
    catalog: Catalog,
    measurements: Measurements,
) -> Built:
    """Build the lines and the profile of one candidate, or raise with the reason why not."""
    candidate = scenario.candidates[option]
    parts, switches = parts_of_option(scenario, option, requests)
    make = LineMaker(option, snapshot_label(parts))
    found: list[_PartFacts] = []
    for part in parts:
        serving = LineMaker(option, part.snapshot.id)
        found.append(_serve(serving, scenario, part, catalog, measurements))
        add_lifecycle_lines(
            serving,
            scenario,
            part.candidate.lifecycle,
            lambda role, on: catalog.person(role, on=on),
            path=f"candidates.{part.name}.lifecycle",
            first_month=part.first_month,
            last_month=part.last_month,
        )
        make.lines += serving.lines
    _add_shared(make, scenario, catalog, option, parts)
    if isinstance(candidate.deployment, StagedDeployment):
        cost = driver(
            f"candidates.{option}.deployment.migration_usd",
            "USD",
            candidate.deployment.migration_usd,
        )
        add_switch_lines(make, scenario, switches, cost)
    profile = _profile(option, candidate, parts, found)
    return Built(profile, make.lines, tuple(use for facts in found for use in facts.usage))


def _add_shared(
    make: LineMaker, scenario: Scenario, catalog: Catalog, option: str, parts: Sequence[Part]
) -> None:
    """Add what every option costs alike, and what a route costs beside its steps."""
    holders = {"lifecycle": scenario.lifecycle}
    if option not in {part.name for part in parts}:
        holders[f"candidates.{option}.lifecycle"] = scenario.candidates[option].lifecycle
    for path, lifecycle in holders.items():
        add_lifecycle_lines(
            make, scenario, lifecycle, lambda role, on: catalog.person(role, on=on), path=path
        )


def _serve(
    make: LineMaker, scenario: Scenario, part: Part, catalog: Catalog, measurements: Measurements
) -> _PartFacts:
    """Add the lines of one part's serving, and return what is known of it."""
    deployment = part.candidate.deployment
    if isinstance(deployment, ApiDeployment):
        rates = catalog.tokens(
            deployment.provider, deployment.model, on=scenario.price_date, tier=deployment.tier
        )
        add_api_lines(make, scenario, part, deployment, rates)
        stated = deployment.latency_ms
        latency = None
        if stated is not None:
            given = {name: getattr(stated, name) for name in ("p50", "p95", "p99")}
            known = {name: ms for name, ms in given.items() if ms is not None}
            latency = LatencyFact(known, stated.evidence, stated.source)
        return _PartFacts(Custody.API_VENDOR, OptionKind.API, latency, deployment.completion_hours)
    assert isinstance(deployment, SelfHostedDeployment)
    return _serve_on_machines(make, scenario, part, deployment, catalog, measurements)


def _serve_on_machines(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    catalog: Catalog,
    measurements: Measurements,
) -> _PartFacts:
    machine = deployment.machine
    if machine.purchase is Purchase.SPOT:
        raise InfeasibleError(
            "spot machines are taken away at times, and interruptions are not simulated yet; "
            "choose on_demand, commit_1y or commit_3y"
        )
    quote = catalog.compute(
        machine.seller,
        machine.region,
        machine.instance_type,
        on=scenario.price_date,
        purchase=machine.purchase,
    )
    instance = catalog.instance(machine.seller, machine.region, machine.instance_type)
    fits = replicas_per_instance(deployment, instance, part.snapshot)
    seconds, parallel = _service(scenario, part, deployment, instance.accelerator, measurements)
    fleet = StaticFleet(
        replicas=deployment.replicas,
        instances=instances_needed(deployment.replicas, fits),
        instance_share=share_of_instance(deployment, instance, fits),
        parallel=parallel,
        seconds=float(likely_months(seconds, 1)[0]),
    )
    usage = simulate_static_fleet(
        fleet,
        likely_months(part.volume, scenario.horizon_months),
        np.array([hours_in_month(month) for month in scenario.months], dtype=np.float64),
        week_of(scenario.workload.profile),
        seed=scenario.seed,
    )
    add_self_hosted_lines(make, scenario, part, deployment, quote, usage, seconds)
    found = usage.latency
    latency = LatencyFact(
        {"p50": found.p50_ms, "p95": found.p95_ms, "p99": found.p99_ms},
        Evidence.ESTIMATED,
        f"simulated, {usage.simulated_requests:,} requests at a constant service time: "
        f"{found.scope}",
    )
    return _PartFacts(Custody.CLOUD_ACCOUNT, OptionKind.SELF_HOSTED, latency, None, (usage,))


def _service(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    accelerator: str | None,
    measurements: Measurements,
) -> tuple[Expression, int]:
    """Return the seconds of one request and how many a replica serves at once."""
    if deployment.service is not None:
        name = f"candidates.{part.name}.deployment.service.seconds"
        return driver(name, "s/request", deployment.service.seconds), deployment.service.parallel
    snapshot = part.snapshot
    if snapshot.precision is None:
        raise MissingFigureError(f"snapshot '{snapshot.id}' states no precision")
    row = measurements.constant_service(
        snapshot.id,
        accelerator or "CPU",
        deployment.accelerators_per_replica,
        deployment.runtime,
        snapshot.precision,
    )
    name = f"measurement.{snapshot.id}.{row.accelerator}.{row.accelerator_count}.{row.runtime}"
    source = f"{row.source} ({row.as_of or 'undated'}, checked {row.checked_on})"
    if row.output_tokens:
        tokens = tokens_per_request(scenario.workload, snapshot)
        size, measured, word = tokens.output + tokens.reasoning, row.output_tokens, "output"
    elif row.input_tokens and _is_longer(scenario, row.input_tokens):
        size, measured, word = _input_of(scenario), row.input_tokens, "input"
    else:
        whole = Driver(f"{name}.seconds", "s/request", row.seconds, row.evidence, source)
        return whole, row.parallel
    same_size = abs(float(likely_months(size, 1)[0]) / measured - 1) <= SAME_SIZE
    per_token = Driver(
        f"{name}.seconds_per_{word}_token",
        "s/token",
        row.seconds / measured,
        row.evidence if same_size else worse(row.evidence, Evidence.ESTIMATED),
        source if same_size else f"{source}, scaled from {measured:,.0f} {word} tokens",
    )
    return per_token * size, row.parallel


def _is_longer(scenario: Scenario, measured_tokens: float) -> bool:
    """Tell whether requests are longer than those measured; shorter ones were filled up there."""
    tokens = scenario.workload.tokens
    return tokens is not None and tokens.input.likely > measured_tokens


def _input_of(scenario: Scenario) -> Expression:
    assert scenario.workload.tokens is not None
    return driver("workload.tokens.input", "tokens", scenario.workload.tokens.input)


def build_incumbent(scenario: Scenario, requests: Expression, catalog: Catalog) -> Built:
    """Build the lines and the profile of what runs today."""
    incumbent = scenario.incumbent
    assert incumbent is not None
    if INCUMBENT in scenario.candidates:
        raise TcoError(f"an option is named '{INCUMBENT}' too, as what runs today is; rename it")
    make = LineMaker(INCUMBENT, INCUMBENT)
    add_incumbent_lines(make, incumbent, requests)
    add_lifecycle_lines(
        make,
        scenario,
        scenario.lifecycle,
        lambda role, on: catalog.person(role, on=on),
        path="lifecycle",
    )
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
    option: str, candidate: Candidate, parts: Sequence[Part], found: Sequence[_PartFacts]
) -> OptionProfile:
    snapshots = [part.snapshot for part in parts]
    kinds = {facts.kind for facts in found}
    opennesses = {snapshot.openness for snapshot in snapshots}
    sizes = {snapshot.size_class for snapshot in snapshots}
    staged = isinstance(candidate.deployment, StagedDeployment)
    is_route = len(parts) > 1 and not staged
    facts = Facts(
        custody=frozenset(facts.custody for facts in found),
        licences=frozenset(snapshot.licence for snapshot in snapshots),
        interpretability=tuple(snapshot.interpretability_score for snapshot in snapshots),
        latency=None if is_route else _slowest([facts.latency for facts in found]),
        completion_hours=_longest([facts.completion_hours for facts in found]),
        quality=_quality(candidate, parts, is_route=is_route),
    )
    return OptionProfile(
        option=option,
        title=candidate.title,
        snapshots=tuple(dict.fromkeys(snapshot.id for snapshot in snapshots)),
        kind=kinds.pop() if len(kinds) == 1 and not is_route else OptionKind.HYBRID,
        openness=opennesses.pop() if len(opennesses) == 1 else Openness.MIXED,
        size_class=sizes.pop() if len(sizes) == 1 and not is_route else SizeClass.MIXED,
        facts=facts,
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
    """Return what is known of each part's quality; a route's is stated for the route or unknown."""
    if is_route:
        return (candidate.quality,)
    return tuple((*part.candidate.quality, *part.snapshot.metrics) for part in parts)
