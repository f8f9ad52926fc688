"""What a model costs around its serving: people, one-off and monthly items, by phase."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.cost import Flow, Payee, Phase
from tco.domain.coverage import Unpriced
from tco.domain.data_work import DataWork
from tco.domain.delivery import Delivery
from tco.domain.deployment_work import DeploymentWork
from tco.domain.experiments import Experiments
from tco.domain.months import MonthNumber, Months
from tco.domain.operation import Operation
from tco.domain.people_plan import OnCall, PeopleItem, PlatformTeam, Waiting
from tco.domain.platform import Platform
from tco.domain.record import Identifier, Record, ShareEstimate, Text, UsdEstimate
from tco.domain.training_plan import TrainingPlan


class OneOffItem(Record):
    """Money spent once; with a life it is an asset that is spread over that life."""

    title: Text
    usd: UsdEstimate
    phase: Phase
    month: MonthNumber
    payee: Payee
    flow: Flow = Flow.OPEX
    life_months: Annotated[int, Field(ge=1, le=240)] | None = None
    residual_share: ShareEstimate | None = Field(
        default=None,
        description="share of its price that an asset fetches when the plan ends [-]; absent: by "
        "age for hardware, nothing for the rest",
    )

    @model_validator(mode="after")
    def _only_assets_live(self) -> Self:
        if self.flow is Flow.CREDIT:
            raise ValueError("a credit is not a one-off cost; leave it out of the plan")
        if (self.flow is Flow.CAPEX) != (self.life_months is not None):
            raise ValueError("capex needs life_months, and only capex has it")
        if self.residual_share is not None and self.flow is not Flow.CAPEX:
            raise ValueError("only capex has a residual_share")
        return self


class MonthlyItem(Record):
    """Money spent every month of a stretch."""

    title: Text
    usd_per_month: UsdEstimate
    phase: Phase
    payee: Payee
    months: Months = Months()


class Lifecycle(Record):
    """All that a model costs around its serving; what is absent is not priced."""

    people: dict[Identifier, PeopleItem] = Field(default_factory=dict)
    on_call: OnCall | None = None
    platform_team: PlatformTeam | None = None
    waiting: Waiting | None = None
    one_off: dict[Identifier, OneOffItem] = Field(default_factory=dict)
    monthly: dict[Identifier, MonthlyItem] = Field(default_factory=dict)
    experiments: Experiments | None = None
    training: TrainingPlan | None = None
    data: DataWork | None = None
    deployment_work: DeploymentWork | None = None
    delivery: Delivery | None = None
    operation: Operation | None = None
    platform: Platform | None = None
    exit_usd: UsdEstimate | None = Field(
        default=None, description="work and fees of leaving the option; counted only for an exit"
    )
    coverage: dict[Phase, Unpriced] = Field(
        default_factory=dict, description="phases that are not priced here, each with its reason"
    )
