"""CSV tables that people edit, read strictly: every problem is named with its row, all at once.

A cell is text until its column's reader has accepted it. Nothing is guessed: ``1,234`` and ``$5``
are refused rather than interpreted, and an empty cell is absent, never 0.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tco.errors import Finding, InputError, nearest

LARGEST_TABLE_BYTES = 5_000_000
LARGEST_NUMBER = Decimal("1e12")
LONGEST_CELL = 2000
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FORMULA_STARTS = ("=", "+", "@", "\t", "-")
_WRITE_PLAIN = "write a plain number such as 1234.5"

Row = Mapping[str, Any]
Reader = Callable[[str], Any]
Check = Callable[[Row], tuple[str, str, str] | None]
"""Looks at a whole row; returns the column, the problem and what to do, or None."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its reader, and whether a row may leave it empty or a file leave it out."""

    name: str
    read: Reader
    required: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """The shape of one file: its columns and what makes two rows the same price."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    check: Check | None = None

    @property
    def file_name(self) -> str:
        """Name of the file that holds the table."""
        return f"{self.name}.csv"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order in which they are written."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class Line:
    """One accepted row with the number of its line in the file."""

    number: int
    values: Row


@dataclass(slots=True)
class Findings:
    """Collects problems of one file."""

    file: str
    found: list[Finding] = field(default_factory=list)

    def add(
        self, line: int | None, key: str, problem: str, action: str, near: str | None = None
    ) -> None:
        """Note one problem."""
        self.found.append(Finding(self.file, line, key, problem, action, near))

    def raise_if_any(self) -> None:
        """Raise all that was noted, at once."""
        if self.found:
            raise InputError(self.found)


class CellError(ValueError):
    """A cell that its column's reader refuses: the problem, and what to write instead."""

    def __init__(self, problem: str, action: str, near: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.action = action
        self.near = near


def text(cell: str) -> str:
    """Accept text that no spreadsheet would run as a formula."""
    if cell.startswith(_FORMULA_STARTS):
        raise CellError(
            f"'{cell[:40]}' would run as a formula", "begin the cell with a letter or digit"
        )
    if len(cell) > LONGEST_CELL:
        raise CellError(f"{len(cell)} characters", f"keep it under {LONGEST_CELL}")
    if not cell.isprintable():
        raise CellError("holds a control character", "keep the text on one line")
    return cell


def number(cell: str) -> Decimal:
    """Accept a finite decimal number that is not below 0."""
    if not _NUMBER.fullmatch(cell):
        raise CellError(*_why_not_a_number(cell))
    value = Decimal(cell)
    if value >= LARGEST_NUMBER:
        raise CellError(f"'{cell}' is beyond any price", f"write a number below {LARGEST_NUMBER}")
    if value < 0:
        raise CellError(f"'{cell}' is negative", "prices and quantities are 0 or more")
    return value


def _why_not_a_number(cell: str) -> tuple[str, str]:
    if re.search(r"[$€£¥]|\b(USD|EUR|GBP)\b", cell):
        return (
            f"'{cell[:40]}' carries a currency",
            f"{_WRITE_PLAIN}; the currency has its own column",
        )
    if re.fullmatch(r"-?\d{1,3}([,' \u00a0\u202f_]\d{3})+([.,]\d+)?", cell):
        return f"'{cell[:40]}' has thousands separators", _WRITE_PLAIN
    if re.fullmatch(r"-?\d+,\d+", cell):
        return f"'{cell[:40]}' has a decimal comma", _WRITE_PLAIN
    if cell.startswith(_FORMULA_STARTS):
        return f"'{cell[:40]}' looks like a formula", _WRITE_PLAIN
    return f"'{cell[:40]}' is not a number", _WRITE_PLAIN


def positive(cell: str) -> Decimal:
    """Accept a number above 0: where 0 would mean 'unknown' the cell stays empty."""
    value = number(cell)
    if value == 0:
        raise CellError("the figure is 0", "leave the row out if it is unknown")
    return value


def share(cell: str) -> Decimal:
    """Accept a fraction from 0 to 1."""
    value = number(cell)
    if value > 1:
        raise CellError(f"'{cell}' is above 1", "write a fraction, 0.25 for 25 %")
    return value


def whole(cell: str) -> int:
    """Accept a whole number, 0 or more."""
    value = number(cell)
    if value != value.to_integral_value():
        raise CellError(f"'{cell}' is not whole", "write a whole number")
    return int(value)


def day(cell: str) -> date:
    """Accept a date as year-month-day."""
    if not _DATE.fullmatch(cell):
        raise CellError(f"'{cell[:40]}' is not a date", "write it as 2026-07-20")
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise CellError(f"'{cell}' is not a day of the calendar", "correct the date") from None


def yes(cell: str) -> bool:
    """Accept ``yes`` or ``no``."""
    return bool(one_of("yes", "no")(cell) == "yes")


def one_of(*allowed: str) -> Reader:
    """Build a reader that accepts one of a few words."""

    def read(cell: str) -> str:
        if cell not in allowed:
            raise CellError(
                f"'{cell[:40]}' is unknown",
                f"write one of {', '.join(allowed)}",
                nearest(cell, allowed),
            )
        return cell

    return read


def currency_code(cell: str) -> str:
    """Accept three capital letters."""
    if not re.fullmatch("[A-Z]{3}", cell):
        raise CellError(f"'{cell[:40]}' is not a currency", "write its three letters, such as USD")
    return cell


def read_table(table: Table, path: Path) -> list[Line]:
    """Read and check one file.

    Raises:
        InputError: With one finding for each problem in the file.
    """
    return parse_table(table, path.read_bytes(), file=str(path))


def parse_table(table: Table, content: bytes, *, file: str) -> list[Line]:
    """Check the bytes of one table; ``file`` is how messages name it.

    Raises:
        InputError: With one finding for each problem in the file.
    """
    findings = Findings(file)
    lines = list(_accepted_lines(table, _decoded(content, findings), findings))
    _find_duplicates(table, lines, findings)
    findings.raise_if_any()
    return lines


def _decoded(content: bytes, findings: Findings) -> str:
    if len(content) > LARGEST_TABLE_BYTES:
        findings.add(
            None, "", f"the file has {len(content):,} bytes",
            f"split it: a table may have {LARGEST_TABLE_BYTES:,} bytes",
        )  # fmt: skip
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:200]:
        findings.add(None, "", "the file is UTF-16", "save it as 'CSV UTF-8'")
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            findings.add(line, "", "the file is not UTF-8", "save it as 'CSV UTF-8'")
    findings.raise_if_any()
    raise AssertionError("unreachable")  # pragma: no cover


