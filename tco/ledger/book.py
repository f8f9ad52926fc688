"""The ledger: draw 0 of the cost model as rows, their totals, and the checks they must pass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tco.domain.cost import LEDGER_COLUMN_NAMES, Flow, Kind, draws_power
from tco.domain.experiments import EXPERIMENT_RUNS, TRAINING_RUN, Fate
from tco.domain.record import Evidence, worse
from tco.ledger.expression import Array, evidence_of, sources_of
from tco.ledger.model import CostModel, cost_usd

RELATIVE_TOLERANCE = 1e-9
CAPACITY_KINDS = (Kind.USED, Kind.WASTED, Kind.IDLE, Kind.SHARED)
"""Kinds of rows that buy capacity."""
PHYSICAL = ("energy_kwh", "co2e_kg", "embodied_co2e_kg")
"""Columns that stay empty where nobody knows."""


def ledger(model: CostModel, *, tags: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Write the likely case of every line as rows; a month without quantity has no row."""
    months = pd.to_datetime(list(model.months))
    count = len(model.months)
    columns: dict[str, list[object]] = {name: [] for name in LEDGER_COLUMN_NAMES}
    quantities, prices, costs, keep = [], [], [], []
    physical: dict[str, list[Array]] = {name: [] for name in PHYSICAL}
    unknown = np.full(count, np.nan)
    for valued in model.valued():
        line = valued.line
        quantities.append(valued.quantity[0])
        prices.append(valued.unit_price_usd[0])
        costs.append(valued.cost_usd[0])
        keep.append(valued.quantity[0] != 0)
        for name, values in physical.items():
            known: Array | None = getattr(valued, name)
            values.append(unknown if known is None else known[0])
        quantity_grade, price_grade = evidence_of(line.quantity), evidence_of(line.unit_price_usd)
        fixed: dict[str, object] = {
            "option": line.option,
            "snapshot": line.snapshot,
            "phase": line.phase.value,
            "category": line.category,
            "item": line.item,
            "kind": line.kind.value,
            "cause": line.cause,
            "unit": line.unit,
            "flow": line.flow.value,
            "life_months": line.life_months,
            "nature": line.nature.value,
            "behaviour": line.behaviour.value,
            "payee": line.payee.value,
            "price_ref": sources_of(line.unit_price_usd) or "constant of the arithmetic",
            "quantity_ref": sources_of(line.quantity) or "one a month, by definition",
            "evidence": worse(quantity_grade, price_grade).value,
            "tags": json.dumps(dict(tags or {}), sort_keys=True),
        }
        for name, value in fixed.items():
            columns[name].append(value)
    rows = len(costs)
    data: dict[str, NDArray[Any]] = {
        "month": np.tile(months.to_numpy(), rows),
        "quantity": np.concatenate(quantities) if rows else np.empty(0),
        "unit_price_usd": np.concatenate(prices) if rows else np.empty(0),
        "cost_usd": np.concatenate(costs) if rows else np.empty(0),
    }
    for name, by_line in physical.items():
        data[name] = np.concatenate(by_line) if rows else np.empty(0)
    kept = np.concatenate(keep) if rows else np.empty(0, dtype=bool)
    # What a line says in all its months is read once, and then repeated.
    words = pd.DataFrame({name: entries for name, entries in columns.items() if name not in data})
    words = words.astype({"life_months": "Int64"})
    frame = words.take(np.repeat(np.arange(rows), count)[kept]).reset_index(drop=True)
    figures = pd.DataFrame({name: values[kept] for name, values in data.items()})
    return pd.concat([frame, figures], axis=1)[list(LEDGER_COLUMN_NAMES)]


def total_usd(rows: pd.DataFrame, where: pd.Series | None = None) -> float:
    """Return the nominal cost of all rows, or of those that a condition holds for [USD]."""
    cost_usd = rows["cost_usd"].to_numpy(np.float64)
    return float(cost_usd.sum() if where is None else cost_usd[where.to_numpy(np.bool_)].sum())


def by_word_usd(rows: pd.DataFrame, column: str) -> dict[str, float]:
    """Return the nominal cost under each word of a column [USD]; one that has no row is absent."""
    words = pd.Categorical(rows[column])
    count = len(words.categories)
    sums = np.bincount(words.codes, rows["cost_usd"].to_numpy(np.float64), count)
    has_rows = np.bincount(words.codes, minlength=count) > 0
    return {
        str(word): float(usd)
        for word, usd, is_there in zip(words.categories, sums, has_rows, strict=True)
        if is_there
    }


