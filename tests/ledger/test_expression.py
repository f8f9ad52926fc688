"""One statement of the arithmetic, evaluated for many draws and opened to its leaves."""

import math
import operator
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.record import Estimate, Evidence
from tco.errors import InfeasibleError
from tco.ledger.expression import (
    Difference,
    Driver,
    Expression,
    Least,
    Lookup,
    Number,
    Power,
    Product,
    Ratio,
    Series,
    Sum,
    Valuation,
    driver,
    evidence_of,
    leaves_of,
    parts_of,
    sources_of,
)
from tests import strategies


def by_hand(  # noqa: C901 - one case for each kind
    tree: Expression, month: int, drawn: dict[str, float]
) -> float:
    """Evaluate with plain Python numbers."""

    def of(part: Expression) -> float:
        return by_hand(part, month, drawn)

    match tree:
        case Number(value):
            return value
        case Driver(name=name, likely=likely):
            return drawn.get(name, likely)
        case Series(values=values):
            return values[month]
        case Sum(terms):
            return reduce(operator.add, map(of, terms))
        case Product(factors):
            return reduce(operator.mul, map(of, factors))
        case Least(choices):
            return min(map(of, choices))
        case Difference(whole, part):
            return of(whole) - of(part)
        case Ratio(top, bottom):
            return of(top) / of(bottom)
        case Power(base, exponent):
            return math.pow(of(base), of(exponent))
    raise AssertionError(tree)


def drivers_of(tree: Expression) -> list[str]:
    return [leaf.name for leaf in leaves_of(tree) if isinstance(leaf, Driver)]


@given(tree=strategies.expressions)
def test_the_likely_value_is_plain_arithmetic(tree: Expression):
    values = Valuation().of(tree)
    assert values.shape in ((1, 1), (1, strategies.MONTHS))
    for month in range(strategies.MONTHS):
        here = values[0, month if values.shape[1] > 1 else 0]
        # numpy and math may differ in the last digit of a power.
        assert here == pytest.approx(by_hand(tree, month, {}), rel=1e-12, abs=1e-12)


@given(tree=strategies.expressions, data=st.data())
def test_each_draw_is_plain_arithmetic(tree: Expression, data: st.DataObject):
    drawn = {name: data.draw(strategies.draws_of_a_driver) for name in drivers_of(tree)}
    positive = {name: np.abs(values) + 0.25 for name, values in drawn.items()}
    values = Valuation(positive).of(tree)
    assert values.shape[0] == (strategies.DRAWS if drawn else 1)
    for draw in range(values.shape[0]):
        one = {name: float(numbers[draw]) for name, numbers in positive.items()}
        for month in range(values.shape[1]):
            expected = by_hand(tree, month, one)
            assert values[draw, month] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(tree=strategies.expressions, data=st.data())
def test_draw_zero_at_likely_values_is_the_likely_case(tree: Expression, data: st.DataObject):
    likely = {leaf.name: leaf.likely for leaf in leaves_of(tree) if isinstance(leaf, Driver)}
    draws = {
        name: np.array([value, *data.draw(strategies.draws_of_a_driver)[1:] ** 2 + 0.25])
        for name, value in likely.items()
    }
    assert np.array_equal(Valuation(draws).of(tree)[0], Valuation().of(tree)[0])


@given(tree=strategies.expressions)
def test_a_result_is_as_good_as_its_weakest_leaf(tree: Expression):
    grades = [leaf.evidence for leaf in leaves_of(tree)]
    expected = max(grades, key=list(Evidence).index, default=Evidence.MEASURED)
    assert evidence_of(tree) is expected
    assert all(source in sources_of(tree) for source in {leaf.source for leaf in leaves_of(tree)})


@given(tree=strategies.expressions)
def test_leaves_come_once_and_parts_hold_them_all(tree: Expression):
    names = [leaf.name for leaf in leaves_of(tree)]
    assert len(names) == len(set(names))
    within = {leaf.name for part in parts_of(tree) for leaf in leaves_of(part)}
    assert within <= set(names)
    assert parts_of(tree) == () or within == set(names)


