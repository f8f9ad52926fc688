"""One part on rented machines, the whole way: its machines, its service, its fleet, its lines."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.hosting.energy import energy_of
from tco.hosting.fleets import (
    Effort,
    FullUsage,
    StaticTask,
    Usage,
    simulated_usage,
    static_usage,
)
from tco.hosting.machines import Rented, rent
from tco.hosting.pools import ONLY_BY_ITSELF, pool_of, swapping_hours
from tco.hosting.request_time import ServiceTime
from tco.hosting.service_time import extremes, service_time
from tco.ledger.commitments import demand_of_simulated, demand_of_static
from tco.ledger.expression import Expression, Number
from tco.ledger.machine_hours import SimulatedHours, StaticHours
from tco.ledger.machines import Energy, MachineBill
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.rank.goals import LatencyFact
from tco.sim.capacity import check_capacity
from tco.sim.case import Case
from tco.sim.ladder import BEYOND, Reach
from tco.sim.packing import instances_needed
from tco.sim.static_fleet import StaticFleet
from tco.sim.usage import Latency, StaticUsage
from tco.sim.week import Before, Traffic
from tco.traffic.profile import week_of
from tco.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR, hours_in_month

Array = NDArray[np.float64]
MOST_LOST = 0.001
"""Above this share of lost requests an option does not do what it was asked to."""
FULL_UP = 1.5
"""Above so much more than a fleet can serve, every replica is busy day and night."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """What is known of a part on machines."""

    usage: Usage
    latency: LatencyFact | None
    open_questions: tuple[str, ...] = ()
    completion_hours: float | None = None
    ttft: LatencyFact | None = None
    lost: Expression | None = None
    """Share of what comes that it turns away [-]; None where nothing ever is."""

    def without_latency(self) -> Hosted:
        """Leave latency out where only capacity was measured; how long work takes still shows."""
        hours = self.completion_hours
        if hours is None and self.latency is not None:
            hours = self.latency.ms["p99"] / MILLISECONDS_PER_SECOND / SECONDS_PER_HOUR
        return replace(self, latency=None, ttft=None, completion_hours=hours)


@dataclass(frozen=True, slots=True)
class Way:
    """How the requests of a route come to a part, and on."""

    before: Before | None = None
    """Steps that they go through before; None where they enter here."""
    overflows: bool = False
    """Whether another step takes what this one turns away."""


NO_WAY = Way()


@dataclass(frozen=True, slots=True)
class Arranged:
    """A part ready to be simulated."""

    part: Part
    deployment: SelfHostedDeployment
    rented: Rented
    service: ServiceTime
    case: Case
    is_closed_form: bool
    """Whether the hours of its machines follow without simulating them."""
    energy: Energy


def arrange(
    scenario: Scenario, part: Part, catalog: Catalog, measurements: Measurements
) -> Arranged:
    """Find the machines, the service time and the traffic of a part, or refuse it."""
    deployment = part.candidate.deployment
    assert isinstance(deployment, SelfHostedDeployment)
    rented = rent(scenario, deployment, part.snapshot, catalog)
    service = service_time(scenario, part, deployment, rented.instance, measurements)
    workload = scenario.workload
    traffic = Traffic(
        week_of(workload.profile),
        workload.bursts,
        workload.movement,
        workload.batch_jobs,
        service.sizing,
        service.calls,
    )
    goal = scenario.goals.latency_ms
    goal_ms = goal.p95 if goal is not None else None
    case = Case(
        deployment,
        service.curve,
        service.slots,
        rented.packing,
        traffic,
        scenario.seed,
        math.inf if goal_ms is None else goal_ms / MILLISECONDS_PER_SECOND,
    )
    queue = deployment.queue
    is_closed_form = (
        service.seconds is not None
        and deployment.autoscaler is None
        and not deployment.has_faults
        and queue.limit is None
        and queue.patience_s is None
        and traffic.is_plain
    )
    energy = energy_of(
        f"candidates.{part.name}.deployment",
        deployment,
        rented,
        service.joules,
        catalog,
        scenario.price_date,
    )
    return Arranged(part, deployment, rented, service, case, is_closed_form, energy)


def host(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
    way: Way = NO_WAY,
) -> Hosted:
    """Simulate a part on its machines and add the lines of what it uses.

    Args:
        make: Takes the lines.
        scenario: The question.
        part: What serves.
        catalog: Machines and their prices.
        measurements: Measured speed and energy.
        effort: Fidelity, and where results are kept.
        way: How requests of a route come here.

    Raises:
        WantedError: If its simulation has not been worked out yet.
    """
    arranged = arrange(scenario, part, catalog, measurements)
    if way.before is not None:
        traffic = replace(arranged.case.traffic, before=way.before)
        arranged = replace(arranged, case=replace(arranged.case, traffic=traffic))
    _check_pool(arranged, effort, way)
    if arranged.is_closed_form and effort.fidelity == "quick":
        hosted = _host_static(make, scenario, arranged, effort)
    else:
        hosted = _host_simulated(make, scenario, arranged, effort, overflows=way.overflows)
    return hosted if arranged.service.shows_latency else hosted.without_latency()


def _check_pool(arranged: Arranged, effort: Effort, way: Way) -> None:
    """Refuse a pool where another simulation than its own would be asked for."""
    if arranged.deployment.pool is not None and (
        not arranged.is_closed_form or effort.fidelity != "quick" or way != NO_WAY
    ):
        raise InfeasibleError(ONLY_BY_ITSELF.format(arranged.part.name))


def mean_rates_per_s(scenario: Scenario, part: Part) -> Array:
    """Return the likely rate of each month [1/s]."""
    requests = likely_months(part.volume, scenario.horizon_months)
    return requests / (_hours(scenario) * SECONDS_PER_HOUR)


def _hours(scenario: Scenario) -> Array:
    return np.array([hours_in_month(month) for month in scenario.months], dtype=np.float64)


def _bill(make: LineMaker, scenario: Scenario, arranged: Arranged) -> MachineBill:
    return MachineBill(
        make,
        scenario,
        arranged.part,
        arranged.deployment,
        arranged.rented.quotes,
        arranged.energy,
        arranged.rented.tariff,
    )


def _host_static(make: LineMaker, scenario: Scenario, arranged: Arranged, effort: Effort) -> Hosted:
    """Host on a fleet that never scales: its hours follow in closed form, latency is simulated."""
    deployment, packing = arranged.deployment, arranged.rented.packing
    seconds = arranged.service.seconds
    assert seconds is not None
    fleet = StaticFleet(
        replicas=deployment.largest,
        instances=instances_needed(deployment.largest, packing.per_instance),
        instance_share=packing.share_of_instance,
        parallel=arranged.service.slots,
        seconds=float(likely_months(seconds, 1)[0]),
    )
    task = StaticTask(
        fleet,
        tuple(likely_months(arranged.part.volume, scenario.horizon_months).tolist()),
        tuple(_hours(scenario).tolist()),
        tuple(arranged.case.traffic.week.tolist()),
        scenario.seed,
    )
    usage = static_usage(effort, task)
    bill = _bill(make, scenario, arranged)
    demand = demand_of_static(usage, scenario.horizon_months)
    if deployment.pool is not None:
        return _host_pool(bill, scenario, arranged, effort, usage)
    bill.add_lines(StaticHours(bill, usage, seconds), demand, usage.instances)
    how = f"simulated, {usage.simulated_requests:,} requests at a constant service time"
    return Hosted(usage, _fact(usage.latency, how, arranged.service))


def _host_pool(
    bill: MachineBill,
    scenario: Scenario,
    arranged: Arranged,
    effort: Effort,
    usage: StaticUsage,
) -> Hosted:
    """Host models that share a fleet: what they load is simulated, and so is how they answer."""
    seconds = arranged.service.seconds
    assert seconds is not None
    volumes = extremes({"volume": arranged.part.volume}, scenario.horizon_months)["volume"]
    rates = volumes / (_hours(scenario) * SECONDS_PER_HOUR)
    found = pool_of(
        effort,
        scenario,
        arranged.deployment,
        usage.seconds,
        top_per_s=float(rates.max()) * BEYOND,
        busiest_per_s=float(rates[0].max()),
    )
    swapping = swapping_hours(bill, found, usage.instance_share)
    demand = demand_of_static(usage, scenario.horizon_months)
    bill.add_lines(StaticHours(bill, usage, seconds, swapping), demand, usage.instances)
    how = f"simulated, {found.requests:,} requests, {found.swap_share:.1%} waiting for a model"
    return Hosted(usage, _fact(found.latency, how, arranged.service))


def _fact(found: Latency, how: str, service: ServiceTime) -> LatencyFact:
    figures = {"p50": found.p50_ms, "p95": found.p95_ms, "p99": found.p99_ms}
    source = "; ".join((f"{how}: {found.scope}", *service.notes))
    return LatencyFact(figures, Evidence.ESTIMATED, source)


def reach_of(scenario: Scenario, arranged: Arranged) -> Reach:
    """Return the loads and service times that a ladder has to cover."""
    months, part = scenario.horizon_months, arranged.part
    factor = arranged.service.factor or Number(1.0)
    found = extremes({"volume": part.volume, "factor": factor}, months)
    rates = found["volume"] / (_hours(scenario) * SECONDS_PER_HOUR)
    likely, high = float(rates[0].max()), float(rates.max())
    low_factor, high_factor = float(found["factor"].min()), float(found["factor"].max())
    case = arranged.case
    capacity = case.each_per_s * case.largest_fleet
    most = max(likely, capacity * FULL_UP)
    return Reach(likely, min(high * high_factor, most), low_factor, high_factor)


def _host_simulated(
    make: LineMaker, scenario: Scenario, arranged: Arranged, effort: Effort, *, overflows: bool
) -> Hosted:
    """Host on a fleet that batches, scales, turns away or meets unlike requests."""
    case, part = arranged.case, arranged.part
    rates_per_s = mean_rates_per_s(scenario, part)
    busiest = int(np.argmax(rates_per_s))
    if not overflows:
        check_capacity(case, float(rates_per_s[busiest]), busiest + 1)
    reach = reach_of(scenario, arranged)
    usage = simulated_usage(effort, case, reach, rates_per_s.tolist(), scenario.months)
    rung = usage.months.reference if isinstance(usage, FullUsage) else usage.reference
    ladder, months = (usage.ladder, usage.months) if isinstance(usage, FullUsage) else (usage, None)
    bill = _bill(make, scenario, arranged)
    hours = SimulatedHours(bill, ladder, arranged.service.factor, months, rates_per_s)
    demand = demand_of_simulated(ladder, months, rates_per_s)
    bill.add_lines(hours, demand, ladder.reference.instances)
    _check_deadline(case, rung.completion_hours, busiest + 1)
    questions: tuple[str, ...] = ()
    if rung.lost_share > MOST_LOST and not overflows:
        questions = (
            f"it turns away or loses {rung.lost_share:.1%} of the requests of the busiest month, "
            "and nobody has said what a lost request costs",
        )
    latency = None
    if rung.latency is not None:
        how = f"simulated, {rung.requests:,} requests"
        latency = _fact(rung.latency, how, arranged.service)
    ttft = None
    if rung.ttft is not None:
        ttft = _fact(
            rung.ttft, f"simulated step by step, {rung.requests:,} calls", arranged.service
        )
    queue = arranged.deployment.queue
    turns_away = queue.limit is not None or queue.patience_s is not None
    lost = hours.share_lost() if turns_away else None
    return Hosted(usage, latency, questions, rung.completion_hours, ttft, lost)


def _check_deadline(case: Case, taken_hours: float | None, month: int) -> None:
    """Refuse a fleet that does not finish its batch jobs in time."""
    jobs = case.traffic.jobs
    if jobs is None or taken_hours is None or taken_hours <= jobs.deadline_hours:
        return
    need = math.ceil(case.largest_fleet * taken_hours / jobs.deadline_hours)
    raise InfeasibleError(
        f"a batch job of month {month} takes {taken_hours:,.1f} hours or longer and is due after "
        f"{jobs.deadline_hours:g}; {case.largest_fleet} replicas are too few, about {need} would do"
    )
