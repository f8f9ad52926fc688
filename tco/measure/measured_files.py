"""Measurements as files: one JSON each under ``benchmarks/measurements/``, read strictly."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from tco.data import write_whole
from tco.domain.findings import findings_of
from tco.domain.measured import Measured
from tco.domain.source import Document, read_yaml
from tco.errors import Finding, InputError

FOLDER = "measurements"
FORMAT = "measurement/1"


def measured_files(benchmarks: Path) -> list[Path]:
    """Return the measurement files of a ``benchmarks/`` folder, in the order of their names."""
    return sorted((benchmarks / FOLDER).glob("*.json"))


def read_measured(path: Path) -> Measured:
    """Read one measurement, or raise ``InputError`` with every finding; nothing half-read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refusal(path, None, "", f"cannot be read: {reason}", "name another file") from None
    try:
        data = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _refusal(path, None, "", "not UTF-8 text", "write it again") from None
    except json.JSONDecodeError as error:
        problem = f"not whole JSON: {error.msg}"
        raise _refusal(path, error.lineno, "", problem, "copy the file again") from None
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        problem = f"expected '{FORMAT}', found {json.dumps(found)[:60]}"
        action = "read other tools' results with 'tco measure import'"
        raise _refusal(path, None, "format", problem, action)
    try:
        measured = Measured.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise InputError(findings_of(error, _with_lines(path, data), Measured)) from None
    if measured.id != path.stem:
        problem = f"'{measured.id}' in a file called '{path.name}'"
        raise _refusal(path, None, "id", problem, "call the file by its id")
    return measured


def write_measured(measured: Measured, folder: Path) -> Path:
    """Write a measurement into a folder under its stable name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{measured.id}.json"
    text = measured.model_dump_json(indent=1, exclude_none=True)
    write_whole(path, text.encode() + b"\n")
    return path


def _with_lines(path: Path, data: dict[str, object]) -> Document:
    """Find the lines of a faulty file's keys; JSON is YAML, and only errors pay for the search."""
    try:
        return read_yaml(path)
    except InputError:  # larger or deeper than files of people: without lines then
        return Document(str(path), data, {})


def _refusal(path: Path, line: int | None, key: str, problem: str, action: str) -> InputError:
    return InputError([Finding(str(path), line, key, problem, action)])
