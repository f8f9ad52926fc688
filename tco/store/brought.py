"""Files that a person brings into the app: read strictly, for this person's session alone.

Readers take paths, so each file is laid into a folder of its own that is gone afterwards; what they
find names the file as the person called it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from tco.domain.loading import Library
from tco.domain.measured import Measured
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Snapshot
from tco.errors import Finding, InputError, NotFoundError
from tco.imports.snapshot_facts import snapshots_of
from tco.imports.snapshot_table import read_table
from tco.measure.library import Measurements
from tco.measure.measured_files import FOLDER, read_measured
from tco.prices import Catalog
from tco.prices.schema import BY_NAME
from tco.prices.tables import Line, Table, parse_table
from tco.traffic.fit import Fit, fit_log
from tco.traffic.traces import read_log

MOST_BYTES = 5_000_000
MOST_ROWS = 200_000
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class Kind(StrEnum):
    """What a file is."""

    SCENARIO = "scenario"
    PRICES = "price table"
    SNAPSHOTS = "snapshots"
    LOG = "request log"
    MEASUREMENT = "measurement"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was brought."""

    kind: Kind
    name: str
    raw: bytes

    def digest(self) -> str:
        """Return what tells it from every other file."""
        return hashlib.sha256(f"{self.kind} {self.name}\n".encode() + self.raw).hexdigest()

    @property
    def safe_name(self) -> str:
        """Its name without folders and odd characters."""
        return _ODD.sub("-", Path(self.name.replace("\\", "/")).name).lstrip(".") or "file"


def scenario_in(file: File, library: Library) -> Scenario:
    """Read a scenario; what it leaves out comes from the shipped organisation and snapshots."""
    with _laid_down(file, endings=(".yaml", ".yml", ".json")) as path:
        readable = path if path.suffix in {".yaml", ".yml"} else path.with_suffix(".yaml")
        if readable != path:
            path.rename(readable)
        return Library(library.root).load_scenario(readable)


def prices_in(file: File) -> tuple[Table, list[Line]]:
    """Read a price table; the file's name tells which."""
    _check_size(file)
    name = Path(file.safe_name).stem
    if name not in BY_NAME:
        action = "Call the file as the table: " + ", ".join(BY_NAME) + "."
        raise NotFoundError("price table", name, BY_NAME, action)
    return BY_NAME[name], parse_table(BY_NAME[name], file.raw, file=file.name)


def snapshots_in(file: File, library: Library) -> list[Snapshot]:
    """Read one snapshot from YAML, or one a row from CSV."""
    with _laid_down(file, endings=(".yaml", ".yml", ".csv")) as path:
        if path.suffix == ".csv":
            return [imported.snapshot for imported in snapshots_of(read_table(path), {})]
        return [Library(library.root).load_snapshot(path)]


def workload_in(file: File) -> Fit:
    """Read a request log and fit a workload to it."""
    with _laid_down(file, endings=(".csv", ".parquet")) as path:
        log = read_log(path)
        if log.requests.count > MOST_ROWS:
            problem = f"{log.requests.count:,} rows, and {MOST_ROWS:,} are read here"
            action = "fit it with 'tco workload fit' and bring the scenario"
            raise InputError([Finding(file.name, None, "", problem, action)])
        return fit_log(log)


def measurement_in(file: File) -> Measured:
    """Read a measurement."""
    with _laid_down(file, endings=(".json",)) as path:
        return read_measured(path)


def tables_with(
    pricing: Path, benchmarks: Path, overlays: Sequence[Path], files: Sequence[File]
) -> tuple[Catalog, Measurements]:
    """Return prices and measurements with a person's own laid over them.

    Args:
        pricing: Folder of the shipped price tables.
        benchmarks: Folder of the shipped measurements.
        overlays: Folders of this machine's own tables.
        files: Price tables and measurements that were brought; of one name the last counts.
    """
    with TemporaryDirectory() as folder:
        own = Path(folder)
        (own / FOLDER).mkdir()
        for file in files:
            place = own if file.kind is Kind.PRICES else own / FOLDER
            (place / file.safe_name).write_bytes(file.raw)
        return (
            Catalog.load(pricing, overlays=[*overlays, own]),
            Measurements.load(benchmarks, overlays=[*overlays, own]),
        )


def _check_size(file: File) -> None:
    if len(file.raw) > MOST_BYTES:
        problem = f"{len(file.raw):,} bytes"
        action = f"at most {MOST_BYTES:,} are read; use the 'tco' command for larger files"
        raise InputError([Finding(file.name, None, "", problem, action)])


@contextmanager
def _laid_down(file: File, *, endings: Sequence[str]) -> Iterator[Path]:
    """Lay a file into a folder of its own; findings name it as it was brought."""
    _check_size(file)
    with TemporaryDirectory() as folder:
        path = Path(folder) / file.safe_name
        if path.suffix.lower() not in endings:
            problem, action = f"ends in '{path.suffix}'", f"bring one of {', '.join(endings)}"
            raise InputError([Finding(file.name, None, "", problem, action)])
        path.write_bytes(file.raw)
        try:
            yield path
        except InputError as error:
            own = (str(path.parent), str(path.parent.resolve()))
            raise InputError(
                [
                    replace(found, file=file.name) if found.file.startswith(own) else found
                    for found in error.findings
                ]
            ) from None
