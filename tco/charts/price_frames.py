"""From the price catalogue to plain tables: every row with its source, date and age."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from tco.prices import Catalog
from tco.prices.audit import OLD_AFTER_DAYS
from tco.prices.schema import BY_NAME

LAST = ("checked_on", "evidence", "source", "note")
"""What a row ends with."""


def price_tables(catalog: Catalog) -> dict[str, int]:
    """Return the tables that hold rows, and how many."""
    return {name: len(rows) for name in BY_NAME if (rows := catalog.rows(name))}


def price_table(catalog: Catalog, name: str, today: date) -> pd.DataFrame:
    """Return the rows of one price table as people read them, without columns that nobody fills.

    Args:
        catalog: The tables.
        name: Which of them.
        today: Day that rows are held against.
    """
    rows = []
    for entry in catalog.rows(name):
        row = dict(entry.values)
        days = (today - row["checked_on"]).days
        is_old = days > OLD_AFTER_DAYS
        ordered = [*(key for key in row if key not in LAST), *LAST]
        rows.append(
            {
                **{key: None if row.get(key) is None else str(row[key]) for key in ordered},
                "age": f"{days} days, check again" if is_old else f"{days} days",
                "whose": entry.label or "shipped",
                "row": f"{Path(entry.file).name}:{entry.line}",
            }
        )
    table = pd.DataFrame(rows)
    return table.dropna(axis="columns", how="all").fillna("")
