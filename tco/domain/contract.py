"""What is agreed with an API's vendor: a spend that is promised, a discount for it, credits."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.record import Estimate, Record, ShareEstimate, Text, within

SomeUsd = Annotated[Estimate, within(1, 1e12)]


class ApiCredits(Record):
    """Credits that pay what is used, until they are used up or expire."""

    usd: SomeUsd = Field(description="what they pay in all [USD]")
    expire_after_months: Annotated[int, Field(ge=1, le=120)] = Field(
        description="months from the start of the option's service [months]"
    )


class ApiContract(Record):
    """A contract over what an option uses of its vendor, tokens and provisioned throughput.

    Credits are used first, and what they pay does not count towards the promise. What of the
    promise is not used by the end of its period is paid all the same.
    """

    minimum_usd: SomeUsd | None = Field(
        default=None, description="spend promised for each period, after the discount [USD]"
    )
    period_months: Annotated[int, Field(ge=1, le=60)] | None = Field(
        default=None, description="months of a period, the first from the start of service [months]"
    )
    discount_share: ShareEstimate | None = Field(
        default=None, description="off the prices of all that is used [-]; absent: none"
    )
    credits: ApiCredits | None = None
    source: Text

    @model_validator(mode="after")
    def _agrees_on_something(self) -> Self:
        if (self.minimum_usd is None) != (self.period_months is None):
            missing = "period_months" if self.period_months is None else "minimum_usd"
            raise ValueError(
                f"a promise is a spend and a period, and {missing} is missing; 12 months of "
                "120,000 USD is minimum_usd: 120000, period_months: 12"
            )
        if self.minimum_usd is None and self.discount_share is None and self.credits is None:
            raise ValueError("give minimum_usd with period_months, discount_share or credits")
        return self
