"""One measurement: what a snapshot did on one hardware, with everything needed to repeat it.

One JSON file each, ``format: measurement/1``. Our harness writes it, readers of other tools'
results turn theirs into it, and curves are fitted on it. A figure that was not measured is absent.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Evidence, Identifier, Record, Text, wrong_at
from tco.domain.service import HostStage
from tco.domain.snapshot import Digest

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Short = Annotated[str, Field(min_length=1, max_length=200)]


class Kind(StrEnum):
    """What was run."""

    CLASSIC = "classic"
    LLM = "llm"
    ENDPOINT = "endpoint"
    TRAINING = "training"


class Phase(StrEnum):
    """What one timed call of a point did."""

    FORWARD = "forward"
    """One batch through a classic model."""
    PREFILL = "prefill"
    """The prompts of one batch, up to their first token."""
    DECODE = "decode"
    """One more token for each sequence of a batch."""
    REQUEST = "request"
    """One request to a server, from sending it to its last byte."""
    TRAIN_STEP = "train_step"
    """Forward, backward and the optimiser's step."""


class Unit(StrEnum):
    """What ``throughput_per_s`` counts."""

    ITEMS = "items"
    TOKENS = "tokens"
    REQUESTS = "requests"


class EnergyScope(StrEnum):
    """Whose energy a figure holds; scopes are never mixed without a stated factor."""

    BOARD = "board"
    """The accelerator boards alone."""
    CPU = "cpu"
    """The processor packages alone."""
    HOST = "board + cpu + memory"
    WALL = "wall"


class EnergyMethod(StrEnum):
    """How joules were found, best first."""

    COUNTER = "counter"
    """Difference of a cumulative counter of the hardware."""
    SAMPLED_POWER = "sampled power"
    MODELLED = "modelled"
    """From rated power and load: an estimate, whatever the tool calls it."""
    REPORTED = "reported"
    """As another tool or source gives it, without saying how."""


