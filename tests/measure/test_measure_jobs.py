"""Job files, and a measurement from the command to its file in processes of their own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tco.cli.main import main as command
from tco.domain.measure_job import CallableJob, ModelPlace
from tco.errors import InputError, NotFoundError, TcoError
from tco.measure.harness import Harness
from tco.measure.measured_files import read_measured
from tco.measure.model_files import digest_of_weights, load_jobs, place_of
from tco.measure.runners import open_runner
from tco.measure.worker import Request, Teller, answer_once, job_of, main, measure
from tests.conftest import ROOT
from tests.measure.conftest import HASTY, job_file

SLEEPER = {
    "runner": "callable",
    "snapshot": "sleeper",
    "source": "a test",
    "function": "sleeper:make",
    "runtime": "time.sleep",
    "precision": "none",
    "batches": [1, 4],
}


def test_the_shipped_job_files_are_valid_and_their_architectures_there():
    for name in ("cpu.yaml", "gpu.yaml"):
        file = ROOT / "benchmarks" / "measure" / name
        for job in load_jobs(file).measurements.values():
            model = getattr(job, "model", None)
            if isinstance(model, ModelPlace) and model.path.startswith("architectures/"):
                assert place_of(model, file.parent).is_file()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"runner": "tensorflow"}, "'tensorflow' is not known here"),
        ({"batches": []}, "batches"),
        ({"batches": [0]}, "batches"),
        ({"function": "os.system('x')"}, "function"),
        ({"precison": "fp32"}, "unknown key; nearest: precision"),
    ],
)
def test_what_is_wrong_with_a_job_is_told(tmp_path: Path, change, says: str):
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        load_jobs(job_file(tmp_path, sleeper={**SLEEPER, **change}))


ENDPOINT = {
    "runner": "endpoint", "snapshot": "s", "source": "t", "api": "http",
    "url": "http://127.0.0.1:1",
    "template": {"path": "/x"}, "runtime": "r", "precision": "p", "concurrency": [1],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"template": None}, "takes a template"),
        ({"model": "m"}, "name the model for chat"),
        ({"concurrency": None}, "give concurrency, open_loop or both"),
        ({"concurrency": [2, 4], "pause_alone_s": 0.03}, "only one client alone pauses"),
        ({"hardware": "H100-SXM"}, "give hardware and its count together"),
        ({"open_loop": {}}, "either rates_per_s or arrivals_s"),
        ({"open_loop": {"arrivals_s": [2, 1]}}, "not in order"),
        ({"url": "http://user:secret@127.0.0.1"}, "url"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_told(tmp_path: Path, change, says: str):
    load_jobs(job_file(tmp_path, server=ENDPOINT))
    with pytest.raises(InputError, match=says):
        load_jobs(job_file(tmp_path, server={**ENDPOINT, **change}))


def test_a_model_is_found_in_its_package_and_never_outside_it(tmp_path: Path):
    inside = place_of(ModelPlace(package="pydantic", path="main.py"), tmp_path)
    assert inside.name == "main.py"
    with pytest.raises(TcoError, match="leaves the package pydantic"):
        place_of(ModelPlace(package="pydantic", path="../numpy/__init__.py"), tmp_path)
    with pytest.raises(TcoError, match="'nosuchpackage', which ships the model, is not installed"):
        place_of(ModelPlace(package="nosuchpackage", path="x"), tmp_path)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(NotFoundError, match=r"Near it: model\.onnx"):
        place_of(ModelPlace(path="modl.onnx"), tmp_path)


def test_a_digest_is_that_of_the_weights_alone(tmp_path: Path):
    (tmp_path / "a.safetensors").write_bytes(b"one")
    (tmp_path / "config.json").write_text("{}")
    before = digest_of_weights(tmp_path)
    (tmp_path / "config.json").write_text("{ }")
    assert digest_of_weights(tmp_path) == before
    (tmp_path / "a.safetensors").write_bytes(b"two")
    assert digest_of_weights(tmp_path) != before
    assert digest_of_weights(tmp_path / "config.json") is None


@pytest.mark.usefixtures("sleeper")
def test_a_function_of_the_users_is_timed():
    job = CallableJob.model_validate({**SLEEPER, "batches": (1, 5)})
    one, five = Harness(HASTY).sweep(open_runner(job, Path()).runner).points
    assert 0.002 <= one.seconds.typical < 0.01
    assert five.seconds.typical > 3 * one.seconds.typical


@pytest.mark.usefixtures("sleeper")
@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("nowhere:make", "run where Python finds the module"),
        ("sleeper:mak", "the module 'sleeper' has no 'mak'"),
        ("sleeper:time", "is no function"),
        ("sleeper:wrong", "it must return a function"),
    ],
)
def test_a_function_that_is_none_is_said(function: str, says: str):
    job = CallableJob.model_validate({**SLEEPER, "function": function, "batches": (1,)})
    with pytest.raises(TcoError, match=says):
        Harness(HASTY).sweep(open_runner(job, Path()).runner)


def test_a_measurement_says_how_to_repeat_it(sleeper: Path, capsys):
    file = job_file(sleeper, nap=SLEEPER)
    out = sleeper / "out"
    request = Request(file=file, name="nap", out=out, quick=True, meter="none", loads=1)
    found = read_measured(measure(request, Teller("nap", every_s=0)))
    assert [p.batch for p in found.points] == [1, 4]
    assert found.environment is not None
    assert found.environment.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found.environment.code_version
    assert found.environment.load.others_processors is not None
    assert found.effort is not None
    assert found.effort.quick
    assert {p.energy_withheld for p in found.points} == {"no meter was asked for"}
    assert found.points[0].peak_host_gib
    assert found.load_times is not None
    assert 0.05 < found.load_times.seconds[0] < 60
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("nap: 0 of 4  forward batch 1")
    assert told[-1].startswith("nap: 4 of 4")


def test_a_worker_answers_once_or_says_why_not(sleeper: Path, monkeypatch, capsys):
    file = job_file(sleeper, nap=SLEEPER, wrong={**SLEEPER, "function": "sleeper:mak"})
    answer_once(Request(file=file, name="nap"))
    assert job_of(Request(file=file, name="nap")).snapshot == "sleeper"

    class Given:
        def __init__(self, name: str) -> None:
            self.text = Request(file=file, name=name).model_dump_json()

        def read(self) -> str:
            return self.text

    monkeypatch.setattr(sys, "stdin", Given("nap"))
    assert main() == 0
    monkeypatch.setattr(sys, "stdin", Given("wrong"))
    assert main() == 2
    said = capsys.readouterr()
    assert said.out == "answered\n"
    assert said.err.startswith("tco: sleeper:mak: the module 'sleeper' has no 'mak'")


def hears_ctrl_c() -> None:
    """Undo that whoever runs the tests may be deaf to it, as under nohup; children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tco", "--data", ROOT, "measure", *map(str, arguments)],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=hears_ctrl_c,  # noqa: PLW1509 - no thread of ours runs here
    )


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Run `tco measure` in this process; its workers are processes of their own."""

    def run(*arguments: object) -> tuple[int, str, str]:
        words = ["tco", "--data", str(ROOT), "measure", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as left:
            command()
        shown = capfd.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, shown.out, shown.err

    return run


QUICKLY = ("--quick", "--meter", "none", "--loads", 0)


def test_the_command_measures_shows_and_lists(sleeper: Path, measuring):
    file = job_file(sleeper, nap=SLEEPER)
    status, out, err = measuring("run", file, *QUICKLY)
    assert status == 0
    assert out.startswith("nap: time.sleep, none, classic\n  forward    batch 1 ")
    assert "no energy: no meter was asked for" in out
    assert "tco: wrote" in err
    rows = json.loads(measuring("list", "--json")[1])["measurements"]
    assert [row["own"] for row in rows if row["id"] == "nap"] == [True]
    line = next(line for line in measuring("list")[1].splitlines() if line.startswith("nap "))
    assert line.endswith("your own")


def test_what_failed_is_named_and_the_rest_is_not_lost(sleeper: Path, measuring):
    file = job_file(sleeper, wrong={**SLEEPER, "function": "sleeper:mak"}, nap=SLEEPER)
    status, out, err = measuring("run", file, *QUICKLY, "--json", "--out", sleeper / "out")
    assert status == 2
    document = json.loads(out)
    assert document["failed"] == ["wrong"]
    assert [row["id"] for row in document["measurements"]] == ["nap"]
    assert "the module 'sleeper' has no 'mak'" in err
    assert "tco: not measured: wrong" in err
    status, _, err = measuring("run", file, "--only", "nop")
    assert (status, "Near it: nap" in err) == (2, True)


def test_ctrl_c_leaves_a_whole_file_of_what_is_finished(sleeper: Path):
    slow = {**SLEEPER, "batches": [1, 100_000]}  # the second batch sleeps for minutes
    file = job_file(sleeper, nap=slow)
    ran = started("run", file, *QUICKLY, "--out", sleeper / "out", cwd=sleeper)
    assert ran.stderr is not None
    assert ran.stdout is not None
    assert "0 of 4" in ran.stderr.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        ran.wait(4)  # the first point is done, the second never
    for _ in range(4):  # a signal that falls into a clean-up of Python's is lost: press again
        os.killpg(ran.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            ran.communicate(timeout=15)
            break
    assert ran.returncode == 130
    found = read_measured(sleeper / "out" / "nap.json")
    assert found.interrupted
    assert [p.batch for p in found.points] == [1]
