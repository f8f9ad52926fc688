"""A workbook read back: its formulas, what they held when written, and what they come to."""

import io
from dataclasses import dataclass

import formualizer
import openpyxl
from openpyxl.worksheet.worksheet import Worksheet


@dataclass
class Recalculated:
    """A workbook under a spreadsheet engine that is not ours."""

    content: bytes

    def __post_init__(self):
        self.book = formualizer.load_workbook_bytes(self.content)
        self.book.evaluate_all()
        self.cached = openpyxl.load_workbook(io.BytesIO(self.content), data_only=True)
        self.written = openpyxl.load_workbook(io.BytesIO(self.content))

    def formulas(self):
        for sheet in self.written:
            assert isinstance(sheet, Worksheet)
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type == "f":
                        yield sheet.title, cell.row, cell.column, cell.value

    def value(self, sheet, row, column):
        return self.book.get_value(sheet, row, column)

    def cached_value(self, sheet, row, column):
        return self.cached[sheet].cell(row, column).value

    def write(self, sheet, row, column, value):
        """Write a cell; what rests on it is worked out when it is asked for."""
        self.book.set_value(sheet, row, column, value)

    def set(self, sheet, row, column, value):
        self.write(sheet, row, column, value)
        self.book.evaluate_all()

    def rows(self, sheet):
        return list(self.cached[sheet].iter_rows(values_only=True))

    def assumption_rows(self):
        """Row and content of each assumption, by the driver's name."""
        rows = self.rows("Assumptions")
        start = next(n for n, row in enumerate(rows) if row[0] == "assumption") + 1
        return {row[0]: (n + 1, row) for n, row in enumerate(rows) if n >= start and row[0]}

    def totals(self, column=6):
        """Total of each option by title, as it stands now: by default the nominal one."""
        self.book.evaluate_all()
        rows = self.rows("Summary")
        start = next(n for n, row in enumerate(rows) if row[0] == "rank on export") + 1
        found = {}
        for n, row in enumerate(rows[start:], start=start + 1):
            if row[2] is None:
                break
            found[row[2]] = self.value("Summary", n, column)
        return found
