"""Measurements made by hand for the tests of curves, estimates and readers."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from tco.domain.curve import ServiceCurve
from tco.domain.hardware import Accelerator, Precision
from tco.domain.measured import (
    Energy,
    EnergyMethod,
    EnergyScope,
    Hardware,
    Kind,
    Measured,
    Phase,
    Point,
    Runtime,
    Spread,
    Subject,
    Unit,
)
from tco.domain.measurement import Architecture
from tco.domain.record import Evidence
from tco.measure.curve import fit_curve
from tco.measure.library import Measurements
from tco.prices import Catalog
from tests.conftest import ROOT

TODAY = "2026-11-21"


@cache
def shipped() -> Measurements:
    known = Catalog.load(ROOT / "pricing").accelerators
    return Measurements.load(ROOT / "benchmarks").with_hardware(known)


def measured(points: Iterable[Point], **changes: Any) -> Measured:
    fields: dict[str, Any] = {
        "format": "measurement/1",
        "id": "made-by-hand",
        "kind": Kind.CLASSIC,
        "subject": Subject(snapshot="net", source="made by hand", weights="trained"),
        "hardware": Hardware(name="Card", accelerator_count=1),
        "runtime": Runtime(name="rt"),
        "precision": "fp16",
        "measured_in": "server",
        "evidence": Evidence.IMPORTED,
        "source": "made by hand",
        "points": tuple(points),
    }
    return Measured.model_validate(fields | changes)


def batch(number: float, seconds: float, joules: float | None = None, **changes: Any) -> Point:
    fields: dict[str, Any] = {
        "phase": Phase.FORWARD,
        "batch": number,
        "seconds": Spread(median=seconds),
        "throughput_unit": Unit.ITEMS,
        "energy": None if joules is None else energy(joules),
    }
    return Point.model_validate(fields | changes)


def decode(sequences: float, seconds: float, joules: float | None = None, **changes: Any) -> Point:
    fields: dict[str, Any] = {"phase": Phase.DECODE, "throughput_unit": Unit.TOKENS}
    return batch(sequences, seconds, joules, **(fields | changes))


def energy(joules: float, scope: EnergyScope = EnergyScope.BOARD) -> Energy:
    return Energy(
        joules=joules, scope=scope, method=EnergyMethod.COUNTER, evidence=Evidence.IMPORTED
    )


def llm(points: Iterable[Point], **changes: Any) -> Measured:
    return measured(points, **({"kind": Kind.LLM} | changes))


def card(name: str = "Card", *, gb_per_s: float = 1000.0, tflops: float = 100.0) -> Accelerator:
    return Accelerator(
        name=name,
        maker="maker",
        memory_gb_per_s=gb_per_s,
        peak_tflops={Precision.BF16: tflops},
        peak_w=300.0,
        source="data sheet",
        evidence=Evidence.PUBLISHED,
    )


def architecture(**changes: Any) -> Architecture:
    fields: dict[str, Any] = {
        "snapshot": "net",
        "name": "Net",
        "parameters": 1e9,
        "active_parameters": None,
        "kv_bytes_per_token": 1e5,
        "evidence": Evidence.PUBLISHED,
        "source": "its configuration",
        "checked_on": TODAY,
    }
    return Architecture.model_validate(fields | changes)


def curve_of(points: Iterable[Point], **changes: Any) -> ServiceCurve:
    return fit_curve(measured(points, **changes))
