"""``tco training``: runs by what became of them, jobs machine by machine, compression, tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import deliver, option_named, options_of, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tco.domain.measured import Measured
    from tco.plan import Evaluation
    from tco.prices import Catalog


def add_to(app: typer.Typer) -> None:
    """Add the command to the root."""
    app.command()(training)


def training(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="'use-case/scenario', or a file")],
    option: Annotated[
        str | None, typer.Option(help="which option", show_default="the cheapest")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Show what making an option's model costs.

    Runs by what became of them, jobs on their machine and on those they are compared with, what
    each step of a compression buys and when it has paid, and what one more task costs.
    """
    options = options_of(context)
    [found] = options.evaluations(scenario)
    name = option_named(found, option)
    document = _document(found, name, options.catalog, options.measurements.trainings)
    if as_json:
        print_json(document)
    else:
        deliver(_text(document), None)


def _document(
    found: Evaluation, option: str, catalog: Catalog, trainings: Mapping[str, Measured]
) -> dict[str, Any]:
    from dataclasses import asdict

    from tco.domain.cost import Phase
    from tco.ledger import book
    from tco.ledger.compression import chain, job_costs_usd
    from tco.units import REQUESTS_PER_THOUSAND

    rows = found.ledger[found.ledger["option"] == option]
    document: dict[str, Any] = {
        "schema": "tco/training/1",
        "scenario": found.scenario.id,
        "option": option,
        "training_usd": book.total_usd(rows[rows["phase"] == Phase.TRAINING]),
        "experimentation_usd": book.experimentation_usd(rows),
    }
    candidate = found.scenario.candidates.get(option)
    if candidate is None:
        return document
    use = (
        None if candidate.lifecycle.experiments is None else candidate.lifecycle.experiments.history
    )
    if use is not None and use.again_from_month is None:
        document["sunk_usd"] = _sunk_usd(found, use.id)
    plan = candidate.lifecycle.training
    if plan is None:
        return document
    path = f"candidates.{option}.lifecycle.training"
    costs = job_costs_usd(found.model, option, path)
    document["lead_months"] = plan.lead_months
    document["jobs"] = [
        {
            "job": name,
            "usd": costs.get(name, 0.0),
            "machines": _machines(found, option, name, catalog, trainings),
        }
        for name in plan.jobs
    ]
    serving = book.total_usd(rows[rows["phase"] == Phase.INFERENCE]) / found.requests_answered
    document["compression"] = [
        asdict(step) for step in chain(plan, costs, serving * REQUESTS_PER_THOUSAND)
    ]
    if plan.tasks is not None:
        document["usd_of_jobs_per_added_task"] = sum(costs.values()) / plan.tasks.count
    return document


def _machines(
    found: Evaluation,
    option: str,
    name: str,
    catalog: Catalog,
    trainings: Mapping[str, Measured],
) -> list[dict[str, Any]]:
    """Work a job out on its machine and on others; hours meet prices in the cost model alone."""
    import numpy as np

    from tco.domain.training_plan import ComputeJob
    from tco.errors import TcoError
    from tco.ledger.catalogued import Shop
    from tco.ledger.model import cost_usd
    from tco.ledger.option import likely_months
    from tco.ledger.training_hours import choices

    candidate = found.scenario.candidates[option]
    assert candidate.lifecycle.training is not None
    job = candidate.lifecycle.training.jobs[name]
    if not isinstance(job, ComputeJob):
        return []
    snapshot = found.scenario.snapshots.get(candidate.snapshot or "")
    path = f"candidates.{option}.lifecycle.training.jobs.{name}"
    table = []
    for choice in choices(job, snapshot, catalog, path, trainings):
        machine = choice.machine
        row: dict[str, Any] = {
            "machine": f"{machine.seller}/{machine.region}/{machine.instance_type}",
            "purchase": machine.purchase.value,
            "machines": job.machines,
        }
        refused = choice.refused
        if choice.instance_hours is not None:
            try:
                price = likely_months(Shop(found.scenario, catalog).machine_hour(machine), 1)[:1]
            except TcoError as error:
                refused = str(error)
            else:
                hours = np.array([choice.instance_hours])
                row |= {
                    "instance_hours": choice.instance_hours,
                    "wall_hours": choice.wall_hours,
                    "usd": float(cost_usd(hours, price)[0]),
                }
        if refused is not None:
            row["refused"] = refused
        table.append(row)
    return table


def _sunk_usd(found: Evaluation, history: str) -> float:
    """Return what tracked runs cost before the plan began [USD]."""
    import numpy as np

    from tco.ledger.model import cost_usd

    runs = [run for run in found.scenario.histories[history].runs if run.day < found.scenario.start]
    hours = np.array([run.instance_hours for run in runs])
    return float(cost_usd(hours, np.array([run.usd_per_instance_hour for run in runs])).sum())


def _text(document: dict[str, Any]) -> str:
    from tco.ledger.explain import usd

    fates = document["experimentation_usd"]
    lines = [f"{document['option']} of {document['scenario']}", ""]
    lines.append(f"Training: {usd(document['training_usd'])}. Runs by what became of them:")
    lines += [f"  {fate:<12}{usd(cost):>15}" for fate, cost in fates.items()]
    if "sunk_usd" in document:
        lines.append(f"  spent before the plan begins, in no total: {usd(document['sunk_usd'])}")
    if document.get("lead_months"):
        lines.append(f"It answers from month {document['lead_months'] + 1} on.")
    for job in document.get("jobs", []):
        lines += ["", f"{job['job']}: {usd(job['usd'])}"]
        for row in job["machines"]:
            says = row.get("refused") or f"{row['wall_hours']:,.1f} h, {usd(row['usd'])}"
            lines.append(f"  {row['machines']} x {row['machine']} {row['purchase']}: {says}")
    lines += [line for step in document.get("compression", []) for line in _step_lines(step)]
    if "usd_of_jobs_per_added_task" in document:
        lines += ["", f"The jobs of one more task: {usd(document['usd_of_jobs_per_added_task'])}"]
    return "\n".join(lines) + "\n"


def _step_lines(step: dict[str, Any]) -> list[str]:
    from tco.ledger.explain import price_text, usd

    before, after = (price_text(step[f"usd_per_1k_{when}"]) for when in ("before", "after"))
    volume = step["break_even_requests"]
    pays = "never pays by itself" if volume is None else f"pays after {volume:,.0f} requests"
    if step["break_even_low"] is not None and step["break_even_high"] is not None:
        pays += f" ({step['break_even_low']:,.0f} to {step['break_even_high']:,.0f})"
    return [
        "",
        f"{step['title']}: {usd(step['cost_usd'])}, {pays}",
        f"  serving 1,000 requests: {before} before, {after} after [{step['evidence']}]",
    ]
