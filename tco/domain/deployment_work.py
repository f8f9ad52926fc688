"""Getting a model into production: the work, fleets that run beside it, the way back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tco.domain.months import Months
from tco.domain.record import (
    CountEstimate,
    Estimate,
    Identifier,
    Record,
    ShareEstimate,
    within,
)
from tco.domain.work import ColdCopy, PricedService, SideFleet, Work


class ParallelRun(Record):
    """Months in which a share of the requests is answered, and paid, twice."""

    beside: Literal["incumbent", "itself"] = Field(
        description="what runs beside the option: what runs today, or its own other release"
    )
    share: ShareEstimate = Field(description="of the other fleet's whole cost [-]")
    months: Months


class ControlPlane(Record):
    """The fee of a managed cluster, and the part of it that this model bears."""

    price: PricedService
    clusters: CountEstimate
    share: ShareEstimate


class DeploymentWork(Record):
    """Everything between a trained model and one that answers; what is absent is not priced."""

    integration: Work | None = None
    ci_cd: Work | None = None
    security: Work | None = None
    optimisation: Work | None = Field(
        default=None, description="conversion, compilation, quantisation for serving"
    )
    load_tests: Work | None = None
    shadow: ParallelRun | None = None
    canary: ParallelRun | None = None
    fleets: dict[Identifier, SideFleet] = Field(
        default_factory=dict, description="staging, tests, by name"
    )
    control_plane: ControlPlane | None = None
    node_overhead_share: Annotated[Estimate, within(0, 1)] | None = Field(
        default=None, description="machine hours for the cluster's own services, on top [-]"
    )
    warm_rollback: SideFleet | None = Field(
        default=None, description="the previous snapshot, ready to serve"
    )
    cold_rollback: ColdCopy | None = Field(default=None, description="the same, in storage only")
