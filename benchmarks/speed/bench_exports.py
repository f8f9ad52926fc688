"""How fast an evaluation becomes files: the shipped scenario with most options, over sixty months.

Targets: the workbook under 1.5 s for eight options, the one-page PDF under 2 s, every format of one
scenario under 5 s.
"""

import statistics
import sys
import time

from tco.data import data_folder
from tco.domain.loading import Library
from tco.export.files import Format, Wanted, export_files
from tco.measure.library import Measurements
from tco.plan import Settings, evaluate
from tco.prices import Catalog
from tco.tasks import user_cache

SCENARIO, MONTHS, OPTIONS, ROUNDS = "support-chat/base", 60, 8, 3
TARGETS_S: dict[str, tuple[list[Format], float]] = {
    "workbook": ([Format.WORKBOOK], 1.5),
    "summary as PDF": ([Format.SUMMARY], 2.0),
    "every format": (list(Format), 5.0),
}


def main() -> None:
    """Print one line a figure; fail where one misses its target."""
    data = data_folder()
    library = Library(data.scenarios)
    scenario = library.load_scenario(library.find(SCENARIO)).model_copy(
        update={"horizon_months": MONTHS}
    )
    catalog, measurements = Catalog.load(data.pricing), Measurements.load(data.benchmarks)
    found = evaluate(scenario, catalog, measurements, settings=Settings(cache=user_cache()))
    found.outlook.uncertainty.ranges  # noqa: B018 - worked out once, before any file
    option = found.ranking.options[0].option
    options = found.ledger["option"].nunique()
    missed = False
    for name, (formats, target_s) in TARGETS_S.items():
        taken_s = []
        for _ in range(ROUNDS + 1):
            started_s = time.perf_counter()
            export_files(found, Wanted(formats=formats, option=option))
            taken_s.append(time.perf_counter() - started_s)
        seconds = statistics.median(taken_s[1:])
        limit_s = target_s * max(1.0, options / OPTIONS)
        missed |= seconds > limit_s
        print(
            f"{name}: {seconds:.2f} s (target {limit_s:.2f} s) for {options} options, "
            f"{MONTHS} months, {len(found.ledger):,} rows"
        )
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
