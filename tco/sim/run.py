"""What a run of a fleet is given, and what it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from tco.sim import kernel_layout as at
from tco.sim.faults import Faults
from tco.sim.llm_service import LlmService
from tco.sim.packing import instances_needed
from tco.sim.scaling import Rule
from tco.sim.service import BatchRule, Service

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NOTHING = np.empty(0)
NONE_WHOLE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Requests:
    """Some arrivals in order of time; the other columns are empty where all are alike."""

    arrivals_s: Array
    ranks: Whole = field(default_factory=lambda: NONE_WHOLE)
    """Priority class of each: 0 is served before 1."""
    sizes: Whole = field(default_factory=lambda: NONE_WHOLE)
    """Input-size class of each."""
    patience_s: Array = field(default_factory=lambda: NOTHING)
    """How long each waits for its batch [s]: infinite for who never gives up, nan for who waits as
    long as the fleet's rules say."""
    own_s: Array = field(default_factory=lambda: NOTHING)
    """Time that each needs beyond its batch [s]."""
    input_tokens: Array = field(default_factory=lambda: NOTHING)
    output_tokens: Array = field(default_factory=lambda: NOTHING)
    due_s: Array = field(default_factory=lambda: NOTHING)
    """When each has to be answered [s]; infinite for who has no deadline."""
    cached_tokens: Array = field(default_factory=lambda: NOTHING)
    """Input tokens that an LLM replica finds in its prefix cache."""
    adapters: Whole = field(default_factory=lambda: NONE_WHOLE)
    """Adapter on an LLM that each asks for; -1 for the base alone."""
    owners: Whole = field(default_factory=lambda: NONE_WHOLE)
    """Number of the person's request that each, a call of a model, belongs to."""


class Discipline(Enum):
    """Where requests wait: in one line, or in front of the replica that they are given to."""

    ONE_LINE = at.ONE_LINE
    ROUND_ROBIN = at.ROUND_ROBIN
    LEAST_LOADED = at.LEAST_LOADED
    TWO_CHOICES = at.TWO_CHOICES


@dataclass(frozen=True, slots=True)
class FleetRules:
    """How a fleet behaves."""

    service: Service | LlmService
    batch: BatchRule
    rule: Rule
    minimum: int
    maximum: int
    first: int | None = None
    """Replicas at the start; None: what the rule asks for."""
    slots: int = 1
    """Requests or batches that one replica serves at once."""
    boot_s: Callable[[], float] = lambda: 0.0
    """Draws the time from the wish for a replica to its first request [s]."""
    queue_limit: int = -1
    """Most requests that wait in one line; negative: no limit."""
    patience_s: float | None = None
    """Time after which every waiting request gives up [s]; None: never."""
    goal_s: float = math.inf
    """Latency that requests are counted as late against [s]."""
    discipline: Discipline = Discipline.ONE_LINE
    draws: Array = field(default_factory=lambda: NOTHING)
    """Uniform numbers, needed by two choices [-]."""
    spare: int = 0
    """Replicas kept beyond what the rule asks for; minimum, maximum and first contain them."""
    hardware: tuple[int, ...] = ()
    """Hardware class of each replica up to the maximum; empty if all are of class 0."""
    idle_w: tuple[float, ...] = ()
    """Power of a replica that is held and not busy, by hardware class [W]; empty if unknown."""
    replicas_per_instance: int = 1
    faults: Faults | None = None
    """When instances are gone; None: never."""

    @property
    def instances(self) -> int:
        """Instances that the fleet lies on at its largest."""
        return instances_needed(self.maximum, self.replicas_per_instance)

    @property
    def stand_ins_from(self) -> int:
        """Number of the first replica that stands in for one that is gone."""
        return self.instances * self.replicas_per_instance

    @property
    def places(self) -> int:
        """Replicas that there is room for, those that stand in for others included."""
        if self.faults is None or not self.faults.falls_back:
            return self.maximum
        return self.stand_ins_from + self.maximum

    @property
    def hardware_classes(self) -> tuple[int, ...]:
        """Hardware class of each of those."""
        own = self.hardware or (0,) * self.maximum
        if self.places == self.maximum:
            return own
        return own + (0,) * (self.stand_ins_from - self.maximum) + own


