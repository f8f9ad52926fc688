"""What sources tell about models, and the snapshots it becomes: whole, or refused with the reason.

A fact is keyed as the snapshot file keys it, dotted: ``licence``, ``training.approach``,
``metrics[0].value``. What neither the source nor a person says stays missing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import yaml
from pydantic import ValidationError

from tco.domain.findings import findings_of
from tco.domain.snapshot import Snapshot
from tco.domain.source import Document, Path_, Place, dotted
from tco.errors import Finding, InputError, nearest

Value = str | int | float | bool
HYPERPARAMETERS = "training.hyperparameters."
"""Any name may follow."""
LIKE_FORMULAS = ("=", "+", "@", "-")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
SHORT = {"approach": "training.approach", "parent": "training.parent"}
"""Columns that people know by a shorter name."""
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Facts:
    """What one source, or one row of a table, tells about one model."""

    file: str
    values: Mapping[str, Value]
    row: int | None = None
    remarks: tuple[str, ...] = ()
    """What was seen and not taken, with the reason."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A snapshot with what the source left open."""

    snapshot: Snapshot
    remarks: tuple[str, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Keys that hold nothing, to be filled in by hand where somebody knows them."""
        own = self.snapshot
        open_keys = [name for name in type(own).model_fields if getattr(own, name) in (None, ())]
        return tuple(name for name in open_keys if name != "tokens")

    @property
    def yaml(self) -> str:
        """The file of the snapshot; only what is known stands in it."""
        data = self.snapshot.model_dump(mode="json", exclude_unset=True)
        text: str = yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=100)
        return text


class _Quoting(yaml.SafeDumper):
    """Quotes every text that does not begin with a letter: ``1e5`` must come back as text."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text[:1].isalpha() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Quoting.add_representer(str, _quoted)


# ---- keys ---------------------------------------------------------------------------------------


@cache
def kinds_by_key() -> dict[str, str]:
    """Return every key of a snapshot with its kind: string, number, integer, boolean or date."""
    schema = Snapshot.model_json_schema()
    found: dict[str, str] = {}

    def walk(field: Mapping[str, Any], key: str) -> None:
        choices = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
        [plain] = choices
        if "$ref" in plain:
            plain = schema["$defs"][plain["$ref"].rpartition("/")[2]]
        if "properties" in plain:
            for name, inner in plain["properties"].items():
                walk(inner, f"{key}.{name}" if key else name)
        elif plain.get("type") == "array":
            walk(plain["items"], f"{key}[0]")
        elif plain.get("type") != "object":
            found[key] = "date" if plain.get("format") == "date" else plain.get("type", "string")

    walk(schema, "")
    del found["format"]
    return found


def known_key(key: str) -> str | None:
    """Return a key as snapshots have it; an estimate's own key is its likely value."""
    key = SHORT.get(key, key)
    if key.startswith(HYPERPARAMETERS) and len(key) > len(HYPERPARAMETERS):
        return key
    listed = re.sub(r"\[[0-9]{1,2}\]", "[0]", key)
    if listed in kinds_by_key():
        return key
    return f"{key}.likely" if f"{listed}.likely" in kinds_by_key() else None


def nearest_key(key: str) -> str:
    """Name the keys that a person may have meant."""
    return nearest(key, kinds_by_key())


def value_of(key: str, text: str) -> Value:
    """Read a cell or an argument as its key wants it; ``ValueError`` says what is wrong."""
    kind = kinds_by_key().get(re.sub(r"\[[0-9]{1,2}\]", "[0]", key), "string")
    if kind in ("number", "integer"):
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"'{text[:40]}' is not a plain number, without commas or unit")
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"'{text[:40]}' is more than a number can hold")
        if kind == "number":
            return number
        if not number.is_integer():
            raise ValueError(f"'{text[:40]}' is not a whole number")
        return int(number)
    if kind == "boolean":
        if text.lower() not in _WORDS:
            raise ValueError(f"'{text[:40]}' is neither true nor false")
        return _WORDS[text.lower()]
    return text


