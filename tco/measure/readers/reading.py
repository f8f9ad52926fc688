"""What a reader hands back, and what a person has to say where a file does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tco.domain.measured import Kind, Point, Spread
from tco.measure.readers.content import Content, Fields
from tco.units import MILLISECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class About:
    """What a person says of a result; it goes before what the file says."""

    snapshot: str
    accelerator: str | None = None
    accelerator_count: int | None = None
    runtime: str | None = None
    precision: str | None = None
    batch: float | None = None
    concurrency: float | None = None
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds, in our units."""

    tool: str
    kind: Kind
    measured_in: Literal["process", "server"]
    points: tuple[Point, ...]
    model: str | None = None
    runtime: str | None = None
    runtime_version: str | None = None
    precision: str | None = None
    hardware: str | None = None
    accelerator_count: int | None = None
    load_times_s: tuple[float, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """A module for one format."""

    TOOL: str

    def recognises(self, content: Content) -> bool:
        """Tell by the content whether the file is of this format."""
        ...

    def read(self, content: Content, about: About) -> Reading:
        """Read the file, or raise with field, expectation and finding."""
        ...


def spread_ms(fields: Fields, name: str, *, calls: int | None = None) -> Spread | None:
    """Read mean_NAME_ms, median_NAME_ms, p90_NAME_ms ... as seconds."""
    names = {
        "mean": f"mean_{name}_ms",
        "median": f"median_{name}_ms",
        **{quantile: f"{quantile}_{name}_ms" for quantile in ("p90", "p95", "p99")},
    }
    return spread_of(fields, names, 1 / MILLISECONDS_PER_SECOND, calls=calls)


def spread_of(
    fields: Fields, names: dict[str, str], seconds_per_unit: float, *, calls: int | None = None
) -> Spread | None:
    """Read quantiles by the names that they have in a file; nothing where none is above 0."""
    found = {
        ours: value * seconds_per_unit
        for ours, theirs in names.items()
        if (value := fields.maybe_positive(theirs)) is not None
    }
    if "mean" not in found and "median" not in found:
        return None
    quantiles = [found[name] for name in ("median", "p90", "p95", "p99") if name in found]
    if quantiles != sorted(quantiles):
        raise fields.refusal(
            names.get("median", names.get("p90", "")),
            f"expected quantiles in order, found {quantiles}",
            "the file contradicts itself",
        )
    return Spread.model_validate({**found, "calls": calls})


def numbers_of(values: Sequence[float]) -> Spread:
    """Summarise single times [s]."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Spread(
        mean=sum(ordered) / len(ordered),
        median=at(0.5),
        p90=at(0.9),
        p95=at(0.95),
        p99=at(0.99),
        calls=len(ordered),
    )
