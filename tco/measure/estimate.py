"""Curves for hardware that nobody measured: carried over from the nearest that somebody did.

A roofline: the part of a batch that does not grow, and the sequences of a step, ride on memory
bandwidth; each item of a classic batch and each prompt token on compute; cache on bandwidth. Much
of what seems to ride on bandwidth is host work, which another card leaves as it is, so that ratio
counts with its square root. How far this misses is measured: every hardware of the published tables
is foretold from the most similar other one, and the mean miss stands beside each estimate. (The
root was chosen on the same tables, among other powers; so the miss is a little flattering.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from tco.domain.curve import (
    Accuracy,
    BatchStage,
    Coefficient,
    Line,
    ServiceCurve,
    SizeCurve,
    StepLine,
    StepStage,
)
from tco.domain.hardware import Accelerator
from tco.domain.measured import Measured
from tco.domain.measurement import Architecture
from tco.domain.record import Evidence
from tco.errors import MissingFigureError
from tco.measure.curve import fit_curve, runtime_of
from tco.measure.curve_fit import Array
from tco.measure.curve_roofline import Roofline, peak_tflops
from tco.measure.curve_step import is_of_steps, sequences_of, step_seconds


@dataclass(frozen=True, slots=True)
class Ratios:
    """By what the parts of a curve are multiplied on other hardware [-]."""

    memory: float
    """Bandwidth there was, over bandwidth there is."""
    compute: float
    power: float | None
    """Board limit there is, over board limit there was."""

    @property
    def damped_memory(self) -> float:
        """The square root of the memory ratio, for what is half host work."""
        return math.sqrt(self.memory)

    @classmethod
    def between(cls, source: Roofline, target: Roofline) -> Ratios:
        """Compare two sets of accelerators."""
        power = None
        if source.peak_w is not None and target.peak_w is not None:
            power = target.peak_w / source.peak_w
        return cls(
            memory=source.bytes_per_s / target.bytes_per_s,
            compute=source.operations_per_s / target.operations_per_s,
            power=power,
        )

    @property
    def distance(self) -> float:
        """How unlike the two are, in logarithms of both ratios."""
        return abs(math.log(self.memory)) + abs(math.log(self.compute))


@dataclass(frozen=True, slots=True)
class TransferErrors:
    """Misses of estimates for hardware left out, one for each that could be foretold [-]."""

    batch_seconds: tuple[float, ...]
    step_seconds: tuple[float, ...]
    step_joules: tuple[float, ...]
    batch_furthest: float
    """Distance of the most unlike pair among them, see ``Ratios.distance``."""
    step_furthest: float

    def furthest_of(self, kind: str) -> float:
        """Return the distance beyond which no pair has told how far an estimate misses."""
        return self.batch_furthest if kind == "batch" else self.step_furthest

    def seconds_of(self, kind: str) -> tuple[float, ...]:
        """Return the misses of seconds for one kind of curve."""
        return self.batch_seconds if kind == "batch" else self.step_seconds


def figures_of(measured: Measured, known: Mapping[str, Accelerator]) -> Roofline | None:
    """Return the roofline of a measurement's hardware, if its data sheet is known."""
    found = known.get(measured.hardware.name)
    if found is None or found.memory_gb_per_s is None:
        return None
    if peak_tflops(found, measured.precision) is None:
        return None
    return Roofline(found, measured.hardware.accelerator_count, measured.precision)


def nearest_measured(
    candidates: Iterable[Measured], target: Roofline, known: Mapping[str, Accelerator]
) -> tuple[Measured, Ratios] | None:
    """Return the measurement on the most similar hardware, if there is any."""
    found = [
        (measured, Ratios.between(source, target))
        for measured in candidates
        if (source := figures_of(measured, known)) is not None
    ]
    return min(found, key=lambda pair: (pair[1].distance, pair[0].id), default=None)


def carried_over(
    curve: ServiceCurve, ratios: Ratios, target: Roofline, errors: TransferErrors
) -> ServiceCurve:
    """Return the curve for other hardware, graded ``estimated``, its measured error widened."""
    misses = errors.seconds_of(curve.kind)
    miss = mean(misses)
    how = (
        f"estimated for {target.count} x {target.accelerator.name} from "
        f"{curve.accelerator_count} x {curve.accelerator} by a roofline; with one "
        f"hardware left out such estimates miss by {miss:.0%} on average, "
        f"{max(misses):.0%} at worst ({len(misses)} published cases)"
    )
    joules_kept = curve.step is not None and ratios.power is not None and bool(errors.step_joules)
    step, batch = None, None
    if curve.step is not None:
        joules = curve.step.joules if joules_kept else None
        step = StepStage(
            seconds=_step(curve.step.seconds, ratios, 1.0, miss, how),
            joules=None
            if joules is None
            else _step(joules, ratios, ratios.power or 1.0, mean(errors.step_joules), how),
        )
    if curve.batch is not None:
        batch = BatchStage(sizes=tuple(_size(s, ratios, miss) for s in curve.batch.sizes))
    return curve.model_copy(
        update={
            "accelerator": target.accelerator.name,
            "accelerator_count": target.count,
            "batch": batch,
            "step": step,
            "energy_scope": curve.energy_scope if joules_kept else None,
            "energy_evidence": Evidence.ESTIMATED if joules_kept else None,
            "idle_w": None,
            "load_s": None,
            "front_end": None,
            "evidence": Evidence.ESTIMATED,
            "sources": (how, *curve.sources),
        }
    )


