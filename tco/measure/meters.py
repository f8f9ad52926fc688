"""Chooses how energy is read: a counter of the boards or packages first, a model last, or none."""

from __future__ import annotations

from dataclasses import dataclass

from tco.errors import NotFoundError, TcoError
from tco.measure.codecarbon_meter import open_codecarbon
from tco.measure.meter import Meter, NoMeter, SourceMeter
from tco.measure.nvml_meter import NvmlSource, open_nvml
from tco.measure.rapl_meter import open_rapl

AUTO = "auto"
NONE = "none"
CHOICES = (AUTO, "nvml", "rapl", "codecarbon", NONE)


@dataclass(frozen=True, slots=True)
class Meters:
    """The meter chosen, the boards if there are any, and what is said of the others."""

    meter: Meter
    boards: NvmlSource | None
    missing: dict[str, str]


def open_meters(choice: str = AUTO, *, country: str | None = None) -> Meters:
    """Open the meter of a name, or by 'auto' the best that works here.

    Raises:
        TcoError: When a meter asked for by name does not work here.
    """
    if choice not in CHOICES:
        raise NotFoundError("meter", choice, CHOICES, f"Choose one of {', '.join(CHOICES)}.")
    boards = open_nvml()
    found_boards = boards if isinstance(boards, NvmlSource) else None
    if choice == NONE:
        return Meters(NoMeter("no meter was asked for"), found_boards, {})
    missing: dict[str, str] = {}
    for name in CHOICES[1:-1]:
        if choice in (AUTO, name):
            opened = _open(name, boards, country)
            if not isinstance(opened, str):
                return Meters(opened, found_boards, missing)
            missing[name] = opened
    if choice != AUTO:
        raise TcoError(f"the meter '{choice}' does not work here: {missing[choice]}")
    return Meters(NoMeter("; ".join(missing.values())), found_boards, missing)


def _open(name: str, boards: NvmlSource | str, country: str | None) -> Meter | str:
    if name == "codecarbon":
        return open_codecarbon(country)
    source = boards if name == "nvml" else open_rapl()
    return source if isinstance(source, str) else SourceMeter(source)