class Spread(Record):
    """How a time spreads over the calls of a point [s]; what a source does not tell is absent."""

    mean: Positive | None = None
    median: Positive | None = None
    iqr: NotNegative | None = Field(default=None, description="third minus first quartile [s]")
    p90: Positive | None = None
    p95: Positive | None = None
    p99: Positive | None = None
    calls: Count | None = None
    repeat_medians: tuple[Positive, ...] = Field(
        default=(), description="median of each repeat [s], in the order in which they ran"
    )

    @property
    def typical(self) -> float:
        """The median, or the mean where a source gives no median [s]."""
        found = self.median if self.median is not None else self.mean
        assert found is not None
        return found

    @property
    def repeat_spread(self) -> float | None:
        """Distance of the repeats' medians, as a share of their middle one; none for one repeat."""
        if len(self.repeat_medians) <= 1:
            return None
        ordered = sorted(self.repeat_medians)
        return (ordered[-1] - ordered[0]) / ordered[len(ordered) // 2]

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.median is None and self.mean is None:
            raise ValueError("gives neither a median nor a mean")
        known = [v for v in (self.median, self.p90, self.p95, self.p99) if v is not None]
        if known != sorted(known):
            raise ValueError("median, p90, p95 and p99 are not in order")
        return self


class Energy(Record):
    """Joules of one timed call, and how far to trust them."""

    joules: Positive = Field(description="of one call: a batch, a step or a request [J]")
    scope: EnergyScope
    method: EnergyMethod
    evidence: Evidence
    window_s: Positive | None = Field(default=None, description="length of the window read [s]")
    calls: Count | None = Field(default=None, description="calls inside the window")
    notes: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _is_graded_honestly(self) -> Self:
        if self.method is EnergyMethod.MODELLED and self.evidence.rank < Evidence.ESTIMATED.rank:
            raise wrong_at("evidence", says="modelled energy is 'estimated' at best")
        return self


class Idle(Record):
    """Power with the model loaded and no work."""

    watts: NotNegative
    scope: EnergyScope
    method: EnergyMethod
    evidence: Evidence
    window_s: Positive | None = None


class Point(Record):
    """One setting of a sweep and what was seen there.

    ``seconds`` is one call: a batch (classic, prefill), one step for the whole batch (decode, train
    step), one request from end to end (request). ``batch`` is the sequences or items of a call,
    ``input_size`` what each is padded to: tokens of a text or prompt, pixels of a side; for decode
    ``context_tokens`` is the mean length of the cache while the step ran.
    """

    phase: Phase
    batch: Positive | None = None
    input_size: Count | None = None
    context_tokens: Positive | None = None
    output_tokens: Positive | None = Field(default=None, description="mean a request")
    input_tokens: Positive | None = Field(default=None, description="mean a request")
    concurrency: Positive | None = Field(default=None, description="asked for, closed loop")
    pause_s: Positive | None = Field(
        default=None, description="from an answer to the client's next request, closed loop [s]"
    )
    offered_per_s: Positive | None = Field(default=None, description="asked for, open loop [1/s]")
    seconds: Spread
    ttft_s: Spread | None = Field(default=None, description="time to the first token")
    tpot_s: Spread | None = Field(default=None, description="per token after the first")
    throughput_per_s: Positive | None = None
    throughput_unit: Unit
    completed: Annotated[int, Field(ge=0)] | None = None
    failed: Annotated[int, Field(ge=0)] | None = None
    window_s: Positive | None = Field(default=None, description="steady time that was counted [s]")
    energy: Energy | None = None
    energy_withheld: Text | None = Field(default=None, description="why there are no joules")
    peak_host_gib: Positive | None = Field(default=None, description="resident memory [GiB]")
    peak_device_gib: Positive | None = None
    doubts: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.energy is not None and self.energy_withheld is not None:
            raise wrong_at("energy_withheld", says="joules are given and withheld at once")
        if self.concurrency is not None and self.offered_per_s is not None:
            raise wrong_at("offered_per_s", says="a load is closed or open, not both")
        if self.pause_s is not None and (self.concurrency is None or self.seconds.mean is None):
            raise wrong_at("pause_s", says="who pauses is in a closed loop and tells a mean time")
        if self.phase is not Phase.REQUEST and self.batch is None:
            raise wrong_at("batch", says=f"a point of phase '{self.phase}' needs its batch")
        return self


class Subject(Record):
    """What was measured."""

    snapshot: Identifier
    digest: Digest | None = Field(default=None, description="of the weights that were run")
    source: Text = Field(description="where the model came from")
    weights: Literal["trained", "random"] = Field(
        description="random weights of a true architecture make a 'reference' for its speed"
    )
    parameters: Positive | None = None
    size_gb: Positive | None = None


class Hardware(Record):
    """The machine, by the names of the price tables where they have one."""

    name: Text = Field(description="accelerator of pricing/hardware.csv, or the CPU's own name")
    accelerator_count: Annotated[int, Field(ge=0, le=100_000)]
    processor: Short | None = None
    cores: Count | None = Field(default=None, description="that the process may use")
    memory_gib: Positive | None = None
    accelerator_memory_gib: Positive | None = None


class Runtime(Record):
    """The program that ran the model; curves are never carried from one runtime to another."""

    name: Short
    version: Short | None = None
    mode: Short | None = Field(default=None, description="eager, compiled, full, lora, ...")
    device: Literal["cpu", "cuda"] | None = None
    threads: Count | None = None
    settings: dict[str, str | float | bool] = Field(default_factory=dict)


class MachineLoad(Record):
    """How busy the machine was with other things, before and after."""

    before: NotNegative = Field(description="mean of runnable processes over one minute")
    after: NotNegative
    others_processors: NotNegative | None = Field(
        default=None, description="processors that other programs kept busy meanwhile [-]"
    )


class Environment(Record):
    """What is needed to repeat a measurement."""

    started_at: datetime
    finished_at: datetime
    system: Short
    container: Short | None = Field(default=None, description="kind of container or guest")
    governor: Short | None = Field(default=None, description="of the processor's clock")
    clock_mhz: Positive | None = None
    driver: Short | None = None
    grid_g_per_kwh: NotNegative | None = Field(
        default=None, description="carbon of the machine's grid, where the meter knows it [g/kWh]"
    )
    versions: dict[str, Short] = Field(default_factory=dict)
    code_version: Short | None = None
    seed: int
    load: MachineLoad


class LoadTimes(Record):
    """From a fresh process to the first answer, each time anew."""

    seconds: tuple[Positive, ...] = Field(min_length=1)
    to: Short = "first answer"


class Effort(Record):
    """The bounds under which each point was measured."""

    quick: bool = Field(description="smaller bounds than a figure to plan with needs")
    least_inferences: Count = Field(description="items a point, over all repeats")
    least_seconds: NotNegative = Field(description="a point, over all repeats [s]")
    most_seconds: Positive = Field(description="a point is ended after this, and that is said [s]")
    repeats: Count


class Served(Record):
    """The two stages of a server, fitted to a closed loop: host work, then batches."""

    front_end: HostStage
    base_s: NotNegative = Field(description="of any batch [s]")
    per_item_s: NotNegative = Field(description="more for each request in the batch [s]")
    cv: NotNegative = Field(
        default=0.0, description="standard deviation of a batch's seconds over their mean [-]"
    )
    max_batch: Count = Field(description="largest batch of the server [-]")
    workers: Count = 1
    clients: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        description="requests always in the system, for each point of the loop"
    )
    in_sample_error: NotNegative = Field(description="mean of |told / seen answers a second - 1|")
    left_out_error: NotNegative = Field(description="the same, each number of clients left out")


