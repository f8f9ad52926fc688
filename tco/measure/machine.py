"""The machine while it is measured: what it is, what else runs on it, how much memory is held."""

from __future__ import annotations

import os
import platform
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tco.units import BYTES_PER_GIB

PROC = Path("/proc")
BYTES_PER_KIB = 1024.0
_NOT_WORK = (3, 4)  # idle and waiting for a disk, by their place in /proc/stat


@dataclass(frozen=True, slots=True)
class OtherWork:
    """Processor time of the machine and of ours at one instant; none where it cannot be read."""

    at_s: float
    machine_s: float | None
    own_s: float

    @classmethod
    def now(cls) -> OtherWork:
        """Read both."""
        own = os.times()
        mine = own.user + own.system + own.children_user + own.children_system
        return cls(time.perf_counter(), _machine_busy_s(), mine)

    def others_processors(self) -> float | None:
        """Return how many processors others kept busy since then, stolen time included."""
        now = OtherWork.now()
        if self.machine_s is None or now.machine_s is None or now.at_s <= self.at_s:
            return None
        others_s = (now.machine_s - self.machine_s) - (now.own_s - self.own_s)
        return max(0.0, others_s / (now.at_s - self.at_s))


def _machine_busy_s() -> float | None:
    try:
        ticks = [int(word) for word in (PROC / "stat").read_text().split("\n")[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    per_s = os.sysconf("SC_CLK_TCK")
    return sum(t for place, t in enumerate(ticks) if place not in _NOT_WORK) / per_s


@dataclass(frozen=True, slots=True)
class HostPeak:
    """The most resident memory of this process since a beginning."""

    @classmethod
    def begin(cls) -> HostPeak:
        """Set the kernel's high-water mark back, where that is allowed."""
        with suppress(OSError):
            (PROC / "self" / "clear_refs").write_text("5")
        return cls()

    def gib(self) -> float | None:
        """Read the mark [GiB]."""
        return _kib_of(PROC / "self" / "status", "VmHWM")


def memory_gib() -> float | None:
    """Return the machine's memory [GiB]."""
    return _kib_of(PROC / "meminfo", "MemTotal")


def processor() -> str:
    """Return the processor's own name, and what says more than a name that a guest shortens."""
    facts: dict[str, str] = {}
    with suppress(OSError):
        for line in (PROC / "cpuinfo").read_text().split("\n\n")[0].splitlines():
            key, _, value = line.partition(":")
            facts[key.strip()] = value.strip()
    name = facts.get("model name") or platform.processor() or platform.machine()
    kind = [facts.get(key) for key in ("cpu family", "model", "stepping")]
    return name if None in kind else f"{name} (family {kind[0]}, model {kind[1]})"


def usable_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def governor() -> str | None:
    """Return what steers the processor's clock, where the kernel shows it."""
    return _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))


def clock_mhz() -> float | None:
    """Return the processor's clock now [MHz], as far as the machine tells."""
    with suppress(OSError, ValueError):
        found = re.search(r"^cpu MHz\s*:\s*([\d.]+)", (PROC / "cpuinfo").read_text(), re.MULTILINE)
        return float(found.group(1)) if found else None
    return None


def container() -> str | None:
    """Return in what kind of container or guest we run; none on bare metal, as far as is seen."""
    if Path("/.dockerenv").exists():
        return "docker"
    with suppress(OSError):
        words = (PROC / "1" / "environ").read_bytes().split(b"\0")
        for word in words:
            if word.startswith(b"container="):
                return word.partition(b"=")[2].decode(errors="replace") or None
    with suppress(OSError):
        if " hypervisor" in (PROC / "cpuinfo").read_text():
            return "virtual machine"
    return None


def load() -> float:
    """Return the mean number of runnable processes over the last minute."""
    return os.getloadavg()[0]


def _kib_of(file: Path, key: str) -> float | None:
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * BYTES_PER_KIB / BYTES_PER_GIB
    return None


def _first_line(file: Path) -> str | None:
    with suppress(OSError):
        return file.read_text().strip() or None
    return None
