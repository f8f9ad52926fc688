"""One sheet an option: quantities, unit prices and costs by month, formulas only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xlsxwriter import Workbook
from xlsxwriter.format import Format

from tco.domain.cost import Basis, Phase
from tco.export.formulas import Formulas, column_letters
from tco.export.sheets import FIRST_MONTH, MONTH_HEADER, Sheet
from tco.ledger.expression import Array, Expression
from tco.ledger.model import CostLine, ValuedLine

COLUMNS = ("item", "phase", "category", "kind", "cause", "payee", "unit", "over the horizon")
ITEM, PHASE, CATEGORY, KIND, CAUSE, PAYEE, UNIT, TOTAL = range(8)
DISCOUNT = "in_discount_rate_per_year"


@dataclass(frozen=True, slots=True)
class OptionRows:
    """Where on an option's sheet its figures stand; rows count from 1."""

    sheet: str
    first_cost: int
    last_cost: int
    of_phase: dict[Phase, int]
    of_basis: dict[Basis, int]
    phase_usd: dict[Phase, float]
    """The engine's cost of each phase over the horizon [USD]."""

    @property
    def nominal(self) -> str:
        """The cell with the option's nominal total."""
        return self.total(self.of_basis[Basis.CASH])

    def total(self, row: int) -> str:
        """Return the cell over the horizon in a row."""
        return f"'{self.sheet}'!${column_letters(TOTAL)}${row}"

    def costs(self, column: int) -> str:
        """Return a column's range over all lines of cost."""
        letters = column_letters(column)
        return f"'{self.sheet}'!${letters}${self.first_cost}:${letters}${self.last_cost}"

    def sum_where(self, column: int, *words: str) -> str:
        """Return a formula: the cost of the lines that hold one of the words in a column."""
        where, what = self.costs(column), self.costs(TOTAL)
        return "+".join(f'SUMIF({where},"{word}",{what})' for word in words)


