"""Which cells a sweep has: every design, what is left out, keys that lead somewhere."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tco.domain.source import dotted
from tco.domain.sweep import Condition, Sweep
from tco.errors import TcoError
from tco.sweep.cells import cells_of
from tco.sweep.keys import changed, level_at, path_of
from tests.shipped import NAMES, loaded

AXES: dict[str, dict[str, Any]] = {
    "a": {"kind": "values", "keys": ["x"], "values": [1, 2, 3]},
    "b": {"kind": "range", "keys": ["y"], "low": 1.0, "high": 100.0, "scale": "logarithmic",
          "steps": 3},
    "c": {"kind": "choices", "choices": {"left": {"z": 1}, "right": {"z": 2, "w": "t"}}},
}  # fmt: skip
OWN: dict[str, Any] = {"a": 2, "b": 7.0, "c": "as written"}


def sweep(**changes) -> Sweep:
    content = {
        "format": "sweep/1", "name": "s", "title": "t", "question": "q", "scenario": "case/base",
        "axes": AXES, "design": {"kind": "grid"}, **changes,
    }  # fmt: skip
    return TypeAdapter(Sweep).validate_python(content)


def cells(**changes):
    return cells_of(sweep(**changes), OWN)


def test_a_grid_is_every_combination_and_the_last_axis_moves_first():
    found = cells()
    levels = [tuple(cell.levels.values()) for cell in found]
    assert levels == list(itertools.product([1, 2, 3], [1.0, 10.0, 100.0], ["left", "right"]))
    assert found[1].values == {"x": 1, "y": 1.0, "z": 2, "w": "t"}
    assert [cell.number for cell in found] == list(range(18))


def test_one_at_a_time_begins_with_the_scenario_itself_and_moves_one_axis_in_each_cell():
    base, *others = cells(design={"kind": "one_at_a_time"})
    assert base.levels == OWN
    assert base.keys == ()
    assert len(others) == 2 + 3 + 2, "the level that the scenario has already is left out"
    for cell in others:
        assert sum(cell.levels[name] != OWN[name] for name in OWN) == 1


def test_a_latin_hypercube_has_one_cell_in_each_slice_of_each_axis():
    found = cells(design={"kind": "latin_hypercube", "cells": 60, "seed": 3})
    slices = [int(math.log(cell.levels["b"]) / math.log(100) * 60) for cell in found]
    assert sorted(slices) == list(range(60))
    assert {name: [c.levels["a"] for c in found].count(name) for name in (1, 2, 3)} == {
        1: 20, 2: 20, 3: 20,
    }  # fmt: skip


def test_sobol_points_are_the_same_for_a_seed_and_fill_the_quarters_of_a_pair_alike():
    design = {"kind": "sobol", "cells": 64, "seed": 5}
    found = cells(design=design)
    assert found == cells(design=design)
    assert found != cells(design={**design, "seed": 6})
    high = np.array([cell.levels["b"] > 10 for cell in found])
    right = np.array([cell.levels["c"] == "right" for cell in found])
    assert [int((high & right).sum()), int((~high & right).sum())] == [16, 16]


def test_a_table_is_its_cases():
    found = cells(
        axes={},
        design={"kind": "table", "keys": {"n": "x", "m": "y"}, "cases": [{"n": 1, "m": 2}]},
    )
    assert [(cell.levels, cell.values) for cell in found] == [({"n": 1, "m": 2}, {"x": 1, "y": 2})]


def test_what_is_drawn_twice_is_one_cell():
    axes = {
        "a": AXES["a"],
        "d": {"kind": "values", "keys": ["v"], "values": [1, 2, 3]},
    }
    found = cells(axes=axes, design={"kind": "latin_hypercube", "cells": 60, "seed": 3})
    assert sorted(tuple(cell.levels.values()) for cell in found) == list(
        itertools.product([1, 2, 3], repeat=2)
    )
    assert [cell.number for cell in found] == list(range(9))


def test_steps_that_round_to_one_whole_number_are_one():
    axis = {"kind": "range", "keys": ["x"], "low": 1, "high": 3, "whole": True, "steps": 9}
    assert [cell.levels["a"] for cell in cells(axes={"a": axis})] == [1, 2, 3]


def test_one_and_true_are_not_the_same():
    axis = {"kind": "values", "keys": ["x"], "values": [1, True]}
    assert [cell.levels["a"] for cell in cells(axes={"a": axis})] == [1, True]


def test_what_meets_all_of_an_entry_is_left_out():
    found = cells(leave_out=[{"a": {"at_least": 2}, "c": {"one_of": ["left"]}}])
    assert len(found) == 18 - 6
    assert not [c for c in found if c.levels["a"] >= 2 and c.levels["c"] == "left"]
    with pytest.raises(TcoError, match="leaves no cell"):
        cells(leave_out=[{"a": {"at_least": 0}}])


@given(level=st.one_of(st.floats(-9, 9), st.integers(-9, 9)), low=st.floats(-9, 9))
def test_a_bound_holds_for_numbers_and_never_for_words(level, low):
    assert Condition(at_least=low).holds(level) == (level >= low)
    assert Condition(at_most=low).holds(level) == (level <= low)
    assert not Condition(at_least=low).holds(str(level))


def test_replications_stand_beside_one_another_with_seeds_that_follow_the_scenarios_own():
    found = cells(replications=3)
    assert [cell.replication for cell in found[:4]] == [0, 1, 2, 0]
    scenario = loaded("internal-tool/base")
    axis = {"kind": "values", "keys": ["horizon_months"], "values": [12]}
    own = cells_of(sweep(replications=3, axes={"m": axis}), {})
    assert [changed(scenario, cell).seed - scenario.seed for cell in own] == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"axes": {}}, "nothing is varied"),
        ({"axes": {"seed": AXES["a"]}}, "column of results"),
        ({"axes": {"s": {"kind": "values", "keys": ["seed"], "values": [1]}}}, "replications"),
        ({"axes": {"a": AXES["a"], "d": AXES["a"]}}, "varies x, as a does"),
        ({"axes": {"b": {**AXES["b"], "steps": None}}}, "say how many numbers"),
        ({"axes": {"b": {**AXES["b"], "high": 0.5}}}, "not above low"),
        ({"axes": {"b": {**AXES["b"], "low": 0.0}}}, "logarithmic scale"),
        ({"design": {"kind": "sobol", "cells": 60, "seed": 1}}, "32 and 64 are"),
        ({"design": {"kind": "table", "keys": {"n": "x"}, "cases": [{"n": 1}]}}, "beside a table"),
        (
            {"axes": {}, "design": {"kind": "table", "keys": {"n": "x"}, "cases": [{"m": 1}]}},
            "every case states n",
        ),
        ({"axes": {"a": {**AXES["a"], "values": [1, 2, 1.0]}}}, "is there before"),
        (
            {"axes": {"f": {"kind": "factors", "keys": ["x"], "factors": [2, 2]}}},
            "is there before",
        ),
        ({"axes": {"s": {"kind": "scenarios", "scenarios": ["u/a", "u/a"]}}}, "is there before"),
        (
            {
                "axes": {},
                "design": {"kind": "table", "keys": {"n": "x"}, "cases": [{"n": 1}, {"n": 1}]},
            },
            "is there before",
        ),
        ({"leave_out": [{"e": {"at_least": 1}}]}, "no axis; there are a, b, c"),
        ({"leave_out": [{"a": {}}]}, "at_least, at_most or one_of"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(changes, says):
    with pytest.raises(ValueError, match=says):
        sweep(**changes)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    if isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*path, number))


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("/base")])
def test_every_place_of_a_shipped_scenario_has_a_key_that_leads_there(name):
    plain = loaded(name).model_dump(mode="json")
    for place in itertools.islice(places(plain), 1, None):
        assert path_of(dotted(place), plain) == place


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("workload.request_per_month.likely", "Near it: requests_per_month"),
        ("worklod", "Near it: workload"),
        ("horizon_months.x", "holds no keys"),
        ("candidates.cascade.deployment.steps[7].option", "list of 2"),
        ("candidates.cascade.deployment.steps.option", "steps\\[0\\] to .*steps\\[1\\]"),
    ],
)
def test_a_key_that_leads_nowhere_is_told_with_what_is_near(key, says):
    with pytest.raises(TcoError, match=says):
        path_of(key, loaded("ticket-classification/base").model_dump(mode="json"))


def test_a_multiple_scales_an_estimate_with_its_range_and_nothing_else():
    scenario = loaded("ticket-classification/base")
    axis = {"kind": "factors", "keys": ["workload.growth_per_year"], "factors": [2.0]}
    [cell] = cells_of(sweep(axes={"g": axis}), {})
    before, after = scenario.workload.growth_per_year, changed(scenario, cell).workload
    scaled = after.growth_per_year
    assert scaled is not None
    for name in ("low", "likely", "high"):
        assert getattr(scaled, name) == getattr(before, name) * 2
    assert after.model_copy(update={"growth_per_year": before}) == scenario.workload


def test_where_a_scenario_stands_is_its_likely_value():
    scenario = loaded("ticket-classification/base")
    assert level_at(scenario, "workload.growth_per_year") == 0.15
    assert level_at(scenario, "horizon_months") == 36
    with pytest.raises(TcoError, match="holds keys of its own"):
        level_at(scenario, "workload")
