"""What a candidate's records say of it beside cost and speed: where it runs, how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.edge import EdgeDeployment
from tco.domain.scenario import Candidate
from tco.domain.serverless import ServerlessDeployment
from tco.domain.snapshot import Approach, Snapshot
from tco.ledger.option import Part
from tco.prices import Catalog
from tco.rank.goals import Facts, LatencyFact
from tco.sim.packing import instances_needed, replicas_per_instance

MB_PER_GB = 1000.0
UNTRAINED = {Approach.AS_IS, Approach.API, Approach.PROMPTING, Approach.RETRIEVAL}


def with_known(
    facts: Facts, candidate: Candidate, parts: Sequence[Part], catalog: Catalog
) -> Facts:
    """Add what the records of an option and of its parts say; what none says stays unknown."""
    snapshots = [part.snapshot for part in parts]
    stated = candidate.facts
    return replace(
        facts,
        ttft=_ttft(candidate) or facts.ttft,
        availability=None if stated.availability is None else stated.availability.likely,
        requests_per_s=None if stated.requests_per_s is None else stated.requests_per_s.likely,
        regions=tuple(region for part in parts for region in _regions(part)),
        instances=_instances(parts, catalog),
        device_memory_gib=tuple(_device_memory_gib(part) for part in parts),
        package_mb=tuple(
            None if snapshot.size_gb is None else snapshot.size_gb * MB_PER_GB
            for snapshot in snapshots
        ),
        fairness=tuple(snapshot.fairness_score for snapshot in snapshots),
        labelled_examples=tuple(_labelled_examples(snapshot) for snapshot in snapshots),
    )


def _ttft(candidate: Candidate) -> LatencyFact | None:
    stated = candidate.facts.ttft_ms
    if stated is None:
        return None
    known = {name: getattr(stated, name) for name in ("p50", "p95", "p99")}
    given = {name: ms for name, ms in known.items() if ms is not None}
    return LatencyFact(given, stated.evidence, stated.source)


def _regions(part: Part) -> tuple[str | None, ...]:
    deployment = part.candidate.deployment
    if isinstance(deployment, SelfHostedDeployment):
        return (deployment.machine.region,)
    if isinstance(deployment, ServerlessDeployment):
        return (deployment.region,)
    return part.candidate.facts.regions or (None,)


def _instances(parts: Sequence[Part], catalog: Catalog) -> dict[str, int]:
    """Return the most instances of each type that are held at once, all parts at their peak."""
    wanted: dict[str, int] = {}
    for part in parts:
        deployment = part.candidate.deployment
        if not isinstance(deployment, SelfHostedDeployment):
            continue
        machine = deployment.machine
        instance = catalog.instance(machine.seller, machine.region, machine.instance_type)
        fits = replicas_per_instance(deployment, instance, part.snapshot)
        name = machine.instance_type
        wanted[name] = wanted.get(name, 0) + instances_needed(deployment.largest, fits)
    return wanted


def _device_memory_gib(part: Part) -> float | None:
    """Return the device memory of one's own that the weights take: none behind an API [GiB]."""
    if isinstance(part.candidate.deployment, SelfHostedDeployment | EdgeDeployment):
        return part.snapshot.memory_gib
    return 0.0


def _labelled_examples(snapshot: Snapshot) -> int | None:
    """Return the labelled examples that making a snapshot takes; none where nothing is trained."""
    if snapshot.training.approach in UNTRAINED:
        return snapshot.training.labelled_examples or 0
    return snapshot.training.labelled_examples
