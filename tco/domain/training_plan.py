"""How a snapshot comes to be: jobs on machines, hosted jobs, teachers, and what answers need."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.experiments import HoursEstimate, MachineCount
from tco.domain.hardware import Precision
from tco.domain.machine import MachineChoice
from tco.domain.months import MonthNumber, Months
from tco.domain.price import Purchase
from tco.domain.record import (
    CountEstimate,
    Estimate,
    FactorEstimate,
    Identifier,
    Record,
    ShareEstimate,
    Text,
    within,
)

ParametersEstimate = Annotated[Estimate, within(1, 1e14)]
Utilisation = Annotated[Estimate, within(1e-4, 1)]
Positive = Annotated[Estimate, within(1e-9, 1e15)]
ApiModel = Annotated[str, Field(min_length=1, max_length=200)]


class Method(StrEnum):
    """What a job does with each token: it decides operations and memory."""

    TRAIN = "train"
    LORA = "lora"
    FORWARD = "forward"
    """Reads only: features, calibration of a quantisation, a teacher's answers."""


class TokenCount(Record):
    """Tokens that a job works through, stated or from its rows."""

    tokens: Positive | None = Field(default=None, description="tokens, all epochs together")
    rows: CountEstimate | None = Field(default=None, description="examples in the training data")
    tokens_per_row: Positive | None = Field(
        default=None, description="mean length of an example [tokens]"
    )
    epochs: Positive | None = Field(default=None, description="times each example is seen [-]")
    packing: bool | None = Field(
        default=None, description="examples share a sequence; without it each fills one of its own"
    )
    sequence_tokens: Positive | None = Field(
        default=None, description="length to which an example is filled up without packing [tokens]"
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if self.tokens is not None:
            others = (self.rows, self.epochs, self.packing, self.tokens_per_row)
            if any(part is not None for part in (*others, self.sequence_tokens)):
                raise ValueError("tokens are stated: leave out rows, epochs and packing")
            return self
        if self.rows is None or self.epochs is None or self.packing is None:
            raise ValueError("give either tokens, or rows, epochs and packing with a length")
        if (self.tokens_per_row is not None) != self.packing:
            raise ValueError("tokens_per_row goes with packing, and only with it")
        if (self.sequence_tokens is None) != self.packing:
            raise ValueError("sequence_tokens goes without packing, and only without it")
        return self


class Length(Record):
    """How long a job runs: machine hours as somebody knows them, or worked out from tokens."""

    instance_hours: HoursEstimate | None = Field(
        default=None, description="hours of machines, all together; as measured or given [h]"
    )
    accelerator_hours: HoursEstimate | None = Field(
        default=None, description="hours of accelerators, all together; as reported [h]"
    )
    data: TokenCount | None = None
    tokens_per_s_per_accelerator: Positive | None = Field(
        default=None, description="measured rate of this method on this accelerator [tokens/s]"
    )
    model_flops_utilisation: Utilisation | None = Field(
        default=None, description="useful operations over the peak of the data sheet [-]"
    )
    measured: Identifier | None = Field(
        default=None, description="id of a measured training step, as 'tco measure list' gives it"
    )
    precision: Precision = Precision.BF16

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        given = (self.instance_hours, self.accelerator_hours)
        rates = (self.tokens_per_s_per_accelerator, self.model_flops_utilisation, self.measured)
        stated = sum(part is not None for part in given)
        rated = sum(part is not None for part in rates)
        if stated + rated != 1 or (rated == 1) != (self.data is not None):
            raise ValueError(
                "give instance_hours, or accelerator_hours, or data with one of "
                "tokens_per_s_per_accelerator, model_flops_utilisation and measured"
            )
        return self


class SpotLoss(Record):
    """What it costs that a machine may be taken away."""

    interruptions_per_machine_hour: Annotated[Estimate, within(0, 60)]
    checkpoint_interval_hours: Annotated[Estimate, within(0, 1000)]
    restart_hours: Annotated[Estimate, within(0, 1000)] = Field(
        description="until the job runs again where it was [h]"
    )


class Checkpoints(Record):
    """Copies of the state of a job that are kept."""

    gb: Positive = Field(description="all that is kept, together [GB]")
    seller: Identifier
    region: Text
    service: Identifier
    months: Months


class ComputeJob(Record):
    """One job on rented machines."""

    kind: Literal["compute"]
    method: Method
    machine: MachineChoice
    machines: MachineCount
    length: Length
    parameters: ParametersEstimate | None = Field(
        default=None, description="active parameters of what runs [-]; absent: the snapshot's"
    )
    trained_parameters: ParametersEstimate | None = Field(
        default=None, description="parameters of the adapter [-]; only for LoRA"
    )
    base_weight_bits: Literal[4, 8, 16] = Field(
        default=16, description="how the frozen weights are held; training keeps 16"
    )
    activations_gib: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        default=None,
        description="memory beside weights and optimiser, over all accelerators [GiB]; "
        "absent: only the certain part is checked",
    )
    evaluation_share: ShareEstimate = Field(
        description="hours of evaluation and checkpoints over hours of training [-]"
    )
    restart_share: ShareEstimate = Field(
        description="hours lost to crashes and restarts over hours of training [-]"
    )
    spot: SpotLoss | None = None
    checkpoints: Checkpoints | None = None
    compare_with: tuple[MachineChoice, ...] = Field(
        default=(), description="other machines to show beside it; they cost nothing"
    )
    months: Months = Months(first=1, last=1)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.months.last is None:
            raise ValueError("a job ends: give the last of its months")
        if (self.machine.purchase is Purchase.SPOT) != (self.spot is not None):
            raise ValueError("spot machines need 'spot', what an interruption loses; others do not")
        if self.trained_parameters is not None and self.method is not Method.LORA:
            raise ValueError("trained_parameters belong to LoRA")
        if self.method is Method.LORA and self.trained_parameters is None:
            raise ValueError("LoRA needs trained_parameters, the size of the adapter")
        if self.method is Method.TRAIN and self.base_weight_bits != 16:  # noqa: PLR2004
            raise ValueError("full training keeps its weights in 16 bits; leave out the bits")
        return self


