"""The commands that answer: rank, explain, ledger, diff."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.context import deliver, option_named, options_of, prepare_to_simulate, print_json, say
from tco.domain.cost import LEDGER_COLUMN_NAMES, Basis
from tco.errors import TcoError, nearest
from tco.tasks import user_cache

if TYPE_CHECKING:
    from tco.plan import Evaluation

ScenarioName = Annotated[str, typer.Argument(help="use-case/scenario, or a file")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
OptionName = Annotated[
    str | None, typer.Option("--option", help="option of the scenario", show_default="the cheapest")
]


FISCAL_YEAR = "fiscal_year"
AMOUNTS = ("quantity", "unit_price_usd", "cost_usd", "energy_kwh", "co2e_kg")
GROUPS = [name for name in (*LEDGER_COLUMN_NAMES, FISCAL_YEAR) if name not in AMOUNTS]
"""What rows may be summed over: words and dates, no amounts."""


class LedgerFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Currency(StrEnum):
    """What amounts are shown in."""

    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"


class Fidelity(StrEnum):
    """How much of the traffic is simulated."""

    QUICK = "quick"
    FULL = "full"


def add_to(app: typer.Typer) -> None:
    """Register the commands, in reading order."""
    for command in (rank, explain, ledger, diff):
        app.command()(command)


def rank(
    context: typer.Context,
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(help="use-case/scenario, or files; all shipped ones when none is named"),
    ] = None,
    basis: Annotated[Basis, typer.Option(help="view of time that orders the options")] = (
        Basis.ACCRUAL
    ),
    fidelity: Annotated[Fidelity, typer.Option(help="how much traffic is simulated")] = (
        Fidelity.QUICK
    ),
    currency: Annotated[
        Currency, typer.Option(help="currency of the amounts on the screen; --json is in USD")
    ] = Currency.USD,
    break_even: Annotated[
        bool,
        typer.Option(
            "--break-even",
            help="find the volumes at which the order changes, simulating each, "
            "and plans in stages for options whose costs cross",
        ),
    ] = False,
    budget_usd_per_month: Annotated[
        float | None,
        typer.Option(
            help="find the largest volume and the best quality that a budget buys, simulating "
            "each volume",
            show_default="none",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank the options under each scenario by total cost of ownership."""
    budget = budget_usd_per_month
    if budget is not None and not (math.isfinite(budget) and budget > 0):
        raise TcoError(
            f"a budget of {budget:g} USD a month buys nothing; name one above 0, as "
            "--budget-usd-per-month 5000"
        )
    options = options_of(context)
    loaded = options.scenarios(scenarios or options.library.use_cases())
    if not loaded:
        raise TcoError(f"there is no scenario under {options.library.root}; --data names a folder.")
    from tco.cli import ranking  # takes a second: first say what is wrong
    from tco.plan import Settings, evaluate, volumes
    from tco.rank.budget import bought
    from tco.rank.comparison import compared
    from tco.staging import staged_plans

    tables = options.catalog, options.measurements
    settings = Settings(basis=basis, fidelity=fidelity.value, cache=user_cache())
    prepare_to_simulate()
    evaluations: list[Evaluation] = []
    sought = {}
    for scenario in loaded:
        found = evaluate(scenario, *tables, settings=settings)
        at_volume = volumes(found, *tables)
        requests, months = found.requests_answered, scenario.horizon_months
        crossings = compared(found.outlook, requests, at_volume if break_even else None)
        goal = scenario.goals.quality
        sought[scenario.id] = ranking.Sought(
            crossings,
            staged_plans(found, crossings, *tables) if break_even else None,
            None
            if budget is None
            else bought(found.ranking, goal, budget, months, requests, at_volume),
        )
        if not as_json:
            rate = options.catalog.exchange_rate(currency.value, on=scenario.price_date)
            ranking.print_ranking(
                found,
                rate,
                sought[scenario.id],
                first_of_use_case=_is_new(evaluations, found),
            )
        evaluations.append(found)
    if as_json:
        print_json(ranking.document(evaluations, sought))
    else:
        ranking.print_across(evaluations, rate)
    if not any(found.ranking.options for found in evaluations):
        raise typer.Exit(1)


def _is_new(earlier: list[Evaluation], found: Evaluation) -> bool:
    return not earlier or earlier[-1].scenario.use_case != found.scenario.use_case


def explain(
    context: typer.Context,
    scenario: ScenarioName,
    option: OptionName = None,
    month: Annotated[
        str | None, typer.Option(help="one month, as 2027-03", show_default="the whole horizon")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open an option's cost down to quantity x unit price, source and date."""
    from tco.cli.trees import as_document, draw
    from tco.ledger.explain import open_option

    [evaluation] = options_of(context).evaluations(scenario)
    name = option_named(evaluation, option)
    number = None
    if month is not None:
        months = [f"{day:%Y-%m}" for day in evaluation.scenario.months]
        if month not in months:
            raise TcoError(
                f"month '{month}' is not in the horizon, {months[0]} to {months[-1]}. "
                f"Near it: {nearest(month, months)}."
            )
        number = months.index(month)
    tree = open_option(evaluation.model, name, number)
    if as_json:
        print_json(
            {
                "schema": "tco/explain/1",
                "scenario": evaluation.scenario.id,
                "option": name,
                "month": month,
                "tree": as_document(tree),
            }
        )
    else:
        deliver(draw(tree), None)


def ledger(
    context: typer.Context,
    scenario: ScenarioName,
    option: Annotated[
        str | None, typer.Option(help="option of the scenario", show_default="all")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="sum over columns, as phase,payee", show_default="all rows")
    ] = None,
    output: Annotated[LedgerFormat, typer.Option("--format", help="how to write")] = (
        LedgerFormat.TABLE
    ),
    out: Annotated[Path | None, typer.Option(help="file to write", show_default="screen")] = None,
    as_json: AsJson = False,
) -> None:
    """List the rows behind every figure."""
    from tco.cli import rows
    from tco.export.tables import with_fiscal_year
    from tco.ledger import book

    [evaluation] = options_of(context).evaluations(scenario)
    frame = evaluation.ledger
    if option is not None:
        frame = frame[frame["option"] == option_named(evaluation, option)]
    columns = list(dict.fromkeys(name.strip() for name in by.split(","))) if by else []
    if FISCAL_YEAR in columns:
        start = evaluation.scenario.organisation.fiscal_year_start_month
        frame = with_fiscal_year(frame, start)
    for name in columns:
        if name not in GROUPS:
            raise TcoError(
                f"the ledger cannot be summed by '{name}'. Near it: {nearest(name, GROUPS)}. "
                f"It can by {', '.join(GROUPS)}."
            )
    shown = book.totals(frame, columns) if columns else frame
    form = LedgerFormat.JSON if as_json else output
    deliver(rows.write(shown, form.value, evaluation.scenario.id), out)


def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="use-case/scenario, or a file")],
    new: Annotated[str, typer.Argument(help="use-case/scenario, or a file")],
    option: OptionName = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="for a pull request")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what moved the total from one scenario to another; the parts sum exactly."""
    from tco.cli import bridges
    from tco.ledger.bridge import bridge

    before, after = options_of(context).evaluations(old, new)
    first, second = option_named(before, option), option_named(after, option)
    if first != second:
        say(f"the cheapest option changes from {first} to {second}; --option compares one alone")
    found = bridge(before.model, first, after.model, second)
    if as_json:
        print_json(bridges.document(found, before.scenario.id, after.scenario.id))
    else:
        deliver(
            bridges.table(found, before.scenario.id, after.scenario.id, markdown=markdown), None
        )
