"""The plans under ``worked/`` with their made-up prices, for tests that need a small plan."""

from functools import cache
from pathlib import Path
from typing import Any

from tco.data import data_folder
from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate
from tco.prices import Catalog

FOLDER = Path(__file__).parent / "worked"
DATA = data_folder(FOLDER / "data")
NAMES = sorted(file.parent.name for file in FOLDER.glob("*/scenario.yaml"))


@cache
def catalog() -> Catalog:
    return Catalog.load(DATA.pricing)


@cache
def measurements() -> Measurements:
    return Measurements.load(DATA.benchmarks)


@cache
def scenario(name: str) -> Scenario:
    return Library(DATA.scenarios).load_scenario(FOLDER / name / "scenario.yaml")


@cache
def evaluated(name: str) -> Evaluation:
    return evaluate(scenario(name), catalog(), measurements())


def changed(base: Scenario, **changes: Any) -> Scenario:
    """Lay nested changes over a scenario; ``None`` takes a key away."""
    return Scenario.model_validate(laid_over(base.model_dump(), changes))


def laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = laid_over(merged[key], value)
        else:
            merged[key] = value
    return merged


def evaluation_of(base: Scenario, settings: Settings | None = None, **changes: Any) -> Evaluation:
    return evaluate(changed(base, **changes), catalog(), measurements(), settings=settings)
