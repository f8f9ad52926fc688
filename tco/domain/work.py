"""What several phases buy: pieces of work, services, labels, machines beside those that serve."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.cost import Payee
from tco.domain.machine import MachineChoice
from tco.domain.months import MonthNumber, Months
from tco.domain.record import (
    CountEstimate,
    Estimate,
    Identifier,
    Record,
    ShareEstimate,
    UsdEstimate,
    within,
)

MonthCount = Annotated[int, Field(ge=1, le=120)]


class Work(Record):
    """A piece of work: hours of a role, and money spent on it."""

    role: Identifier | None = None
    hours: CountEstimate | None = Field(default=None, description="in all [h]")
    usd: UsdEstimate | None = Field(default=None, description="bought for it, in all [USD]")
    payee: Payee = Payee.OTHER
    month: MonthNumber = Field(default=1, description="month in which it begins")
    over_months: MonthCount = Field(default=1, description="months it is spread over, evenly")

    @model_validator(mode="after")
    def _costs_something(self) -> Self:
        if (self.role is None) != (self.hours is None):
            raise ValueError("give role and hours together")
        if self.hours is None and self.usd is None:
            raise ValueError("give hours of a role, or usd, or both")
        return self


class PricedService(Record):
    """A service as ``pricing/services.csv`` lists it."""

    seller: Identifier
    region: Annotated[str, Field(min_length=1, max_length=80)] = "*"
    service: Annotated[str, Field(min_length=1, max_length=120)]


class LabelPurchase(Record):
    """Items that people label: each by some votes, at a listed price a label or a stated one."""

    items: CountEstimate = Field(description="items each time [-]")
    votes: Annotated[Estimate, within(1, 1000)] = Field(description="labels for one item [-]")
    task: Identifier | None = Field(default=None, description="task in pricing/labelling.csv")
    seller: Identifier | None = Field(default=None, description="who labels, as listed there")
    usd_per_label: UsdEstimate | None = None

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        listed = (self.task is not None, self.seller is not None)
        if listed not in ((True, True), (False, False)) or any(listed) == (
            self.usd_per_label is not None
        ):
            raise ValueError("give either task and seller, or usd_per_label")
        return self


class MachineHours(Record):
    """Hours of an instance."""

    machine: MachineChoice
    instance_hours: CountEstimate = Field(description="each time, all instances [h]")


class SideFleet(Record):
    """Instances beside those that serve: for staging, for tests, for the way back."""

    instances: CountEstimate
    hours_share: ShareEstimate = Field(description="share of the month's hours they run [-]")
    machine: MachineChoice | None = Field(
        default=None, description="absent: the machine that serves the option"
    )
    months: Months = Months()


class ColdCopy(Record):
    """Bytes in storage, to be loaded when they are needed."""

    gb: CountEstimate
    storage: PricedService
    months: Months = Months()
