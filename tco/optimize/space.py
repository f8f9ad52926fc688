"""The deployments that an option may be served by: stated in the scenario, else from the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

from pydantic import ValidationError

from tco.domain.deployment import ApiDeployment, SelfHostedDeployment
from tco.domain.edge import EdgeDeployment
from tco.domain.hardware import Instance
from tco.domain.price import Purchase
from tco.domain.search_space import MachineOffer, SearchSpace
from tco.domain.snapshot import Approach
from tco.errors import MissingFigureError, PriceNotFoundError, TcoError
from tco.hosting.host import Arranged, arrange, mean_rates_per_s
from tco.ledger.option import parts_of_option
from tco.measure.library import CPU
from tco.optimize.choice import Choice, Plain
from tco.optimize.functions import functions_of
from tco.optimize.trial import Question
from tco.sim.packing import instances_needed

BUSY_SHARES = (0.5, 0.7, 0.85)
SLOTS_FILLED = (0.5, 1.0)
"""Requests for each replica that a scaler aims at, over those that it serves at once."""
BATCH_WAITS_S = (0.0, 0.01, 0.1)
STATIC_STEPS = (1.25, 1.5, 2.0)
"""Static fleets over what the busiest hour needs, beside those of one, two and three more."""
ROOM = 2
"""An autoscaler may grow to so many times what the busiest hour needs: growing costs nothing."""
TIERS = ("standard", "batch", "flex", "priority")
AIMED_AT = {
    "queue_length": "target_per_replica",
    "keda": "target_per_replica",
    "knative": "concurrency",
}
"""Scalers by the requests in a fleet, and what each calls those of a replica."""
SPOT = "spot machines are not tried: the deployment does not say how often they are taken back"


@dataclass(frozen=True, slots=True)
class Space:
    """Everything that is tried for one option, the deployment as it is written first."""

    choices: tuple[Choice, ...]
    not_tried: tuple[str, ...]
    """What was left out of the space, and why."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A machine with the runtime that the service time was found with."""

    snapshot: str
    offer: MachineOffer
    runtime: str
    accelerators_per_replica: int


def space_of(question: Question) -> Space:
    """Return the deployments to try for an option.

    Raises:
        TcoError: If the option has steps; those are served by options of their own.
    """
    scenario, option = question.scenario, question.option
    candidate = scenario.candidates[option]
    deployment, snapshot = candidate.deployment, candidate.snapshot
    if isinstance(deployment, EdgeDeployment):
        raise TcoError(f"'{option}' runs on devices; there is no fleet of ours to search for")
    if snapshot is None or not isinstance(deployment, Plain):
        raise TcoError(
            f"'{option}' passes requests on to other options; name one of those, each has a "
            "deployment of its own"
        )
    given = scenario.optimize.get(option, SearchSpace())
    notes: list[str] = []
    found: Iterator[tuple[str, Plain]] = iter(())
    if isinstance(deployment, ApiDeployment):
        found = _of_api(question, deployment, given, snapshot)
    elif isinstance(deployment, SelfHostedDeployment):
        found = _of_machines(question, deployment, given, snapshot, notes)
    functions = ((snapshot, each) for each in functions_of(question, deployment, given, notes))
    choices = {_text(snapshot, deployment): (snapshot, deployment)}
    for name, tried in chain(found, functions):
        choices.setdefault(_text(name, tried), (name, tried))
    numbered = (Choice(number, *pair) for number, pair in enumerate(choices.values()))
    return Space(tuple(numbered), tuple(dict.fromkeys(notes)))


def _text(snapshot: str, deployment: Plain) -> str:
    return snapshot + deployment.model_dump_json()