class Measured(Record):
    """One measurement of one snapshot on one hardware with one runtime and precision."""

    format: Literal["measurement/1"]
    id: Identifier = Field(description="stable name; the file is called so")
    kind: Kind
    subject: Subject
    hardware: Hardware
    runtime: Runtime
    precision: Short
    measured_in: Literal["process", "server"] = Field(
        description="in process leaves out the host work of each request behind a server"
    )
    evidence: Evidence
    source: Text = Field(description="our harness, or the tool, file and digest it was read from")
    checked_on: date | None = Field(
        default=None, description="day on which results of others were read"
    )
    effort: Effort | None = None
    points: tuple[Point, ...] = Field(min_length=1)
    served: Served | None = Field(
        default=None, description="stages fitted to the points by 'tco measure calibrate'"
    )
    idle: Idle | None = None
    load_times: LoadTimes | None = None
    environment: Environment | None = None
    interrupted: bool = Field(default=False, description="stopped before all points were measured")
    doubts: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()

    @property
    def day(self) -> date | None:
        """Day on which it was measured, or read from others; None where nobody says."""
        return self.checked_on if self.environment is None else self.environment.started_at.date()

    @property
    def is_reference(self) -> bool:
        """Whether weights are random: speed of the architecture, no quality, energy estimated."""
        return self.subject.weights == "random"

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.evidence is Evidence.MEASURED and self.environment is None:
            raise wrong_at("environment", says="a measurement of ours says how to repeat it")
        if self.is_reference:
            for number, point in enumerate(self.points):
                energy = point.energy
                if energy is not None and energy.evidence.rank < Evidence.ESTIMATED.rank:
                    says = "energy on random weights is 'estimated': sparsity differs"
                    raise wrong_at("points", str(number), "energy", "evidence", says=says)
        settings = [
            point.model_dump(
                include={"phase", "batch", "input_size", "context_tokens", "concurrency",
                         "pause_s", "offered_per_s", "input_tokens", "output_tokens"}
            )
            for point in self.points
        ]  # fmt: skip
        for number, setting in enumerate(settings):
            if setting in settings[:number]:
                says = "the same setting stands there twice"
                raise wrong_at("points", str(number), says=says)
        return self
