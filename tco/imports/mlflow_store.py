"""MLflow stores: a SQLite file, a local folder or a server, read and never changed.

The formats are read directly. MLflow itself would create and migrate what it opens; see
docs/decisions.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import yaml

from tco.errors import TcoError
from tco.imports.runs import TrackedRun, moment

PARENT, RUN_NAME = "mlflow.parentRunId", "mlflow.runName"
FOLDER_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""A local folder holds numbers."""
NEEDED = {
    "runs": ("run_uuid", "name", "status", "start_time", "end_time"),
    "tags": ("run_uuid", "key", "value"),
    "params": ("run_uuid", "key", "value"),
    "metrics": ("run_uuid", "timestamp"),
}
REGISTRY = "models"
"""The folder beside the experiments that holds registered models."""
MOST_TEXT_BYTES = 1_000_000
PAGE = 1000
ASKED_BY_GET = ("model-versions/search",)
TIMEOUT_S = 60.0


def read_store(uri: str) -> list[TrackedRun]:
    """Read every run of a store, deleted ones too: their machines were paid for.

    Args:
        uri: ``sqlite:///mlflow.db`` or the file itself, a folder such as ``mlruns``, or
            ``http(s)://`` of a server.
    """
    if uri.startswith(("http://", "https://")):
        runs = _of_server(uri)
    else:
        path = path_of(uri)
        if path.is_dir():
            runs = _of_folder(path)
        elif path.is_file():
            runs = _of_sqlite(path)
        else:
            raise TcoError(f"there is no store at {path}. Name a SQLite file, a folder or a server")
    if not runs:
        raise TcoError(f"{uri} holds no runs; look for another store or experiment")
    return sorted(runs, key=lambda run: (run.began is None, run.began, run.run))


def path_of(uri: str) -> Path:
    """Return the path of a local store."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return Path(unquote(uri.removeprefix("sqlite:///")))
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if "://" in uri:
        raise TcoError(
            f"stores of the kind {parts.scheme}:// are not read directly; start 'mlflow server' on "
            "it and name the server, or export the runs as CSV for 'tco import runs'"
        )
    return Path(uri)


# ---- SQLite -------------------------------------------------------------------------------------


def _of_sqlite(path: Path) -> list[TrackedRun]:
    with opened(path) as store:
        _refuse_unknown_tables(store, path)
        return list(_rows_of(store))


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file to read it only; what goes wrong with it is told in plain words."""
    try:
        store = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None
    try:
        yield store
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None
    finally:
        store.close()


def _unreadable(path: Path, error: sqlite3.Error) -> TcoError:
    text = str(error)
    if "locked" in text or "busy" in text:
        action = "somebody is writing to it; try again, or read a copy"
    elif "not a database" in text or "malformed" in text:
        action = "it is no SQLite file, or was cut off while written; take a whole copy"
    else:
        action = "check that it may be read"
    return TcoError(f"{path} cannot be read: {text}; {action}")


def _refuse_unknown_tables(store: sqlite3.Connection, path: Path) -> None:
    version = "unknown"
    tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
    if "alembic_version" in tables:
        version = str(
            (store.execute("SELECT version_num FROM alembic_version").fetchone() or ["none"])[0]
        )
    for table, columns in NEEDED.items():
        there = {row[1] for row in store.execute(f"PRAGMA table_info({table})")}
        missing = [column for column in columns if column not in there]
        if missing:
            raise TcoError(
                f"{path} has no {table}.{missing[0]}, so it is no MLflow store, a half-written one "
                f"or one of a version that is not known here (its schema: {version}); start "
                "'mlflow server' on it and name the server"
            )


