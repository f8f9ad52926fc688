"""How well fitted curves foretell points of published sweeps that they have not seen.

One line a sweep of three batches or more, then the medians over all left-out points against their
targets, and the misses of estimates for hardware left out. Targets are looked at, not asserted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np

from tco.domain.curve import LEAST_FOR_ERROR
from tco.domain.measured import Kind, Measured, Point
from tco.measure.curve_fit import best_line
from tco.measure.curve_step import step_seconds
from tco.measure.library import Measurements
from tco.prices import Catalog

Figure = Callable[[Measured, Point], float]
PUBLISHED = "published"


def _gap(_: Measured, point: Point) -> float:
    return point.seconds.typical


def _joules(_: Measured, point: Point) -> float:
    assert point.energy is not None
    return point.energy.joules


FIGURES: tuple[tuple[str, Kind, Figure, float | None], ...] = (
    ("time per token, between tokens", Kind.LLM, _gap, 0.08),
    ("time per token, of the whole rate (what curves hold)", Kind.LLM, step_seconds, 0.08),
    ("joules per token", Kind.LLM, _joules, 0.11),
    ("classic latency of a batch", Kind.CLASSIC, _gap, 0.065),
)


def report(sweeps: Sequence[Measured], title: str, figure: Figure, target: float | None) -> None:
    """Print one figure of all sweeps."""
    print(f"\n{title}\n{'':2}{'sweep':64}{'points':>7}{'in sample':>11}{'left out':>10}  knee at")
    points, inside, outside = [], [], []
    for measured in sweeps:
        numbers = np.array([point.batch for point in measured.points], dtype=float)
        seen = np.array([figure(measured, point) for point in measured.points])
        line, misses = best_line(numbers, seen)
        if misses is None:
            continue
        inside.append(float(np.mean(np.abs(line.at(numbers) / seen - 1))))
        outside.append(float(np.mean(misses)))
        points += misses.tolist()
        knee = "" if line.knee is None else f"{line.knee:.0f}"
        counts = f"{seen.size:7d}{inside[-1]:11.1%}{outside[-1]:10.1%}"
        print(f"  {measured.id[:63]:64}{counts}  {knee}")
    aim = "" if target is None else f"   target {target:.1%}"
    print(
        f"  {len(outside)} sweeps, {len(points)} points: median of points left out "
        f"{median(points):.1%}{aim}\n"
        f"  median over sweeps of their means: in sample {median(inside):.1%}, left out "
        f"{median(outside):.1%}; nine in ten points within {np.quantile(points, 0.9):.1%}"
    )


def main() -> None:
    """Print the tables."""
    known = Catalog.load(Path("pricing")).accelerators
    measurements = Measurements.load(Path("benchmarks")).with_hardware(known)
    published = [m for m in measurements.sweeps if m.evidence.value == PUBLISHED]
    for title, kind, figure, target in FIGURES:
        wanted = [
            m
            for m in published
            if m.kind is kind and len({point.batch for point in m.points}) >= LEAST_FOR_ERROR
        ]
        report(wanted, title, figure, target)
    errors = measurements.transfer_errors
    print("\nestimates for hardware left out")
    for title, misses in (
        ("classic latency", errors.batch_seconds),
        ("time per token", errors.step_seconds),
        ("joules per token", errors.step_joules),
    ):
        print(
            f"  {title:20}{len(misses):3d} cases   mean {mean(misses):5.0%}   "
            f"median {median(misses):5.0%}   worst {max(misses):5.0%}"
        )


if __name__ == "__main__":
    main()
