"""The tables under ``pricing/``, one declaration a file."""

from __future__ import annotations

from tco.domain.price import Purchase
from tco.domain.record import Evidence
from tco.prices.tables import (
    Column,
    Row,
    Table,
    currency_code,
    day,
    number,
    one_of,
    positive,
    share,
    text,
    whole,
    yes,
)

_EVIDENCE = one_of(*Evidence)
_PURCHASE = one_of(*Purchase)
_PLAN = one_of("reserved", "savings_plan", "committed_use")


def _dated() -> tuple[Column, ...]:
    """Columns that every row ends with: when, who says so, how sure."""
    return (
        Column("valid_from", day, required=False),
        Column("checked_on", day),
        Column("source", text),
        Column("evidence", _EVIDENCE),
        Column("note", text, required=False),
    )


_PRIVATE = (
    Column("negotiated", yes, required=False),
    Column("label", text, required=False),
)
"""Only in a user's own tables: a price of a contract, and what to call it."""


def _range_in_order(row: Row) -> tuple[str, str, str] | None:
    low, high = row.get("low"), row.get("high")
    likely = row["price"] if "price" in row else row["value"]
    if (low is None) != (high is None):
        return "low", "only one end of the range is given", "give both low and high, or neither"
    if low is not None and high is not None and not low <= likely <= high:
        return (
            "low",
            f"low {low}, likely {likely}, high {high} are not in order",
            "put them in order",
        )
    if row["evidence"] == Evidence.ASSUMED and low is None:
        return "low", "an assumed figure has no range", "give low and high"
    return None


def _spot_and_list_have_no_plan(row: Row) -> tuple[str, str, str] | None:
    committed = Purchase(row["purchase"]).term_months is not None
    if committed and row["plan"] is None:
        return (
            "plan",
            "a commitment without its kind",
            "write reserved, savings_plan or committed_use",
        )
    if not committed and row["plan"] is not None:
        return "plan", "only commitments have a plan", "leave the cell empty"
    return None


def _electricity_units(row: Row) -> tuple[str, str, str] | None:
    unit = {"tariff": "kWh", "carbon": "g_co2e_per_kwh"}[row["measure"]]
    if row["unit"] != unit:
        return "unit", f"a {row['measure']} in '{row['unit']}'", f"write {unit}"
    if row["measure"] == "tariff" and row["currency"] is None:
        return "currency", "the tariff has no currency", "write its three letters, such as USD"
    return None


def _discount_or_price(row: Row) -> tuple[str, str, str] | None:
    priced = row["hourly_price"] is not None or row["upfront_price"] is not None
    if priced == (row["discount"] is not None):
        return "discount", "give either prices or a discount", "leave the other empty"
    return None


INSTANCES = Table(
    "instances",
    (
        Column("seller", text),
        Column("region", text),
        Column("instance_type", text),
        Column("accelerator", text, required=False),
        Column("accelerator_count", whole, required=False),
        Column("accelerator_memory_gib", positive, required=False),
        Column("vcpus", whole, required=False),
        Column("memory_gib", positive, required=False),
        Column("purchase", _PURCHASE),
        Column("plan", _PLAN, required=False),
        Column("price", positive),
        Column("currency", currency_code),
        Column("unit", one_of("instance-hour")),
        Column("billing_increment_s", positive, required=False),
        Column("minimum_s", number, required=False),
        *_dated(),
        *_PRIVATE,
    ),
    key=("seller", "region", "instance_type", "purchase", "negotiated"),
    check=_spot_and_list_have_no_plan,
)

HARDWARE = Table(
    "hardware",
    (
        Column("accelerator", text),
        Column("maker", text),
        Column("memory_gib", positive, required=False),
        Column("memory_gb_per_s", positive, required=False),
        Column("fp32_tflops", positive, required=False),
        Column("bf16_tflops", positive, required=False),
        Column("fp8_tflops", positive, required=False),
        Column("int8_tflops", positive, required=False),
        Column("fp4_tflops", positive, required=False),
        Column("mig_slices", text, required=False),
        Column("peak_w", positive, required=False),
        Column("idle_w", positive, required=False),
        Column("idle_low_w", positive, required=False),
        Column("idle_high_w", positive, required=False),
        Column("idle_evidence", _EVIDENCE, required=False),
        *_dated(),
    ),
    key=("accelerator",),
)

SERVICES = Table(
    "services",
    (
        Column("seller", text),
        Column("region", text),
        Column("service", text),
        Column("tier_from_units", number, required=False),
        Column("price", number),
        Column("currency", currency_code),
        Column("unit", text),
        *_dated(),
        *_PRIVATE,
    ),
    key=("seller", "region", "service", "tier_from_units", "negotiated"),
)

