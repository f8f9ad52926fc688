"""Registered models and runs of MLflow stores, as facts for snapshots.

A tag ``tco.KEY`` of a model, a version or a run says what MLflow has no place for, such as
``tco.licence`` or ``tco.training.approach``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tco.errors import Finding, InputError, NotFoundError, TcoError
from tco.imports.mlflow_store import (
    PAGE,
    REGISTRY,
    asking,
    files_of,
    opened,
    pages,
    path_of,
    read_store,
    text_of,
)
from tco.imports.runs import TrackedRun, moment
from tco.imports.snapshot_facts import (
    HYPERPARAMETERS,
    LIKE_FORMULAS,
    Facts,
    Value,
    identifier_of,
    known_key,
    nearest_key,
    one_line,
    value_of,
)

SAID = "tco."
SAID_OF_RUNS = ("tco.final",)
COMMIT = "mlflow.source.git.commit"
SEEDS = ("seed", "random_seed", "random_state")
DELETED = "Deleted_Internal"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered model."""

    name: str
    version: str
    created_ms: float | None
    run: str | None
    tags: Mapping[str, str] = field(default_factory=dict)


def facts_of_store(uri: str, only: Sequence[str]) -> list[Facts]:
    """Read registered models, and the runs that a person names.

    Args:
        uri: As for ``mlflow_store.read_store``.
        only: Models, ``MODEL/VERSION`` or runs; none means every registered version.
    """
    runs = {run.run: run for run in read_store(uri)}
    versions = list(_versions(uri))
    file = uri.rpartition("@")[2]  # a login stays out of messages
    if not only and not versions:
        raise TcoError(f"{file} holds no registered model; name runs with --only RUN")
    chosen, findings = list[Facts](), list[Finding]()
    names = only or sorted({version.name for version in versions})
    for name in names:
        found = [each for each in versions if name in (each.name, f"{each.name}/{each.version}")]
        chosen += [_of_version(each, runs.get(each.run or ""), file, findings) for each in found]
        if not found and name in runs:
            chosen.append(_of_run(runs[name], file, findings))
        elif not found:
            known = [*runs, *(f"{each.name}/{each.version}" for each in versions)]
            raise NotFoundError("model or run", name, known, "Name one that the store holds.")
    if findings:
        raise InputError(findings)
    return chosen


# ---- what a version and a run tell --------------------------------------------------------------


def _of_version(
    version: Version, run: TrackedRun | None, file: str, findings: list[Finding]
) -> Facts:
    remarks: list[str] = []
    values: dict[str, Value] = {
        "id": identifier_of(version.name, f"v{version.version}"),
        "name": one_line(version.name),
        "version": version.version,
        "source": one_line(f"MLflow model {version.name}, version {version.version}"),
    }
    created = moment(version.created_ms)
    if created is not None:
        values["released"] = created.date().isoformat()
    tags: dict[str, str] = {}
    if run is not None:
        values |= _of_training(run, remarks)
        tags |= run.tags
    elif version.run:
        remarks.append(f"training: the run {version.run} is not in the store")
    values |= _said({**tags, **version.tags}, f"{version.name}/{version.version}", file, findings)
    return Facts(file, values, remarks=tuple(remarks))


def _of_run(run: TrackedRun, file: str, findings: list[Finding]) -> Facts:
    remarks: list[str] = []
    name = one_line(run.name or run.run)
    values: dict[str, Value] = {
        "id": identifier_of(name),
        "name": name,
        "version": run.run,
        "source": f"MLflow run {run.run}",
    }
    values |= _of_training(run, remarks)
    values |= _said(run.tags, run.run, file, findings)
    return Facts(file, values, remarks=tuple(remarks))