def _of_api(
    question: Question, deployment: ApiDeployment, given: SearchSpace, snapshot: str
) -> Iterator[tuple[str, Plain]]:
    """Yield the tiers that have a price; what was stated of one tier is not known of another."""
    on = question.scenario.price_date
    known = deployment.model_dump(include={"kind", "provider", "model", "contract", "prompt_cache"})
    for tier in given.tiers or TIERS:
        if tier == deployment.tier:
            continue
        try:
            question.catalog.tokens(deployment.provider, deployment.model, on=on, tier=tier)
        except PriceNotFoundError:
            continue
        yield snapshot, ApiDeployment.model_validate({**known, "tier": tier})


def _of_machines(
    question: Question,
    deployment: SelfHostedDeployment,
    given: SearchSpace,
    snapshot: str,
    notes: list[str],
) -> Iterator[tuple[str, Plain]]:
    is_asked_for = given.purchases is not None and Purchase.SPOT in given.purchases
    if is_asked_for and deployment.interruptions is None:
        notes.append(SPOT)
    for way in _ways(question, deployment, given, snapshot, notes):
        machine = deployment.machine.model_copy(
            update={**way.offer.model_dump(), "purchase": Purchase.ON_DEMAND}
        )
        changes = {
            "machine": machine,
            "runtime": way.runtime,
            "accelerators_per_replica": way.accelerators_per_replica,
            "interruptions": None,
        }
        base = deployment.model_copy(update=changes)
        try:
            alone = base.model_copy(update={"replicas": 1, "autoscaler": None, "spare_replicas": 0})
            arranged, need = _need(question, Choice(0, way.snapshot, alone))
        except TcoError as error:
            notes.append(f"{machine.seller} {machine.instance_type}, {way.runtime}: {error}")
            continue
        each_holds = arranged.rented.packing.per_instance
        half = math.ceil(instances_needed(need, each_holds) / 2)
        for batch in _batches(_largest_batch(question, way, base), given):
            for fleet in _fleets(deployment, given, arranged, need, notes):
                most = instances_needed(_largest(fleet) + deployment.spare_replicas, each_holds)
                for bought in _purchases(question, way.offer, given, deployment, half, most):
                    found = _valid(base, {**fleet, **batch, **bought})
                    if found is not None:
                        yield way.snapshot, found


def _need(question: Question, choice: Choice) -> tuple[Arranged, int]:
    """Return a way of serving ready to be looked at, and the replicas of its busiest hour."""
    scenario = choice.applied_to(question.scenario, question.option)
    parts, _ = parts_of_option(scenario, question.option, question.requests)
    arranged = arrange(scenario, parts[-1], question.catalog, question.measured)
    case = arranged.case
    busiest = float(mean_rates_per_s(scenario, parts[-1]).max()) * float(case.traffic.week.max())
    return arranged, math.floor(busiest / case.each_per_s) + 1


def _valid(base: SelfHostedDeployment, changes: dict[str, Any]) -> SelfHostedDeployment | None:
    """Return the deployment, checked as from a file; None where its parts do not go together."""
    try:
        return SelfHostedDeployment.model_validate(
            {**{name: getattr(base, name) for name in type(base).model_fields}, **changes}
        )
    except ValidationError:
        return None


# ---- hardware -----------------------------------------------------------------------------------


def _ways(
    question: Question,
    deployment: SelfHostedDeployment,
    given: SearchSpace,
    snapshot: str,
    notes: list[str],
) -> Iterator[_Way]:
    """Yield machines on which the service time is known."""
    catalog, machine = question.catalog, deployment.machine
    own = catalog.instance(machine.seller, machine.region, machine.instance_type)
    allowed = list(_offers(question, given))
    variants = _variants(question, given, snapshot)
    if deployment.service is not None:
        for offer in allowed:
            instance = catalog.instance(offer.seller, offer.region, offer.instance_type)
            if _same_hardware(instance, own):
                count = deployment.accelerators_per_replica
                yield _Way(snapshot, offer, deployment.runtime, count)
            elif given.machines is not None:
                notes.append(
                    f"{offer.seller} {offer.instance_type}: the service figure is of "
                    f"{own.accelerator or own.instance_type}; take it away to use measurements"
                )
        if variants:
            notes.append(
                f"{', '.join(variants)}: the service figure is of {snapshot}, not of other "
                "precisions"
            )
        return
    for name, offer in product((snapshot, *variants), allowed):
        instance = catalog.instance(offer.seller, offer.region, offer.instance_type)
        own_one = question.scenario.snapshots[name]
        for measured in own_one.measured_as:
            known = question.measured.known_of(measured, own_one.precision)
            for _, accelerator, count, runtime, _ in known:
                if accelerator == (instance.accelerator or CPU):
                    yield _Way(name, offer, runtime, count)


