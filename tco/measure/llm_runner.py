"""Causal language models in torch: prefill and decode apart, over batch x context."""

from __future__ import annotations

from pathlib import Path

import torch

from tco.domain.measure_job import LlmJob
from tco.domain.measured import Phase, Unit
from tco.measure import transformers_models
from tco.measure.harness import Call, Setting
from tco.measure.torch_runner import Device, first_call, parameters_of


class LlmRunner:
    """One step at a time, so that each phase is timed alone.

    A decode step is timed at a constant context: the cache is cut back after each new token.
    """

    def __init__(self, job: LlmJob, place: Path) -> None:
        self._job = job
        self._device = Device(job)
        model = transformers_models.load(
            place, weights=job.weights, causal=True, dtype=self._device.dtype
        )
        self._model = model.to(self._device.name).eval()
        self.parameters = parameters_of(model)
        self.runtime = self._device.runtime("eager")

    def settings(self) -> list[Setting]:
        """Give prefill and decode for each context and batch."""
        found = []
        for context in self._job.contexts:
            for batch in self._job.batches:
                tokens = float(batch * context)
                found += [
                    Setting(Phase.PREFILL, batch, tokens, Unit.TOKENS, input_size=context),
                    Setting(
                        Phase.DECODE,
                        batch,
                        float(batch),
                        Unit.TOKENS,
                        context_tokens=float(context),
                    ),
                ]
        return found

    def prepare(self, setting: Setting) -> Call:
        """Make prompts; for decode, fill the cache with them first."""
        length = setting.input_size or int(setting.context_tokens or 0)
        vocabulary = self._model.config.vocab_size
        prompts = torch.randint(0, vocabulary, (setting.batch, length)).to(self._device.name)
        call = self._prefill(prompts)
        if setting.phase is Phase.DECODE:
            call = self._decode(prompts, setting)
        return first_call(call, setting)

    def _prefill(self, prompts: torch.Tensor) -> Call:
        def call() -> None:
            with torch.inference_mode():
                self._model(input_ids=prompts, use_cache=True, logits_to_keep=1)
            self._device.wait()

        return call

    def _decode(self, prompts: torch.Tensor, setting: Setting) -> Call:
        held = {}

        def fill() -> None:
            with torch.inference_mode():
                found = self._model(input_ids=prompts, use_cache=True, logits_to_keep=1)
            held["cache"] = found.past_key_values

        first_call(fill, setting)
        cache = held["cache"]
        token = prompts[:, :1]

        def call() -> None:
            with torch.inference_mode():
                self._model(
                    input_ids=token, past_key_values=cache, use_cache=True, logits_to_keep=1
                )
                cache.crop(-1)
            self._device.wait()

        return call

    def peak_device_gib(self) -> float | None:
        """Give the most device memory held since the last question [GiB]."""
        return self._device.peak_gib()
