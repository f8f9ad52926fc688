"""NVIDIA boards through their driver's library: cumulative energy, power, heat, clocks, memory.

The only file that imports ``pynvml``. Without a driver, or without the package, it says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tco.domain.measured import EnergyScope
from tco.measure.meter import MeterLostError, Part, Reading, monotonic_s
from tco.units import BYTES_PER_GIB

MILLI = 1e-3


class NvmlSource:
    """Every board that the driver shows, or those asked for by index."""

    scope = EnergyScope.BOARD

    def __init__(self, nvml: ModuleType | Any, indices: list[int] | None = None) -> None:
        self._nvml = nvml
        count = nvml.nvmlDeviceGetCount()
        chosen = range(count) if indices is None else indices
        self._boards = [(f"GPU {i}", nvml.nvmlDeviceGetHandleByIndex(i)) for i in chosen]
        names = sorted({_text(nvml.nvmlDeviceGetName(handle)) for _, handle in self._boards})
        self.name = f"NVML on {len(self._boards)} x {', '.join(names)}"
        self.board_name = names[0] if len(names) == 1 else ", ".join(names)
        self.driver = _text(nvml.nvmlSystemGetDriverVersion())

    @property
    def count(self) -> int:
        """Boards that are read."""
        return len(self._boards)

    @property
    def memory_gib(self) -> float:
        """Memory of the first board [GiB]."""
        return float(self._nvml.nvmlDeviceGetMemoryInfo(self._boards[0][1]).total) / BYTES_PER_GIB

    def read(self) -> Reading:
        """Read every board now."""
        return Reading(monotonic_s(), tuple(self._part(*board) for board in self._boards))

    def _part(self, name: str, handle: Any) -> Part:
        nvml = self._nvml
        energy_mj = self._asked(name, nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        power_mw = self._asked(name, nvml.nvmlDeviceGetPowerUsage, handle)
        celsius = self._asked(
            name, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU
        )
        mhz = self._asked(name, nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM)
        return Part(
            name,
            counter_j=None if energy_mj is None else energy_mj * MILLI,
            power_w=None if power_mw is None else power_mw * MILLI,
            temperature_c=None if celsius is None else float(celsius),
            clock_mhz=None if mhz is None else float(mhz),
            throttled_by=self._throttled(name, handle),
            process_gib=self._held_gib(name, handle),
        )

    def _held_gib(self, name: str, handle: Any) -> float | None:
        running = self._asked(name, self._nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        held = [process.usedGpuMemory for process in running if process.pid == os.getpid()]
        known = [size for size in held if size is not None]  # a guest may hide it
        return sum(known) / BYTES_PER_GIB if known else None

    def _throttled(self, name: str, handle: Any) -> tuple[str, ...]:
        nvml = self._nvml
        bits = self._asked(name, nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
        reasons = {
            "its power cap": nvml.nvmlClocksThrottleReasonSwPowerCap,
            "heat": nvml.nvmlClocksThrottleReasonSwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwThermalSlowdown,
            "a hardware slowdown": nvml.nvmlClocksThrottleReasonHwSlowdown,
            "the power brake": nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
        }
        return tuple(words for words, mask in reasons.items() if bits & mask)

    def _asked(self, name: str, question: Callable[..., Any], *arguments: Any) -> Any:
        """Ask one thing; what the board cannot tell is None, a board that is gone is an error."""
        try:
            return question(*arguments)
        except self._nvml.NVMLError as error:
            unknown = (self._nvml.NVML_ERROR_NOT_SUPPORTED, self._nvml.NVML_ERROR_NO_PERMISSION)
            if error.value in unknown:
                return None
            raise MeterLostError(f"{name} stopped answering: {error}") from None


def open_nvml(indices: list[int] | None = None) -> NvmlSource | str:
    """Return the boards, or the reason why there are none to read."""
    try:
        import pynvml  # noqa: PLC0415 - loaded only where it is asked for
    except ImportError:
        return "the package nvidia-ml-py is missing: pip install 'tco-planner[measure]'"
    try:
        pynvml.nvmlInit()
        source = NvmlSource(pynvml, indices)
    except pynvml.NVMLError as error:
        return f"NVML: {error}; it comes with NVIDIA's driver"
    return source if source.count else "NVML: the driver shows no board"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
