"""What can be done about waste: each measure as changes of a scenario, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

import numpy as np

from tco.domain.data_work import DataWork
from tco.domain.deployment import SelfHostedDeployment
from tco.domain.experiments import Campaign, DevelopmentMachine, EarlyStopping, Experiments
from tco.domain.fleet import BootTime, ScaledFleet
from tco.domain.lifecycle import Lifecycle
from tco.domain.operation import Operation
from tco.domain.price import Purchase
from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.domain.training_plan import Sharing
from tco.recover.bench import Bench


class Measure(StrEnum):
    """What people do to get less waste for the same answers."""

    RIGHT_SIZE = "right-size"
    BATCH = "batch"
    AUTOSCALE = "autoscale"
    SCHEDULE = "schedule"
    SHARE = "share"
    COMMIT_LESS = "commit-less"
    STOP_EARLY = "stop-early"
    TRACK_RUNS = "track-runs"
    SWITCH_OFF = "switch-off"
    DELETE_OLD = "delete-old"


TARGETS = (0.7, 0.5)
"""Busy shares that a new autoscaler or schedule aims at; the lower where answers come too late."""
VERSIONS_FOR_THE_WAY_BACK = 2
SHORTER = {
    Purchase.COMMIT_3Y: (Purchase.COMMIT_1Y, Purchase.ON_DEMAND),
    Purchase.COMMIT_1Y: (Purchase.ON_DEMAND,),
}
Variants = Iterator[Scenario]
"""Ways to take a measure; the cheapest that still does what the plan does is meant."""


def places(measure: Measure, bench: Bench) -> tuple[str, ...]:
    """Return the fleets that a measure changes one by one; the option itself for all others."""
    return bench.fleets if measure in OF_A_FLEET else (bench.option,)


def variants(measure: Measure, scenario: Scenario, place: str, bench: Bench) -> Variants:
    """Yield the ways to take a measure in one place; none where there is nothing to change."""
    if measure in OF_A_FLEET:
        yield from OF_A_FLEET[measure](scenario, place, bench)
        return
    changed = scenario
    for name in (None, *bench.parts):
        before = scenario.lifecycle if name is None else scenario.candidates[name].lifecycle
        after = OF_A_LIFECYCLE[measure](before, bench)
        if after != before:
            changed = _with_lifecycle(changed, name, after)
    if changed is not scenario:
        yield changed


# ---- fleets -------------------------------------------------------------------------------------


def _right_size(scenario: Scenario, name: str, bench: Bench) -> Variants:
    """Try the fewest replicas that do, on this machine and on smaller ones of its kind.

    Of a fleet that scales, it is the least that it keeps.
    """
    fleet = bench.fleet(scenario, name)
    for machine in (fleet.machine, *bench.smaller_machines(fleet)):
        on_it = _with_fleet(scenario, name, machine=machine)
        if fleet.replicas is None or fleet.autoscaler is not None:
            lowered = _with_lower_floor(on_it, name, bench)
            if lowered != scenario:
                yield lowered
            continue
        replicas = range(bench.least_replicas(on_it, name), fleet.replicas + 1)
        by_number = [_with_fleet(on_it, name, replicas=number) for number in replicas]
        fewest = _first_that_works(by_number, bench)
        if fewest is not None and fewest != scenario:
            yield fewest


def _with_lower_floor(scenario: Scenario, name: str, bench: Bench) -> Scenario:
    scaler = bench.fleet(scenario, name).autoscaler
    least = bench.least_replicas(scenario, name)
    if not isinstance(scaler, ScaledFleet) or scaler.minimum <= least:
        return scenario
    lower = scaler.model_copy(update={"minimum": least})
    return _with_fleet(scenario, name, autoscaler=lower)


def _first_that_works(growing: Sequence[Scenario], bench: Bench) -> Scenario | None:
    """Return the first plan that does, given that all after it do too; None if none does."""
    if not growing or not bench.still_does(growing[-1]):
        return None
    low, high = 0, len(growing) - 1
    while low < high:
        middle = (low + high) // 2
        if bench.still_does(growing[middle]):
            high = middle
        else:
            low = middle + 1
    return growing[low]


def _batch(scenario: Scenario, name: str, bench: Bench) -> Variants:
    """Serve as many at once as the figures cover; the fleet is as small as that allows."""
    fleet = bench.fleet(scenario, name)
    largest = None if fleet.service is None else fleet.service.max_batch
    if largest is None or (fleet.batch is not None and fleet.batch.max_size >= largest):
        return
    batch = {} if fleet.batch is None else fleet.batch.model_dump()
    batched = _with_fleet(scenario, name, batch=batch | {"max_size": largest})
    yield batched
    yield from _right_size(batched, name, bench)


def _autoscale(scenario: Scenario, name: str, bench: Bench) -> Variants:
    """Let the load decide; machines that come and go are bought on demand."""
    fleet = bench.fleet(scenario, name)
    least = bench.least_replicas(scenario, name)
    if fleet.autoscaler is not None or fleet.replicas is None or fleet.replicas <= least:
        return
    for target in TARGETS:
        scaler = {
            "kind": "hpa",
            "minimum": least,
            "maximum": fleet.replicas,
            "target_busy_share": target,
        }
        variant = _scaled(scenario, name, scaler, bench)
        yield variant
        if bench.still_does(variant):
            return


def _schedule(scenario: Scenario, name: str, bench: Bench) -> Variants:
    """Give each hour of the week what its busiest month needs; boots happen the hour before."""
    fleet = bench.fleet(scenario, name)
    least = bench.least_replicas(scenario, name)
    if fleet.autoscaler is not None or fleet.replicas is None or fleet.replicas <= least:
        return
    busy = bench.busy_replicas(scenario, name)
    for target in TARGETS:
        need = np.ceil(np.round(np.maximum(busy, np.roll(busy, -1)) / target, 9))
        hours = np.clip(need, least, fleet.replicas).astype(int).tolist()
        if min(hours) == fleet.replicas:
            continue
        variant = _scaled(scenario, name, {"kind": "schedule", "replicas_by_hour": hours}, bench)
        yield variant
        if bench.still_does(variant):
            return


def _scaled(scenario: Scenario, name: str, scaler: dict[str, object], bench: Bench) -> Scenario:
    fleet = bench.fleet(scenario, name)
    boot = fleet.boot or _boot_time(bench)
    machine = fleet.machine
    if machine.purchase in SHORTER:
        machine = machine.model_copy(update={"purchase": Purchase.ON_DEMAND})
    return _with_fleet(scenario, name, autoscaler=scaler, boot=boot, machine=machine, replicas=None)


def _boot_time(bench: Bench) -> BootTime:
    """Return how long a new replica is assumed to take to its first request."""
    figure = bench.figure("replica_boot_s")
    assert figure.low is not None
    assert figure.high is not None
    assert figure.source is not None
    return BootTime(
        low_s=figure.low, likely_s=figure.likely, high_s=figure.high, source=figure.source
    )


def _commit_less(scenario: Scenario, name: str, bench: Bench) -> Variants:
    """Commit to the cheapest number of machines, for a shorter term, or to none."""
    fleet = bench.fleet(scenario, name)
    machine, commitment = fleet.machine, fleet.commitment
    if commitment is not None:
        yield _with_fleet(scenario, name, commitment=None)
        cheapest = commitment.model_dump() | {"instances": "cheapest"}
        if commitment.instances != "cheapest":
            yield _with_fleet(scenario, name, commitment=cheapest)
    for purchase in SHORTER.get(machine.purchase, ()):
        shorter = machine.model_copy(update={"purchase": purchase})
        yield _with_fleet(scenario, name, machine=shorter)


# ---- lifecycles ---------------------------------------------------------------------------------


def _share(lifecycle: Lifecycle, _bench: Bench) -> Lifecycle:
    """Serve several tasks by adapters on one base where each had machines of its own."""
    plan = lifecycle.training
    if plan is None or plan.tasks is None or plan.tasks.sharing is not Sharing.SPECIALISTS:
        return lifecycle
    tasks = plan.tasks.model_copy(update={"sharing": Sharing.ADAPTERS})
    return lifecycle.model_copy(update={"training": plan.model_copy(update={"tasks": tasks})})


def _with_experiments(
    lifecycle: Lifecycle,
    *,
    campaign: Callable[[Campaign], Campaign] | None = None,
    machine: Callable[[DevelopmentMachine], DevelopmentMachine] | None = None,
) -> Lifecycle:
    known = lifecycle.experiments
    if known is None:
        return lifecycle
    changes: dict[str, object] = {}
    if campaign is not None:
        changes["campaigns"] = {name: campaign(one) for name, one in known.campaigns.items()}
    if machine is not None:
        changes["development_machines"] = {
            name: machine(one) for name, one in known.development_machines.items()
        }
    experiments: Experiments = known.model_copy(update=changes)
    return lifecycle.model_copy(update={"experiments": experiments})


def _stop_early(lifecycle: Lifecycle, bench: Bench) -> Lifecycle:
    """End runs that break or lead nowhere before their planned end; all others run as planned."""
    saved = bench.figure("early_stopping_hours_saved_share")

    def stopped(campaign: Campaign) -> Campaign:
        shares = (campaign.failed_share, campaign.abandoned_share)
        nowhere = sum(share.likely for share in shares)
        if campaign.early_stopping is not None or nowhere == 0:
            return campaign
        left = 1.0 - nowhere * saved.likely
        still = (1.0 - saved.likely) / left
        return campaign.model_copy(
            update={
                "early_stopping": EarlyStopping(
                    stopped_share=Estimate(likely=nowhere), hours_saved_share=saved
                ),
                "failed_share": campaign.failed_share.scaled(still),
                "abandoned_share": campaign.abandoned_share.scaled(still),
                "duplicate_share": campaign.duplicate_share.scaled(1.0 / left),
            }
        )

    return _with_experiments(lifecycle, campaign=stopped)


def _track_runs(lifecycle: Lifecycle, _bench: Bench) -> Lifecycle:
    """Do not run again by mistake what has been run: so many runs less, all others as planned."""

    def tracked(campaign: Campaign) -> Campaign:
        left = 1.0 - campaign.duplicate_share.likely
        if campaign.runs is None or left in (0.0, 1.0):
            return campaign
        return campaign.model_copy(
            update={
                "runs": campaign.runs.scaled(left),
                "failed_share": campaign.failed_share.scaled(1.0 / left),
                "abandoned_share": campaign.abandoned_share.scaled(1.0 / left),
                "duplicate_share": Estimate(likely=0.0),
            }
        )

    return _with_experiments(lifecycle, campaign=tracked)


def _switch_off(lifecycle: Lifecycle, bench: Bench) -> Lifecycle:
    """Switch machines off soon after the last who worked on them."""
    over = bench.figure("development_on_over_used")

    def switched(machine: DevelopmentMachine) -> DevelopmentMachine:
        used, on = machine.hours_used_per_month.likely, machine.hours_on_per_month.likely
        if used * over.likely >= on:
            return machine
        hours = [None if x is None else min(on, used * x) for x in (over.low, over.high)]
        less = Estimate(
            likely=used * over.likely,
            low=hours[0],
            high=hours[1],
            evidence=Evidence.ASSUMED,
            source=over.source,
            checked_on=over.checked_on,
        )
        return machine.model_copy(update={"hours_on_per_month": less})

    return _with_experiments(lifecycle, machine=switched)


def _delete_old(lifecycle: Lifecycle, _bench: Bench) -> Lifecycle:
    """Delete what nobody reads, and all but the version in use and the one before it."""
    changes: dict[str, object] = {}
    if lifecycle.data is not None:
        changes["data"] = _read_data_only(lifecycle.data)
    if lifecycle.operation is not None:
        changes["operation"] = _last_versions_only(lifecycle.operation)
    return lifecycle.model_copy(update=changes)


def _read_data_only(data: DataWork) -> DataWork:
    storage = {}
    for name, kept in data.storage.items():
        read = 1.0 - kept.unused_share.likely
        less = {
            "gb": kept.gb.scaled(read),
            "more_gb_per_month": kept.more_gb_per_month.scaled(read),
            "unused_share": Estimate(likely=0.0),
        }
        storage[name] = kept if read in (0.0, 1.0) else kept.model_copy(update=less)
    return data.model_copy(update={"storage": storage})


def _last_versions_only(operation: Operation) -> Operation:
    kept = operation.versions
    if kept is None or kept.most <= VERSIONS_FOR_THE_WAY_BACK:
        return operation
    fewer = kept.model_copy(update={"most": VERSIONS_FOR_THE_WAY_BACK})
    return operation.model_copy(update={"versions": fewer})


OF_A_FLEET: dict[Measure, Callable[[Scenario, str, Bench], Variants]] = {
    Measure.RIGHT_SIZE: _right_size,
    Measure.BATCH: _batch,
    Measure.AUTOSCALE: _autoscale,
    Measure.SCHEDULE: _schedule,
    Measure.COMMIT_LESS: _commit_less,
}
OF_A_LIFECYCLE: dict[Measure, Callable[[Lifecycle, Bench], Lifecycle]] = {
    Measure.SHARE: _share,
    Measure.STOP_EARLY: _stop_early,
    Measure.TRACK_RUNS: _track_runs,
    Measure.SWITCH_OFF: _switch_off,
    Measure.DELETE_OLD: _delete_old,
}


# ---- a scenario with one thing changed ----------------------------------------------------------


def _with_fleet(scenario: Scenario, name: str, **changes: object) -> Scenario:
    candidate = scenario.candidates[name]
    assert isinstance(candidate.deployment, SelfHostedDeployment)
    changed = SelfHostedDeployment.model_validate(candidate.deployment.model_dump() | changes)
    return _with_candidate(scenario, name, deployment=changed)


def _with_lifecycle(scenario: Scenario, name: str | None, lifecycle: Lifecycle) -> Scenario:
    if name is None:
        return scenario.model_copy(update={"lifecycle": lifecycle})
    return _with_candidate(scenario, name, lifecycle=lifecycle)


def _with_candidate(scenario: Scenario, name: str, **changes: object) -> Scenario:
    changed = scenario.candidates[name].model_copy(update=changes)
    return scenario.model_copy(update={"candidates": {**scenario.candidates, name: changed}})