def _rows_of(store: sqlite3.Connection) -> Iterator[TrackedRun]:
    def pairs(table: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        rows = store.execute(f"SELECT run_uuid, key, value FROM {table}")  # noqa: S608 - our names
        for run, key, value in rows:
            found[run][str(key)] = str(value)
        return found

    tags, params = pairs("tags"), pairs("params")
    last = dict(store.execute("SELECT run_uuid, MAX(timestamp) FROM metrics GROUP BY run_uuid"))
    runs = store.execute("SELECT run_uuid, name, status, start_time, end_time FROM runs")
    for run, name, status, began, ended in runs:
        own = tags.get(run, {})
        yield TrackedRun(
            run,
            str(status),
            own.get(RUN_NAME) or name or None,
            moment(began),
            moment(ended),
            moment(last.get(run)),
            own.get(PARENT),
            own,
            params.get(run, {}),
        )


# ---- a local folder -----------------------------------------------------------------------------


def _of_folder(root: Path) -> list[TrackedRun]:
    """Read ``EXPERIMENT/RUN/meta.yaml``; experiments that were deleted lie under ``.trash``."""
    records = sorted([*root.glob("*/*/meta.yaml"), *root.glob(".trash/*/*/meta.yaml")])
    return [
        _of_run_folder(meta)
        for meta in records
        if (meta.parent / "params").is_dir() or (meta.parent / "tags").is_dir()
        if meta.parent.parent.name != REGISTRY
    ]


def _of_run_folder(meta: Path) -> TrackedRun:
    try:
        data = yaml.safe_load(text_of(meta))
    except yaml.YAMLError:
        data = None
    if not isinstance(data, dict) or not {"run_id", "status"} <= set(data):
        raise TcoError(f"{meta} is cut off or no record of a run; finish or remove that run")
    folder = meta.parent
    tags = files_of(folder / "tags")
    status = data["status"]
    return TrackedRun(
        str(data["run_id"]),
        FOLDER_STATUSES.get(status, str(status)),
        tags.get(RUN_NAME) or data.get("run_name"),
        moment(data.get("start_time")),
        moment(data.get("end_time")),
        _last_metric(folder / "metrics"),
        tags.get(PARENT),
        tags,
        files_of(folder / "params"),
    )


def text_of(path: Path) -> str:
    """Read a text of bounded size."""
    if path.stat().st_size > MOST_TEXT_BYTES:
        raise TcoError(f"{path} is larger than a record of a run can be")
    return path.read_text(encoding="utf-8", errors="replace")


def files_of(folder: Path) -> dict[str, str]:
    """Read a folder that holds one value a file, by the file's name."""
    return {
        str(file.relative_to(folder)): text_of(file).strip()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


def _last_metric(folder: Path) -> Any:
    latest = 0.0
    for file in folder.rglob("*"):
        if not file.is_file() or file.is_symlink():
            continue
        with file.open("rb") as lines:
            lines.seek(max(file.stat().st_size - 200, 0))
            last = (lines.read().splitlines() or [b""])[-1].split(b" ")
        if last[0].isdigit():
            latest = max(latest, float(last[0]))
    return moment(latest)


# ---- a server -----------------------------------------------------------------------------------


def _of_server(uri: str) -> list[TrackedRun]:
    ask = asking(uri.rstrip("/"))
    experiments = list(
        pages(ask, "experiments/search", "experiments", {"view_type": "ALL", "max_results": PAGE})
    )
    ids = [str(each["experiment_id"]) for each in experiments]
    if not ids:
        return []
    body = {"experiment_ids": ids, "run_view_type": "ALL", "max_results": PAGE}
    return [_of_reply(run) for run in pages(ask, "runs/search", "runs", body)]


Ask = Callable[[str, dict[str, Any]], dict[str, Any]]


def asking(uri: str) -> Ask:
    """Return a function that asks the server; who asks is told by MLflow's own variables."""
    headers, login = {}, None
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    elif user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        login = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))

    def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
        where = f"{uri}/api/2.0/mlflow/{path}"
        by_get = path in ASKED_BY_GET
        try:
            reply = httpx.request(
                "GET" if by_get else "POST",
                where,
                params=body if by_get else None,
                json=None if by_get else body,
                headers=headers,
                auth=login,
                timeout=TIMEOUT_S,
            )
            reply.raise_for_status()
            data = reply.json()
        except httpx.HTTPStatusError as error:
            code = error.response.status_code
            raise TcoError(
                f"{where} answered {code}; check the address, and MLFLOW_TRACKING_TOKEN or "
                "MLFLOW_TRACKING_USERNAME and _PASSWORD"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TcoError(f"{where} cannot be reached: {error}") from None
        except ValueError:
            raise TcoError(f"{where} answered something that is not JSON") from None
        if not isinstance(data, dict):
            raise TcoError(f"{where} answered something that is not an MLflow reply")
        return data

    return ask


def pages(ask: Ask, path: str, key: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Ask until no page follows."""
    token = None
    while True:
        reply = ask(path, body if token is None else {**body, "page_token": token})
        yield from reply.get(key, [])
        following = reply.get("next_page_token")
        if not following or following == token:
            return
        token = following


def _of_reply(run: dict[str, Any]) -> TrackedRun:
    info, data = run["info"], run.get("data", {})

    def pairs(name: str) -> dict[str, str]:
        return {str(pair["key"]): str(pair.get("value", "")) for pair in data.get(name, [])}

    tags = pairs("tags")
    times = [float(metric.get("timestamp", 0)) for metric in data.get("metrics", [])]
    return TrackedRun(
        str(info["run_id"]),
        str(info["status"]),
        tags.get(RUN_NAME) or info.get("run_name"),
        moment(info.get("start_time")),
        moment(info.get("end_time")),
        moment(max(times, default=None)),
        tags.get(PARENT),
        tags,
        pairs("params"),
    )
