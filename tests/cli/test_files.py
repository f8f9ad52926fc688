"""check, doctor and app: the commands around the answers."""

import json
import os
import sys
from pathlib import Path

import pytest

from tco import quiet
from tests.cli.conftest import LIBRARY, Tco
from tests.conftest import ROOT


def good(name: str) -> Path:
    return LIBRARY / name


# check


def test_check_says_that_all_is_fine(tco: Tco):
    done = tco("check", good("organisation.yaml"), *sorted(LIBRARY.glob("*/*.yaml")))
    assert (done.status, done.out, done.err) == (0, "5 files checked, fine\n", "")
    assert tco("check", good("organisation.yaml")).out == "1 file checked, fine\n"


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Two wrong files and one that is missing, in the current folder."""
    monkeypatch.chdir(tmp_path)
    organisation = good("organisation.yaml").read_text()
    (tmp_path / "first.yaml").write_text(organisation.replace("tags:", "tag:"))
    (tmp_path / "second.yaml").write_text(organisation.replace("0.08", ".nan") + "name: again\n")
    return ("first.yaml", "second.yaml", "third.yaml")


FINDINGS = (
    "first.yaml:9: tag: unknown key; nearest: tags; correct or remove it",
    "second.yaml:4: discount_rate_per_year.likely: '.nan' is not a finite number; "
    "write a plain number",
    "second.yaml:10: name: given twice (first on line 2); keep one of them",
    "third.yaml: cannot be read: No such file or directory; check the path and its rights",
)


def test_check_lists_every_finding_of_every_file_at_once(tco: Tco, bad: tuple[str, ...]):
    done = tco("check", *bad)
    assert (done.status, done.err) == (2, "")
    assert tuple(done.out.splitlines()) == FINDINGS


def test_the_json_of_check_holds_the_same(tco: Tco, bad: tuple[str, ...]):
    done = tco("check", *bad, "--json")
    assert done.status == 2
    document = json.loads(done.out)
    assert (document["schema"], document["files"]) == ("tco/check/1", 3)
    assert [(f["file"], f["line"], f["key"], f["near"]) for f in document["findings"]] == [
        ("first.yaml", 9, "tag", "tags"),
        ("second.yaml", 4, "discount_rate_per_year.likely", None),
        ("second.yaml", 10, "name", None),
        ("third.yaml", None, "", None),
    ]


def test_a_name_that_is_no_utf_8_is_shown_escaped(tco: Tco, tmp_path: Path):
    path = Path(os.fsdecode(bytes(tmp_path) + b"/\xff.yaml"))
    path.write_text("format: snapshot/1\n")
    done = tco("check", path)
    assert done.status == 2
    assert "\\udcff.yaml:1: id: missing" in done.out


# doctor


def test_doctor_says_where_everything_is(tco: Tco, data: Path):
    document = json.loads(tco("doctor", "--json").out)
    assert document["data"]["folder"] == str(data)
    assert document["data"]["found by"] == "the variable TCO_DATA"
    assert document["data"]["scenarios"] == 2
    assert document["data"]["snapshots"] == 2
    assert document["packages"]["pydantic"]
    assert document["machine"]["processors"] == os.cpu_count()
    text = tco("doctor").out
    for group in ("machine", "packages", "extras", "data"):
        assert f"{group}\n" in text


def test_doctor_works_where_the_data_is_missing(tco: Tco, tmp_path: Path):
    done = tco("--data", tmp_path, "doctor", "--json")
    assert done.status == 0
    problem = json.loads(done.out)["data"]["problem"]
    assert problem.startswith(f"{tmp_path} (from --data) has no folder pricing, scenarios, bench")


def test_doctor_says_how_to_install_what_is_missing(tco: Tco, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tco.cli.files.find_spec", lambda name: None)
    extras = json.loads(tco("doctor", "--json").out)["extras"]
    for found in extras.values():
        assert found.startswith("not installed; for ")
        assert ": pip install " in found


# app


def test_app_starts_streamlit_on_this_machine_alone(
    tco: Tco, data: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = []

    def started(program: str, arguments: list[str]) -> None:
        calls.append((program, arguments))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", started)
    done = tco("app", "--port", "9999")
    assert (done.status, done.out) == (0, "")
    assert done.err == "tco: the planner opens at http://localhost:9999 (Ctrl-C ends it)\n"
    [(program, arguments)] = calls
    assert program == sys.executable
    assert arguments[1:5] == ["-m", "streamlit", "run", str(ROOT / "streamlit_app.py")]
    assert arguments[arguments.index("--server.address") + 1] == "127.0.0.1"
    assert os.environ["TCO_DATA"] == str(data)
    assert os.environ["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] == "false"


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_app_refuses_what_is_no_port(tco: Tco, port: str):
    done = tco("app", "--port", port)
    assert done.status == 2
    assert "Invalid value for '--port'" in done.err


# telemetry


def test_every_switch_is_set_unless_a_person_has_set_it(monkeypatch: pytest.MonkeyPatch):
    for name in quiet.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    quiet.switch_telemetry_off()
    found = {name: os.environ[name] for name in quiet.SWITCHES}
    assert found == {**quiet.SWITCHES, "DO_NOT_TRACK": "0"}
    for name in quiet.SWITCHES:
        monkeypatch.setenv(name, os.environ[name])  # so that it is taken back afterwards