def totals(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sum cost over some columns, largest first."""
    summed = rows.groupby(list(by), sort=False, dropna=False)["cost_usd"].sum().reset_index()
    return summed.sort_values("cost_usd", ascending=False, kind="stable").reset_index(drop=True)


def monthly_pivot(rows: pd.DataFrame, across: str) -> pd.DataFrame:
    """Return months down, the values of one column across, cost in the cells [USD]."""
    return rows.pivot_table(
        index="month", columns=across, values="cost_usd", aggfunc="sum", fill_value=0.0, sort=False
    ).sort_index()


def line_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a line over all months, the dearest first: what a number is made of."""
    alike = [
        "phase",
        "item",
        "kind",
        "cause",
        "unit",
        "payee",
        "evidence",
        "price_ref",
        "quantity_ref",
    ]
    grouped = rows.groupby(alike, sort=False, dropna=False)
    table = grouped.agg(
        first_month=("month", "min"),
        last_month=("month", "max"),
        quantity=("quantity", "sum"),
        unit_price_from_usd=("unit_price_usd", "min"),
        unit_price_to_usd=("unit_price_usd", "max"),
        cost_usd=("cost_usd", "sum"),
    ).reset_index()
    for name in ("first_month", "last_month"):
        table[name] = table[name].dt.strftime("%Y-%m")
    shown = [
        "phase",
        "item",
        "kind",
        "cause",
        "first_month",
        "last_month",
        "quantity",
        "unit",
        "unit_price_from_usd",
        "unit_price_to_usd",
        "cost_usd",
        "payee",
        "evidence",
        "price_ref",
        "quantity_ref",
    ]
    return table[shown].sort_values("cost_usd", ascending=False, kind="stable", ignore_index=True)


def idle_usd(rows: pd.DataFrame) -> float:
    """Return what was paid for capacity that did not work [USD]: wasted and idle rows."""
    by_kind = by_word_usd(rows, "kind")
    return sum(by_kind.get(kind, 0.0) for kind in (Kind.WASTED, Kind.IDLE))


def capacity_usd(rows: pd.DataFrame) -> float:
    """Return what was paid for capacity of any kind [USD]."""
    by_kind = by_word_usd(rows, "kind")
    return sum(by_kind.get(kind, 0.0) for kind in CAPACITY_KINDS)


def physical_total(rows: pd.DataFrame, column: str) -> float | None:
    """Sum energy [kWh] or carbon [kg]; None where some row that draws power has no figure."""
    values = rows[column].to_numpy(np.float64)
    is_unknown = np.isnan(values)
    if is_unknown.all():
        return None
    kinds, categories = (rows[name].to_numpy()[is_unknown] for name in ("kind", "category"))
    if any(draws_power(*pair) for pair in set(zip(kinds, categories, strict=True))):
        return None
    return float(np.nansum(values))


def experimentation_usd(rows: pd.DataFrame) -> dict[str, float]:
    """Return what became of the money for runs [USD]: the final one against all others, by fate.

    Final: training runs of the plan, and tracked runs that were kept. Machines to develop on, data
    and people are not runs.
    """
    by_cause = by_word_usd(rows[rows["category"] == EXPERIMENT_RUNS], "cause")
    by_fate = {fate.value: by_cause.get(fate.cause, 0.0) for fate in Fate if fate is not Fate.FINAL}
    final = by_word_usd(rows, "category").get(TRAINING_RUN, 0.0)
    return {Fate.FINAL.value: final, **by_fate}


def evidence_shares(rows: pd.DataFrame) -> dict[str, float]:
    """Return the share of cost that rests on each grade of evidence [-], best grade first."""
    whole = total_usd(rows)
    if whole == 0:
        return {}
    by_grade = by_word_usd(rows, "evidence")
    return {grade.value: by_grade[grade] / whole for grade in Evidence if grade in by_grade}


def findings(rows: pd.DataFrame) -> list[str]:
    """Check what must hold of every ledger; return what does not, in words."""
    found: list[str] = []
    if list(rows.columns) != list(LEDGER_COLUMN_NAMES):
        return [f"columns are {list(rows.columns)}, not those of the ledger"]

    def report(wrong: pd.Series, problem: str) -> None:
        if wrong.any():
            row = rows[wrong].iloc[0]
            where = f"{row['option']}, {row['item']}, {row['month']:%Y-%m}"
            found.append(f"{int(wrong.sum())} rows {problem}, first: {where}")

    quantity, price = (rows[name].to_numpy(np.float64) for name in ("quantity", "unit_price_usd"))
    product = pd.Series(cost_usd(quantity, price), index=rows.index)
    scale = np.maximum(product.abs(), 1e-12)
    report((product - rows["cost_usd"]).abs() > RELATIVE_TOLERANCE * scale, "are not q x p")
    for name in ("quantity", "unit_price_usd", "cost_usd"):
        is_finite = np.isfinite(rows[name].to_numpy(dtype=np.float64))
        report(pd.Series(~is_finite, index=rows.index), f"have no finite {name}")
    report(rows["quantity"] < 0, "have a negative quantity")
    credit = rows["flow"] == Flow.CREDIT
    report((rows["cost_usd"] < 0) & ~credit, "are negative and no credit")
    report((rows["cost_usd"] > 0) & credit, "are credits and positive")
    for name in ("price_ref", "quantity_ref", "evidence", "unit", "item"):
        report(rows[name] == "", f"have an empty {name}")
    report(~rows["evidence"].isin(list(Evidence)), "have an unknown grade of evidence")
    is_loss = rows["kind"].isin([Kind.WASTED, Kind.IDLE])
    report(is_loss & (rows["cause"] == ""), "are not busy and name no cause")
    report(~is_loss & (rows["cause"] != ""), "name a cause of waste and are none")
    report((rows["flow"] == Flow.CAPEX) & rows["life_months"].isna(), "are assets without a life")
    whole = total_usd(rows)
    for name in ("option", "phase", "kind", "payee", "month"):
        parts = float(totals(rows, [name])["cost_usd"].sum())
        if abs(parts - whole) > RELATIVE_TOLERANCE * max(abs(whole), 1.0):
            found.append(f"totals by {name} add to {parts}, the rows to {whole}")
    return found
