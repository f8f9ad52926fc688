"""Registered models of the recorded stores, with the registry's own tables and files beside."""

import sqlite3
from pathlib import Path

import pytest
import yaml

from tco.errors import InputError, NotFoundError, TcoError
from tco.imports.mlflow_models import facts_of_store
from tco.imports.snapshot_facts import snapshots_of
from tests.imports.test_stores import folder_store, server, sqlite_store

FINAL = {"sqlite": "20242388ae2c4f51b62ac76bda4517e8", "folder": "b9bbf83b5fb34df49d7e7a199f3edb98"}
CREATED_MS = 1781244060000  # 2026-06-12
SAID = {
    "tco.task": "routing",
    "tco.architecture": "encoder",
    "tco.licence": "mit",
    "tco.openness": "open",
    "tco.uses_tokens": "false",
    "tco.training.approach": "full fine-tune",
    "owner": "nobody of ours",
}
REGISTRY = """
CREATE TABLE registered_models (name VARCHAR(256), creation_time BIGINT, last_updated_time BIGINT,
    description VARCHAR(5000));
CREATE TABLE model_versions (name VARCHAR(256), version INTEGER, creation_time BIGINT,
    last_updated_time BIGINT, description VARCHAR(5000), user_id VARCHAR(256),
    current_stage VARCHAR(20), source VARCHAR(500), run_id VARCHAR(32), status VARCHAR(20));
CREATE TABLE registered_model_tags (key VARCHAR(250), value VARCHAR(5000), name VARCHAR(256));
CREATE TABLE model_version_tags (key VARCHAR(250), value VARCHAR(5000), name VARCHAR(256),
    version INTEGER);
"""


def with_registry(folder: Path, **more: str) -> Path:
    """A SQLite store with version 2 of a model in use, and a version 1 that was deleted."""
    path = sqlite_store(folder)
    with sqlite3.connect(path) as store:
        store.executescript(REGISTRY)
        for version, stage in ((1, "Deleted_Internal"), (2, "Production")):
            store.execute(
                "INSERT INTO model_versions (name, version, creation_time, current_stage, run_id) "
                "VALUES ('Ticket Router', ?, ?, ?, ?)",
                (version, CREATED_MS, stage, FINAL["sqlite"]),
            )
        rows = [(key, value, "Ticket Router") for key, value in SAID.items()]
        store.executemany("INSERT INTO registered_model_tags VALUES (?, ?, ?)", rows)
        rows = [(key, value, "Ticket Router") for key, value in more.items()]
        store.executemany("INSERT INTO model_version_tags VALUES (?, ?, ?, 2)", rows)
    store.close()
    return path


def with_registry_folder(folder: Path) -> Path:
    root = folder_store(folder)
    version = root / "models" / "Ticket Router" / "version-2"
    (version.parent / "tags").mkdir(parents=True)
    version.mkdir()
    for key, value in SAID.items():
        (version.parent / "tags" / key).write_text(value)
    (version.parent / "meta.yaml").write_text("name: Ticket Router\n")
    meta = {"name": "Ticket Router", "version": 2, "creation_timestamp": CREATED_MS}
    (version / "meta.yaml").write_text(
        yaml.safe_dump({**meta, "current_stage": "None", "run_id": FINAL["folder"]})
    )
    return root


def test_three_forms_of_one_registry_become_the_same_snapshot(tmp_path: Path):
    version = {
        "name": "Ticket Router",
        "version": "2",
        "creation_timestamp": CREATED_MS,
        "run_id": FINAL["sqlite"],
        "tags": [{"key": key, "value": value} for key, value in SAID.items()],
    }
    stores = [str(with_registry(tmp_path)), str(with_registry_folder(tmp_path))]
    told = [facts_of_store(store, []) for store in stores]
    with server(versions=[version]) as uri:
        told.append(facts_of_store(uri, []))
    [one], [two], [three] = ([e.snapshot for e in snapshots_of(facts, {})] for facts in told)
    assert one == two == three
    assert (one.id, one.name, one.version) == ("ticket-router-v2", "Ticket Router", "2")
    assert str(one.released) == "2026-06-12"
    assert one.training.hyperparameters == {"lr": 1e-4, "epochs": 5.0}
    assert one.training.training_hours == 6.0
    assert one.licence == "mit"
    assert one.parameters is None, "a tracker does not say how large a model is"


def test_a_server_answers_page_by_page():
    versions: list[dict[str, object]] = [
        {"name": "m", "version": str(number), "run_id": ""} for number in (1, 2)
    ]
    with server(versions=versions) as uri:
        found = facts_of_store(uri, [])
    assert [facts.values["version"] for facts in found] == ["1", "2"]


def test_models_versions_and_runs_are_chosen_by_name(tmp_path: Path):
    store = str(with_registry(tmp_path))
    by_model = facts_of_store(store, ["Ticket Router"])
    assert by_model == facts_of_store(store, ["Ticket Router/2"]) == facts_of_store(store, [])
    [run] = facts_of_store(store, [FINAL["sqlite"]])
    assert (run.values["name"], run.values["version"]) == ("final", FINAL["sqlite"])
    assert run.remarks[-1].startswith("metrics: a tracker does not say on which test set")
    with pytest.raises(NotFoundError, match="no model or run 'Ticket Router/1'"):
        facts_of_store(store, ["Ticket Router/1"])


def test_a_store_without_a_registry_asks_for_runs(tmp_path: Path):
    with pytest.raises(TcoError, match="holds no registered model; name runs with --only RUN"):
        facts_of_store(str(sqlite_store(tmp_path)), [])


def test_a_version_says_more_than_its_model(tmp_path: Path):
    [facts] = facts_of_store(str(with_registry(tmp_path, **{"tco.licence": "apache-2.0"})), [])
    assert facts.values["licence"] == "apache-2.0"


def test_tags_that_no_snapshot_has_and_values_that_do_not_fit_are_told_at_once(tmp_path: Path):
    wrong = {"tco.lisence": "mit", "tco.parameters": "8B"}
    with pytest.raises(InputError) as refused:
        facts_of_store(str(with_registry(tmp_path, **wrong)), [])
    assert [(found.key, found.problem) for found in refused.value.findings] == [
        ("Ticket Router/2, tag tco.lisence", "no such key"),
        (
            "Ticket Router/2, tag tco.parameters",
            "'8B' is not a plain number, without commas or unit",
        ),
    ]


def test_a_parameter_that_begins_as_a_formula_is_left_with_the_reason(tmp_path: Path):
    path = with_registry(tmp_path)
    with sqlite3.connect(path) as store:
        store.execute("INSERT INTO params VALUES ('note', '=cmd()', ?)", (FINAL["sqlite"],))
    store.close()
    [found] = snapshots_of(facts_of_store(str(path), []), {})
    assert "note" not in found.snapshot.training.hyperparameters
    assert "training.hyperparameters.note: empty, or begins as a formula does" in found.remarks


def test_a_record_that_was_cut_off_is_refused(tmp_path: Path):
    root = with_registry_folder(tmp_path)
    (root / "models" / "Ticket Router" / "version-2" / "meta.yaml").write_text("name: [")
    with pytest.raises(TcoError, match="cut off or no record of a model"):
        facts_of_store(str(root), [])