ONPREM = Table(
    "onprem",
    (
        Column("system", text),
        Column("description", text),
        Column("accelerator", text, required=False),
        Column("accelerator_count", whole, required=False),
        Column("power_kw", positive, required=False),
        Column("power_source", text, required=False),
        Column("price", positive),
        Column("currency", currency_code),
        Column("unit", one_of("system", "card", "rack")),
        *_dated(),
        *_PRIVATE,
    ),
    key=("system", "negotiated"),
)

ELECTRICITY = Table(
    "electricity",
    (
        Column("region", text),
        Column("measure", one_of("tariff", "carbon")),
        Column("value", positive),
        Column("unit", one_of("kWh", "g_co2e_per_kwh")),
        Column("currency", currency_code, required=False),
        *_dated(),
        *_PRIVATE,
    ),
    key=("region", "measure", "negotiated"),
    check=_electricity_units,
)

REGIONS = Table(
    "regions",
    (
        Column("seller", text),
        Column("region", text),
        Column("electricity_region", text),
        Column("checked_on", day),
        Column("source", text),
    ),
    key=("seller", "region"),
)

PEOPLE = Table(
    "people",
    (
        Column("role", text),
        Column("price", positive),
        Column("currency", currency_code),
        Column("low", positive),
        Column("high", positive),
        Column("unit", one_of("hour")),
        *_dated(),
        *_PRIVATE,
    ),
    key=("role", "negotiated"),
    check=_range_in_order,
)

LABELLING = Table(
    "labelling",
    (
        Column("task", text),
        Column("seller", text),
        Column("price", positive),
        Column("currency", currency_code),
        Column("low", positive, required=False),
        Column("high", positive, required=False),
        Column("unit", text),
        *_dated(),
        *_PRIVATE,
    ),
    key=("task", "seller", "negotiated"),
    check=_range_in_order,
)

COMMITMENTS = Table(
    "commitments",
    (
        Column("seller", text),
        Column("region", text),
        Column("applies_to", text),
        Column("plan", _PLAN),
        Column("term_months", whole),
        Column("payment", one_of("no_upfront", "partial_upfront", "all_upfront")),
        Column("upfront_price", number, required=False),
        Column("hourly_price", number, required=False),
        Column("currency", currency_code),
        Column("discount", share, required=False),
        Column("unit", one_of("instance-hour", "accelerator-hour")),
        *_dated(),
        *_PRIVATE,
    ),
    key=("seller", "region", "applies_to", "plan", "term_months", "payment", "negotiated"),
    check=_discount_or_price,
)

CONTRACTS = Table(
    "contracts",
    (
        Column("contract", text),
        Column("seller", text),
        Column("kind", one_of("provisioned_throughput", "minimum_spend", "credit", "licence")),
        Column("product", text),
        Column("price", positive),
        Column("currency", currency_code),
        Column("unit", text),
        Column("least_units", positive, required=False),
        Column("term_months", whole, required=False),
        Column("expires_on", day, required=False),
        *_dated(),
        *_PRIVATE,
    ),
    key=("contract", "negotiated"),
)

TOKEN_OVERRIDES = Table(
    "token_overrides",
    (
        Column("provider", text),
        Column("model", text),
        Column("tier", one_of("standard", "batch", "flex", "priority")),
        Column("input_usd_per_mtok", number),
        Column("cached_input_usd_per_mtok", number, required=False),
        Column("cache_write_usd_per_mtok", number, required=False),
        Column("output_usd_per_mtok", number, required=False),
        *_dated(),
        *_PRIVATE,
    ),
    key=("provider", "model", "tier", "negotiated"),
)

CURRENCY = Table(
    "currency",
    (
        Column("currency", currency_code),
        Column("usd_per_unit", positive),
        Column("valid_from", day),
        Column("checked_on", day),
        Column("source", text),
        Column("evidence", _EVIDENCE),
    ),
    key=("currency",),
)

FIGURES = Table(
    "figures",
    (
        Column("figure", text),
        Column("value", number),
        Column("low", number, required=False),
        Column("high", number, required=False),
        Column("unit", text),
        *_dated(),
    ),
    key=("figure",),
    check=_range_in_order,
)

DISCOUNTS = Table(
    "discounts",
    (
        Column("seller", text),
        Column("region", text),
        Column("product", text),
        Column("purchase", one_of(*Purchase, "*")),
        Column("discount", share),
        Column("label", text),
        Column("valid_from", day),
        Column("valid_until", day, required=False),
        Column("checked_on", day),
        Column("source", text),
    ),
    key=("seller", "region", "product", "purchase"),
)

TABLES: tuple[Table, ...] = (
    INSTANCES,
    HARDWARE,
    SERVICES,
    ONPREM,
    ELECTRICITY,
    REGIONS,
    PEOPLE,
    LABELLING,
    COMMITMENTS,
    CONTRACTS,
    TOKEN_OVERRIDES,
    CURRENCY,
    FIGURES,
)
"""What the shipped folder must hold; a user's folder may hold any of them, and ``DISCOUNTS``."""

BY_NAME = {table.name: table for table in (*TABLES, DISCOUNTS)}
