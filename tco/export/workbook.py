"""The workbook: the cost model as a spreadsheet that recomputes and checks itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO

from xlsxwriter import Workbook

from tco.charts.frames import priced
from tco.charts.style import FIVE, SIX
from tco.domain.cost import Basis, Phase
from tco.domain.price import ExchangeRate
from tco.export.facts import facts_of, footer_of
from tco.export.formulas import Formulas
from tco.export.input_sheets import (
    EXCHANGE,
    exchange_driver,
    write_assumptions,
    write_sources,
    write_tables,
    write_workings,
)
from tco.export.live import live_ranges
from tco.export.option_sheet import DISCOUNT, OptionRows, OptionSheet
from tco.export.outlook_sheets import write_break_even, write_coverage, write_ranges
from tco.export.recovery import NOT_TRIED, Recoverable
from tco.export.sheets import (
    FIRST_MONTH,
    MONTH_HEADER,
    Sheet,
    add_sheet,
    make_formats,
    month_columns,
    sheet_name,
)
from tco.export.summary_sheets import (
    Place,
    write_checks,
    write_comparison,
    write_cover,
    write_parts,
    write_summary,
    write_waste,
)
from tco.ledger.expression import driver
from tco.ledger.finance import by_month_usd
from tco.ledger.model import ValuedLine, value_line
from tco.plan import Evaluation
from tco.rank.comparison import Compared
from tco.rank.score import Answer

FRONT = (
    "Cover",
    "Summary",
    "Assumptions",
    "Comparison",
    "Training & experiments",
    "Waste",
    "Break-even",
    "Ranges",
    "Coverage",
)
BACK = ("Checks", "Workings", "Tables", "Sources")
COLORS = (*SIX, *FIVE[3:])
DEVELOPMENT = (Phase.DATA, Phase.EXPERIMENTATION, Phase.TRAINING)


def workbook(
    found: Evaluation,
    crossings: Sequence[Compared] = (),
    rate: ExchangeRate | None = None,
    recoverable: Recoverable = NOT_TRIED,
) -> bytes:
    """Write an evaluation as an XLSX file; the same evaluation gives the same bytes.

    Args:
        found: The evaluation.
        crossings: Break-even points, which are written as values.
        rate: A currency in which the summary repeats its totals, by a live exchange rate.
        recoverable: What would recover the waste, which is written as values.
    """
    held = BytesIO()
    book = Workbook(
        held,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    day = found.scenario.price_date
    book.set_properties(
        {
            "title": f"Budget forecast {found.scenario.id}",
            "comments": "An estimate, not a quote.",
            "created": datetime(day.year, day.month, day.day),
        }
    )
    _fill(book, found, crossings, rate, recoverable)
    book.close()
    return held.getvalue()


def _fill(
    book: Workbook,
    found: Evaluation,
    crossings: Sequence[Compared],
    exchange: ExchangeRate | None,
    recoverable: Recoverable,
) -> None:
    formats = make_formats(book)
    footer = footer_of(found)
    answers = priced(found)
    names = [sheet_name(n, answer.option) for n, answer in enumerate(answers, start=1)]
    front = {name: add_sheet(book, formats, name, footer) for name in FRONT}
    sheets = [add_sheet(book, formats, name, footer) for name in names]
    back = {name: add_sheet(book, formats, name, footer) for name in BACK}
    formulas = Formulas(month_columns(len(found.model.months)))
    lines = _lines(found, formulas)
    formulas.count(
        x for valued in lines for x in (valued.line.quantity, valued.line.unit_price_usd)
    )
    formulas.count([found.requests])
    requests = formulas.row_of(found.requests, "requests answered")
    places = [
        Place(answer, _write_option(book, sheet, formulas, found, answer, lines))
        for answer, sheet in zip(answers, sheets, strict=True)
    ]
    limits = live_ranges(found)
    rate = found.scenario.organisation.discount_rate_per_year
    extra = [(DISCOUNT, driver("organisation.discount_rate_per_year", "1/year", rate))]
    if exchange is not None:
        extra.append((EXCHANGE, exchange_driver(exchange)))
    assumptions = write_assumptions(book, front["Assumptions"], formulas, limits, dict(extra))
    first, last = formulas.columns[0], formulas.columns[-1]
    row = requests.rsplit("$", 1)[1]
    answered = f"SUM(Workings!${first}${row}:${last}${row})"
    write_cover(front["Cover"], found, facts_of(found))
    write_summary(book, front["Summary"], found, places, answered, exchange)
    write_comparison(front["Comparison"], places)
    write_parts(
        front["Training & experiments"],
        found,
        places,
        phases=DEVELOPMENT,
        title="Training & experiments",
        note="Data, experiments and training by category, over the horizon [USD].",
    )
    write_waste(front["Waste"], found, places, recoverable)
    write_break_even(book, front["Break-even"], found, places, crossings)
    write_ranges(front["Ranges"], found, places)
    write_coverage(front["Coverage"], found, places)
    write_checks(back["Checks"], places, assumptions)
    write_workings(back["Workings"], formulas, found.model.months)
    write_tables(back["Tables"], formulas)
    write_sources(back["Sources"], formulas)
    front["Summary"].page.activate()


def _lines(found: Evaluation, formulas: Formulas) -> list[ValuedLine]:
    """Value the lines that cost anything in some month."""
    months = len(found.model.months)
    valued = [value_line(line, formulas.valuation, months) for line in found.model.lines]
    return [line for line in valued if line.quantity[0].any()]


def _write_option(
    book: Workbook,
    sheet: Sheet,
    formulas: Formulas,
    found: Evaluation,
    answer: Answer,
    lines: Sequence[ValuedLine],
) -> OptionRows:
    reasons = f": {'; '.join(answer.reasons)}" if answer.reasons else ""
    sheet.title(answer.title, f"{answer.option}, {answer.status}{reasons}")
    sheet.months(found.model.months)
    own = [valued for valued in lines if valued.line.option == answer.option]
    rows = found.ledger[found.ledger["option"] == answer.option]
    rate = found.scenario.organisation.discount_rate_per_year.likely
    by_basis = {basis: by_month_usd(rows, found.model.months, basis, rate) for basis in Basis}
    places = OptionSheet(book, sheet, formulas, own, by_basis).write()
    sheet.widths((52, 15, 13, 8, 20, 11, 13, 17), months=len(found.model.months))
    _draw_months(book, sheet, places, len(found.model.months))
    return places


def _draw_months(book: Workbook, sheet: Sheet, rows: OptionRows, months: int) -> None:
    """Draw the option's phases by month as stacked columns, below the figures."""
    chart = book.add_chart({"type": "column", "subtype": "stacked"})
    for number, (phase, row) in enumerate(rows.of_phase.items()):
        last = FIRST_MONTH + months - 1
        chart.add_series(
            {
                "name": str(phase),
                "categories": [sheet.name, MONTH_HEADER, FIRST_MONTH, MONTH_HEADER, last],
                "values": [sheet.name, row - 1, FIRST_MONTH, row - 1, last],
                "fill": {"color": COLORS[number % len(COLORS)]},
                "gap": 30,
            }
        )
    chart.set_title({"name": "Cost a month by phase [USD]"})
    chart.set_x_axis({"date_axis": True, "num_format": "mmm yyyy", "major_unit": 3})
    chart.set_size({"width": 1000, "height": 360})
    sheet.page.insert_chart(max(rows.of_basis.values()) + 2, 1, chart)
