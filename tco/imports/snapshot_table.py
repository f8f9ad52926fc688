"""Snapshots from a table: one row each, for people who keep their candidates in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tco.domain.snapshot import Snapshot
from tco.errors import Finding, InputError, nearest

TEXTS = (
    "id", "name", "version", "task", "architecture", "licence", "source", "openness",
    "precision", "runtime", "approach", "released", "parent",
)  # fmt: skip
NUMBERS = ("parameters", "active_parameters", "size_gb", "memory_gib", "context_tokens")
YES_OR_NO = ("uses_tokens",)
OF_TRAINING = ("approach", "parent")
COLUMNS = (*TEXTS, *NUMBERS, *YES_OR_NO)
REQUIRED = (
    "id", "name", "version", "task", "architecture", "licence", "source", "openness",
    "uses_tokens", "approach",
)  # fmt: skip
WORDS = {"yes": True, "true": True, "no": False, "false": False}


def read_snapshot_table(path: Path) -> list[Snapshot]:
    """Read a CSV of snapshots, or raise ``InputError`` with every problem of every row."""
    file = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeError:
        raise _refusal(file, None, "", "not UTF-8 text", "save it as 'CSV UTF-8'") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = list(reader.fieldnames or ())
    wrong = [name for name in header if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in header]
    if wrong or missing:
        findings = [
            Finding(file, 1, name, "no such column", "correct or remove it", nearest(name, COLUMNS))
            for name in wrong
        ]
        findings += [Finding(file, 1, name, "the column is missing", "add it") for name in missing]
        raise InputError(findings)
    found: list[Snapshot] = []
    findings = []
    for row in reader:
        line = reader.line_num
        if None in row or None in row.values():
            findings.append(Finding(file, line, "", "more or fewer cells than columns", "mend it"))
            continue
        try:
            found.append(Snapshot.model_validate_json(json.dumps(_record(row)), strict=True))
        except ValueError as error:
            findings += _findings(file, line, error)
    ids = [one.id for one in found]
    findings += [
        Finding(file, None, one, "stands in two rows", "keep one")
        for one in dict.fromkeys(ids)
        if ids.count(one) > 1
    ]
    if findings:
        raise InputError(findings)
    if not found:
        raise _refusal(file, 1, "", "no row below the header", "add one row a snapshot")
    return found


def _record(row: Mapping[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {"format": "snapshot/1"}
    training: dict[str, Any] = {}
    for name, cell in row.items():
        text = cell.strip()
        if not text:
            continue
        value: Any = text
        if name in NUMBERS:
            value = _number(name, text)
        elif name in YES_OR_NO:
            if text.lower() not in WORDS:
                raise _CellError(name, f"'{text[:40]}' is neither yes nor no")
            value = WORDS[text.lower()]
        (training if name in OF_TRAINING else record)[name] = value
    record["training"] = training
    return record


class _CellError(ValueError):
    def __init__(self, column: str, problem: str) -> None:
        self.column, self.problem = column, problem
        super().__init__(problem)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _CellError(name, f"'{text[:40]}' is no number") from None
    if not abs(value) < float("inf"):
        raise _CellError(name, f"'{text[:40]}' is no number that a plan can hold")
    return int(value) if value == int(value) else value


def _findings(file: str, line: int, error: ValueError) -> list[Finding]:
    if isinstance(error, _CellError):
        return [Finding(file, line, error.column, error.problem, "correct the cell")]
    if isinstance(error, ValidationError):
        return [
            Finding(file, line, ".".join(map(str, one["loc"])), one["msg"], "correct the cell")
            for one in error.errors()
        ]
    return [Finding(file, line, "", str(error), "correct the row")]


def _refusal(file: str, line: int | None, key: str, problem: str, action: str) -> InputError:
    return InputError([Finding(file, line, key, problem, action)])
