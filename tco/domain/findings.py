"""Turns pydantic's validation errors into findings with file, line, key and the nearest name."""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tco.domain.record import IDENTIFIER_PATTERN
from tco.domain.source import MOST_FINDINGS, Document, Path_, at_most
from tco.errors import Finding, nearest

UNITS = {"s", "ms", "minutes", "hours", "days", "months", "j", "kwh", "gb", "gib", "usd", "eur"}
A_MAPPING = ("not a mapping of keys to values", "write its keys below it, indented")
A_LIST = ("not a list", "write one entry a line, each after '- '")
A_NUMBER = ("not a number", "write a plain number, without quotes or unit")
A_WHOLE_NUMBER = ("not a whole number", "write a whole number, without quotes or unit")
A_DATE = ("not a date", "write it as 2027-01-31")
PLAIN_WORDS: dict[str, tuple[str, str]] = {
    "model_type": A_MAPPING,
    "model_attributes_type": A_MAPPING,
    "dict_type": A_MAPPING,
    "tuple_type": A_LIST,
    "string_type": ("not text", "write text; put it in quotes if it looks like a number"),
    "bool_type": ("neither true nor false", "write true or false, without quotes"),
    "int_type": A_WHOLE_NUMBER,
    "int_from_float": A_WHOLE_NUMBER,
    "float_type": A_NUMBER,
    "date_type": A_DATE,
    "date_parsing": A_DATE,
    "date_from_datetime_parsing": A_DATE,
    "date_from_datetime_inexact": A_DATE,
}


def findings_of(
    error: ValidationError, document: Document, model: type[BaseModel]
) -> list[Finding]:
    """Place every problem of a validation error in the file that it came from."""
    found: dict[tuple[str, str], Finding] = {}
    for problem in error.errors(include_url=False):
        finding = _finding(problem, document, _spot(problem["loc"], document.data, model))
        found.setdefault((finding.key, finding.problem), finding)
        if len(found) > MOST_FINDINGS:
            break
    return at_most(list(found.values()))


@dataclass(frozen=True, slots=True)
class _Spot:
    """A key path with the value in the file and the types that may stand there."""

    path: Path_
    value: Any
    types: Sequence[Any]
    holder: _Spot | None = None
    is_scalar: bool = False

    @property
    def models(self) -> list[type[BaseModel]]:
        return [t for t in self.types if isinstance(t, type) and issubclass(t, BaseModel)]

    @property
    def known_keys(self) -> list[str]:
        return sorted({name for found in self.models for name in found.model_fields})

    def under(self, part: int | str, inner: Sequence[Any]) -> _Spot:
        in_mapping = isinstance(self.value, dict) and part in self.value
        in_list = isinstance(self.value, list) and isinstance(part, int) and part < len(self.value)
        value = self.value[part] if in_mapping or in_list else None
        return _Spot((*self.path, part), value, inner, self)


def _spot(loc: tuple[int | str, ...], data: Any, model: type[BaseModel]) -> _Spot:
    """Follow pydantic's location, leaving out the parts that name a union's branch and no key."""
    spot = _Spot((), data, [model])
    for part in loc:
        tagged = [found for found in spot.models if part in _tags_of(found)]
        inner = [t for known in spot.types for t in _inside(known, part)]
        if len(spot.models) > 1 and tagged:
            spot = replace(spot, types=tagged)
        elif part == "[key]":
            break
        elif not inner and not spot.models:
            return replace(spot, is_scalar=True)
        else:
            spot = spot.under(part, inner)
    return spot


