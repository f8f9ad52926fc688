"""``tco measure``: what snapshots do on hardware: measured here, or read from other tools."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import Options, options_of, print_json, say
from tco.data import user_overlay
from tco.errors import NotFoundError, TcoError

if TYPE_CHECKING:
    from tco.domain.measured import Measured

app = typer.Typer(name="measure", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]


LOADS = 5
"""Fresh processes by which a load time is taken."""


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML file that says what to measure")],
    only: Annotated[
        list[str] | None,
        typer.Option(help="name of a measurement; may be repeated", show_default="all of the file"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="folder of the results", show_default="your own, beside your prices"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="a tenth of the time; marked so, not to plan with")
    ] = False,
    meter: Annotated[
        str, typer.Option(help="energy: auto, nvml, rapl, codecarbon or none")
    ] = "auto",
    country: Annotated[
        str | None, typer.Option(help="three letters; codecarbon then tells its grid factor")
    ] = None,
    loads: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="load times to take", show_default="5, or 1 if quick"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure models or servers: speed, energy, memory and load time, with their doubts."""
    from tco.measure import worker
    from tco.measure.measured_files import read_measured
    from tco.measure.model_files import load_jobs

    known = load_jobs(file).measurements
    for name in only or ():
        if name not in known:
            action = f"{file} has {', '.join(known)}."
            raise NotFoundError("measurement", name, known, action)
    options = options_of(context)
    folder = out or user_overlay() / "measurements"
    rows, failed = [], []
    for name in only or known:
        request = worker.Request(
            file=file,
            name=name,
            out=folder,
            quick=quick,
            meter=meter,
            country=country,
            loads=loads if loads is not None else 1 if quick else LOADS,
            accelerator_names=_accelerators(options),
        )
        written = worker.run(request)
        if written is None:
            failed.append(name)
            continue
        measured = read_measured(written)
        rows.append(_row(measured))
        if not as_json:
            _show(measured)
            say(f"wrote {written}")
        if measured.interrupted:
            raise KeyboardInterrupt
    if as_json:
        print_json({"schema": "tco/measure-run/1", "measurements": rows, "failed": failed})
    if failed:
        raise TcoError(f"not measured: {', '.join(failed)}; the reason stands above")


def _accelerators(options: Options) -> tuple[str, ...]:
    """Read the names by which the price tables know boards."""
    with (options.folder.pricing / "hardware.csv").open(encoding="utf-8-sig") as table:
        return tuple(row["accelerator"] for row in csv.DictReader(table))


def _show(measured: Measured) -> None:
    typer.echo(f"{measured.id}: {measured.runtime.name}, {measured.precision}, {measured.kind}")
    for point in measured.points:
        settings = {
            "batch": point.batch,
            "size": point.input_size,
            "context": point.context_tokens,
            "at a time": point.concurrency,
            "paused s": point.pause_s,
            "a second": point.offered_per_s,
        }
        words = ", ".join(f"{name} {value:g}" for name, value in settings.items() if value)
        joules = "" if point.energy is None else f", {point.energy.joules:.4g} J {_grade(point)}"
        typer.echo(
            f"  {point.phase.value:<10} {words:<28} {point.seconds.typical * 1000:>10.2f} ms "
            f"{point.throughput_per_s or 0:>10.4g} {point.throughput_unit.value}/s{joules}"
        )
        for doubt in point.doubts:
            typer.echo(f"    doubt: {doubt}")
    for doubt in measured.doubts:
        typer.echo(f"  doubt: {doubt}")
    reasons = dict.fromkeys(p.energy_withheld for p in measured.points if p.energy_withheld)
    for reason in reasons:
        typer.echo(f"  no energy: {reason}")


def _grade(point: Any) -> str:
    return f"({point.energy.scope.value}, {point.energy.evidence.value})"


@app.command("list")
def list_measurements(
    context: typer.Context,
    by_hardware: Annotated[
        bool,
        typer.Option("--by-hardware", help="which snapshot is known on which hardware, how well"),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the measurements: those shipped, and your own."""
    from tco.measure.measured_files import measured_files, read_measured

    if by_hardware:
        _by_hardware(options_of(context), as_json=as_json)
        return
    shipped = measured_files(options_of(context).folder.benchmarks)
    own = measured_files(user_overlay())
    rows = [{**_row(read_measured(path)), "own": path in own} for path in [*shipped, *own]]
    if as_json:
        print_json({"schema": "tco/measure-list/1", "measurements": rows})
        return
    for row in rows:
        doubts = f", {row['doubts']} doubts" if row["doubts"] else ""
        typer.echo(
            f"{row['id']:<44} {row['points']:>3} points  {row['evidence']}, {row['hardware']}, "
            f"{row['runtime']}, {row['precision']}{doubts}{', your own' if row['own'] else ''}"
        )
    say(f"{len(rows)} measurements; --json also prints where they came from")


def _by_hardware(options: Options, *, as_json: bool) -> None:
    from dataclasses import asdict

    from tco.measure.known import best_known, table

    if as_json:
        rows = [
            asdict(known)
            for own in best_known(options.measurements).values()
            for known in own.values()
        ]
        print_json({"schema": "tco/measure-known/1", "known": rows})
        return
    cells = table(options.measurements)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())
    say("a curve knows every batch, a point one; estimates are carried over from other hardware")


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
