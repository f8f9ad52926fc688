"""``tco import``: experiment trackers become priced histories that a scenario can refer to.

``tco import snapshot`` stands in a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import Options, deliver, options_of, print_json
from tco.errors import Finding, InputError, TcoError, nearest

if TYPE_CHECKING:
    from tco.domain.history import ExperimentHistory
    from tco.imports.runs import TrackedRun
    from tco.ledger.history import Sku

app = typer.Typer(name="import", no_args_is_help=True, rich_markup_mode=None)
SHOWN = 5

Id = Annotated[str, typer.Option("--id", help="name of the history, as scenarios refer to it")]
Out = Annotated[
    Path | None,
    typer.Option(help="write the history there", show_default="scenarios/histories/ID.yaml"),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--hardware-tag", help="tag that names the machine", show_default="usual names"),
]
Machines = Annotated[
    list[str] | None,
    typer.Option(
        "--machine",
        help="VALUE=seller/region/type[:purchase] for a tag's value",
        show_default=False,
    ),
]
Final = Annotated[
    list[str] | None,
    typer.Option(help="a run that was kept; else the tag tco.final says so", show_default=False),
]
PriceDate = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="price all runs on one day", show_default="own days"),
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]


@app.callback()
def imports() -> None:
    """Experiment history, priced, and snapshots of models."""


@app.command()
def mlflow(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    uri: Annotated[str, typer.Argument(help="SQLite file, folder such as mlruns, or server")],
    id: Id,
    out: Out = None,
    hardware_tag: Tags = None,
    machine: Machines = None,
    final: Final = None,
    price_date: PriceDate = None,
    as_json: AsJson = False,
) -> None:
    """Read an MLflow store and price each run by its duration and its hardware tag.

    The store is only read. Runs without a known machine, length or price are listed and are part
    of no sum. What is written is a history for 'experiments.history' of a lifecycle.
    """
    from tco.imports.mlflow_store import read_store

    _import(
        options_of(context),
        lambda: read_store(uri),
        _without_login(uri),
        (id, out, hardware_tag, machine, final, price_date),
        as_json=as_json,
    )


@app.command()
def runs(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with run, status, started_at, ended_at")],
    id: Id,
    out: Out = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="run=NAME, started_at=NAME, ...", show_default="the same names"),
    ] = None,
    hardware_tag: Tags = None,
    machine: Machines = None,
    final: Final = None,
    price_date: PriceDate = None,
    as_json: AsJson = False,
) -> None:
    """Read a CSV of runs, as other trackers export them, and price them alike.

    Columns: run, name, status, started_at, ended_at or duration_s, parent; 'param.*' are
    parameters, all others are tags, such as instance_type, machines and host.
    """
    from tco.imports.runs import COLUMNS, read_runs

    names = _pairs("--column", column or [], list(COLUMNS))
    _import(
        options_of(context),
        lambda: read_runs(file, names),
        file.name,
        (id, out, hardware_tag, machine, final, price_date),
        as_json=as_json,
    )


Asked = tuple[
    str, Path | None, list[str] | None, list[str] | None, list[str] | None, datetime | None
]


def _import(
    options: Options,
    read: Callable[[], list[TrackedRun]],
    source: str,
    asked: Asked,
    *,
    as_json: bool,
) -> None:
    from tco.domain.record import IDENTIFIER_PATTERN
    from tco.ledger.history import HARDWARE_TAGS, Reading, price_runs

    id, out, hardware_tag, machine, final, price_date = asked
    if not re.fullmatch(IDENTIFIER_PATTERN, id):
        problem, action = f"'{id}'", "use lower-case letters, digits, dots, dashes"
        raise InputError([Finding("command line", None, "--id", problem, action)])
    tracked = read()
    known = {run.run for run in tracked}
    for name in final or []:
        if name not in known:
            raise TcoError(f"no run '{name}' in {source}; nearest: {nearest(name, known)}")
    reading = Reading(
        tuple(hardware_tag or HARDWARE_TAGS),
        {value: _sku(text) for value, text in _pairs("--machine", machine or [], None).items()},
        tuple(final or []),
        price_date.date() if price_date is not None else None,
    )
    for sku in reading.machines.values():
        options.catalog.instance(*sku[:3])
    history = price_runs(
        tracked, options.catalog, reading, id=id, source=source, imported_on=_today()
    )
    if as_json:
        print_json(_document(history))
    else:
        deliver(_summary(history), None)
    if not as_json or out is not None:
        place = out or options.folder.scenarios / "histories" / f"{id}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        deliver(_yaml(history), place)


def _today() -> date:
    return datetime.now(UTC).date()


def _without_login(uri: str) -> str:
    """Leave a password that stands in an address out of the file."""
    return re.sub(r"//[^/@]*@", "//", uri)


def _pairs(option: str, asked: list[str], known: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in asked:
        name, mark, value = pair.partition("=")
        if not mark or not value or (known is not None and name not in known):
            roles = f"NAME of {', '.join(known)}" if known is not None else "VALUE"
            problem, action = f"'{pair}'", f"write {roles}=..."
            raise InputError([Finding("command line", None, option, problem, action)])
        found[name] = value
    return found


def _sku(text: str) -> Sku:
    from tco.domain.price import Purchase

    place, _, purchase = text.partition(":")
    parts = place.split("/")
    bought = {each.value: each for each in Purchase}
    if len(parts) != 3 or (purchase or "on_demand") not in bought:  # noqa: PLR2004
        action = f"write seller/region/type, and :{' or :'.join(bought)} where it was bought so"
        raise InputError([Finding("command line", None, "--machine", f"'{text}'", action)])
    return parts[0], parts[1], parts[2], bought[purchase or "on_demand"]


def _totals(history: ExperimentHistory) -> dict[str, tuple[int, float, float]]:
    """Return by fate: runs, machine hours, cost [USD]."""
    import numpy as np

    from tco.domain.experiments import Fate
    from tco.ledger.model import cost_usd

    totals = {}
    for fate in Fate:
        own = [run for run in history.runs if run.fate is fate]
        hours = np.array([run.instance_hours for run in own])
        price = np.array([run.usd_per_instance_hour for run in own])
        totals[fate.value] = (len(own), float(hours.sum()), float(cost_usd(hours, price).sum()))
    return totals


def _document(history: ExperimentHistory) -> dict[str, Any]:
    totals = _totals(history)
    return {
        "schema": "tco/experiment-history/1",
        "history": history.model_dump(mode="json"),
        "experimentation_usd": {fate: usd for fate, (_, _, usd) in totals.items()},
    }


def _summary(history: ExperimentHistory) -> str:
    lines = [f"{'what became of it':<20}{'runs':>6}{'machine hours':>16}{'USD':>14}"]
    totals = _totals(history)
    for fate, (count, hours, usd) in totals.items():
        lines.append(f"{fate:<20}{count:>6}{hours:>16,.1f}{usd:>14,.2f}")
    whole = [sum(column) for column in zip(*totals.values(), strict=True)]
    lines.append(f"{'all that is priced':<20}{whole[0]:>6}{whole[1]:>16,.1f}{whole[2]:>14,.2f}")
    flagged = [f"  {run.run}: {flag}" for run in history.runs for flag in run.flags]
    not_priced = [f"  {run.run}: {run.reason}" for run in history.unpriced]
    for title, entries in (("Flagged", flagged), ("Not priced", not_priced)):
        if entries:
            lines += ["", f"{title}: {len(entries)}", *entries[:SHOWN]]
        if len(entries) > SHOWN:
            lines.append(f"  and {len(entries) - SHOWN} more, in the file")
    return "\n".join(lines) + "\n"


def _yaml(history: ExperimentHistory) -> str:
    import yaml

    text: str = yaml.safe_dump(
        history.model_dump(mode="json"),
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=None,
    )
    return text
