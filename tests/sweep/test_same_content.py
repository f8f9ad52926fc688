"""A thousand cells give the same content on one process, on two, and on a cluster, whoever dies."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tco.sweep import read_folder
from tco.sweep.cluster import Cluster
from tests.sweep.plans import CELLS, content, data_folder, large_sweep, question, run_here
from tests.sweep.servers import Servers, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def asked(folder):
    return question(large_sweep(folder), folder)


@pytest.fixture(scope="module")
def reference(asked, tmp_path_factory):
    """What one process makes of it."""
    out = tmp_path_factory.mktemp("one")
    run_here(asked, out)
    return content(out)


def done(out: Path) -> int:
    file = out / "manifest.json"
    return json.loads(file.read_text())["done"] if file.exists() else 0


def test_the_reference_has_every_cell_once_and_a_tenth_is_refused(asked, reference):
    assert len(asked.cells) == CELLS
    assert reference.num_rows == CELLS
    assert len(set(reference["cell"].to_pylist())) == CELLS
    assert reference["status"].to_pylist().count("refused") == CELLS // 10


def test_two_processes_and_a_client_that_is_killed_and_resumed(asked, reference, folder, tmp_path):
    out = tmp_path / "out"
    command = [
        sys.executable, "-m", "tco", "--data", folder, "sweep", "run", folder / "large.yaml",
        "--workers", "2", "--out", out,
    ]  # fmt: skip
    client = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: done(out) > 0)
    os.kill(client.pid, signal.SIGKILL)
    client.wait(60)
    before = content(out)
    assert 0 < before.num_rows < CELLS, "it was killed midway"
    again = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=600)
    assert again.returncode == 0, again.stderr
    assert f"{before.num_rows:,} of them done before" in again.stderr
    assert content(out).equals(reference)


def test_a_cluster_that_loses_a_worker_midway_and_is_joined_by_another(asked, reference, tmp_path):
    servers = Servers.started(tmp_path)
    out = tmp_path / "out"

    def at_work(progress):
        """A third of the way kill one worker; halfway wait for another that joins."""
        if progress.done == CELLS // 3:
            servers.kill(servers.workers[0])
            servers.add_worker()
        if progress.done == CELLS // 2:
            until(lambda: cluster._threads.keys() - first)

    try:
        servers.add_worker()
        servers.add_worker()
        cluster = Cluster.at(servers.address, asked.ground)
        until(lambda: len(cluster._threads) == 2)
        first = set(cluster._threads)
        run_here(asked, out, engine=cluster, tell=at_work)
        assert len(cluster._threads.keys() - first) == 1, "another has joined"
        cluster.close()
    finally:
        servers.close()
    assert read_folder(out).manifest.is_complete
    assert content(out).equals(reference)
