"""What the workbook rests on: assumptions, workings, simulated tables, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from xlsxwriter import Workbook

from tco.domain.price import ExchangeRate
from tco.domain.record import Evidence
from tco.export.formulas import FIRST_POINT, FIRST_WORKING, Formulas
from tco.export.live import Limits
from tco.export.option_sheet import DISCOUNT
from tco.export.sheets import FIRST_MONTH, Sheet
from tco.ledger.expression import Driver

FIRST_ASSUMPTION = 6
"""Row of the first assumption, counted from 1."""
ASSUMPTIONS = (
    "assumption",
    "value",
    "unit",
    "low (P5)",
    "likely, as exported",
    "high (P95)",
    "live or fixed",
    "may be from",
    "to",
    "source",
    "date",
    "evidence",
    "name of its cell",
)
UNDATED = "undated"
"""In place of a date: the source says what is known, but not since when."""
SOURCE_WIDTH, WIDE_SOURCE_WIDTH = 70, 120
VALUE, EXPORTED = "B", "E"
EXCHANGE = "in_exchange_rate"
EXTRA_LIMITS = {DISCOUNT: Limits(-0.5, 1.0), EXCHANGE: Limits(1e-6, None)}
FIXED_TITLE, FIXED_TEXT = "Fixed", "It decides the simulation. Change the scenario, export again."


@dataclass(frozen=True, slots=True)
class AssumptionRows:
    """Where the assumptions stand; rows count from 1."""

    first: int
    last: int

    @property
    def changed(self) -> str:
        """Return a formula: how many assumptions differ from what was exported."""
        values, exported = (
            f"Assumptions!${column}${self.first}:${column}${self.last}"
            for column in (VALUE, EXPORTED)
        )
        return f"SUMPRODUCT(--({values}<>{exported}))"


def write_assumptions(
    book: Workbook,
    sheet: Sheet,
    formulas: Formulas,
    limits: Mapping[str, Limits | None],
    extra: Mapping[str, Driver],
) -> AssumptionRows:
    """Write every driver as a named cell with its range, source and grade.

    Args:
        book: The workbook.
        sheet: Where to write.
        formulas: All that the lines name.
        limits: How far each driver may move; None for what is fixed.
        extra: Drivers that no line names, by the name of their cell.
    """
    look = sheet.formats
    sheet.title(
        "Assumptions",
        "Blue cells on a pale ground are live: change them, and every total follows. Grey ones are "
        "fixed: they decide the simulation.",
    )
    sheet.put(2, 0, "Low and high are the 5th and the 95th percentile.", look.note)
    sheet.head(FIRST_ASSUMPTION - 2, ASSUMPTIONS)
    named = {**extra, **formulas.names}
    row = FIRST_ASSUMPTION - 1
    for name, driver in sorted(named.items(), key=lambda pair: pair[1].name):
        allowed = EXTRA_LIMITS[name] if name in extra else limits.get(driver.name)
        cell = look.fixed if allowed is None else look.input
        sheet.put(row, 0, driver.name)
        sheet.put(row, 1, driver.likely, cell)
        sheet.put(row, 2, driver.unit)
        sheet.put(row, 3, driver.low, look.factor)
        sheet.put(row, 4, driver.likely, look.factor)
        sheet.put(row, 5, driver.high, look.factor)
        sheet.put(row, 6, "fixed" if allowed is None else "live")
        sheet.put(row, 7, allowed.low if allowed else None, look.factor)
        sheet.put(row, 8, allowed.high if allowed else None, look.factor)
        sheet.put_wrapped(row, 9, driver.source, SOURCE_WIDTH)
        _put_date(sheet, row, 10, driver.checked_on)
        sheet.put(row, 11, str(driver.evidence))
        sheet.put(row, 12, name)
        book.define_name(name, f"=Assumptions!${VALUE}${row + 1}")
        sheet.page.data_validation(row, 1, row, 1, _validation(driver, allowed))
        row += 1
    sheet.widths((58, 16, 16, 12, 16, 12, 11, 14, 16, SOURCE_WIDTH, 12, 11, 50))
    sheet.page.freeze_panes(FIRST_ASSUMPTION - 1, 2)
    sheet.page.print_area(0, 0, row - 1, len(ASSUMPTIONS) - 2)
    sheet.page.repeat_rows(FIRST_ASSUMPTION - 2)
    sheet.page.autofilter(FIRST_ASSUMPTION - 2, 0, row - 1, len(ASSUMPTIONS) - 1)
    return AssumptionRows(FIRST_ASSUMPTION, row)


def exchange_driver(rate: ExchangeRate) -> Driver:
    """Return a rate as an assumption that can be changed."""
    value = float(rate.usd_per_unit)
    name, source = f"exchange_rate.{rate.currency}", f"{rate.source}, {rate.day:%Y-%m-%d}"
    unit = f"USD/{rate.currency}"
    return Driver(name, unit, value, Evidence.PUBLISHED, source, value, value, rate.day)


def _put_date(sheet: Sheet, row: int, column: int, day: date | None) -> None:
    """Write the day of a source, or that nobody says which it was."""
    if day is None:
        sheet.put(row, column, UNDATED, sheet.formats.note)
    else:
        sheet.put(row, column, day, sheet.formats.day)


def _validation(driver: Driver, allowed: Limits | None) -> dict[str, object]:
    if allowed is None:
        return {
            "validate": "decimal",
            "criteria": "==",
            "value": driver.likely,
            "error_title": FIXED_TITLE,
            "error_message": FIXED_TEXT,
        }
    low = -1e15 if allowed.low is None else allowed.low
    high = 1e15 if allowed.high is None else allowed.high
    return {
        "validate": "decimal",
        "criteria": "between",
        "minimum": low,
        "maximum": high,
        "error_title": "Outside what was worked out",
        "error_message": f"Between {low:,.6g} and {high:,.6g}; beyond it, plan anew.",
    }


def write_workings(sheet: Sheet, formulas: Formulas, months: Sequence[date]) -> None:
    """Write the steps that several lines share."""
    look = sheet.formats
    sheet.title("Workings", "Steps that several lines share, one formula along each row.")
    for column, title in enumerate(("step", "unit", "source")):
        sheet.put(FIRST_WORKING - 2, column, title, look.head)
    for column in range(3, FIRST_MONTH):
        sheet.put(FIRST_WORKING - 2, column, "", look.head)
    sheet.months(months)
    for step in formulas.workings:
        row = step.row - 1
        for column, text in enumerate((step.what, step.unit, step.source)):
            sheet.put(row, column, text)
        for k, letters in enumerate(formulas.columns):
            value = float(step.values[k])
            if step.formula is None:
                sheet.put(row, FIRST_MONTH + k, value, look.fixed)
            else:
                formula = step.formula.replace("{c}", letters)
                sheet.work_out(row, FIRST_MONTH + k, formula, value, look.factor)
    sheet.widths((52, 14, 30, 2, 2, 2, 2, 2), months=len(months))


def write_tables(sheet: Sheet, formulas: Formulas) -> None:
    """Write what was simulated at each level of load: values, not formulas."""
    look = sheet.formats
    sheet.title(
        "Tables",
        "Simulated at each level of load: fixed values. Formulas read between two points, and give "
        "an error beyond the ends.",
    )
    if not formulas.tables:
        sheet.put(FIRST_POINT - 1, 0, "No option reads a simulated table.")
    for table in formulas.tables:
        sheet.put(FIRST_POINT - 3, table.column, table.name, look.section)
        sheet.put(FIRST_POINT - 2, table.column, "read at", look.head)
        columns = table.rows_of_values
        heads: Sequence[float | str] = table.second_points or ["value"]
        for across, head in enumerate(heads, start=table.column + 1):
            sheet.put(FIRST_POINT - 2, across, head, look.head)
        for n, point in enumerate(table.points):
            sheet.put(FIRST_POINT - 1 + n, table.column, point, look.fixed)
            for across, values in enumerate(columns, start=table.column + 1):
                sheet.put(FIRST_POINT - 1 + n, across, values[n], look.fixed)
    last = max((t.column + len(t.rows_of_values) for t in formulas.tables), default=1)
    sheet.page.set_column(0, last, 16)
    sheet.page.freeze_panes(FIRST_POINT - 1, 0)


def write_sources(sheet: Sheet, formulas: Formulas) -> None:
    """Write each source once, with the number of figures that rest on it."""
    sheet.title("Sources", "Where the figures come from, and how many rest on each.")
    sheet.head(3, ("source", "date", "evidence", "figures"))
    counted = Counter(
        (driver.source, driver.checked_on, str(driver.evidence))
        for driver in formulas.names.values()
    )
    counted.update((table.source, None, str(Evidence.ESTIMATED)) for table in formulas.tables)
    in_order = sorted(counted.items(), key=lambda pair: (pair[0][0], str(pair[0][1]), pair[0][2]))
    for row, ((source, day, evidence), count) in enumerate(in_order, start=4):
        sheet.put_wrapped(row, 0, source, WIDE_SOURCE_WIDTH)
        _put_date(sheet, row, 1, day)
        sheet.put(row, 2, evidence)
        sheet.put(row, 3, count)
    sheet.widths((WIDE_SOURCE_WIDTH, 12, 14, 10))
    sheet.page.freeze_panes(4, 0)
