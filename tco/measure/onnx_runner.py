"""ONNX models in onnxruntime, on its CPU and CUDA providers.

The only file that imports ``onnx`` and ``onnxruntime``. A provider that is not there is an error,
never a silent run on another device, and weights kept beside a model stay inside its folder.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from tco.domain.measure_job import OnnxJob, TensorInput
from tco.domain.measured import Phase, Runtime
from tco.errors import TcoError, nearest
from tco.measure.harness import Call, Setting, TooLargeError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
ERRORS_ONLY = 3
KINDS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class OnnxRunner:
    """One session, called with made-up inputs of each setting's sizes."""

    def __init__(self, job: OnnxJob, path: Path) -> None:
        self._job = job
        model = _checked(path)
        self.parameters = float(sum(int(np.prod(t.dims)) for t in model.graph.initializer))
        with tempfile.TemporaryDirectory(prefix="tco-measure-") as scratch:
            self._session = _session(job, _in_precision(job, path, Path(scratch)))
        self._inputs = {i.name: (i, _filling(job, i)) for i in self._session.get_inputs()}
        unknown = set(job.inputs) - set(self._inputs)
        if unknown:
            name = min(unknown)
            raise TcoError(
                f"the model has no input '{name}'. Near it: {nearest(name, self._inputs)}."
            )
        self.runtime = Runtime(
            name="onnxruntime",
            version=onnxruntime.__version__,
            device=job.device,
            threads=job.threads,
            settings={"graph_optimisation": "all"},
        )

    def settings(self) -> list[Setting]:
        """Give batches for each input size."""
        sizes: tuple[int | None, ...] = self._job.input_sizes or (None,)
        return [
            Setting(Phase.FORWARD, batch, float(batch), input_size=size)
            for size in sizes
            for batch in self._job.batches
        ]

    def prepare(self, setting: Setting) -> Call:
        """Make inputs and run once: what the model refuses is said before any timing."""
        generator = np.random.default_rng(self._job.seed)
        feed = {
            name: _filled(filling, KINDS[found.type], setting, generator)
            for name, (found, filling) in self._inputs.items()
        }

        def call() -> object:
            return self._session.run(None, feed)

        try:
            call()
        except Exception as error:
            if "Failed to allocate" in str(error) or "out of memory" in str(error):
                raise TooLargeError("onnxruntime ran out of memory") from None
            raise TcoError(f"onnxruntime refuses {setting}: {_first_line(error)}") from None
        return call

    def peak_device_gib(self) -> float | None:
        """Leave it to the driver: onnxruntime does not tell."""
        return None


def _checked(path: Path) -> Any:
    """Read the graph without its external weights, and hold those inside the folder."""
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:
        raise TcoError(f"{path} is no ONNX model: {_first_line(error)}") from None
    if not model.graph.node:
        raise TcoError(f"{path} is no ONNX model: it holds no graph")
    folder = path.parent.resolve()
    for location in _external(model.graph):
        if not (folder / location).resolve().is_relative_to(folder):
            raise TcoError(
                f"{path} keeps weights at '{location}', outside its own folder; they are not "
                "read. Save the model again with its weights beside it"
            )
        if not (folder / location).is_file():
            raise TcoError(f"{path} needs its weights '{location}' beside it")
    return model


def _external(graph: Any) -> Iterator[str]:
    """Give where tensors kept outside lie, of nested graphs too."""
    tensors = list(graph.initializer)
    tensors += [
        part for sparse in graph.sparse_initializer for part in (sparse.values, sparse.indices)
    ]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _external(inner)
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield from (entry.value for entry in tensor.external_data if entry.key == "location")


def _in_precision(job: OnnxJob, path: Path, scratch: Path) -> Path:
    if job.precision == "fp32":
        return path
    changed = scratch / "model.onnx"
    if job.precision == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it advises other ways; the way is chosen
        try:
            quantize_dynamic(path, changed, weight_type=QuantType.QInt8)
        finally:
            root.setLevel(level)
        return changed
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), changed)
    return changed


def _session(job: OnnxJob, path: Path) -> Any:
    provider = PROVIDERS[job.device]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise TcoError(
            f"onnxruntime has no {provider} here (it has {', '.join(available)}); install "
            "onnxruntime-gpu in its place, or measure with 'device: cpu'"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    if job.threads is not None:
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[provider])
    except Exception as error:
        raise TcoError(f"onnxruntime cannot load {job.snapshot}: {_first_line(error)}") from None
    if session.get_providers()[0] != provider:
        raise TcoError(f"onnxruntime fell back from {provider} to {session.get_providers()[0]}")
    return session


def _filling(job: OnnxJob, found: Any) -> TensorInput:
    """Say how an input is filled: as the job has it, or by the model's own fixed sizes."""
    if found.type not in KINDS:
        raise TcoError(f"input '{found.name}' is a {found.type}, which cannot be made up here")
    if found.name in job.inputs:
        return job.inputs[found.name]
    rest = found.shape[1:]
    if not all(isinstance(size, int) and size > 0 for size in rest):
        raise TcoError(
            f"input '{found.name}' has sizes {found.shape} that the model leaves open; give "
            f"'inputs: {{{found.name}: {{shape: [batch, ...]}}}}'"
        )
    whole = "int" in found.type
    return TensorInput(shape=("batch", *rest), values="integers" if whole else "normal")


def _filled(
    filling: TensorInput, kind: Any, setting: Setting, generator: np.random.Generator
) -> np.ndarray:
    if "size" in filling.shape and setting.input_size is None:
        raise TcoError("an input's shape says 'size'; give input_sizes")
    named = {"batch": setting.batch, "size": setting.input_size or 0}
    shape = [named[part] if isinstance(part, str) else part for part in filling.shape]
    match filling.values:
        case "integers":
            return generator.integers(0, filling.below, size=shape).astype(kind)
        case "ones":
            return np.ones(shape, kind)
        case "zeros":
            return np.zeros(shape, kind)
        case _:
            return generator.standard_normal(shape).astype(kind)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__
