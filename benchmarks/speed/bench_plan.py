"""How fast a plan is worked out: with an empty cache, again, and moved along the slider.

A miss fails.

Ratios are to a yardstick of plain Python measured beside them, so that machines can be compared.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np

from tco.domain.loading import Library
from tco.ledger import book
from tco.measure.library import Measurements
from tco.plan import Settings, evaluate
from tco.prices import Catalog
from tco.rank.uncertainty import FIRST_DRAWS
from tco.sim.static_fleet import StaticFleet, simulate_static_fleet
from tco.store.plan import VOLUME_FACTORS, Plan

ROUNDS, STEPS = 5, 20
YARDSTICK_ADDITIONS = 1_000_000
EIGHT_OPTIONS = ("ticket-classification/base", "support-chat/base")
"""Shipped plans of eight options over 36 months, with the most to simulate."""
COLD_S, WARM_S, STEP_S = 10.0, 0.3, 0.1


def median_s(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Time some work in seconds; once more than counted, so that caches are warm."""
    taken_s = []
    for _ in range(rounds + 1):
        started_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s[1:])


def yardstick() -> int:
    """A million additions in plain Python."""
    total = 0
    for number in range(YARDSTICK_ADDITIONS):
        total += number
    return total


def cold_and_warm(name: str, library: Library, catalog: Catalog, known: Measurements) -> bool:
    """Print what a plan takes with nothing kept, and again; tell whether both are in time."""
    scenario = library.load_scenario(library.find(name))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache=Path(folder))
        started_s = time.perf_counter()
        evaluate(scenario, catalog, known, settings=settings)
        cold_s = time.perf_counter() - started_s
        warm_s = median_s(lambda: evaluate(scenario, catalog, known, settings=settings))
    print(f"{name}, nothing kept {cold_s:.2f} s (target {COLD_S:g}), again {warm_s:.3f} s "
          f"(target {WARM_S:g})")  # fmt: skip
    return cold_s <= COLD_S and warm_s <= WARM_S


def slider(name: str, library: Library, catalog: Catalog, known: Measurements) -> bool:
    """Print what a step of the volume's slider takes once its volume was simulated.

    It is what a page waits for: the digest of the moved plan, its evaluation, the headline, and
    ranges from the first draws. Every step asks for another volume than the one before.
    """
    scenario = library.load_scenario(library.find(name))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache=Path(folder), draws=FIRST_DRAWS)
        moved = cycle(factor for factor in VOLUME_FACTORS if factor != 1.0)

        def step() -> tuple[object, ...]:
            plan = replace(Plan(scenario, scenario), volume_factor=next(moved))
            found = evaluate(plan.scenario, catalog, known, settings=settings)
            return plan.digest, plan.changes, found.headline, found.outlook.uncertainty

        for _ in VOLUME_FACTORS:
            step()
        step_s, yardstick_s = median_s(step, STEPS), median_s(yardstick, STEPS)
    print(f"{name}, a step of the slider {step_s:.3f} s (target {STEP_S:g}), "
          f"{step_s / yardstick_s:.2f} x the yardstick")  # fmt: skip
    return step_s <= STEP_S


def main() -> None:
    """Print one line a figure; fail where a target is missed."""
    library = Library(Path("scenarios"))
    path = next(path for path in library.scenario_paths() if path.stem == "base")
    scenario = library.load_scenario(path)
    catalog, measurements = Catalog.load(Path("pricing")), Measurements.load(Path("benchmarks"))
    found = evaluate(scenario, catalog, measurements)
    fleet = StaticFleet(replicas=8, instances=8, instance_share=1.0, parallel=4, seconds=0.5)
    month_h, week = np.array([720.0]), np.ones(168)
    requests = np.array([0.7 * fleet.places / fleet.seconds * 720 * 3600])
    simulated = simulate_static_fleet(fleet, requests, month_h, week, seed=1).simulated_requests

    evaluate_s = median_s(lambda: evaluate(scenario, catalog, measurements))
    ledger_s = median_s(lambda: book.ledger(found.model))
    fleet_s = median_s(lambda: simulate_static_fleet(fleet, requests, month_h, week, seed=1))
    yardstick_s = median_s(yardstick)
    print(f"evaluate {scenario.id}, warm {evaluate_s:22.3f} s  {evaluate_s / yardstick_s:8.1f} x")
    print(f"ledger rows a second {len(found.ledger) / ledger_s:32,.0f}")
    print(f"simulated requests a second {simulated / fleet_s:25,.0f}")
    print(f"(yardstick: a million additions {yardstick_s:21.3f} s)")
    in_time = [cold_and_warm(name, library, catalog, measurements) for name in EIGHT_OPTIONS]
    in_time.append(slider(EIGHT_OPTIONS[0], library, catalog, measurements))
    sys.exit(0 if all(in_time) else 1)


if __name__ == "__main__":
    main()
