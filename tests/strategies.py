"""What hypothesis generates for several test files; one section a part of the product."""

# ---- the simulation and the ledger --------------------------------------------------------------

import numpy as np
from hypothesis import strategies as st

from tco.domain.record import Evidence
from tco.ledger.expression import (
    Difference,
    Driver,
    Expression,
    Least,
    Number,
    Power,
    Product,
    Ratio,
    Series,
    Sum,
)

MONTHS = 4
DRAWS = 3


@st.composite
def arrivals_and_services(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    """Sorted arrivals with a service time each; whole numbers bring ties of all kinds."""
    times = draw(
        st.sampled_from(
            [
                st.integers(0, 12).map(float),
                st.floats(0, 1e6, allow_subnormal=False),
                st.floats(0, 10, width=16),
            ]
        )
    )
    pairs = draw(st.lists(st.tuples(times, times), min_size=1, max_size=40))
    return sorted(arrival for arrival, _ in pairs), [service for _, service in pairs]


plain_numbers = st.floats(-4, 4, width=16, allow_subnormal=False)
positive_numbers = st.floats(0.25, 4, width=16)
grades = st.sampled_from(list(Evidence))


@st.composite
def leaves(draw: st.DrawFn, values: st.SearchStrategy[float] = plain_numbers) -> Expression:
    """A number, a driver or a series; equal names carry equal values, as in a plan."""
    match draw(st.integers(0, 2)):
        case 0:
            return Number(draw(values), draw(st.sampled_from(["", "a note"])))
        case 1:
            likely, number = draw(values), draw(st.integers(0, 99))
            grade = draw(grades)
            return Driver(f"driver.{number}.{likely}.{grade}", "-", likely, grade, "a source")
        case _:
            months = tuple(draw(st.lists(values, min_size=MONTHS, max_size=MONTHS)))
            grade = draw(grades)
            return Series(f"series.{months}.{grade}", "-", months, grade, "a table")


@st.composite
def _knots(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Expression:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    match draw(st.integers(0, 5)):
        case 0:
            return Sum(draw(several))
        case 1:
            return Product(draw(several))
        case 2:
            return Least(draw(several))
        case 3:
            return Difference(draw(inner), draw(inner))
        case 4:
            return Ratio(draw(inner), draw(leaves(positive_numbers)))
        case _:
            return Power(draw(leaves(positive_numbers)), draw(leaves()))


expressions = st.recursive(leaves(), _knots, max_leaves=8)
"""Trees of arithmetic whose values stay finite."""
draws_of_a_driver = st.lists(plain_numbers, min_size=DRAWS, max_size=DRAWS).map(np.array)
