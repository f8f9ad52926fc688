"""``tco waste``: what capacity did, by name, and what would recover what it did not do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import deliver, option_named, options_of, print_json, say, say_at_terminal
from tco.errors import NotFoundError

if TYPE_CHECKING:
    from tco.ledger.waste import CapacityUse
    from tco.plan import Evaluation
    from tco.recover import Change, Measure, Recovery, Trial

AROUND = ("low", "high", "evidence", "source")
"""Keys that stand around a likely value."""


def add_to(app: typer.Typer) -> None:
    """Add the command to the root."""
    app.command()(waste)


def waste(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="'use-case/scenario', or a file")],
    option: Annotated[
        str | None,
        typer.Option(help="which option to recover", show_default="the cheapest that wastes"),
    ] = None,
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "--measure",
            help="take this measure; may be repeated",
            show_default="all that save",
        ),
    ] = None,
    least_instances: Annotated[
        int, typer.Option(min=1, help="machines that a fleet of as many or more keeps")
    ] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Name what is paid for and does not work, and what would recover it.

    Each measure is evaluated alone, then all chosen ones together; savings overlap and are never
    summed.
    """
    options = options_of(context)
    [found] = options.evaluations(scenario)
    from tco.ledger.waste import capacity_by_option
    from tco.recover import cheapest_that_wastes, recover

    chosen = None if measures is None else [_measure(name) for name in measures]
    used = capacity_by_option(found.ledger)
    name = cheapest_that_wastes(found) if option is None else option_named(found, option)
    recovery = None
    if name is not None and name in found.scenario.candidates:
        say(f"trying what would recover the waste of {name}; new fleets are simulated")
        recovery = recover(
            found,
            name,
            options.catalog,
            options.measurements,
            chosen=chosen,
            least_instances=least_instances,
            tell=say_at_terminal,
        )
    if as_json:
        print_json(_document(found, used, recovery))
    else:
        deliver(_text(found, used, recovery), None)


def _measure(name: str) -> Measure:
    from tco.recover import Measure

    known = [measure.value for measure in Measure]
    if name not in known:
        action = f"There are {', '.join(known)}."
        raise NotFoundError("measure", name, known, action)
    return Measure(name)


# ---- as data ------------------------------------------------------------------------------------


def _document(
    found: Evaluation, used: dict[str, CapacityUse], recovery: Recovery | None
) -> dict[str, Any]:
    from dataclasses import asdict

    document: dict[str, Any] = {
        "schema": "tco/waste/1",
        "scenario": found.scenario.id,
        "basis": found.settings.basis.value,
        "options": [
            {**asdict(use), "lost_usd": use.lost_usd, "lost_share": use.lost_share}
            for use in used.values()
        ],
    }
    if recovery is None:
        return document
    document["recovery"] = {
        "option": recovery.option,
        "measures": [asdict(trial) for trial in recovery.trials],
        "together": {
            "measures": list(recovery.chosen),
            "saved_usd": recovery.saved_usd,
            "recoverable_usd": recovery.recoverable_usd,
            "left_usd": recovery.left_usd,
            "changes": [asdict(change) for change in recovery.changes],
        },
        "causes": [
            {**asdict(cause), "recovered_usd": cause.recovered_usd} for cause in recovery.causes
        ],
    }
    return document


# ---- as text ------------------------------------------------------------------------------------


def _text(found: Evaluation, used: dict[str, CapacityUse], recovery: Recovery | None) -> str:
    if not used:
        return f"No option of {found.scenario.id} pays for capacity of its own.\n"
    head = ("paid", "used", "wasted", "idle", "shared")
    widest = max(len(name) for name in used)
    lines = [
        f"Capacity paid for in {found.scenario.id}, over {found.scenario.horizon_months} months",
        "",
        " " * widest + "".join(f"{name:>15}" for name in head) + "  lost",
    ]
    for name, use in used.items():
        amounts = [getattr(use, f"{word}_usd") for word in head]
        share = use.lost_share or 0.0
        lines.append(f"{name:<{widest}}" + _cells(amounts) + f"{share:>6.0%}")
    if recovery is not None:
        lines += ["", *_recovery_lines(recovery)]
    return "\n".join(lines) + "\n"


def _cells(amounts: Sequence[float]) -> str:
    from tco.ledger.explain import usd

    return "".join(f"{usd(amount):>15}" for amount in amounts)


def _recovery_lines(recovery: Recovery) -> list[str]:
    from tco.ledger.explain import usd
    from tco.recover import Verdict

    widest = max((len(cause.cause) for cause in recovery.causes), default=0)
    widest = max(widest, len("in all"))
    families = {waste.cause: waste.family for waste in recovery.before.wastes}
    lines = [
        f"{recovery.option}: waste by name",
        "",
        " " * widest + "".join(f"{word:>15}" for word in ("today", "recoverable", "stays")),
    ]
    for cause in recovery.causes:
        amounts = (cause.usd, cause.recovered_usd, cause.left_usd)
        family = families.get(cause.cause, "brought about by a measure")
        lines.append(f"{cause.cause:<{widest}}" + _cells(amounts) + f"  {family}")
    totals = (recovery.before.lost_usd, recovery.recoverable_usd, recovery.left_usd)
    lines.append(f"{'in all':<{widest}}" + _cells(totals))
    lines += ["", "One measure at a time; savings overlap and do not add up:"]
    unmoved = []
    for trial in recovery.trials:
        if trial.verdict is Verdict.NOTHING_TO_CHANGE:
            unmoved.append(trial.measure)
        else:
            lines += _trial_lines(trial)
    if unmoved:
        lines.append(f"  nothing to change for {', '.join(unmoved)}")
    if recovery.chosen:
        names = ", then ".join(recovery.chosen)
        lines += ["", f"Together ({names}): saves {usd(recovery.saved_usd)}."]
        lines += _change_lines(recovery.changes)
    else:
        lines += ["", "No measure saves; what is wasted stays."]
    return lines


def _trial_lines(trial: Trial) -> list[str]:
    from tco.ledger.explain import usd

    says = trial.verdict.value
    if trial.saved_usd is not None:
        says += f" {usd(abs(trial.saved_usd))}"
    lines = [f"  {trial.measure.value:<12}{says}"]
    lines += [f"      {reason}" for reason in trial.reasons]
    return lines + _change_lines(trial.changes)


def _change_lines(changes: Sequence[Change]) -> list[str]:
    """Show changes of likely values; ranges and sources are in the JSON."""
    shown = [change for change in changes if change.path.rsplit(".", 1)[-1] not in AROUND]
    return [
        f"      {change.path.removesuffix('.likely')}: "
        f"{_value(change.before)} -> {_value(change.after)}"
        for change in shown
    ]


def _value(value: Any) -> str:
    """Write a value as a person would; a range is in the JSON."""
    if value is None:
        return "none"
    if isinstance(value, dict) and "likely" in value:
        return _value(value["likely"])
    if isinstance(value, dict):
        inner = (f"{k} {_value(v)}" for k, v in value.items() if v is not None and k != "source")
        return ", ".join(inner)
    if isinstance(value, list):
        numbers = dict.fromkeys(value) if all(isinstance(part, int) for part in value) else ()
        return f"{len(value)} values" + (f" of {min(numbers)} to {max(numbers)}" if numbers else "")
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
