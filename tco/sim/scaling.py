"""Autoscaling rules: what they observe, and how many replicas they ask for.

A rule is asked at its own interval. It returns what it asks for and what it would ask for without
its smoothing; the difference is the cost of scaling down late.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tco.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

TOLERANCE = 0.1
"""Kubernetes leaves a fleet alone while the metric is within a tenth of its target."""
SYNC_S = 15.0
DOWN_WINDOW_S = 300.0
UP_PERIOD_S = 15.0
UP_PODS = 4
UP_FACTOR = 2.0
ROUNDING = 1e-9
"""Keeps a ratio that is whole up to rounding from being taken to the next whole number."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule sees at one moment."""

    now_s: float
    current: int
    """Replicas that exist, booting ones included."""
    ready: int
    busy_share: float
    """Busy time of the ready replicas since the last look, over their time [-]."""
    waiting: int
    in_service: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule asks for."""

    replicas: int
    unsmoothed: int


class Rule(Protocol):
    """Something that decides on replicas."""

    @property
    def interval_s(self) -> float:
        """Time between two looks [s]."""

    @property
    def busy_target(self) -> float:
        """Busy share that the rule aims at [-]; 1 if it aims at none."""

    @property
    def starts_from_zero(self) -> bool:
        """Whether it ever asks for a replica where there is none."""

    def ask(self, seen: Observation) -> Wish:
        """Return the wish at this moment, before the bounds of the fleet."""


@dataclass(frozen=True, slots=True)
class Static:
    """Always the same number."""

    replicas: int
    interval_s: float = math.inf
    busy_target: float = 1.0

    @property
    def starts_from_zero(self) -> bool:
        """Whether it asks for any."""
        return self.replicas > 0

    def ask(self, seen: Observation) -> Wish:
        """Return the fixed number."""
        return Wish(self.replicas, self.replicas)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A number for each hour of the week, Monday 00:00 UTC first."""

    by_hour: Sequence[int]
    interval_s: float = SECONDS_PER_HOUR
    busy_target: float = 1.0

    @property
    def starts_from_zero(self) -> bool:
        """Whether some hour asks for any."""
        return any(self.by_hour)

    def ask(self, seen: Observation) -> Wish:
        """Return the number of the current hour."""
        hour = int((seen.now_s + ROUNDING) // SECONDS_PER_HOUR) % HOURS_PER_WEEK
        number = self.by_hour[hour % len(self.by_hour)]
        return Wish(number, number)


def hpa_desired(current: int, metric: float, target: float, *, ready: int | None = None) -> int:
    """Return Kubernetes' recommendation for an average metric a replica.

    Args:
        current: Replicas that exist.
        metric: Mean of the metric over the ready replicas.
        target: What the metric should be.
        ready: Replicas that are ready; the others count as zero when scaling up.

    >>> [hpa_desired(10, 90, 60), hpa_desired(10, 63, 60), hpa_desired(7, 30, 60)]
    [15, 10, 4]
    """
    counted = current if ready is None else ready
    if counted == 0:
        return current
    ratio = metric / target
    if counted == current:
        if abs(ratio - 1) <= TOLERANCE + ROUNDING:
            return current
        return math.ceil(ratio * counted - ROUNDING)
    if ratio <= 1:
        # Not-ready replicas are left out when scaling down.
        if abs(ratio - 1) <= TOLERANCE + ROUNDING:
            return current
        return min(current, math.ceil(ratio * counted - ROUNDING))
    damped = ratio * counted / current
    if abs(damped - 1) <= TOLERANCE + ROUNDING or damped < 1:
        return current
    return math.ceil(damped * current - ROUNDING)


@dataclass(slots=True)
class Hpa:
    """The Kubernetes horizontal pod autoscaler on the busy share of its replicas.

    Recommendation, tolerance, stabilisation of 300 s downwards, and at most a doubling or four more
    pods in 15 s upwards, as the project documents them for autoscaling/v2.
    """

    target: float
    interval_s: float = SYNC_S
    down_window_s: float = DOWN_WINDOW_S
    _past: deque[tuple[float, int]] = field(default_factory=deque)
    _added: deque[tuple[float, int]] = field(default_factory=deque)
    _before: tuple[float, int] | None = None

    @property
    def busy_target(self) -> float:
        """Busy share that the rule aims at [-]."""
        return self.target

    @property
    def starts_from_zero(self) -> bool:
        """Never: nobody is busy where there is no replica."""
        return False

    def ask(self, seen: Observation) -> Wish:
        """Return the wish after stabilisation and the limits on speed."""
        now = hpa_desired(seen.current, seen.busy_share, self.target, ready=seen.ready)
        return self._smoothed(seen, now)

    def _smoothed(self, seen: Observation, now: int) -> Wish:
        self._past.append((seen.now_s, now))
        while self._past[0][0] <= seen.now_s - self.down_window_s and len(self._past) > 1:
            self._past.popleft()
        wish = now
        if now < seen.current:
            wish = min(seen.current, max(number for _, number in self._past))
        return Wish(min(wish, self._most(seen)), now)

    def _most(self, seen: Observation) -> int:
        """Return how far the fleet may have grown, by what it had before the last 15 seconds."""
        if self._before is not None and seen.current > self._before[1]:
            looked_s, current = self._before
            self._added.append((looked_s, seen.current - current))
        while self._added and self._added[0][0] <= seen.now_s - UP_PERIOD_S:
            self._added.popleft()
        self._before = (seen.now_s, seen.current)
        start = seen.current - sum(number for _, number in self._added)
        return max(seen.current, math.ceil(start * UP_FACTOR), start + UP_PODS)


@dataclass(slots=True)
class QueueLength(Hpa):
    """Replicas in proportion to requests that wait or are served: a target for each replica.

    The metric is an average over replicas, so the wish is total / target; it does not saturate as a
    busy share does. Smoothing is that of the horizontal pod autoscaler.
    """

    @property
    def busy_target(self) -> float:
        """One: this rule aims at no busy share."""
        return 1.0

    @property
    def starts_from_zero(self) -> bool:
        """Always: who waits is seen."""
        return True

    def ask(self, seen: Observation) -> Wish:
        """Return the wish for so many requests a replica."""
        load = seen.waiting + seen.in_service
        now = math.ceil(load / self.target - ROUNDING)
        if seen.current and abs(load / (self.target * seen.current) - 1) <= TOLERANCE + ROUNDING:
            now = seen.current
        return self._smoothed(seen, now)
