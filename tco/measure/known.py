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
"""Hardware that the shipped use cases choose among."""
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
    is_reference: bool = False
    """Whether weights were random, its own or those of a sweep that an estimate rests on."""

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Better ones come first: by grade, curves before points, fewer accelerators."""
        return (self.grade.rank, not self.is_curve, self.accelerators)

    @property
    def words(self) -> str:
        """Say it in a cell of a table."""
        form = "curve" if self.is_curve else "point"
        cards = f", {self.accelerators} cards" if self.accelerators > 1 else ""
        weights = ", random weights" if self.is_reference else ""
        return f"{self.grade.value} {form}{cards}{weights}"


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
        snapshot, sweep = one.subject.snapshot, is_sweep(one)
        yield Known(snapshot, name, count, one.evidence, sweep, is_reference=one.is_reference)


def is_sweep(measured: Measured) -> bool:
    """Tell whether a measurement shows speed at more than one batch."""
    return len({point.batch or point.concurrency for point in measured.points}) > 1


def _estimated(measurements: Measurements, hardware: Collection[str]) -> Iterable[Known]:
    sweeps: dict[tuple[str, int, str, str], bool] = {}
    for one in measurements.servings:
        if is_sweep(one) and one.hardware.accelerator_count > 0:
            count = one.hardware.accelerator_count
            key = one.subject.snapshot, count, runtime_of(one), one.precision
            sweeps[key] = sweeps.get(key, False) or one.is_reference
    for (snapshot, count, runtime, precision), is_reference in sorted(sweeps.items()):
        for name in hardware:
            try:
                measurements.estimate(snapshot, name, count, runtime, precision)
            except MissingFigureError:
                continue
            yield Known(
                snapshot, name, count, Evidence.ESTIMATED, is_curve=True, is_reference=is_reference
            )


def table(measurements: Measurements, hardware: Collection[str] = COMPARED) -> list[list[str]]:
    """Return the pairs as rows of text: the first row and the first column are names."""
    rows = [["snapshot", *hardware]]
    for snapshot, own in best_known(measurements, hardware).items():
        cells = [own[name].words if name in own else MISSING for name in hardware]
        rows.append([snapshot, *cells])
    return rows


PAGE = """\
# What is known of which snapshot on which hardware

Written from the measurements by `make golden`; `tco measure list --by-hardware` prints the same
table with your own beside it.

A **curve** knows the time of every batch or step, a **point** one way of serving alone. *measured*
is ours (`benchmarks/measurements`), *published* somebody else's (`benchmarks/published`),
*estimated* is carried over from the most similar hardware, and its mean miss stands beside it
wherever it is used. An empty cell is missing: nobody published it in these tables, and no sweep
lies near enough to be carried over with a known error. Of several ways the best is shown; runtimes
and precisions differ, as the tables themselves say. Whether a model fits is another question.

"""


def page(measurements: Measurements) -> str:
    """Return the page on what the measurements carry."""
    head, *rows = table(measurements)
    lines = [head, ["---"] * len(head), *([f"`{row[0]}`", *row[1:]] for row in rows)]
    return PAGE + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
