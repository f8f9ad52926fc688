"""Keeping a model good: tools, labels, incidents, audits, retraining, versions, the end."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.cost import Payee
from tco.domain.months import MonthNumber, Months
from tco.domain.record import (
    CountEstimate,
    Estimate,
    FactorEstimate,
    Identifier,
    Record,
    ShareEstimate,
    Text,
    UsdEstimate,
    within,
)
from tco.domain.work import LabelPurchase, MachineHours, MonthCount, PricedService, Work


class Tool(Record):
    """Monitoring, drift alarms, tracing: a monthly fee, a listed service, a share of serving."""

    title: Text
    usd_per_month: UsdEstimate | None = None
    price: PricedService | None = None
    unit: Text | None = Field(default=None, description="unit of the listed price")
    units_per_month: CountEstimate | None = None
    units_per_1k_requests: CountEstimate | None = None
    share_of_serving: ShareEstimate | None = Field(
        default=None, description="fee over the cost of serving [-]"
    )
    payee: Payee = Payee.OTHER
    months: Months = Months()

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        ways = (self.usd_per_month, self.price, self.share_of_serving)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one of usd_per_month, price and share_of_serving")
        counts = (self.units_per_month, self.units_per_1k_requests)
        has_price = self.price is not None
        if sum(count is not None for count in counts) != has_price or has_price != bool(self.unit):
            raise ValueError(
                "a listed price needs its unit, and units_per_month or units_per_1k_requests"
            )
        return self


class Incidents(Record):
    """Incidents of one severity: how often, how long, how many people."""

    per_month: CountEstimate
    hours: CountEstimate = Field(description="of each person, for one incident [h]")
    people: CountEstimate
    role: Identifier


class Recurring(Record):
    """Work that comes back, such as an audit; its own month is that of the first time."""

    title: Text
    work: Work
    every_months: MonthCount | None = Field(default=None, description="absent: once")


class Licence(Record):
    """A right to use something, paid by the month."""

    title: Text
    usd_per_month: UsdEstimate
    months: Months = Months()


class EvaluationSet(Record):
    """A labelled set that tells whether the model is still good, made anew from time to time."""

    labels: LabelPurchase
    first_month: MonthNumber = 1
    every_months: MonthCount | None = Field(default=None, description="absent: made once")


class KeptVersions(Record):
    """Old releases in storage, for audits and for the way back."""

    gb_each: CountEstimate
    most: Annotated[int, Field(ge=1, le=1000)] = Field(description="versions kept at once [-]")
    storage: PricedService


class Calendar(Record):
    """Retrain every so many months."""

    every_months: MonthCount


class Drift(Record):
    """Retrain in the last whole month before quality passes the floor."""

    quality_at_release: FactorEstimate
    floor: FactorEstimate
    loss_per_month: Annotated[Estimate, within(1e-9, 1e6)]

    @model_validator(mode="after")
    def _starts_above_the_floor(self) -> Self:
        if self.floor.likely >= self.quality_at_release.likely:
            raise ValueError("quality_at_release must lie above the floor")
        return self


class CostOptimal(Record):
    """Retrain when waiting costs as much as retraining: every sqrt(2 C / k) months."""

    loss_usd_per_month2: Annotated[Estimate, within(1e-9, 1e12)] = Field(
        description="by how much the monthly loss grows each month [USD/month^2]"
    )


class Retraining(Record):
    """When the model is trained again, and what one time takes."""

    calendar: Calendar | None = None
    drift: Drift | None = None
    cost_optimal: CostOptimal | None = None
    new_labels: LabelPurchase | None = None
    new_data: Work | None = None
    compute: MachineHours | None = None
    hosted: Work | None = Field(default=None, description="a vendor's fee for tuning")
    evaluation: Work | None = None
    release: Work | None = None

    @model_validator(mode="after")
    def _has_one_rule_and_a_cost(self) -> Self:
        rules = (self.calendar, self.drift, self.cost_optimal)
        if sum(rule is not None for rule in rules) != 1:
            raise ValueError("give one of calendar, drift and cost_optimal")
        works = (self.new_data, self.hosted, self.evaluation, self.release)
        if not any((*works, self.new_labels, self.compute)):
            raise ValueError("say what one retraining takes")
        if any(work.month != 1 or work.over_months != 1 for work in works if work is not None):
            raise ValueError("the rule says when it happens; leave month and over_months out")
        return self


class Operation(Record):
    """What it takes to keep a model good, and to end it; what is absent is not priced."""

    tools: dict[Identifier, Tool] = Field(default_factory=dict)
    production_labels: LabelPurchase | None = Field(
        default=None, description="items labelled each month, for ground truth"
    )
    evaluation_sets: dict[Identifier, EvaluationSet] = Field(default_factory=dict)
    incidents: dict[Literal["p0", "p1", "p2"], Incidents] = Field(default_factory=dict)
    audits: dict[Identifier, Recurring] = Field(default_factory=dict)
    licences: dict[Identifier, Licence] = Field(default_factory=dict)
    retraining: Retraining | None = None
    versions: KeptVersions | None = None
    retirement: Work | None = Field(
        default=None, description="deletion, hand-over, archive, in the option's last month"
    )

    @model_validator(mode="after")
    def _ends_when_it_ends(self) -> Self:
        end = self.retirement
        if end is not None and (end.month != 1 or end.over_months != 1):
            raise ValueError("retirement falls in the last month; leave its months out")
        return self
