"""Processor packages through RAPL, the counters that Linux shows under ``powercap``.

The counter wraps at a range that is given beside it: one wrap between two samples is undone.
"""

from __future__ import annotations

from pathlib import Path

from tco.domain.measured import EnergyScope
from tco.measure.meter import MeterLostError, Part, Reading, monotonic_s

ROOT = Path("/sys/class/powercap")
MICRO = 1e-6


class RaplSource:
    """Packages, each with the memory beside it where that has a counter of its own."""

    scope = EnergyScope.CPU

    def __init__(self, packages: list[Path]) -> None:
        self._packages = packages
        self._range_uj = [int((p / "max_energy_range_uj").read_text()) for p in packages]
        self._last_uj = [int((p / "energy_uj").read_text()) for p in packages]
        self._wraps = [0] * len(packages)
        self.name = f"RAPL on {len(packages)} packages"

    def read(self) -> Reading:
        """Read every package now."""
        parts = []
        for number, package in enumerate(self._packages):
            name = package.name
            try:
                now_uj = int((package / "energy_uj").read_text())
            except (OSError, ValueError) as error:
                raise MeterLostError(f"{name} stopped answering: {error}") from None
            fell_uj = self._last_uj[number] - now_uj
            if fell_uj > self._range_uj[number] // 2:  # round its end, not backwards
                self._wraps[number] += 1
            self._last_uj[number] = now_uj
            total_uj = now_uj + self._wraps[number] * self._range_uj[number]
            parts.append(Part(name, counter_j=total_uj * MICRO))
        return Reading(monotonic_s(), tuple(parts))


def open_rapl(root: Path = ROOT) -> RaplSource | str:
    """Return the packages, or the reason why they cannot be read."""
    packages = sorted(root.glob("intel-rapl:[0-9]*"))
    packages = [package for package in packages if package.name.count(":") == 1]
    if not packages:
        return "RAPL: this kernel shows no package counters (a guest seldom has them)"
    try:
        return RaplSource(packages)
    except PermissionError:
        return f"RAPL: {packages[0] / 'energy_uj'} may not be read; ask for read permission on it"
    except (OSError, ValueError) as error:
        return f"RAPL: {packages[0]} cannot be read: {error}"
