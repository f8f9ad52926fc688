"""Accepted table rows turned into domain records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from tco.domain.hardware import Accelerator, Instance, MigSlice, Precision
from tco.domain.price import Electricity, ExchangeRate, Purchase, Quote, TokenRates
from tco.domain.record import Estimate
from tco.errors import Finding, InputError
from tco.prices.book import Entry
from tco.prices.discounts import Discount
from tco.prices.tokens import PRICED_AT_UTC

_SHAPE = ("accelerator", "accelerator_count", "accelerator_memory_gib", "vcpus", "memory_gib")


def quote_from(entry: Entry, sku: str, rate: ExchangeRate) -> Quote:
    """Build the quote of a row, converted to dollars at the given rate."""
    row = entry.values
    source = row["source"]
    if rate.currency != "USD":
        price = row["value"] if "value" in row else row["price"]
        source = f"{source}; {price} {rate.currency} at {rate.reference}"
    return Quote(
        sku=sku,
        purchase=Purchase(row.get("purchase") or Purchase.ON_DEMAND),
        usd=_in_usd(row["value"] if "value" in row else row["price"], rate),
        low_usd=_in_usd(row.get("low"), rate),
        high_usd=_in_usd(row.get("high"), rate),
        unit=row["unit"],
        currency=rate.currency,
        valid_from=row["valid_from"],
        checked_on=row["checked_on"],
        source=source,
        evidence=row["evidence"],
        plan=row.get("plan"),
        billing_increment_s=row.get("billing_increment_s"),
        minimum_s=row.get("minimum_s"),
        negotiated=entry.negotiated,
        label=entry.label,
        note=row.get("note"),
    )


def _in_usd(price: Decimal | None, rate: ExchangeRate) -> Any:
    return None if price is None else price * rate.usd_per_unit


def instances_from(entries: Iterable[Entry]) -> dict[tuple[str, str, str], Instance]:
    """Build the instance types; any of their rows may state the shape, but none differently.

    Raises:
        InputError: Where rows contradict one another, or none says what the instance is made of.
    """
    shapes: dict[tuple[str, str, str], dict[str, Any]] = {}
    first: dict[tuple[str, str, str], Entry] = {}
    findings: list[Finding] = []
    for entry in entries:
        row = entry.values
        key = (row["seller"], row["region"], row["instance_type"])
        shape = shapes.setdefault(key, {})
        origin = first.setdefault(key, entry)
        for name in _SHAPE:
            if row[name] is None:
                continue
            if shape.setdefault(name, row[name]) != row[name]:
                problem = f"{row[name]} contradicts {shape[name]} of {origin.file}:{origin.line}"
                findings.append(
                    Finding(entry.file, entry.line, name, problem, "correct one of the rows")
                )
    for key, shape in shapes.items():
        if "vcpus" not in shape and not shape.get("accelerator_count"):
            findings.append(
                Finding(
                    first[key].file,
                    first[key].line,
                    "vcpus",
                    "no row says what the instance is",
                    "fill in vcpus, or accelerator and accelerator_count",
                )
            )
        if ("accelerator" in shape) != bool(shape.get("accelerator_count")):
            findings.append(
                Finding(
                    first[key].file,
                    first[key].line,
                    "accelerator_count",
                    "an accelerator without its count, or a count without its accelerator",
                    "fill in both, or neither",
                )
            )
    if findings:
        raise InputError(findings)
    return {
        key: Instance(seller=key[0], region=key[1], instance_type=key[2], **shape)
        for key, shape in shapes.items()
    }


def accelerator_from(entry: Entry) -> Accelerator:
    """Build the data-sheet record of one accelerator."""
    row = entry.values
    return Accelerator(
        name=row["accelerator"],
        maker=row["maker"],
        memory_gib=row["memory_gib"],
        memory_gb_per_s=row["memory_gb_per_s"],
        peak_tflops={
            precision: row[f"{precision}_tflops"]
            for precision in Precision
            if row[f"{precision}_tflops"] is not None
        },
        mig_slices=tuple(map(_mig_slice, (row["mig_slices"] or "").split())),
        peak_w=row["peak_w"],
        idle_w=row["idle_w"],
        idle_low_w=row["idle_low_w"],
        idle_high_w=row["idle_high_w"],
        idle_evidence=row["idle_evidence"],
        source=row["source"],
        evidence=row["evidence"],
        checked_on=row["checked_on"],
    )


def _mig_slice(text: str) -> MigSlice:
    """Read ``1g.10gb:9.75x7`` = profile, memory [GiB], most on one accelerator."""
    profile, _, size = text.partition(":")
    memory_gib, _, most = size.partition("x")
    return MigSlice(profile=profile, memory_gib=float(memory_gib), most_per_accelerator=int(most))


def estimate_from(entry: Entry) -> Estimate:
    """Build a planning figure with its range."""
    row = entry.values
    return Estimate(
        likely=float(row["value"]),
        low=None if row["low"] is None else float(row["low"]),
        high=None if row["high"] is None else float(row["high"]),
        evidence=row["evidence"],
        source=f"{row['source']}, checked {row['checked_on']:%Y-%m-%d}",
        checked_on=row["checked_on"],
    )


def electricity_from(region: str, tariff: Quote | None, carbon: Entry | None) -> Electricity:
    """Join the two halves of a region, either of which may be absent."""
    if carbon is None:
        return Electricity(region=region, tariff=tariff)
    return Electricity(
        region=region,
        tariff=tariff,
        carbon_g_per_kwh=float(carbon.values["value"]),
        carbon_source=carbon.values["source"],
        carbon_checked_on=carbon.values["checked_on"],
        carbon_evidence=carbon.values["evidence"],
    )


def token_rates_from(entry: Entry, on: date) -> TokenRates:
    """Build token prices from a row of a user's or our own corrections."""
    row = entry.values
    return TokenRates(
        provider=row["provider"],
        model=row["model"],
        resolved_model=row["model"],
        tier=row["tier"],
        input_usd_per_mtok=row["input_usd_per_mtok"],
        cached_input_usd_per_mtok=row["cached_input_usd_per_mtok"],
        cache_write_usd_per_mtok=row["cache_write_usd_per_mtok"],
        output_usd_per_mtok=row["output_usd_per_mtok"] or Decimal(0),
        charges_output=row["output_usd_per_mtok"] is not None,
        source=f"{row['source']}, checked {row['checked_on']:%Y-%m-%d}",
        evidence=row["evidence"],
        priced_at=datetime.combine(on, time(PRICED_AT_UTC), UTC),
        checked_on=row["checked_on"],
        negotiated=entry.negotiated,
        label=entry.label,
    )


def discount_from(entry: Entry) -> Discount:
    """Build a negotiated discount."""
    row = {name: entry.values[name] for name in Discount.model_fields}
    return Discount(**row)
