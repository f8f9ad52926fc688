"""`tco robust`: the choice that is never far from the best over a use case's scenarios."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.answers import AsJson
from tco.cli.context import options_of, prepare_to_simulate, print_json
from tco.domain.cost import Basis
from tco.tasks import user_cache

if TYPE_CHECKING:
    from tco.robust import Robust, Standing


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("robust")(robust)


def robust(
    context: typer.Context,
    scenarios: Annotated[
        list[str], typer.Argument(help="a use case, or two or more of its scenarios")
    ],
    basis: Annotated[Basis, typer.Option(help="view of time that counts the cost")] = (
        Basis.ACCRUAL
    ),
    as_json: AsJson = False,
) -> None:
    """Find the snapshot that is never far from the best, whichever scenario comes."""
    options = options_of(context)
    loaded = options.scenarios(scenarios)
    from tco.plan import Settings, evaluate  # takes a second: first say what is wrong
    from tco.robust import check_scenarios
    from tco.robust import robust as compare

    check_scenarios(loaded)
    prepare_to_simulate()
    settings = Settings(basis=basis, cache=user_cache())
    evaluations = [
        evaluate(scenario, options.catalog, options.measurements, settings=settings)
        for scenario in loaded
    ]
    found = compare(evaluations, options.catalog, options.measurements)
    use_case = loaded[0].use_case
    if as_json:
        document = {"schema": "tco/robust/1", "use_case": use_case, "basis": basis.value}
        print_json(document | found.as_data())
    else:
        sys.stdout.write("\n".join(_lines(use_case, found)) + "\n")
    if not found.standings:
        raise typer.Exit(1)


def _lines(use_case: str, found: Robust) -> list[str]:
    lines = [f"\n{use_case} over {', '.join(found.scenarios)}", ""]
    lines += [_line(one) for one in found.standings]
    if found.least_regret is None or found.least_ratio is None:
        lines.append("   No snapshot meets the goals in every scenario.")
    else:
        least = found.least_regret
        lines += [
            "",
            f"   Least regret: {least.choice}; at the most ${least.worst_regret_usd:,.0f} more "
            f"than the best, in {least.worst_scenario}.",
            f"   Least ratio: {found.least_ratio.choice}; at the most "
            f"{found.least_ratio.worst_ratio:.2f} times the best.",
        ]
        lines.append(_mix_line(found))
    lines += [
        f"   no choice: {choice} does not meet the goals in {', '.join(names)}"
        for choice, names in found.missing.items()
    ]
    return lines


def _line(one: Standing) -> str:
    return (
        f"   {one.choice:<40} at the most ${one.worst_regret_usd:>12,.0f} and "
        f"{one.worst_ratio:>5.2f} times the best, worst in {one.worst_scenario}"
    )


def _mix_line(found: Robust) -> str:
    if found.mix is None:
        return "   No mix of two options is regretted less."
    parts = " and ".join(f"{share:.0%} to {name}" for name, share in found.mix.shares.items())
    return (
        f"   A mix is regretted less: {parts}; at the most "
        f"${found.mix.standing.worst_regret_usd:,.0f} more than the best."
    )
