"""What a run of a fleet is given, and what it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tco.sim.scaling import Rule
from tco.sim.service import BatchRule, Service

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NOTHING = np.empty(0)
NONE_WHOLE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Requests:
    """Some arrivals in order of time; the other columns are empty where all are alike.

    ``own_s`` is the time that a request needs beyond its batch [s].
    """

    arrivals_s: Array
    ranks: Whole = field(default_factory=lambda: NONE_WHOLE)
    sizes: Whole = field(default_factory=lambda: NONE_WHOLE)
    patience_s: Array = field(default_factory=lambda: NOTHING)
    own_s: Array = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class FleetRules:
    """How a fleet behaves."""

    service: Service
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
    patience_s: float | None = None
    """Time after which every waiting request gives up [s]; None: never."""
    goal_s: float = math.inf
    """Latency that requests are counted as late against [s]."""


@dataclass(frozen=True, slots=True)
class PerRequest:
    """Times of each request [s]; nan where it was not served."""

    start_s: Array
    finish_s: Array
    batch: Whole
    status: Whole


@dataclass(frozen=True, slots=True)
class FleetRecord:
    """What happened, by hour since the start."""

    hours: Array
    """Columns as in the kernel: requests by fate, batches, busy slot-seconds, joules, waiting."""
    serving_s: Array
    """Replica-seconds in service by hour, busy or not [s]."""
    booting_s: Array
    draining_s: Array
    """Replica-seconds of replicas that finish what they serve and take no more [s]."""
    idle_causes_s: dict[str, Array]
    """What of the time serving and draining was not busy, by hour and cause [s]."""
    histogram: Array
    waits: Array
    arrived: int
    served: int
    dropped: int
    abandoned: int
    waiting: int
    in_service: int
    simulated_s: float
    peak_replicas: int
    replicas_over_time: tuple[tuple[float, int], ...]
    per_request: PerRequest | None
