"""The sheets that a reader opens first: cover, summary, comparison, parts, waste, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlsxwriter import Workbook

from tco.domain.cost import Basis, Kind, Payee, Phase
from tco.domain.price import ExchangeRate
from tco.export.formulas import column_letters
from tco.export.input_sheets import EXCHANGE, AssumptionRows
from tco.export.option_sheet import CATEGORY, KIND, PAYEE, TOTAL, OptionRows
from tco.export.recovery import Recoverable, verdict_of
from tco.export.sheets import Sheet
from tco.ledger import book as ledger
from tco.plan import Evaluation
from tco.prices.currency import from_usd
from tco.rank.score import Answer, Money
from tco.units import REQUESTS_PER_THOUSAND

CENT = 0.005
COVER_WIDTH = 110
SUMMARY_HEAD = 4
"""Row of the summary's titles, counted from 0."""
LOSSES = (str(Kind.WASTED), str(Kind.IDLE))
PHASE_COLUMN = 1


@dataclass(frozen=True, slots=True)
class Place:
    """An option of the ranking and where its rows stand."""

    answer: Answer
    rows: OptionRows

    @property
    def money(self) -> Money:
        """Its figures; only priced options have a sheet."""
        assert self.answer.money is not None
        return self.answer.money


def write_cover(sheet: Sheet, found: Evaluation, facts: Mapping[str, str]) -> None:
    """Say what this is, what it rests on, and what it is not."""
    look = sheet.formats
    scenario = found.scenario
    sheet.put(0, 0, f"Budget forecast: {scenario.title}", look.title)
    sheet.put(1, 0, "An estimate, not a quote and not a bill.", look.note)
    row = 3
    for name, text in facts.items():
        sheet.put(row, 0, name, look.section)
        sheet.put_wrapped(row, 1, text, COVER_WIDTH)
        row += 1
    row += 1
    sheet.put(row, 0, "What moves and what does not", look.section)
    for line in (
        "Formulas: every quantity, unit price, cost, total and check. They follow the live cells "
        "of the sheet Assumptions.",
        "Fixed: speed and sizes that decide a simulation, and the order of the options as it was "
        "on export; the column 'rank now' follows the formulas.",
        "Values, not formulas: simulated tables, and ranges. Monthly ranges do not add up.",
        "Amounts are in US dollars, nominal, unless a title says otherwise; a month is the "
        "calendar month, UTC.",
    ):
        row += 1
        sheet.put(row, 0, "")
        sheet.put_wrapped(row, 1, line, COVER_WIDTH)
    sheet.widths((26, COVER_WIDTH))


