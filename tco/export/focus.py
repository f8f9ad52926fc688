"""A forecast in the shape of FOCUS 1.2: billed is cash, effective is amortised; never a bill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tco.domain.cost import COMMITMENT, Flow, Payee
from tco.export.facts import facts_of
from tco.export.tables import safe_text
from tco.ledger.finance import spread_over_life_usd
from tco.plan import Evaluation

MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory",
    "ServiceName",
)  # fmt: skip
"""The 21 columns that version 1.2 asks of every file."""
AMOUNTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "PricingQuantity")
SERVICE_CATEGORIES = {
    "tokens": "AI and Machine Learning",
    "compute": "Compute",
    COMMITMENT: "Compute",
    "storage": "Storage",
    "monitoring": "Management and Governance",
    "energy": "Other",
    "people": "Other",
}
"""By category of the ledger; a service belongs to one category only. The rest is Other."""
UNITS = {
    "instance-hour": "Hours",
    "person-hour": "Hours",
    "device-hour": "Hours",
    "Mtok": "1000000 Tokens",
    "GB-month": "GB-Months",
}


def focus_rows(found: Evaluation, options: Sequence[str]) -> pd.DataFrame:
    """Return the forecast of some options, a row a month and line, and one a month of an asset."""
    rows = found.ledger[found.ledger["option"].isin(list(options))].reset_index(drop=True)
    months = pd.to_datetime(list(found.model.months))
    is_asset = rows["life_months"].notna()
    running = rows[~is_asset]
    charges = [running.assign(billed=running["cost_usd"], effective=running["cost_usd"])]
    for _, row in rows[is_asset].iterrows():
        charges.append(_asset(row, months))
    table = pd.concat(charges, ignore_index=True)
    return _in_columns(found, table)


def _asset(row: pd.Series, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return what is paid for an asset, and its share of each month afterwards."""
    paid = np.zeros((1, len(months)))
    paid[0, months.get_loc(row["month"])] = row["cost_usd"]
    spread = spread_over_life_usd(paid, int(row["life_months"]))[0]
    purchase = pd.DataFrame([row]).assign(billed=row["cost_usd"], effective=0.0, is_purchase=True)
    used = pd.DataFrame([row] * len(months)).assign(month=months, billed=0.0, effective=spread)
    charges: pd.DataFrame = pd.concat([purchase, used[spread != 0]], ignore_index=True)
    return charges


def _in_columns(found: Evaluation, table: pd.DataFrame) -> pd.DataFrame:
    facts, organisation = facts_of(found), found.scenario.organisation
    start = table["month"]
    end = start + pd.offsets.MonthBegin(1)
    issuer = table["payee"].where(table["payee"] != Payee.PAYROLL, organisation.name)
    purchase = table.get("is_purchase", pd.Series(index=table.index, dtype=object)).eq(other=True)
    is_credit = table["flow"] == Flow.CREDIT
    category = np.where(is_credit, "Credit", np.where(purchase, "Purchase", "Usage"))
    unused = table["cause"].eq("unused commitment")
    settled = table["category"].eq(COMMITMENT)
    columns = {
        "BilledCost": table["billed"],
        "BillingAccountId": "forecast",
        "BillingAccountName": organisation.name,
        "BillingCurrency": "USD",
        "BillingPeriodEnd": end,
        "BillingPeriodStart": start,
        "ChargeCategory": category,
        "ChargeClass": None,
        "ChargeDescription": table["item"],
        "ChargePeriodEnd": end,
        "ChargePeriodStart": start,
        "ContractedCost": table["billed"],
        "EffectiveCost": table["effective"],
        "InvoiceIssuerName": issuer,
        "ListCost": table["billed"],
        "PricingQuantity": table["quantity"],
        "PricingUnit": table["unit"].map(lambda unit: UNITS.get(unit, unit)),
        "ProviderName": issuer,
        "PublisherName": issuer,
        "ServiceCategory": table["category"].map(
            lambda name: SERVICE_CATEGORIES.get(name, "Other")
        ),
        "ServiceName": table["category"].str.capitalize(),
        "ChargeFrequency": np.where(table["nature"] == "one-off", "One-Time", "Usage-Based"),
        "CommitmentDiscountStatus": (unused | settled).map({True: "Unused", False: None}),
        "Tags": table["tags"],
        "x_RecordType": "Forecast",
        "x_Scenario": facts["Use case and scenario"],
        "x_ScenarioDigest": facts["Scenario digest"],
        "x_Option": table["option"],
        "x_Snapshot": table["snapshot"],
        "x_Percentile": "likely",
        "x_CostDriver": table["category"],
        "x_Phase": table["phase"],
        "x_Kind": table["kind"],
        "x_Cause": table["cause"],
        "x_Evidence": table["evidence"],
        "x_PriceRef": table["price_ref"],
        "x_PriceDate": facts["Prices of"],
        "x_Basis": "BilledCost is cash, EffectiveCost is accrual",
        "x_EnergyKwh": table["energy_kwh"],
        "x_Co2eKg": table["co2e_kg"],
        "x_Product": facts["Product"],
        "x_Note": facts["What this is"],
    }
    return pd.DataFrame(columns, index=table.index)


def as_focus_csv(table: pd.DataFrame) -> bytes:
    """Write the forecast: UTC time stamps, amounts with decimals, no mark of the encoding."""
    shown = table.copy()
    for name in AMOUNTS:
        shown[name] = shown[name].map(lambda amount: f"{amount:.12f}")
    for name in shown.columns:
        if pd.api.types.is_datetime64_any_dtype(shown[name]):
            shown[name] = shown[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    texts = [name for name in shown.columns if name not in AMOUNTS]
    shown[texts] = safe_text(shown[texts])
    return bytes(shown.to_csv(index=False, lineterminator="\n").encode())
