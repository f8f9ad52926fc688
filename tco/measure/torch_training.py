"""Training steps in torch: forward, backward and AdamW's step, on all weights or on LoRA's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tco.domain.measure_job import TrainJob
from tco.domain.measured import Phase
from tco.errors import TcoError
from tco.measure import transformers_models
from tco.measure.harness import Call, Setting
from tco.measure.torch_runner import Device, first_call, inputs_for, parameters_of

LORA_TARGETS = ("query", "value", "q_proj", "v_proj")
"""Attention's query and value, as LoRA's authors adapt them, by the names models give them."""
LEARNING_RATE = 1e-5


class _LoraLinear(torch.nn.Module):
    """A frozen linear layer with a trained detour of low rank beside it."""

    def __init__(self, frozen: torch.nn.Linear, rank: int) -> None:
        super().__init__()
        self.frozen = frozen
        like = {"bias": False, "dtype": frozen.weight.dtype, "device": frozen.weight.device}
        self.down = torch.nn.Linear(frozen.in_features, rank, **like)
        self.up = torch.nn.Linear(rank, frozen.out_features, **like)
        torch.nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the detour."""
        y: torch.Tensor = self.frozen(x) + self.up(self.down(x))
        return y


def add_lora(model: Any, rank: int) -> None:
    """Freeze a model and give its query and value layers a trained detour."""
    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=False)
    found = 0
    for holder in list(model.modules()):
        for name, layer in list(holder.named_children()):
            if name in LORA_TARGETS and isinstance(layer, torch.nn.Linear):
                setattr(holder, name, _LoraLinear(layer, rank))
                found += 1
    if not found:
        raise TcoError(f"the model has no layer called {', '.join(LORA_TARGETS)} for LoRA to adapt")


class TrainRunner:
    """Training steps of an encoder towards made-up targets of its own width."""

    def __init__(self, job: TrainJob, place: Path) -> None:
        self._job = job
        self._device = Device(job)
        model = transformers_models.load(
            place, weights=job.weights, causal=False, dtype=self._device.dtype
        )
        self.parameters = parameters_of(model)
        if job.mode == "lora":
            add_lora(model, job.lora_rank)
        self._model = model.to(self._device.name).train()
        trained = [p for p in self._model.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(trained, lr=LEARNING_RATE)
        runtime = self._device.runtime(job.mode)
        facts = {"trained_parameters": float(sum(p.numel() for p in trained)), "optimiser": "AdamW"}
        self.runtime = runtime.model_copy(update={"settings": {**runtime.settings, **facts}})

    def settings(self) -> list[Setting]:
        """Give batches for each input size."""
        return [
            Setting(Phase.TRAIN_STEP, batch, float(batch), input_size=size)
            for size in self._job.input_sizes
            for batch in self._job.batches
        ]

    def prepare(self, setting: Setting) -> Call:
        """Make inputs and targets, and take one step."""
        inputs = inputs_for(self._model, setting, self._device)
        width = self._model.config.hidden_size
        targets = torch.randn(setting.batch, width, dtype=self._device.dtype).to(self._device.name)

        def call() -> None:
            self._optimiser.zero_grad(set_to_none=True)
            pooled = self._model(**inputs).last_hidden_state.mean(dim=1)
            torch.nn.functional.mse_loss(pooled, targets).backward()
            self._optimiser.step()
            self._device.wait()

        return first_call(call, setting)

    def peak_device_gib(self) -> float | None:
        """Give the most device memory held since the last question [GiB]."""
        return self._device.peak_gib()
