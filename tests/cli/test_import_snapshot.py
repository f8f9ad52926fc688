"""`tco import snapshot`: whole snapshots that scenarios can name, or nothing."""

import csv
import io
import json
from pathlib import Path

import pytest
import yaml

from tco.domain.loading import Library
from tests.cli.conftest import LIBRARY, Tco
from tests.imports.model_files import write_safetensors

SET = (
    "version=1e5", "task=case", "architecture=encoder", "licence=mit", "source=our own",
    "uses_tokens=false", "training.approach=distilled",
)  # fmt: skip
SAID = [word for pair in SET for word in ("--set", pair)]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own"
    monkeypatch.setenv("TCO_OVERLAY", str(folder))
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_safetensors(tmp_path / "router.safetensors", {"w": ("F16", [1000, 66])})


def test_an_imported_snapshot_is_one_that_scenarios_can_name(tco: Tco, own, weights, tmp_path):
    done = tco("import", "snapshot", weights, *SAID)
    assert done.status == 0
    assert "stays unknown: digest, released" in done.out
    path = own / "snapshots" / "router.yaml"
    assert [path] == list(path.parent.iterdir())
    snapshot = Library(LIBRARY).load_snapshot(path)
    assert (snapshot.parameters, snapshot.version) == (66_000, "1e5"), "the version stays text"
    scenario = tmp_path / "base.yaml"
    text = (LIBRARY / "case" / "base.yaml").read_text()
    scenario.write_text(text.replace("snapshot: small", "snapshot: router"))
    library = Library(LIBRARY, own / "snapshots")
    assert library.load_scenario(scenario).snapshots["router"] == snapshot
    assert "router" in library.snapshot_ids()
    assert "router" not in Library(LIBRARY).snapshot_ids()


def test_what_is_missing_is_listed_and_nothing_is_written(tco: Tco, own, weights):
    done = tco("import", "snapshot", weights)
    assert (done.status, done.out) == (2, "")
    assert "licence: missing; say it with --set licence=..." in done.err
    assert not own.exists()


def test_a_template_filled_in_by_hand_is_imported(tco: Tco, own, weights, tmp_path):
    [row] = csv.DictReader(io.StringIO(tco("import", "snapshot", weights, "--template").out))
    assert (row["parameters"], row["precision"], row["licence"]) == ("66000.0", "fp16", "")
    for pair in SET:
        key, _, value = pair.partition("=")
        row[key] = value
    table = tmp_path / "models.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerows([row, row | {"id": "second"}])
    assert tco("import", "snapshot", table).status == 0
    first, second = (
        yaml.safe_load((own / "snapshots" / f"{name}.yaml").read_text())
        for name in ("router", "second")
    )
    assert first == second | {"id": "router"}
    assert not own.joinpath("snapshots", "models.yaml").exists()


def test_one_bad_row_leaves_nothing_behind(tco: Tco, own, tmp_path):
    header = tco("import", "snapshot", "--template").out.strip()
    cells = dict.fromkeys(header.split(","), "") | dict(pair.split("=") for pair in SET)
    good = cells | {"id": "good", "name": "Good", "openness": "open"}
    rows = [good, good | {"id": "../bad"}]
    table = tmp_path / "models.csv"
    table.write_text("\n".join([header, *(",".join(row.values()) for row in rows)]))
    done = tco("import", "snapshot", table)
    assert done.status == 2
    assert f"{table}:3: id: not a name" in done.err
    assert not own.exists()


def test_files_that_are_there_and_shipped_ids_stay_as_they_are(tco: Tco, own, weights):
    assert tco("import", "snapshot", weights, *SAID, "--set", "id=small").status == 2
    assert not own.exists(), "a shipped id is taken"
    assert tco("import", "snapshot", weights, *SAID).status == 0
    path = own / "snapshots" / "router.yaml"
    before = path.read_text()
    again = tco("import", "snapshot", weights, *SAID, "--set", "licence=bsd")
    assert (again.status, path.read_text()) == (2, before)
    assert "the file is there; choose another id, or say --replace" in again.err
    done = tco("import", "snapshot", weights, *SAID, "--set", "licence=bsd", "--replace")
    assert done.status == 0
    assert "licence: bsd" in path.read_text()


def test_json_writes_only_where_it_is_told_to(tco: Tco, own, weights, tmp_path):
    done = tco("import", "snapshot", weights, *SAID, "--json")
    document = json.loads(done.out)
    assert document["schema"] == "tco/snapshots/1"
    [entry] = document["snapshots"]
    assert entry["snapshot"]["parameters"] == 66_000
    assert {"digest", "runtime"} <= set(entry["unknown"])
    assert not own.exists()
    out = tmp_path / "out"
    assert tco("import", "snapshot", weights, *SAID, "--json", "--out", out).status == 0
    assert [file.name for file in out.iterdir()] == ["router.yaml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a source, or ask for an empty table with --template"),
        (("none.csv",), "there is nothing at none.csv"),
        (("none.csv", "--only", "m"), "--only chooses models and runs of an MLflow store"),
        (("x.csv", "--set", "lisence=mit"), "'lisence=mit'; nearest: licence"),
        (("x.csv", "--set", "licence"), "write KEY=VALUE"),
        (("x.csv", "--set", "parameters=8B"), "--set parameters: '8B' is not a plain number"),
        (("s3://bucket/model",), "stores of the kind s3:// are not read"),
        (("none.db",), "there is no store at none.db"),
    ],
)
def test_wrong_arguments_say_what_to_do(tco: Tco, own, arguments, words):
    done = tco("import", "snapshot", *arguments)
    assert done.status == 2
    assert words in done.err


def test_a_pickle_is_never_opened(tco: Tco, own, tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    done = tco("import", "snapshot", tmp_path / "model.pkl")
    assert (done.status, own.exists()) == (2, False)
    assert "can run code when it is read" in done.err
