"""A platform that is built, bought or managed: what it costs, and what it is assumed to do."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tco.domain.cost import Payee
from tco.domain.months import Months
from tco.domain.record import CountEstimate, Record, ShareEstimate, Text, UsdEstimate
from tco.domain.work import Work


class Seats(Record):
    """A fee for each person who works with it."""

    count: CountEstimate
    usd_per_seat_month: UsdEstimate


class Effects(Record):
    """What the platform is assumed to save, each as a share with a range."""

    fewer_wasted_runs: ShareEstimate | None = None
    less_idle: ShareEstimate | None = None
    less_labour: ShareEstimate | None = None
    fewer_outages: ShareEstimate | None = None

    @model_validator(mode="after")
    def _shows_its_doubt(self) -> Self:
        for name in type(self).model_fields:
            effect = getattr(self, name)
            if effect is not None and effect.low is None:
                raise ValueError(f"{name} is an assumption: give it low, high and a source")
        return self


class Platform(Record):
    """One way to have a platform."""

    mode: Literal["build", "buy", "managed"]
    title: Text
    subscription_usd_per_month: UsdEstimate | None = None
    seats: Seats | None = None
    usd_per_1k_requests: UsdEstimate | None = None
    usd_per_instance_hour: UsdEstimate | None = Field(
        default=None, description="on top of each machine hour that serves"
    )
    set_up: Work | None = None
    upkeep: Work | None = Field(default=None, description="work of each month")
    payee: Payee = Payee.OTHER
    months: Months = Months()
    effects: Effects = Effects()

    @model_validator(mode="after")
    def _costs_something(self) -> Self:
        costs = (
            self.subscription_usd_per_month,
            self.seats,
            self.usd_per_1k_requests,
            self.usd_per_instance_hour,
            self.set_up,
            self.upkeep,
        )
        if not any(cost is not None for cost in costs):
            raise ValueError("say what the platform costs")
        if self.upkeep is not None and (self.upkeep.month != 1 or self.upkeep.over_months != 1):
            raise ValueError("upkeep comes every month; leave its months out")
        return self