def write_summary(
    book: Workbook,
    sheet: Sheet,
    found: Evaluation,
    places: Sequence[Place],
    requests: str,
    exchange: ExchangeRate | None,
) -> None:
    """Put the options in order with their totals and unit costs.

    Args:
        book: The workbook.
        sheet: Where to write.
        found: The evaluation.
        places: The options and where their rows stand.
        requests: Formula of the requests answered.
        exchange: Currency in which totals are repeated.
    """
    look = sheet.formats
    basis = found.settings.basis
    sheet.title(f"Summary: {found.scenario.question}", f"Total cost of ownership on {basis} basis.")
    sheet.put(2, 0, "Requests answered over the horizon", look.section)
    sheet.work_out(2, 2, requests, found.requests_answered, look.number)
    titles: tuple[str, ...] = (
        "rank on export",
        "rank now",
        "option",
        "status",
        f"total, {basis} [USD]",
        "nominal [USD]",
        "present value [USD]",
        "per 1,000 requests [USD]",
        "serving per 1,000 requests [USD]",
        "training [USD]",
        "experiments [USD]",
        "people [USD]",
        "idle and wasted [USD]",
        "share of capacity idle or wasted",
    )
    if exchange is not None:
        unit = exchange.currency
        titles = (*titles, f"total, {basis} [{unit}]", f"per 1,000 requests [{unit}]")
    sheet.head(SUMMARY_HEAD, titles)
    first = SUMMARY_HEAD + 2
    ranked = [place for place in places if place.answer.rank is not None]
    last_ranked = first + len(ranked) - 1
    for n, place in enumerate(places):
        row = SUMMARY_HEAD + 1 + n
        money, rows = place.money, place.rows
        sheet.put(row, 0, place.answer.rank)
        if place.answer.rank is not None:
            order = _order(f"$E${first}:$E$", last_ranked, row + 1)
            sheet.work_out(row, 1, order, place.answer.rank, look.text)
        sheet.put(row, 2, place.answer.title)
        sheet.put(row, 3, str(place.answer.status))
        own = found.ledger[found.ledger["option"] == place.answer.option]
        experiments = ledger.total_usd(own[own["phase"] == Phase.EXPERIMENTATION])
        for column, (formula, value) in enumerate(
            (
                (rows.total(rows.of_basis[basis]), money.basis_usd),
                (rows.nominal, money.tco_usd),
                (rows.total(rows.of_basis[Basis.PRESENT_VALUE]), money.pv_usd),
                (f"F{row + 1}/$C$3*{REQUESTS_PER_THOUSAND:.0f}", money.cost_per_1k_usd),
                (
                    f"({rows.sum_where(PHASE_COLUMN, Phase.INFERENCE)})/$C$3"
                    f"*{REQUESTS_PER_THOUSAND:.0f}",
                    money.inference_cost_per_1k_usd,
                ),
                (rows.sum_where(PHASE_COLUMN, Phase.TRAINING), money.training_usd),
                (rows.sum_where(PHASE_COLUMN, Phase.EXPERIMENTATION), experiments),
                (rows.sum_where(PAYEE, Payee.PAYROLL), money.people_usd),
                (rows.sum_where(KIND, *LOSSES), money.idle_usd),
            ),
            start=4,
        ):
            unit = look.price if column in {7, 8} else look.money
            sheet.work_out(row, column, formula, value, unit)
        if money.idle_share is not None:
            capacity = rows.sum_where(KIND, *map(str, ledger.CAPACITY_KINDS))
            sheet.work_out(row, 13, f"M{row + 1}/({capacity})", money.idle_share, look.share)
        if exchange is not None:
            total, each = (from_usd(x, exchange) for x in (money.basis_usd, money.cost_per_1k_usd))
            sheet.work_out(row, 14, f"E{row + 1}/{EXCHANGE}", total, look.money)
            sheet.work_out(row, 15, f"H{row + 1}/{EXCHANGE}", each, look.price)
    last = SUMMARY_HEAD + 1 + len(places)
    row = last + 2
    for answer in (*found.ranking.unproven, *found.ranking.excluded):
        sheet.put(row, 2, f"{answer.title}: {answer.status}", look.section)
        sheet.put(row, 3, "; ".join(answer.reasons))
        row += 1
    sheet.widths((9, 7, 44, 11, 17, 17, 17, 14, 14, 15, 15, 15, 15, 12, 17, 14))
    sheet.page.set_row(SUMMARY_HEAD, 45)
    sheet.page.freeze_panes(SUMMARY_HEAD + 1, 3)
    if places:
        chart = book.add_chart({"type": "bar"})
        chart.add_series(
            {
                "name": f"total, {basis} [USD]",
                "categories": [sheet.name, first - 1, 2, last - 1, 2],
                "values": [sheet.name, first - 1, 4, last - 1, 4],
                "fill": {"color": "#0072B2"},
            }
        )
        chart.set_title({"name": f"Total cost over {found.scenario.horizon_months} months"})
        chart.set_y_axis({"reverse": True})
        chart.set_legend({"none": True})
        chart.set_size({"width": 900, "height": 90 + 34 * len(places)})
        sheet.page.insert_chart(row + 1, 2, chart)


