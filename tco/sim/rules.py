"""Settings of a deployment become the rules that a fleet runs by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tco.domain.fleet import (
    BootTime,
    FleetSettings,
    HpaAutoscaler,
    KedaAutoscaler,
    KnativeAutoscaler,
    QueueAutoscaler,
    RayServeAutoscaler,
    ReplayedFleet,
    ScheduleAutoscaler,
    TargetTrackingAutoscaler,
)
from tco.domain.service import BatchFigures, BatchService, HostStage
from tco.errors import InfeasibleError, NotFoundError
from tco.sim.faults import DrawnFaults
from tco.sim.llm_service import LlmService
from tco.sim.run import Discipline, FleetRules
from tco.sim.scaling import Hpa, Keda, QueueLength, Rule, Schedule, Static, TargetTracking
from tco.sim.scaling_windows import Knative, RayServe
from tco.sim.service import BatchRule, HostWork, Service, spread_factors

Scaler = (
    HpaAutoscaler
    | QueueAutoscaler
    | KedaAutoscaler
    | TargetTrackingAutoscaler
    | KnativeAutoscaler
    | RayServeAutoscaler
)
DISCIPLINES = {
    "one_queue": Discipline.ONE_LINE,
    "round_robin": Discipline.ROUND_ROBIN,
    "least_loaded": Discipline.LEAST_LOADED,
    "two_choices": Discipline.TWO_CHOICES,
}
DRAWS = 99_991
"""Numbers that two choices are drawn by, in turn; a prime, so that they keep step with nothing."""
BOOTS, SPREADS, CHOICES, ADAPTERS = 1, 2, 3, 4
"""What is drawn, each from a stream of its own."""


def service_of(figures: BatchService, hardware: Sequence[str] = (), *, seed: int = 1) -> Service:
    """Make the service of a service file.

    Args:
        figures: The service file.
        hardware: Kinds of hardware in the order of their classes; empty if there is one kind.
        seed: Seed of what has a spread.
    """
    kinds = [_figures_of(figures, name) for name in hardware or [""]]
    largest = min(len(kind.table_s) for kind in kinds)
    seconds = np.zeros((len(kinds), 1, largest + 1))
    joules = np.zeros_like(seconds)
    for number, kind in enumerate(kinds):
        seconds[number, 0, 1:] = kind.table_s[:largest]
        if kind.joules is not None:
            joules[number, 0, 1:] = kind.joules[:largest]
    batch, front, back = np.random.default_rng([seed, SPREADS]).spawn(3)
    return Service(
        seconds,
        joules,
        spread_factors(figures.cv, batch),
        _host(figures.front_end, front),
        _host(figures.back_end, back),
    )


def idle_watts(figures: BatchService, hardware: Sequence[str] = ()) -> tuple[float, ...]:
    """Return idle watts by hardware class [W]; empty where one is missing."""
    watts = [_figures_of(figures, name).idle_w for name in hardware or [""]]
    return tuple(w for w in watts if w is not None) if None not in watts else ()


def _figures_of(figures: BatchService, name: str) -> BatchFigures:
    known = figures.figures
    if name not in known:
        if not name:
            raise InfeasibleError(
                f"the service has figures by hardware ({', '.join(known)}) and the deployment "
                "does not say which its replicas have; give hardware"
            )
        names = [one for one in known if one]
        raise NotFoundError(
            "hardware", name, names, "Give its figures under by_hardware of the service file."
        )
    return known[name]


def _host(stage: HostStage | None, random: np.random.Generator) -> HostWork | None:
    if stage is None:
        return None
    return HostWork(stage.seconds, stage.parallel, spread_factors(stage.cv, random))


def rules_of(
    settings: FleetSettings,
    service: Service | LlmService,
    *,
    slots: int = 1,
    seed: int,
    goal_s: float = math.inf,
    idle_w: tuple[float, ...] = (),
    replicas_per_instance: int = 1,
) -> FleetRules:
    """Make the rules of one run; a rule remembers, so each run needs its own.

    Args:
        settings: The deployment's settings.
        service: What a batch takes, or a step.
        slots: Batches that one replica serves at once.
        seed: Seed of boot times and choices.
        goal_s: Latency that requests are counted as late against [s].
        idle_w: Power of a replica that is held and not busy, by hardware class [W].
        replicas_per_instance: Replicas that share an instance.
    """
    rule, minimum, maximum = _rule_of(settings)
    batch = settings.batch
    rule_of_batch = (
        BatchRule()
        if batch is None
        else BatchRule(batch.max_size, batch.max_wait_s, batch.preferred_sizes)
    )
    random = np.random.default_rng([seed, BOOTS])
    limit, spare = settings.queue.limit, settings.spare_replicas
    discipline = DISCIPLINES[settings.queue.discipline]
    draws = np.empty(0)
    if discipline is Discipline.TWO_CHOICES:
        draws = np.random.default_rng([seed, CHOICES]).random(DRAWS)
    kinds = settings.hardware if isinstance(settings, ReplayedFleet) else ()
    hardware = [number for number, kind in enumerate(kinds) for _ in range(kind.replicas)]
    return FleetRules(
        service=service,
        batch=rule_of_batch,
        rule=rule,
        minimum=minimum + spare,
        maximum=maximum + spare,
        first=None if settings.replicas is None else settings.replicas + spare,
        slots=slots,
        boot_s=lambda: _boot_s(settings.boot, random),
        queue_limit=-1 if limit is None else limit,
        patience_s=settings.queue.patience_s,
        goal_s=goal_s,
        discipline=discipline,
        draws=draws,
        spare=spare,
        hardware=tuple(hardware),
        idle_w=idle_w,
        replicas_per_instance=replicas_per_instance,
        faults=_faults_of(settings, seed),
    )


def _faults_of(settings: FleetSettings, seed: int) -> DrawnFaults | None:
    if not settings.has_faults:
        return None
    return DrawnFaults(settings.interruptions, settings.failures, seed)


def _rule_of(settings: FleetSettings) -> tuple[Rule, int, int]:
    scaler = settings.autoscaler
    if scaler is None:
        if settings.replicas is None:
            raise InfeasibleError("no replicas are given and nothing can start one")
        return Static(settings.replicas), settings.replicas, settings.replicas
    if isinstance(scaler, ScheduleAutoscaler):
        numbers = scaler.replicas_by_hour
        return Schedule(numbers), min(numbers), max(numbers)
    return scaling_rule(scaler), scaler.minimum, scaler.maximum


def scaling_rule(scaler: Scaler) -> Rule:
    """Make the rule of an autoscaler; it remembers, so each run needs its own."""
    match scaler:
        case HpaAutoscaler():
            return Hpa(scaler.target_busy_share, scaler.interval_s, scaler.down_window_s)
        case QueueAutoscaler():
            return QueueLength(scaler.target_per_replica, scaler.interval_s, scaler.down_window_s)
        case KedaAutoscaler():
            return Keda(
                scaler.target_per_replica,
                scaler.interval_s,
                scaler.down_window_s,
                poll_s=scaler.poll_s,
                cooldown_s=scaler.cooldown_s,
            )
        case TargetTrackingAutoscaler():
            return TargetTracking(
                scaler.target_per_replica_minute, scaler.out_cooldown_s, scaler.in_cooldown_s
            )
        case KnativeAutoscaler():
            return Knative(
                scaler.concurrency,
                scaler.target_share,
                scaler.interval_s,
                scaler.stable_window_s,
                scaler.grace_s,
            )
        case RayServeAutoscaler():
            return RayServe(
                scaler.target_ongoing_requests,
                scaler.interval_s,
                scaler.look_back_s,
                scaler.up_delay_s,
                scaler.down_delay_s,
            )


def _boot_s(boot: BootTime | None, random: np.random.Generator) -> float:
    if boot is None:
        return 0.0
    if boot.low_s == boot.high_s:
        return boot.likely_s
    return float(random.triangular(boot.low_s, boot.likely_s, boot.high_s))
