"""Request logs, CSV or Parquet: every row is checked, all that is wrong is said at once.

The one module of the stage that reads files, and the only one that needs pandas.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tco.errors import Finding, InputError, nearest
from tco.traffic.replay import in_order
from tco.traffic.requests import Requests

Array = NDArray[np.float64]
NAMES: dict[str, tuple[str, ...]] = {
    "arrival_s": ("arrival_s", "timestamp", "time", "arrived_at", "created_at", "datetime", "ts"),
    "input_tokens": ("input_tokens", "contexttokens", "prompt_tokens", "num_prefill_tokens"),
    "output_tokens": ("output_tokens", "generatedtokens", "completion_tokens", "num_decode_tokens"),
    "class": ("class", "request_class", "kind"),
}
"""What each column may be called; small and capital letters are alike."""
MOST_FINDINGS = 20
MOST_CLASSES = 50
MOST_TOKENS = 100_000_000
EPOCH_FROM = 1e8
"""Numbers beyond it are seconds since 1970 and not since the start of a log."""
UNITS: tuple[tuple[float, float, str], ...] = (
    (1e17, 1e9, "nanoseconds"),
    (1e14, 1e6, "microseconds"),
    (1e11, 1e3, "milliseconds"),
    (EPOCH_FROM, 1.0, "seconds"),
)
SECONDS = "arrival_s"


@dataclass(frozen=True, slots=True)
class RequestLog:
    """A log that was read."""

    file: str
    sha256: str
    requests: Requests
    rows: NDArray[np.intp]
    """Row of the file, from 0, that each request stands in."""
    origin: datetime | None
    """Moment of time 0, where the log has dates."""
    notes: tuple[str, ...]
    """What was done to it or ignored."""


@dataclass(slots=True)
class _Rows:
    """A table under inspection."""

    file: str
    first_row: int
    word: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def report(self, wrong: NDArray[np.bool_], column: str, values: pd.Series, action: str) -> None:
        """Report each wrong row with what stands there."""
        rows = np.flatnonzero(wrong)
        for row in rows[: MOST_FINDINGS + 1]:
            value = values.iloc[row]
            empty = value is None or value is pd.NaT or value != value  # noqa: PLR0124 - NaN
            shown = "empty" if empty else f"'{str(value)[:40]}'"
            place = f"{self.word} {self.first_row + int(row)}"
            self.findings.append(Finding(self.file, None, place, f"{column} is {shown}", action))

    def stop(self) -> None:
        """Raise if anything was found."""
        if not self.findings:
            return
        shown = self.findings[:MOST_FINDINGS]
        if len(self.findings) > MOST_FINDINGS:
            more = "more rows have problems of these kinds"
            shown.append(Finding(self.file, None, "", more, "mend these first and read it again"))
        raise InputError(shown)


def read_log(path: Path, columns: Mapping[str, str] | None = None) -> RequestLog:
    """Read a request log, or raise ``InputError`` with every problem of every row.

    Rows out of order are sorted by time, ties keep their order; that is said in the notes.

    Args:
        path: CSV (comma, semicolon or tab) or Parquet with a time and, where known, input tokens,
            output tokens and a class. Times are ``arrival_s`` in seconds, or dates; a date without
            a zone is UTC.
        columns: Names of the columns in the file, where they are not usual ones, by
            ``arrival_s``, ``input_tokens``, ``output_tokens``, ``class``.
    """
    file = str(path)
    digest, size = _digest(path)
    if size == 0:
        raise _problem(file, "the file is empty", "give a log with a header and rows")
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    table, unused = (_parquet if is_parquet else _csv)(path, dict(columns or {}))
    rows = _Rows(file, 1 if is_parquet else 2, "row" if is_parquet else "line")
    if table.empty:
        raise _problem(file, "no row below the header", "give a log with at least one request")
    if unused:
        rows.notes.append(f"columns not used: {', '.join(unused)}")
    arrival_s, origin = _times(table["arrival_s"], table.attrs["arrival_s"], rows)
    inputs, outputs = (_tokens(table, name, rows) for name in ("input_tokens", "output_tokens"))
    kind, classes = _classes(table, rows)
    rows.stop()
    early = int(np.sum(np.diff(arrival_s) < 0))
    if early:
        rows.notes.append(
            f"{early:,} of {arrival_s.size:,} rows came before the row above them; "
            "sorted by time, ties keep their order"
        )
    requests = in_order(Requests(arrival_s, inputs, outputs, kind, classes))
    order = np.argsort(arrival_s, kind="stable")
    return RequestLog(file, digest, requests, order, origin, tuple(rows.notes))


def _problem(file: str, problem: str, action: str) -> InputError:
    return InputError([Finding(file, None, "", problem, action)])


def _digest(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return digest, path.stat().st_size
    except OSError as error:
        reason = error.strerror or str(error)
        raise _problem(
            str(path), f"cannot be read: {reason}", "check the path and its rights"
        ) from None


# ---- tables -------------------------------------------------------------------------------------


def _chosen(header: Iterable[str], asked: Mapping[str, str], file: str) -> dict[str, str]:
    """Find the column of each role; the roles asked for by name must be there."""
    names = list(header)
    plain = {name.strip().lower(): name for name in reversed(names)}
    findings, found = [], {}
    for role, usual in NAMES.items():
        if role in asked:
            if asked[role] not in names:
                near = nearest(asked[role], names)
                action = f"name one of {', '.join(names)}"
                findings.append(
                    Finding(file, None, role, f"no column '{asked[role]}'", action, near)
                )
            else:
                found[role] = asked[role]
        else:
            here = [plain[name] for name in usual if name in plain]
            if here:
                found[role] = here[0]
    if not findings and "arrival_s" not in found:
        near = nearest("arrival_s", plain)
        problem = f"no column with times among {', '.join(names) or 'none'}"
        action = (
            f"call it one of {', '.join(NAMES['arrival_s'])}, or name it: --column arrival_s=NAME"
        )
        findings.append(Finding(file, None, "", problem, action, near))
    if findings:
        raise InputError(findings)
    return found


def _named(
    table: pd.DataFrame, chosen: dict[str, str], header: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    roles = {column: role for role, column in chosen.items()}
    renamed = table[list(roles)].rename(columns=roles)
    renamed.attrs["arrival_s"] = chosen["arrival_s"]
    return renamed, [name for name in header if name not in roles]


def _header(path: Path) -> tuple[list[str], str]:
    """Return the names of the columns and the mark between fields."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            mark = max(",;\t", key=first.count)
            header = next(csv.reader([first], delimiter=mark), [])
            below = next(csv.reader(stream, delimiter=mark), [])
    except UnicodeDecodeError:
        raise _problem(str(path), "not UTF-8 text", "save it with UTF-8 encoding") from None
    except csv.Error:
        raise InputError(_uneven_lines(path, mark, len(header))) from None
    if len(below) > len(header):  # pandas would take its first field as a name of the row
        raise InputError(_uneven_lines(path, mark, len(header)))
    return header, mark


