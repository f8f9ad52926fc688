"""How a fleet of replicas behaves: batching, queue, scaling, boot."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.faults import Failures, Interruptions
from tco.domain.record import FactorEstimate, Identifier, Record, Text

Count = Annotated[int, Field(ge=1, le=100_000)]
Seconds = Annotated[float, Field(ge=0, le=1e6)]


class BatchSettings(Record):
    """Requests served together."""

    max_size: Annotated[int, Field(ge=1, le=65_536)]
    max_wait_s: Seconds = Field(
        default=0.0, description="longest time the oldest request waits for company [s]"
    )
    preferred_sizes: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = ()


class AdapterSettings(Record):
    """LoRA adapters on one base model; each request asks for one of them, all equally often."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    resident: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="adapters that a replica holds at once [-]"
    )
    load_s: Seconds = Field(description="time to load one, on top of the step that needs it [s]")
    step_time_factor: FactorEstimate | None = Field(
        default=None, description="time of steps with adapters over that without [-]; absent: 1"
    )


class LlmSettings(Record):
    """How a replica makes up its steps: continuous batching under limits.

    Replicas take from one queue, in turn, or by the fewest requests, as ``queue.discipline`` says;
    ``accelerators_per_replica`` is the tensor-parallel group.
    """

    max_sequences: Count | None = Field(
        default=None,
        description="most sequences in a step [-]; absent: vLLM's default for the memory",
    )
    max_step_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(
        default=None, description="most tokens in a step; absent: vLLM's default for the memory"
    )
    policy: Literal["decode_first", "prefill_first"] = Field(
        default="decode_first",
        description="decodes in every step and prompts in pieces beside them, or prompts alone "
        "as long as there are any",
    )
    admission: Literal["whole_prompt", "first_piece"] = Field(
        default="whole_prompt",
        description="what of a prompt has to fit in KV memory before a request is taken up",
    )
    kv_bytes_per_value: Literal[1, 2] = Field(
        default=2, description="bytes of each kept key and value [B]; 1 for an 8-bit cache"
    )
    reserved_gb_per_accelerator: Annotated[float, Field(ge=0, le=1000)] | None = Field(
        default=None,
        description="memory held for activations and the runtime [GB]; absent: a tenth of the card",
    )
    prefix_cache_share: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="share of a prompt's tokens found in the engine's cache [-]; absent: the "
        "cached share of the workload's input, and none in a replay",
    )
    adapters: AdapterSettings | None = None


class QueueSettings(Record):
    """Where requests wait, first come first served.

    All replicas take from one queue, or each has its own and a request is given to one when it
    comes: in turn, to the one with the fewest requests, or to the better of two drawn at random.
    """

    discipline: Literal["one_queue", "round_robin", "least_loaded", "two_choices"] = Field(
        default="one_queue", description="one queue for all, or how a replica is chosen"
    )
    limit: Annotated[int, Field(ge=0, le=10**9)] | None = Field(
        default=None, description="most requests that wait in one queue; absent: no limit"
    )
    patience_s: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        default=None, description="time after which a waiting request gives up [s]; absent: never"
    )


class ClassedQueue(QueueSettings):
    """A queue that serves some classes of requests before the others."""

    served_first: tuple[Text, ...] = Field(
        default=(), description="classes of the trace that go before all others"
    )


class ScaledFleet(Record):
    """Bounds that every autoscaler keeps."""

    minimum: Annotated[int, Field(ge=0, le=100_000)]
    maximum: Count

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


class HpaAutoscaler(ScaledFleet):
    """Kubernetes' horizontal pod autoscaler on the busy share of the replicas."""

    kind: Literal["hpa"]
    target_busy_share: Annotated[float, Field(gt=0, le=1)]
    interval_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    down_window_s: Annotated[float, Field(ge=0, le=3600)] = 300.0

    @model_validator(mode="after")
    def _starts_by_itself(self) -> Self:
        if self.minimum == 0:
            raise ValueError("this autoscaler cannot start from zero; keep at least one replica")
        return self


class QueueAutoscaler(ScaledFleet):
    """Replicas in proportion to the requests that wait or are served."""

    kind: Literal["queue_length"]
    target_per_replica: Annotated[float, Field(gt=0, le=1e6)]
    interval_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    down_window_s: Annotated[float, Field(ge=0, le=3600)] = 300.0


class KedaAutoscaler(ScaledFleet):
    """KEDA: it wakes a fleet of none, and the pod autoscaler scales it by the requests in it."""

    kind: Literal["keda"]
    target_per_replica: Annotated[float, Field(gt=0, le=1e6)]
    interval_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    down_window_s: Annotated[float, Field(ge=0, le=3600)] = 300.0
    poll_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    cooldown_s: Seconds = Field(default=300.0, description="without work before the last go [s]")


class TargetTrackingAutoscaler(ScaledFleet):
    """SageMaker's target tracking on invocations an instance and minute."""

    kind: Literal["target_tracking"]
    target_per_replica_minute: Annotated[float, Field(gt=0, le=1e9)] = Field(
        description="invocations a replica and minute that it aims at [1/min]: the most that one "
        "serves, times a safety factor, 0.5 to begin with"
    )
    out_cooldown_s: Seconds = 300.0
    in_cooldown_s: Seconds = 300.0

    @model_validator(mode="after")
    def _starts_by_itself(self) -> Self:
        if self.minimum == 0:
            raise ValueError("this autoscaler cannot start from zero; keep at least one replica")
        return self


class KnativeAutoscaler(ScaledFleet):
    """Knative's pod autoscaler on the requests in the fleet, with its panic window."""

    kind: Literal["knative"]
    concurrency: Annotated[float, Field(gt=0, le=1e6)] = Field(
        description="requests that one replica takes at once [-]"
    )
    target_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.7, description="part of the concurrency that it aims at [-]"
    )
    interval_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    stable_window_s: Annotated[float, Field(ge=6, le=3600)] = 60.0
    grace_s: Seconds = Field(default=30.0, description="kept on after a quiet stable window [s]")


