"""Prices as facts: what one unit costs, since when, who says so, and how sure that is."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from tco.domain.record import Estimate, Evidence, Record, Text, UsdEstimate

T = TypeVar("T")
MOST_CHANGE = 100.0
"""A price that rises a hundredfold is a slip of the pen."""
UsdPrice = Annotated[Decimal, Field(ge=0, lt=Decimal("1e12"), allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, lt=1e9)]


class Purchase(StrEnum):
    """How capacity is bought; commitments are quoted without upfront money."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    COMMIT_1Y = "commit_1y"
    COMMIT_3Y = "commit_3y"

    @property
    def term_months(self) -> int | None:
        """Length of the commitment [months], None where nothing is committed."""
        return {Purchase.COMMIT_1Y: 12, Purchase.COMMIT_3Y: 36}.get(self)


class Quote(Record):
    """One price of one thing, in force from a day until the next quote."""

    sku: Text
    purchase: Purchase = Purchase.ON_DEMAND
    usd: UsdPrice
    """Price of one unit [USD]. 0 means free of charge; an unknown price has no quote at all."""
    low_usd: UsdPrice | None = None
    high_usd: UsdPrice | None = None
    unit: Text
    currency: str = "USD"
    """Currency in which it was quoted; ``usd`` is already converted, see ``source``."""
    valid_from: date | None = None
    """First day of the price; None = first observed, it counts from ``checked_on``."""
    checked_on: date
    source: Text
    evidence: Evidence = Evidence.PUBLISHED
    plan: str | None = None
    """Kind of commitment: reserved, savings_plan, committed_use."""
    billing_increment_s: Seconds | None = None
    """Smallest step of billed time [s]; None = unknown."""
    minimum_s: Seconds | None = None
    """Least billed time of one start [s]; None = unknown."""
    negotiated: bool = False
    label: str | None = None
    """Where a price that is not the list price comes from, in the words of its owner."""
    note: str | None = None

    @model_validator(mode="after")
    def _range_holds_the_price(self) -> Self:
        if (self.low_usd is None) != (self.high_usd is None):
            raise ValueError("give both low and high, or neither")
        if (
            self.low_usd is not None
            and self.high_usd is not None
            and not self.low_usd <= self.usd <= self.high_usd
        ):
            raise ValueError(
                f"low {self.low_usd}, price {self.usd}, high {self.high_usd} out of order"
            )
        return self

    @property
    def in_force_from(self) -> date:
        """The first day on which the catalogue uses it."""
        return self.valid_from or self.checked_on

    @property
    def first_observed(self) -> bool:
        """True where nobody knows since when the price holds, only when it was first seen."""
        return self.valid_from is None

    @property
    def reference(self) -> str:
        """Source and date in one line."""
        label = f"{self.label}: " if self.label else ""
        seen = ", first observed then" if self.first_observed and not self.negotiated else ""
        return f"{label}{self.source}, checked {self.checked_on:%Y-%m-%d}{seen}"

    @property
    def estimate(self) -> Estimate:
        """The price with its range [USD per unit]."""
        return Estimate(
            likely=float(self.usd),
            low=None if self.low_usd is None else float(self.low_usd),
            high=None if self.high_usd is None else float(self.high_usd),
            evidence=self.evidence,
            source=self.reference,
            checked_on=self.checked_on,
        )


class Payment(StrEnum):
    """When the money of a commitment is due."""

    NO_UPFRONT = "no_upfront"
    PARTIAL_UPFRONT = "partial_upfront"
    ALL_UPFRONT = "all_upfront"


class CommitmentOffer(Record):
    """One way to commit to an instance: what is paid at once, and what by the hour."""

    sku: Text
    plan: Text
    """reserved, savings_plan or committed_use."""
    term_months: Annotated[int, Field(gt=0, le=120)]
    payment: Payment = Payment.NO_UPFRONT
    upfront_usd: UsdPrice = Decimal(0)
    usd_per_hour: UsdPrice
    """Paid for every hour of the term, used or not [USD/h]."""
    evidence: Evidence
    reference: Text


class PriceTier(Record):
    """A step of a tiered price: units above ``from_units``, up to the next step."""

    from_units: Annotated[Decimal, Field(ge=0)]
    quote: Quote


class TokenBand(Record):
    """Token prices once a request has more than ``above_input_tokens`` input tokens."""

    above_input_tokens: Annotated[int, Field(ge=0)]
    input_usd_per_mtok: UsdPrice | None
    cached_input_usd_per_mtok: UsdPrice | None = None
    cache_write_usd_per_mtok: UsdPrice | None = None
    output_usd_per_mtok: UsdPrice | None
    reasoning_usd_per_mtok: UsdPrice | None = None


class TokenWindow(Record):
    """Token prices in a daily window of the clock, in UTC; it may pass midnight."""

    from_utc: time
    to_utc: time
    input_usd_per_mtok: UsdPrice | None
    cached_input_usd_per_mtok: UsdPrice | None = None
    cache_write_usd_per_mtok: UsdPrice | None = None
    output_usd_per_mtok: UsdPrice | None
    reasoning_usd_per_mtok: UsdPrice | None = None


