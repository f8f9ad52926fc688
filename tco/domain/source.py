"""A YAML file as plain data, with the line of every key; all that is wrong with it is told at once.

Only what a plan needs is read: mappings, lists, text, numbers, true, false and null, in UTF-8.
Anchors, aliases and tags are refused: a file cannot build objects or grow when it is loaded.
Scalars follow YAML 1.2, so ``no`` stays text, ``010`` is ten and ``1:30`` is not a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from tco.errors import Finding, InputError

MOST_BYTES = 5_000_000
MOST_DEPTH = 40
MOST_DIGITS = 39
MOST_FINDINGS = 100
"""A person corrects these first; a broken file of megabytes must not fill the screen."""
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key stands."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One file read: plain data and the place of every key path."""

    file: str
    data: dict[str, Any]
    places: Mapping[Path_, Place]

    def place(self, path: Path_) -> Place:
        """Return the place of a key path, or of the nearest thing that holds it."""
        for length in range(len(path), -1, -1):
            found = self.places.get(path[:length])
            if found is not None:
                return found
        return Place(self.file, 1)

    def finding(self, path: Path_, problem: str, action: str, near: str | None = None) -> Finding:
        """Build a finding at a key path."""
        place = self.place(path)
        near = None if near == "none" else near
        return Finding(place.file, place.line, dotted(path), problem, action, near)


