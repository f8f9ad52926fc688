"""Deployments that the search for the cheapest one tries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tco.domain.fleet import BootTime, Count, Seconds
from tco.domain.price import Purchase
from tco.domain.record import Identifier, Record
from tco.domain.serverless import ServerlessDeployment

Scaling = Literal["static", "hpa", "queue_length", "keda", "knative"]
Tier = Literal["standard", "batch", "flex", "priority"]
BusyShare = Annotated[float, Field(gt=0, le=1)]
AtLeastNone = Annotated[int, Field(ge=0, le=100_000)]
PerReplica = Annotated[float, Field(gt=0, le=1e6)]


class MachineOffer(Record):
    """An instance type as one seller offers it."""

    seller: Identifier
    region: Annotated[str, Field(min_length=1, max_length=80)]
    instance_type: Annotated[str, Field(min_length=1, max_length=120)]


class SearchSpace(Record):
    """What may be chosen for one option; what is absent follows from the catalogue and the load."""

    machines: Annotated[tuple[MachineOffer, ...], Field(min_length=1)] | None = Field(
        default=None, description="absent: all that the service figure or a measurement is of"
    )
    purchases: Annotated[tuple[Purchase, ...], Field(min_length=1)] | None = Field(
        default=None, description="absent: every one that has a price"
    )
    snapshots: tuple[Identifier, ...] | None = Field(
        default=None,
        description="the same model in other precisions; absent: its quantised versions",
    )
    scaling: Annotated[tuple[Scaling, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="absent: static, hpa and keda, of which what scales only where boot times are "
        "stated; knative looks every two seconds, which takes several times as long to simulate",
    )
    replicas: Annotated[tuple[Count, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="of a static fleet; absent: from the load's need to twice that",
    )
    minimum_replicas: Annotated[tuple[AtLeastNone, ...], Field(min_length=1)] | None = Field(
        default=None, description="that an autoscaler keeps"
    )
    target_busy_shares: Annotated[tuple[BusyShare, ...], Field(min_length=1)] | None = Field(
        default=None, description="that the horizontal pod autoscaler aims at [-]"
    )
    targets_per_replica: Annotated[tuple[PerReplica, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="requests for each replica that KEDA or a queue-length scaler aims at, and "
        "that Knative takes for its concurrency",
    )
    on_demand_instances: Annotated[tuple[AtLeastNone, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="of a fleet of spot machines, those that are never taken away; absent: none, "
        "what the deployment says, and half of what the load needs",
    )
    boot: BootTime | None = Field(
        default=None, description="of fleets that scale, where the deployment states none"
    )
    batch_sizes: Annotated[tuple[Count, ...], Field(min_length=1)] | None = Field(
        default=None, description="largest batches; absent: powers of two the figures cover"
    )
    batch_waits_s: Annotated[tuple[Seconds, ...], Field(min_length=1)] | None = Field(
        default=None, description="longest waits for company [s]"
    )
    functions: tuple[ServerlessDeployment, ...] = Field(
        default=(), description="functions on demand that would serve it too"
    )
    provisioned_instances: Annotated[tuple[AtLeastNone, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="of a function, instances kept warm for good; absent: none, what the "
        "deployment says, and what the mean and the busiest hour keep busy",
    )
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)] | None = Field(
        default=None, description="of an API; absent: every one that has a price"
    )
