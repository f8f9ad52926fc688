"""Break-even, ranges and coverage in the workbook say what the engine says."""

import io
import itertools

import openpyxl
import pytest

from tco.export.workbook import workbook
from tco.ledger.coverage import coverage
from tco.rank.comparison import compared
from tests.export.recalculated import Recalculated
from tests.shipped import data, evaluated

NAME = "ticket-classification/base"
CENT = 0.005


@pytest.fixture(scope="module")
def crossings():
    found = evaluated(NAME)
    return compared(found.outlook, found.requests_answered, None)


@pytest.fixture(scope="module")
def euro():
    return data()[0].exchange_rate("EUR", on=evaluated(NAME).scenario.price_date)


@pytest.fixture(scope="module")
def content(crossings, euro):
    return workbook(evaluated(NAME), crossings, euro)


def rows(content, sheet):
    return list(openpyxl.load_workbook(io.BytesIO(content), data_only=True)[sheet].values)


def test_the_month_of_break_even_is_the_rankings(content, crossings):
    found = evaluated(NAME)
    best = found.ranking.options[0]
    months = {one.titles[1]: one.month for one in crossings if one.cheaper == best.option}
    months |= {one.titles[0]: one.month for one in crossings if one.dearer == best.option}
    shown = {str(row[0]).removesuffix(": dearer by"): row[1] for row in rows(content, "Break-even")}
    assert months
    assert {title: shown[title] for title in months} == {
        title: "never" if month is None else month for title, month in months.items()
    }


def test_months_added_up_end_at_the_total(content):
    found = evaluated(NAME)
    shown = {row[0]: row for row in rows(content, "Break-even") if row[0]}
    for answer in found.ranking.options:
        assert answer.money is not None
        last = [cell for cell in shown[answer.title][8:] if cell is not None][-1]
        assert last == pytest.approx(answer.money.basis_usd, abs=CENT)


def test_ranges_are_those_of_the_engine_and_say_that_months_do_not_add_up(content):
    found = evaluated(NAME)
    sheet = rows(content, "Ranges")
    assert "do not add up" in sheet[1][0]
    best = found.ranking.options[0]
    start = next(n for n, row in enumerate(sheet) if row[0] == best.title)
    known = found.outlook.uncertainty.ranges[best.option]
    shown = {row[0]: row[7] for row in sheet[start + 1 : start + 12]}
    for level in (10, 50, 80, 90):
        assert shown[f"P{level}"] == pytest.approx(known.total_usd[level], abs=CENT)
    assert shown["chance of being the cheapest"] == pytest.approx(known.p_cheapest)


def test_coverage_tells_each_phase_of_each_option(content):
    found = evaluated(NAME)
    sheet = rows(content, "Coverage")
    phases = sheet[3][1:]
    options = itertools.takewhile(lambda row: row[0] is not None, sheet[4:])
    shown = {row[0]: dict(zip(phases, row[1:], strict=True)) for row in options}
    titles = {answer.option: answer.title for answer in found.ranking.options}
    told = [one for one in coverage(found.scenario, found.ledger) if one.option in titles]
    assert told
    for one in told:
        cell = shown[titles[one.option]][str(one.phase)]
        assert cell == {"silent": "nobody says"}.get(str(one.state), str(one.state))


def test_a_changed_exchange_rate_moves_the_totals_in_that_currency(content, euro):
    book = Recalculated(content)
    row, cells = book.assumption_rows()["exchange_rate.EUR"]
    assert cells[6] == "live"
    assert book.cached_value("Summary", 6, 15) == pytest.approx(
        book.cached_value("Summary", 6, 5) / float(euro.usd_per_unit)
    )
    book.set("Assumptions", row, 2, 2.0)
    assert book.value("Summary", 6, 15) == pytest.approx(book.value("Summary", 6, 5) / 2.0)
