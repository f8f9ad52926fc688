"""Rows of the ledger as a table, CSV or JSON; text cells can never become formulas."""

from __future__ import annotations

import json

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001
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


def with_fiscal_year(frame: pd.DataFrame, start_month: int) -> pd.DataFrame:
    """Add the fiscal year of each row, named by the calendar year in which it ends."""
    month = frame["month"].dt
    later = (month.month >= start_month) & (start_month > 1)
    return frame.assign(fiscal_year=month.year + later.astype(int))


def write(frame: pd.DataFrame, form: str, scenario: str) -> str:
    """Write rows in one of the three forms."""
    shown = frame.copy()
    if "month" in shown:
        shown["month"] = shown["month"].dt.strftime("%Y-%m")
    if form == "json":
        rows = json.loads(shown.to_json(orient="records", double_precision=15))
        return json.dumps({"schema": "tco/ledger/1", "scenario": scenario, "rows": rows}, indent=1)
    if form == "csv":
        return _guarded(shown).to_csv(index=False, lineterminator="\n")
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


def _guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before text that a spreadsheet would read as a formula."""

    def guard(value: object) -> object:
        if isinstance(value, str) and value.lstrip(" \ufeff").startswith(FORMULA_STARTS):
            return f"'{value}"
        return value

    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{str(name): frame[name].map(guard) for name in texts})
