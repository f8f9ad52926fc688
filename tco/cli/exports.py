"""``tco export``: files that outlive the meeting."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from tco.cli.answers import AsJson, Currency, ScenarioName
from tco.cli.context import (
    option_named,
    options_of,
    prepare_to_simulate,
    print_json,
    say,
    say_at_terminal,
)
from tco.domain.cost import Basis
from tco.errors import TcoError, nearest
from tco.tasks import Watch, user_cache

FORMATS = ("xlsx", "csv", "wide", "focus", "pdf", "report", "json", "md", "parquet", "png", "svg")


class Level(StrEnum):
    """Which total a budget adds up to."""

    LIKELY = "likely"
    P50 = "P50"
    P80 = "P80"
    P90 = "P90"


class Style(StrEnum):
    """How numbers and columns are told apart."""

    COMMA = "comma"
    SEMICOLON = "semicolon"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("export")(export)


def export(  # noqa: PLR0913, PLR0917 - one argument for each option
    context: typer.Context,
    scenario: ScenarioName,
    to: Annotated[
        str, typer.Option(help=f"formats, as xlsx,csv; of {', '.join(FORMATS)}")
    ] = "xlsx",
    out: Annotated[Path, typer.Option(help="folder to write to")] = Path(),
    option: Annotated[
        str | None,
        typer.Option(
            help="option whose budget and charts are written", show_default="the cheapest"
        ),
    ] = None,
    basis: Annotated[Basis, typer.Option(help="view of time")] = Basis.ACCRUAL,
    label: Annotated[str, typer.Option(help="name of this version of the budget")] = "forecast",
    level: Annotated[
        Level, typer.Option(help="total that the budget adds up to, by a contingency line")
    ] = Level.LIKELY,
    style: Annotated[Style, typer.Option(help="semicolon writes decimal commas")] = Style.COMMA,
    accounts: Annotated[
        Path | None,
        typer.Option(help="CSV: phase, category, gl_account, cost_centre", show_default="none"),
    ] = None,
    approved: Annotated[
        Path | None, typer.Option(help="CSV: month, approved_usd", show_default="none")
    ] = None,
    currency: Annotated[
        Currency, typer.Option(help="currency in which the workbook repeats its totals")
    ] = Currency.USD,
    no_recovery: Annotated[
        bool,
        typer.Option(
            "--no-recovery",
            help="leave out of the report what would recover the waste, which is simulated",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a workbook, budgets, a FOCUS-shaped forecast, reports, charts or data."""
    wanted = list(dict.fromkeys(name.strip() for name in to.split(",") if name.strip()))
    for name in wanted:
        if name not in FORMATS:
            raise TcoError(
                f"'{name}' is no format. Near it: {nearest(name, FORMATS)}. "
                f"Formats: {', '.join(FORMATS)}."
            )
    options = options_of(context)
    file = options.library.find(scenario)
    [loaded] = options.scenarios([str(file)])
    from tco.export import across, recovery
    from tco.export.files import (
        Format,
        Wanted,
        export_files,
        with_recovery,
        with_scenarios,
        write_files,
    )
    from tco.export.finance_files import read_accounts, read_approved
    from tco.plan import Settings, evaluate
    from tco.rank.comparison import compared

    mapping = read_accounts(accounts) if accounts is not None else None
    budget = read_approved(approved) if approved is not None else None
    prepare_to_simulate()
    settings = Settings(basis=basis, cache=user_cache())
    found = evaluate(loaded, options.catalog, options.measurements, settings=settings)
    rate = None
    if currency is not Currency.USD:
        rate = options.catalog.exchange_rate(currency.value, on=loaded.price_date)
    written: Literal["comma", "semicolon"] = "semicolon" if style is Style.SEMICOLON else "comma"
    asked = Wanted(
        formats=[Format(name) for name in wanted],
        option=option_named(found, option),
        label=label,
        level=level.value,
        style=written,
        accounts=mapping,
        approved_usd=budget,
        exchange=rate,
        crossings=compared(found.outlook, found.requests_answered, None),
    )
    tables = options.catalog, options.measurements
    if Format.REPORT in asked.formats:
        say("evaluating the other scenarios of the use case; Ctrl-C leaves them out")
        try:
            asked = with_scenarios(
                found, asked, options.library, file, *tables, watch=Watch(), tell=say_at_terminal
            )
        except KeyboardInterrupt:
            asked = replace(asked, across=across.STOPPED)
    if Format.REPORT in asked.formats and not no_recovery:
        say("trying what would recover the waste; new fleets are simulated, Ctrl-C leaves it out")
        try:
            asked = with_recovery(found, asked, *tables, watch=Watch(), tell=say_at_terminal)
        except KeyboardInterrupt:
            asked = replace(asked, recoverable=recovery.STOPPED)
    paths = write_files(export_files(found, asked), out)
    if as_json:
        print_json({"schema": "tco/export/1", "files": [str(path) for path in paths]})
    else:
        for path in paths:
            say(f"wrote {path}")
