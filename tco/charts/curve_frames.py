"""From a measurement and its curve to the plain tables that they are drawn from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tco.charts.style import MOST_SERIES
from tco.domain.curve import Array, ServiceCurve
from tco.domain.measured import Measured
from tco.domain.record import Evidence
from tco.measure.curve import is_one_batch
from tco.measure.curve_step import seen_steps
from tco.measure.library import Measurements

ALL_CONTEXTS = "all lengths of cache"


@dataclass(frozen=True, slots=True)
class DrawnCurve:
    """Seen points and the fitted line at their settings, in tables as charts want them."""

    points: pd.DataFrame
    line: pd.DataFrame
    across: str
    axis: str


def drawn_curve(measured: Measured, curve: ServiceCurve) -> DrawnCurve:
    """Return the points of a measurement beside its curve, with the band of its error.

    A curve of batches is drawn over the batch, one line for each size of input; one of a language
    model's steps over the sequences in a step, at the lengths of cache that were measured.
    """
    if curve.step is not None:
        return _of_steps(measured, curve)
    return _of_batches(measured, curve)


def _of_batches(measured: Measured, curve: ServiceCurve) -> DrawnCurve:
    assert curve.batch is not None
    points, lines = [], []
    sizes = curve.batch.sizes[:: max(1, -(-len(curve.batch.sizes) // MOST_SERIES))]
    for size in sizes:
        words = "all inputs" if size.input_size is None else f"inputs of {size.input_size:g}"
        points += [
            (point.batch, point.seconds.typical, words)
            for point in measured.points
            if is_one_batch(point) and point.input_size == size.input_size
        ]
        numbers = np.array(size.accuracy.numbers, dtype=np.float64)
        fitted = curve.batch.seconds(numbers, size.input_size)
        errors = np.array([curve.relative_error(float(n), size.input_size) for n in numbers])
        lines.append(_line("batch", numbers, fitted, errors, words))
    seen = pd.DataFrame(points, columns=["batch", "value", "series"])
    return DrawnCurve(seen, pd.concat(lines, ignore_index=True), "batch", "seconds of a batch")


def _of_steps(measured: Measured, curve: ServiceCurve) -> DrawnCurve:
    assert curve.step is not None
    steps = seen_steps(measured)
    contexts = steps.contexts
    fitted = curve.step.seconds.at(steps.sequences, steps.sequences * contexts)
    errors = np.array([curve.relative_error(float(n)) for n in steps.sequences])
    few = len(set(contexts)) <= MOST_SERIES
    words = [f"cache of {c:,.0f} tokens" if few and c else ALL_CONTEXTS for c in contexts]
    seen = pd.DataFrame({"sequences": steps.sequences, "value": steps.seen, "series": words})
    line = pd.DataFrame(
        {"sequences": steps.sequences, "value": fitted, "error": errors, "series": words}
    )
    line = line.groupby(["series", "sequences"], sort=True, as_index=False).mean()
    parts = []
    for name, own in line.groupby("series", sort=False):
        numbers, values, misses = (own[c].to_numpy() for c in ("sequences", "value", "error"))
        parts.append(_line("sequences", numbers, values, misses, str(name)))
    return DrawnCurve(seen, pd.concat(parts, ignore_index=True), "sequences", "seconds of a step")


def _line(across: str, numbers: Array, fitted: Array, errors: Array, words: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            across: numbers,
            "value": fitted,
            "low": fitted * np.clip(1.0 - errors, 0.0, None),
            "high": fitted * (1.0 + errors),
            "series": words,
        }
    )


def points_table(measured: Measured) -> pd.DataFrame:
    """Return what was seen at each setting; what was not measured stays empty."""
    rows = []
    for point in measured.points:
        energy = point.energy
        rows.append(
            {
                "phase": point.phase.value,
                "batch": point.batch,
                "input_size": point.input_size,
                "cache_tokens": point.context_tokens,
                "at_a_time": point.concurrency,
                "seconds": point.seconds.typical,
                "p95_seconds": point.seconds.p95,
                "throughput_per_s": point.throughput_per_s,
                "counts": point.throughput_unit.value,
                "joules_per_call": None if energy is None else energy.joules,
                "energy_of": None if energy is None else energy.scope.value,
                "energy_grade": None if energy is None else energy.evidence.value,
                "why_no_energy": point.energy_withheld,
                "doubts": "; ".join(point.doubts),
            }
        )
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def measured_where(measurements: Measurements, snapshots: Collection[str] | None) -> pd.DataFrame:
    """Return snapshots down and hardware across: the best grade of each pair, and how many figures.

    Args:
        measurements: Everything measured.
        snapshots: Only these; all if None.
    """
    seen: list[tuple[str, str, Any]] = [
        (one.subject.snapshot, _hardware(one.hardware.name, one.hardware.accelerator_count), one)
        for one in measurements.servings
    ]
    seen += [
        (row.snapshot, _hardware(row.accelerator, row.accelerator_count), row)
        for row in measurements.rows
    ]
    grades: dict[tuple[str, str], list[Evidence]] = {}
    for snapshot, hardware, figure in seen:
        if snapshots is None or snapshot in snapshots:
            grades.setdefault((snapshot, hardware), []).append(figure.evidence)
    cells = [
        (snapshot, hardware, f"{min(known, key=lambda g: g.rank).value} ({len(known)})")
        for (snapshot, hardware), known in grades.items()
    ]
    table = pd.DataFrame(cells, columns=["snapshot", "hardware", "figure"])
    return table.pivot_table(
        index="snapshot", columns="hardware", values="figure", aggfunc="first", fill_value=""
    )


def _hardware(name: str, count: int) -> str:
    return name if count <= 1 else f"{count} x {name}"
