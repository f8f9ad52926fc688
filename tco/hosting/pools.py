"""One part whose replicas many models share: what it loads, simulated, and how it answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tco.domain.deployment import PoolSettings, SelfHostedDeployment
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.hosting.fleets import Effort, key_of
from tco.ledger.expression import Expression, Lookup, Number
from tco.ledger.machines import MachineBill
from tco.sim.pool_loads import PoolCase, PoolUsage, pool_usage
from tco.sim.pools import PoolRules
from tco.sim.week import Traffic
from tco.tasks import Result
from tco.traffic.profile import week_of
from tco.units import SECONDS_PER_HOUR

ONLY_BY_ITSELF = (
    "{} is a pool of models, which is simulated by itself, in quick fidelity, for requests alike "
    "that come by themselves; 'tco rank' shows it, or give the model a fleet of its own"
)


@dataclass(frozen=True, slots=True)
class PoolTask:
    """A pool at the loads of a plan."""

    case: PoolCase
    top_per_s: float
    busiest_per_s: float

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        case, traffic = self.case, self.case.traffic
        parts = {"bursts": traffic.bursts, "movement": traffic.movement}
        plain = {n: None if p is None else p.model_dump(mode="json") for n, p in parts.items()}
        rests = (case.shares, case.seconds, case.seed, self.top_per_s, self.busiest_per_s)
        return key_of(
            self, rules=asdict(case.rules), rests=rests, week=traffic.week.tolist(), **plain
        )

    @property
    def about_s(self) -> float:
        """Half a second [s]."""
        return 0.5

    def work(self) -> Result:
        """Simulate a week at each load."""
        rates = {"top_per_s": self.top_per_s, "busiest_per_s": self.busiest_per_s}
        return pool_usage(self.case, **rates).as_data()


def pool_of(
    effort: Effort,
    scenario: Scenario,
    deployment: SelfHostedDeployment,
    seconds: float,
    *,
    top_per_s: float,
    busiest_per_s: float,
) -> PoolUsage:
    """Return what a pool loads and how it answers.

    Raises:
        WantedError: If it has not been simulated yet.
    """
    pool, workload = deployment.pool, scenario.workload
    assert pool is not None
    if workload.batch_jobs is not None:
        raise InfeasibleError(
            "a pool of models is simulated for requests that come by themselves, and the workload "
            "has batch jobs; give them a fleet of their own"
        )
    case = PoolCase(
        rules_of_pool(pool, deployment.largest),
        pool.shares,
        seconds,
        Traffic(week_of(workload.profile), workload.bursts, workload.movement),
        scenario.seed,
    )
    return PoolUsage.from_data(effort.kept.of(PoolTask(case, top_per_s, busiest_per_s)))


def rules_of_pool(pool: PoolSettings, replicas: int) -> PoolRules:
    """Return the rules of a pool."""
    alike = pool.models
    return PoolRules(
        replicas, pool.gib_per_replica, (pool.gib_per_model,) * alike, (pool.load_s,) * alike
    )


def swapping_hours(bill: MachineBill, usage: PoolUsage, share_of_instance: float) -> Expression:
    """Return the instance-hours in which replicas load models."""
    rate = bill.volume / (bill.calendar_hours * Number(SECONDS_PER_HOUR, "seconds an hour"))
    swapping = Lookup(
        bill.name_of("swapping replicas"),
        "replicas",
        rate,
        usage.loads_per_s,
        usage.swapping_replicas,
        Evidence.ESTIMATED,
        f"simulated: {usage.requests:,} requests at {len(usage.loads_per_s)} loads",
    )
    share = Number(share_of_instance, "share of an instance that one replica is given")
    return swapping * share * bill.paid_hours