def _offers(question: Question, given: SearchSpace) -> Sequence[MachineOffer]:
    if given.machines is not None:
        return given.machines
    goals = question.scenario.goals
    return [
        MachineOffer(seller=i.seller, region=i.region, instance_type=i.instance_type)
        for i in question.catalog.instances
        if (i.seller, i.region, i.instance_type, Purchase.ON_DEMAND.value) in question.priced
        and (goals.regions is None or i.region in goals.regions)
        and (goals.instance_types is None or i.instance_type in goals.instance_types)
    ]


def _same_hardware(instance: Instance, own: Instance) -> bool:
    """Tell whether a figure of one machine holds on another: the same card, or the same family."""
    if own.accelerator is not None:
        return instance.accelerator == own.accelerator
    return instance.accelerator is None and _family(instance) == _family(own)


def _family(instance: Instance) -> tuple[str, str]:
    """Return what a seller calls machines of the same processor, such as aws m6a.

    >>> _family(Instance(seller="aws", region="x", instance_type="m6a.2xlarge"))
    ('aws', 'm6a')
    """
    name, dot, _ = instance.instance_type.partition(".")
    return instance.seller, name if dot else instance.instance_type.rpartition("-")[0] or name


def _variants(question: Question, given: SearchSpace, snapshot: str) -> tuple[str, ...]:
    """Return the same model in other precisions."""
    if given.snapshots is not None:
        unknown = [name for name in given.snapshots if name not in question.scenario.snapshots]
        if unknown:
            raise TcoError(
                f"optimize.{question.option}.snapshots names {', '.join(unknown)}, which no option "
                "of the scenario uses; add it under snapshots"
            )
        return tuple(name for name in given.snapshots if name != snapshot)
    return tuple(
        name
        for name, other in question.scenario.snapshots.items()
        if other.training.approach is Approach.QUANTISED and other.training.parent == snapshot
    )


# ---- fleets -------------------------------------------------------------------------------------


def _purchases(
    question: Question,
    offer: MachineOffer,
    given: SearchSpace,
    deployment: SelfHostedDeployment,
    half: int,
    most: int,
) -> Iterator[dict[str, Any]]:
    """Yield the ways to buy that have a price; how many to commit to is found for each fleet.

    Spot machines are tried where the deployment says what takes them away, and some beside them
    that nobody takes: by default none, as many as are written, and half of what the load needs;
    never more than the most machines that the fleet lies on.
    """
    on_demand, interruptions = Purchase.ON_DEMAND, deployment.interruptions
    for purchase in given.purchases or tuple(Purchase):
        sold = (*offer.model_dump().values(), purchase.value) in question.priced
        if sold and purchase is on_demand:
            yield {"commitment": None}
        elif sold and purchase is Purchase.SPOT and interruptions is not None:
            machine = {**offer.model_dump(), "purchase": purchase}
            shares = {0, interruptions.on_demand_instances, half}
            for number in given.on_demand_instances or sorted(shares):
                if number > most:
                    continue
                spot = interruptions.model_copy(update={"on_demand_instances": number})
                yield {"commitment": None, "machine": machine, "interruptions": spot}
        elif sold and purchase.term_months is not None:
            yield {"commitment": {"purchase": purchase}}


