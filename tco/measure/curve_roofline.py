"""What memory bandwidth and peak compute say of a coefficient that a sweep cannot identify."""

from __future__ import annotations

from dataclasses import dataclass

from tco.domain.curve import Coefficient
from tco.domain.hardware import Accelerator, Precision
from tco.domain.measurement import Architecture
from tco.domain.record import Evidence
from tco.errors import MissingFigureError

MEMORY_EFFICIENCY = 0.73
"""Llama 3.1 8B in bf16 on one H100: 16.06 GB at 3,350 GB/s take 4.79 ms of a fitted 6.54 ms."""
COMPUTE_EFFICIENCY = 0.43
"""The same model reading 28,650 tokens (AccelMark suite D): 0.40 on H200, 0.43 on H100, 0.52 on
A100, of two operations a parameter and token at the dense bf16 peak."""
OPERATIONS_PER_PARAMETER = 2.0
GIGA, TERA = 1e9, 1e12


@dataclass(frozen=True, slots=True)
class Roofline:
    """The accelerators of one replica, with the figures of their data sheet."""

    accelerator: Accelerator
    count: int
    precision: str

    @property
    def bytes_per_s(self) -> float:
        """Memory bandwidth of all accelerators together [bytes/s]."""
        if self.accelerator.memory_gb_per_s is None:
            raise self._lacks("memory_gb_per_s")
        return self.accelerator.memory_gb_per_s * GIGA * max(self.count, 1)

    @property
    def operations_per_s(self) -> float:
        """Peak compute of all together in the format that the hardware computes in [1/s]."""
        peak = peak_tflops(self.accelerator, self.precision)
        if peak is None:
            raise self._lacks(f"peak for {self.precision}")
        return peak * TERA * max(self.count, 1)

    @property
    def peak_w(self) -> float | None:
        """Board power limit of all together [W]."""
        peak = self.accelerator.peak_w
        return None if peak is None else peak * max(self.count, 1)

    def per_kv_token_s(self, model: Architecture) -> Coefficient:
        """Return the seconds that one more token of cache adds to a step: it is read once."""
        value = model.kv_bytes_per_token / (self.bytes_per_s * MEMORY_EFFICIENCY)
        return self._estimate(value, f"{model.kv_bytes_per_token:,.0f} bytes at the bandwidth")

    def per_prefill_token_s(self, model: Architecture) -> Coefficient:
        """Return the seconds of reading one more prompt token."""
        work = OPERATIONS_PER_PARAMETER * model.parameters_per_token
        value = work / (self.operations_per_s * COMPUTE_EFFICIENCY)
        return self._estimate(value, f"{work:.3g} operations at the peak for {self.precision}")

    def joules_of(self, seconds: Coefficient) -> Coefficient | None:
        """Return the joules of that time at the board's power limit; more cannot be drawn."""
        if self.peak_w is None:
            return None
        return self._estimate(seconds.value * self.peak_w, f"{seconds.source}, at the power limit")

    def _estimate(self, value: float, how: str) -> Coefficient:
        where = f"roofline of {self.count} x {self.accelerator.name}: {how}"
        return Coefficient(value=value, evidence=Evidence.ESTIMATED, source=where)

    def _lacks(self, figure: str) -> MissingFigureError:
        return MissingFigureError(
            f"pricing/hardware.csv has no {figure} of '{self.accelerator.name}', and the sweep "
            "does not show what it would tell. Add the figure, or measure at several lengths"
        )


def peak_tflops(accelerator: Accelerator, precision: str) -> float | None:
    """Return the dense peak at which weights of a precision are computed with [10^12/s].

    Formats that the hardware lacks are widened to the next one it has. FP16 runs at the BF16 rate,
    or at half the INT8 rate where there is no BF16.
    """
    peaks = accelerator.peak_tflops
    half = peaks.get(Precision.BF16)
    if half is None and Precision.INT8 in peaks:
        half = peaks[Precision.INT8] / 2
    match precision.lower():
        case "fp32" | "tf32":
            return peaks.get(Precision.FP32)
        case "bf16" | "fp16":
            return half
        case "fp8":
            return peaks.get(Precision.FP8, half)
        case "int8":
            return peaks.get(Precision.INT8, half)
        case "fp4" | "mxfp4" | "nvfp4":
            return peaks.get(Precision.FP4, half)
        case _:
            return None
