"""Runs a sweep: warm up, time calls back to back, repeat the whole sweep, say what is doubtful.

A pass goes through all settings and comes back for the next repeat, so that drift over minutes
shows as a spread between repeats. What is finished is kept when a person stops it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tco.domain.measured import (
    Effort,
    Energy,
    Idle,
    Phase,
    Point,
    Spread,
    Unit,
)
from tco.domain.record import worse
from tco.errors import TcoError
from tco.measure import doubts
from tco.measure.machine import HostPeak, OtherWork
from tco.measure.meter import Meter, NoMeter, WindowEnergy

FULL = Effort(quick=False, least_inferences=100, least_seconds=10.0, most_seconds=60.0, repeats=3)
QUICK = Effort(quick=True, least_inferences=10, least_seconds=0.6, most_seconds=10.0, repeats=2)
ENERGY_WINDOW_S = 5.0
LEAST_CALLS = 3
"""Calls a repeat; fewer have no middle."""
SETTLE_CALLS = 5
SETTLED_WITHIN = 0.05
IDLE_S = 5.0

Call = Callable[[], object]


class TooLargeError(Exception):
    """A setting does not fit the machine's memory; it is left out, and said."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of a sweep before it is measured."""

    phase: Phase
    batch: int
    items_per_call: float
    unit: Unit = Unit.ITEMS
    input_size: int | None = None
    context_tokens: float | None = None

    def __str__(self) -> str:
        size = "" if self.input_size is None else f", size {self.input_size}"
        context = "" if self.context_tokens is None else f", context {self.context_tokens:g}"
        return f"{self.phase.value} batch {self.batch}{size}{context}"


class Runner(Protocol):
    """A loaded model that can be called at the settings of its sweep."""

    def settings(self) -> Sequence[Setting]:
        """Give the sweep, smallest first."""

    def prepare(self, setting: Setting) -> Call:
        """Make the call that is timed: one batch, finished on the device when it returns."""

    def peak_device_gib(self) -> float | None:
        """Give the most device memory held since the last question, and begin anew [GiB]."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is."""

    done: int
    total: int
    next_setting: str
    left_s: float | None


@dataclass
class Swept:
    """What a sweep gave."""

    points: list[Point]
    idle: Idle | None
    notes: list[str]
    doubts: list[str]
    interrupted: bool
    others_processors: float | None


@dataclass
class _Repeats:
    """What was seen at one setting over the repeats so far."""

    setting: Setting
    durations_s: list[np.ndarray] = field(default_factory=list)
    windows: list[WindowEnergy] = field(default_factory=list)
    calls_in_windows: list[int] = field(default_factory=list)
    peak_host_gib: float | None = None
    peak_device_gib: float | None = None
    doubts: list[str] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


