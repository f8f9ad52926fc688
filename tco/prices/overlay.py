"""Writing a user's own rows, checked first and in one step; shipped tables are never touched."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tco.data import write_whole
from tco.errors import TcoError
from tco.prices.book import Book
from tco.prices.catalog import Catalog
from tco.prices.tables import Row, Table, in_force_from, parse_table

PRICE_COLUMNS = ("price", "hourly_price", "upfront_price")
NewRow = Mapping[str, str]
"""Cells as text, by column; a column that is not there stays empty."""


@dataclass(frozen=True, slots=True)
class Change:
    """A price as it is in the tables and as it was just read."""

    sku: str
    old: Decimal | None
    """None = the tables have no such price."""
    new: Decimal
    row: NewRow

    @property
    def share(self) -> float | None:
        """How much it moved, 0.1 = 10 % dearer; None where there was no price."""
        return None if not self.old else float(self.new / self.old) - 1.0


def compare(catalog: Catalog, table: Table, rows: Sequence[NewRow]) -> tuple[Change, ...]:
    """Hold rows just read against the list prices in force, without writing anything."""
    key = tuple(name for name in table.key if name != "negotiated")
    book = Book(table, key)
    book.add(entry for entry in catalog.rows(table.name) if not entry.negotiated)
    changes = []
    for row in rows:
        identity = tuple(row.get(name, "") for name in key)
        known = book.entries.get(identity)
        old = _price_of(known[-1].values) if known else None
        new = _price_of({name: Decimal(row[name]) for name in PRICE_COLUMNS if row.get(name)})
        assert new is not None, "a row without a price is not offered as one"
        changes.append(Change("/".join(filter(None, identity)), old, new, row))
    return tuple(changes)


def _price_of(row: Row) -> Decimal | None:
    """Return what a row costs; of a commitment the hour, or what is paid upfront if only that."""
    prices: list[Decimal] = [row[name] for name in PRICE_COLUMNS if row.get(name) is not None]
    return next((price for price in prices if price), prices[0] if prices else None)


def add_rows(folder: Path, table: Table, rows: Sequence[NewRow]) -> Path:
    """Add dated rows to a user's own table; a row of the same thing and day is replaced.

    Raises:
        InputError: If the rows are not valid; the file stays as it was.
        TcoError: If the folder cannot be written.
    """
    path = folder / table.file_name
    kept = [] if not path.exists() else _cells(table, path)
    new = {_identity(table, row) for row in rows}
    merged = [*(row for row in kept if _identity(table, row) not in new), *rows]
    return replace_table(folder, table, _as_csv(table, merged))


def replace_table(folder: Path, table: Table, content: bytes) -> Path:
    """Put a whole table, such as an upload, in place of a user's own; only if it is valid.

    Raises:
        InputError: With every problem of the new table; the old one stays in force.
        TcoError: If the folder cannot be written.
    """
    path = folder / table.file_name
    parse_table(table, content, file=str(path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TcoError(
            f"{folder} cannot be made: {error.strerror}. Name another with TCO_OVERLAY."
        ) from None
    write_whole(path, content)
    return path


def _cells(table: Table, path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    parse_table(table, content, file=str(path))
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def _identity(table: Table, row: NewRow) -> tuple[Any, ...]:
    dates = {name: row.get(name, "") for name in ("valid_from", "checked_on")}
    start: date | None = in_force_from(
        {name: date.fromisoformat(day) for name, day in dates.items() if day}
    )
    return (*(row.get(name) or None for name in table.key), start)


def _as_csv(table: Table, rows: Sequence[NewRow]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, table.column_names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
