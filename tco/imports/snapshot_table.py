"""Tables of models, one row a snapshot: CSV and XLSX, and the template of one."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tco.errors import Finding, InputError
from tco.imports.snapshot_facts import (
    LIKE_FORMULAS,
    Facts,
    Value,
    kinds_by_key,
    known_key,
    nearest_key,
    value_of,
)

MOST_BYTES = 20_000_000
MOST_UNPACKED_BYTES = 200_000_000
MOST_ROWS = 10_000
Row = tuple[int, list[object]]
"""Line or row number in the file, and its cells: text, or numbers and dates of a spreadsheet."""


def read_table(path: Path) -> list[Facts]:
    """Read a table of snapshots; columns are named as the keys of a snapshot file.

    Raises:
        InputError: With every finding of every row.
    """
    if path.stat().st_size > MOST_BYTES:
        raise _refused(path, None, f"more than {MOST_BYTES:,} bytes", "split it")
    rows = _xlsx_rows(path) if path.suffix.lower() == ".xlsx" else _csv_rows(path)
    number, header = next(rows, (1, []))
    findings: list[Finding] = []
    columns = _columns(header, (str(path), number), findings)
    told = [
        _facts(cells, columns, (str(path), row), findings)
        for row, cells in rows
        if any(not _is_empty(cell) for cell in cells)
    ]
    if not findings and not told:
        findings.append(
            Finding(str(path), number, "", "no row below the header", "add one a model")
        )
    if findings:
        raise InputError(findings)
    return told


def template(told: Sequence[Facts] = (), said: Mapping[str, Value] | None = None) -> str:
    """Write the table to fill in, with what a source already tells and a person said.

    Tokens and quality are given as plain numbers there; ``tokens.input_token_factor.low`` and the
    like are known too.
    """
    ranged = (".low", ".high", ".evidence", ".source")
    plain = [k for k in kinds_by_key() if not (k.startswith("tokens.") and k.endswith(ranged))]
    rows = [{**facts.values, **(said or {})} for facts in told]
    more = sorted({key for row in rows for key in row} - set(plain))
    columns = [*plain, *more]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([key.removesuffix(".likely") for key in columns])
    for row in rows:
        writer.writerow([_cell(row.get(key)) for key in columns])
    return text.getvalue()


def _cell(value: Value | None) -> str:
    if value is None or (isinstance(value, str) and value.lstrip().startswith(LIKE_FORMULAS)):
        return ""  # a spreadsheet must not run what a model's file says
    return str(value).lower() if isinstance(value, bool) else str(value)


def _columns(
    header: Sequence[object], place: tuple[str, int], findings: list[Finding]
) -> list[str | None]:
    names = ["" if _is_empty(cell) else str(cell).strip() for cell in header]
    known = [known_key(name) if name else None for name in names]
    for name, key in zip(names, known, strict=True):
        if name and key is None:
            action = "rename the column or remove it; --template prints all that are known"
            findings.append(Finding(*place, name, "no such column", action, nearest_key(name)))
    keys = [key for key in known if key is not None]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    findings += [Finding(*place, key, "the column comes twice", "keep one") for key in twice]
    if not keys and not findings:
        findings.append(Finding(*place, "", "no header", "begin with what --template prints"))
    return known


def _facts(
    cells: Sequence[object],
    columns: Sequence[str | None],
    place: tuple[str, int],
    findings: list[Finding],
) -> Facts:
    values: dict[str, Value] = {}
    for number, cell in enumerate(cells):
        if _is_empty(cell):
            continue
        key = columns[number] if number < len(columns) else None
        if key is None:
            problem = f"cell {number + 1} stands in no named column"
            findings.append(Finding(*place, "", problem, "name it, or quote text with commas"))
            continue
        try:
            values[key] = value_of(key, _text_of(key, cell))
        except ValueError as error:
            findings.append(Finding(*place, key, str(error), "correct the cell"))
    return Facts(place[0], values, row=place[1])


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _text_of(key: str, cell: object) -> str:
    """Write a spreadsheet's cell as a CSV holds it."""
    kind = kinds_by_key().get(key, "string")
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        if kind in ("string", "date") and key in kinds_by_key():
            raise ValueError(
                f"{cell} is a number cell where text belongs (4.10 would have become 4.1); "
                "format the cell as text"
            )
        return repr(cell)
    if isinstance(cell, datetime) and kind == "date":
        return cell.date().isoformat()
    return str(cell).strip()


def _csv_rows(path: Path) -> Iterator[Row]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path, None, "not UTF-8", "save it as 'CSV UTF-8'") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    before = 0
    try:
        for cells in reader:
            yield before + 1, list(cells)
            before = reader.line_num
    except csv.Error as error:
        problem, action = f"not readable as CSV: {error}", "mend its quotes"
        raise _refused(path, reader.line_num, problem, action) from None


def _xlsx_rows(path: Path) -> Iterator[Row]:
    """Read the first sheet; formulas stay as they were typed, and are refused as text."""
    import openpyxl  # noqa: PLC0415 - only who imports a spreadsheet waits for it

    _refuse_bombs(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of decorations that it does not read
            book = openpyxl.load_workbook(path, read_only=True, data_only=False)
            cells = book.worksheets[0].iter_rows(max_row=MOST_ROWS + 2, values_only=True)
            rows = [list(row) for row in cells]
            book.close()
    except Exception as error:  # a broken book fails in many ways
        raise _no_book(path, error) from None
    if len(rows) > MOST_ROWS + 1:
        raise _refused(path, None, f"more than {MOST_ROWS:,} rows", "split it")
    yield from enumerate(rows, 1)


def _refuse_bombs(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise _no_book(path, error) from None
    if unpacked > MOST_UNPACKED_BYTES:
        raise _refused(path, None, f"unpacks to {unpacked:,} bytes", "save only the table")


def _no_book(path: Path, error: Exception) -> InputError:
    return _refused(path, None, f"not readable as XLSX: {error}", "save it anew, or as CSV")


def _refused(path: Path, row: int | None, problem: str, action: str) -> InputError:
    return InputError([Finding(str(path), row, "", problem, action)])
