"""Tables for finance: text that stays text, fiscal years, and budgets by month, long and wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from tco.domain.cost import Flow
from tco.errors import TcoError, nearest
from tco.export.facts import facts_of
from tco.ledger.finance import by_month_usd
from tco.plan import Evaluation

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001
MONTHS_A_QUARTER, MONTHS_A_YEAR = 3, 12
LINE = ["phase", "category", "item", "kind", "cause", "flow", "nature", "behaviour", "payee"]
"""What tells one line of a budget from another."""
ACCOUNTS = ["gl_account", "cost_centre"]
FACTS = ["prices_of", "scenario_digest", "product", "note"]
"""What each row says of the file that it came in."""
CONTINGENCY = "contingency"


def safe_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before text that a spreadsheet would read as a formula."""

    def guard(value: object) -> object:
        if isinstance(value, str) and value.lstrip(" \ufeff").startswith(FORMULA_STARTS):
            return f"'{value}"
        return value

    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{str(name): frame[name].map(guard) for name in texts})


def with_fiscal_year(frame: pd.DataFrame, start_month: int) -> pd.DataFrame:
    """Add the fiscal year of each row, named by the calendar year in which it ends."""
    month = frame["month"].dt
    later = (month.month >= start_month) & (start_month > 1)
    return frame.assign(fiscal_year=month.year + later.astype(int))


def with_fiscal_quarter(frame: pd.DataFrame, start_month: int) -> pd.DataFrame:
    """Add the fiscal quarter of each row, such as ``FY2027 Q3``."""
    dated = with_fiscal_year(frame, start_month)
    since = (dated["month"].dt.month - start_month) % MONTHS_A_YEAR
    quarter = since // MONTHS_A_QUARTER + 1
    names = "FY" + dated["fiscal_year"].astype(str) + " Q" + quarter.astype(str)
    return dated.assign(fiscal_quarter=names)


@dataclass(frozen=True, slots=True)
class BudgetRequest:
    """How a budget is written."""

    options: Sequence[str]
    label: str = "forecast"
    level: str = "likely"
    level_usd: Mapping[str, float] = field(default_factory=dict)
    """The total of each option at a level above the likely one, such as P80 [USD]."""
    accounts: pd.DataFrame | None = None
    """Columns phase, category (empty: all of the phase), gl_account, cost_centre."""
    approved_usd: Mapping[pd.Timestamp, float] | None = None
    """The budget that was approved, by month [USD]."""


def budget_rows(found: Evaluation, request: BudgetRequest) -> pd.DataFrame:
    """Return one row a month and line of cost, on the evaluation's basis.

    At a level above the likely one a contingency line makes the months add up to that percentile of
    the total: months drawn at their own percentiles would not.
    """
    parts = []
    for option in request.options:
        rows = found.ledger[found.ledger["option"] == option]
        if rows.empty:
            known = list(dict.fromkeys(found.ledger["option"]))
            raise TcoError(f"no priced option '{option}'. Near it: {nearest(option, known)}")
        lines = _lines_by_month(found, rows)
        parts.append(_with_contingency(lines, option, request))
    table = pd.concat(parts, ignore_index=True)
    start = found.scenario.organisation.fiscal_year_start_month
    table = with_fiscal_quarter(table, start)
    table = _with_accounts(table, request.accounts)
    table["approved_month_usd"] = (
        np.nan if request.approved_usd is None else table["month"].map(request.approved_usd)
    )
    table["version"] = request.label
    table["level"] = request.level
    table["currency"] = "USD"
    table["basis"] = str(found.settings.basis)
    facts = facts_of(found)
    table["scenario"] = facts["Use case and scenario"]
    table["scenario_digest"] = facts["Scenario digest"]
    table["prices_of"] = facts["Prices of"]
    table["product"] = facts["Product"]
    table["note"] = facts["What this is"]
    columns = [
            "version", "level", "scenario", "option", "month", "fiscal_year", "fiscal_quarter",
            *ACCOUNTS, *LINE, "amount_usd", "approved_month_usd", "currency", "basis", "evidence",
            *FACTS,
    ]  # fmt: skip
    return table.reindex(columns=columns)


