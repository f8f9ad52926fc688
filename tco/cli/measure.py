"""``tco measure``: what snapshots do on hardware: measured here, or read from other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import options_of, print_json, say

if TYPE_CHECKING:
    from tco.domain.measured import Measured

app = typer.Typer(name="measure", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]


@app.command("list")
def list_measurements(context: typer.Context, as_json: AsJson = False) -> None:
    """List the measurements that the planner has."""
    from tco.measure.measured_files import measured_files, read_measured

    found = [read_measured(path) for path in measured_files(options_of(context).folder.benchmarks)]
    rows = [_row(measured) for measured in found]
    if as_json:
        print_json({"schema": "tco/measure-list/1", "measurements": rows})
        return
    for row in rows:
        doubts = f", {row['doubts']} doubts" if row["doubts"] else ""
        typer.echo(
            f"{row['id']:<44} {row['points']:>3} points  {row['evidence']}, {row['hardware']}, "
            f"{row['runtime']}, {row['precision']}{doubts}"
        )
    say(f"{len(rows)} measurements; --json also prints where they came from")


def _row(measured: Measured) -> dict[str, Any]:
    doubts = len(measured.doubts) + sum(len(point.doubts) for point in measured.points)
    return {
        "id": measured.id,
        "kind": measured.kind.value,
        "snapshot": measured.subject.snapshot,
        "weights": measured.subject.weights,
        "hardware": measured.hardware.name,
        "accelerators": measured.hardware.accelerator_count,
        "runtime": measured.runtime.name,
        "mode": measured.runtime.mode,
        "threads": measured.runtime.threads,
        "precision": measured.precision,
        "points": len(measured.points),
        "doubts": doubts,
        "evidence": measured.evidence.value,
        "source": measured.source,
    }
