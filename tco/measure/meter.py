"""Energy of a window of work: what a power source told before, during and after it.

A source says what its boards or packages read at one instant. A meter brackets a window with two
readings, samples between them, and gives joules or the reason why there are none: a source that
vanished, a counter that ran backwards or stood still, samples too far apart. Nothing is guessed.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from tco.domain.measured import EnergyMethod, EnergyScope
from tco.domain.record import Evidence

SAMPLE_EVERY_S = 0.1
LARGEST_GAP_S = 3.0
SHORTEST_WINDOW_S = 1.0
"""Counters move in steps of up to 0.1 s: a shorter window is noise."""
AGREES_WITHIN = 0.10
"""Sampled power and the counter should tell the same; more apart is said."""
HOT_BY_C = 5.0


class MeterLostError(Exception):
    """A power source stopped answering; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one board or processor package told."""

    name: str
    counter_j: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttled_by: tuple[str, ...] = ()
    process_gib: float | None = None
    """Device memory that this process holds there [GiB]."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All parts of a source at one instant."""

    at_s: float
    parts: tuple[Part, ...]


class Source(Protocol):
    """Something that can be read for energy or power."""

    @property
    def name(self) -> str:
        """What it is, in words."""

    @property
    def scope(self) -> EnergyScope:
        """Whose energy it counts."""

    def read(self) -> Reading:
        """Read every part now; raises ``MeterLostError`` when one does not answer."""


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """Joules of one window, or why they are withheld."""

    joules: float | None
    scope: EnergyScope | None
    method: EnergyMethod | None
    evidence: Evidence
    window_s: float
    withheld: str | None = None
    notes: tuple[str, ...] = ()
    device_gib: float | None = None
    """The most device memory that this process was seen to hold [GiB]."""

    @classmethod
    def none(cls, reason: str, window_s: float = 0.0) -> WindowEnergy:
        """Build the answer of a window without joules."""
        return cls(None, None, None, Evidence.MEASURED, window_s, withheld=reason)


class Meter(Protocol):
    """Brackets windows of work."""

    @property
    def name(self) -> str:
        """What is read, in words."""

    def start(self) -> None:
        """Begin a window."""

    def stop(self) -> WindowEnergy:
        """End it."""


class NoMeter:
    """No way to read energy on this machine; measurements go on and say so."""

    name = "none"

    def __init__(self, reason: str = "no energy meter on this machine") -> None:
        self._reason = reason

    def start(self) -> None:
        """Begin a window."""

    def stop(self) -> WindowEnergy:
        """End it without joules."""
        return WindowEnergy.none(self._reason)


@dataclass
class SourceMeter:
    """Brackets windows with readings of a source, and samples it in between."""

    source: Source
    every_s: float = SAMPLE_EVERY_S
    start_sampler: Callable[[Callable[[], None], float], Callable[[], None]] | None = None
    _readings: list[Reading] = field(default_factory=list)
    _lost: str | None = None
    _end_sampler: Callable[[], None] = field(default=lambda: None)

    @property
    def name(self) -> str:
        """What is read."""
        return self.source.name

    def start(self) -> None:
        """Begin a window."""
        self._readings, self._lost = [], None
        self._sample()
        self._end_sampler = (self.start_sampler or sample_in_thread)(self._sample, self.every_s)

    def stop(self) -> WindowEnergy:
        """End it and work out its joules."""
        self._end_sampler()
        self._sample()
        if self._lost is not None:
            return WindowEnergy.none(self._lost)
        found = energy_of(self._readings, self.source.scope)
        return replace(found, device_gib=_most_held(self._readings))

    def _sample(self) -> None:
        if self._lost is not None:
            return
        try:
            self._readings.append(self.source.read())
        except MeterLostError as error:
            self._lost = str(error)