def budget_wide(table: pd.DataFrame) -> pd.DataFrame:
    """Lay months across, each fiscal quarter and year followed by its total, with a last row."""
    keys = ["version", "level", "scenario", "option", *ACCOUNTS, *LINE, "currency", "basis", *FACTS]
    named = table.assign(column=table["month"].dt.strftime("%Y-%m"))
    wide = named.pivot_table(
        index=keys, columns="column", values="amount_usd", aggfunc="sum", fill_value=0.0,
        sort=False, dropna=False, observed=True,
    )  # fmt: skip
    calendar = named[["column", "fiscal_quarter", "fiscal_year"]].drop_duplicates()
    calendar = calendar.sort_values("column")
    laid: dict[str, pd.Series] = {}
    for year, months in calendar.groupby("fiscal_year", sort=True):
        for quarter, inside in months.groupby("fiscal_quarter", sort=True):
            for column in inside["column"]:
                laid[str(column)] = wide[column]
            laid[str(quarter)] = wide[list(inside["column"])].sum(axis=1)
        laid[f"FY{year}"] = wide[list(months["column"])].sum(axis=1)
    laid["total"] = wide.sum(axis=1)
    result = pd.DataFrame(laid).reset_index()
    last = dict.fromkeys(keys, "") | {"item": "total"} | result[list(laid)].sum().to_dict()
    return pd.concat([result, pd.DataFrame([last])], ignore_index=True)


def as_csv(frame: pd.DataFrame, *, style: Literal["comma", "semicolon"] = "comma") -> bytes:
    """Write a table as spreadsheets of either habit open it: UTF-8 with a mark, numbers in full."""
    shown = frame.copy()
    for name in shown.columns:
        if pd.api.types.is_datetime64_any_dtype(shown[name]):
            shown[name] = shown[name].dt.strftime("%Y-%m-%d")
    separator, decimal = (";", ",") if style == "semicolon" else (",", ".")
    text = safe_text(shown).to_csv(
        index=False, sep=separator, decimal=decimal, lineterminator="\r\n"
    )
    return text.encode("utf-8-sig")


def _lines_by_month(found: Evaluation, rows: pd.DataFrame) -> pd.DataFrame:
    """Return each line's cost by month on the basis; a month without cost has no row."""
    months = pd.to_datetime(list(found.model.months))
    rate = found.scenario.organisation.discount_rate_per_year.likely
    parts = []
    for key, own in rows.groupby(LINE, sort=False, dropna=False):
        amounts = by_month_usd(own, found.model.months, found.settings.basis, rate)
        part = pd.DataFrame({"month": months, "amount_usd": amounts})[amounts != 0]
        words = dict(zip(LINE, key, strict=True))
        parts.append(part.assign(**words, evidence=own["evidence"].iloc[0]))
    lines: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return lines


def _with_contingency(lines: pd.DataFrame, option: str, request: BudgetRequest) -> pd.DataFrame:
    lines = lines.assign(option=option)
    level = request.level_usd.get(option)
    if level is None:
        return lines
    likely = lines.groupby("month", sort=True)["amount_usd"].sum()
    more = level - float(likely.sum())
    words = dict.fromkeys(LINE, "") | {
        "phase": CONTINGENCY,
        "category": CONTINGENCY,
        "item": f"contingency up to {request.level} of the total",
        "kind": "none",
        "flow": str(Flow.OPEX),
    }
    part = pd.DataFrame(
        {"month": likely.index, "amount_usd": more * likely.to_numpy() / float(likely.sum())}
    )
    return pd.concat(
        [lines, part.assign(**words, option=option, evidence="estimated")], ignore_index=True
    )


def _with_accounts(table: pd.DataFrame, accounts: pd.DataFrame | None) -> pd.DataFrame:
    """Attach account and cost centre; the row that names the category goes before the phase's."""
    if accounts is None:
        return table.assign(gl_account="", cost_centre="")
    filled = accounts.fillna("").astype(str)
    exact = filled.set_index(["phase", "category"])
    found: dict[str, list[str]] = {name: [] for name in ACCOUNTS}
    for phase, category in zip(table["phase"], table["category"], strict=True):
        for key in ((phase, category), (phase, "")):
            if key in exact.index:
                for name in ACCOUNTS:
                    found[name].append(str(exact.loc[key, name]))
                break
        else:
            for name in ACCOUNTS:
                found[name].append("")
    return table.assign(**found)
