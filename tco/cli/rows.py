"""Rows of the ledger as a table, CSV or JSON; text cells can never become formulas."""

from __future__ import annotations

import json

import pandas as pd

from tco.export.tables import safe_text

SCREEN_COLUMNS = (
    "month",
    "option",
    "phase",
    "item",
    "kind",
    "cause",
    "quantity",
    "unit",
    "unit_price_usd",
    "cost_usd",
    "evidence",
)


def write(frame: pd.DataFrame, form: str, scenario: str) -> str:
    """Write rows in one of the three forms."""
    shown = frame.copy()
    if "month" in shown:
        shown["month"] = shown["month"].dt.strftime("%Y-%m")
    if form == "json":
        rows = json.loads(shown.to_json(orient="records", double_precision=15))
        return json.dumps({"schema": "tco/ledger/1", "scenario": scenario, "rows": rows}, indent=1)
    if form == "csv":
        return safe_text(shown).to_csv(index=False, lineterminator="\n")
    columns = [name for name in SCREEN_COLUMNS if name in shown.columns]
    if len(shown.columns) < len(SCREEN_COLUMNS):
        columns = [str(name) for name in shown.columns]
    return shown[columns].to_string(
        index=False,
        max_colwidth=48,
        formatters={
            "cost_usd": "{:,.2f}".format,
            "quantity": "{:,.4g}".format,
            "unit_price_usd": "{:,.6g}".format,
        },
    )
