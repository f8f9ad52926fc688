"""One part on rented machines: its service time, its simulated fleet, its lines."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.price import Purchase, Quote
from tco.domain.record import Evidence, worse
from tco.domain.scenario import Scenario
from tco.domain.workload import Workload
from tco.errors import InfeasibleError, MissingFigureError
from tco.ledger.expression import Driver, Expression, driver
from tco.ledger.inference import add_simulated_lines, add_static_lines
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.volume import tokens_per_request
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.rank.goals import LatencyFact
from tco.sim.fleet import FleetRules
from tco.sim.ladder import Ladder, Machine, check_capacity, climb
from tco.sim.months import SimulatedMonths, simulate_months
from tco.sim.packing import instances_needed, replicas_per_instance, share_of_instance
from tco.sim.rules import rules_of
from tco.sim.service import Service, linear_service
from tco.sim.static_fleet import StaticFleet, simulate_static_fleet
from tco.sim.usage import Latency, StaticUsage
from tco.sim.week import Traffic
from tco.tasks import Kept, digest_of, source_digest, versions_of
from tco.traffic.profile import week_of
from tco.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR, hours_in_month

Array = NDArray[np.float64]
Usage = StaticUsage | Ladder | SimulatedMonths
SAME_SIZE = 0.25
"""A measured point stands for requests whose size is within a quarter of what it was taken at."""
MOST_LOST = 0.001
"""Above this share of lost requests an option does not do what it was asked to."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated, and where results are kept."""

    kept: Kept
    fidelity: Literal["quick", "full"]


@dataclass(frozen=True, slots=True)
class Hosted:
    """What is known of a part on machines."""

    usage: Usage
    latency: LatencyFact | None
    open_questions: tuple[str, ...] = ()
    completion_hours: float | None = None

    def without_latency(self) -> Hosted:
        """Leave latency out where only capacity was measured; how long work takes still shows."""
        hours = None
        if self.latency is not None:
            hours = self.latency.ms["p99"] / MILLISECONDS_PER_SECOND / SECONDS_PER_HOUR
        return Hosted(self.usage, None, self.open_questions, hours)


@dataclass(frozen=True, slots=True)
class ConstantSeconds:
    """Seconds of one request, how many a replica serves at once, and whether that is a latency."""

    seconds: Expression
    parallel: int
    shows_latency: bool = True


@dataclass(frozen=True, slots=True)
class Hall:
    """The machines of a fleet: how replicas lie on them, and what serving takes there."""

    packing: Machine
    service: Service
    slots: int


def host(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
) -> Hosted:
    """Simulate a part on its machines and add the lines of what it uses."""
    deployment = part.candidate.deployment
    assert isinstance(deployment, SelfHostedDeployment)
    _refuse_what_is_not_simulated(scenario.workload)
    quote = _quote(scenario, deployment, catalog)
    machine = deployment.machine
    instance = catalog.instance(machine.seller, machine.region, machine.instance_type)
    fits = replicas_per_instance(deployment, instance, part.snapshot)
    share = share_of_instance(deployment, instance, fits)
    stated = deployment.service
    if stated is not None and stated.max_batch is not None:
        service, slots, shows_latency = _batch_service(deployment), 1, True
    else:
        found = _constant_service(scenario, part, deployment, instance.accelerator, measurements)
        seconds, slots, shows_latency = found.seconds, found.parallel, found.shows_latency
        constant_s = float(likely_months(seconds, 1)[0])
        is_closed_form = (
            deployment.autoscaler is None
            and not _can_lose_requests(deployment)
            and _traffic(scenario).is_plain
        )
        if is_closed_form and effort.fidelity == "quick":
            fleet = _static_fleet(deployment, fits, share, slots, constant_s)
            hosted = _host_static(make, scenario, part, quote, fleet, seconds, effort)
            return hosted if shows_latency else hosted.without_latency()
        service = linear_service(constant_s, 0.0, 1)
    packing = Machine(fits, share, quote.billing_increment_s, quote.minimum_s)
    hall = Hall(packing, service, slots)
    hosted = _host_simulated(make, scenario, part, quote, hall, effort)
    return hosted if shows_latency else hosted.without_latency()


def _traffic(scenario: Scenario) -> Traffic:
    workload = scenario.workload
    return Traffic(week_of(workload.profile), workload.bursts, workload.movement)