def _csv(path: Path, asked: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    file = str(path)
    header, mark = _header(path)
    chosen = _chosen(header, asked, file)
    try:
        table = pd.read_csv(
            path,
            sep=mark,
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
            low_memory=False,
        )
    except UnicodeDecodeError:
        raise _problem(file, "not UTF-8 text", "save it with UTF-8 encoding") from None
    except pd.errors.ParserError:
        raise InputError(_uneven_lines(path, mark, len(header))) from None
    return _named(table, chosen, header)


def _uneven_lines(path: Path, mark: str, fields: int) -> list[Finding]:
    """List the lines with more fields than the header, which the quick reader only counts."""
    action = "quote text that holds the mark between fields"
    findings = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=mark)
            wrong = ((reader.line_num, len(row)) for row in reader if len(row) > fields)
            for line, found in itertools.islice(wrong, MOST_FINDINGS):
                problem = f"{found} fields under a header of {fields}"
                findings.append(Finding(str(path), line, "", problem, action))
    except csv.Error as error:
        findings.append(Finding(str(path), reader.line_num, "", f"no CSV: {error}", action))
    return findings or [Finding(str(path), None, "", "cannot be read as CSV", action)]


def _parquet(path: Path, asked: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    file = str(path)
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:  # pyarrow's errors are ValueErrors
        reason = str(error).splitlines()[0][:120]
        raise _problem(file, f"no Parquet: {reason}", "write it again, or give CSV") from None
    header = [str(name) for name in table.columns]
    return _named(table.set_axis(header, axis=1), _chosen(header, asked, file), header)


# ---- columns ------------------------------------------------------------------------------------


def _numbers(values: pd.Series) -> Array:
    """Return numbers, NaN where there is none."""
    if values.dtype == bool:
        return np.full(len(values), np.nan)
    return np.asarray(pd.to_numeric(values, errors="coerce"), dtype=np.float64)


def _times(values: pd.Series, name: str, rows: _Rows) -> tuple[Array, datetime | None]:
    is_date = pd.api.types.is_datetime64_any_dtype(values)
    if not is_date:
        numbers = _numbers(values)
        # One bad cell makes a column of numbers a column of text; more than half does not.
        if np.isfinite(numbers).mean() > 0.5 or name.strip().lower() == SECONDS:  # noqa: PLR2004
            return _seconds(numbers, values, name, rows)
    # Text with and without a zone, and of any fraction, is read row by row.
    moments = pd.to_datetime(
        values, utc=True, errors="coerce", format=None if is_date else "ISO8601"
    )
    wrong = np.asarray(moments.isna())
    rows.report(wrong, name, values, "write a date and time such as 2026-11-21T10:00:00Z")
    if wrong.any():
        return np.zeros(len(values)), None
    nanoseconds = np.asarray(moments.astype("datetime64[ns, UTC]").astype("int64"))
    first = int(nanoseconds.min())
    origin = datetime.fromtimestamp(first // 10**9, UTC)
    return (nanoseconds - first // 10**9 * 10**9) / 1e9, origin


def _seconds(
    numbers: Array, values: pd.Series, name: str, rows: _Rows
) -> tuple[Array, datetime | None]:
    rows.report(~np.isfinite(numbers), name, values, "write seconds as a plain number")
    rows.report(numbers < 0, name, values, "count seconds from the start of the log")
    largest = float(np.nanmax(numbers, initial=0.0, where=np.isfinite(numbers)))
    if largest < EPOCH_FROM:
        return numbers, None
    per_second, unit = next((per, name) for least, per, name in UNITS if largest >= least)
    first = np.floor(np.nanmin(numbers) / per_second)
    rows.notes.append(f"{name} read as {unit} since 1970")
    if not np.isfinite(first) or first < 0:
        return numbers, None
    return (numbers - first * per_second) / per_second, datetime.fromtimestamp(first, UTC)


def _tokens(table: pd.DataFrame, name: str, rows: _Rows) -> NDArray[np.int64] | None:
    if name not in table:
        return None
    values = table[name]
    numbers = _numbers(values)
    whole = np.isfinite(numbers) & (numbers >= 0) & (numbers <= MOST_TOKENS)
    with np.errstate(invalid="ignore"):
        whole &= numbers == np.floor(numbers)
    rows.report(~whole, name, values, f"write a whole number from 0 to {MOST_TOKENS:,}")
    return np.where(whole, numbers, 0).astype(np.int64)


def _classes(table: pd.DataFrame, rows: _Rows) -> tuple[NDArray[np.int16] | None, tuple[str, ...]]:
    if "class" not in table:
        return None, ()
    values = table["class"]
    rows.report(np.asarray(values.isna()), "class", values, "name a class in every row")
    codes, names = pd.factorize(values.astype(str))
    if len(names) > MOST_CLASSES:
        problem = f"{len(names):,} classes, more than {MOST_CLASSES}"
        rows.findings.append(Finding(rows.file, None, "class", problem, "join small ones"))
    return codes.astype(np.int16), tuple(str(name) for name in names)