class RayServeAutoscaler(ScaledFleet):
    """Ray Serve's rule on ongoing requests."""

    kind: Literal["ray_serve"]
    target_ongoing_requests: Annotated[float, Field(gt=0, le=1e6)] = 2.0
    interval_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=10.0, description="time between two reports of the replicas [s]"
    )
    look_back_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    up_delay_s: Seconds = 30.0
    down_delay_s: Seconds = 600.0


class ScheduleAutoscaler(Record):
    """A number of replicas for each hour of the day or the week, in UTC, Monday first."""

    kind: Literal["schedule"]
    replicas_by_hour: tuple[Annotated[int, Field(ge=0, le=100_000)], ...]

    @model_validator(mode="after")
    def _covers_day_or_week(self) -> Self:
        if len(self.replicas_by_hour) not in (24, 168):
            raise ValueError(
                f"{len(self.replicas_by_hour)} hours are given; give 24 for a day or 168 for a week"
            )
        if not any(self.replicas_by_hour):
            raise ValueError("no hour has a replica")
        return self


Autoscaler = Annotated[
    HpaAutoscaler
    | QueueAutoscaler
    | KedaAutoscaler
    | TargetTrackingAutoscaler
    | KnativeAutoscaler
    | RayServeAutoscaler
    | ScheduleAutoscaler,
    Field(discriminator="kind"),
]


class BootTime(Record):
    """Time from the wish for a replica to its first request, billed all along.

    The three figures are the corners of a triangular distribution.
    """

    low_s: Seconds
    likely_s: Seconds
    high_s: Seconds
    source: Text

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low_s <= self.likely_s <= self.high_s:
            raise ValueError("low_s, likely_s and high_s are not in order")
        return self


class FleetSettings(Record):
    """Replicas and how they take requests; the part of a deployment that a replay needs."""

    replicas: Count | None = Field(
        default=None,
        description="fixed number of replicas; the first number of an autoscaled fleet",
    )
    batch: BatchSettings | None = Field(default=None, description="absent: one at a time")
    llm: LlmSettings | None = Field(
        default=None, description="limits of an LLM engine that is simulated step by step"
    )
    queue: QueueSettings = QueueSettings()
    autoscaler: Autoscaler | None = Field(default=None, description="absent: a static fleet")
    boot: BootTime | None = Field(default=None, description="needed by an autoscaled fleet")
    spare_replicas: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="replicas kept beyond those that the load asks for: 1 is N+1"
    )
    interruptions: Interruptions | None = Field(
        default=None, description="spot machines that are taken back at times; absent: never"
    )
    failures: Failures | None = Field(
        default=None, description="machines that fail and are repaired; absent: they never do"
    )
    quota_replicas: Count | None = Field(
        default=None, description="most replicas that may be held at once, by quota; absent: any"
    )

    @property
    def largest(self) -> int:
        """The most replicas that it ever holds, spare ones included."""
        scaler = self.autoscaler
        if isinstance(scaler, ScheduleAutoscaler):
            return max(scaler.replicas_by_hour) + self.spare_replicas
        if scaler is not None:
            return scaler.maximum + self.spare_replicas
        return (self.replicas or 0) + self.spare_replicas

    @property
    def has_faults(self) -> bool:
        """Whether machines are taken away, or fail."""
        return self.interruptions is not None or self.failures is not None

    @model_validator(mode="after")
    def _starts_again(self) -> Self:
        if self.has_faults and self.boot is None:
            raise ValueError(
                "machines that are taken away or fail are started again; give boot with its times"
            )
        if self.interruptions and self.failures and self.failures.is_paid_in_repair:
            raise ValueError(
                "machines that a seller takes back are not paid for while they are under repair; "
                "write is_paid_in_repair: false"
            )
        return self

    @model_validator(mode="after")
    def _keeps_its_quota(self) -> Self:
        if self.quota_replicas is not None and self.largest > self.quota_replicas:
            raise ValueError(
                f"the fleet grows to {self.largest} replicas, spare ones included, and the quota "
                f"is {self.quota_replicas}"
            )
        return self

    @model_validator(mode="after")
    def _batches_in_one_way(self) -> Self:
        if self.batch is not None and self.llm is not None:
            raise ValueError("batch is for models served in batches, llm for steps; not both")
        return self

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        if self.replicas is None and self.autoscaler is None:
            raise ValueError("give replicas for a static fleet, or an autoscaler")
        if self.autoscaler is not None and self.boot is None:
            raise ValueError("an autoscaled fleet boots replicas; give boot with its times")
        return self


class HardwareReplicas(Record):
    """So many replicas on one kind of hardware."""

    name: Identifier
    replicas: Count


class ReplayedFleet(FleetSettings):
    """A fleet that a recorded trace is replayed on."""

    queue: ClassedQueue = ClassedQueue()
    hardware: tuple[HardwareReplicas, ...] = Field(
        default=(),
        description="unlike hardware side by side, first used first; absent: all alike",
    )
    replicas_per_instance: Count = Field(
        default=1, description="replicas that share an instance, for instance-hours"
    )

    @model_validator(mode="after")
    def _hardware_covers_the_fleet(self) -> Self:
        given = sum(part.replicas for part in self.hardware)
        if self.hardware and given != self.largest:
            raise ValueError(
                f"hardware is given for {given} replicas and the fleet grows to {self.largest}"
            )
        names = [part.name for part in self.hardware]
        if len(set(names)) < len(names):
            raise ValueError("a kind of hardware is listed twice")
        return self