class TokenRates(Record):
    """What a million tokens of one model cost, read once at one stated moment.

    The plain figures are for short requests at ``priced_at``. ``bands`` apply to the whole of a
    request that is longer; ``windows`` say what other hours of the day cost. None = the vendor has
    no such price.
    """

    provider: Text
    model: Text
    resolved_model: Text
    """Name in the price source that ``model`` stands for; several dated names share one price."""
    tier: str = "standard"
    input_usd_per_mtok: UsdPrice
    cached_input_usd_per_mtok: UsdPrice | None = None
    cache_write_usd_per_mtok: UsdPrice | None = None
    output_usd_per_mtok: UsdPrice
    """0 only where ``charges_output`` is False."""
    reasoning_usd_per_mtok: UsdPrice | None = None
    """None = reasoning tokens are billed as output tokens, which is the rule."""
    charges_output: bool = True
    """False for models that return no tokens (embeddings): the vendor lists no output price."""
    bands: tuple[TokenBand, ...] = ()
    windows: tuple[TokenWindow, ...] = ()
    source: Text
    evidence: Evidence = Evidence.PUBLISHED
    priced_at: datetime
    """The moment whose prices these are, in UTC; the hour matters where ``windows`` are listed."""
    checked_on: date
    """Day for which the prices were read; of a correction, the day on which it was checked."""
    negotiated: bool = False
    label: str | None = None

    @property
    def reference(self) -> str:
        """Source, model and moment in one line."""
        label = f"{self.label}: " if self.label else ""
        return (
            f"{label}{self.source}, {self.provider}/{self.resolved_model} {self.tier}, "
            f"as priced {self.priced_at:%Y-%m-%d %H:%M} UTC"
        )

    def estimate(self, usd: Decimal) -> Estimate:
        """One of its prices with its source [USD per million tokens]."""
        return Estimate(
            likely=float(usd),
            evidence=self.evidence,
            source=self.reference,
            checked_on=self.checked_on,
        )


class Electricity(Record):
    """Tariff and carbon intensity of one region's grid; either may be absent."""

    region: Text
    tariff: Quote | None = None
    """Price [USD/kWh]."""
    carbon_g_per_kwh: Annotated[float, Field(ge=0, lt=5000)] | None = None
    carbon_source: str | None = None
    carbon_checked_on: date | None = None
    carbon_evidence: Evidence | None = None


class ExchangeRate(Record):
    """A reference rate of one day."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    usd_per_unit: Annotated[Decimal, Field(gt=0, lt=Decimal("1e6"))]
    day: date
    source: Text

    @property
    def reference(self) -> str:
        """The rate and its date in one line."""
        rate = f"1 {self.currency} = {self.usd_per_unit.normalize():f} USD"
        return f"{rate}, {self.source}, {self.day:%Y-%m-%d}"


class PriceShock(Record):
    """A named jump of a price in one month, kept from then on."""

    name: Text
    month: Annotated[int, Field(ge=1, le=600)]
    """Month of the plan, counted from 1: 13 is the first month of the second year."""
    change: Estimate
    """Share by which the price changes: 0.3 is 30 % dearer, -0.2 is 20 % cheaper."""

    @model_validator(mode="after")
    def _leaves_a_price(self) -> Self:
        return _check_change(self, self.change)


class Successor(Record):
    """What serves when a vendor no longer sells a thing, and what moving to it takes."""

    title: Text
    change: Estimate = Field(description="its price against the old one: 0.3 is 30 % dearer [-]")
    migration_usd: UsdEstimate

    @model_validator(mode="after")
    def _leaves_a_price(self) -> Self:
        return _check_change(self, self.change)


class PricePath(Record):
    """How prices move over a plan: a yearly drift, shocks, and the day a vendor stops selling."""

    applies_to: Annotated[tuple[Text, ...], Field(min_length=1)] = ("*",)
    """Patterns of the names of things it moves, such as ``aws/*`` or ``people.*``."""
    yearly_change: Estimate | None = None
    """Share a year: -0.2 is 20 % cheaper after twelve months. None says nothing of drift."""
    steps: Literal["monthly", "yearly"] = "monthly"
    """``yearly`` where the price moves once a year, as salaries do."""
    shocks: tuple[PriceShock, ...] = ()
    ends_on: date | None = None
    """First day on which the vendor no longer sells it."""
    successor: Successor | None = None
    """None: what serves then is not known, and the option is unproven."""

    @model_validator(mode="after")
    def _leaves_a_price(self) -> Self:
        if self.successor is not None and self.ends_on is None:
            raise ValueError("a successor needs ends_on, the day from which it serves")
        if self.yearly_change is None and not self.shocks and self.ends_on is None:
            raise ValueError("give yearly_change, shocks or ends_on; this path moves nothing")
        return self if self.yearly_change is None else _check_change(self, self.yearly_change)


def _check_change(owner: T, change: Estimate) -> T:
    for number in (change.low, change.likely, change.high):
        if number is not None and not -1 < number <= MOST_CHANGE:
            raise ValueError(f"a change of {number:g} leaves no price; write 0.3 for 30 % dearer")
    return owner