def _finding(problem: ErrorDetails, document: Document, spot: _Spot) -> Finding:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(document, spot)
    if kind == "missing":
        return _missing_key(document, spot)
    if kind == "union_tag_not_found":
        tag = str(context["discriminator"]).strip("'")
        words = ", ".join(sorted(word for model in spot.models for word in _tags_of(model)))
        return document.finding((*spot.path, tag), "missing", f"add '{tag}:' with one of {words}")
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        return _unknown_word(document, spot.path, context, problem["input"])
    if kind == "wrong_at":
        path = (*spot.path, *context["path"])
        return document.finding(path, context["says"], "make them agree")
    if spot.is_scalar:
        text = "neither text nor a number, true or false"
        return document.finding(spot.path, text, "write one plain value")
    text, action = _in_words(kind, context, problem["msg"])
    given = problem["input"]
    if isinstance(given, str | int | float | None):
        shown = json.dumps(given, ensure_ascii=False)
        text += f" (found {shown[:60]}{'...' if len(shown) > 60 else ''})"  # noqa: PLR2004
    return document.finding(spot.path, text, action)


def _in_words(kind: str, context: Mapping[str, Any], message: str) -> tuple[str, str]:
    if kind == "model_type" and context.get("class_name") == "Estimate":
        return "not a number", "write a number, or a mapping of likely, low and high"
    if kind in PLAIN_WORDS:
        return PLAIN_WORDS[kind]
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        bound = f"at least {least}" if kind == "too_short" else f"at most {most}"
        return f"has {context['actual_length']} entries, not {bound}", "add or remove some"
    if kind == "string_pattern_mismatch":
        if context["pattern"] == IDENTIFIER_PATTERN:
            return "not a name", "use lower-case letters, digits, dots, dashes and underscores"
        return f"does not fit the pattern {context['pattern']}", "correct the value"
    text = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return text[:1].lower() + text[1:], "correct the value"


def _unknown_key(document: Document, spot: _Spot) -> Finding:
    assert spot.holder is not None
    key, known = str(spot.path[-1]), spot.holder.known_keys
    stem, _, unit = key.rpartition("_")
    for name in known:
        known_stem, _, known_unit = name.rpartition("_")
        if stem and stem == known_stem and unit in UNITS and known_unit in UNITS:
            action = f"give it as '{name}', converted to that unit"
            return document.finding(spot.path, "unknown key", action, name)
    action = "correct or remove it"
    return document.finding(spot.path, "unknown key", action, nearest(key, known))


def _missing_key(document: Document, spot: _Spot) -> Finding:
    assert spot.holder is not None
    key, given = str(spot.path[-1]), spot.holder.value
    unknown = set(given) - set(spot.holder.known_keys) if isinstance(given, dict) else set()
    similar = nearest(key, sorted(unknown)) if unknown else None
    return document.finding(spot.path, "missing", f"add '{key}:'", similar)


def _unknown_word(
    document: Document, path: Path_, context: Mapping[str, Any], given: Any
) -> Finding:
    expected = str(context.get("expected") or context.get("expected_tags"))
    if "discriminator" in context:
        tag = str(context["discriminator"]).strip("'")
        path, given = (*path, tag), given.get(tag) if isinstance(given, dict) else given
    names = re.findall(r"'([^']*)'", expected)
    problem, action = f"'{str(given)[:60]}' is not known here", f"use one of {', '.join(names)}"
    return document.finding(path, problem, action, nearest(str(given), names))


def _tags_of(model: type[BaseModel]) -> list[str]:
    """Return the words by which a mapping may say that it is of this type."""
    annotations = [field.annotation for field in model.model_fields.values()]
    literals = [a for a in annotations if typing.get_origin(a) is typing.Literal]
    return [word for a in literals if len(typing.get_args(a)) == 1 for word in typing.get_args(a)]


def _inside(known: Any, part: str | int) -> list[Any]:
    """Return the types that may stand under a key or index of a type."""
    if isinstance(known, type) and issubclass(known, BaseModel):
        field = known.model_fields.get(str(part))
        return _unwrapped(field.annotation) if field is not None else []
    arguments = typing.get_args(known)
    origin = typing.get_origin(known)
    if origin is dict:
        return _unwrapped(arguments[1])
    if origin in (tuple, list):
        return _unwrapped(arguments[0])
    return []


def _unwrapped(annotation: Any) -> list[Any]:
    """Take Annotated and unions apart."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _unwrapped(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for arg in typing.get_args(annotation) for inner in _unwrapped(arg)]
    return [annotation]