def _of_training(run: TrackedRun, remarks: list[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, text in run.params.items():
        value = _plain(one_line(text))
        if isinstance(value, str) and (not value or value.startswith(LIKE_FORMULAS)):
            remarks.append(f"{HYPERPARAMETERS}{name}: empty, or begins as a formula does")
        else:
            values[f"{HYPERPARAMETERS}{name}"] = value
        if name in SEEDS and isinstance(value, float) and value.is_integer():
            values["training.seed"] = int(value)
    if commit := run.tags.get(COMMIT):
        values["training.code_version"] = one_line(commit)
    if run.status == "FINISHED" and run.began is not None and run.ended is not None:
        hours = (run.ended - run.began).total_seconds() / 3600
        if hours >= 0:
            values["training.training_hours"] = hours
    if run.last_metric is not None:
        remarks.append(
            "metrics: a tracker does not say on which test set; give metrics[0].name, ..."
        )
    return values


def _plain(text: str) -> Value:
    try:
        return value_of("size_gb", text)  # any number
    except ValueError:
        return text


def _said(
    tags: Mapping[str, str], who: str, file: str, findings: list[Finding]
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for tag, text in sorted(tags.items()):
        if not tag.startswith(SAID) or tag in SAID_OF_RUNS:
            continue
        name = tag.removeprefix(SAID)
        key = known_key(name)
        where = f"{who}, tag {tag}"
        if key is None:
            action = "rename the tag or remove it"
            findings.append(Finding(file, None, where, "no such key", action, nearest_key(name)))
            continue
        try:
            values[key] = value_of(key, one_line(text))
        except ValueError as error:
            findings.append(Finding(file, None, where, str(error), "correct the tag"))
    return values


# ---- the registry -------------------------------------------------------------------------------


def _versions(uri: str) -> Iterator[Version]:
    if uri.startswith(("http://", "https://")):
        yield from _of_server(uri)
    elif (path := path_of(uri)).is_dir():
        yield from _of_folder(path / REGISTRY)
    else:
        yield from _of_sqlite(path)


def _of_sqlite(path: Path) -> Iterator[Version]:
    with opened(path) as store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
        if not {"model_versions", "model_version_tags", "registered_model_tags"} <= tables:
            return
        tags: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for name, key, value in store.execute("SELECT name, key, value FROM registered_model_tags"):
            tags[name, ""][key] = str(value)
        of_versions = store.execute("SELECT name, version, key, value FROM model_version_tags")
        for name, version, key, value in of_versions:
            tags[name, str(version)][key] = str(value)
        rows = store.execute(
            "SELECT name, version, creation_time, run_id FROM model_versions "
            "WHERE current_stage IS NOT ? ORDER BY name, version",
            (DELETED,),
        )
        for name, version, created_ms, run in rows:
            own = {**tags[name, ""], **tags[name, str(version)]}
            yield Version(str(name), str(version), created_ms, run or None, own)


def _of_folder(root: Path) -> Iterator[Version]:
    for meta in sorted(root.glob("*/version-*/meta.yaml")):
        try:
            data = yaml.safe_load(text_of(meta))
        except yaml.YAMLError:
            data = None
        if not isinstance(data, dict) or not {"name", "version"} <= set(data):
            raise TcoError(f"{meta} is cut off or no record of a model; register it anew")
        if data.get("current_stage") == DELETED:
            continue
        tags = {**files_of(meta.parent.parent / "tags"), **files_of(meta.parent / "tags")}
        created_ms = data.get("creation_timestamp")
        run = data.get("run_id") or None
        yield Version(str(data["name"]), str(data["version"]), created_ms, run, tags)


def _of_server(uri: str) -> Iterator[Version]:
    ask = asking(uri.rstrip("/"))
    for data in pages(ask, "model-versions/search", "model_versions", {"max_results": PAGE}):
        tags = {str(pair["key"]): str(pair.get("value", "")) for pair in data.get("tags", [])}
        created_ms: Any = data.get("creation_timestamp")
        run = data.get("run_id") or None
        yield Version(str(data["name"]), str(data["version"]), created_ms, run, tags)
