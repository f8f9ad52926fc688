"""A function that a vendor runs on demand, paid by call and by memory-time."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Estimate, Identifier, Record, within

SecondsEstimate = Annotated[Estimate, within(0, 1e6)]
ServiceName = Annotated[str, Field(min_length=1, max_length=120)]


class FunctionPrices(Record):
    """Services of the catalogue that a function is billed by."""

    duration: ServiceName = Field(description="memory-time while it runs, such as lambda-duration")
    calls: ServiceName | None = Field(default=None, description="each call; absent: not billed")
    provisioned: ServiceName | None = Field(
        default=None, description="memory-time kept warm for good, called or not"
    )


class ServerlessDeployment(Record):
    """A function on demand: an instance for each request or some, kept alive for the next."""

    kind: Literal["serverless"]
    seller: Identifier
    region: Annotated[str, Field(min_length=1, max_length=80)]
    prices: FunctionPrices
    memory_gib: Annotated[float, Field(gt=0, le=1024)] = Field(
        description="memory that an instance is given, used or not [GiB]"
    )
    seconds: Annotated[Estimate, within(1e-6, 1e6)] = Field(
        description="a request takes once it is begun on a warm instance [s]"
    )
    cold_start: SecondsEstimate = Field(
        description="from the call to its first work where no instance is warm [s]"
    )
    keep_alive: SecondsEstimate = Field(
        description="an instance is kept without a request before the vendor takes it away [s]"
    )
    requests_per_instance: Annotated[int, Field(ge=1, le=1000)] = 1
    most_instances: Annotated[int, Field(ge=1, le=100_000)] = Field(
        description="concurrency cap of the account [-]"
    )
    at_the_cap: Literal["refuse", "wait"] = Field(
        default="refuse", description="what happens to requests beyond the cap"
    )
    provisioned: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=0, description="instances that are kept warm for good [-]"
    )
    billed_increment_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=0.001, description="a call's duration is rounded up to so many seconds [s]"
    )
    bills_cold_start: bool = Field(description="whether the time of a cold start is billed")
    bills_idle: bool = Field(
        default=False, description="whether an instance is billed while it waits for requests"
    )

    @model_validator(mode="after")
    def _prices_what_it_keeps_warm(self) -> Self:
        if self.provisioned and self.prices.provisioned is None:
            raise ValueError("provisioned instances need prices.provisioned, what they cost")
        if self.provisioned > self.most_instances:
            raise ValueError(
                f"{self.provisioned} instances are provisioned and most_instances is "
                f"{self.most_instances}"
            )
        if self.bills_idle and self.requests_per_instance > 1:
            raise ValueError(
                "instances billed while they wait are priced for one request at a time; give "
                "requests_per_instance 1"
            )
        return self
