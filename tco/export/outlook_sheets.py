"""Sheets on what stands around the ranking: break-even, ranges, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xlsxwriter import Workbook

from tco.charts.style import SIX
from tco.domain.cost import Phase
from tco.export.sheets import FIRST_MONTH, MONTH_HEADER, Sheet, month_columns
from tco.export.summary_sheets import Place
from tco.ledger.coverage import State, coverage
from tco.ledger.expression import Array
from tco.ledger.finance import by_month_usd
from tco.plan import Evaluation
from tco.rank.breakeven import NoCrossing
from tco.rank.comparison import Compared

NEVER = "never"
PERCENTILES = (10, 50, 80, 90)
WORDS = {State.PRICED: "priced", State.NONE: "none", State.SILENT: "nobody says"}


def write_break_even(
    book: Workbook,
    sheet: Sheet,
    found: Evaluation,
    places: Sequence[Place],
    crossings: Sequence[Compared],
) -> None:
    """Add the months up for each option, and say when another passes the first."""
    look, months = sheet.formats, found.scenario.months
    sheet.title(
        "Break-even",
        f"Cost added up from the first month, {found.settings.basis} basis [USD]; formulas. The "
        "month is the one by whose end whoever was cheaper at first has cost more.",
    )
    sheet.head(MONTH_HEADER, ("", "crosses in month", *([""] * (FIRST_MONTH - 2))))
    sheet.months(months)
    running = _Running(sheet, found, MONTH_HEADER + 1)
    for place in places:
        running.add(place)
    row = running.row
    if places:
        first, *others = places
        sheet.put(row, 0, f"Against {first.answer.title}", look.section)
        row += 1
        for other in others:
            row = running.compare(row, first, other)
        _draw(book, sheet, running.rows, places, len(months), row)
        row += 22
    row = _write_questions(sheet, row, crossings)
    sheet.widths((52, 17, 34, 34, 14, 12, 12, 12), months=len(months))


@dataclass
class _Running:
    """Running sums: one row an option; rows count from 0."""

    sheet: Sheet
    found: Evaluation
    row: int

    def __post_init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.sums: dict[str, Array] = {}

    def add(self, place: Place) -> None:
        """Write one option's running sum."""
        found, option = self.found, place.answer.option
        scenario, basis = found.scenario, found.settings.basis
        own = found.ledger[found.ledger["option"] == option]
        rate = scenario.organisation.discount_rate_per_year.likely
        sums = np.cumsum(by_month_usd(own, scenario.months, basis, rate))
        source = place.rows.of_basis[basis]
        self.sheet.put(self.row, 0, place.answer.title)
        before = ""
        for k, letters in enumerate(month_columns(len(sums))):
            formula = f"{before}'{place.rows.sheet}'!{letters}${source}"
            self.sheet.work_out(self.row, FIRST_MONTH + k, formula, float(sums[k]))
            before = f"{letters}{self.row + 1}+"
        self.rows[option], self.sums[option] = self.row, sums
        self.row += 1

    def compare(self, row: int, first: Place, other: Place) -> int:
        """Write how far another is ahead of the first, and the month in which that turns."""
        one, two = (self.rows[place.answer.option] + 1 for place in (first, other))
        ahead = self.sums[other.answer.option] - self.sums[first.answer.option]
        cents = np.round(ahead, 2)
        signs = _sign_at_first(cents)
        turned = [k + 1 for k in range(ahead.size) if np.sign(cents[k]) == -signs[k] != 0]
        letters = month_columns(ahead.size)
        self.sheet.put(row, 0, f"{other.answer.title}: dearer by")
        self.sheet.put(row + 1, 0, "dearer at first (1) or cheaper (-1)", self.sheet.formats.note)
        self.sheet.put(row + 2, 0, "months in which that has turned", self.sheet.formats.note)
        before = "0"
        for k, letter in enumerate(letters):
            column, gap = FIRST_MONTH + k, f"{letter}{row + 1}"
            self.sheet.work_out(row, column, f"{letter}{two}-{letter}{one}", float(ahead[k]))
            sign = f"IF({before}<>0,{before},SIGN(ROUND({gap},2)))"
            number = self.sheet.formats.text
            self.sheet.work_out(row + 1, column, sign, float(signs[k]), number)
            before = f"{letter}{row + 2}"
            is_turned = f'IF(AND({before}<>0,SIGN(ROUND({gap},2))=-{before}),{k + 1},"")'
            value = k + 1 if k + 1 in turned else ""
            self.sheet.work_out(row + 2, column, is_turned, value, number)
        turns = f"{letters[0]}{row + 3}:{letters[-1]}{row + 3}"
        month = f'IF(COUNT({turns})=0,"{NEVER}",MIN({turns}))'
        cached = min(turned) if turned else NEVER
        self.sheet.work_out(row, 1, month, cached, self.sheet.formats.text)
        return row + 3


def _sign_at_first(ahead: Array) -> Array:
    """Return for each month the sign of the first month in which there was a difference."""
    signs = np.sign(ahead)
    begun = np.flatnonzero(signs)
    return np.where(np.arange(ahead.size) < (begun[0] if begun.size else ahead.size), 0.0,
                    signs[begun[0]] if begun.size else 0.0)  # fmt: skip


