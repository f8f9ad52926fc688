"""All files of one evaluation through one door, for the command line and the app alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pandas as pd

from tco.charts import cost, frames, picture, ranking, uncertainty
from tco.charts.picture import Chart
from tco.data import write_whole
from tco.domain.loading import Library
from tco.domain.price import ExchangeRate
from tco.errors import TcoError
from tco.export.across import NOT_LOOKED, Across, across
from tco.export.document import evaluation_json, evaluation_markdown
from tco.export.facts import facts_of, file_name
from tco.export.focus import as_focus_csv, focus_rows
from tco.export.marked import marked_parquet, marked_png, marked_svg
from tco.export.recovery import NOT_TRIED, Recoverable, recoverable
from tco.export.report import report_pdf, summary_pdf
from tco.export.tables import BudgetRequest, as_csv, budget_rows, budget_wide
from tco.export.workbook import workbook
from tco.measure.library import Measurements
from tco.plan import Evaluation
from tco.prices import Catalog
from tco.rank.comparison import Compared
from tco.tasks import Watch


class Format(StrEnum):
    """What an evaluation can be written as."""

    WORKBOOK = "xlsx"
    BUDGET = "csv"
    BUDGET_WIDE = "wide"
    FOCUS = "focus"
    SUMMARY = "pdf"
    REPORT = "report"
    JSON = "json"
    MARKDOWN = "md"
    ROWS = "parquet"
    PNG = "png"
    SVG = "svg"


ENDINGS = {
    Format.BUDGET: "budget.csv",
    Format.BUDGET_WIDE: "budget-wide.csv",
    Format.FOCUS: "focus.csv",
    Format.SUMMARY: "summary.pdf",
    Format.REPORT: "report.pdf",
    Format.ROWS: "ledger.parquet",
}
LEVELS: dict[str, int | None] = {"likely": None, "P50": 50, "P80": 80, "P90": 90}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported, and how finance wants it."""

    formats: Sequence[Format]
    option: str
    """The option whose budget is written."""
    label: str = "forecast"
    level: str = "likely"
    style: Literal["comma", "semicolon"] = "comma"
    accounts: pd.DataFrame | None = None
    approved_usd: Mapping[pd.Timestamp, float] | None = None
    crossings: Sequence[Compared] = field(default=())
    exchange: ExchangeRate | None = None
    """Currency in which the workbook repeats its totals."""
    recoverable: Recoverable = NOT_TRIED
    """What would recover the waste: in the report, and in a workbook written with it."""
    across: Across = NOT_LOOKED
    """The ranking in each scenario of the use case: in the report."""


def with_recovery(
    found: Evaluation,
    wanted: Wanted,
    catalog: Catalog,
    measurements: Measurements,
    *,
    watch: Watch | None = None,
    tell: Callable[[str], None] | None = None,
) -> Wanted:
    """Add what would recover the waste where a report is wanted: that is simulated, in minutes."""
    if Format.REPORT not in wanted.formats:
        return wanted
    tried = recoverable(found, catalog, measurements, watch=watch, tell=tell)
    return replace(wanted, recoverable=tried)


def with_scenarios(
    found: Evaluation,
    wanted: Wanted,
    library: Library,
    file: Path,
    catalog: Catalog,
    measurements: Measurements,
    *,
    watch: Watch | None = None,
    tell: Callable[[str], None] | None = None,
) -> Wanted:
    """Add the ranking in each scenario of the use case where a report is wanted.

    Args:
        found: The plan, evaluated.
        wanted: What is exported.
        library: Reads the scenarios beside the plan's.
        file: Where the plan's scenario stands, or would stand.
        catalog: Prices.
        measurements: Measured speed and energy.
        watch: Through which somebody follows and may stop it.
        tell: Is told what is evaluated, before it is.
    """
    if Format.REPORT not in wanted.formats:
        return wanted
    seen = across(found, library, file, catalog, measurements, watch=watch, tell=tell)
    return replace(wanted, across=seen)