class HostedJob(Record):
    """Fine-tuning at a vendor, paid by token."""

    kind: Literal["hosted"]
    seller: Identifier
    region: Text = "*"
    service: Identifier = Field(description="service of pricing/services.csv, priced per Mtok")
    data: TokenCount
    evaluations: CountEstimate = Field(description="times the validation data is run [-]")
    validation_tokens: CountEstimate = Field(description="tokens of the validation data [tokens]")
    month: MonthNumber = 1


class TeacherJob(Record):
    """A larger model's answers to learn from, bought through its API."""

    kind: Literal["teacher"]
    provider: Identifier
    model: ApiModel
    tier: Literal["standard", "batch", "flex", "priority"]
    rows: CountEstimate = Field(description="questions that the teacher answers [-]")
    input_tokens_per_row: CountEstimate
    output_tokens_per_row: CountEstimate
    month: MonthNumber = 1


Job = Annotated[ComputeJob | HostedJob | TeacherJob, Field(discriminator="kind")]


class Prompting(Record):
    """System prompt and examples that go with every request."""

    tokens_per_request: Positive = Field(description="in the workload's reference tokens")
    cached_share: ShareEstimate = Field(description="share of them read from a prompt cache [-]")


class Retrieval(Record):
    """A corpus of one's own, embedded once and on refresh, and looked into for every request."""

    provider: Identifier
    model: ApiModel
    tier: Literal["standard", "batch", "flex", "priority"]
    corpus_tokens: Positive
    refreshed_share_per_month: ShareEstimate = Field(
        description="share of the corpus embedded anew each month [-]"
    )
    question_tokens: CountEstimate = Field(description="tokens embedded for each request [tokens]")
    context_tokens_per_request: Positive = Field(
        description="found text that goes with each request, in reference tokens"
    )
    store_gb: Positive
    store_seller: Identifier
    store_region: Text
    store_service: Identifier = Field(description="storage per GB-month")
    step_usd_per_1k_requests: Annotated[Estimate, within(0, 1e6)] | None = Field(
        default=None, description="what the vector store asks for a thousand look-ups, if it does"
    )


class CompressionStep(Record):
    """One step of distil, prune, quantise: the jobs it takes and the serving it buys."""

    title: Text
    jobs: tuple[Identifier, ...] = Field(description="jobs of this block that the step takes")
    serving_factor: FactorEstimate = Field(
        description="cost of serving a request after the step over before it [-]"
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.serving_factor.likely <= 0:
            raise ValueError("a serving_factor of 0 would make answers free")
        return self


class Sharing(StrEnum):
    """How several tasks are served."""

    SPECIALISTS = "specialists"
    """A model a task, each on machines of its own."""
    ADAPTERS = "adapters"
    """One base on shared machines, an adapter a task."""
    MULTI_TASK = "multi-task"
    """One model for all tasks, trained on all their data at once."""


class Tasks(Record):
    """How many tasks the option serves, alike in size; jobs and data are stated for one."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    sharing: Sharing


class Meanwhile(Record):
    """Who answers until the option is live: another option of the scenario, or what runs today."""

    option: Identifier | None = None
    incumbent: Literal[True] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.option is None) == (self.incumbent is None):
            raise ValueError("name an option, or write 'incumbent: true'")
        return self


class TrainingPlan(Record):
    """The way of one option's snapshot to its first answer, and what it needs with each."""

    lead_months: Annotated[int, Field(ge=0, le=60)] = Field(
        description="whole months of work before it answers anything; under half a month is 0"
    )
    meanwhile: Meanwhile | None = Field(
        default=None, description="who answers and is paid during the lead time"
    )
    jobs: dict[Identifier, Job] = Field(default_factory=dict)
    prompting: Prompting | None = None
    retrieval: Retrieval | None = None
    compression: tuple[CompressionStep, ...] = ()
    tasks: Tasks | None = None

    @model_validator(mode="after")
    def _is_served_meanwhile(self) -> Self:
        if (self.lead_months > 0) != (self.meanwhile is not None):
            raise ValueError("a lead time needs 'meanwhile', who answers until then; 0 needs none")
        return self

    @model_validator(mode="after")
    def _names_its_jobs(self) -> Self:
        named = [job for step in self.compression for job in step.jobs]
        unknown = sorted(set(named) - set(self.jobs))
        if unknown:
            raise ValueError(f"compression names unknown jobs: {', '.join(unknown)}")
        if len(named) != len(set(named)):
            raise ValueError("a job belongs to one step of the compression")
        return self
