"""What hypothesis generates for several test files; one section a part of the product."""

# ---- the simulation and the ledger --------------------------------------------------------------

from datetime import date

import numpy as np
from hypothesis import strategies as st

from tco.domain.cost import Behaviour, Flow, Kind, Nature, Payee, Phase
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
from tco.ledger.model import CostLine, CostModel
from tco.units import month_start

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


VOLUME = Series("volume", "requests", (10.0, 0.0, 30.0, 40.0), Evidence.STATED, "the volume")


@st.composite
def _quantities(draw: st.DrawFn, *, serves: bool) -> Expression:
    """A quantity above zero; of a line that serves, so many a request."""
    name = f"amount.{draw(st.integers(0, 9999))}"
    amount = Driver(name, "-", draw(positive_numbers), draw(grades), "amount")
    return amount * VOLUME if serves else amount


@st.composite
def cost_lines(draw: st.DrawFn, key: str) -> CostLine:
    """A line that a ledger may hold."""
    serves = draw(st.booleans())
    kind = draw(st.sampled_from(Kind)) if serves else Kind.NONE
    credit = not serves and draw(st.booleans())
    price = draw(positive_numbers)
    return CostLine(
        key=key,
        option=draw(st.sampled_from(["a", "b"])),
        snapshot="s",
        phase=Phase.INFERENCE if serves else draw(st.sampled_from(Phase)),
        category=draw(st.sampled_from(["tokens", "compute"])) if serves else "items",
        item=f"item {key}",
        quantity=draw(_quantities(serves=serves)),
        unit="unit",
        unit_price_usd=Driver(
            f"price.{key}", "USD", -price if credit else price, draw(grades), "a price list"
        ),
        nature=draw(st.sampled_from(Nature)),
        behaviour=draw(st.sampled_from(Behaviour)),
        payee=draw(st.sampled_from(Payee)),
        kind=kind,
        cause="a cause" if kind in (Kind.WASTED, Kind.IDLE) else "",
        flow=Flow.CREDIT if credit else Flow.OPEX,
        life_months=None,
        volume=VOLUME if serves else None,
    )


@st.composite
def cost_models(draw: st.DrawFn) -> CostModel:
    """A few lines of two options over four months; keys are shared between models."""
    keys = draw(st.lists(st.sampled_from("klmnop"), min_size=1, max_size=6))
    lines = tuple(draw(cost_lines(key)) for key in keys)
    months = tuple(month_start(date(2027, 1, 1), k) for k in range(MONTHS))
    return CostModel(months, lines)
