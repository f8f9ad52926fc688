"""What a model costs around its serving: people, one-off and monthly items, by phase."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.cost import Flow, Payee, Phase
from tco.domain.data_work import DataWork
from tco.domain.experiments import Experiments
from tco.domain.months import MonthNumber, Months
from tco.domain.record import CountEstimate, Identifier, Record, Text, UsdEstimate
from tco.domain.training_plan import TrainingPlan


class PeopleItem(Record):
    """One role's time, as a share of full-time work in each month."""

    role: Identifier
    fte: CountEstimate = Field(description="full-time equivalents [-]")
    phase: Phase
    months: Months = Months()


class OneOffItem(Record):
    """Money spent once; with a life it is an asset that is spread over that life."""

    title: Text
    usd: UsdEstimate
    phase: Phase
    month: MonthNumber
    payee: Payee
    flow: Flow = Flow.OPEX
    life_months: Annotated[int, Field(ge=1, le=240)] | None = None

    @model_validator(mode="after")
    def _only_assets_live(self) -> Self:
        if self.flow is Flow.CREDIT:
            raise ValueError("a credit is not a one-off cost; leave it out of the plan")
        if (self.flow is Flow.CAPEX) != (self.life_months is not None):
            raise ValueError("capex needs life_months, and only capex has it")
        return self


class MonthlyItem(Record):
    """Money spent every month of a stretch."""

    title: Text
    usd_per_month: UsdEstimate
    phase: Phase
    payee: Payee
    months: Months = Months()


class Lifecycle(Record):
    """People, one-off and monthly items, each under a name of its own."""

    people: dict[Identifier, PeopleItem] = Field(default_factory=dict)
    one_off: dict[Identifier, OneOffItem] = Field(default_factory=dict)
    monthly: dict[Identifier, MonthlyItem] = Field(default_factory=dict)
    experiments: Experiments | None = None
    training: TrainingPlan | None = None
    data: DataWork | None = None
