"""What stands between a model and whoever asks it: network, balancers, weights, logs, spare copies.

Everything is a unit of a listed service; a function that runs only while it is called, a gateway
and a queue are metered services too.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tco.domain.record import CountEstimate, Identifier, Record, ShareEstimate, Text
from tco.domain.work import PricedService, SideFleet


class Metered(Record):
    """A service that is billed by what requests take of it."""

    title: Text
    price: PricedService
    units_per_1k_requests: CountEstimate = Field(
        description="units of the price list, whatever they are, for 1,000 requests"
    )


class Standing(Record):
    """A service that is billed by the hour, asked or not: a balancer, a gateway, an address."""

    title: Text
    price: PricedService
    count: CountEstimate


class Egress(Record):
    """Answers that leave the cloud."""

    price: PricedService
    kb_per_request: CountEstimate = Field(description="bytes that leave with an answer [kB]")


class Weights(Record):
    """The weights where machines fetch them from; a second region has a copy of its own."""

    gb: CountEstimate = Field(description="one copy [GB]")
    copies: CountEstimate
    storage: PricedService


class Logs(Record):
    """Requests and answers written down: taken in once, kept for some months."""

    kb_per_request: CountEstimate = Field(description="of a request that is logged [kB]")
    logged_share: ShareEstimate = Field(description="share of the requests [-]")
    ingestion: PricedService | None = Field(default=None, description="sold by the GB")
    storage: PricedService | None = Field(default=None, description="sold by the GB-month")
    kept_months: Annotated[int, Field(ge=1, le=120)] = Field(
        description="months for which a log is stored, that in which it is written included"
    )


class Delivery(Record):
    """Everything around serving, each item under a name of its own; what is absent is unpriced."""

    metered: dict[Identifier, Metered] = Field(default_factory=dict)
    standing: dict[Identifier, Standing] = Field(default_factory=dict)
    egress: dict[Identifier, Egress] = Field(default_factory=dict)
    weights: dict[Identifier, Weights] = Field(default_factory=dict)
    logs: dict[Identifier, Logs] = Field(default_factory=dict)
    failover: dict[Identifier, SideFleet] = Field(
        default_factory=dict,
        description="warm copies in a second zone or region, resident and without requests",
    )
