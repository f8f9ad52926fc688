"""Forward passes in torch, eager or compiled, and what all torch runners share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tco.domain.measure_job import LlmJob, TorchJob, TrainJob
from tco.domain.measured import Phase, Runtime
from tco.errors import TcoError
from tco.measure import transformers_models
from tco.measure.harness import Call, Setting, TooLargeError
from tco.units import BYTES_PER_GIB

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PICTURE_CHANNELS = 3


class Device:
    """Where torch runs: placing, waiting for what is queued, the most memory held."""

    def __init__(self, job: TorchJob | TrainJob | LlmJob) -> None:
        if job.device == "cuda" and not torch.cuda.is_available():
            raise TcoError(
                "torch sees no CUDA device; install a torch built for this machine's driver, or "
                "measure with 'device: cpu'"
            )
        if job.threads is not None:
            torch.set_num_threads(job.threads)
        torch.manual_seed(job.seed)
        self.name = job.device
        self.dtype = DTYPES[job.precision]
        self.threads = torch.get_num_threads() if job.device == "cpu" else None

    def wait(self) -> None:
        """Return when all that was queued is done."""
        if self.name == "cuda":
            torch.cuda.synchronize()

    def peak_gib(self) -> float | None:
        """Give the most memory reserved since the last question, and begin anew [GiB]."""
        if self.name != "cuda":
            return None
        peak_bytes = float(torch.cuda.max_memory_reserved())
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return peak_bytes / BYTES_PER_GIB

    def runtime(self, mode: str) -> Runtime:
        """Describe the program."""
        return Runtime(
            name="torch",
            version=str(torch.__version__),
            mode=mode,
            device=self.name,
            threads=self.threads,
            settings={"transformers": transformers_models.VERSION},
        )


def first_call(call: Call, setting: Setting) -> Call:
    """Call once outside any timing: what compiles does, and what does not fit is said."""
    try:
        call()
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        raise TooLargeError("torch ran out of memory") from None
    except (RuntimeError, ValueError, IndexError) as error:
        text = str(error).strip().split("\n")[0][:300]
        if "not enough memory" in text:
            raise TooLargeError("torch ran out of memory") from None
        raise TcoError(f"torch refuses {setting}: {text}") from None
    return call


def parameters_of(model: Any) -> float:
    """Count the parameters."""
    return float(sum(p.numel() for p in model.parameters()))


def inputs_for(model: Any, setting: Setting, device: Device) -> dict[str, torch.Tensor]:
    """Make up a batch: tokens for text, pixels for pictures."""
    batch, size = setting.batch, setting.input_size
    assert size is not None
    if model.main_input_name == "pixel_values":
        channels = getattr(model.config, "num_channels", PICTURE_CHANNELS)
        pixels = torch.randn(batch, channels, size, size, dtype=device.dtype)
        return {"pixel_values": pixels.to(device.name)}
    tokens = torch.randint(0, model.config.vocab_size, (batch, size))
    return {
        "input_ids": tokens.to(device.name),
        "attention_mask": torch.ones_like(tokens).to(device.name),
    }


class TorchRunner:
    """The forward pass of a transformers model."""

    def __init__(self, job: TorchJob, place: Path) -> None:
        self._job = job
        self._device = Device(job)
        model = transformers_models.load(
            place, weights=job.weights, causal=False, dtype=self._device.dtype
        )
        self._model = model.to(self._device.name).eval()
        self.parameters = parameters_of(model)
        self._forward: Callable[..., Any] = (
            torch.compile(self._model) if job.mode == "compiled" else self._model
        )
        self.runtime = self._device.runtime(job.mode)

    def settings(self) -> list[Setting]:
        """Give batches for each input size."""
        return [
            Setting(Phase.FORWARD, batch, float(batch), input_size=size)
            for size in self._job.input_sizes
            for batch in self._job.batches
        ]

    def prepare(self, setting: Setting) -> Call:
        """Make inputs and call once."""
        inputs = inputs_for(self._model, setting, self._device)

        def call() -> None:
            with torch.inference_mode():
                self._forward(**inputs)
            self._device.wait()

        return first_call(call, setting)

    def peak_device_gib(self) -> float | None:
        """Give the most device memory held since the last question [GiB]."""
        return self._device.peak_gib()
