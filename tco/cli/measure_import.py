"""``tco measure import`` and ``fit``: other tools' results as measurements, and their curves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import Options, options_of, print_json, say
from tco.data import user_overlay
from tco.errors import TcoError

if TYPE_CHECKING:
    from tco.domain.curve import ServiceCurve, StepLine
    from tco.domain.measured import Measured

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]


def add_to(app: typer.Typer) -> None:
    """Register the commands in the group."""
    app.command("import")(import_files)
    app.command("fit")(fit)


def import_files(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="result files of one tool, one sweep")
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="id of the snapshot that was measured", show_default=False)
    ] = None,
    accelerator: Annotated[
        str | None, typer.Option(help="as in pricing/hardware.csv", show_default=False)
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="accelerators; 0 on a processor", min=0, show_default=False)
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="as deployments name it", show_default=False)
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="of the weights", show_default=False)
    ] = None,
    batch: Annotated[
        float | None, typer.Option(help="of each call, where files leave it out", min=1)
    ] = None,
    concurrency: Annotated[
        float | None, typer.Option(help="clients, where files leave it out", min=1)
    ] = None,
    calls: Annotated[int | None, typer.Option(help="of the run, for an energy log", min=1)] = None,
    name: Annotated[
        str | None, typer.Option(help="id of the measurement", show_default="made of the rest")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="folder of the result", show_default="your own, beside your prices"),
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="print a table to fill in, and stop")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read other tools' results: recognised by content, converted, traps named; all or nothing.

    Read are: a plain table, vLLM bench serve, GuideLLM, AIPerf and genai-perf, Triton
    perf_analyzer, optimum-benchmark, codecarbon.
    """
    from tco.measure.measured_files import write_measured
    from tco.measure.readers.importing import import_results
    from tco.measure.readers.reading import About
    from tco.measure.readers.template_csv import EXAMPLE

    if template:
        sys.stdout.write(EXAMPLE)
        return
    if not files or snapshot is None:
        raise TcoError(
            "name result files, and with --snapshot what was measured; --template prints a table"
        )
    about = About(
        snapshot=snapshot,
        accelerator=accelerator,
        accelerator_count=count,
        runtime=runtime,
        precision=precision,
        batch=batch,
        concurrency=concurrency,
        calls=calls,
    )
    measured = import_results(files, about, name=name)
    beside = _beside_known(measured, options_of(context))
    path = write_measured(measured, out or user_overlay() / "measurements")
    if as_json:
        document = {"schema": "tco/measure-import/1", "file": str(path), "beside_known": beside}
        print_json({**document, "measurement": measured.model_dump(mode="json", exclude_none=True)})
    else:
        for point in measured.points:
            for doubt in point.doubts:
                sys.stdout.write(f"{_setting(point)}: {doubt}\n")
        for doubt in [*measured.doubts, *([beside] if beside else [])]:
            sys.stdout.write(f"doubt: {doubt}\n")
        sys.stdout.write(f"{measured.id}: {len(measured.points)} points, {measured.source}\n")
    say(f"wrote {path}")


def _setting(point: Any) -> str:
    parts = {
        "batch": point.batch,
        "concurrency": point.concurrency,
        "offered a second": point.offered_per_s,
    }
    words = [f"{name} {value:g}" for name, value in parts.items() if value is not None]
    return ", ".join(words) or str(point.phase.value)


def _beside_known(measured: Measured, options: Options) -> str | None:
    """Compare with what is known of the same five things: equal set-ups differ between people."""
    from tco.errors import MissingFigureError
    from tco.measure.curve import fit_curve
    from tco.measure.library import key_of

    library = options.measurements
    try:
        known = library.curve(*key_of(measured))
        new = fit_curve(
            measured,
            architecture=library.architectures.get(measured.subject.snapshot),
            accelerator=library.accelerators.get(measured.hardware.name),
        )
    except MissingFigureError:
        return None
    number = max(new.range[0], known.range[0])
    ratio = _seconds_at(new, number) / _seconds_at(known, number)
    return (
        f"at {number:g} at once it takes {ratio:.2f} of the time that is known "
        f"({known.sources[0]}); take the range, not the best"
    )


def _seconds_at(curve: ServiceCurve, number: float) -> float:
    if curve.step is not None:
        return float(curve.step.seconds.over_sequences.at(number))
    assert curve.batch is not None
    return float(curve.batch.seconds(number))


def fit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a measurement file, from run or import")],
    as_json: AsJson = False,
) -> None:
    """Fit the service curve of a measurement, with its error on points left out."""
    from tco.measure.curve import fit_curve
    from tco.measure.measured_files import read_measured

    options = options_of(context)
    measured = read_measured(file)
    curve = fit_curve(
        measured,
        architecture=options.measurements.architectures.get(measured.subject.snapshot),
        accelerator=options.catalog.accelerators.get(measured.hardware.name),
    )
    if as_json:
        document = curve.model_dump(mode="json", exclude_none=True)
        print_json({"schema": "tco/measure-fit/1", "curve": document})
        return
    sys.stdout.write("\n".join(_lines(curve)) + "\n")


def _lines(curve: ServiceCurve) -> list[str]:
    low, high = curve.range
    found = [
        f"{curve.snapshot} on {curve.accelerator_count} x {curve.accelerator} with "
        f"{curve.runtime}, {curve.precision} ({curve.evidence.value})",
        f"measured from {low:g} to {high:g} at once",
    ]
    if curve.step is not None:
        found += _step_lines("s", curve.step.seconds)
        if curve.step.joules is not None:
            found += _step_lines("J", curve.step.joules)
    if curve.batch is not None:
        for size in curve.batch.sizes:
            padded = "" if size.input_size is None else f" of size {size.input_size:g}"
            found.append(f"batch of n{padded}: {_line('s', size.seconds, size.accuracy)}")
            if size.joules is not None:
                found.append(f"batch of n{padded}: {_line('J', size.joules, size.joules_accuracy)}")
    if curve.energy_scope is not None:
        found.append(f"joules are of: {curve.energy_scope.value}")
    found += [f"{word}: {figure.likely:g} ({figure.evidence.value})" for word, figure in (
        ("idle watts", curve.idle_w), ("seconds to the first answer", curve.load_s),
    ) if figure is not None]  # fmt: skip
    if not curve.has_front_end:
        found.append("no front-end stage: not calibrated")
    return [*found, *curve.notes]


def _line(unit: str, line: Any, accuracy: Any) -> str:
    bend = "" if line.knee is None else f", beyond {line.knee:g}: {line.slope_after:.4g} x n"
    return f"{line.base:.4g} + {line.slope:.4g} x n {unit}{bend}{_error(accuracy)}"


def _step_lines(unit: str, step: StepLine) -> list[str]:
    names = ("base", "per_sequence", "per_kv_token", "per_prefill_token")
    parts = [
        f"{name} {getattr(step, name).value:.4g} {unit} ({getattr(step, name).evidence.value})"
        for name in names
    ]
    return [f"step: {', '.join(parts)}{_error(step.accuracy)}"]


def _error(accuracy: Any) -> str:
    if accuracy.left_out_error is None:
        return f" (in sample {accuracy.in_sample_error:.1%}; too few points to leave one out)"
    return f" (in sample {accuracy.in_sample_error:.1%}, left out {accuracy.left_out_error:.1%})"