def write_comparison(sheet: Sheet, places: Sequence[Place]) -> None:
    """Set the phases of all options side by side, and each total against the cheapest."""
    look = sheet.formats
    sheet.title("Comparison", "Nominal cost over the horizon by phase [USD].")
    sheet.head(3, ("phase", *(place.answer.title for place in places)))
    sheet.page.set_row(3, 45)
    row = 4
    for phase in Phase:
        if not any(phase in place.rows.of_phase for place in places):
            continue
        sheet.put(row, 0, str(phase))
        for column, place in enumerate(places, start=1):
            at = place.rows.of_phase.get(phase)
            if at is not None:
                sheet.work_out(row, column, place.rows.total(at), place.rows.phase_usd[phase])
        row += 1
    sheet.put(row, 0, "total", look.section)
    sheet.put(row + 1, 0, "more than the cheapest", look.section)
    cheapest = min((place.money.tco_usd for place in places), default=0.0)
    for column, place in enumerate(places, start=1):
        letter = column_letters(column)
        total = place.money.tco_usd
        sheet.work_out(row, column, f"SUM({letter}5:{letter}{row})", total, look.money_total)
        every = f"$B${row + 1}:${column_letters(len(places))}${row + 1}"
        sheet.work_out(row + 1, column, f"{letter}{row + 1}-MIN({every})", total - cheapest)
    sheet.widths((24, *([20] * len(places))))
    sheet.page.freeze_panes(4, 1)


def write_parts(
    sheet: Sheet,
    found: Evaluation,
    places: Sequence[Place],
    *,
    phases: Sequence[Phase],
    title: str,
    note: str,
) -> None:
    """Open some phases by category, option by option."""
    look = sheet.formats
    sheet.title(title, note)
    sheet.head(3, ("phase", "category", *(place.answer.title for place in places)))
    sheet.page.set_row(3, 45)
    wanted = found.ledger[found.ledger["phase"].isin(list(map(str, phases)))]
    by_part = wanted.groupby(["phase", "category", "option"], sort=False)["cost_usd"].sum()
    pairs = list(dict.fromkeys((key[0], key[1]) for key in by_part.index))
    order = {str(phase): n for n, phase in enumerate(phases)}
    row = 4
    for phase, category in sorted(pairs, key=lambda pair: (order[pair[0]], pair[1])):
        sheet.put(row, 0, phase)
        sheet.put(row, 1, category)
        for column, place in enumerate(places, start=2):
            rows = place.rows
            formula = (
                f"SUMIFS({rows.costs(TOTAL)},{rows.costs(PHASE_COLUMN)},$A{row + 1},"
                f"{rows.costs(CATEGORY)},$B{row + 1})"
            )
            value = float(by_part.get((phase, category, place.answer.option), 0.0))
            sheet.work_out(row, column, formula, value)
        row += 1
    if not pairs:
        sheet.put(row, 0, "No option has a cost in these phases.")
        return
    sheet.put(row, 0, "total", look.section)
    for column, place in enumerate(places, start=2):
        letter = column_letters(column)
        own = wanted[wanted["option"] == place.answer.option]
        total = ledger.total_usd(own)
        sheet.work_out(row, column, f"SUM({letter}5:{letter}{row})", total, look.money_total)
    sheet.widths((20, 26, *([20] * len(places))))
    sheet.page.freeze_panes(4, 2)