@dataclass(slots=True)
class OptionSheet:
    """Writes one option."""

    book: Workbook
    sheet: Sheet
    formulas: Formulas
    lines: Sequence[ValuedLine]
    by_basis: dict[Basis, Array]
    """The engine's cost by month on each basis [USD]."""

    def write(self, first_row: int = MONTH_HEADER + 1) -> OptionRows:
        """Write all blocks and say where they stand."""
        look = self.sheet.formats
        for column, title in enumerate(COLUMNS):
            self.sheet.put(MONTH_HEADER, column, title, look.head)
        quantities = self._block(
            first_row, "Quantities", look.number, lambda line: line.quantity, sums=True
        )
        prices = self._block(
            quantities[1] + 1, "Unit prices [USD]", look.price, lambda line: line.unit_price_usd
        )
        first_cost = prices[1] + 2
        self.sheet.put(
            first_cost - 1, ITEM, "Costs [USD], in the month they are paid", look.section
        )
        for n, valued in enumerate(self.lines):
            row = first_cost + n
            self._describe(row, valued.line)
            amount, price = quantities[0] + n + 1, prices[0] + n + 1
            for k, letters in enumerate(self.formulas.columns):
                formula = f"{letters}{amount}*{letters}{price}"
                self.sheet.work_out(row, FIRST_MONTH + k, formula, float(valued.cost_usd[0, k]))
            self._row_total(row, float(valued.cost_usd[0].sum()), look.money)
        return self._totals(first_cost, first_cost + len(self.lines) - 1)

    def _block(
        self,
        row: int,
        title: str,
        number: Format,
        expression: Callable[[CostLine], Expression],
        *,
        sums: bool = False,
    ) -> tuple[int, int]:
        """Write one row a line; return the first row and the one after the last."""
        self.sheet.put(row, ITEM, title, self.sheet.formats.section)
        first = row + 1
        for n, valued in enumerate(self.lines):
            at = first + n
            self._describe(at, valued.line)
            written = expression(valued.line)
            text = self.formulas.of(written)
            values = self.formulas.values(written)
            for k, letters in enumerate(self.formulas.columns):
                formula = text.replace("{c}", letters)
                self.sheet.work_out(at, FIRST_MONTH + k, formula, float(values[k]), number)
            if sums:
                self._row_total(at, float(values.sum()), number)
        return first, first + len(self.lines)

    def _describe(self, row: int, line: CostLine) -> None:
        words = (line.item, line.phase, line.category, line.kind, line.cause, line.payee, line.unit)
        for column, word in enumerate(words):
            self.sheet.put(row, column, str(word))

    def _row_total(self, row: int, value: float, number: Format) -> None:
        first, last = self.formulas.columns[0], self.formulas.columns[-1]
        self.sheet.work_out(row, TOTAL, f"SUM({first}{row + 1}:{last}{row + 1})", value, number)

    def _totals(self, first: int, last: int) -> OptionRows:
        """Sum the costs by phase and on each basis."""
        look = self.sheet.formats
        name = self.sheet.name
        row = last + 2
        self.sheet.put(row, ITEM, "By phase [USD]", look.section)
        of_phase: dict[Phase, int] = {}
        phase_usd: dict[Phase, float] = {}
        for phase in Phase:
            costs = [v.cost_usd[0] for v in self.lines if v.line.phase is phase]
            if not costs:
                continue
            row += 1
            values = np.sum(costs, axis=0)
            where = f"$B${first + 1}:$B${last + 1}"
            self._sums(
                row,
                str(phase),
                f'SUMIF({where},"{phase}",{{c}}{first + 1}:{{c}}{last + 1})',
                values,
            )
            of_phase[phase] = row + 1
            phase_usd[phase] = float(values.sum())
        row += 2
        self.sheet.put(row, ITEM, "On each basis [USD]", look.section)
        cash = row + 2
        of_basis = {Basis.CASH: cash}
        self._sums(
            row + 1,
            "cash: when it is paid",
            f"SUM({{c}}{first + 1}:{{c}}{last + 1})",
            self.by_basis[Basis.CASH],
        )
        row = self._accrual(row + 2, cash, first)
        of_basis[Basis.ACCRUAL] = row
        at = f"(COLUMN({{c}}$1)-COLUMN(${self.formulas.columns[0]}$1)+0.5)/12"
        self._sums(
            row,
            "present value: cash discounted to the start",
            f"{{c}}{cash}/(1+{DISCOUNT})^({at})",
            self.by_basis[Basis.PRESENT_VALUE],
        )
        of_basis[Basis.PRESENT_VALUE] = row + 1
        return OptionRows(name, first + 1, last + 1, of_phase, of_basis, phase_usd)

    def _accrual(self, row: int, cash: int, first: int) -> int:
        """Write each asset's expense and the accrual total; return the total's row, from 1."""
        months = len(self.formulas.columns)
        expense_rows: list[tuple[int, int]] = []
        for n, valued in enumerate(self.lines):
            life = valued.line.life_months
            if life is None:
                continue
            source = first + n + 1
            costs = valued.cost_usd[0]
            self.sheet.put(row, ITEM, f"expense of {valued.line.item}, {life} months of life")
            expensed = np.zeros(months)
            for k, letters in enumerate(self.formulas.columns):
                begin = self.formulas.columns[max(0, k - life + 1)]
                text = f"SUM({begin}{source}:{letters}{source})/{life}"
                expensed[k] = costs[max(0, k - life + 1) : k + 1].sum() / life
                if k == months - 1:
                    start = self.formulas.columns[0]
                    paid = f"SUM({start}{source}:{letters}{source})"
                    so_far = f"SUM({start}{row + 1}:{self.formulas.columns[k - 1]}{row + 1})"
                    text = paid if months == 1 else f"{paid}-{so_far}"
                    expensed[k] = costs.sum() - expensed[:k].sum()
                self.sheet.work_out(row, FIRST_MONTH + k, text, float(expensed[k]))
            self._row_total(row, float(expensed.sum()), self.sheet.formats.money)
            expense_rows.append((source, row + 1))
            row += 1
        text = f"{{c}}{cash}" + "".join(f"-{{c}}{paid}+{{c}}{at}" for paid, at in expense_rows)
        self._sums(
            row, "accrual: assets spread over their life", text, self.by_basis[Basis.ACCRUAL]
        )
        return row + 1

    def _sums(self, row: int, title: str, text: str, values: Array) -> None:
        look = self.sheet.formats
        self.sheet.put(row, ITEM, title)
        for k, letters in enumerate(self.formulas.columns):
            formula = text.replace("{c}", letters)
            self.sheet.work_out(row, FIRST_MONTH + k, formula, float(values[k]), look.money_total)
        self._row_total(row, float(values.sum()), look.money_total)
