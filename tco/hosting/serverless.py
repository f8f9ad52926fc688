"""One part as a function on demand: its loads simulated, its lines, its latency."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.domain.serverless import ServerlessDeployment
from tco.errors import InfeasibleError
from tco.hosting.fleets import Effort, key_of
from tco.hosting.host import MOST_LOST, mean_rates_per_s
from tco.hosting.service_time import extremes
from tco.ledger.model import LineMaker
from tco.ledger.option import Part
from tco.ledger.serverless import FunctionBill
from tco.prices import Catalog
from tco.rank.goals import LatencyFact
from tco.sim.function_loads import FunctionUsage, function_usage
from tco.sim.serverless import FunctionRules, check_function
from tco.sim.week import Traffic
from tco.tasks import Result
from tco.traffic.profile import week_of
from tco.units import SECONDS_PER_HOUR, hours_in_month

ROOM = 1.3
"""Loads are simulated up to so much more than the P95 of the busiest month."""


@dataclass(frozen=True, slots=True)
class FunctionTask:
    """A function on demand at the loads of a plan."""

    rules: FunctionRules
    seconds: float
    traffic: Traffic
    top_per_s: float
    busiest_per_s: float
    seed: int

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        traffic = self.traffic
        parts = {"bursts": traffic.bursts, "movement": traffic.movement}
        plain = {n: None if p is None else p.model_dump(mode="json") for n, p in parts.items()}
        rates = (self.seconds, self.top_per_s, self.busiest_per_s, self.seed)
        rules = asdict(self.rules)
        return key_of(self, rules=rules, rates=rates, week=traffic.week.tolist(), **plain)

    @property
    def about_s(self) -> float:
        """Half a second [s]."""
        return 0.5

    def work(self) -> Result:
        """Simulate a week at each load."""
        return function_usage(
            self.rules,
            self.seconds,
            self.traffic,
            top_per_s=self.top_per_s,
            busiest_per_s=self.busiest_per_s,
            seed=self.seed,
        ).as_data()


@dataclass(frozen=True, slots=True)
class HostedFunction:
    """What is known of a part that runs on demand."""

    latency: LatencyFact
    open_questions: tuple[str, ...]


def host_function(
    make: LineMaker, scenario: Scenario, part: Part, catalog: Catalog, effort: Effort
) -> HostedFunction:
    """Simulate a function at its loads and add the lines of what it is billed for.

    Raises:
        WantedError: If its simulation has not been worked out yet.
        InfeasibleError: If its cap lies below the mean load of the busiest month.
    """
    deployment = part.candidate.deployment
    assert isinstance(deployment, ServerlessDeployment)
    task = _task_of(scenario, part, deployment)
    check_function(task.rules, task.busiest_per_s, task.seconds)
    usage = FunctionUsage.from_data(effort.kept.of(task))
    FunctionBill(make, scenario, part, deployment, catalog, usage).add()
    questions: tuple[str, ...] = ()
    if usage.busiest_refused_share > MOST_LOST:
        questions = (
            f"at its cap of {deployment.most_instances} instances it refuses "
            f"{usage.busiest_refused_share:.1%} of the requests of the busiest month, and nobody "
            "has said what a lost request costs",
        )
    found = usage.latency
    ms = {"p50": found.p50_ms, "p95": found.p95_ms, "p99": found.p99_ms}
    how = f"simulated, {usage.requests:,} requests with cold starts: {found.scope}"
    return HostedFunction(LatencyFact(ms, Evidence.ESTIMATED, how), questions)


def _task_of(scenario: Scenario, part: Part, deployment: ServerlessDeployment) -> FunctionTask:
    workload = scenario.workload
    if workload.batch_jobs is not None or workload.sizes is not None:
        raise InfeasibleError(
            "a function on demand is simulated for requests alike that come by themselves; the "
            "workload has batch jobs or sizes. Serve it on own machines, or leave those out"
        )
    if workload.classes is not None:
        raise InfeasibleError(
            "a function on demand is simulated for requests alike, and the workload has classes"
        )
    rates = mean_rates_per_s(scenario, part)
    hours = np.array([hours_in_month(month) for month in scenario.months], dtype=np.float64)
    volumes = extremes({"volume": part.volume}, scenario.horizon_months)["volume"]
    top = float((volumes / (hours * SECONDS_PER_HOUR)).max())
    rules = FunctionRules(
        cold_start_s=deployment.cold_start.likely,
        keep_alive_s=deployment.keep_alive.likely,
        per_instance=deployment.requests_per_instance,
        provisioned=deployment.provisioned,
        most_instances=deployment.most_instances,
        waits=deployment.at_the_cap == "wait",
    )
    traffic = Traffic(week_of(workload.profile), workload.bursts, workload.movement)
    return FunctionTask(
        rules,
        deployment.seconds.likely,
        traffic,
        top_per_s=max(top, float(rates.max())) * ROOM,
        busiest_per_s=float(rates.max()),
        seed=scenario.seed,
    )
