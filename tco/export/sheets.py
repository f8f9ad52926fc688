"""The look of the workbook: formats, columns and print set-up that all its sheets share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tco.export.formulas import column_letters

FIRST_MONTH = 8
"""Column of the first month on every sheet with months, counted from 0."""
MONTH_HEADER = 3
"""Row of the months' names on every sheet with months, counted from 0."""
MONTHS_A_PAGE = 16
LONGEST_SHEET_NAME = 31
NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\']")
A4 = 9
LINE_POINTS = 15
INK, QUIET, INPUT, PALE, HEAD = "#111111", "#666666", "#0000CC", "#EEF4FB", "#1E3A5F"

Cell = str | float | int | bool | date | None


class PlainWorksheet(Worksheet):  # type: ignore[misc]  # the library ships no types
    """A worksheet that takes formulas as they are written.

    The library looks through each for functions of newer spreadsheets, which costs more than all
    the rest; ours uses none of them.
    """

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:  # noqa: FBT001, FBT002 - its shape
        del expand_future_functions
        return formula.removeprefix("=")


@dataclass(frozen=True, slots=True)
class Formats:
    """One format a role, so that a reader learns them once."""

    title: Format
    note: Format
    head: Format
    month: Format
    text: Format
    wrapped: Format
    section: Format
    money: Format
    money_total: Format
    price: Format
    number: Format
    factor: Format
    share: Format
    day: Format
    input: Format
    fixed: Format


def make_formats(book: Workbook) -> Formats:
    """Make the formats of one workbook."""
    money = "#,##0.00;[Red](#,##0.00)"

    def made(**properties: Any) -> Format:
        return book.add_format({"font_color": INK, "valign": "top", **properties})

    def number(**properties: Any) -> Format:
        return made(shrink=True, **properties)  # smaller digits rather than ####

    return Formats(
        title=made(bold=True, font_size=14),
        note=made(font_color=QUIET, italic=True),
        head=made(bold=True, font_color="#FFFFFF", bg_color=HEAD, text_wrap=True),
        month=made(
            bold=True, font_color="#FFFFFF", bg_color=HEAD, num_format="mmm yyyy", align="right"
        ),
        text=made(),
        wrapped=made(text_wrap=True),
        section=made(bold=True, bg_color=PALE),
        money=number(num_format=money),
        money_total=number(num_format=money, bold=True, top=1),
        price=number(num_format="#,##0.000000;[Red](#,##0.000000)"),
        number=number(num_format="#,##0.00"),
        factor=number(num_format="#,##0.00####"),
        share=number(num_format="0.0%"),
        day=made(num_format="yyyy-mm-dd", align="left"),
        input=number(font_color=INPUT, bg_color="#FFF9E5", num_format="#,##0.00########"),
        fixed=number(font_color=QUIET, bg_color="#F2F2F2", num_format="#,##0.00########"),
    )


def month_columns(count: int) -> tuple[str, ...]:
    """Return the letters of the months' columns."""
    return tuple(column_letters(FIRST_MONTH + k) for k in range(count))


def sheet_name(number: int, option: str) -> str:
    """Name an option's sheet; the number keeps names apart where they had to be cut.

    >>> sheet_name(3, "open/8b: tuned")
    '3 open-8b- tuned'
    """
    return f"{number} {NOT_IN_SHEET_NAMES.sub('-', option)}"[:LONGEST_SHEET_NAME].rstrip()


@dataclass(slots=True)
class Sheet:
    """A worksheet with the formats of its workbook; rows and columns count from 0."""

    page: Worksheet
    formats: Formats

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.page.get_name())

    def put(self, row: int, column: int, value: Cell, look: Format | None = None) -> None:
        """Write a value; text stays text whatever it begins with."""
        look = look or self.formats.text
        match value:
            case None:
                self.page.write_blank(row, column, None, look)
            case bool():
                self.page.write_boolean(row, column, value, look)
            case int() | float():
                self.page.write_number(row, column, value, look)
            case date():
                day = datetime(value.year, value.month, value.day)
                self.page.write_datetime(row, column, day, look)
            case _:
                self.page.write_string(row, column, value, look)

    def work_out(
        self, row: int, column: int, formula: str, value: float | str, look: Format | None = None
    ) -> None:
        """Write a formula with the engine's own value as its cached result."""
        self.page.write_formula(row, column, f"={formula}", look or self.formats.money, value)

    def head(self, row: int, titles: Sequence[str]) -> None:
        """Write a row of column titles."""
        for column, title in enumerate(titles):
            self.put(row, column, title, self.formats.head)

    def months(self, months: Sequence[date]) -> None:
        """Write the months over their columns, and keep them in sight."""
        for k, month in enumerate(months):
            self.put(MONTH_HEADER, FIRST_MONTH + k, month, self.formats.month)
        self.page.freeze_panes(MONTH_HEADER + 1, 1)
        self.page.fit_to_pages(math.ceil((len(months) + FIRST_MONTH) / MONTHS_A_PAGE), 0)
        self.page.repeat_rows(MONTH_HEADER)
        self.page.repeat_columns(0, 0)

    def put_wrapped(self, row: int, column: int, text: str, width: float) -> None:
        """Write text over as many lines as a column of that width needs."""
        self.put(row, column, text, self.formats.wrapped)
        self.page.set_row(row, LINE_POINTS * math.ceil(max(len(text), 1) / width))

    def title(self, title: str, note: str = "") -> None:
        """Write the sheet's title and what there is to know about it."""
        self.put(0, 0, title, self.formats.title)
        if note:
            self.put(1, 0, note, self.formats.note)

    def widths(self, widths: Sequence[float], *, months: int = 0) -> None:
        """Set the widths of the first columns, and of the months."""
        for column, width in enumerate(widths):
            self.page.set_column(column, column, width)
        if months:
            self.page.set_column(FIRST_MONTH, FIRST_MONTH + months - 1, 13)


def add_sheet(book: Workbook, formats: Formats, name: str, footer: str) -> Sheet:
    """Add a sheet that prints on pages as wide as it is, in landscape."""
    page = book.add_worksheet(name, worksheet_class=PlainWorksheet)
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 0)
    page.hide_gridlines(2)
    page.set_footer(f"&L{footer.replace('&', '&&')}&R&A, page &P of &N")
    return Sheet(page, formats)
