"""Energy as codecarbon models it, where no counter can be read: an estimate, never a measurement.

The only file that imports ``codecarbon``, and only its tracker that needs no network. What it
replaces silently (a processor it does not know, a flat power of memory, a country it does not know
read as the world's average) is caught from its log and said with every figure.
"""

from __future__ import annotations

import io
import logging
from contextlib import redirect_stderr
from typing import Any, ClassVar

from tco.domain.measured import EnergyMethod, EnergyScope
from tco.domain.record import Evidence
from tco.measure.meter import SHORTEST_WINDOW_S, WindowEnergy
from tco.units import GRAMS_PER_KILOGRAM, JOULES_PER_KWH

EVERY_S = 1
IN_WORDS = {
    "we don't know it": "codecarbon does not know this processor",
    "default power consumption of": "its rated power is taken as 4 W per thread",
    "using world average": "codecarbon has no grid factor for this place",
    "Does not support country": "codecarbon does not know this country",
}
_LOGGER = "codecarbon"


class _Caught(logging.Handler):
    """Keeps what codecarbon only logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.messages.append(record.getMessage())


class CodecarbonMeter:
    """Brackets windows with tasks of one tracker of the whole machine."""

    name: ClassVar[str] = "codecarbon (modelled)"

    def __init__(self, tracker: Any, caught: _Caught, *, tells_grid: bool) -> None:
        self._tracker, self._caught, self._tells_grid = tracker, caught, tells_grid
        self.grid_g_per_kwh: float | None = None
        """Carbon of the grid of the country asked for; none where codecarbon falls back."""

    def start(self) -> None:
        """Begin a window."""
        self._tracker.start_task()

    def stop(self) -> WindowEnergy:
        """End it and take its joules."""
        found = self._tracker.stop_task()
        window_s = float(found.duration)
        if window_s < SHORTEST_WINDOW_S:
            return WindowEnergy.none(
                f"the window of {window_s:.2f} s is shorter than {SHORTEST_WINDOW_S:g} s", window_s
            )
        joules = found.energy_consumed * JOULES_PER_KWH
        if joules <= 0:
            return WindowEnergy.none("codecarbon modelled no energy", window_s)
        if self._tells_grid and found.country_name and not self._fell_back_on_the_world():
            self.grid_g_per_kwh = found.emissions / found.energy_consumed * GRAMS_PER_KILOGRAM
        memory_share = found.ram_energy / found.energy_consumed
        notes = (
            *self.fall_backs(),
            f"{memory_share:.0%} is a flat {found.ram_power:g} W for memory, whatever happens",
            "processor power is modelled from the load of the whole machine",
        )
        method, evidence = EnergyMethod.MODELLED, Evidence.ESTIMATED
        return WindowEnergy(joules, EnergyScope.HOST, method, evidence, window_s, notes=notes)

    def fall_backs(self) -> tuple[str, ...]:
        """Say what codecarbon replaced without telling in its result."""
        seen = "\n".join(self._caught.messages)
        return tuple(words for sign, words in IN_WORDS.items() if sign in seen)

    def _fell_back_on_the_world(self) -> bool:
        return any("using world average" in message for message in self._caught.messages)


def open_codecarbon(country: str | None = None) -> CodecarbonMeter | str:
    """Return the meter, or the reason why there is none.

    Args:
        country: Three letters of the country of the machine; only the grid factor depends on it.
    """
    try:
        from codecarbon import OfflineEmissionsTracker  # noqa: PLC0415 - loads a second's worth
    except ImportError:
        return "the package codecarbon is missing: pip install 'tco-planner[measure]'"
    logger = logging.getLogger(_LOGGER)
    caught = _Caught()
    logger.addHandler(caught)
    with redirect_stderr(io.StringIO()):  # it gives itself a voice as it starts
        tracker = OfflineEmissionsTracker(
            country_iso_code=country or "USA",  # it insists; unasked, no grid factor is told
            measure_power_secs=EVERY_S,
            tracking_mode="machine",
            save_to_file=False,
            allow_multiple_runs=True,
            log_level="warning",
        )
    for handler in [other for other in logger.handlers if other is not caught]:
        logger.removeHandler(handler)  # what it says is said by us, once
    tracker.get_detected_hardware()  # its first look at the machine takes seconds: not in a window
    return CodecarbonMeter(tracker, caught, tells_grid=country is not None)
