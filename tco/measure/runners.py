"""Opens what a job asks to measure: one adapter a runtime, loaded only when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tco.domain.measure_job import CallableJob, Job, LlmJob, OnnxJob, TorchJob, TrainJob
from tco.domain.measured import Runtime
from tco.errors import TcoError
from tco.measure.harness import Runner
from tco.measure.model_files import place_of


@dataclass(frozen=True, slots=True)
class Opened:
    """A loaded model with what its runtime tells about it."""

    runner: Runner
    runtime: Runtime
    parameters: float | None = None
    place: Path | None = None


def open_runner(job: Job, folder: Path) -> Opened:
    """Load the model of a job; paths are relative to ``folder``."""
    match job:
        case CallableJob():
            from tco.measure.callable_runner import CallableRunner  # noqa: PLC0415

            runner = CallableRunner(job)
            return Opened(runner, Runtime(name=job.runtime, mode="callable"))
        case OnnxJob():
            from tco.measure import onnx_runner  # noqa: PLC0415

            place = place_of(job.model, folder)
            opened = onnx_runner.OnnxRunner(job, place)
            return Opened(opened, opened.runtime, opened.parameters, place)
        case TorchJob():
            from tco.measure import torch_runner  # noqa: PLC0415

            place = place_of(job.model, folder)
            forward = torch_runner.TorchRunner(job, place)
            return Opened(forward, forward.runtime, forward.parameters, place)
        case TrainJob():
            from tco.measure import torch_training  # noqa: PLC0415

            place = place_of(job.model, folder)
            training = torch_training.TrainRunner(job, place)
            return Opened(training, training.runtime, training.parameters, place)
        case LlmJob():
            from tco.measure import llm_runner  # noqa: PLC0415

            place = place_of(job.model, folder)
            causal = llm_runner.LlmRunner(job, place)
            return Opened(causal, causal.runtime, causal.parameters, place)
        case _:
            raise TcoError(f"a job of runner '{job.runner}' runs no model in this process")
