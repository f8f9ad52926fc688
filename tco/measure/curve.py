"""A measurement becomes a service curve: seconds and joules as functions, with their error."""

from __future__ import annotations

from itertools import groupby
from statistics import median

import numpy as np

from tco.domain.curve import Accuracy, BatchStage, Line, ServiceCurve, SizeCurve
from tco.domain.hardware import Accelerator
from tco.domain.measured import Kind, Measured, Phase, Point, Served
from tco.domain.measurement import Architecture
from tco.domain.record import Estimate, worse
from tco.errors import MissingFigureError
from tco.measure.curve_fit import fit_line
from tco.measure.curve_roofline import Roofline
from tco.measure.curve_step import is_of_steps, step_stage

ONLY_IN_PROCESS = (
    "measured in process: behind a server the host work of each request comes on top, as a stage "
    "of its own that 'tco measure calibrate' finds"
)


def runtime_of(measured: Measured) -> str:
    """Write the runtime as deployments name it: name, mode and threads where they matter.

    Our own runs on a processor say how many threads they had; two of them are two runtimes.
    """
    parts = [measured.runtime.name, measured.runtime.mode]
    if measured.runtime.threads is not None and measured.hardware.accelerator_count == 0:
        threads = measured.runtime.threads
        parts.append("1 thread" if threads == 1 else f"{threads} threads")
    return ", ".join(part for part in parts if part)


def fit_curve(
    measured: Measured,
    *,
    architecture: Architecture | None = None,
    accelerator: Accelerator | None = None,
) -> ServiceCurve:
    """Fit the curve of one measurement.

    ``architecture`` and ``accelerator`` are needed where a sweep does not identify every
    coefficient: the roofline then tells the rest, graded ``estimated``.
    """
    if measured.kind is Kind.TRAINING:
        raise MissingFigureError(f"{measured.id} measures training; it says nothing of serving")
    measured, notes = _one_scope(measured)
    batch = step = None
    if is_of_steps(measured):
        count = measured.hardware.accelerator_count
        roofline = None if accelerator is None else Roofline(accelerator, count, measured.precision)
        step, more = step_stage(measured, architecture, roofline)
        notes += more
    elif measured.served is not None:
        batch = _served_stage(measured.served)
    else:
        batch = _batch_stage(measured)
    if measured.measured_in == "process":
        notes.append(ONLY_IN_PROCESS)
    doubtful = [doubt for point in measured.points for doubt in point.doubts]
    if doubtful:
        notes.append(f"{len(doubtful)} doubts at single points, the first: {doubtful[0]}")
    notes += [*measured.doubts, *measured.notes]
    energies = [point.energy for point in measured.points if point.energy is not None]
    return ServiceCurve(
        snapshot=measured.subject.snapshot,
        accelerator=measured.hardware.name,
        accelerator_count=measured.hardware.accelerator_count,
        runtime=runtime_of(measured),
        precision=measured.precision,
        kind="batch" if batch is not None else "llm",
        measured_in=measured.measured_in,
        front_end=None if measured.served is None else measured.served.front_end,
        batch=batch,
        step=step,
        energy_scope=energies[0].scope if energies else None,
        energy_evidence=worse(*(energy.evidence for energy in energies)) if energies else None,
        idle_w=_idle(measured),
        load_s=_load(measured),
        evidence=measured.evidence,
        sources=(measured.source,),
        checked_on=measured.day,
        notes=tuple(dict.fromkeys(notes)),
    )


def _one_scope(measured: Measured) -> tuple[Measured, list[str]]:
    """Leave out all joules where points were read at different scopes."""
    scopes = {point.energy.scope for point in measured.points if point.energy is not None}
    if len(scopes) <= 1:
        return measured, []
    points = tuple(point.model_copy(update={"energy": None}) for point in measured.points)
    said = " and ".join(sorted(scope.value for scope in scopes))
    note = f"joules are of different scopes ({said}) and cannot be fitted together: left out"
    return measured.model_copy(update={"points": points}), [note]


def _batch_stage(measured: Measured) -> BatchStage:
    points = [point for point in measured.points if is_one_batch(point)]
    if not points:
        raise MissingFigureError(
            f"{measured.id} holds no batch that ran alone: requests that overlap show a queue. "
            "Fit it with 'tco measure calibrate', or measure a sweep over batch sizes"
        )
    points.sort(key=lambda point: (point.input_size or 0, point.batch or 0))
    return BatchStage(
        sizes=tuple(
            _size_curve(size, list(found))
            for size, found in groupby(points, key=lambda point: point.input_size)
        )
    )


def _served_stage(served: Served) -> BatchStage:
    """Return the batches of a server, as a closed loop showed them, up to its largest."""
    return BatchStage(
        sizes=(
            SizeCurve(
                seconds=Line(base=served.base_s, slope=served.per_item_s),
                accuracy=Accuracy(
                    numbers=tuple(range(1, served.max_batch + 1)),
                    in_sample_error=served.in_sample_error,
                    left_out_error=served.left_out_error,
                ),
            ),
        ),
        cv=served.cv,
    )


def is_one_batch(point: Point) -> bool:
    """Tell whether a point shows a batch that ran alone."""
    if point.phase is Phase.FORWARD:
        return True
    alone = point.concurrency is not None and point.concurrency <= 1
    return point.phase is Phase.REQUEST and point.batch is not None and alone


def _size_curve(size: int | None, points: list[Point]) -> SizeCurve:
    batches = np.array([point.batch for point in points], dtype=np.float64)
    seconds, accuracy = fit_line(batches, np.array([p.seconds.typical for p in points]))
    joules, joules_accuracy = None, None
    energies = [(point.batch, point.energy.joules) for point in points if point.energy is not None]
    if energies:
        table = np.array(energies, dtype=np.float64)
        joules, joules_accuracy = fit_line(table[:, 0], table[:, 1])
    return SizeCurve(
        input_size=size,
        seconds=seconds,
        accuracy=accuracy,
        joules=joules,
        joules_accuracy=joules_accuracy,
    )


def _idle(measured: Measured) -> Estimate | None:
    idle = measured.idle
    if idle is None:
        return None
    return Estimate(
        likely=idle.watts,
        evidence=idle.evidence,
        source=f"{measured.source}; scope: {idle.scope.value}",
    )


def _load(measured: Measured) -> Estimate | None:
    """Return the time of a start: the middle one, between the quickest and the slowest."""
    if measured.load_times is None:
        return None
    times = measured.load_times.seconds
    return Estimate(
        likely=median(times),
        low=min(times),
        high=max(times),
        evidence=measured.evidence,
        source=f"{measured.source}; {len(times)} starts, to {measured.load_times.to}",
    )