def _refuse_what_is_not_simulated(workload: Workload) -> None:
    """Say which parts of a workload the simulation of own machines leaves out; none silently."""
    parts = {
        "batch_jobs": workload.batch_jobs,
        "sizes": workload.sizes,
        "classes": workload.classes,
    }
    given = [name for name, part in parts.items() if part is not None]
    if given:
        raise InfeasibleError(
            f"workload.{' and workload.'.join(given)} are not simulated on machines of one's own "
            "yet; leave them out to plan with the mean size and rate"
        )


def _quote(scenario: Scenario, deployment: SelfHostedDeployment, catalog: Catalog) -> Quote:
    machine = deployment.machine
    if machine.purchase is Purchase.SPOT:
        raise InfeasibleError(
            "spot machines are taken away at times, and interruptions are not simulated yet; "
            "choose on_demand, commit_1y or commit_3y"
        )
    if machine.purchase.term_months is not None and deployment.autoscaler is not None:
        raise InfeasibleError(
            "a commitment is paid in every hour, and an autoscaler gives machines back; the best "
            "level to commit is not searched for yet. Choose on_demand, or a static fleet"
        )
    return catalog.compute(
        machine.seller,
        machine.region,
        machine.instance_type,
        on=scenario.price_date,
        purchase=machine.purchase,
    )


def _can_lose_requests(deployment: SelfHostedDeployment) -> bool:
    return deployment.queue.limit is not None or deployment.queue.patience_s is not None


def _key(scenario: Scenario, **rests_on: Any) -> str:
    """Return the digest of everything that a simulation's result rests on."""
    here = Path(__file__).parent
    return digest_of(
        {
            "seed": scenario.seed,
            "code": [source_digest(here / stage) for stage in ("sim", "traffic")],
            "versions": versions_of(("numpy", "numba")),
            **rests_on,
        }
    )


def _hours(scenario: Scenario) -> Array:
    return np.array([hours_in_month(month) for month in scenario.months], dtype=np.float64)


def _mean_rates_per_s(scenario: Scenario, part: Part) -> Array:
    requests = likely_months(part.volume, scenario.horizon_months)
    return requests / (_hours(scenario) * SECONDS_PER_HOUR)


def _static_fleet(
    deployment: SelfHostedDeployment, fits: int, share: float, slots: int, seconds: float
) -> StaticFleet:
    assert deployment.replicas is not None
    return StaticFleet(
        replicas=deployment.replicas,
        instances=instances_needed(deployment.replicas, fits),
        instance_share=share,
        parallel=slots,
        seconds=seconds,
    )


def _host_static(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    quote: Quote,
    fleet: StaticFleet,
    seconds: Expression,
    effort: Effort,
) -> Hosted:
    """Host on a fleet that never scales: its hours follow in closed form, latency is simulated."""
    requests = likely_months(part.volume, scenario.horizon_months)
    week = week_of(scenario.workload.profile)
    usage = StaticUsage.from_data(
        effort.kept.result(
            _key(
                scenario,
                fleet=asdict(fleet),
                requests=requests.tolist(),
                hours=_hours(scenario).tolist(),
                week=week.tolist(),
            ),
            lambda: simulate_static_fleet(
                fleet, requests, _hours(scenario), week, seed=scenario.seed
            ).as_data(),
        )
    )
    deployment = part.candidate.deployment
    assert isinstance(deployment, SelfHostedDeployment)
    add_static_lines(make, scenario, part, deployment, quote, usage, seconds)
    how = f"simulated, {usage.simulated_requests:,} requests at a constant service time"
    return Hosted(usage, _fact(usage.latency, how))


def _fact(found: Latency, how: str) -> LatencyFact:
    figures = {"p50": found.p50_ms, "p95": found.p95_ms, "p99": found.p99_ms}
    return LatencyFact(figures, Evidence.ESTIMATED, f"{how}: {found.scope}")


