"""What finance owns and every scenario inherits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tco.domain.record import Estimate, FactorEstimate, Identifier, Record, Share, Text, within


class NegotiatedDiscount(Record):
    """A share taken off one seller's list prices, always labelled so."""

    share: Share
    source: Text


class Organisation(Record):
    """Discount rate, labour rates, fiscal year and tags of one firm."""

    format: Literal["organisation/1"]
    name: Text
    currency: Literal["USD"] = "USD"
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)]
    discount_rate_per_year: Annotated[Estimate, within(-0.5, 1)]
    hours_per_fte_year: Annotated[Estimate, within(100, 4000)]
    inflation_per_year: Annotated[Estimate, within(-0.5, 10)] | None = Field(
        default=None,
        description="yearly rise of wages and of prices that scenarios state, in steps of a year; "
        "absent: they stay; listed prices of vendors follow price_paths alone",
    )
    labour_usd_per_hour: dict[Identifier, FactorEstimate] = Field(
        default_factory=dict,
        description="loaded rates of one's own roles [USD/h]; others come from pricing/people.csv",
    )
    negotiated_discounts: dict[Identifier, NegotiatedDiscount] = Field(default_factory=dict)
    tags: dict[Identifier, Text] = Field(default_factory=dict)
