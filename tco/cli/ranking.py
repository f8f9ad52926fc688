"""A ranking on the screen, and as the JSON document that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tco.domain.price import ExchangeRate
from tco.plan import Evaluation
from tco.prices.currency import from_usd
from tco.rank.document import left_out_document, option_document
from tco.rank.score import Answer, Status

SCHEMA = "tco/rank/1"
WIDTH_IN_A_FILE = 120
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def document(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Write the rankings as plain data."""
    return {"schema": SCHEMA, "scenarios": [_scenario(found) for found in evaluations]}


def _scenario(found: Evaluation) -> dict[str, Any]:
    scenario, ranking = found.scenario, found.ranking
    return {
        "scenario": scenario.id,
        "use_case": scenario.use_case,
        "title": scenario.title,
        "digest": scenario.digest,
        "catalog_digest": found.catalog_digest,
        "measurements_digest": found.measurements_digest,
        "currency": scenario.organisation.currency,
        "basis": found.settings.basis.value,
        "horizon_months": scenario.horizon_months,
        "price_date": f"{scenario.price_date:%Y-%m-%d}",
        "seed": scenario.seed,
        "fidelity": found.settings.fidelity,
        "illustrative": scenario.illustrative,
        "requests": found.requests_answered,
        "snapshots": [option_document(answer) for answer in ranking.snapshots],
        "options": [option_document(answer) for answer in ranking.options],
        "unproven": [left_out_document(answer) for answer in ranking.unproven],
        "excluded": [left_out_document(answer) for answer in ranking.excluded],
    }


def print_ranking(found: Evaluation, rate: ExchangeRate, *, first_of_use_case: bool) -> None:
    """Print one scenario's ranking with everything that was left out and why.

    Args:
        found: The answer, in dollars.
        rate: Currency in which amounts are shown.
        first_of_use_case: Whether to print the use case's heading above.
    """
    console = Console(highlight=False)
    with console.capture() as shown:
        _print_ranking(console, found, rate, first_of_use_case=first_of_use_case)
    sys.stdout.write(shown.get())  # rich has an own way out when the reader has gone


def _print_ranking(
    console: Console, found: Evaluation, rate: ExchangeRate, *, first_of_use_case: bool
) -> None:
    if not console.is_terminal:
        console.width = WIDTH_IN_A_FILE
    scenario, ranking = found.scenario, found.ranking
    if first_of_use_case:
        console.print()
        console.rule(Text(scenario.use_case, style="bold"), align="left")
        console.print(scenario.question, style="italic", markup=False)
    console.print()
    console.print(Text(f"{scenario.id}: {scenario.title}", style="bold"))
    console.print(Text(_facts(found, rate), style="dim"))
    if ranking.options:
        console.print(_table(found, rate))
        _print_folded(console, found, rate)
    else:
        console.print(Text("No option meets every goal with known figures.", style="bold red"))
    for answer in ranking.unproven:
        _print_left_out(console, answer, rate)
    for answer in ranking.excluded:
        _print_left_out(console, answer, rate)


def _facts(found: Evaluation, rate: ExchangeRate) -> str:
    scenario = found.scenario
    badge = "Illustrative: some figures are assumed. " if scenario.illustrative else ""
    return (
        f"{badge}{scenario.horizon_months} months from {scenario.start:%Y-%m}, "
        f"{found.requests_answered:,.0f} requests, prices of {scenario.price_date}, "
        f"{found.settings.basis.value} basis, nominal {rate.currency}"
        + (f" at {rate.reference}" if rate.currency != "USD" else "")
    )


def _amount(usd: float, rate: ExchangeRate, form: str) -> str:
    """Write an amount in the rate's currency."""
    return SIGNS[rate.currency] + format(from_usd(usd, rate), form)


def _table(found: Evaluation, rate: ExchangeRate) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column("snapshot, by its cheapest option", overflow="fold")
    for name in ("served", "weights", "class"):
        table.add_column(name)
    for name in ("total", "per 1,000", "idle", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    for answer in found.ranking.snapshots:
        profile, money = answer.profile, answer.money
        assert profile is not None
        assert money is not None
        latency = answer.latency
        table.add_row(
            f"{answer.rank}",
            f"{answer.title} ({answer.option})",
            profile.kind.value,
            profile.openness.value if profile.openness else "",
            profile.size_class.value if profile.size_class else "",
            _amount(money.basis_usd, rate, ",.0f"),
            _amount(money.cost_per_1k_usd, rate, ",.4g"),
            "" if money.idle_share is None else f"{money.idle_share:.0%}",
            f"{latency.ms['p95']:,.0f} ms" if latency and "p95" in latency.ms else "",
        )
    return table


def _print_folded(console: Console, found: Evaluation, rate: ExchangeRate) -> None:
    """Name the other options of the snapshots above."""
    shown = {answer.option for answer in found.ranking.snapshots}
    for answer in found.ranking.options:
        if answer.option not in shown:
            assert answer.money is not None
            console.print(
                Text(
                    f"   {answer.rank} {answer.title} ({answer.option}): "
                    f"{_amount(answer.money.basis_usd, rate, ',.0f')}, "
                    "another way to serve a snapshot above",
                    style="dim",
                )
            )


def _print_left_out(console: Console, answer: Answer, rate: ExchangeRate) -> None:
    word = "unproven" if answer.status is Status.UNPROVEN else "left out"
    text = Text(f"   {word}: ", style="yellow" if word == "unproven" else "red")
    text.append(f"{answer.title} ({answer.option})", style="default")
    if answer.money is not None:
        cost = _amount(answer.money.basis_usd, rate, ",.0f")
        text.append(f", would cost {cost}", style="default")
    console.print(text)
    for reason in answer.reasons:
        console.print(Text(f"      - {reason}", style="dim"))
