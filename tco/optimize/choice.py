"""One way to serve an option, and how a person reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tco.domain.deployment import ApiDeployment, SelfHostedDeployment
from tco.domain.fleet import (
    HpaAutoscaler,
    KedaAutoscaler,
    KnativeAutoscaler,
    QueueAutoscaler,
    ScaledFleet,
    ScheduleAutoscaler,
)
from tco.domain.scenario import Candidate, Scenario
from tco.domain.serverless import ServerlessDeployment

Plain = ApiDeployment | SelfHostedDeployment | ServerlessDeployment


@dataclass(frozen=True, slots=True)
class Choice:
    """A snapshot, perhaps in another precision, and a deployment that it may be served by."""

    number: int
    """Its place in the space: of two that cost the same the earlier one is taken."""
    snapshot: str
    deployment: Plain

    def applied_to(self, scenario: Scenario, option: str) -> Scenario:
        """Return the scenario with the option served like this."""
        candidate = candidate_with(scenario, option, self.snapshot, self.deployment)
        return scenario.model_copy(
            update={"candidates": {**scenario.candidates, option: candidate}}
        )

    @property
    def words(self) -> str:
        """Say it in one line."""
        deployment = self.deployment
        if isinstance(deployment, ApiDeployment):
            return f"{deployment.provider}/{deployment.model}, {deployment.tier} tier"
        if isinstance(deployment, ServerlessDeployment):
            return _function(deployment)
        machine = deployment.machine
        parts = [
            f"{machine.seller} {machine.instance_type} {machine.region}",
            machine.purchase.replace("_", " "),
            _fleet(deployment),
        ]
        if deployment.interruptions is not None and deployment.interruptions.on_demand_instances:
            parts.append(f"machines never taken: {deployment.interruptions.on_demand_instances}")
        if deployment.commitment is not None:
            committed = deployment.commitment
            parts.append(f"{committed.instances} committed by {committed.purchase}")
        if deployment.accelerators_per_replica > 1:
            parts.append(f"{deployment.accelerators_per_replica} accelerators each")
        if deployment.batch is not None:
            batch = deployment.batch
            parts.append(f"batches to {batch.max_size} within {batch.max_wait_s:g} s")
        return ", ".join(parts)


def candidate_with(scenario: Scenario, option: str, snapshot: str, deployment: Plain) -> Candidate:
    """Return an option served in another way; another precision has a quality of its own."""
    candidate = scenario.candidates[option]
    changes: dict[str, Any] = {"deployment": deployment, "snapshot": snapshot}
    if snapshot != candidate.snapshot:
        owners = [c for c in scenario.candidates.values() if c.snapshot == snapshot]
        changes["quality"] = owners[0].quality if owners else ()
    return candidate.model_copy(update=changes)


def _function(deployment: ServerlessDeployment) -> str:
    kept = f"{deployment.provisioned} kept warm" if deployment.provisioned else "none kept warm"
    where = f"{deployment.seller} {deployment.prices.duration} {deployment.region}"
    return f"function on demand, {where}, {deployment.memory_gib:g} GiB, {kept}"


def _fleet(deployment: SelfHostedDeployment) -> str:
    scaler, spare = deployment.autoscaler, deployment.spare_replicas
    more = f" and {spare} spare" if spare else ""
    match scaler:
        case HpaAutoscaler():
            share = f"{scaler.target_busy_share:.0%} busy"
            how = f"{scaler.minimum} to {scaler.maximum} replicas, {share}"
        case QueueAutoscaler() | KedaAutoscaler():
            target = f"{scaler.target_per_replica:g} requests each by {scaler.kind}"
            how = f"{scaler.minimum} to {scaler.maximum} replicas, {target}"
        case KnativeAutoscaler():
            target = f"{scaler.concurrency * scaler.target_share:g} requests each by {scaler.kind}"
            how = f"{scaler.minimum} to {scaler.maximum} replicas, {target}"
        case ScheduleAutoscaler():
            numbers = scaler.replicas_by_hour
            how = f"{min(numbers)} to {max(numbers)} replicas by the hour"
        case ScaledFleet():
            how = f"{scaler.minimum} to {scaler.maximum} replicas by {scaler.kind}"
        case _:
            count = deployment.replicas or 0
            how = f"{count} replica" + ("" if count == 1 else "s")
    return how + more