def sample_in_thread(sample: Callable[[], None], every_s: float) -> Callable[[], None]:
    """Call ``sample`` from a thread until the returned function is called."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every_s):
            sample()

    thread = threading.Thread(target=run, name="power-sampler", daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end


def energy_of(readings: Sequence[Reading], scope: EnergyScope) -> WindowEnergy:
    """Work out a window's joules from its readings: by counter first, by sampled power second."""
    window_s = readings[-1].at_s - readings[0].at_s
    reason = _unusable(readings, window_s)
    if reason is not None:
        return WindowEnergy.none(reason, window_s)
    notes = _conditions(readings)
    sampled_j, no_power = _by_power(readings)
    counted_j, no_counter = _by_counter(readings)
    if counted_j is not None:
        if sampled_j is not None and abs(sampled_j - counted_j) > AGREES_WITHIN * counted_j:
            apart = sampled_j / counted_j - 1
            notes = (*notes, f"sampled power tells {apart:+.0%} of what the counter does")
        method = EnergyMethod.COUNTER
        return WindowEnergy(counted_j, scope, method, Evidence.MEASURED, window_s, notes=notes)
    if no_counter is not None:  # a counter that is there and wrong is no reason to trust the sensor
        return WindowEnergy.none(no_counter, window_s)
    if sampled_j is not None:
        method = EnergyMethod.SAMPLED_POWER
        return WindowEnergy(sampled_j, scope, method, Evidence.MEASURED, window_s, notes=notes)
    return WindowEnergy.none(no_power or "neither a counter nor power can be read", window_s)


def _unusable(readings: Sequence[Reading], window_s: float) -> str | None:
    if window_s < SHORTEST_WINDOW_S:
        return f"the window of {window_s:.2f} s is shorter than {SHORTEST_WINDOW_S:g} s"
    names = [tuple(part.name for part in reading.parts) for reading in readings]
    missing = {name for name in names[0] if any(name not in told for told in names)}
    if missing:
        return f"{', '.join(sorted(missing))} vanished during the window"
    if not names[0] or any(other != names[0] for other in names):
        return "the parts that answer changed during the window"
    return None


def _by_counter(readings: Sequence[Reading]) -> tuple[float | None, str | None]:
    """Return joules, or why a counter that is there cannot be trusted; neither if there is none."""
    total_j = 0.0
    for number, part in enumerate(readings[0].parts):
        seen = [reading.parts[number].counter_j for reading in readings]
        if all(value is None for value in seen):
            return None, None
        known = [value for value in seen if value is not None]
        if len(known) < len(seen):
            return None, f"the energy counter of {part.name} stopped answering"
        if any(later < earlier for earlier, later in itertools.pairwise(known)):
            return None, f"the energy counter of {part.name} ran backwards"
        if known[-1] == known[0]:
            return None, f"the energy counter of {part.name} stood still"
        total_j += known[-1] - known[0]
    return total_j, None


def _by_power(readings: Sequence[Reading]) -> tuple[float | None, str | None]:
    times_s = np.array([reading.at_s for reading in readings])
    gap_s = float(np.diff(times_s).max())
    if gap_s > LARGEST_GAP_S:
        return None, f"power was not sampled for {gap_s:.1f} s"
    total_j = 0.0
    for number, part in enumerate(readings[0].parts):
        watts = [reading.parts[number].power_w for reading in readings]
        known = [value for value in watts if value is not None]
        if not known:
            return None, None
        if len(known) < len(watts):
            return None, f"the power sensor of {part.name} stopped answering"
        if not any(known):
            return None, f"the power sensor of {part.name} reads 0 W"
        total_j += float(np.trapezoid(known, times_s))
    return total_j, None


def _conditions(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Say what else moved: heat, clocks held down."""
    notes = []
    for number, part in enumerate(readings[0].parts):
        series = [reading.parts[number] for reading in readings]
        warm = [p.temperature_c for p in series if p.temperature_c is not None]
        if warm and warm[-1] - warm[0] > HOT_BY_C:
            notes.append(f"{part.name} warmed from {warm[0]:.0f} to {warm[-1]:.0f} C")
        clocks = [p.clock_mhz for p in series if p.clock_mhz is not None]
        if clocks:
            notes.append(f"{part.name} ran at {min(clocks):.0f} to {max(clocks):.0f} MHz")
        throttled = sorted({reason for p in series for reason in p.throttled_by})
        if throttled:
            notes.append(f"{part.name} was held back by {', '.join(throttled)}")
    return tuple(notes)


def _most_held(readings: Sequence[Reading]) -> float | None:
    held = [[p.process_gib for p in r.parts if p.process_gib is not None] for r in readings]
    return max((sum(parts) for parts in held if parts), default=None)


def monotonic_s() -> float:
    """Return the clock of all windows [s]."""
    return time.perf_counter()
