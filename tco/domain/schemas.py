"""JSON schemas of the file types, so that editors complete and check YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tco.domain.organisation import Organisation
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Snapshot

FILE_TYPES: dict[str, type[BaseModel]] = {
    "scenario": Scenario,
    "snapshot": Snapshot,
    "organisation": Organisation,
}
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
    schema["$schema"] = DIALECT
    if name == "scenario":
        _describe_what_a_file_may_leave_out(schema)
    return _with_plain_numbers(schema)


def _describe_what_a_file_may_leave_out(schema: dict[str, Any]) -> None:
    """A file may extend another, and takes organisation and snapshots from the library."""
    inherited = ("organisation", "snapshots")
    required = [key for key in schema["required"] if key not in inherited]
    del schema["required"]
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "file that this one lays its keys over",
    }
    schema["properties"]["organisation"] = {
        "type": "object",
        "description": "keys of organisation.yaml to override here",
    }
    schema["if"] = {"not": {"required": ["extends"]}}
    schema["then"] = {"required": required}
    # Deep inside an extending file nothing is required either; only the loader can tell.


def _with_plain_numbers(schema: dict[str, Any]) -> dict[str, Any]:
    """An estimate may be written as a plain number."""
    definition = schema.get("$defs", {}).get("Estimate")
    if definition is not None:
        schema["$defs"]["Estimate"] = {"anyOf": [{"type": "number"}, definition]}
    return schema