@dataclass(frozen=True, slots=True)
class PerRequest:
    """Times of each request [s]; nan where it was not served."""

    start_s: Array
    finish_s: Array
    batch: Whole
    """Number of its batch; -1 where it was not served, or step by step."""
    status: Whole
    first_token_s: Array = field(default_factory=lambda: NOTHING)
    """Empty where answers come whole."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an engine shows of itself at one moment."""

    busy_s: float
    """Busy replica-seconds so far [s]."""
    waiting: int
    in_service: int
    came: int
    """Requests that have joined or were turned away so far."""


@dataclass(frozen=True, slots=True)
class TokenWork:
    """What replicas that answer token by token count besides."""

    first_token_histograms: Array
    """Times from arrival to the first token, by row and logarithmic bin."""
    per_token_histograms: Array
    """Mean times from one token to the next of each request, by row and logarithmic bin."""
    finished: Array
    """Requests answered, by hour."""
    preempted: Array
    """How often a request had to give its memory back and be read again, by hour."""
    swaps: Array
    """Adapters loaded, by hour."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine did until its end, by hour since the start."""

    hours: Array
    """Columns as in the kernel's layout: requests by fate, batches, busy slot-seconds, joules."""
    busy_by_hardware: Array
    """Busy replica-seconds by hour and hardware class [s]."""
    histograms: Array
    """Latencies by row and logarithmic bin; without a calendar there is one row."""
    wait_histograms: Array
    calendars: int
    """How often each latency is counted, once in a row of each calendar."""
    latencies: int
    """Requests whose latency should be counted."""
    arrived: int
    served: int
    dropped: int
    abandoned: int
    waiting: int
    in_service: int
    in_host: int
    """Requests at the host work before or after their batch."""
    lost_s: Array
    """Busy replica-seconds whose work was cut off, by hour [s]."""
    requeued: int
    """How often a request had to wait again because its replica was taken away."""
    per_request: PerRequest | None
    tokens: TokenWork | None
    """None where requests are served in batches."""

    @property
    def served_together(self) -> Array:
        """By hour, the sum over batches of their requests, or over steps of their sequences."""
        column = at.HOUR_STARTED if self.tokens is None else at.HOUR_OUTPUT_TOKENS
        return self.hours[:, column]

    @property
    def judged(self) -> Array:
        """By hour, the requests whose latency was held against the goal."""
        return self.hours[:, at.HOUR_STARTED] if self.tokens is None else self.tokens.finished


@dataclass(frozen=True, slots=True)
class FleetRecord(Work):
    """What happened, by hour since the start."""

    serving_s: Array
    """Replica-seconds in service by hour, busy or not [s]."""
    booting_s: Array
    draining_s: Array
    """Replica-seconds of replicas that finish what they serve and take no more [s]."""
    repair_s: Array
    """Replica-seconds held and under repair [s]."""
    idle_causes_s: dict[str, Array]
    """What of the time serving and draining was not busy, by hour and cause [s]."""
    joules: dict[str, Array]
    """Energy by hour, busy and by cause where it is known [J]."""
    simulated_s: float
    peak_replicas: int
    replicas_over_time: tuple[tuple[float, int], ...]
    instances_over_time: tuple[tuple[float, int], ...]
    """Instances held: a replica stays on the one that its number belongs to."""
    as_chosen_over_time: tuple[tuple[float, int], ...]
    """Those of them that are bought as the deployment's machine says."""
    on_demand_over_time: tuple[tuple[float, int], ...]
    """The others: bought on demand beside machines that may be taken away, or in their place."""
    taken: int
    """Instances that were held and taken back after a notice."""
    failed: int
    """Instances that were held and failed."""

    @property
    def histogram(self) -> Array:
        """Latency counts by logarithmic bin."""
        total: Array = self.histograms.sum(axis=0) / self.calendars
        return total

    @property
    def waits(self) -> Array:
        """Waiting-time counts by logarithmic bin."""
        total: Array = self.wait_histograms.sum(axis=0) / self.calendars
        return total
