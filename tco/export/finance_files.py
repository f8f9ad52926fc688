"""What finance brings to an export: its accounts and the budget that was approved."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import pandas as pd

from tco.domain.cost import Phase
from tco.errors import Finding, InputError

ACCOUNT_COLUMNS = ("phase", "category", "gl_account", "cost_centre")
APPROVED_COLUMNS = ("month", "approved_usd")
LARGEST_BYTES = 1_000_000
CONTINGENCY = "contingency"

Check = Callable[[dict[str, str]], tuple[str, str] | None]
"""Returns the column that is wrong and what is wrong with it, or None."""


def read_accounts(path: Path) -> pd.DataFrame:
    """Read which account and cost centre each phase, or category of a phase, belongs to."""
    return parse_accounts(_bytes_of(path), str(path))


def read_approved(path: Path) -> dict[pd.Timestamp, float]:
    """Read the budget that was approved, by month [USD]."""
    return parse_approved(_bytes_of(path), str(path))


def parse_accounts(raw: bytes, file: str) -> pd.DataFrame:
    """Read accounts from the content of a file; ``file`` is what errors name."""
    known = [*map(str, Phase), CONTINGENCY]

    def check(row: dict[str, str]) -> tuple[str, str] | None:
        if row["phase"] not in known:
            return "phase", f"'{row['phase']}' is no phase; phases: {', '.join(known)}"
        if not row["gl_account"]:
            return "gl_account", "empty"
        return None

    table = _read(raw, file, ACCOUNT_COLUMNS, check)
    twice = table[table.duplicated(["phase", "category"])]
    if not twice.empty:
        line = int(twice.index[0]) + 2
        raise _wrong(file, line, "category", "this phase and category came before", "keep one row")
    return table


def parse_approved(raw: bytes, file: str) -> dict[pd.Timestamp, float]:
    """Read an approved budget from the content of a file; ``file`` is what errors name."""

    def check(row: dict[str, str]) -> tuple[str, str] | None:
        if pd.isna(pd.to_datetime(f"{row['month']}-01", format="%Y-%m-%d", errors="coerce")):
            return "month", f"'{row['month']}' is no month such as 2027-01"
        try:
            amount = float(row["approved_usd"])
        except ValueError:
            return "approved_usd", f"'{row['approved_usd']}' is no number"
        if not math.isfinite(amount) or amount < 0:
            return "approved_usd", f"{row['approved_usd']} is no amount of money"
        return None

    table = _read(raw, file, APPROVED_COLUMNS, check)
    months = pd.to_datetime(table["month"] + "-01", format="%Y-%m-%d")
    if months.duplicated().any():
        line = int(months[months.duplicated()].index[0]) + 2
        raise _wrong(file, line, "month", "this month came before", "keep one row a month")
    return dict(zip(months, table["approved_usd"].astype(float), strict=True))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise _wrong(str(path), None, "", problem, "name the file") from None


def _read(raw: bytes, file: str, columns: Sequence[str], check: Check) -> pd.DataFrame:
    if len(raw) > LARGEST_BYTES:
        raise _wrong(file, None, "", f"{len(raw):,} bytes", f"at most {LARGEST_BYTES:,} are read")
    try:
        table = pd.read_csv(StringIO(raw.decode("utf-8-sig")), dtype=str, keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise _wrong(file, None, "", "no CSV in UTF-8", "save it as 'CSV UTF-8'") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns))
        raise _wrong(file, 1, missing[0], f"no such column; it has {found}", "add the column")
    findings = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        problem = check({str(name): str(value).strip() for name, value in row.items()})
        if problem is not None:
            findings.append(Finding(file, number, *problem, "correct the cell"))
    if findings:
        raise InputError(findings)
    trimmed: pd.DataFrame = table[list(columns)].apply(lambda column: column.str.strip())
    return trimmed


def _wrong(file: str, line: int | None, key: str, problem: str, action: str) -> InputError:
    return InputError([Finding(file, line, key, problem, action)])