def _host_simulated(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    quote: Quote,
    hall: Hall,
    effort: Effort,
) -> Hosted:
    """Host on a fleet that batches, scales or turns requests away: everything is simulated."""
    deployment = part.candidate.deployment
    assert isinstance(deployment, SelfHostedDeployment)
    packing, service, slots = hall.packing, hall.service, hall.slots
    traffic = _traffic(scenario)
    goal = scenario.goals.latency_ms
    goal_ms = goal.p95 if goal is not None else None

    def rules() -> FleetRules:
        return rules_of(
            deployment,
            service,
            slots=slots,
            seed=scenario.seed,
            goal_s=math.inf if goal_ms is None else goal_ms / MILLISECONDS_PER_SECOND,
        )

    rates_per_s = _mean_rates_per_s(scenario, part)
    busiest = int(np.argmax(rates_per_s))
    check_capacity(rules(), float(rates_per_s[busiest] * traffic.week.max()), busiest + 1)
    rests_on = {
        "deployment": deployment.model_dump(mode="json"),
        "seconds": service.seconds.tolist(),
        "joules": service.joules.tolist(),
        "slots": slots,
        "packing": asdict(packing),
        "traffic": scenario.workload.model_dump(
            mode="json", include={"profile", "bursts", "movement"}
        ),
        "goal_ms": goal_ms,
    }
    usage: Ladder | SimulatedMonths
    if effort.fidelity == "full":
        months = scenario.months
        key = _key(scenario, **rests_on, rates=rates_per_s.tolist(), months=str(months))
        usage = SimulatedMonths.from_data(
            effort.kept.result(
                key,
                lambda: simulate_months(
                    rules, packing, traffic, rates_per_s, months, seed=scenario.seed
                ).as_data(),
            )
        )
        rung = usage.rungs[busiest]
    else:
        rate = float(rates_per_s[busiest])
        usage = Ladder.from_data(
            effort.kept.result(
                _key(scenario, **rests_on, rate=rate),
                lambda: climb(rules, packing, traffic, rate, seed=scenario.seed).as_data(),
            )
        )
        rung = usage.at(rate)
    add_simulated_lines(make, scenario, part, deployment, quote, usage)
    questions: tuple[str, ...] = ()
    if rung.lost_share > MOST_LOST:
        questions = (
            f"it turns away or loses {rung.lost_share:.1%} of the requests of the busiest month, "
            "and nobody has said what a lost request costs",
        )
    latency = None
    if rung.latency is not None:
        latency = _fact(rung.latency, f"simulated, {rung.requests:,} requests")
    return Hosted(usage, latency, questions)


def _batch_service(deployment: SelfHostedDeployment) -> Service:
    stated = deployment.service
    assert stated is not None
    assert stated.base_seconds is not None
    assert stated.seconds_per_item is not None
    assert stated.max_batch is not None
    return linear_service(
        stated.base_seconds.likely, stated.seconds_per_item.likely, stated.max_batch
    )


def _constant_service(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    accelerator: str | None,
    measurements: Measurements,
) -> ConstantSeconds:
    """Return the seconds of one request and how many a replica serves at once."""
    stated = deployment.service
    if stated is None:
        return _measured_service(scenario, part, deployment, accelerator, measurements)
    assert stated.seconds is not None
    assert stated.parallel is not None
    name = f"candidates.{part.name}.deployment.service.seconds"
    return ConstantSeconds(driver(name, "s/request", stated.seconds), stated.parallel)


def _measured_service(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    accelerator: str | None,
    measurements: Measurements,
) -> ConstantSeconds:
    """Return the seconds of one request and how many a replica serves at once."""
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
        return ConstantSeconds(whole, row.parallel, row.shows_latency)
    same_size = abs(float(likely_months(size, 1)[0]) / measured - 1) <= SAME_SIZE
    per_token = Driver(
        f"{name}.seconds_per_{word}_token",
        "s/token",
        row.seconds / measured,
        row.evidence if same_size else worse(row.evidence, Evidence.ESTIMATED),
        source if same_size else f"{source}, scaled from {measured:,.0f} {word} tokens",
    )
    return ConstantSeconds(per_token * size, row.parallel, row.shows_latency)


def _is_longer(scenario: Scenario, measured_tokens: float) -> bool:
    """Tell whether requests are longer than those measured; shorter ones were filled up there."""
    tokens = scenario.workload.tokens
    return tokens is not None and tokens.input.likely > measured_tokens


def _input_of(scenario: Scenario) -> Expression:
    assert scenario.workload.tokens is not None
    return driver("workload.tokens.input", "tokens", scenario.workload.tokens.input)
