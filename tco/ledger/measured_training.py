"""The rate of a training job off a measured step of the same model, method and hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tco.domain.hardware import Instance
from tco.domain.measured import Measured, Point
from tco.domain.record import Evidence, worse
from tco.domain.snapshot import Approach, Snapshot
from tco.domain.training_plan import Method
from tco.errors import InfeasibleError, MissingFigureError, nearest
from tco.ledger.expression import Driver
from tco.measure.curve import runtime_of

MODES = {Method.TRAIN: "full", Method.LORA: "lora"}
"""How the harness calls the methods of a job."""
TUNED = (Approach.FINE_TUNE, Approach.LORA)
"""What trains the very network of its parent; a distilled or pruned one is another."""


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """What is asked of a measured step: who trains what, where, on rows of which length."""

    snapshot: Snapshot | None
    method: Method
    instance: Instance
    row_tokens: float | None
    path: str


def measured_rate(name: str, asked: MeasuredStep, trainings: Mapping[str, Measured]) -> Driver:
    """Return the tokens a second of one machine, from a measurement of the library.

    Of the batches that were measured the quickest by token counts. On a processor a machine runs
    one process with the threads of the measurement; accelerators of a machine share the rows.

    Raises:
        MissingFigureError: If there is no such measurement.
        InfeasibleError: If it is of another model, method or hardware.
    """
    if name not in trainings:
        raise MissingFigureError(
            f"{asked.path} names no measured training step '{name}'. Near it: "
            f"{nearest(name, trainings)}. 'tco measure list' shows what there is"
        )
    if asked.row_tokens is None:
        raise MissingFigureError(
            f"{asked.path}: a measured step has rows of some length, and only a total of tokens is "
            "stated; give rows, epochs and packing with a length"
        )
    measured = trainings[name]
    _refuse_another(measured, asked)
    points = _of_length(measured, asked.row_tokens)
    best = max(points, key=_tokens_per_s)
    hardware, rate = measured.hardware, _tokens_per_s(best)
    shares = max(1, asked.instance.accelerator_count // max(1, hardware.accelerator_count))
    source = (
        f"{measured.source}, {name}: a step of {best.batch:g} rows of {best.input_size} tokens "
        f"takes {best.seconds.typical:.3g} s with {runtime_of(measured)}"
    )
    evidence = measured.evidence
    if hardware.accelerator_count == 0:
        evidence = worse(evidence, Evidence.ESTIMATED)
        source += f"; measured on {hardware.processor}, the rented processor may be another one"
    if shares > 1:
        evidence = worse(evidence, Evidence.ESTIMATED)
        source += f"; {shares} times as much on as many times the accelerators"
    if best.input_size is None or asked.row_tokens > best.input_size:
        evidence = worse(evidence, Evidence.ESTIMATED)
        source += f"; rows are longer here, {asked.row_tokens:,.0f} tokens"
    times = best.seconds.repeat_medians
    low = high = None
    if len(times) > 1:
        slowest, quickest = max(*times, best.seconds.typical), min(*times, best.seconds.typical)
        low = rate * shares * best.seconds.typical / slowest
        high = rate * shares * best.seconds.typical / quickest
    return Driver(f"{asked.path}.measured", "tokens/s", rate * shares, evidence, source, low, high)


def _tokens_per_s(point: Point) -> float:
    return (point.batch or 0.0) * (point.input_size or 0) / point.seconds.typical


def _of_length(measured: Measured, row_tokens: float) -> list[Point]:
    """Return the points of the smallest size that holds a row, else of the largest."""
    sizes = sorted({point.input_size for point in measured.points if point.input_size is not None})
    if not sizes:
        raise MissingFigureError(f"{measured.id} does not say how long its rows are")
    size = next((size for size in sizes if size >= row_tokens), sizes[-1])
    return [point for point in measured.points if point.input_size == size]


def _refuse_another(measured: Measured, asked: MeasuredStep) -> None:
    """Refuse a step of another model, method or hardware."""
    known = measured.subject.snapshot
    own = asked.snapshot
    parents = {own.training.parent} if own is not None and own.training.approach in TUNED else ()
    if own is None or known not in {*own.measured_as, *parents}:
        mine = "no snapshot" if own is None else own.id
        raise InfeasibleError(
            f"{asked.path}: {measured.id} trained {known}, and the job trains {mine}, which is not "
            "that model and states it neither as its parent nor as its shape (same_shape_as)"
        )
    if measured.runtime.mode != MODES.get(asked.method):
        raise InfeasibleError(
            f"{asked.path}: {measured.id} is a step by method '{measured.runtime.mode}', and the "
            f"job's is '{asked.method}'"
        )
    hardware, instance = measured.hardware, asked.instance
    there = hardware.name if hardware.accelerator_count else None
    if there != instance.accelerator:
        raise InfeasibleError(
            f"{asked.path}: {measured.id} was measured on {hardware.name}, and "
            f"{instance.instance_type} has {instance.accelerator or 'no accelerator'}"
        )
    if instance.accelerator_count < hardware.accelerator_count:
        raise InfeasibleError(
            f"{asked.path}: {measured.id} took {hardware.accelerator_count} {hardware.name}, and "
            f"{instance.instance_type} has {instance.accelerator_count}; fewer were not measured"
        )
