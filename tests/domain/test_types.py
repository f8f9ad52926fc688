"""The domain types by themselves: immutable, bounded, and derived facts that are right."""

import importlib
import math
import pkgutil
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import BaseModel, TypeAdapter, ValidationError

import tco.domain
from tco.domain.loading import Library
from tco.domain.record import (
    CountEstimate,
    Estimate,
    Evidence,
    FactorEstimate,
    Record,
    ShareEstimate,
    UsdEstimate,
    within,
    worse,
)
from tco.domain.scenario import Scenario
from tco.domain.snapshot import SizeClass, Snapshot

GOOD = Path(__file__).parent / "library"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return Library(GOOD).load_scenario(GOOD / "case" / "base.yaml")


def domain_types() -> list[type[BaseModel]]:
    """Every model of the package, our own base excepted."""
    for module in pkgutil.iter_modules(tco.domain.__path__):
        importlib.import_module(f"tco.domain.{module.name}")
    waiting, found = [BaseModel], set[type[BaseModel]]()
    while waiting:
        below = [t for t in waiting.pop().__subclasses__() if t.__module__.startswith("tco.domain")]
        waiting += below
        found |= set(below)
    return sorted(found - {Record}, key=lambda t: t.__name__)


@pytest.mark.parametrize("model", domain_types(), ids=lambda model: model.__name__)
def test_every_type_is_immutable_and_refuses_unknown_keys(model: type[BaseModel]):
    assert model.model_config.get("frozen") is True
    assert model.model_config.get("extra") == "forbid"


def numbers_without_bounds(schema: Any, path: str = "") -> list[str]:
    if isinstance(schema, list):
        return [found for part in schema for found in numbers_without_bounds(part, path)]
    if not isinstance(schema, dict):
        return []
    found = [
        f for key, part in schema.items() for f in numbers_without_bounds(part, f"{path}.{key}")
    ]
    is_number = schema.get("type") in ("number", "integer")
    bounds = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "enum", "const"}
    return [*found, path] if is_number and not bounds & set(schema) else found


MAY_BE_ANY_NUMBER = {
    "Estimate",  # bounded where it is used, by `within`
    "Metric",  # a quality figure may have any scale
    "QualityGoal",
    "Training",  # hyperparameters and a seed are what they were
}


def test_every_number_of_a_file_is_bounded():
    definitions = Scenario.model_json_schema()["$defs"]
    unbounded = {
        name: numbers_without_bounds(definition)
        for name, definition in definitions.items()
        if name not in MAY_BE_ANY_NUMBER
    }
    assert {name: found for name, found in unbounded.items() if found} == {}


def test_a_record_cannot_be_changed(scenario: Scenario):
    with pytest.raises(ValidationError, match="frozen"):
        scenario.workload.growth_per_year = Estimate(likely=1)  # type: ignore[misc]


# Estimates

numbers = st.floats(-1e12, 1e12)


@given(three=st.tuples(numbers, numbers, numbers))
def test_a_range_is_in_order_or_refused(three: tuple[float, float, float]):
    low, likely, high = three
    if low <= likely <= high:
        assert Estimate(low=low, likely=likely, high=high).low == low
    else:
        with pytest.raises(ValidationError, match="are not in order"):
            Estimate(low=low, likely=likely, high=high)


@given(number=st.one_of(st.floats(), st.integers(-(10**20), 10**20)))
def test_a_plain_number_is_stated_and_finite(number: float):
    if math.isfinite(number):
        found = Estimate.model_validate(number)
        assert (found.likely, found.low, found.evidence) == (float(number), None, Evidence.STATED)
    else:
        with pytest.raises(ValidationError, match="finite"):
            Estimate.model_validate(number)


@pytest.mark.parametrize("value", [True, False, "1", None, [1], {}])
def test_what_is_no_number_is_no_estimate(value: object):
    with pytest.raises(ValidationError):
        Estimate.model_validate(value)


def test_one_bound_alone_is_refused():
    with pytest.raises(ValidationError, match="give both low and high, or neither"):
        Estimate(likely=1, low=0)


@pytest.mark.parametrize("grade", set(Evidence) - {Evidence.STATED})
def test_every_grade_but_stated_names_its_source(grade: Evidence):
    with pytest.raises(ValidationError, match=f"a figure that is '{grade}' needs a source"):
        Estimate(likely=1, low=0, high=2, evidence=grade)
    assert Estimate(likely=1, low=0, high=2, evidence=grade, source="x").evidence is grade


def test_an_assumed_figure_needs_its_range():
    with pytest.raises(ValidationError, match="an assumed figure needs a range"):
        Estimate(likely=1, evidence=Evidence.ASSUMED, source="a guess")


BOUNDS = [
    (ShareEstimate, 0, 1),
    (CountEstimate, 0, 1e15),
    (UsdEstimate, 0, 1e12),
    (FactorEstimate, 0, 1e6),
    (Annotated[Estimate, within(-0.99, 99)], -0.99, 99),
]


@pytest.mark.parametrize(("kind", "low", "high"), BOUNDS)
def test_all_numbers_of_an_estimate_lie_within_its_bounds(kind: Any, low: float, high: float):
    adapter: TypeAdapter[Estimate] = TypeAdapter(kind)
    for number in (low, high):
        assert adapter.validate_python(number).likely == number
    middle = {"likely": (low + high) / 2, "low": low, "high": high}
    assert adapter.validate_python(middle).high == high
    with pytest.raises(ValidationError, match=r"low is .* below the least allowed"):
        adapter.validate_python(middle | {"low": low - 1})
    with pytest.raises(ValidationError, match=r"high is .* above the most allowed"):
        adapter.validate_python(middle | {"high": high * 2})


@given(grades=st.lists(st.sampled_from(Evidence), min_size=1))
def test_the_worse_grade_is_that_of_the_lowest_rank(grades: list[Evidence]):
    found = worse(*grades)
    assert found in grades
    assert all(found.rank >= grade.rank for grade in grades)


# Facts that are derived


def snapshot(scenario: Scenario, name: str, **changes: Any) -> Snapshot:
    return Snapshot.model_validate(scenario.snapshots[name].model_dump() | changes)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("small", {}, SizeClass.CLASSIC),
        ("chatty", {}, SizeClass.LLM),
        ("chatty", {"parameters": 9.99e9}, SizeClass.SLM),
        ("chatty", {"parameters": 10e9}, SizeClass.LLM),
        ("chatty", {"parameters": None}, SizeClass.LLM),
    ],
)
def test_size_classes(scenario: Scenario, name: str, changes: dict[str, Any], expected: SizeClass):
    assert snapshot(scenario, name, **changes).size_class is expected


def test_a_scenario_knows_its_months_and_name(scenario: Scenario):
    assert scenario.id == "case/base"
    assert scenario.months[0] == date(2027, 1, 1)
    assert scenario.months[-1] == date(2027, 6, 1)
    assert len(scenario.months) == scenario.horizon_months


def test_a_scenario_is_illustrative_while_any_figure_is_assumed(scenario: Scenario):
    assert scenario.illustrative
    known = scenario.model_dump_json().replace('"assumed"', '"stated"')
    assert not Scenario.model_validate_json(known).illustrative


def test_a_scenario_survives_being_written_and_read(scenario: Scenario):
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert again == scenario
    assert again.digest == scenario.digest
