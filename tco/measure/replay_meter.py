"""Readings recorded earlier, played back: everything above a meter runs without its hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tco.domain.measured import EnergyScope
from tco.measure.meter import MeterLostError, Reading, SourceMeter


class ReplaySource:
    """Gives recorded readings one after the other; at their end the source is lost."""

    name = "replay"

    def __init__(self, readings: Sequence[Reading], scope: EnergyScope = EnergyScope.BOARD) -> None:
        self.scope = scope
        self._left: Iterator[Reading] = iter(readings)

    def read(self) -> Reading:
        """Give the next reading."""
        for reading in self._left:
            return reading
        raise MeterLostError("the recording ended during the window")


def replay_meter(
    readings: Sequence[Reading], *, samples_a_window: int, scope: EnergyScope = EnergyScope.BOARD
) -> SourceMeter:
    """Build a meter that takes so many samples inside each window, without a thread."""

    def sampler(sample: Callable[[], None], _every_s: float) -> Callable[[], None]:
        for _ in range(samples_a_window):
            sample()
        return lambda: None

    return SourceMeter(ReplaySource(readings, scope), start_sampler=sampler)