def dotted(path: Path_) -> str:
    """Write a key path as people do.

    >>> dotted(("candidates", "a", "steps", 0, "option"))
    'candidates.a.steps[0].option'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part[:80] or "''")
    return text


def at_most(findings: list[Finding]) -> list[Finding]:
    """Keep the first findings of a file, and say that there are more."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    last = findings[MOST_FINDINGS - 1]
    more = Finding(last.file, last.line, "", "more problems follow", "correct those above first")
    return [*findings[:MOST_FINDINGS], more]


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    path: Path_
    key: str | None = None
    is_key: bool = False

    def next_path(self) -> Path_:
        if isinstance(self.value, list):
            return (*self.path, len(self.value))
        return (*self.path, self.key or "")

    def add(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        else:
            self.value[self.key or ""] = value
            self.key = None


@dataclass(slots=True)
class _Reader:
    """Builds data from parser events without recursion: depth is a check and not a crash."""

    file: str
    places: dict[Path_, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    root: Any = None
    documents: int = 0
    stopped: bool = False
    stack: list[_Open] = field(default_factory=list)

    def _report(self, event: Any, path: Path_, problem: str, action: str) -> None:
        line = event.start_mark.line + 1
        self.findings.append(Finding(self.file, line, dotted(path), problem, action))

    def here(self) -> Path_:
        """Return the key path that is being read."""
        if not self.stack:
            return ()
        innermost = self.stack[-1]
        waits_for_key = isinstance(innermost.value, dict) and innermost.key is None
        return innermost.path if waits_for_key else innermost.next_path()

    def read(self, events: Iterator[Any]) -> None:
        for event in events:
            self._take(event)
            if self.stopped or len(self.findings) > MOST_FINDINGS:
                return

    def _take(self, event: Any) -> None:
        stack = self.stack
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._report(event, (), "a second document begins", "keep one per file")
                    self.stopped = True
            case yaml.AliasEvent():
                problem, action = f"alias '*{event.anchor}'", "write the value out, or use extends"
                self._report(event, self.here(), problem, action)
                self._place(stack, event, None)
            case yaml.ScalarEvent():
                self._scalar(stack, event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(stack, event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = stack.pop()
                if not stack:
                    self.root = closed.value
                elif not closed.is_key:
                    stack[-1].add(closed.value)
            case _:
                pass

    def _open(self, stack: list[_Open], event: Any) -> None:
        if len(stack) >= MOST_DEPTH:
            top, problem = stack[0].next_path(), f"nested more than {MOST_DEPTH} deep"
            self._report(event, top, problem, "flatten the file")
            self.stopped = True
            return
        path = stack[-1].next_path() if stack else ()
        if event.tag is not None or event.anchor is not None:
            self._report(event, path, "an anchor or a tag", "write plain values only")
        is_key = bool(stack) and isinstance(stack[-1].value, dict) and stack[-1].key is None
        if is_key:
            self._report(event, stack[-1].path, "a key that is not text", "use a plain word as key")
            stack[-1].key = "?"
            path = stack[-1].next_path()
        self.places.setdefault(path, Place(self.file, event.start_mark.line + 1))
        is_map = isinstance(event, yaml.MappingStartEvent)
        stack.append(_Open({} if is_map else [], path, is_key=is_key))

    def _place(self, stack: list[_Open], event: Any, value: Any) -> None:
        if not stack:
            self.root = value
            return
        holder = stack[-1]
        if isinstance(holder.value, dict) and holder.key is None:
            holder.key = "?"
            return
        self.places.setdefault(holder.next_path(), Place(self.file, event.start_mark.line + 1))
        holder.add(value)

    def _scalar(self, stack: list[_Open], event: Any) -> None:
        is_key = bool(stack) and isinstance(stack[-1].value, dict) and stack[-1].key is None
        path = stack[-1].path if stack else ()
        if event.tag is not None or event.anchor is not None:
            self._report(event, self.here(), "an anchor or a tag", "write plain values only")
        if _CONTROL.search(event.value):
            self._report(event, self.here(), "a control character in a text", "delete it")
        if is_key:
            holder = stack[-1]
            assert isinstance(holder.value, dict)
            key = event.value
            if key in holder.value:
                first = self.places[(*path, key)].line
                self._report(
                    event, (*path, key), f"given twice (first on line {first})", "keep one of them"
                )
            holder.key = key
            self.places.setdefault((*path, key), Place(self.file, event.start_mark.line + 1))
            return
        plain = event.style is None or event.style == ""
        value: Any = event.value
        if plain:
            value = self._resolve(event, stack[-1].next_path() if stack else ())
        self._place(stack, event, value)

    def _resolve(self, event: Any, path: Path_) -> Any:
        text = event.value
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE"):
            return True
        if text in ("false", "False", "FALSE"):
            return False
        if _INTEGER.fullmatch(text):
            return int(text) if len(text) <= MOST_DIGITS else self._no_number(event, path)
        if _FLOAT.fullmatch(text):
            number = float(text)
            return number if abs(number) < float("inf") else self._no_number(event, path)
        if _NOT_FINITE.fullmatch(text):
            return self._no_number(event, path)
        return text

    def _no_number(self, event: Any, path: Path_) -> None:
        text = event.value
        wrong = "not a finite number" if _NOT_FINITE.fullmatch(text) else "too large a number"
        shown = text if len(text) <= MOST_DIGITS else f"{text[:12]}..."
        self._report(event, path, f"'{shown}' is {wrong}", "write a plain number")


def read_yaml(path: Path, *, shown_as: str | None = None) -> Document:
    """Read one YAML file into plain data, or raise ``InputError`` with every problem found."""
    file = shown_as or str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            [Finding(file, None, "", f"cannot be read: {reason}", "check the path and its rights")]
        ) from None
    if len(raw) > MOST_BYTES:
        raise InputError([Finding(file, None, "", "more than 5 MB", "split it or shorten it")])
    return parse_yaml(raw, file)


def parse_yaml(raw: bytes, file: str) -> Document:
    """Read YAML from bytes; ``file`` is the name that messages show."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            [Finding(file, line, "", "not UTF-8 text", "save the file with UTF-8 encoding")]
        ) from None
    reader = _Reader(file)
    try:
        reader.read(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        reader.findings.append(_syntax_finding(error, text, reader))
    if not reader.findings and not isinstance(reader.root, dict):
        what = "the file is empty" if reader.root is None else "not a mapping of keys to values"
        reader.findings.append(Finding(file, 1, "", what, "start with 'format: ...'"))
    if reader.findings:
        raise InputError(at_most(reader.findings))
    return Document(file, reader.root, reader.places)


def _syntax_finding(error: yaml.YAMLError, text: str, reader: _Reader) -> Finding:
    """Place what the parser stumbled over: its own mark, or the key that was being read."""
    if isinstance(error, ReaderError):
        before = text.encode()[: error.position]  # the parser counts bytes
        return Finding(
            reader.file,
            before.count(b"\n") + 1,
            dotted(reader.here()),
            f"not text: {error.reason}",
            "delete them, or save the file with UTF-8 encoding",
        )
    mark = getattr(error, "problem_mark", None)
    return Finding(
        reader.file,
        mark.line + 1 if mark else None,
        dotted(reader.here()),
        f"not valid YAML: {getattr(error, 'problem', None) or error}",
        "check indentation, quotes and colons near this line",
    )


def merge(base: Document, over: Document) -> Document:
    """Lay one document over another: mappings merge, all else is replaced, null takes away."""
    replaced: set[Path_] = set()

    def lay(low: dict[str, Any], high: Mapping[str, Any], path: Path_) -> dict[str, Any]:
        merged = dict(low)
        for key, value in high.items():
            here = (*path, key)
            old = merged.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                merged[key] = lay(old, value, here)
                continue
            replaced.add(here)
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value
        return merged

    data = lay(base.data, over.data, ())
    places = {path: place for path, place in base.places.items() if not _is_in(path, replaced)}
    places |= {path: place for path, place in over.places.items() if _is_in(path, replaced)}
    places.setdefault((), over.place(()))
    return Document(over.file, data, places)


def _is_in(path: Path_, holders: set[Path_]) -> bool:
    return any(path[:length] in holders for length in range(1, len(path) + 1))
