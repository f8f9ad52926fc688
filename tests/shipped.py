"""The shipped scenarios, each loaded and evaluated once for all tests of a process.

Simulated results are kept where `make rank` keeps them, under the digest of the code and figures
they rest on: what it or another process of the run has worked out is not worked out again.
"""

from functools import cache

from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate
from tco.prices import Catalog
from tco.tasks import user_cache
from tests.conftest import ROOT

LIBRARY = Library(ROOT / "scenarios")
NAMES = [
    path.relative_to(ROOT / "scenarios").with_suffix("").as_posix()
    for path in LIBRARY.scenario_paths()
]
KEPT = user_cache()
"""Looked up here, before each test is given a home of its own."""


@cache
def loaded(name: str) -> Scenario:
    return LIBRARY.load_scenario(LIBRARY.find(name))


@cache
def data() -> tuple[Catalog, Measurements]:
    return Catalog.load(ROOT / "pricing"), Measurements.load(ROOT / "benchmarks")


@cache
def evaluated(name: str) -> Evaluation:
    return evaluate(loaded(name), *data(), settings=Settings(cache=KEPT))


@cache
def at_volume(name: str, factor: float) -> Evaluation:
    """Evaluate a shipped scenario at a multiple of its volume."""
    scenario = loaded(name)
    scaled = scenario.model_copy(update={"workload": scenario.workload.scaled(factor)})
    return evaluate(scaled, *data(), settings=Settings(cache=KEPT))
