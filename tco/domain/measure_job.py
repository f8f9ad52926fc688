"""What to measure, as a person writes it: one YAML file with a few measurements.

``format: measure/1`` and ``measurements:``, each under the stable name of its result.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Identifier, Record, Text, wrong_at

Size = Annotated[int, Field(ge=1, le=1_000_000)]
Sizes = Annotated[tuple[Size, ...], Field(min_length=1, max_length=64)]
Rate = Annotated[float, Field(gt=0, le=1e6)]
Threads = Annotated[int, Field(ge=1, le=4096)]
FloatPrecision = Literal["fp32", "bf16", "fp16"]
Module = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", max_length=200)]


class ModelPlace(Record):
    """Where a model's files lie: beside the job file, or inside an installed package."""

    path: Text = Field(description="file or folder, relative to this file or to the package")
    package: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=100)] | None = None


class TensorInput(Record):
    """How an input of an ONNX model is filled."""

    shape: tuple[Size | Literal["batch", "size"], ...] = Field(min_length=1)
    values: Literal["normal", "integers", "ones", "zeros"] = "normal"
    below: Size = Field(default=2, description="integers are drawn from 0 up to this")


class _Job(Record):
    """What every measurement says."""

    snapshot: Identifier
    source: Text = Field(description="where the model came from, with its version")
    weights: Literal["trained", "random"] = "trained"
    seed: int = 0
    notes: tuple[Text, ...] = ()


class _InProcess(_Job):
    """A model run in a process of ours."""

    device: Literal["cpu", "cuda"] = "cpu"
    threads: Threads | None = Field(default=None, description="absent: what the runtime chooses")
    batches: Sizes


class OnnxJob(_InProcess):
    """An ONNX model in onnxruntime."""

    runner: Literal["onnx"]
    model: ModelPlace
    precision: Literal["fp32", "fp16", "int8"] = Field(
        description="int8: made here of the fp32 file by onnxruntime's dynamic quantiser"
    )
    inputs: dict[str, TensorInput] = Field(
        default_factory=dict, description="by name; inputs whose sizes but the first are fixed may "
        "be left out",
    )  # fmt: skip
    input_sizes: Sizes | None = None


class TorchJob(_InProcess):
    """A transformers model, its forward pass in torch: text in tokens, or pictures in pixels."""

    runner: Literal["torch"]
    model: ModelPlace = Field(description="folder with config.json and safetensors, or a config")
    precision: FloatPrecision
    mode: Literal["eager", "compiled"] = "eager"
    input_sizes: Sizes = Field(description="tokens of a text, or pixels of a picture's side")


class TrainJob(_InProcess):
    """Training steps of a transformers encoder in torch: forward, backward, AdamW."""

    runner: Literal["train"]
    model: ModelPlace
    precision: Literal["fp32", "bf16"]
    mode: Literal["full", "lora"]
    lora_rank: Annotated[int, Field(ge=1, le=1024)] = 8
    input_sizes: Sizes


class LlmJob(_InProcess):
    """A transformers causal model: prefill and decode apart, over batch x context."""

    runner: Literal["llm"]
    model: ModelPlace
    precision: FloatPrecision
    contexts: Sizes = Field(description="tokens of prompt in the cache")


class CallableJob(_Job):
    """A Python function of the user's: ``make(batch, input_size)`` gives the call that is timed."""

    runner: Literal["callable"]
    function: Module = Field(description="module:function, importable where the command runs")
    runtime: Text = Field(description="name of what runs inside")
    precision: Text
    batches: Sizes
    input_sizes: Sizes | None = None


class Template(Record):
    """One request to a plain HTTP inference server."""

    path: Annotated[str, Field(pattern=r"^/", max_length=500)]
    method: Literal["POST", "GET"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = Field(default=None, description="JSON that is sent as it is")


class OpenLoop(Record):
    """Requests sent at given times, whether or not earlier ones are answered."""

    rates_per_s: tuple[Rate, ...] = Field(default=(), description="Poisson arrivals [1/s]")
    arrivals_s: tuple[Annotated[float, Field(ge=0, le=86_400)], ...] = ()

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if bool(self.rates_per_s) == bool(self.arrivals_s):
            raise ValueError("give either rates_per_s or arrivals_s")
        if list(self.arrivals_s) != sorted(self.arrivals_s):
            raise wrong_at("arrivals_s", says="times are not in order")
        return self


class EndpointJob(_Job):
    """A server that is already running: OpenAI-compatible and streaming, or plain HTTP."""

    runner: Literal["endpoint"]
    url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/[^\s]*)?$", max_length=500)]
    api: Literal["chat", "completions", "http"]
    model: Text | None = Field(default=None, description="name that the server knows it by")
    api_key_variable: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")] | None = Field(
        default=None, description="environment variable that holds the key; it is never written"
    )
    template: Template | None = None
    prompt_words: Size = 64
    most_output_tokens: Size = 64
    concurrency: Sizes | None = None
    pause_alone_s: Annotated[float, Field(ge=0, le=5)] = Field(
        default=0.0,
        description="that a client alone waits after an answer: who comes alone in service finds "
        "a server that stood idle, which is slower [s]",
    )
    open_loop: OpenLoop | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    runtime: Text = Field(description="name of the server program")
    runtime_version: Text | None = None
    precision: Text
    hardware: Text | None = Field(
        default=None, description="machine of the server; absent: this one"
    )
    accelerator_count: Annotated[int, Field(ge=0, le=100_000)] | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.template is None) == (self.api == "http"):
            raise wrong_at("template", says="'api: http' takes a template, the others take none")
        if (self.model is None) != (self.api == "http"):
            raise wrong_at("model", says="name the model for chat and completions, and only there")
        if self.concurrency is None and self.open_loop is None:
            raise wrong_at("concurrency", says="give concurrency, open_loop or both")
        if self.pause_alone_s and 1 not in (self.concurrency or ()):
            raise wrong_at("pause_alone_s", says="only one client alone pauses: concurrency 1")
        if (self.hardware is None) != (self.accelerator_count is None):
            raise wrong_at("accelerator_count", says="give hardware and its count together")
        return self


Job = Annotated[
    OnnxJob | TorchJob | TrainJob | LlmJob | CallableJob | EndpointJob,
    Field(discriminator="runner"),
]


class MeasureFile(Record):
    """A few measurements to make."""

    format: Literal["measure/1"]
    measurements: dict[Identifier, Job] = Field(min_length=1, max_length=200)
