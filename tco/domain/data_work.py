"""Data as a cost: buying, labelling and making it, keeping it, moving it, working it up."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.experiments import HoursEstimate
from tco.domain.machine import MachineChoice
from tco.domain.months import MonthNumber, Months
from tco.domain.record import (
    CountEstimate,
    Estimate,
    Identifier,
    Record,
    ShareEstimate,
    Text,
    UsdEstimate,
    within,
)


class Acquisition(Record):
    """Data that is bought, by the item or as a whole."""

    title: Text
    items: CountEstimate
    usd_per_item: UsdEstimate
    month: MonthNumber = 1


class Review(Record):
    """A second look at part of the labels by somebody who knows."""

    role: Identifier
    share: ShareEstimate = Field(description="share of the items that is looked at [-]")
    seconds_per_item: Annotated[Estimate, within(0, 1e6)]


class Labelling(Record):
    """Items labelled by several people each, at a seller's price of one label."""

    title: Text
    task: Identifier
    seller: Identifier
    items: CountEstimate
    votes: Annotated[Estimate, within(1, 100)] = Field(description="labels for each item [-]")
    labelled_by_machine_share: ShareEstimate | None = Field(
        default=None, description="share of the items that needs no person [-]"
    )
    review: Review | None = None
    months: Months = Months(first=1, last=1)

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.months.last is None:
            raise ValueError("a quantity given as a whole needs the last of its months")
        return self


class Synthetic(Record):
    """Items written by a model through its API; only a share of them is kept."""

    title: Text
    provider: Identifier
    model: Annotated[str, Field(min_length=1, max_length=200)]
    tier: Literal["standard", "batch", "flex", "priority"]
    items_kept: CountEstimate
    kept_share: Annotated[Estimate, within(1e-6, 1)] = Field(
        description="share of what is made that is good enough [-]"
    )
    input_tokens_per_item: CountEstimate
    output_tokens_per_item: CountEstimate
    month: MonthNumber = 1


class ColderClass(Record):
    """Where data goes when it is old."""

    service: Identifier
    after_months: Annotated[int, Field(ge=1, le=120)]


class Storage(Record):
    """Data kept in a storage class; old data may move to a colder one."""

    title: Text
    seller: Identifier
    region: Text
    service: Identifier = Field(description="service of pricing/services.csv per GB-month")
    gb: CountEstimate = Field(description="there from the first month on [GB]")
    more_gb_per_month: CountEstimate
    then: ColderClass | None = None
    unused_share: ShareEstimate = Field(
        description="share that nobody reads any more: old versions, forgotten sets [-]"
    )
    months: Months = Months()

    @model_validator(mode="after")
    def _moves_elsewhere(self) -> Self:
        if self.then is not None and self.then.service == self.service:
            raise ValueError("'then' names the same class; name a colder one")
        return self


class Pipeline(Record):
    """Machines that work data up every month."""

    title: Text
    machine: MachineChoice
    instance_hours_per_month: HoursEstimate
    months: Months = Months()


class Egress(Record):
    """Data that leaves a cloud."""

    title: Text
    seller: Identifier
    region: Text
    service: Identifier = Field(description="service of pricing/services.csv per GB")
    gb_per_month: CountEstimate
    months: Months = Months()


class DataWork(Record):
    """Everything around data, each item under a name of its own."""

    acquisition: dict[Identifier, Acquisition] = Field(default_factory=dict)
    labelling: dict[Identifier, Labelling] = Field(default_factory=dict)
    synthetic: dict[Identifier, Synthetic] = Field(default_factory=dict)
    storage: dict[Identifier, Storage] = Field(default_factory=dict)
    pipelines: dict[Identifier, Pipeline] = Field(default_factory=dict)
    egress: dict[Identifier, Egress] = Field(default_factory=dict)
