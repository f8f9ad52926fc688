"""JSON schemas of the file types, so that editors complete and check YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tco.domain.decision import Decision
from tco.domain.history import ExperimentHistory
from tco.domain.measure_job import MeasureFile
from tco.domain.measured import Measured
from tco.domain.organisation import Organisation
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Snapshot
from tco.domain.sweep import Sweep

FILE_TYPES: dict[str, type[BaseModel]] = {
    "scenario": Scenario,
    "snapshot": Snapshot,
    "experiment-history": ExperimentHistory,
    "organisation": Organisation,
    "measure": MeasureFile,
    "measurement": Measured,
    "decision": Decision,
    "sweep": Sweep,
}
PART = "part."
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def texts() -> dict[str, str]:
    """Return the schema of each file type as the text of its file."""
    return {
        f"{name}.json": json.dumps(_schema(name, model), indent=2, sort_keys=True) + "\n"
        for name, model in FILE_TYPES.items()
    }


def write(folder: Path) -> None:
    """Write all schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text)


def _schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    _with_plain_numbers(schema["$defs"])
    if name == "scenario":
        schema = _whole_or_part(schema)
    return {"$schema": DIALECT, **schema}


def _with_plain_numbers(definitions: dict[str, Any]) -> None:
    """An estimate may be written as a plain number."""
    definition = definitions.get("Estimate")
    if definition is not None:
        definitions["Estimate"] = {"anyOf": [{"type": "number"}, definition]}


def _whole_or_part(schema: dict[str, Any]) -> dict[str, Any]:
    """A scenario stands alone, or it extends another and holds only what differs.

    Either takes organisation and snapshots from the library and may override them.
    """
    definitions = schema.pop("$defs")
    title, about = schema["title"], schema.pop("description")
    inherited = ("organisation", "snapshots")
    schema["required"] = [key for key in schema["required"] if key not in inherited]
    parts = {f"{PART}{name}": _part(definition) for name, definition in definitions.items()}
    part = _part(schema)
    part["properties"]["extends"] = {
        "type": "string",
        "description": "file that this one lays its keys over; null takes a key away",
    }
    schema["properties"]["organisation"] = {"$ref": f"#/$defs/{PART}Organisation"}
    return {
        "title": title,
        "description": about,
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/{PART}{title}"},
        "else": {"$ref": f"#/$defs/{title}"},
        "$defs": {**definitions, **parts, title: schema, f"{PART}{title}": part},
    }


def _part(schema: Any) -> Any:
    """Require nothing and allow null for every key; lists are replaced, so they stay whole."""
    if isinstance(schema, list):
        return [_part(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "required" | "discriminator" | "minProperties" | "default":
                continue
            case "items":
                found[key] = value
            case "properties" | "patternProperties":
                found[key] = {name: _or_null(_part(inner)) for name, inner in value.items()}
            case "additionalProperties" if isinstance(value, dict):
                found[key] = _or_null(_part(value))
            case "oneOf":  # without its tag a mapping may fit several
                found["anyOf"] = _part(value)
            case "$ref":
                found[key] = value.replace("#/$defs/", f"#/$defs/{PART}")
            case _:
                found[key] = _part(value)
    return found


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}
