"""How fast a sweep is: two workers against one, what a cell costs beside its work, and reading it.

Targets: two workers finish cells of a second or more of work 1.6 times as fast as one, where the
machine lets two processes that share nothing gain that much; less than
5 ms a cell beside its work, also on a cluster; 100,000 rows opened and drawn within 2 s.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tco.charts.picture import as_svg
from tco.charts.sweeps import regions
from tco.domain.loading import Library
from tco.domain.sweep import OPTION_COLUMNS
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.sweep import Engine, Local, ResultFolder, question_of, read_folder, run_sweep
from tco.sweep.answer import REFUSED, ROWS
from tco.sweep.cells import Cell
from tco.sweep.cluster import Cluster
from tco.sweep.question import Question
from tco.sweep.report import NOBODY, Report
from tco.tasks import the_pool

SPEED_UP, OVERHEAD_S, READ_S = 1.6, 0.005, 2.0
BUSY_BELOW = 1.7
"""Where two processes that share nothing gain less than this, others use the machine."""
PLAIN_STEPS, TRIES = 10_000_000, 3
HEAVY_CELLS, LIGHT_CELLS, ROWS_READ, OPTIONS = 12, 400, 100_000, 8
WAIT_S = 60.0


def asked(place: Path, **changes: Any) -> Question:
    """Write a sweep of the internal tool, and load what it rests on."""
    file = place / "bench.yaml"
    content = {
        "format": "sweep/1", "name": "bench", "title": "t", "question": "q",
        "scenario": "internal-tool/base", "design": {"kind": "grid"}, **changes,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(content))
    library = Library(Path("scenarios"))
    tables = Catalog.load(Path("pricing")), Measurements.load(Path("benchmarks"))
    return question_of(library.load_sweep(file), place, library, *tables)


def values(key: str, levels: list[Any]) -> dict[str, Any]:
    """Return an axis."""
    return {"kind": "values", "keys": [key], "values": levels}


def taken_s(question: Question, engine: Engine, out: Path) -> tuple[float, float]:
    """Return wall time, and the seconds that workers spent on cells."""
    folder = ResultFolder.opened(out, question, resume=False)
    began_s = time.perf_counter()
    try:
        run_sweep(question, folder, engine)
    finally:
        folder.close()
    return time.perf_counter() - began_s, folder.work.cells_s


def two_against_one(place: Path) -> bool:
    """Simulate every request of every month, with other seeds, on one process and on two."""
    wall_s = {}
    for workers in (1, 2):
        os.environ["XDG_CACHE_HOME"] = str(place / f"cache-{workers}")
        volumes = [2e5 + n for n in range(HEAVY_CELLS)]
        axes = {"volume": values("workload.requests_per_month", volumes)}
        question = asked(place, fidelity="full", axes=axes)
        engine = Local(question.ground, workers)
        wall_s[workers], _ = taken_s(question, engine, place / str(workers))
    ratio, each_s = wall_s[1] / wall_s[2], wall_s[1] / HEAVY_CELLS
    most = of_the_machine()
    is_busy = most < BUSY_BELOW
    verdict = "the machine is too busy to judge" if is_busy else f"target {SPEED_UP:g}"
    print(f"{HEAVY_CELLS} cells of {each_s:.1f} s: two workers {ratio:.2f} times as fast as one; "
          f"two plain loops {most:.2f} times ({verdict})", flush=True)  # fmt: skip
    return is_busy or ratio >= SPEED_UP


def of_the_machine() -> float:
    """Return how much faster two processes count than one, at best: what there is to gain."""
    with get_context("spawn").Pool(2) as two:
        two.map(counted_to, [1, 1])
        gains = []
        for _ in range(TRIES):
            began_s = time.perf_counter()
            counted_to(2 * PLAIN_STEPS)
            turn_s = time.perf_counter()
            two.map(counted_to, [PLAIN_STEPS] * 2, chunksize=1)
            gains.append((turn_s - began_s) / (time.perf_counter() - turn_s))
    return max(gains)


def counted_to(steps: int) -> int:
    """Keep a processor busy."""
    total = 0
    for number in range(steps):
        total += number & 1
    return total


def light(place: Path) -> Question:
    """Return cells that are refused at once: what is left is what a cell costs beside its work."""
    growth = [-100.0 - n for n in range(LIGHT_CELLS)]
    return asked(place, axes={"growth": values("workload.growth_per_year", [0.1, *growth])})


def overhead(place: Path, name: str, question: Question, engine: Engine, workers: int) -> bool:
    """Print what a cell takes beside its work, once workers have begun."""
    taken_s(question, engine, place / f"{name}-first")
    wall_s, worked_s = taken_s(question, engine, place / f"{name}-again")
    beside_s = (wall_s - worked_s / workers) / len(question.cells)
    rate = len(question.cells) / wall_s
    print(f"{name}: {beside_s * 1e3:.2f} ms a cell beside its work (target "
          f"{OVERHEAD_S * 1e3:g} ms), {rate:,.0f} cells a second", flush=True)  # fmt: skip
    return beside_s < OVERHEAD_S


def on_a_cluster(place: Path, question: Question) -> bool:
    """Measure the same on a scheduler and two workers of this machine."""
    file = place / "scheduler.json"
    started = [server("dask_scheduler", "--port", "0", "--scheduler-file", file)]
    try:
        ends_s = time.monotonic() + WAIT_S
        while time.monotonic() < ends_s:
            if file.exists() and file.read_text().rstrip().endswith("}"):
                break
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        for number in range(2):
            started.insert(0, server(
                "dask_worker", address, "--no-nanny", "--nthreads", "1",
                "--local-directory", place / f"w{number}",
            ))  # fmt: skip
        cluster = Cluster.at(address, question.ground)
        try:
            return overhead(place, "Dask, two workers", question, cluster, 2)
        finally:
            cluster.close()
    finally:
        for process in started:
            process.kill()
            process.wait(WAIT_S)


def server(name: str, *arguments: object) -> "subprocess.Popen[bytes]":
    """Start a part of a cluster on the loopback."""
    command = [sys.executable, "-m", f"distributed.cli.{name}", *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--no-dashboard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def reading(place: Path) -> bool:
    """Open a hundred thousand rows, find out who wins where, and draw it."""
    cells = ROWS_READ // OPTIONS
    side = int(cells**0.5)
    axes = {
        "volume": values("workload.requests_per_month", [1e3 + n for n in range(side)]),
        "growth": values("workload.growth_per_year", [n / side for n in range(cells // side + 1)]),
    }
    question = asked(place, axes=axes)
    folder = ResultFolder.opened(place / "rows", question, resume=False)
    drawn = np.random.default_rng(1).lognormal(10.0, 1.0, size=(len(question.cells), OPTIONS))
    for cell, usd in zip(question.cells, drawn, strict=True):
        folder.add(question.done(cell, made_up(cell, usd)))
    folder.write()
    folder.close()
    began_s = time.perf_counter()
    report = Report.of(read_folder(place / "rows"))
    table = report.regions("volume", "growth")
    chart = regions(table, across="volume", up="growth", nobody=NOBODY, title="t")
    size = len(as_svg(chart))
    wall_s = time.perf_counter() - began_s
    rows = report.found.table.num_rows
    print(f"{rows:,} rows opened and drawn in {wall_s:.2f} s (target {READ_S:g} s), {size:,} bytes",
          flush=True)  # fmt: skip
    return wall_s < READ_S


def made_up(cell: Cell, usd: Any) -> dict[str, Any]:
    """Return an outcome with a row an option."""
    rows = []
    for number, cost in enumerate(usd):
        figures = {"option": f"o{number}", "snapshots": f"s{number}", "place": "ranked",
                   "cost_usd": float(cost)}  # fmt: skip
        rows.append([figures.get(name) for name in OPTION_COLUMNS])
    return {ROWS: rows} if cell.levels else {REFUSED: "nothing varies"}


def main() -> int:
    """Print a line a figure; 1 if one misses its target."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        in_time = [reading(place)]
        question = light(place)
        in_time.append(
            overhead(place, "the pool", question, Local(question.ground), the_pool().size)
        )
        in_time.append(on_a_cluster(place, question))
        in_time.append(two_against_one(place))
    return int(not all(in_time))


if __name__ == "__main__":
    sys.exit(main())
