"""``tco measure calibrate`` as it is typed."""

import json
from pathlib import Path
from typing import Any

from tco.calibrate.served import Server, closed_loop
from tco.domain.measured import Kind, Measured, Phase, Unit
from tco.measure.measured_files import read_measured, write_measured
from tests.measure.sweeps import batch, measured


def loop(*clients: int) -> Measured:
    """Answer as a server does with 3 ms of host work and batches of 2 + 8 n ms, up to 4."""
    server = Server(max_batch=4)
    service = server.service(0.003, 0.002, 0.008)
    rates = {n: closed_loop(service, server, n).answered_per_s for n in clients}
    requests: dict[str, Any] = {
        "phase": Phase.REQUEST,
        "batch": None,
        "throughput_unit": Unit.REQUESTS,
    }
    points = [
        batch(1, n / rate, concurrency=n, throughput_per_s=rate, **requests)
        for n, rate in rates.items()
    ]
    return measured(points, id="mine", kind=Kind.ENDPOINT)


def test_a_loop_becomes_the_two_stages_of_a_server(tco, tmp_path: Path):
    path = write_measured(loop(1, 2, 4, 8), tmp_path)
    refused = tco("measure", "fit", path)
    assert refused.status == 2
    assert "Fit it with 'tco measure calibrate'" in refused.err
    done = tco("measure", "calibrate", path, "--max-batch", "4", "--out", tmp_path / "own")
    assert done.status == 0
    assert "host: 3 ms a request, 1 at once" in done.out
    assert "batch of n: 2 + 8 x n ms, spread 0%, up to 4" in done.out
    written = read_measured(tmp_path / "own" / "mine.json")
    assert written.served is not None
    assert written.served.clients == (1, 2, 4, 8)
    fitted = tco("measure", "fit", tmp_path / "own" / "mine.json").out
    assert "measured from 1 to 4 at once" in fitted
    assert "not calibrated" not in fitted


def test_the_stages_are_one_json_document(tco, tmp_path: Path):
    path = write_measured(loop(1, 2, 4, 8), tmp_path)
    done = tco("measure", "calibrate", path, "--max-batch", "4", "--out", tmp_path, "--json")
    document = json.loads(done.out)
    assert document["schema"] == "tco/measure-calibrate/1"
    assert document["served"]["front_end"]["parallel"] == 1


def test_a_loop_too_short_is_refused_with_what_to_measure(tco, tmp_path: Path):
    path = write_measured(loop(1, 2, 4), tmp_path)
    done = tco("measure", "calibrate", path, "--max-batch", "4", "--out", tmp_path / "own")
    assert done.status == 2
    assert "measure the server with 'tco measure run'" in done.err
    assert not (tmp_path / "own").exists()