def _accepted_lines(table: Table, content: str, findings: Findings) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    rows = _numbered(reader, findings)
    _, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    if not _header_fits(table, header, findings):
        return
    columns = {column.name: column for column in table.columns}
    order = [columns[name] for name in header]
    absent = {name: None for name in columns if name not in header}
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(order):
            findings.add(
                line, "", f"{len(cells)} cells where the header has {len(order)}",
                "put text that holds a comma in double quotes",
            )  # fmt: skip
            continue
        values = _accepted_cells(line, order, cells, findings)
        if values is not None:
            accepted = Line(line, absent | values)
            _check_row(table, accepted, findings)
            yield accepted


def _numbered(reader: Any, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    while True:
        first_line = reader.line_num + 1
        try:
            yield first_line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.add(
                first_line, "", f"not readable as CSV ({error})", "close its double quotes"
            )
            return


def _header_fits(table: Table, header: list[str], findings: Findings) -> bool:
    known = table.column_names
    for name in header:
        if name not in known:
            findings.add(1, name, "unknown column", "rename or remove it", nearest(name, known))
    for name in sorted({name for name in header if header.count(name) > 1}):
        findings.add(1, name, "the column comes twice", "remove one")
    for column in table.columns:
        if column.required and column.name not in header:
            findings.add(1, column.name, "the column is missing", "add it")
    return not findings.found


def _accepted_cells(
    line: int, order: list[Column], cells: list[str], findings: Findings
) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    for column, raw in zip(order, cells, strict=True):
        cell = raw.strip()
        if not cell:
            if column.required:
                findings.add(line, column.name, "the cell is empty", "fill it in or remove the row")
            values[column.name] = None
            continue
        try:
            values[column.name] = column.read(cell)
        except CellError as error:
            findings.add(line, column.name, error.problem, error.action, error.near)
            values[column.name] = None
            continue
    return None if findings.found and findings.found[-1].line == line else values


def _check_row(table: Table, line: Line, findings: Findings) -> None:
    complaint = table.check(line.values) if table.check else None
    if complaint is not None:
        findings.add(line.number, *complaint)


def _find_duplicates(table: Table, lines: list[Line], findings: Findings) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for line in lines:
        key = (*(line.values[name] or None for name in table.key), in_force_from(line.values))
        if key in seen:
            findings.add(
                line.number, ", ".join(table.key),
                f"same thing and same date as line {seen[key]}",
                "a changed price is a new row with a later date",
            )  # fmt: skip
        else:
            seen[key] = line.number


def in_force_from(values: Row) -> date | None:
    """Return the day from which a row counts: ``valid_from``, else when it was first observed."""
    start: date | None = values.get("valid_from") or values.get("checked_on")
    return start
