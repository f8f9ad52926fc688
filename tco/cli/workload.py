"""``tco workload``: turn a request log into a workload, and show how well it fits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tco.cli.context import deliver, print_json, say
from tco.errors import Finding, InputError, nearest

if TYPE_CHECKING:
    from tco.traffic.fit import Fit
    from tco.traffic.fit_check import Check

app = typer.Typer(name="workload", no_args_is_help=True, rich_markup_mode=None)

WIDTH = 100
TEN_THOUSAND = 1e4


@app.callback()
def workload() -> None:
    """Workloads from data."""


@app.command()
def fit(
    log: Annotated[Path, typer.Argument(help="request log, CSV or Parquet")],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    out: Annotated[
        Path | None, typer.Option(help="write the workload there, as YAML", show_default=False)
    ] = None,
    sizes: Annotated[
        Literal["quantiles", "rows", "mixture"], typer.Option(help="law of the request sizes")
    ] = "quantiles",
    seed: Annotated[int, typer.Option(help="seed of the streams that are compared", min=0)] = 0,
    column: Annotated[
        list[str] | None,
        typer.Option(help="arrival_s=NAME, input_tokens=NAME, ...", show_default="usual names"),
    ] = None,
) -> None:
    """Turn a request log into a workload: profile, bursts, sizes, growth.

    Times are seconds or dates (UTC where they say nothing). The workload goes into a scenario as it
    is printed; the table shows what requests drawn from it have in common with the log.
    """
    from tco.traffic.fit import fit_log
    from tco.traffic.fit_check import check_fit
    from tco.traffic.traces import read_log

    found = read_log(log, _columns(column or []))
    fitted = fit_log(found, sizes=sizes)
    checks = check_fit(fitted, found.requests, seed=seed)
    if as_json:
        print_json(_document(fitted, checks))
        if out is not None:
            deliver(_yaml(fitted.block), out)
        return
    for note in fitted.notes:
        say(note)
    if out is None:
        deliver(_yaml(fitted.block), None)
        sys.stdout.write("\n")
    sys.stdout.write(_table(checks))
    if out is not None:
        deliver(_yaml(fitted.block), out)


def _columns(asked: list[str]) -> dict[str, str]:
    """Read "role=name" pairs; the roles are those that a log can have."""
    from tco.traffic.traces import NAMES

    found = {}
    for pair in asked:
        role, mark, name = pair.partition("=")
        if not mark or role not in NAMES or not name:
            problem, action = f"'{pair}'", f"write ROLE=NAME with a role of {', '.join(NAMES)}"
            near = nearest(role, NAMES)
            raise InputError([Finding("command line", None, "--column", problem, action, near)])
        found[role] = name
    return found


def _document(fitted: Fit, checks: list[Check]) -> dict[str, Any]:
    rows = [
        {
            "name": check.name,
            "unit": check.unit,
            "log": check.log,
            "fit": check.fit,
            "fit_low": check.low,
            "fit_high": check.high,
        }
        for check in checks
    ]
    return {
        "schema": "tco/workload-fit/1",
        "workload": fitted.block,
        "fit": rows,
        "notes": list(fitted.notes),
    }


def _yaml(block: dict[str, Any]) -> str:
    import yaml

    text = yaml.safe_dump(
        {"workload": block},
        sort_keys=False,
        allow_unicode=True,
        width=WIDTH,
        default_flow_style=None,
    )
    return str(text)


def _table(checks: list[Check]) -> str:
    heads = "".join(f"{head:>11}" for head in ("log", "fit", "lowest", "highest"))
    lines = [f"{'figure':<36} {'unit':<6}{heads}{'off':>8}"]
    for check in checks:
        figures = (check.log, check.fit, check.low, check.high)
        numbers = "".join(f"{_figure(figure):>11}" for figure in figures)
        off = check.difference
        shown = f"{off:+.1%}" if off is not None else "-"
        lines.append(f"{check.name:<36} {check.unit:<6}{numbers}{shown:>8}")
    return "\n".join(lines) + "\n"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= TEN_THOUSAND else f"{value:,.4g}"