def transfer_errors(
    sweeps: Sequence[Measured],
    known: Mapping[str, Accelerator],
    architectures: Mapping[str, Architecture],
) -> TransferErrors:
    """Foretell every hardware of the sweeps from the nearest other one."""
    misses: dict[str, list[float]] = {"batch": [], "step": [], "joules": []}
    furthest = {"batch": 0.0, "step": 0.0}
    for measured in sweeps:
        target = figures_of(measured, known)
        if target is None:
            continue
        others = [
            other
            for other in sweeps
            if is_same_work(other, measured) and other.hardware.name != measured.hardware.name
        ]
        found = nearest_measured(others, target, known)
        if found is not None:
            source, ratios = found
            _note_misses(misses, source, measured, ratios, known, architectures)
            kind = "step" if is_of_steps(measured) else "batch"
            furthest[kind] = max(furthest[kind], ratios.distance)
    if not misses["batch"] or not misses["step"]:
        raise MissingFigureError(
            "the published sweeps hold no snapshot on two kinds of hardware with known figures: "
            "the error of an estimate cannot be measured, and without it none is made"
        )
    return TransferErrors(
        batch_seconds=tuple(misses["batch"]),
        step_seconds=tuple(misses["step"]),
        step_joules=tuple(misses["joules"]),
        batch_furthest=furthest["batch"],
        step_furthest=furthest["step"],
    )


def is_same_work(one: Measured, other: Measured) -> bool:
    """Tell whether two measurements differ in nothing but their hardware."""
    sizes = [{point.input_size for point in measured.points} for measured in (one, other)]
    return (
        one.subject.snapshot == other.subject.snapshot
        and runtime_of(one) == runtime_of(other)
        and one.precision == other.precision
        and is_of_steps(one) == is_of_steps(other)
        and (is_of_steps(one) or bool(sizes[0] & sizes[1]))
    )


def _note_misses(
    misses: dict[str, list[float]],
    source: Measured,
    target: Measured,
    ratios: Ratios,
    known: Mapping[str, Accelerator],
    architectures: Mapping[str, Architecture],
) -> None:
    """Foretell one measurement from another and keep the mean misses."""
    if is_of_steps(target) and len(source.points) == 1:
        # One running batch: all of its step counts as base.
        foretold = step_seconds(source, source.points[0]) * ratios.damped_memory
        seen = np.array([step_seconds(target, point) for point in target.points])
        misses["step"].append(_mean_miss(np.full(seen.size, foretold), seen))
        return
    curve = fit_curve(
        source,
        architecture=architectures.get(source.subject.snapshot),
        accelerator=known.get(source.hardware.name),
    )
    if curve.step is None:
        assert curve.batch is not None
        batches = np.array([point.batch for point in target.points], dtype=np.float64)
        seen = np.array([point.seconds.typical for point in target.points])
        moved = _size(curve.batch.sizes[0], ratios, 0.0).seconds
        misses["batch"].append(_mean_miss(moved.at(batches), seen))
        return
    sequences = np.array([sequences_of(point) for point in target.points])
    cache = sequences * np.array([(point.output_tokens or 0.0) / 2 for point in target.points])
    seen = np.array([step_seconds(target, point) for point in target.points])
    moved_step = _step(curve.step.seconds, ratios, 1.0, 0.0, "")
    misses["step"].append(_mean_miss(moved_step.at(sequences, cache), seen))
    energies = [point.energy for point in target.points]
    if curve.step.joules is not None and ratios.power is not None and all(energies):
        joules = np.array([energy.joules for energy in energies if energy is not None])
        moved_step = _step(curve.step.joules, ratios, ratios.power, 0.0, "")
        misses["joules"].append(_mean_miss(moved_step.at(sequences, cache), joules))


def _mean_miss(foretold: Array, seen: Array) -> float:
    return float(np.mean(np.abs(foretold / seen - 1)))


def _size(curve: SizeCurve, ratios: Ratios, miss: float) -> SizeCurve:
    """Move a batch curve: what does not grow with memory, each item with compute."""
    return SizeCurve(
        input_size=curve.input_size,
        seconds=_line(curve.seconds, ratios.damped_memory, ratios.compute),
        accuracy=_widened(curve.accuracy, miss),
        # Joules of classic models have no published pairs to measure an error on: left out.
        joules=None,
        joules_accuracy=None,
    )


def _line(line: Line, base: float, slope: float) -> Line:
    after = None if line.slope_after is None else line.slope_after * slope
    return Line(base=line.base * base, slope=line.slope * slope, knee=line.knee, slope_after=after)


def _step(line: StepLine, ratios: Ratios, power: float, miss: float, how: str) -> StepLine:
    """Move a step: weights, sequences and cache with memory, prompts with compute."""

    def moved(coefficient: Coefficient, ratio: float) -> Coefficient:
        return Coefficient(
            value=coefficient.value * ratio * power,
            evidence=Evidence.ESTIMATED,
            source=how or coefficient.source,
        )

    after = line.per_sequence_after
    return StepLine(
        base=moved(line.base, ratios.damped_memory),
        per_sequence=moved(line.per_sequence, ratios.damped_memory),
        knee_sequences=line.knee_sequences,
        per_sequence_after=None if after is None else moved(after, ratios.damped_memory),
        per_kv_token=moved(line.per_kv_token, ratios.memory),
        per_prefill_token=moved(line.per_prefill_token, ratios.compute),
        accuracy=_widened(line.accuracy, miss),
    )


def _widened(accuracy: Accuracy, miss: float) -> Accuracy:
    return accuracy.model_copy(update={"transfer_error": miss})
