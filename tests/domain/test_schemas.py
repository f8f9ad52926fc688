"""The JSON schemas let an editor accept what the planner accepts."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tco.domain import schemas
from tco.domain.source import read_yaml
from tests.conftest import ROOT

GOOD = Path(__file__).parent / "library"


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads(schemas.texts()[f"{name}.json"])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def files() -> list[tuple[str, Path]]:
    found = []
    for root in (GOOD, ROOT / "scenarios"):
        found += [("organisation", root / "organisation.yaml")]
        found += [("snapshot", path) for path in sorted(root.glob("snapshots/*.yaml"))]
        found += [
            ("scenario", path)
            for path in sorted(root.glob("*/*.yaml"))
            if path.parent.name not in ("snapshots", "sweeps")
        ]
        found += [("sweep", path) for path in sorted(root.glob("sweeps/*.yaml"))]
    return found


@pytest.mark.parametrize(("name", "path"), files(), ids=lambda value: str(value)[-40:])
def test_every_file_that_is_shipped_fits_its_schema(name: str, path: Path):
    problems = [
        f"{problem.json_path}: {problem.message[:200]}"
        for problem in validator(name).iter_errors(read_yaml(path).data)
    ]
    assert problems == []


def broken(**changes: Any) -> dict[str, Any]:
    return {**read_yaml(GOOD / "case" / "base.yaml").data, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"horizon_month": 6},
        {"horizon_months": 0},
        {"horizon_months": "6"},
        {"start": 3},
        {"candidates": {}},
        {"goals": {"latency_s": {"p95": 1}}},
    ],
)
def test_an_editor_sees_what_is_wrong(changes: dict[str, Any]):
    assert list(validator("scenario").iter_errors(broken(**changes)))


def test_an_editor_sees_what_is_missing():
    data = broken()
    del data["workload"]
    assert [p.message for p in validator("scenario").iter_errors(data)] == [
        "'workload' is a required property"
    ]


@pytest.mark.parametrize("changes", [{"horizon_month": 6}, {"candidates": {"own": {"titel": "x"}}}])
def test_an_editor_sees_what_is_wrong_in_a_file_that_extends_another(changes: dict[str, Any]):
    over = {"extends": "base.yaml", "candidates": {"own": {"title": "x"}, "api": None}}
    assert list(validator("scenario").iter_errors(over)) == []
    assert list(validator("scenario").iter_errors(over | changes))


def test_the_schemas_are_written_into_a_folder(tmp_path: Path):
    schemas.write(tmp_path / "schemas")
    written = {path.name: path.read_text() for path in (tmp_path / "schemas").iterdir()}
    assert written == schemas.texts()
