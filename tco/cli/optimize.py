"""`tco optimize`: the cheapest deployment of each option beside what is written."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.answers import AsJson, ScenarioName
from tco.cli.context import deliver, options_of, prepare_to_simulate, print_json, say
from tco.domain.cost import Basis
from tco.errors import NotFoundError
from tco.tasks import user_cache

if TYPE_CHECKING:
    from tco.domain.scenario import Scenario
    from tco.optimize import Found, Progress

EVERY_S = 2.0


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("optimize")(optimize)


def optimize(
    context: typer.Context,
    scenario: ScenarioName,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="option to search for", show_default="all without steps"),
    ] = None,
    basis: Annotated[Basis, typer.Option(help="view of time that counts the cost")] = (
        Basis.ACCRUAL
    ),
    write: Annotated[
        Path | None,
        typer.Option(help="file for the scenario with what was found", show_default="none"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the cheapest deployment of each option that meets the goals."""
    options = options_of(context)
    [loaded] = options.scenarios([str(options.library.find(scenario))])
    names = _named(loaded, option)
    from tco.optimize import Question, cheapest  # takes a second: first say what is wrong
    from tco.optimize.document import found_document, scenario_text, with_found
    from tco.tasks import Kept

    prepare_to_simulate()
    kept, tell = Kept(user_cache()), _Teller()
    results = [
        cheapest(
            Question(loaded, name, options.catalog, options.measurements, basis), kept, tell=tell
        )
        for name in names
    ]
    if as_json:
        document = {
            "schema": "tco/optimize/1",
            "scenario": loaded.id,
            "basis": basis.value,
            "options": [found_document(found) for found in results],
        }
        print_json(document)
    else:
        _print(loaded, results)
    if write is not None:
        deliver(scenario_text(with_found(loaded, results)), write)
    if not any(found.best for found in results):
        raise typer.Exit(1)


def _named(scenario: Scenario, option: list[str] | None) -> list[str]:
    """Return the options to search for; those with steps are served by others."""
    if not option:
        return [name for name in scenario.options if scenario.candidates[name].snapshot]
    for name in option:
        if name not in scenario.candidates:
            known = list(scenario.candidates)
            action = f"The options of {scenario.id}: {', '.join(known)}."
            raise NotFoundError("option", name, known, action)
    return list(dict.fromkeys(option))


class _Teller:
    """Says how far a search has come, now and then, to a person at a terminal."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s < EVERY_S or not sys.stderr.isatty():
            return
        self._said_s = now_s
        best = progress.best
        so_far = "none meets the goals yet"
        if best is not None:
            so_far = f"best so far ${best.cost_usd:,.0f}: {best.choice.words}"
        say(f"{progress.option}: {progress.done} of {progress.of} deployments, {so_far}")


def _print(scenario: Scenario, results: list[Found]) -> None:
    lines = [f"\n{scenario.id}: {scenario.title}"]
    order = {id(found): number for number, found in enumerate(results)}
    far = float("inf")
    for found in sorted(results, key=lambda f: (f.best.cost_usd if f.best else far, order[id(f)])):
        lines += ["", f"{scenario.candidates[found.option].title} ({found.option})"]
        lines += _lines(scenario, found)
    sys.stdout.write("\n".join(lines) + "\n")


def _lines(scenario: Scenario, found: Found) -> list[str]:
    lines = []
    written, best = found.written, found.best
    if written is None:
        why = next(iter(found.refusals), "it cannot be evaluated")
        lines.append(f"   as written  no cost: {why}")
    else:
        verdict = "" if written.is_feasible else f" ({'; '.join(written.reasons)})"
        lines.append(f"   as written  ${written.cost_usd:>12,.0f}  {written.choice.words}{verdict}")
    if best is None:
        lines.append("   found       none meets every goal with known figures")
        lines += [f"   {text}" for text in _how_near(found)]
    else:
        saved = found.saving_usd
        share = ""
        if saved and written is not None:
            share = f", {saved / written.cost_usd:.1%} less" if saved > 0 else ""
            if saved < 0:
                share = f", {-saved / written.cost_usd:.1%} more, and meets the goals"
        latency = "" if best.p95_ms is None else f", p95 {best.p95_ms:,.0f} ms"
        what = "as written" if best.choice.number == 0 else best.choice.words
        lines.append(f"   found       ${best.cost_usd:>12,.0f}  {what}{latency}{share}")
        if best.choice.snapshot != scenario.candidates[found.option].snapshot:
            lines.append(f"               with the snapshot {best.choice.snapshot}")
    for trial in found.cheapest[1:]:
        lines.append(f"   then        ${trial.cost_usd:>12,.0f}  {trial.choice.words}")
    counts = found.counts
    ruled_out = [
        f"{number:,} {why}"
        for number, why in (
            (counts.too_dear, "dearer at the least"),
            (counts.missing_goals, "sure to miss a goal"),
            (counts.refused, "that cannot be evaluated"),
        )
        if number
    ]
    rest = f"; not simulated: {', '.join(ruled_out)}" if ruled_out else ""
    lines.append(
        f"   searched {counts.deployments:,} deployments, evaluated {counts.evaluated:,}{rest}"
    )
    lines += [f"   not tried: {note}" for note in found.not_tried]
    return lines


def _how_near(found: Found) -> list[str]:
    """Say which deployment comes nearest, and which goals would have to give by how much."""
    near = found.nearest
    if near is None:
        return [f"no number would mend it: {why}" for why in list(found.refusals)[:1]] or (
            [] if found.written is None else list(found.written.reasons)
        )
    steps = ", ".join(
        f"{miss.goal} to {miss.relaxed_to} (by {miss.by:.0%})"
        for miss in near.misses
        if miss.by is not None
    )
    return [
        f"nearest     ${near.cost_usd:>12,.0f}  {near.choice.words}",
        f"to let it in, relax {steps}",
    ]
