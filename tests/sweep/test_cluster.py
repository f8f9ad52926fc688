"""A sweep on a real Dask cluster of processes: the same content, whoever dies on the way."""

import shutil
from pathlib import Path

import pytest

import tco
from tco.errors import TcoError
from tco.sweep import read_folder
from tco.sweep.cluster import Cluster
from tests.sweep.plans import content, data_folder, question, run_here, sweep_file, values
from tests.sweep.servers import Servers, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    running = Servers.started(tmp_path_factory.mktemp("cluster"))
    try:
        running.add_worker()
        running.add_worker()
        yield running
    finally:
        running.close()


def connected(servers: Servers, asked, *, workers: int = 2) -> Cluster:
    cluster = Cluster.at(servers.address, asked.ground)
    until(lambda: len(cluster._threads) == workers)
    return cluster


def on_cluster(servers: Servers, asked, out: Path, *, workers: int = 2, **settings):
    cluster = connected(servers, asked, workers=workers)
    try:
        return run_here(asked, out, engine=cluster, **settings)
    finally:
        cluster.close()


def test_simulations_are_worked_out_once_for_all_workers(folder, servers, tmp_path):
    axes = {
        "volume": {"kind": "factors", "keys": ["workload.requests_per_month"], "factors": [1, 3]},
        "rise": values("price_paths.rise.shocks[0].change", [0.0, 0.1, 0.2, -9.0]),
    }
    asked = question(sweep_file(folder, name="own", scenario="case/base", axes=axes), folder)
    alone = run_here(asked, tmp_path / "one")
    both = on_cluster(servers, asked, tmp_path / "two")
    assert both.work.simulations == alone.work.simulations > 0
    assert content(tmp_path / "one").equals(content(tmp_path / "two"))
    assert (both.manifest.done, both.manifest.refused) == (8, 2)


def test_a_scheduler_that_does_not_answer_is_told(folder, monkeypatch):
    monkeypatch.setattr("tco.sweep.cluster.CONNECT_S", 0.5)
    asked = question(sweep_file(folder), folder)
    with pytest.raises(TcoError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        Cluster.at("tcp://127.0.0.1:9", asked.ground)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "http://a:1", "tcp://a", "tcp://a b:1"])
def test_what_is_no_address_is_refused(folder, address):
    asked = question(sweep_file(folder), folder)
    with pytest.raises(TcoError, match="no address of a scheduler"):
        Cluster.at(address, asked.ground)


def test_a_worker_with_another_version_is_refused_before_any_work(folder, tmp_path, monkeypatch):
    """Its package is a copy of ours with one line more."""
    other = tmp_path / "other"
    ours = Path(tco.__file__).parent
    shutil.copytree(ours, other / "tco", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "tco" / "units.py").open("a") as units:
        units.write("# another version\n")
    asked = question(sweep_file(folder), folder)
    servers = Servers.started(tmp_path)
    try:
        with monkeypatch.context() as hurried:
            hurried.setattr("tco.sweep.cluster.FIRST_WORKER_S", 0.5)
            with pytest.raises(TcoError, match="has no worker"):
                Cluster.at(servers.address, asked.ground)
        servers.add_worker()
        cluster = connected(servers, asked, workers=1)
        servers.add_worker(PYTHONPATH=str(other))
        until(lambda: len(cluster._threads) == 2)
        with pytest.raises(TcoError, match=r"no cell was begun.*\ntcp://.*: code of tco \w+, here"):
            Cluster.at(servers.address, asked.ground)
        # It may also join while a sweep is running: then nothing of it is kept.
        servers.kill(servers.workers[0])
        with pytest.raises(TcoError, match="a worker is not like this machine"):
            run_here(asked, tmp_path / "out", engine=cluster)
        cluster.close()
        assert read_folder(tmp_path / "out").manifest.done == 0
    finally:
        servers.close()


def test_a_scheduler_that_goes_away_is_told_and_what_came_back_is_kept(folder, tmp_path):
    axes = {"growth": values("workload.growth_per_year", [0.01 * n for n in range(40)])}
    asked = question(sweep_file(folder, name="many", axes=axes), folder)
    servers = Servers.started(tmp_path)
    out = tmp_path / "out"
    try:
        servers.add_worker()
        cluster = connected(servers, asked, workers=1)
        with pytest.raises(TcoError, match=r"has gone\. What came back before is kept"):
            run_here(
                asked, out, engine=cluster,
                tell=lambda p: servers.kill(servers.scheduler) if p.done == 5 else None,
            )  # fmt: skip
        cluster.close()
    finally:
        servers.close()
    kept = read_folder(out).manifest.done
    assert 5 <= kept < 40
    assert run_here(asked, out, resume=True).manifest.is_complete
