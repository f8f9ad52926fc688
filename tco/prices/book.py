"""Dated rows by key: which one is in force on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from pathlib import Path

from tco.errors import InputError, PriceNotFoundError
from tco.prices.schema import BY_NAME, TABLES
from tco.prices.tables import Findings, Row, Table, in_force_from, parse_table

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted row and where it stands."""

    file: str
    line: int
    layer: int
    """0 = the shipped tables; a user's folders count up from 1."""
    start: date
    values: Row

    @property
    def negotiated(self) -> bool:
        """True for a price of a contract: it goes before any list price."""
        return bool(self.values.get("negotiated"))

    @property
    def label(self) -> str | None:
        """What to call a price that is not from the shipped tables."""
        label: str | None = self.values.get("label")
        if label is None and self.layer > 0:
            return "negotiated" if self.negotiated else "user overlay"
        return label


@dataclass(frozen=True, slots=True)
class Book:
    """All rows of one table, by the thing that they price."""

    table: Table
    key_columns: tuple[str, ...]
    entries: dict[Key, list[Entry]] = field(default_factory=lambda: defaultdict(list))

    def add(self, entries: Iterable[Entry]) -> None:
        """File rows under their key, oldest first."""
        for entry in entries:
            self.entries[self.key_of(entry.values)].append(entry)
        for rows in self.entries.values():
            rows.sort(key=attrgetter("start", "layer"))

    def key_of(self, values: Row) -> Key:
        """Return the key of a row; cells that are empty count as ''."""
        return tuple("" if values[name] is None else str(values[name]) for name in self.key_columns)

    def __contains__(self, key: Key) -> bool:
        """True if the thing has a row, on whatever day."""
        return key in self.entries

    def on(self, key: Key, day: date, *, say: Callable[[Key], str] = "/".join) -> Entry:
        """Return the row in force: a negotiated one if any is, else the newest.

        Raises:
            PriceNotFoundError: If nothing has that key, or only from a later day on.
        """
        if key not in self.entries:
            raise PriceNotFoundError(say(key), day, [say(known) for known in self.entries])
        rows = self.entries[key]
        started = [entry for entry in rows if entry.start <= day]
        if not started:
            raise PriceNotFoundError(say(key), day, (), earliest=rows[0].start)
        negotiated = [entry for entry in started if entry.negotiated]
        return (negotiated or started)[-1]


@dataclass(frozen=True, slots=True)
class Layers:
    """All tables of the shipped folder and of a user's folders laid over it."""

    rows: dict[str, list[Entry]]
    contents: tuple[tuple[int, str, bytes], ...]
    """Layer, table and bytes of each file, for the digest."""

    def book(self, table: Table, *key_columns: str) -> Book:
        """File one table's rows under the given columns."""
        book = Book(table, key_columns)
        book.add(self.rows[table.name])
        return book


def read_layers(folder: Path, overlays: Iterable[Path]) -> Layers:
    """Read every table of all folders; problems of all files are reported together.

    Raises:
        InputError: With every problem found in any file.
    """
    rows: dict[str, list[Entry]] = {name: [] for name in BY_NAME}
    contents: list[tuple[int, str, bytes]] = []
    problems: list[InputError] = []
    for layer, place in enumerate((folder, *overlays)):
        for table in _tables_in(place, layer, problems):
            path = place / table.file_name
            content = path.read_bytes()
            contents.append((layer, table.name, content.replace(b"\r\n", b"\n")))
            try:
                lines = parse_table(table, content, file=str(path))
            except InputError as error:
                problems.append(error)
                continue
            rows[table.name] += (
                Entry(str(path), line.number, layer, _start(line.values), line.values)
                for line in lines
            )
    if problems:
        raise InputError([finding for problem in problems for finding in problem.findings])
    return Layers(rows, tuple(contents))


def _start(values: Row) -> date:
    start = in_force_from(values)
    return date.min if start is None else start


def _tables_in(place: Path, layer: int, problems: list[InputError]) -> list[Table]:
    findings = Findings(str(place))
    if not place.is_dir():
        findings.add(
            None, "", "no such folder of price tables", "name the folder that holds instances.csv"
        )
    elif layer == 0:
        for table in TABLES:
            if not (place / table.file_name).is_file():
                findings.add(
                    None, table.file_name, "the table is missing", "restore it from the package"
                )
    if findings.found:
        problems.append(InputError(findings.found))
    return [table for table in BY_NAME.values() if (place / table.file_name).is_file()]