def export_files(found: Evaluation, wanted: Wanted) -> dict[str, bytes]:
    """Return the files' contents by name; the same evaluation gives the same bytes."""
    files: dict[str, bytes] = {}
    for form in wanted.formats:
        if form in {Format.PNG, Format.SVG}:
            for name, chart in charts_of(found, wanted.option).items():
                files[file_name(found, f"{name}.{form}")] = _picture(chart, form, facts_of(found))
        else:
            ending = ENDINGS.get(form, str(form))
            files[file_name(found, ending)] = WRITERS[form](found, wanted)
    return files


def write_files(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write files whole into a folder, which is made if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TcoError(
            f"{folder} cannot be made: {error.strerror}; choose another folder"
        ) from None
    paths = [folder / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        write_whole(path, content)
    return paths


def charts_of(found: Evaluation, option: str) -> dict[str, Chart]:
    """Return the charts of an evaluation by name."""
    titles = {answer.option: answer.title for answer in frames.priced(found)}
    rows = found.ledger[found.ledger["option"] == option]
    charts: dict[str, Chart] = {
        "ranking": ranking.ranking_with_ranges(
            frames.ranking_table(found), title=f"Total cost, {found.settings.basis}"
        ),
        "months": cost.stacked_monthly_cost(
            rows, by="phase", title=f"Cost a month of {titles[option]}"
        ),
    }
    if option in found.outlook.uncertainty.ranges:
        fan = frames.fan_table(found, option)
        charts["fan"] = uncertainty.fan(fan, title=f"{titles[option]}: P10 to P90 of each month")
    swings = frames.tornado_table(found)
    best = found.ranking.options[0] if found.ranking.options else None
    if best is not None and best.money is not None and not swings.empty:
        charts["tornado"] = uncertainty.tornado(
            swings, likely_usd=best.money.basis_usd, title=f"What moves the cost of {best.title}"
        )
    return charts


def _picture(chart: Chart, form: Format, facts: Mapping[str, str]) -> bytes:
    if form is Format.PNG:
        return marked_png(picture.as_png(chart), facts)
    return marked_svg(picture.as_svg(chart), facts).encode()


def _budget(found: Evaluation, wanted: Wanted) -> pd.DataFrame:
    request = BudgetRequest(
        options=[wanted.option],
        label=wanted.label,
        level=wanted.level,
        level_usd=_level_usd(found, wanted),
        accounts=wanted.accounts,
        approved_usd=wanted.approved_usd,
    )
    return budget_rows(found, request)


def _level_usd(found: Evaluation, wanted: Wanted) -> dict[str, float]:
    level = LEVELS[wanted.level]
    if level is None:
        return {}
    known = found.outlook.uncertainty.ranges.get(wanted.option)
    total = None
    if known is not None:
        total = next((b.total_usd for b in known.budgets if b.level == level), None)
    if total is None:
        raise TcoError(
            f"the {wanted.level} of '{wanted.option}' is not known: it is not ranked, or too many "
            "draws lie beyond what was simulated. Export the likely level"
        )
    return {wanted.option: total}


Writer = Callable[[Evaluation, Wanted], bytes]
WRITERS: dict[Format, Writer] = {
    Format.WORKBOOK: lambda found, wanted: workbook(
        found, wanted.crossings, wanted.exchange, wanted.recoverable
    ),
    Format.BUDGET: lambda found, wanted: as_csv(_budget(found, wanted), style=wanted.style),
    Format.BUDGET_WIDE: lambda found, wanted: as_csv(
        budget_wide(_budget(found, wanted)), style=wanted.style
    ),
    Format.FOCUS: lambda found, wanted: as_focus_csv(focus_rows(found, [wanted.option])),
    Format.SUMMARY: lambda found, _: summary_pdf(found),
    Format.REPORT: lambda found, wanted: report_pdf(
        found, wanted.crossings, wanted.recoverable, wanted.across
    ),
    Format.JSON: lambda found, wanted: evaluation_json(found, wanted.crossings),
    Format.MARKDOWN: lambda found, _: evaluation_markdown(found).encode(),
    Format.ROWS: lambda found, _: marked_parquet(found.ledger, facts_of(found)),
}
