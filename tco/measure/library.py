"""Everything measured that the planner knows, looked up by what it was measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

from tco.domain.curve import ServiceCurve
from tco.domain.hardware import Accelerator
from tco.domain.measured import Kind, Measured
from tco.domain.measurement import Architecture, ConstantService
from tco.domain.record import Evidence, worse
from tco.errors import Finding, InputError, MissingFigureError, nearest
from tco.measure.curve import fit_curve, runtime_of
from tco.measure.curve_roofline import Roofline
from tco.measure.estimate import (
    TransferErrors,
    carried_over,
    nearest_measured,
    transfer_errors,
)
from tco.measure.measured_files import measured_files, read_measured
from tco.measure.published import constant_key, read_published, words_of

Key = tuple[str, str, int, str, str]
"""Snapshot, accelerator, count, runtime and precision: by these five a figure is chosen."""
ROUNDING = 1e-9
CPU = "CPU"
"""How deployments name a processor; which one a seller puts under it they do not say."""


@dataclass(frozen=True)
class Measurements:
    """Every operating point and every sweep: our own, imported and published."""

    rows: tuple[ConstantService, ...]
    digest: str
    sweeps: tuple[Measured, ...] = ()
    architectures: Mapping[str, Architecture] = field(default_factory=dict)
    accelerators: Mapping[str, Accelerator] = field(default_factory=dict)
    """Data-sheet figures by name: for what a sweep cannot show, and for estimates."""
    _with_hardware: list[Measurements] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    _fitted: dict[int, tuple[Measured, ServiceCurve]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Curves by the identity of their measurement, which is held so that it stays its own."""

    @classmethod
    def load(cls, folder: Path, *, overlays: Sequence[Path] = ()) -> Measurements:
        """Read the published tables and measurement files of a ``benchmarks/`` folder.

        Folders of a user's own hold measurement files only.

        Raises:
            InputError: With every problem of every file.
        """
        published = read_published(folder)
        own: list[Measured] = []
        findings: list[Finding] = []
        whole = hashlib.sha256(published.contents)
        for path in [file for place in (folder, *overlays) for file in measured_files(place)]:
            try:
                own.append(read_measured(path))
                whole.update(path.read_bytes())
            except InputError as error:
                findings += error.findings
        if findings:
            raise InputError(findings)
        return cls(
            rows=published.constants,
            digest=whole.hexdigest(),
            sweeps=(*own, *published.sweeps),
            architectures=published.architectures,
        )

    def with_hardware(self, accelerators: Mapping[str, Accelerator]) -> Measurements:
        """Return these measurements with the data-sheet figures of a price catalogue.

        Who asks again gets the same again, with the curves that are fitted already.
        """
        if accelerators == self.accelerators:
            return self
        if not self._with_hardware or self._with_hardware[0].accelerators != accelerators:
            self._with_hardware[:] = [replace(self, accelerators=accelerators)]
        return self._with_hardware[0]

    def known_of(self, snapshot: str, precision: str | None) -> tuple[Key, ...]:
        """Return every key under which a snapshot was measured serving, in one precision."""
        keys = [constant_key(row) for row in self.rows] + [key_of(m) for m in self.servings]
        return tuple(
            dict.fromkeys(
                (name, CPU if count == 0 else hardware, count, runtime, stated)
                for name, hardware, count, runtime, stated in keys
                if (name, stated) == (snapshot, precision)
            )
        )

    def constant_service(
        self, snapshot: str, accelerator: str, accelerator_count: int, runtime: str, precision: str
    ) -> ConstantService:
        """Return the point for exactly this snapshot, hardware, count, runtime and precision."""
        asked = (snapshot, accelerator, accelerator_count, runtime, precision)
        for row in self.rows:
            if constant_key(row) == asked:
                return row
        raise self._missing(asked)

    def curve(
        self, snapshot: str, accelerator: str, accelerator_count: int, runtime: str, precision: str
    ) -> ServiceCurve:
        """Return the curve of exactly this snapshot, hardware, count, runtime and precision.

        Of several measurements of the same five the best grade is taken, real weights before
        random ones, then behind a server before in process, then the one with more points.

        Raises:
            MissingFigureError: Nobody measured that; what is near is named.
        """
        asked = (snapshot, accelerator, accelerator_count, runtime, precision)
        found = [measured for measured in self.servings if _answers(measured, asked)]
        if not found:
            raise self._missing(asked)
        chosen = min(found, key=_preference)
        curve = self.fitted(chosen)
        if accelerator != CPU:
            return curve
        where = chosen.hardware.processor or chosen.hardware.name
        note = f"measured on {where}; the processor that is rented may be another one"
        return curve.model_copy(
            update={
                "accelerator": accelerator,
                "evidence": worse(curve.evidence, Evidence.ESTIMATED),
                "sources": (*curve.sources, note),
            }
        )

    def estimate(
        self, snapshot: str, accelerator: str, accelerator_count: int, runtime: str, precision: str
    ) -> ServiceCurve:
        """Return a curve carried over from the most similar hardware that was measured.

        Graded ``estimated``; its sources and error say how far such estimates miss.
        """
        if accelerator not in self.accelerators:
            raise MissingFigureError(
                f"pricing/hardware.csv has no '{accelerator}' to estimate with. Near it: "
                f"{nearest(accelerator, self.accelerators)}. Add its data-sheet figures"
            )
        target = Roofline(self.accelerators[accelerator], accelerator_count, precision)
        usable = [
            measured
            for measured in self.servings
            if measured.subject.snapshot == snapshot
            and runtime_of(measured) == runtime
            and measured.precision == precision
            and len({point.batch for point in measured.points}) > 1
        ]
        found = nearest_measured(usable, target, self.accelerators)
        if found is None:
            asked = words_of((snapshot, accelerator, accelerator_count, runtime, precision))
            raise MissingFigureError(
                f"nothing to estimate {asked} from: no sweep of this snapshot with this runtime "
                "and precision on hardware with known figures"
            )
        source, ratios = found
        curve, errors = self.fitted(source), self.transfer_errors
        if ratios.distance > errors.furthest_of(curve.kind) * (1 + ROUNDING):
            raise MissingFigureError(
                f"{accelerator_count} x {accelerator} is more unlike {source.hardware.name} than "
                f"any two kinds of hardware on which {snapshot} or another model was published: "
                "how far an estimate would miss is not known, so none is made"
            )
        return carried_over(curve, ratios, target, errors)

    def _missing(self, asked: Key) -> MissingFigureError:
        """Return the error that nobody measured something; what is near is named."""
        keys = [constant_key(row) for row in self.rows] + [key_of(m) for m in self.servings]
        near = _near(asked, tuple(keys))
        return MissingFigureError(
            f"no measurement of {words_of(asked)}. Near it: {near}. Measure it with 'tco measure "
            "run', import a result with 'tco measure import', or give the deployment a 'service' "
            "figure"
        )

    @cached_property
    def transfer_errors(self) -> TransferErrors:
        """How far estimates miss when one hardware of the sweeps is left out."""
        return transfer_errors(self.servings, self.accelerators, self.architectures)

    @cached_property
    def servings(self) -> tuple[Measured, ...]:
        """Every measurement of serving; those of training are left out."""
        return tuple(m for m in self.sweeps if m.kind is not Kind.TRAINING)

    @cached_property
    def trainings(self) -> dict[str, Measured]:
        """Every measurement of training, by its id."""
        return {m.id: m for m in self.sweeps if m.kind is Kind.TRAINING}

    def fitted(self, measured: Measured) -> ServiceCurve:
        """Return the curve of one measurement of serving; it is fitted once."""
        if id(measured) not in self._fitted:
            curve = fit_curve(
                measured,
                architecture=self.architectures.get(measured.subject.snapshot),
                accelerator=self.accelerators.get(measured.hardware.name),
            )
            self._fitted[id(measured)] = measured, curve
        return self._fitted[id(measured)][1]


def key_of(measured: Measured) -> Key:
    """Return the five things by which a curve is chosen."""
    hardware = measured.hardware
    return (
        measured.subject.snapshot,
        hardware.name,
        hardware.accelerator_count,
        runtime_of(measured),
        measured.precision,
    )


def _answers(measured: Measured, asked: Key) -> bool:
    key = key_of(measured)
    any_processor = asked[1] == CPU and measured.hardware.accelerator_count == 0
    return key == asked or (any_processor and (key[0], *key[2:]) == (asked[0], *asked[2:]))


def _preference(measured: Measured) -> tuple[int, bool, bool, int, str]:
    return (
        measured.evidence.rank,
        measured.is_reference,
        measured.measured_in == "process",
        -len(measured.points),
        measured.id,
    )


@lru_cache(maxsize=512)
def _near(asked: Key, keys: tuple[Key, ...]) -> str:
    """Name what is near; a plan asks the same again at every step of a slider."""
    same = dict.fromkeys(words_of(key) for key in keys if key[0] == asked[0])
    return "; ".join(same) or nearest(words_of(asked), [words_of(key) for key in keys])