def test_operators_build_the_arithmetic_that_they_look_like():
    two = Number(2.0)
    for tree, value in (
        (two + 1.0, 3.0),
        (1.0 + two, 3.0),
        (two - 0.5, 1.5),
        (1.0 - two, -1.0),
        (two * 4.0, 8.0),
        (4.0 * two, 8.0),
        (two / 8.0, 0.25),
    ):
        assert Valuation().of(tree).item() == value


def test_a_shared_part_is_worked_out_once():
    shared = Driver("d", "-", 2.0, Evidence.STATED, "s") * Number(3.0)
    valuation = Valuation()
    assert valuation.of(shared) is valuation.of(shared)


def test_an_estimate_becomes_a_driver_with_range_source_and_grade():
    assumed = Estimate(likely=2, low=1, high=4, evidence=Evidence.ASSUMED, source="a guess")
    made = driver("x", "u", assumed)
    assert (made.likely, made.low, made.high) == (2, 1, 4)
    assert (made.evidence, made.source) == (Evidence.ASSUMED, "a guess")
    assert driver("x", "u", Estimate(likely=1)).source == "stated in the scenario"


def test_a_lookup_reads_between_its_points_and_stops_at_its_ends():
    at = Driver("rate", "1/s", 1.5, Evidence.STATED, "s")
    table = Lookup("t", "instances", at, (1.0, 2.0), (10.0, 30.0), Evidence.ESTIMATED, "simulated")
    values = Valuation({"rate": np.array([1.5, 1.0, 2.0])}).of(table)[:, 0]
    assert values.tolist() == [20.0, 10.0, 30.0]
    assert evidence_of(table) is Evidence.ESTIMATED
    assert "simulated" in sources_of(table)
    with pytest.raises(InfeasibleError, match="simulated from 1 to 2 and is asked for at"):
        Valuation({"rate": np.array([1.5, 0.1])}).of(table)


def test_a_lookup_never_leaves_what_its_points_span():
    at = Driver("rate", "1/s", 29.539999999999996, Evidence.STATED, "s")
    points, values = (10.67, 29.54), (0.741, 0.0)
    assert np.interp(at.likely, points, values) < 0  # by the last digit, where nothing is used
    table = Lookup("t", "instances", at, points, values, Evidence.ESTIMATED, "simulated")
    assert Valuation().of(table).item() == 0.0


def grid(second: Driver) -> Lookup:
    """A table of x + 10 y + x y, which straight lines both ways give exactly."""
    xs, ys = (0.0, 1.0, 4.0), (0.5, 1.0, 3.0)
    values = tuple(x + 10 * y + x * y for y in ys for x in xs)
    at = Driver("x", "1/s", 1.0, Evidence.STATED, "s")
    return Lookup("t", "-", at, xs, values, Evidence.ESTIMATED, "simulated", second, ys)


FACTOR = Driver("y", "-", 1.0, Evidence.ASSUMED, "a guess")


@given(x=st.floats(0, 4), y=st.floats(0.5, 3))
def test_a_grid_is_read_on_straight_lines_both_ways(x: float, y: float):
    found = Valuation({"x": np.array([x, x]), "y": np.array([y, 1.0])}).of(grid(FACTOR))[:, 0]
    assert found.tolist() == pytest.approx([x + 10 * y + x * y, x + 10 + x], rel=1e-12)


def test_a_grid_rests_on_both_arguments():
    assert [leaf.name for leaf in leaves_of(grid(FACTOR))] == ["t", "x", "y"]
    assert evidence_of(grid(FACTOR)) is Evidence.ASSUMED


@pytest.mark.parametrize(("name", "value"), [("x", 4.1), ("y", 0.4), ("y", 3.1)])
def test_a_grid_says_nothing_beyond_its_ends(name: str, value: float):
    draws = {name: np.array([1.0, value])}
    with pytest.raises(InfeasibleError, match=r"was simulated from .* and is asked for at"):
        Valuation(draws).of(grid(FACTOR))
    found = Valuation(draws, is_nan_beyond=True).of(grid(FACTOR))[:, 0]
    assert found[0] == 12.0
    assert np.isnan(found[1])
