"""How fast the cheapest of some 500 deployments is found, with nothing kept and with all kept.

Targets on two cores: two minutes with the cache cold, five seconds warm.
"""

import sys
import tempfile
import time
from pathlib import Path

from tco.data import data_folder
from tco.domain.search_space import SearchSpace
from tco.measure.library import Measurements
from tco.optimize import Question, cheapest, space_of
from tco.plan import load_scenario
from tco.prices import Catalog
from tco.tasks import Kept

SCENARIO, OPTION = "support-chat/base", "open-8b-scaled"
FEWEST = 500
TARGETS_S = {"cold": 120.0, "warm": 5.0}
SPACE = SearchSpace(
    scaling=("static", "hpa", "keda"),
    minimum_replicas=(1, 2, 3),
    target_busy_shares=(0.5, 0.6, 0.7, 0.8),
    targets_per_replica=(16.0, 32.0),
)


def main() -> int:
    """Print a line for each run; 1 if one misses its target."""
    folder = data_folder(None)
    catalog, measured = Catalog.load(folder.pricing), Measurements.load(folder.benchmarks)
    scenario = load_scenario(SCENARIO).model_copy(update={"optimize": {OPTION: SPACE}})
    question = Question(scenario, OPTION, catalog, measured)
    count = len(space_of(question).choices)
    if count < FEWEST:
        print(f"the space has {count} deployments, fewer than {FEWEST}")
        return 1
    missed = 0
    with tempfile.TemporaryDirectory() as place:
        for name, target_s in TARGETS_S.items():
            began_s, cpu_s = time.perf_counter(), time.process_time()
            found = cheapest(question, Kept(Path(place)))
            taken_s, own_s = time.perf_counter() - began_s, time.process_time() - cpu_s
            missed += taken_s > target_s
            counts = found.counts
            print(
                f"{name}: {taken_s:7.2f} s, {taken_s / target_s:5.2f} of its target; "
                f"{own_s:.2f} s of work in this process; {count} deployments, "
                f"{counts.evaluated} evaluated"
            )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
