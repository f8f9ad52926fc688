"""A foreign file as it was found: bytes, documents or rows, and errors that name the field."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tco.errors import Finding, InputError

MOST_BYTES = 200_000_000
LONGEST_SHOWN = 40
MOST_COUNTED = 1e12
Row = dict[str, str]


@dataclass(frozen=True)
class Content:
    """One file with its digest; it is parsed when a reader looks."""

    path: Path
    raw: bytes

    @classmethod
    def of(cls, path: Path) -> Content:
        """Read a file, or say why it cannot be read."""
        try:
            if path.stat().st_size > MOST_BYTES:
                raise refusal(path, "", "more than 200 MB", "import a summary, not a recording")
            return cls(path, path.read_bytes())
        except OSError as error:
            reason = error.strerror or str(error)
            raise refusal(path, "", f"cannot be read: {reason}", "name another file") from None

    @property
    def digest(self) -> str:
        """sha256 of the bytes."""
        return hashlib.sha256(self.raw).hexdigest()

    @cached_property
    def text(self) -> str:
        """The file as text."""
        try:
            return self.raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise refusal(self.path, "", "not UTF-8 text", "name a result file") from None

    @property
    def is_json(self) -> bool:
        """Whether the file begins as JSON does."""
        return self.text.lstrip()[:1] in ("{", "[")

    @cached_property
    def documents(self) -> tuple[dict[str, Any], ...]:
        """The JSON objects of the file: one, or one after another."""
        decoder, text, place = json.JSONDecoder(), self.text.strip(), 0
        found = []
        while place < len(text):
            try:
                document, place = decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                problem = f"expected whole JSON, found {error.msg.lower()} on line {error.lineno}"
                raise refusal(
                    self.path, "", problem, "the file is cut off: copy it again"
                ) from None
            found += document if isinstance(document, list) else [document]
            while place < len(text) and text[place].isspace():
                place += 1
        if not all(isinstance(document, dict) for document in found):
            raise refusal(
                self.path, "", "expected JSON objects, found others", "name a result file"
            )
        return tuple(found)

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Names of the columns, where the file is a table."""
        return tuple(name.strip() for name in next(csv.reader(self.text.splitlines()[:1]), ()))

    @cached_property
    def rows(self) -> tuple[tuple[int, Row], ...]:
        """The rows of a table with their lines; rows of another length are refused."""
        found = []
        lines = csv.reader(self.text.splitlines())
        next(lines, None)
        for cells in lines:
            if not any(cells):
                continue
            if len(cells) != len(self.header):
                problem = f"expected {len(self.header)} cells, found {len(cells)}"
                raise InputError(
                    [Finding(str(self.path), lines.line_num, "", problem, "the file is cut off")]
                )
            row = {name: cell.strip() for name, cell in zip(self.header, cells, strict=True)}
            found.append((lines.line_num, row))
        if not found:
            raise refusal(self.path, "", "expected rows below the header, found none", "run again")
        return tuple(found)

    def fields(self) -> Iterator[Fields]:
        """Give each JSON object of the file, with errors that name the field."""
        several = len(self.documents) > 1
        for number, document in enumerate(self.documents):
            yield Fields(self.path, document, f"[{number}]" if several else "")

    def row_fields(self) -> Iterator[Fields]:
        """Give each row of the table, with errors that name line and column."""
        for line, row in self.rows:
            data = {name: _number_or_text(cell) for name, cell in row.items() if cell != ""}
            yield Fields(self.path, data, "", line)


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping of a foreign file; each look-up says what was expected and what was found."""

    path: Path
    data: Mapping[str, Any]
    place: str = ""
    line: int | None = None

    def has(self, key: str) -> bool:
        """Tell whether a field is there and not null."""
        return self.data.get(key) is not None

    def number(self, key: str) -> float:
        """Return a finite number that must be there."""
        found = self.data.get(key)
        if (
            isinstance(found, bool)
            or not isinstance(found, int | float)
            or not math.isfinite(found)
        ):
            shown = "nothing" if found is None else json.dumps(found)[:LONGEST_SHOWN]
            raise self.refusal(key, f"expected a number, found {shown}", "is the file whole?")
        return float(found)

    def positive(self, key: str) -> float:
        """Return a number above 0 that must be there."""
        found = self.number(key)
        if found <= 0:
            raise self.refusal(
                key, f"expected more than 0, found {found:g}", "did the run measure anything?"
            )
        return found

    def maybe(self, key: str) -> float | None:
        """Return a number, or nothing where the field is absent or null."""
        return self.number(key) if self.has(key) else None

    def maybe_positive(self, key: str) -> float | None:
        """Return a number above 0; 0 is what tools write for what they did not see."""
        found = self.maybe(key)
        if found is not None and found < 0:
            raise self.refusal(
                key, f"expected 0 or more, found {found:g}", "did the run measure anything?"
            )
        return found or None

    def count(self, key: str) -> int | None:
        """Return a whole number of things, or nothing where the field is absent."""
        found = self.maybe(key)
        if found is not None and not 0 <= found <= MOST_COUNTED:
            raise self.refusal(
                key, f"expected a count, found {found:g}", "did the run measure anything?"
            )
        return None if found is None else int(found)

    def numbers(self, key: str) -> list[float]:
        """Return a list of numbers, empty where the field is absent."""
        found = self.data.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            shown = json.dumps(found)[:LONGEST_SHOWN]
            raise self.refusal(key, f"expected a list, found {shown}", "is the file whole?")
        cells = {f"{key}[{place}]": value for place, value in enumerate(found)}
        return [Fields(self.path, cells, self.place, self.line).number(cell) for cell in cells]

    def text(self, key: str) -> str | None:
        """Return a text, or nothing where the field is absent."""
        found = self.data.get(key)
        return None if found is None else str(found)

    def part(self, *keys: str) -> Fields:
        """Return a mapping inside this one; an absent one is empty."""
        found = self
        for key in keys:
            value = found.data.get(key)
            if value is not None and not isinstance(value, dict):
                problem = f"expected a mapping, found {json.dumps(value)[:LONGEST_SHOWN]}"
                raise found.refusal(key, problem, "is it another version of the format?")
            found = Fields(self.path, value or {}, found.key(key), self.line)
        return found

    def key(self, name: str) -> str:
        """Write the path of a field."""
        return f"{self.place}.{name}" if self.place else name

    def refusal(self, key: str, problem: str, action: str) -> InputError:
        """Build the error for a field."""
        return InputError([Finding(str(self.path), self.line, self.key(key), problem, action)])


def refusal(path: Path, key: str, problem: str, action: str) -> InputError:
    """Build the error for a file."""
    return InputError([Finding(str(path), None, key, problem, action)])


def _number_or_text(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
