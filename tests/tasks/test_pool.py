"""One pool of processes: it survives a worker that dies, and what is done stays done."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from tco.errors import InfeasibleError, TcoError
from tco.tasks import Kept, Pool, StoppedError, Watch
from tests.conftest import ROOT
from tests.tasks.deadly import Killer, Refused, Sleeper, Square


@pytest.fixture(scope="module")
def pool():
    """Two workers for all tests here: starting one takes a second."""
    made = Pool(2)
    yield made
    made.close()


def outcomes(pool: Pool, tasks):
    return dict(pool.run(tasks))


def test_results_come_back_under_their_number_from_other_processes(pool):
    found = outcomes(pool, [Square(number) for number in range(5)])
    assert [found[number]["square"] for number in range(5)] == [0, 1, 4, 9, 16]
    workers = {answer["pid"] for answer in found.values()}
    assert os.getpid() not in workers
    assert len(workers) <= 2
    again = outcomes(pool, [Square(7), Square(8)])
    assert {answer["pid"] for answer in again.values()} & workers, "workers are kept"


def test_a_task_whose_worker_dies_is_begun_again_and_the_others_are_not_lost(
    pool, tmp_path, caplog
):
    found = outcomes(pool, [Killer(str(tmp_path), 1), Square(3), Square(4)])
    assert found[0] == {"survived": 1}
    assert [found[1]["square"], found[2]["square"]] == [9, 16]
    assert "a worker died; its task is begun again" in caplog.text


def test_a_task_that_kills_its_worker_twice_is_reported_as_that(pool, tmp_path):
    watch = Watch()
    found = dict(pool.run([Killer(str(tmp_path), 99), Square(3)], watch))
    assert watch.lost == 1
    assert isinstance(found[0], TcoError)
    assert "killed 2 worker processes" in str(found[0])
    assert found[1]["square"] == 9
    assert len(list(tmp_path.iterdir())) == 2
    assert outcomes(pool, [Square(5)])[0]["square"] == 25, "the pool goes on"


def test_a_refusal_comes_back_as_one_with_its_words(pool):
    found = outcomes(pool, [Refused()])[0]
    assert isinstance(found, InfeasibleError)
    assert str(found).startswith("no thing 'x'")


def test_stopping_keeps_what_has_come_and_ends_the_workers(tmp_path, monkeypatch):
    pool = Pool(2)
    monkeypatch.setattr("tco.tasks.the_pool", lambda: pool)
    kept = Kept(tmp_path)
    real = Kept._keep

    def keep_and_stop(self, key, outcome):
        real(self, key, outcome)
        raise KeyboardInterrupt

    monkeypatch.setattr(Kept, "_keep", keep_and_stop)
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        kept.work_out([Square(6), Sleeper(60.0)])
    assert time.monotonic() - began_s < 30
    assert Kept(tmp_path).of(Square(6))["square"] == 36
    assert pool._workers == []


def test_a_worker_does_not_run_the_program_again(tmp_path, monkeypatch):
    """Neither a script without a guard nor a page of the app may start anew in a worker."""
    script = tmp_path / "script.py"
    script.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    main = ModuleType("__main__")
    main.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", main)
    pool = Pool(1)
    assert outcomes(pool, [Square(2)])[0]["square"] == 4
    pool.close()
    assert not (tmp_path / "ran").exists()
    assert sys.modules["__main__"] is main


def test_little_work_is_done_here(tmp_path):
    kept = Kept(tmp_path)
    few = [Square(number, about_s=0.1) for number in (1, 2)]
    kept.work_out(few)
    assert {kept.of(task)["pid"] for task in few} == {os.getpid()}


def test_work_that_nobody_waits_for_ends_within_two_seconds_with_its_workers(monkeypatch):
    pool = Pool(1)
    monkeypatch.setattr("tco.tasks.the_pool", lambda: pool)
    watch = Watch()
    stop = threading.Timer(1.0, watch.stop)
    stop.start()
    begun = time.monotonic()
    with pytest.raises(StoppedError):
        Kept(watch=watch).work_out([Sleeper(30.0)])
    assert time.monotonic() - begun < 3.0
    assert pool._workers == []
    assert (watch.done, watch.wanted) == (0, 1)


PROGRAM = """
import threading, time
from tco.tasks import Pool
from tests.conftest import ROOT
from tests.tasks.deadly import Sleeper
pool = Pool(1)
threading.Thread(target=lambda: list(pool.run([Sleeper(600.0)])), daemon=True).start()
while not pool._workers:
    time.sleep(0.05)
print(pool._workers[0].process.pid, flush=True)
time.sleep(600)
"""


def lives(process: int) -> bool:
    """Tell whether a process runs; one that nobody has taken notice of yet does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_worker_ends_when_its_program_is_killed_in_the_middle_of_its_work():
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    worker = int(program.stdout.readline())
    assert lives(worker)
    time.sleep(3.0)  # so that it is at its task
    program.kill()
    program.wait()
    program.stdout.close()
    due_s = time.monotonic() + 120
    while lives(worker):
        assert time.monotonic() < due_s, "it works on for nobody"
        time.sleep(0.1)


def test_who_waits_for_the_workers_of_another_can_stop_waiting():
    pool, watch = Pool(1), Watch()
    watch.stop()
    with pool._lock, pytest.raises(StoppedError):
        list(pool.run([Square(2)], watch))