def _batches(largest: int | None, given: SearchSpace) -> Iterator[dict[str, Any]]:
    """Yield batch rules; one at a time where no figure by batch is known."""
    if largest is None:
        yield {"batch": None}
        return
    powers = [2**power for power in range(largest.bit_length())]
    sizes = given.batch_sizes or tuple(dict.fromkeys((*powers, largest)))
    waits = given.batch_waits_s or BATCH_WAITS_S
    for size in sizes:
        if size > largest:
            continue
        for wait_s in waits if size > 1 else waits[:1]:
            yield {"batch": {"max_size": size, "max_wait_s": wait_s}}


def _largest_batch(question: Question, way: _Way, base: SelfHostedDeployment) -> int | None:
    """Return the largest batch that the stated or measured seconds cover; None where none is."""
    if base.service is not None:
        return base.service.max_batch
    snapshot, machine = question.scenario.snapshots[way.snapshot], base.machine
    instance = question.catalog.instance(machine.seller, machine.region, machine.instance_type)
    asked = (instance.accelerator or CPU, way.accelerators_per_replica, way.runtime)
    for name in snapshot.measured_as:
        try:
            curve = question.measured.curve(name, *asked, snapshot.precision or "")
        except MissingFigureError:
            continue
        return int(curve.range[1]) if curve.kind == "batch" else None
    return None


def _fleets(
    deployment: SelfHostedDeployment,
    given: SearchSpace,
    arranged: Arranged,
    need: int,
    notes: list[str],
) -> Iterator[dict[str, Any]]:
    """Yield static fleets, smallest first, then those that scale."""
    scaling = given.scaling or ("static", "hpa", "keda")
    if "static" in scaling:
        steps = (need, need + 1, need + 2, need + 3, *(math.ceil(need * s) for s in STATIC_STEPS))
        for replicas in given.replicas or sorted(set(steps)):
            yield {"replicas": replicas, "autoscaler": None}
    by_requests = [kind for kind in AIMED_AT if kind in scaling]
    if "hpa" not in scaling and not by_requests:
        return
    boot = deployment.boot or given.boot
    if boot is None:
        notes.append(
            "fleets that scale are not tried: no boot time is stated; add it to the deployment, or "
            "as boot under optimize"
        )
        return
    places = arranged.service.slots * (arranged.deployment.batch.max_size
                                       if arranged.deployment.batch is not None else 1)  # fmt: skip
    targets: list[tuple[str, dict[str, float], int]] = []
    if "hpa" in scaling:
        targets += [
            ("hpa", {"target_busy_share": share}, math.ceil(need / share))
            for share in given.target_busy_shares or BUSY_SHARES
        ]
    targets += [
        (kind, {AIMED_AT[kind]: target}, need)
        for kind in by_requests
        for target in given.targets_per_replica or [max(1, places * f) for f in SLOTS_FILLED]
    ]
    room = _most_replicas(deployment, arranged)
    for kind, target, wanted in targets:
        least = {need, 1} if kind == "hpa" else {need, 1, 0}
        for minimum in given.minimum_replicas or sorted(least):
            maximum = min(max(ROOM * wanted, minimum + 1), room)
            scaler = {"kind": kind, "minimum": minimum, "maximum": maximum, **target}
            yield {"replicas": None, "autoscaler": scaler, "boot": boot}


def _largest(fleet: dict[str, Any]) -> int:
    return int(fleet["replicas"] or fleet["autoscaler"]["maximum"])


def _most_replicas(deployment: SelfHostedDeployment, arranged: Arranged) -> int:
    """Return the most replicas that the quotas leave room for."""
    room = 100_000
    if deployment.quota_replicas is not None:
        room = deployment.quota_replicas - deployment.spare_replicas
    if deployment.quota_instances is not None:
        fits = arranged.rented.packing.per_instance
        room = min(room, deployment.quota_instances * fits - deployment.spare_replicas)
    return max(1, room)
