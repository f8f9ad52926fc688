"""How fast requests are simulated: targets to look at, not asserted anywhere.

Everything runs on one core in one process. Speed is a ratio to a plain SimPy model of the same
system in the same run (``tests/oracles``), which travels between machines; so does the price of an
autoscaler over the bare kernel. Memory and time are followed from 1e5 to 1e8 requests.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tco.domain.faults import Interruptions
from tco.sim.faults import DrawnFaults
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.scaling import Hpa, Rule, Static
from tco.sim.service import BatchRule, linear_service
from tests.oracles.batching import Server

CHUNK = 100_000
BASE_S, PER_ITEM_S, LARGEST, MOST_WAIT_S = 0.02, 0.005, 8, 0.02
REPLICAS = 4
RATE_PER_S = 300.0
WEEK_S = 7 * 24 * 3600.0
SIZES = [10**5, 10**6, 10**7, 10**8]
MIB = 1024.0
ONE_SIZE = "--one-size"


def arrivals(requests: int, rate_per_s: float) -> Iterator[Requests]:
    """Give Poisson arrivals chunk by chunk; the draws of one chunk serve for all."""
    gaps_s = np.cumsum(np.random.default_rng(1).exponential(1 / rate_per_s, CHUNK))
    for first in range(0, requests, CHUNK):
        start_s = first // CHUNK * gaps_s[-1]
        yield Requests(start_s + gaps_s[: requests - first])


def rules(rule: Rule, minimum: int, maximum: int) -> FleetRules:
    """Make a fleet with dynamic batching."""
    return FleetRules(
        service=linear_service(BASE_S, PER_ITEM_S, LARGEST),
        batch=BatchRule(LARGEST, MOST_WAIT_S),
        rule=rule,
        minimum=minimum,
        maximum=maximum,
        boot_s=lambda: 120.0,
    )


def losing(fleet: FleetRules) -> FleetRules:
    """Let the fleet lose its machines as in a contended pool, with others standing in."""
    spot = Interruptions(preset="contended", notice_s=120.0, fallback="on_demand")
    return replace(fleet, faults=DrawnFaults(spot, None, seed=1))


def simulated_s(requests: int, rate_per_s: float, fleet: FleetRules) -> float:
    """Time a run without per-request results [s]."""
    began_s = time.perf_counter()
    found = Fleet(fleet, arrivals(requests, rate_per_s), until_s=requests / rate_per_s).run()
    taken_s = time.perf_counter() - began_s
    assert abs(found.arrived - requests) <= 0.02 * requests + 1
    return taken_s


def plain_s(requests: int) -> float:
    """Time the plain model on the same arrivals [s]."""
    [chunk] = arrivals(requests, RATE_PER_S)
    server = Server(
        seconds_of=lambda size: BASE_S + PER_ITEM_S * size,
        replicas=REPLICAS,
        max_size=LARGEST,
        max_wait_s=MOST_WAIT_S,
    )
    times = chunk.arrivals_s.tolist()
    began_s = time.perf_counter()
    outcomes = server.run(times)
    taken_s = time.perf_counter() - began_s
    assert all(one.fate == "served" for one in outcomes)
    return taken_s


def one_size(requests: int) -> None:
    """Simulate so many in this process, and print seconds and peak memory [MiB]."""
    static = rules(Static(REPLICAS), REPLICAS, REPLICAS)
    simulated_s(CHUNK, RATE_PER_S, static)  # loads the compiled kernel
    rounds = 2 if requests > SIZES[-2] else 5
    taken_s = min(simulated_s(requests, RATE_PER_S, static) for _ in range(rounds))
    print(taken_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB)


def in_own_process(requests: int) -> tuple[float, float]:
    """Return seconds and peak memory [MiB] of a process that simulates so many."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.bench_sim", ONE_SIZE, str(requests)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, mebibytes = map(float, done.stdout.split())
    return seconds, mebibytes


def main() -> None:
    """Print one line a figure."""
    static = rules(Static(REPLICAS), REPLICAS, REPLICAS)
    simulated_s(CHUNK, RATE_PER_S, static)
    many = 5_000_000
    ours = min(simulated_s(many, RATE_PER_S, static) for _ in range(5)) / many
    plain = min(plain_s(CHUNK // 2) for _ in range(5)) / (CHUNK // 2)
    week = int(50.0 * WEEK_S)
    bare_s = min(simulated_s(week, 50.0, rules(Static(2), 2, 2)) for _ in range(3))
    taken_s = min(simulated_s(week, 50.0, losing(rules(Static(2), 2, 2))) for _ in range(3))
    scaled_s = min(simulated_s(week, 50.0, rules(Hpa(0.6), 1, 8)) for _ in range(3))
    runs = [in_own_process(size) for size in SIZES]
    seconds, memory = zip(*runs, strict=True)
    logs = [(math.log(size), math.log(s)) for size, s in zip(SIZES, seconds, strict=True)][1:]
    exponent = float(np.polyfit(*zip(*logs, strict=True), 1)[0])
    figures = [
        (f"dynamic batching on {REPLICAS} replicas, over SimPy", plain / ours, "at least 300"),
        ("  (million requests a second, ours)", 1e-6 / ours, ""),
        ("  (thousand requests a second, plain SimPy)", 1e-3 / plain, ""),
        ("autoscaler every 15 s for a week at 50/s, over the bare kernel", scaled_s / bare_s,
         "at most 2"),
        ("machines taken away and replaced for that week, over the bare kernel", taken_s / bare_s,
         "at most 2"),
        ("peak memory, 1e8 over 1e5 requests", memory[-1] / memory[0], "at most 1.1"),
        ("exponent of time from 1e6 to 1e8 requests", exponent, "0.95 to 1.05"),
        ("  (seconds for 1e8 requests)", seconds[-1], ""),
    ]  # fmt: skip
    for text, value, target in figures:
        print(f"{text:70} {value:8.3f}{f'   target {target}' if target else ''}")


if __name__ == "__main__":
    if ONE_SIZE in sys.argv:
        one_size(int(sys.argv[-1]))
    else:
        main()
