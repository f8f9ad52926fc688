"""Stores that MLflow 3.17.2 wrote and answered, recorded; see docs/decisions."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tco.errors import InputError, TcoError
from tco.imports.mlflow_store import read_store
from tco.imports.runs import TrackedRun, read_runs

RECORDED = Path(__file__).parent / "recorded"


def sqlite_store(folder: Path) -> Path:
    path = folder / "mlflow.db"
    with sqlite3.connect(path) as store:
        store.executescript((RECORDED / "mlflow-3.17.2.sql").read_text())
    store.close()
    return path


def folder_store(folder: Path) -> Path:
    for name, text in json.loads((RECORDED / "mlflow-3.17.2-folder.json").read_text()).items():
        file = folder / "mlruns" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for kind in ("params", "tags", "metrics"):
            if file.name == "meta.yaml" and "run_id" in text:
                (file.parent / kind).mkdir(exist_ok=True)
    return folder / "mlruns"


@contextmanager
def server(status: int = 200, versions: Sequence[dict[str, object]] = ()) -> Iterator[str]:
    """Answer as recorded; registered versions are answered one a page."""
    recorded = json.loads((RECORDED / "mlflow-3.17.2-server.json").read_text())
    replies = {(one["path"], one["body"].get("page_token")): one["reply"] for one in recorded}

    class Recorded(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.answer(replies[self.path, body.get("page_token")])

        def do_GET(self):
            asked = urlsplit(self.path)
            assert asked.path == "/api/2.0/mlflow/model-versions/search"
            at = int(parse_qs(asked.query).get("page_token", ["0"])[0])
            more = {"next_page_token": str(at + 1)} if at + 1 < len(versions) else {}
            self.answer({"model_versions": versions[at : at + 1]} | more)

        def answer(self, reply):
            content = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorded) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def by_name(runs: list[TrackedRun]) -> dict[str | None, TrackedRun]:
    return {run.name: run for run in runs}


def facts(run: TrackedRun) -> tuple[object, ...]:
    return (
        run.status,
        run.began,
        run.ended,
        run.last_metric,
        run.parent is not None,
        dict(run.params),
        run.tags.get("instance_type"),
        run.tags.get("machines"),
        run.tags.get("host"),
    )


def test_three_forms_of_one_store_tell_the_same(tmp_path: Path):
    from_sqlite = by_name(read_store(f"sqlite:///{sqlite_store(tmp_path)}"))
    from_folder = by_name(read_store(str(folder_store(tmp_path))))
    with server() as uri:
        from_server = by_name(read_store(uri))
    assert len(from_sqlite) == 16
    assert set(from_sqlite) == set(from_folder) == set(from_server)
    for name, run in from_sqlite.items():
        assert facts(run) == facts(from_folder[name]) == facts(from_server[name]), name
    assert from_sqlite["no end"].ended is None
    assert from_sqlite["no end"].last_metric is not None
    assert "deleted" in from_sqlite


def test_a_store_is_never_changed(tmp_path: Path):
    path = sqlite_store(tmp_path)
    before = path.read_bytes()
    read_store(str(path))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["mlflow.db"]


class TestStoresThatCannotBeRead:
    def test_an_empty_one(self, tmp_path):
        path = sqlite_store(tmp_path)
        with sqlite3.connect(path) as store:
            store.execute("DELETE FROM runs")
        store.close()
        with pytest.raises(TcoError, match="holds no runs"):
            read_store(str(path))
        (tmp_path / "void.db").touch()
        with pytest.raises(TcoError, match=r"no runs\.run_uuid, so it is no MLflow store"):
            read_store(str(tmp_path / "void.db"))

    def test_a_newer_one_with_other_columns(self, tmp_path):
        path = sqlite_store(tmp_path)
        with sqlite3.connect(path) as store:
            store.execute("ALTER TABLE runs RENAME COLUMN start_time TO began")
        store.close()
        with pytest.raises(TcoError, match=r"no runs\.start_time.*its schema: [0-9a-f]+"):
            read_store(str(path))

    def test_a_locked_one(self, tmp_path, monkeypatch):
        path = sqlite_store(tmp_path)
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        connect = sqlite3.connect
        monkeypatch.setattr(
            "tco.imports.mlflow_store.sqlite3.connect",
            lambda *args, **kwargs: connect(*args, **{**kwargs, "timeout": 0.05}),
        )
        try:
            with pytest.raises(TcoError, match="locked; somebody is writing to it"):
                read_store(str(path))
        finally:
            writer.close()

    def test_a_half_written_file(self, tmp_path):
        path = sqlite_store(tmp_path)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(TcoError, match=r"cannot be read: .*cut off while written"):
            read_store(str(path))

    def test_a_half_written_run_in_a_folder(self, tmp_path):
        root = folder_store(tmp_path)
        meta = next(file for file in root.glob("*/*/meta.yaml"))
        meta.write_text("artifact_uri: file:///x\nend_")
        with pytest.raises(TcoError, match="cut off or no record of a run"):
            read_store(str(root))

    def test_a_server_that_refuses_or_is_not_there(self):
        with server(status=403) as uri, pytest.raises(TcoError, match="answered 403"):
            read_store(uri)
        with pytest.raises(TcoError, match="cannot be reached"):
            read_store("http://127.0.0.1:1")

    def test_another_kind_of_database(self):
        with pytest.raises(TcoError, match=r"postgresql:// are not read directly; start 'mlflow"):
            read_store("postgresql://user:secret@db/mlflow")

    def test_nothing_there(self, tmp_path):
        with pytest.raises(TcoError, match="no store at"):
            read_store(str(tmp_path / "nowhere"))


class TestTable:
    def test_a_table_of_another_tracker(self, tmp_path):
        path = tmp_path / "runs.csv"
        path.write_text(
            "Name,State,Created,Runtime,param.lr,gpu\n"
            "one,finished,2026-06-10T08:00:00,7200,1e-4,h100\n"
            "two,crashed,2026-06-10T10:00:00+02:00,60,1e-3,h100\n"
        )
        names = {"run": "Name", "status": "State", "started_at": "Created", "duration_s": "Runtime"}
        one, two = read_runs(path, names)
        assert one.began is not None
        assert one.ended is not None
        assert (one.ended - one.began).total_seconds() == 7200
        assert one.params == {"lr": "1e-4"}
        assert one.tags == {"gpu": "h100"}
        assert two.status == "FAILED"
        assert two.began == one.began

    def test_every_wrong_cell_is_told_at_once(self, tmp_path):
        path = tmp_path / "runs.csv"
        path.write_text(
            "run,status,started_at,duration_s\n"
            "a,finished,yesterday,1\n"
            ",dancing,2026-06-10,x\n"
            "b,failed,2026-06-10,1\n"
            "b,failed,2026-06-10,1\n"
        )
        with pytest.raises(InputError) as caught:
            read_runs(path, {})
        found = {(finding.line, finding.key) for finding in caught.value.findings}
        assert found == {
            (2, "started_at"),
            (3, "run"),
            (3, "status"),
            (3, "duration_s"),
            (5, "run"),
        }

    def test_columns_that_are_missing(self, tmp_path):
        path = tmp_path / "runs.csv"
        path.write_text("run,state,started_at\na,finished,2026-06-10\n")
        with pytest.raises(InputError, match="status: no such column"):
            read_runs(path, {})
