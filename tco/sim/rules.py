"""Settings of a deployment become the rules that a fleet runs by."""

from __future__ import annotations

import math

import numpy as np

from tco.domain.fleet import (
    BootTime,
    FleetSettings,
    HpaAutoscaler,
    QueueAutoscaler,
    ScheduleAutoscaler,
)
from tco.domain.service import BatchService
from tco.errors import InfeasibleError
from tco.sim.fleet import FleetRules
from tco.sim.scaling import Hpa, QueueLength, Rule, Schedule, Static
from tco.sim.service import BatchRule, HostWork, Service, service_table


def service_of(figures: BatchService) -> Service:
    """Make the service of a service file."""
    seconds = np.array(figures.table_s, dtype=np.float64)
    joules = None if figures.joules is None else np.array(figures.joules, dtype=np.float64)
    table = service_table(seconds, joules)
    if figures.front_end is None:
        return table
    return Service(
        table.seconds,
        table.joules,
        table.factors,
        HostWork(figures.front_end.seconds, figures.front_end.parallel),
    )


def rules_of(
    settings: FleetSettings,
    service: Service,
    *,
    slots: int = 1,
    seed: int,
    goal_s: float = math.inf,
) -> FleetRules:
    """Make the rules of one run; a rule remembers, so each run needs its own.

    Args:
        settings: The deployment's settings.
        service: What a batch takes.
        slots: Batches that one replica serves at once.
        seed: Seed of the boot times.
        goal_s: Latency that requests are counted as late against [s].
    """
    rule, minimum, maximum = _rule_of(settings)
    batch = settings.batch
    rule_of_batch = (
        BatchRule()
        if batch is None
        else BatchRule(batch.max_size, batch.max_wait_s, batch.preferred_sizes)
    )
    random = np.random.default_rng([seed, 1])
    limit = settings.queue.limit
    return FleetRules(
        service=service,
        batch=rule_of_batch,
        rule=rule,
        minimum=minimum,
        maximum=maximum,
        first=settings.replicas,
        slots=slots,
        boot_s=lambda: _boot_s(settings.boot, random),
        queue_limit=-1 if limit is None else limit,
        patience_s=settings.queue.patience_s,
        goal_s=goal_s,
    )


def _rule_of(settings: FleetSettings) -> tuple[Rule, int, int]:
    scaler = settings.autoscaler
    match scaler:
        case HpaAutoscaler():
            rule: Rule = Hpa(scaler.target_busy_share, scaler.interval_s, scaler.down_window_s)
            return rule, scaler.minimum, scaler.maximum
        case QueueAutoscaler():
            rule = QueueLength(scaler.target_per_replica, scaler.interval_s, scaler.down_window_s)
            return rule, scaler.minimum, scaler.maximum
        case ScheduleAutoscaler(replicas_by_hour=numbers):
            return Schedule(numbers), min(numbers), max(numbers)
    if settings.replicas is None:
        raise InfeasibleError("no replicas are given and nothing can start one")
    return Static(settings.replicas), settings.replicas, settings.replicas


def _boot_s(boot: BootTime | None, random: np.random.Generator) -> float:
    if boot is None:
        return 0.0
    if boot.low_s == boot.high_s:
        return boot.likely_s
    return float(random.triangular(boot.low_s, boot.likely_s, boot.high_s))
