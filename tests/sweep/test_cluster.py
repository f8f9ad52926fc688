"""A sweep on a real Dask cluster of processes: the same content, whoever dies on the way."""

from pathlib import Path

import pytest

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
