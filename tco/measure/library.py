"""Published and measured operating points, looked up by what they were measured on."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tco.domain.measurement import ConstantService
from tco.errors import Finding, InputError, MissingFigureError, nearest

TABLE = Path("published") / "constant_service.csv"


@dataclass(frozen=True, slots=True)
class Measurements:
    """Every operating point that the planner knows."""

    rows: tuple[ConstantService, ...]
    digest: str

    @classmethod
    def load(cls, folder: Path) -> Measurements:
        """Read the tables of a ``benchmarks/`` folder."""
        path = folder / TABLE
        try:
            raw = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            finding = Finding(str(path), None, "", f"cannot be read: {reason}", "restore the table")
            raise InputError([finding]) from None
        rows, findings = [], []
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            finding = Finding(str(path), None, "", "not UTF-8 text", "save it as 'CSV UTF-8'")
            raise InputError([finding]) from None
        for line, row in enumerate(csv.DictReader(text.splitlines()), start=2):
            try:
                rows.append(
                    ConstantService.model_validate(
                        {key: None if value == "" else value for key, value in row.items()}
                    )
                )
            except ValidationError as error:
                findings += [
                    Finding(
                        str(path),
                        line,
                        ".".join(map(str, problem["loc"])),
                        problem["msg"],
                        "correct the cell",
                    )
                    for problem in error.errors(include_url=False)
                ]
        twice = [key for key, count in Counter(map(_key, rows)).items() if count > 1]
        findings += [
            Finding(str(path), None, "", f"{_words(key)} comes twice", "keep one of the rows")
            for key in twice
        ]
        if findings:
            raise InputError(findings)
        return cls(tuple(rows), hashlib.sha256(raw).hexdigest())

    def constant_service(
        self, snapshot: str, accelerator: str, accelerator_count: int, runtime: str, precision: str
    ) -> ConstantService:
        """Return the point for exactly this snapshot, hardware, count, runtime and precision."""
        asked = (snapshot, accelerator, accelerator_count, runtime, precision)
        for row in self.rows:
            if _key(row) == asked:
                return row
        known = [_words(_key(row)) for row in self.rows]
        same = [_words(_key(row)) for row in self.rows if row.snapshot == snapshot]
        near = "; ".join(same) if same else nearest(_words(asked), known)
        raise MissingFigureError(
            f"no measurement of {_words(asked)}. Near it: {near}. Add a row to "
            f"benchmarks/{TABLE.as_posix()}, or give the deployment a 'service' figure"
        )


def _key(row: ConstantService) -> tuple[str, str, int, str, str]:
    return (row.snapshot, row.accelerator, row.accelerator_count, row.runtime, row.precision)


def _words(key: Iterable[object]) -> str:
    snapshot, accelerator, count, runtime, precision = key
    return f"{snapshot} on {count} x {accelerator} with {runtime}, {precision}"