@dataclass
class Harness:
    """The settings of a run; times come from ``clock_s`` so that tests can tell it."""

    effort: Effort = FULL
    meter: Meter = field(default_factory=NoMeter)
    tell: Callable[[Progress], None] = lambda _progress: None
    clock_s: Callable[[], float] = time.perf_counter
    wait_s: Callable[[float], None] = time.sleep

    def sweep(self, runner: Runner) -> Swept:
        """Measure every setting of a runner.

        Raises:
            TcoError: When no setting could be measured.
        """
        notes: list[str] = []
        gathered = [_Repeats(setting) for setting in runner.settings()]
        idle, interrupted = None, False
        began = OtherWork.now()
        try:
            idle = self._idle(notes)
            self._passes(runner, gathered, notes)
        except KeyboardInterrupt:
            interrupted = True
            notes.append("stopped by hand")
        points = [self._point(found) for found in gathered if found.durations_s]
        if not points:
            raise TcoError("nothing was measured: " + ("; ".join(notes) or "no settings"))
        others = began.others_processors()
        found = doubts.of_sweep(points, others)
        return Swept(points, idle, notes, found, interrupted, others)

    def _passes(self, runner: Runner, gathered: list[_Repeats], notes: list[str]) -> None:
        total = len(gathered) * self.effort.repeats
        began_s, done = self.clock_s(), 0
        too_large: set[int] = set()
        for repeat in range(self.effort.repeats):
            for number, found in enumerate(gathered):
                if number in too_large:
                    continue
                spent_s = self.clock_s() - began_s
                left_s = spent_s / done * (total - done) if done else None
                self.tell(Progress(done, total, str(found.setting), left_s))
                try:
                    self._repeat(runner, found)
                except TooLargeError as error:
                    too_large.add(number)
                    total -= self.effort.repeats - repeat
                    notes.append(f"{found.setting} was left out: {error}")
                else:
                    done += 1
        self.tell(Progress(done, total, "", 0.0))

    def _repeat(self, runner: Runner, found: _Repeats) -> None:
        call = runner.prepare(found.setting)
        host = HostPeak.begin()
        runner.peak_device_gib()
        if not self._warm_up(call):
            found.doubts.append("did not settle in its warm-up")
        others = OtherWork.now()
        self.meter.start()
        try:
            durations_s = self._time(call, found.setting)
        finally:
            window = self.meter.stop()
        found.durations_s.append(durations_s)
        found.windows.append(window)
        found.calls_in_windows.append(len(durations_s))
        busy = others.others_processors()
        if busy is not None:
            found.others.append(busy)
        found.peak_host_gib = _larger(found.peak_host_gib, host.gib())
        device_gib = runner.peak_device_gib()
        if device_gib is None:
            device_gib = window.device_gib
        found.peak_device_gib = _larger(found.peak_device_gib, device_gib)

    def _warm_up(self, call: Call) -> bool:
        """Call until the last few take the same time; say whether they came to."""
        most_s = self.effort.most_seconds / self.effort.repeats / 2
        began_s = self.clock_s()
        last_s: list[float] = []
        while True:
            started_s = self.clock_s()
            call()
            now_s = self.clock_s()
            last_s = [*last_s[-SETTLE_CALLS + 1 :], now_s - started_s]
            spread_s = max(last_s) - min(last_s)
            if len(last_s) == SETTLE_CALLS and spread_s <= SETTLED_WITHIN * float(
                np.median(last_s)
            ):
                return True
            if now_s - began_s >= most_s:
                return False

    def _time(self, call: Call, setting: Setting) -> np.ndarray:
        """Time calls back to back until there are enough of them."""
        repeats = self.effort.repeats
        least_s = self.effort.least_seconds / repeats
        if not isinstance(self.meter, NoMeter):
            least_s = max(least_s, ENERGY_WINDOW_S)
        least = max(LEAST_CALLS, -(-self.effort.least_inferences // (repeats * setting.batch)))
        most_s = max(self.effort.most_seconds / repeats, least_s)
        durations_s: list[float] = []
        began_s = now_s = self.clock_s()
        while True:
            call()
            last_s, now_s = now_s, self.clock_s()
            durations_s.append(now_s - last_s)
            enough = len(durations_s) >= least and now_s - began_s >= least_s
            if enough or (now_s - began_s >= most_s and len(durations_s) >= LEAST_CALLS):
                return np.array(durations_s)

    def _idle(self, notes: list[str]) -> Idle | None:
        """Read the power of the loaded model before any work."""
        if isinstance(self.meter, NoMeter):
            return None
        self.meter.start()
        self.wait_s(IDLE_S)
        window = self.meter.stop()
        if window.joules is None or window.scope is None or window.method is None:
            notes.append(f"idle power is withheld: {window.withheld}")
            return None
        watts = window.joules / window.window_s
        return Idle(
            watts=watts,
            scope=window.scope,
            method=window.method,
            evidence=window.evidence,
            window_s=window.window_s,
        )

    def _point(self, found: _Repeats) -> Point:
        setting = found.setting
        seconds = spread_of(found.durations_s)
        rates = [setting.items_per_call * len(d) / float(d.sum()) for d in found.durations_s]
        energy, withheld = energy_of_calls(found.windows, found.calls_in_windows)
        items = setting.batch * sum(map(len, found.durations_s))
        telling = [*dict.fromkeys(found.doubts)]
        telling += doubts.of_point(seconds, items, len(found.durations_s), self.effort)
        telling += doubts.of_others(found.others)
        return Point(
            phase=setting.phase,
            batch=setting.batch,
            input_size=setting.input_size,
            context_tokens=setting.context_tokens,
            seconds=seconds,
            throughput_per_s=float(np.median(rates)),
            throughput_unit=setting.unit,
            completed=sum(map(len, found.durations_s)),
            window_s=float(sum(d.sum() for d in found.durations_s)),
            energy=energy,
            energy_withheld=withheld,
            peak_host_gib=found.peak_host_gib,
            peak_device_gib=found.peak_device_gib,
            doubts=tuple(telling),
        )


def spread_of(repeats: Sequence[np.ndarray]) -> Spread:
    """Describe times of several repeats [s]; a quantile needs calls beyond it to be one."""
    pooled = np.concatenate(repeats)
    quartiles = np.quantile(pooled, [0.25, 0.5, 0.75])

    def quantile(share: float) -> float | None:
        beyond = round(len(pooled) * (1 - share), 9)  # ten times 0.1 is one
        return float(np.quantile(pooled, share)) if beyond >= 1 else None

    return Spread(
        mean=float(pooled.mean()),
        median=float(quartiles[1]),
        iqr=float(quartiles[2] - quartiles[0]),
        p90=quantile(0.9),
        p95=quantile(0.95),
        p99=quantile(0.99),
        calls=len(pooled),
        repeat_medians=tuple(float(np.median(times)) for times in repeats),
    )


def energy_of_calls(
    windows: Sequence[WindowEnergy], calls: Sequence[int]
) -> tuple[Energy | None, str | None]:
    """Give joules a call over all windows, or the reason of the first that has none."""
    for window in windows:
        if window.joules is None:
            return None, window.withheld
    first = windows[0]
    if first.scope is None or first.method is None:
        return None, "the meter does not say whose energy it counts"
    if any((window.scope, window.method) != (first.scope, first.method) for window in windows):
        return None, "the meter changed its method between repeats"
    joules = sum(window.joules for window in windows if window.joules is not None)
    energy = Energy(
        joules=joules / sum(calls),
        scope=first.scope,
        method=first.method,
        evidence=worse(*(window.evidence for window in windows)),
        window_s=min(window.window_s for window in windows),
        calls=sum(calls),
        notes=tuple(dict.fromkeys(note for window in windows for note in window.notes)),
    )
    return energy, None


def _larger(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)