def _draw(
    book: Workbook,
    sheet: Sheet,
    rows: dict[str, int],
    places: Sequence[Place],
    months: int,
    row: int,
) -> None:
    chart = book.add_chart({"type": "line"})
    last = FIRST_MONTH + months - 1
    for place, color in zip(places, SIX, strict=False):
        at = rows[place.answer.option]
        chart.add_series(
            {
                "name": [sheet.name, at, 0],  # a title that begins with = would be a formula
                "categories": [sheet.name, MONTH_HEADER, FIRST_MONTH, MONTH_HEADER, last],
                "values": [sheet.name, at, FIRST_MONTH, at, last],
                "line": {"color": color, "width": 2},
            }
        )
    chart.set_title({"name": "Cost added up [USD]"})
    chart.set_x_axis({"date_axis": True, "num_format": "mmm yyyy", "major_unit": 3})
    chart.set_size({"width": 1000, "height": 400})
    sheet.page.insert_chart(row + 1, 1, chart)


def _write_questions(sheet: Sheet, row: int, crossings: Sequence[Compared]) -> int:
    look = sheet.formats
    sheet.put(row, 0, "Where two options would cost the same: values of the export", look.section)
    row += 1
    if not crossings:
        sheet.put(row, 0, "Nothing to compare: fewer than two kinds of option are ranked.")
        return row + 1
    sheet.head(row, ("question", "month", "cheaper", "dearer", "value", "today", "unit", ""))
    for one in crossings:
        row += 1
        sheet.put(row, 0, one.question)
        sheet.put(row, 1, NEVER if one.month is None else one.month)
        sheet.page.set_row(row, 30)
        sheet.put(row, 2, one.titles[0], look.wrapped)
        sheet.put(row, 3, one.titles[1], look.wrapped)
        for point in one.points:
            row += 1
            sheet.put(row, 0, f"    {point.what}")
            if isinstance(point.found, NoCrossing):
                sheet.put(row, 4, f"none: {point.found.reason}")
            elif point.today is None:
                sheet.put(row, 4, point.found.factor, look.factor)
                sheet.put(row, 6, "times today's prices")
            else:
                sheet.put(row, 4, point.found.factor * point.today, look.factor)
                sheet.put(row, 5, point.today, look.factor)
                sheet.put(row, 6, point.unit)
    return row + 1


def write_ranges(sheet: Sheet, found: Evaluation, places: Sequence[Place]) -> None:
    """Write the ranges as values: a spreadsheet draws no thousand worlds."""
    look, known = sheet.formats, found.outlook.uncertainty
    months = found.scenario.months
    sheet.title(
        "Ranges",
        f"Values, not formulas: {known.draws:,} draws of {len(known.drivers)} assumptions, seed "
        f"{known.seed}, {found.settings.basis} basis [USD]. Monthly ranges do not add up to those "
        "of the total.",
    )
    sheet.head(MONTH_HEADER, ("option", "", *([""] * (FIRST_MONTH - 2))))
    sheet.months(months)
    row = MONTH_HEADER + 1
    for place in places:
        if (one := known.ranges.get(place.answer.option)) is None:
            continue
        sheet.put(row, 0, place.answer.title, look.section)
        sheet.put(row, FIRST_MONTH - 1, "over the horizon", look.section)
        for level in PERCENTILES:
            row += 1
            sheet.put(row, 0, f"P{level}")
            total = one.total_usd[level]
            sheet.put(row, FIRST_MONTH - 1, _or_unknown(total), look.money)
            for k, usd in enumerate(one.by_month_usd[level]):
                sheet.put(row, FIRST_MONTH + k, _or_unknown(usd), look.money)
        for budget in one.budgets:
            row += 1
            sheet.put(row, 0, f"contingency above the likely path for P{budget.level}")
            sheet.put(row, FIRST_MONTH - 1, budget.contingency_usd, look.money)
        for name, value, unit in (
            ("chance of being the cheapest", one.p_cheapest, look.share),
            ("dearer than the cheapest, in the mean", one.expected_regret_usd, look.money),
            ("dearer than the cheapest, at most", one.worst_regret_usd, look.money),
            ("draws beyond what was simulated", one.unknown_share, look.share),
        ):
            row += 1
            sheet.put(row, 0, name)
            sheet.put(row, FIRST_MONTH - 1, value, unit)
        row += 2
    if row == MONTH_HEADER + 1:
        sheet.put(row, 0, "No option is ranked, so there are no ranges.")
    sheet.widths((52, 3, 3, 3, 3, 3, 3, 18), months=len(months))


def _or_unknown(value: float | None) -> float | str:
    return "not known" if value is None else value


def write_coverage(sheet: Sheet, found: Evaluation, places: Sequence[Place]) -> None:
    """Say for each option and phase whether it is priced, and if not, why."""
    look = sheet.formats
    sheet.title("Coverage", "What each total covers. A silent phase makes a comparison unfair.")
    sheet.head(3, ("option", *(str(phase) for phase in Phase)))
    told = coverage(found.scenario, found.ledger)
    stands = {(one.option, one.phase): one for one in told}
    row = 4
    reasons: list[tuple[str, str, str]] = []
    for place in places:
        sheet.put(row, 0, place.answer.title)
        for column, phase in enumerate(Phase, start=1):
            one = stands.get((place.answer.option, phase))
            if one is None:
                continue
            sheet.put(row, column, WORDS.get(one.state, str(one.state)), look.wrapped)
            if one.reason:
                reasons.append((place.answer.title, str(phase), one.reason))
        row += 1
    row += 1
    if reasons:
        sheet.head(row, ("option", "phase", "why"))
        for title, phase_name, reason in reasons:
            row += 1
            sheet.put(row, 0, title)
            sheet.put(row, 1, phase_name)
            sheet.put(row, 2, reason)
    sheet.widths((52, *([16] * len(Phase))))
    sheet.page.freeze_panes(4, 1)