def write_waste(
    sheet: Sheet, found: Evaluation, places: Sequence[Place], recoverable: Recoverable
) -> None:
    """Name what was paid for capacity that did not work, by cause."""
    look = sheet.formats
    sheet.title("Waste", "Paid for capacity that did not work, by cause, over the horizon [USD].")
    sheet.head(3, ("kind", "cause", *(place.answer.title for place in places)))
    sheet.page.set_row(3, 45)
    lost = found.ledger[found.ledger["kind"].isin(LOSSES)]
    by_cause = lost.groupby(["kind", "cause", "option"], sort=False)["cost_usd"].sum()
    pairs = sorted(dict.fromkeys((key[0], key[1]) for key in by_cause.index))
    if not pairs:
        sheet.put(4, 0, "No dedicated capacity, so no idle cost.")
    for row, (kind, cause) in enumerate(pairs, start=4):
        sheet.put(row, 0, kind)
        sheet.put(row, 1, cause)
        for column, place in enumerate(places, start=2):
            rows = place.rows
            formula = (
                f"SUMIFS({rows.costs(TOTAL)},{rows.costs(KIND)},$A{row + 1},"
                f"{rows.costs(KIND + 1)},$B{row + 1})"
            )
            value = float(by_cause.get((kind, cause, place.answer.option), 0.0))
            sheet.work_out(row, column, formula, value)
    row = 4 + len(pairs)
    if pairs:
        sheet.put(row, 0, "total", look.section)
        for column, place in enumerate(places, start=2):
            letter = column_letters(column)
            formula = f"SUM({letter}5:{letter}{row})"
            sheet.work_out(row, column, formula, place.money.idle_usd, look.money_total)
    _write_recovery(sheet, row + 2, found, recoverable)
    sheet.widths((12, 36, *([20] * len(places))))
    sheet.page.freeze_panes(4, 2)


def _order(from_first: str, last: int, row: int) -> str:
    """Rank a row by its total; of two that cost the same the one above comes first."""
    return f"RANK(E{row},{from_first}{last},1)+COUNTIF({from_first}{row},E{row})-1"


def _write_recovery(sheet: Sheet, row: int, found: Evaluation, recoverable: Recoverable) -> None:
    """Write what would recover the waste of one option: values, for each measure is simulated."""
    look = sheet.formats
    sheet.put(row, 0, "What would recover it: values, not formulas", look.section)
    sheet.put(row + 1, 0, recoverable.sentence(found))
    if recoverable.recovery is None:
        return
    row += 3
    sheet.head(row, ("", "cause", "today [USD]", "recoverable [USD]", "stays [USD]"))
    for cause in recoverable.recovery.causes:
        row += 1
        sheet.put(row, 1, cause.cause)
        for column, usd in enumerate((cause.usd, cause.recovered_usd, cause.left_usd), start=2):
            sheet.put(row, column, usd, look.money)
    row += 2
    if recoverable.tried:
        sheet.head(row, ("", "measure alone; savings do not add up", "saves [USD]"))
    for trial in recoverable.tried:
        row += 1
        sheet.put(row, 1, verdict_of(trial))
        sheet.put(row, 2, trial.saved_usd, look.money)


def write_checks(sheet: Sheet, places: Sequence[Place], assumptions: AssumptionRows) -> None:
    """Let the workbook check itself: parts against totals, totals against the engine, errors."""
    look = sheet.formats
    sheet.title("Checks", "Every line should say ok. A changed assumption is said, not hidden.")
    sheet.put(2, 0, "assumptions changed since export", look.section)
    sheet.work_out(2, 1, assumptions.changed, 0, look.text)
    sheet.head(4, ("option", "phases add to the total", "equals the engine", "no error"))
    for row, place in enumerate(places, start=5):
        rows = place.rows
        parts = "+".join(rows.total(at) for at in rows.of_phase.values()) or "0"
        engine = repr(place.money.tco_usd)
        sheet.put(row, 0, place.answer.title)
        added = f'IF(ABS({rows.nominal}-({parts}))<{CENT},"ok","DIFFERS")'
        sheet.work_out(row, 1, added, "ok", look.text)
        equal = f'IF(ABS({rows.nominal}-{engine})<{CENT},"ok","DIFFERS")'
        sheet.work_out(row, 2, f'IF($B$3>0,"changed by you",{equal})', "ok", look.text)
        sheet.work_out(row, 3, f'IF(ISERROR({rows.nominal}),"ERROR","ok")', "ok", look.text)
    sheet.widths((44, 24, 24, 14))
