"""What the measurements carry: snapshots down, hardware across, and how well each pair is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tco.domain.measured import Measured
from tco.domain.record import Evidence
from tco.errors import MissingFigureError
from tco.measure.curve import runtime_of
from tco.measure.library import CPU, Measurements

COMPARED = ("T4", "L4", "L40S", "A100-40GB", "A100-80GB", "H100-SXM", "H200", "B200", CPU)
"""Hardware that the shipped scenarios choose among."""
MISSING = ""


@dataclass(frozen=True, slots=True)
class Known:
    """One way in which a snapshot is known on one hardware."""

    snapshot: str
    hardware: str
    accelerators: int
    grade: Evidence
    is_curve: bool
    """Whether speed is known over what is served at once, or at one operating point alone."""

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Better ones come first: by grade, curves before points, fewer accelerators."""
        return (self.grade.rank, not self.is_curve, self.accelerators)

    @property
    def words(self) -> str:
        """Say it in a cell of a table."""
        form = "curve" if self.is_curve else "point"
        cards = f", {self.accelerators} cards" if self.accelerators > 1 else ""
        return f"{self.grade.value} {form}{cards}"


def best_known(
    measurements: Measurements, hardware: Collection[str] = COMPARED
) -> dict[str, dict[str, Known]]:
    """Return the best of each snapshot and hardware; a pair that nobody can tell is absent.

    What nobody measured is estimated where the planner would: from a sweep on other hardware.
    """
    found: dict[str, dict[str, Known]] = {}
    for known in (*_seen(measurements), *_estimated(measurements, hardware)):
        if known.hardware in hardware:
            own = found.setdefault(known.snapshot, {})
            before = own.get(known.hardware)
            if before is None or known.rank < before.rank:
                own[known.hardware] = known
    return dict(sorted(found.items()))


def _seen(measurements: Measurements) -> Iterable[Known]:
    for row in measurements.rows:
        name = CPU if row.accelerator_count == 0 else row.accelerator
        yield Known(row.snapshot, name, row.accelerator_count, row.evidence, is_curve=False)
    for one in measurements.servings:
        count = one.hardware.accelerator_count
        name = CPU if count == 0 else one.hardware.name
        yield Known(one.subject.snapshot, name, count, one.evidence, is_curve=is_sweep(one))


def is_sweep(measured: Measured) -> bool:
    """Tell whether a measurement shows speed at more than one batch."""
    return len({point.batch or point.concurrency for point in measured.points}) > 1


def _estimated(measurements: Measurements, hardware: Collection[str]) -> Iterable[Known]:
    keys = {
        (one.subject.snapshot, one.hardware.accelerator_count, runtime_of(one), one.precision)
        for one in measurements.servings
        if is_sweep(one) and one.hardware.accelerator_count > 0
    }
    for snapshot, count, runtime, precision in sorted(keys):
        for name in hardware:
            try:
                measurements.estimate(snapshot, name, count, runtime, precision)
            except MissingFigureError:
                continue
            yield Known(snapshot, name, count, Evidence.ESTIMATED, is_curve=True)


def table(measurements: Measurements, hardware: Collection[str] = COMPARED) -> list[list[str]]:
    """Return the pairs as rows of text: the first row and the first column are names."""
    rows = [["snapshot", *hardware]]
    for snapshot, own in best_known(measurements, hardware).items():
        cells = [own[name].words if name in own else MISSING for name in hardware]
        rows.append([snapshot, *cells])
    return rows
