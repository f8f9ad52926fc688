"""Runs that an experiment tracker recorded, and what their machine time cost."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from tco.domain.experiments import Fate
from tco.domain.record import Evidence, Identifier, Record, Text

RunName = Annotated[str, Field(min_length=1, max_length=200)]


class PricedRun(Record):
    """One run: when, how long, on what, and the price of an hour of that on the price's day."""

    run: RunName
    name: RunName | None = None
    day: date = Field(description="day on which it began, UTC")
    fate: Fate
    sku: Text = Field(description="seller/region/instance type of its machine")
    purchase: Text
    instance_hours: Annotated[float, Field(ge=0, le=1e9)]
    usd_per_instance_hour: Annotated[float, Field(ge=0, le=1e6)]
    price: Text = Field(description="where the price comes from, and of which day it is")
    price_evidence: Evidence
    flags: tuple[Text, ...] = Field(
        default=(), description="what one should know of its length, such as a missing end"
    )


class UnpricedRun(Record):
    """One run that has no price, with the reason; it is not part of any sum."""

    run: RunName
    reason: Text


class ExperimentHistory(Record):
    """The runs of one experiment store, priced; written by ``tco import``."""

    format: Literal["experiment-history/1"]
    id: Identifier
    source: Text
    imported_on: date
    runs: tuple[PricedRun, ...]
    unpriced: tuple[UnpricedRun, ...] = ()
