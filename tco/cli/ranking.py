"""A ranking on the screen, and as the JSON document that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tco.cli.coverage import coverage_table
from tco.cli.incumbents import incumbent_table
from tco.domain.price import ExchangeRate
from tco.export.across import Cell, by_snapshot_and_scenario
from tco.export.ranking import ranking_document
from tco.plan import Evaluation
from tco.prices.currency import from_usd
from tco.rank.budget import Bought
from tco.rank.comparison import Compared
from tco.rank.score import Answer, OptionProfile, Status
from tco.rank.uncertainty import Range
from tco.staging import Proposal

SCHEMA = "tco/rank/1"
THOUSAND = 1000
WIDTH_IN_A_FILE = 120
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Sought:
    """What stands beside a ranking because somebody asked for it."""

    crossings: Sequence[Compared]
    """Break-even points of the cheapest with its rivals."""
    staged: Sequence[Proposal] | None
    """Plans in stages for the pairs that cross; None: not asked for."""
    bought: Bought | None
    """What a budget buys; None: not asked for."""

    def sentences(self, rate: ExchangeRate) -> tuple[str, ...]:
        """Say each in one line."""

        def say(usd: float) -> str:
            return _amount(usd, rate, ",.0f")

        return (
            *(compared.sentence for compared in self.crossings),
            *(proposal.sentence(say) for proposal in self.staged or ()),
            *(() if self.bought is None else self.bought.sentences(say)),
        )

    def as_data(self) -> dict[str, Any]:
        """Write what a ranking alone has not; what was not asked for is absent."""
        document: dict[str, Any] = {}
        if self.staged is not None:
            document["staged_plans"] = [proposal.as_data() for proposal in self.staged]
        if self.bought is not None:
            document["budget"] = self.bought.as_data()
        return document


def document(evaluations: Sequence[Evaluation], sought: Mapping[str, Sought]) -> dict[str, Any]:
    """Write the rankings as plain data.

    Args:
        evaluations: The answers.
        sought: What stands beside each, by scenario.
    """
    return {
        "schema": SCHEMA,
        "scenarios": [
            ranking_document(found, beside.crossings) | beside.as_data()
            for found in evaluations
            for beside in [sought[found.scenario.id]]
        ],
        "use_cases": across_scenarios(evaluations),
    }


def across_scenarios(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return, by use case, snapshot and scenario, the rank and cost of each snapshot."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for use_case, those in _by_use_case(evaluations).items():
        rows = found.setdefault(use_case, {})
        for snapshot, row in by_snapshot_and_scenario(those).items():
            placed = {
                name: {"place": cell.place, "option": cell.answer.option, "cost_usd": cell.cost_usd}
                for name, cell in row.items()
                if cell.place is not None
            }
            if placed:
                rows[snapshot] = placed
    return found


def _by_use_case(evaluations: Sequence[Evaluation]) -> dict[str, list[Evaluation]]:
    found: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        found.setdefault(evaluation.scenario.use_case, []).append(evaluation)
    return found


def print_ranking(
    found: Evaluation,
    rate: ExchangeRate,
    sought: Sought,
    *,
    first_of_use_case: bool,
) -> None:
    """Print one scenario's ranking with everything that was left out and why.

    Args:
        found: The answer, in dollars.
        rate: Currency in which amounts are shown.
        sought: What stands beneath it.
        first_of_use_case: Whether to print the use case's heading above.
    """
    console = Console(highlight=False)
    with console.capture() as shown:
        _print_ranking(console, found, rate, first_of_use_case=first_of_use_case)
        for sentence in sought.sentences(rate):
            console.print(Text(f"   {sentence}", style="dim"))
        against = incumbent_table(found, lambda usd: _amount(usd, rate, ",.0f"))
        if against is not None:
            console.print(against)
        console.print(coverage_table(found))
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
        if any(answer.is_tied for answer in ranking.snapshots):
            note = "   ~ costs the same as the one above, as far as simulation can tell"
            console.print(Text(note, style="dim"))
        for sentence in found.outlook.flip_sentences:
            console.print(Text(f"   {sentence}", style="dim"))
    else:
        console.print(Text("No option meets every goal with known figures.", style="bold red"))
        if ranking.nearest is not None:
            console.print(Text(f"   {_relaxed(ranking.nearest)}"))
    near = ranking.near_misses
    for answer in (*ranking.unproven, *near):
        _print_left_out(console, answer, rate)
    for answer in ranking.excluded:
        if not answer.is_near_miss:
            _print_left_out(console, answer, rate)


def _relaxed(nearest: Answer) -> str:
    """Say which goals would have to give, and by how much, to let the nearest option in."""
    steps = ", ".join(
        f"{miss.goal} to {miss.relaxed_to} (by {miss.by:.0%})"
        for miss in nearest.misses
        if miss.by is not None
    )
    return f"Nearest: {nearest.title} ({nearest.option}). To let it in, relax {steps}."


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
    table.add_column("served")
    for name in ("total", "P10-P90", "cheapest", "per 1,000", "idle", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    for answer in found.ranking.snapshots:
        profile, money = answer.profile, answer.money
        assert profile is not None
        assert money is not None
        latency = answer.latency
        spread = found.outlook.uncertainty.ranges[answer.option]
        table.add_row(
            f"{answer.rank}",
            f"{answer.title} ({answer.option})",
            _served(profile),
            _amount(money.basis_usd, rate, ",.0f") + (" ~" if answer.is_tied else ""),
            _range(spread, rate),
            f"{spread.p_cheapest:.0%}",
            _amount(money.cost_per_1k_usd, rate, ",.4g"),
            "" if money.idle_share is None else f"{money.idle_share:.0%}",
            f"{latency.ms['p95']:,.0f} ms" if latency and "p95" in latency.ms else "",
        )
    return table


def _served(profile: OptionProfile) -> str:
    """Say how an option is served, whose weights it runs and how large they are."""
    words = [profile.openness, profile.size_class]
    known = " ".join(word.value for word in words if word is not None)
    return f"{profile.kind.value}, {known}" if known else profile.kind.value


def _range(spread: Range, rate: ExchangeRate) -> str:
    """Write P10 and P90 in thousands; what lies beyond the simulated volumes is a question mark."""
    ends = (spread.total_usd[10], spread.total_usd[90])
    return "-".join("?" if end is None else _thousands(end, rate) for end in ends)


def _thousands(usd: float, rate: ExchangeRate) -> str:
    return SIGNS[rate.currency] + f"{from_usd(usd, rate) / THOUSAND:,.0f}k"


def print_across(evaluations: Sequence[Evaluation], rate: ExchangeRate) -> None:
    """Print snapshots against the scenarios of each use case that has several here."""
    for use_case, those in _by_use_case(evaluations).items():
        names = [found.scenario.name for found in those]
        if len(names) < 2:  # noqa: PLR2004 - one scenario was printed already
            continue
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(f"{use_case}: place and cost", overflow="fold")
        for name in names:
            table.add_column(name, justify="right")
        for snapshot, row in by_snapshot_and_scenario(those).items():
            table.add_row(snapshot, *(_cell(row.get(name), rate) for name in names))
        console = Console(highlight=False)
        with console.capture() as shown:
            if not console.is_terminal:
                console.width = WIDTH_IN_A_FILE
            console.print()
            console.print(table)
        sys.stdout.write(shown.get())


def _cell(cell: Cell | None, rate: ExchangeRate) -> str:
    """Write a place and its cost, or what became of a snapshot that has none."""
    if cell is None:
        return ""
    if cell.place is None or cell.cost_usd is None:
        return cell.word
    return f"{cell.place}  {_thousands(cell.cost_usd, rate)}"


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
    word = "near miss" if answer.is_near_miss else "left out"
    word = "unproven" if answer.status is Status.UNPROVEN else word
    text = Text(f"   {word}: ", style="red" if word == "left out" else "yellow")
    text.append(f"{answer.title} ({answer.option})", style="default")
    if answer.money is not None:
        cost = _amount(answer.money.basis_usd, rate, ",.0f")
        text.append(f", would cost {cost}", style="default")
    console.print(text)
    for reason in (*answer.reasons, *answer.warnings):
        console.print(Text(f"      - {reason}", style="dim"))