# ---- facts become snapshots ---------------------------------------------------------------------


def snapshots_of(told: Sequence[Facts], said: Mapping[str, Value]) -> list[Imported]:
    """Make one snapshot of each source's facts; what a person said fills in or takes precedence.

    Raises:
        InputError: With every problem of every source, and nothing is imported.
    """
    findings: list[Finding] = []
    imported: list[Imported] = []
    first: dict[str, str] = {}
    for facts in told:
        values = {**facts.values, **said}
        wrong = [_at(facts, key, *why) for key, text in values.items() if (why := _unsafe(text))]
        document = _document(facts, values)
        try:
            snapshot = Snapshot.model_validate_json(json.dumps(document.data), strict=True)
        except ValidationError as error:
            wrong += [_reworded(found, facts) for found in findings_of(error, document, Snapshot)]
        else:
            imported.append(Imported(snapshot, facts.remarks))
        findings += wrong
        name = str(values.get("id", ""))
        place = facts.file if facts.row is None else f"row {facts.row}"
        if name and first.setdefault(name, place) != place:
            problem = f"'{name}' comes twice (first in {first[name]})"
            findings.append(_at(facts, "id", problem, "give each snapshot its own id"))
    if findings:
        raise InputError(findings)
    return imported


def identifier_of(*parts: str) -> str:
    """Make a file name of names that people gave; what names cannot hold becomes a dash.

    >>> identifier_of("Churn Model", "v3")
    'churn-model-v3'
    """
    plain = [re.sub(r"[^a-z0-9._-]+", "-", part.lower()).strip("-._") for part in parts]
    return "-".join(plain)[:80]


def one_line(text: object) -> str:
    """Bring text that may run over lines onto one, as long as a text may be."""
    return " ".join(str(text).split())[:2000]


def _unsafe(value: Value) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return None
    if value.lstrip().startswith(LIKE_FORMULAS):
        return f"'{value[:40]}' begins as a formula does", "write plain text, or paste the value"
    if not value.isprintable():
        return "a control character in a text", "delete it"
    return None


def _at(facts: Facts, key: str, problem: str, action: str) -> Finding:
    return Finding(facts.file, facts.row, key, problem, action)


def _reworded(found: Finding, facts: Facts) -> Finding:
    found = replace(found, line=facts.row)
    if found.problem != "missing":
        return found
    by_table = f"fill in the column '{found.key}'"
    by_hand = f"say it with --set {found.key}=..., or fill in the table that --template prints"
    return replace(found, action=by_hand if facts.row is None else by_table, near=None)


def _document(facts: Facts, values: Mapping[str, Value]) -> Document:
    """Nest the values; the parts that every snapshot needs are there, so that gaps are named."""
    data: dict[Any, Any] = {"format": "snapshot/1", "training": {}}
    if values.get("uses_tokens") is True:
        needed = ("input_token_factor", "output_token_factor", "reasoning_tokens")
        data["tokens"] = {name: {} for name in needed}
    places: dict[Path_, Place] = {(): Place(facts.file, facts.row or 1)}
    for key, value in values.items():
        path = _path(key)
        holder = data
        for part in path[:-1]:
            holder = holder.setdefault(part, {})
        holder[path[-1]] = value
    metrics = data.pop("metrics", None)
    if metrics:
        data["metrics"] = [metrics[number] for number in sorted(metrics)]
    return Document(facts.file, data, places)


def _path(key: str) -> Path_:
    if key.startswith(HYPERPARAMETERS):
        return ("training", "hyperparameters", key.removeprefix(HYPERPARAMETERS))
    parts = re.findall(r"[^.\[\]]+|\[[0-9]+\]", key)
    path = tuple(int(part[1:-1]) if part.startswith("[") else part for part in parts)
    assert dotted(path) == key, "a key is known before it is nested"
    return path
