"""How fast the lines of a long plan are valued and priced again: twelve options, sixty months.

Targets: draw 0 of all lines under 0.5 s, a changed price under 0.1 s.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tco.data import data_folder
from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.ledger import book
from tco.measure.library import Measurements
from tco.plan import evaluate
from tco.prices import Catalog

CASES = Path("tests/cases/worked")
OPTIONS, MONTHS, ROUNDS = 12, 60, 5
DRIVER = "organisation.hours_per_fte_year"


def long_plan() -> Scenario:
    """Copy an option with every phase of a model's life, under twelve names."""
    library = Library(data_folder(CASES / "data").scenarios)
    plans = [
        library.load_scenario(CASES / name / "scenario.yaml").model_dump()
        for name in ("operation", "people-plan", "platform", "experiments", "data-work")
    ]
    lifecycle: dict[str, Any] = {}
    for plan in plans:
        own = plan["candidates"]["big"]["lifecycle"]
        lifecycle |= {key: value for key, value in own.items() if value}
    option = plans[0]["candidates"]["big"] | {"lifecycle": lifecycle}
    options = {f"option-{number}": option for number in range(OPTIONS)}
    histories = {name: known for plan in plans for name, known in plan["histories"].items()}
    whole = {"candidates": options, "horizon_months": MONTHS, "histories": histories}
    return Scenario.model_validate(plans[0] | whole)


def median_s(work: Callable[[], object]) -> float:
    """Time some work in seconds; once more than counted, so that caches are warm."""
    taken_s = []
    for _ in range(ROUNDS + 1):
        started_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s[1:])


def main() -> None:
    """Print one line a figure."""
    data = data_folder(CASES / "data")
    catalog, measurements = Catalog.load(data.pricing), Measurements.load(data.benchmarks)
    scenario = long_plan()
    model = evaluate(scenario, catalog, measurements).model
    changed = {DRIVER: np.array([1300.0])}
    whole_s = median_s(lambda: evaluate(scenario, catalog, measurements))
    rows_s = median_s(lambda: book.ledger(model))
    again_s = median_s(lambda: model.totals_usd(changed))
    print(f"{len(model.lines)} lines of {OPTIONS} options over {MONTHS} months")
    print(f"ledger of draw 0 {rows_s:20.3f} s, target 0.5 s")
    print(f"a price changed {again_s:21.3f} s, target 0.1 s")
    print(f"the whole plan {whole_s:22.3f} s")


if __name__ == "__main__":
    main()
