"""What a route takes over its steps by themselves: a target to look at, in one run.

A chain of three steps, each in batches, on the same recorded arrivals: once as a route, and once
fleet by fleet.
"""

from __future__ import annotations

import time

import numpy as np

from tco.sim.fleet import Fleet, FleetRules
from tco.sim.routes import Route, Step, run_route
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, linear_service
from tco.sim.stations import FleetStation

REQUESTS = 300_000
RATE_PER_S = 300.0
ROUNDS = 9


def rules() -> FleetRules:
    """Make a fleet with dynamic batching."""
    return FleetRules(
        service=linear_service(0.02, 0.005, 8),
        batch=BatchRule(8, 0.02),
        rule=Static(4),
        minimum=4,
        maximum=4,
    )


def main() -> None:
    """Print the ratio of times."""
    gaps_s = np.random.default_rng(1).exponential(1 / RATE_PER_S, REQUESTS)
    arrivals_s = np.cumsum(gaps_s)
    route = Route.of(
        [Step("embed", "a"), Step("find", "b", ("embed",)), Step("say", "c", ("find",))]
    )
    stations = {name: FleetStation(rules, 1.0) for name in "abc"}
    route_s, alone_s = [], []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        found = run_route(route, stations, arrivals_s, seed=1)
        route_s.append(time.process_time() - began_s)
        recorded = [run.calls for run in found.stations.values()]
        del found
        began_s = time.process_time()
        for calls in recorded:
            until_s = float(calls.arrivals_s[-1])
            Fleet(rules(), [calls], until_s=until_s, keep_requests=REQUESTS).run(to_the_last=True)
        alone_s.append(time.process_time() - began_s)
    ratio = min(route_s) / min(alone_s)
    print(f"a route of three steps over its steps: {ratio:.3f}   target at most 1.5")


if __name__ == "__main__":
    main()
