"""The tables of ``benchmarks/published/``, read strictly; sweeps become measurements of others."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from tco.domain.measured import (
    Energy,
    EnergyMethod,
    Hardware,
    Kind,
    Measured,
    Phase,
    Point,
    Runtime,
    Spread,
    Subject,
    Unit,
)
from tco.domain.measurement import (
    Architecture,
    ConstantService,
    PublishedBatch,
    PublishedPoint,
    PublishedStep,
)
from tco.domain.record import Record
from tco.errors import Finding, InputError

FOLDER = Path("published")
CONSTANTS = FOLDER / "constant_service.csv"
STEPS = FOLDER / "llm_sweeps.csv"
BATCHES = FOLDER / "batch_sweeps.csv"
ARCHITECTURES = FOLDER / "models.csv"
MOST_ID_LETTERS = 80

Row = TypeVar("Row", bound=Record)


@dataclass(frozen=True, slots=True)
class Published:
    """Everything that the published tables hold."""

    constants: tuple[ConstantService, ...]
    sweeps: tuple[Measured, ...]
    architectures: dict[str, Architecture]
    contents: bytes
    """The bytes of all tables: what a digest rests on."""


def read_published(benchmarks: Path) -> Published:
    """Read the tables of a ``benchmarks/`` folder, or raise ``InputError`` with every finding.

    The operating points must be there; a folder without sweeps has no curves of others.
    """
    findings: list[Finding] = []
    contents = [_bytes_of(benchmarks / CONSTANTS)]
    contents += [
        path.read_bytes() if path.is_file() else b""
        for path in (benchmarks / table for table in (STEPS, BATCHES, ARCHITECTURES))
    ]
    constants = _rows(benchmarks / CONSTANTS, contents[0], ConstantService, findings)
    steps = _rows(benchmarks / STEPS, contents[1], PublishedStep, findings)
    batches = _rows(benchmarks / BATCHES, contents[2], PublishedBatch, findings)
    models = _rows(benchmarks / ARCHITECTURES, contents[3], Architecture, findings)
    findings += _twice(benchmarks / CONSTANTS, [words_of(constant_key(row)) for row in constants])
    findings += _twice(benchmarks / STEPS, [f"{words_of(r.key)}, {r.sequences:g}" for r in steps])
    findings += _twice(
        benchmarks / BATCHES,
        [f"{words_of(r.key)}, size {r.input_size:g}, batch {r.batch}" for r in batches],
    )
    findings += _twice(benchmarks / ARCHITECTURES, [row.snapshot for row in models])
    if findings:
        raise InputError(findings)
    sweeps = [
        *(
            _sweep(rows, Kind.LLM, "server", [_step(row) for row in rows])
            for rows in _by_key(steps)
        ),
        *(
            _sweep(rows, Kind.CLASSIC, rows[0].measured_in, [_batch(row) for row in rows])
            for rows in _by_key(batches)
        ),
    ]
    architectures = {row.snapshot: row for row in models}
    return Published(tuple(constants), tuple(sweeps), architectures, b"\0".join(contents))


def constant_key(row: ConstantService) -> tuple[str, str, int, str, str]:
    """Return the five things by which an operating point is chosen."""
    return (row.snapshot, row.accelerator, row.accelerator_count, row.runtime, row.precision)


def words_of(key: tuple[str, str, int, str, str]) -> str:
    """Write the five things in words."""
    snapshot, accelerator, count, runtime, precision = key
    return f"{snapshot} on {count} x {accelerator} with {runtime}, {precision}"


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        finding = Finding(str(path), None, "", f"cannot be read: {reason}", "restore the table")
        raise InputError([finding]) from None


def _rows(path: Path, raw: bytes, model: type[Row], findings: list[Finding]) -> list[Row]:
    """Read the rows of one table; what is wrong goes to the findings."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        findings.append(Finding(str(path), None, "", "not UTF-8 text", "save it as 'CSV UTF-8'"))
        return []
    rows = []
    for line, cells in enumerate(csv.DictReader(text.splitlines()), start=2):
        try:
            rows.append(model.model_validate({k: None if v == "" else v for k, v in cells.items()}))
        except ValidationError as error:
            findings += [
                Finding(str(path), line, _column(problem), problem["msg"], "correct the cell")
                for problem in error.errors(include_url=False)
            ]
    return rows


def _column(problem: Any) -> str:
    path = (*problem["loc"], *problem.get("ctx", {}).get("path", ()))
    return ".".join(map(str, path))


def _twice(path: Path, names: Sequence[str]) -> list[Finding]:
    return [
        Finding(str(path), None, "", f"{name} comes twice", "keep one of the rows")
        for name, count in Counter(names).items()
        if count > 1
    ]


PointRow = TypeVar("PointRow", bound=PublishedPoint)


def _by_key(rows: Sequence[PointRow]) -> list[list[PointRow]]:
    ordered = sorted(rows, key=lambda row: row.key)
    return [list(found) for _, found in groupby(ordered, key=lambda row: row.key)]


def _sweep(rows: Sequence[PublishedPoint], kind: Kind, where: Any, points: list[Point]) -> Measured:
    """Put the rows of one key together as a measurement of others."""
    first = rows[0]
    letters = re.sub(r"[^a-z0-9.]+", "-", "-".join(map(str, first.key)).lower()).strip("-")
    when = sorted({str(row.as_of) for row in rows if row.as_of is not None})
    source = re.sub(r"\s*max_(num_seqs|bs)=\d+", "", first.source)
    return Measured(
        format="measurement/1",
        id=letters[:MOST_ID_LETTERS],
        kind=kind,
        subject=Subject(snapshot=first.snapshot, source=source, weights="trained"),
        hardware=Hardware(name=first.accelerator, accelerator_count=first.accelerator_count),
        runtime=Runtime(name=first.runtime),
        precision=first.precision,
        measured_in=where,
        evidence=first.evidence,
        source=f"{source} ({', '.join(when) or 'undated'}, checked {first.checked_on})",
        checked_on=first.checked_on,
        points=tuple(points),
    )


def _step(row: PublishedStep) -> Point:
    energy = None
    if row.energy_j_per_output_token is not None and row.energy_scope is not None:
        energy = Energy(
            joules=row.energy_j_per_output_token * row.sequences,
            scope=row.energy_scope,
            method=EnergyMethod.COUNTER,
            evidence=row.evidence,
        )
    return Point(
        phase=Phase.DECODE,
        batch=row.sequences,
        output_tokens=row.output_tokens,
        seconds=Spread(median=row.seconds_per_token),
        throughput_per_s=row.output_tokens_per_s,
        throughput_unit=Unit.TOKENS,
        energy=energy,
    )


def _batch(row: PublishedBatch) -> Point:
    return Point(
        phase=Phase.FORWARD,
        batch=row.batch,
        input_size=int(row.input_size),
        seconds=Spread(mean=row.seconds),
        throughput_per_s=row.throughput_per_s,
        throughput_unit=Unit.ITEMS,
    )
