"""A number opened: figures that a person can type into a calculator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.record import Evidence
from tco.ledger.explain import number, open_option, price_text, usd
from tco.ledger.expression import Driver, Least, Number, Power, Series
from tco.ledger.model import CostLine, CostModel
from tests.cases import worked_plans


@given(value=st.floats(-1e12, 1e12))
def test_a_number_keeps_nine_digits_or_the_cent(value: float):
    text = number(value)
    assert "e" not in text, "nobody types 1e-05"
    assert float(text.replace(",", "")) == pytest.approx(value, rel=5.1e-9, abs=1e-300)
    assert text == "0" or not text.endswith(".")


@given(value=st.floats(-1e9, 1e9))
def test_a_price_is_exact_to_the_cent_and_shows_what_is_below_it(value: float):
    text = price_text(value)
    assert float(text.replace("$", "").replace(",", "")) == pytest.approx(value, rel=5.1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "$0.00"), (2.5, "$2.50"), (-12.0, "-$12.00"), (1e-7, "$0.0000001")],
)
def test_prices_in_words(value: float, text: str):
    assert price_text(value) == text


def test_credits_carry_a_minus():
    assert usd(-1234.5) == "-$1,234.50"


def line(quantity, price) -> CostLine:
    shape = worked_plans.evaluated("api-tokens").model.lines[0]
    fields = {name: getattr(shape, name) for name in CostLine.__slots__}
    return CostLine(**fields | {"quantity": quantity, "unit_price_usd": price})


def text_of(quantity, price=None, month: int | None = None) -> str:
    months = worked_plans.evaluated("api-tokens").model.months
    model = CostModel(months, (line(quantity, price or Number(1.0)),))
    return "\n".join(open_option(model, "big", month).lines())


def test_every_kind_of_arithmetic_is_written_out():
    base = Driver("d", "h", 3.0, Evidence.ASSUMED, "a guess", 1.0, 9.0)
    table = Series("t", "-", (1.0, 2.0, 4.0), Evidence.STATED, "a table")
    text = text_of(Least((base * table + 2.0 - 1.0, Power(base, Number(2.0)) / 2.0)))
    assert "quantity: the smallest of 4, 4.5 = 4" in text
    assert "of which: 5 - 1 = 4" in text
    assert "of which: 3 + 2 = 5" in text
    assert "of which: 3 x 1 = 3" in text
    assert "of which: d = 3 h (range 1 to 9) [assumed: a guess]" in text
    assert "of which: t = 1 [stated: a table]" in text
    assert "of which: 9 / 2 = 4.5" in text
    assert "of which: 3 ^ 2 = 9" in text


def test_a_month_is_opened_at_its_own_figures():
    table = Series("t", "-", (1.0, 0.0, 4.0), Evidence.STATED, "a table")
    whole = text_of(table)
    assert whole.splitlines()[0] == "big costs $5.00 over the horizon"
    assert "sum of 2 months, 2027-01 to 2027-03; the arithmetic of the first:" in whole
    assert "4 Mtok x $1.00 per Mtok = $4.00" in text_of(table, month=2)
    assert text_of(table, month=1) == "big costs $0.00 in 2027-02"


def test_products_and_sums_within_their_kind_are_one():
    two = Driver("two", "-", 2.0, Evidence.STATED, "s")
    assert "quantity: 2 x 2 x 3 = 12" in text_of(two * two * 3.0)
    assert "unit price: 2 + 2 + 3 = 7" in text_of(two, price=two + two + 3.0)


def test_an_option_that_is_not_there_costs_nothing_and_has_no_parts():
    tree = open_option(worked_plans.evaluated("asset").model, "nobody")
    assert (tree.text, tree.parts) == ("nobody costs $0.00 over the horizon", [])


def test_waste_says_its_cause():
    text = "\n".join(open_option(worked_plans.evaluated("static-fleet").model, "own").lines())
    assert "on demand, used: $5,310.00" in text
    assert "on demand, wasted: peak head-room: $7,080.00" in text
    assert "on demand, idle: unallocated capacity: $7,080.00" in text
