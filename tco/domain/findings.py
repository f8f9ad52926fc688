"""Turns pydantic's validation errors into findings with file, line, key and the nearest name."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from tco.domain.source import Document, Path_
from tco.errors import Finding, nearest


def findings_of(
    error: ValidationError, document: Document, model: type[BaseModel]
) -> list[Finding]:
    """Place every problem of a validation error in the file that it came from."""
    found = []
    for problem in error.errors(include_url=False):
        path = _path_in_file(problem["loc"], document.data)
        kind = problem["type"]
        context = problem.get("ctx", {})
        if kind == "extra_forbidden":
            known = _keys_known_at(model, path[:-1], document.data)
            near = nearest(str(path[-1]), known)
            found.append(document.finding(path, "unknown key", "correct or remove it", near))
        elif kind == "missing":
            holder = path[:-1]
            given = _value_at(document.data, holder)
            unknown = (
                set(given) - set(_keys_known_at(model, holder, document.data))
                if isinstance(given, dict)
                else set()
            )
            similar = nearest(str(path[-1]), unknown) if unknown else None
            found.append(document.finding(path, "missing", f"add '{path[-1]}:'", similar))
        elif kind in ("literal_error", "enum", "union_tag_invalid", "literal_or_enum"):
            expected = str(context.get("expected") or context.get("expected_tags"))
            given = problem["input"]
            if isinstance(given, dict):
                given = given.get(str(context.get("discriminator", "")).strip("'"))
            names = [name.strip(" '") for name in expected.replace(" or ", ",").split(",")]
            found.append(
                document.finding(
                    path,
                    f"'{given}' is not known here",
                    f"use one of {expected}",
                    nearest(str(given), names),
                )
            )
        else:
            message = problem["msg"].removeprefix("Value error, ")
            shown = problem["input"]
            given = f" (found {shown!r})" if isinstance(shown, str | int | float) else ""
            text = message[:1].lower() + message[1:] + given[:120]
            found.append(document.finding(path, text, "correct the value"))
    return found


def _path_in_file(loc: tuple[int | str, ...], data: Any) -> Path_:
    """Leave out the parts of pydantic's location that name a union's branch and not a key."""
    path: list[str | int] = []
    here = data
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        in_mapping = isinstance(here, dict) and part in here
        in_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if in_mapping or in_list:
            path.append(part)
            here = here[part]
        elif last and part != "[key]":
            path.append(part)
    return tuple(path)


def _value_at(data: Any, path: Path_) -> Any:
    for part in path:
        data = data[part]
    return data


def _keys_known_at(model: type[BaseModel], path: Path_, data: Any) -> list[str]:
    """List the keys that the model at a key path knows."""
    types_here: list[Any] = [model]
    for part in path:
        types_here = [inner for known in types_here for inner in _inside(known, part)]
    value = _value_at(data, path)
    models = [t for t in types_here if isinstance(t, type) and issubclass(t, BaseModel)]
    if isinstance(value, dict) and len(models) > 1:
        tagged = [t for t in models if _tag_fits(t, value)]
        models = tagged or models
    return sorted({name for found in models for name in found.model_fields})


def _tag_fits(model: type[BaseModel], value: dict[str, Any]) -> bool:
    for tag in ("kind", "shape"):
        field = model.model_fields.get(tag)
        if field is not None and value.get(tag) in typing.get_args(field.annotation):
            return True
    return False


def _inside(known: Any, part: str | int) -> list[Any]:
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
