"""Results of a sweep as a table: its columns, its manifest, and reading both strictly."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, JsonValue, ValidationError, model_validator

from tco.domain.cost import Basis
from tco.domain.record import Identifier, Record, Text, wrong_at
from tco.domain.sweep import CELL_COLUMNS, OPTION_COLUMNS
from tco.errors import TcoError
from tco.sweep.cells import Cell, Level

MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 20_000_000
MOST_READ_ROWS = 20_000_000
"""Rows that are read into memory."""
MOST_UNPACKED_BYTES = 10_000_000_000
"""What one file may come to in memory."""
BATCH_ROWS = 65_536
IN_PARQUET = b"tco_sweep"
"""Under which a file of its own carries the manifest."""
WORDS = {"option", "snapshots", "kind", "openness", "size_class", "place", "reasons"}
ANSWERED, REFUSED = "answered", "refused"
_PART = r"rows/scenario=[a-z0-9._%-]{1,200}/part-[0-9]{6,9}\.parquet"


class AxisColumn(Record):
    """A column that says where an axis stands."""

    name: Identifier
    title: Text
    type: Literal["number", "text"]
    scale: Literal["linear", "logarithmic"] = "linear"


class Part(Record):
    """One file of rows."""

    path: Annotated[str, Field(pattern=f"^{_PART}$")]
    scenario: Text
    rows: Annotated[int, Field(ge=1)]
    cells: Annotated[int, Field(ge=1)]


class Work(Record):
    """What the cells took, as the workers saw it."""

    cells: int = 0
    cells_s: float = 0.0
    """Seconds of work on cells that were answered or refused, simulations included."""
    simulations: int = 0
    """How many were worked out; results found on disk are none."""


class Manifest(Record):
    """What a folder of results holds."""

    format: Literal["sweep-results/1"]
    name: Identifier
    title: Text
    question: Text
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of the cells and all that they rest on."""
    basis: Basis
    fidelity: Literal["quick", "full"]
    is_full_grid: bool
    """Whether it is every combination of the levels of its axes."""
    replications: int
    axes: tuple[AxisColumn, ...]
    cells: int
    done: int = 0
    refused: int = 0
    parts: tuple[Part, ...] = ()
    work: Work = Work()
    rests_on: dict[str, JsonValue]
    sweep: dict[str, JsonValue]
    """The sweep file as it was read."""

    @model_validator(mode="after")
    def _names_its_axes(self) -> Self:
        names = [axis.name for axis in self.axes]
        for name in names:
            if name in {*CELL_COLUMNS, *OPTION_COLUMNS}:
                raise wrong_at("axes", name, says="is a column of results already")
            if names.count(name) > 1:
                raise wrong_at("axes", name, says="is there twice")
        return self

    @property
    def is_complete(self) -> bool:
        """Whether every cell has been done."""
        return self.done == self.cells

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a sweep, read."""

    manifest: Manifest
    table: pa.Table


def schema_of(axes: Sequence[AxisColumn]) -> pa.Schema:
    """Return the columns of a part; the scenario stands in its path."""
    number = {"number": pa.float64(), "text": pa.string()}
    return pa.schema(
        [
            ("cell", pa.string()),
            ("replication", pa.int32()),
            ("seed", pa.int64()),
            *((axis.name, number[axis.type]) for axis in axes),
            ("status", pa.string()),
            ("message", pa.string()),
            *((name, _type_of(name)) for name in OPTION_COLUMNS),
        ]
    )


def _type_of(name: str) -> pa.DataType:
    if name in WORDS:
        return pa.string()
    return pa.int32() if name == "rank" else pa.float64()


@dataclass(frozen=True, slots=True)
class Done:
    """A cell that has been evaluated: its rows, or why it has none."""

    key: str
    cell: Cell
    seed: int
    rows: Sequence[Sequence[Any]]
    message: str | None


def table_of(axes: Sequence[AxisColumn], done: Iterable[Done]) -> pa.Table:
    """Write cells as rows: one an option, and one for a cell that was refused."""
    columns: dict[str, list[Any]] = {name: [] for name in schema_of(axes).names}
    nothing = [None] * len(OPTION_COLUMNS)
    for one in done:
        rows = one.rows or [nothing]
        about = {
            "cell": one.key,
            "replication": one.cell.replication,
            "seed": one.seed,
            "status": ANSWERED if one.message is None else REFUSED,
            "message": one.message,
            **{axis.name: _as_typed(one.cell.levels[axis.name], axis) for axis in axes},
        }
        for name, value in about.items():
            columns[name] += [value] * len(rows)
        for name, values in zip(OPTION_COLUMNS, zip(*rows, strict=True), strict=True):
            columns[name] += values
    return pa.table(columns, schema=schema_of(axes))


def _as_typed(level: Level, axis: AxisColumn) -> float | str | None:
    if level is None:
        return None
    return float(level) if axis.type == "number" else str(level)


# ---- reading ------------------------------------------------------------------------------------


def read_manifest(root: Path) -> Manifest:
    """Read what a folder says of itself."""
    path = root / MANIFEST
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_MANIFEST_BYTES + 1)
    except OSError as error:
        raise TcoError(
            f"{root} holds no results of a sweep ({MANIFEST}: {error.strerror}). Name a folder "
            "that 'tco sweep run' wrote."
        ) from None
    return _manifest_in(raw, str(path))


def _manifest_in(raw: bytes, name: str) -> Manifest:
    if len(raw) > MOST_MANIFEST_BYTES:
        raise TcoError(f"{name} is larger than any manifest; it was not written by 'tco sweep run'")
    try:
        return Manifest.model_validate_json(raw, strict=True)
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False)
        place = ".".join(map(str, first["loc"])) or "the file"
        raise TcoError(
            f"{name} is no manifest of sweep results ({place}: {first['msg']}); results of other "
            "versions of the planner are read by those"
        ) from None


def read_folder(root: Path, *, most_rows: int = MOST_READ_ROWS) -> Found:
    """Read the results that lie in a folder, done or not."""
    manifest = read_manifest(root)
    if manifest.rows > most_rows:
        raise TcoError(
            f"{root} has {manifest.rows:,} rows, and {most_rows:,} are read here; ask its parts, "
            "which are plain Parquet, with a tool for larger data"
        )
    schema = schema_of(manifest.axes)
    tables = [
        _with_scenario(read_part(root, part.path, schema), part.scenario) for part in manifest.parts
    ]
    if not tables:
        tables = [_with_scenario(schema.empty_table(), "")]
    return Found(manifest, pa.concat_tables(tables))


def read_part(root: Path, name: str, schema: pa.Schema) -> pa.Table:
    """Read one part; it lies inside the folder and has the columns that the manifest says."""
    path = root / name
    if not re.fullmatch(_PART, name) or not path.resolve().is_relative_to(root.resolve()):
        raise TcoError(f"{name} leads out of {root}; it was not written by 'tco sweep run'")
    try:
        return _columns(pq.read_table(path, partitioning=None), schema, str(path))
    except (OSError, pa.ArrowException) as error:
        raise TcoError(
            f"{path} cannot be read ({error}). Delete it and run the sweep again with --resume: "
            "its cells are then done anew."
        ) from None


def _columns(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    _check_columns(table.schema, schema, name)
    return table.replace_schema_metadata()


def _check_columns(found: pa.Schema, schema: pa.Schema, name: str) -> None:
    if found.names != schema.names or found.types != schema.types:
        raise TcoError(f"{name} has other columns than its manifest says; it is of another sweep")


def _with_scenario(table: pa.Table, scenario: str) -> pa.Table:
    return table.append_column("scenario", pa.array([scenario] * table.num_rows, pa.string()))


# ---- one file -----------------------------------------------------------------------------------


def as_one_file(found: Found) -> bytes:
    """Write all results as one Parquet file that carries its manifest."""
    about = {IN_PARQUET: found.manifest.model_dump_json().encode()}
    written = io.BytesIO()
    pq.write_table(found.table.replace_schema_metadata(about), written, compression="zstd")
    return written.getvalue()


def read_file(
    raw: bytes,
    name: str,
    *,
    most_rows: int = MOST_READ_ROWS,
    most_bytes: int | None = None,
    most_unpacked_bytes: int = MOST_UNPACKED_BYTES,
) -> Found:
    """Read results from one file that ``as_one_file`` wrote."""
    if most_bytes is not None and len(raw) > most_bytes:
        raise TcoError(
            f"{name} has {len(raw):,} bytes, and {most_bytes:,} are read here; use 'tco sweep "
            "report'"
        )
    try:
        file = pq.ParquetFile(io.BytesIO(raw))
        about = (file.schema_arrow.metadata or {}).get(IN_PARQUET)
        if about is None:
            raise TcoError(
                f"{name} carries no manifest of a sweep; bring a file that 'tco sweep report "
                "--export' wrote"
            )
        manifest = _manifest_in(about, name)
        if file.metadata.num_rows > most_rows:
            raise TcoError(
                f"{name} has {file.metadata.num_rows:,} rows, and {most_rows:,} are read here; use "
                "'tco sweep report'"
            )
        schema = schema_of(manifest.axes).append(pa.field("scenario", pa.string()))
        _check_columns(file.schema_arrow, schema, name)
        return Found(manifest, _unpacked(raw, file.metadata, schema, name, most_unpacked_bytes))
    except (OSError, pa.ArrowException, json.JSONDecodeError) as error:
        raise TcoError(f"{name} is no Parquet file that can be read ({error})") from None


def _unpacked(raw: bytes, about: Any, schema: pa.Schema, name: str, most_bytes: int) -> pa.Table:
    """Read the columns of a file batch by batch, never more than so many bytes of them.

    A word that stands in many rows lies in the file once. It is read as once, too, so that what it
    comes to is known before it is written out.
    """
    too_much = TcoError(
        f"{name} comes to more than the {most_bytes:,} bytes in memory that are read here; use "
        "'tco sweep report' on the folder of its parts"
    )
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    if sum(column.total_uncompressed_size for column in columns) > most_bytes:
        raise too_much
    words = [field.name for field in schema if field.type == pa.string()]
    file = pq.ParquetFile(io.BytesIO(raw), read_dictionary=words)
    tables, size = [schema.empty_table()], 0
    for batch in file.iter_batches(BATCH_ROWS, columns=schema.names):
        size += sum(map(_written_out_bytes, batch.columns))
        if size > most_bytes:
            raise too_much
        tables.append(pa.Table.from_batches([batch]).cast(schema))
    return pa.concat_tables(tables)


def _written_out_bytes(column: pa.Array) -> int:
    """Return what a column takes when each row has its own word."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(column.indices.nbytes) + (pc.sum(lengths).as_py() or 0)
