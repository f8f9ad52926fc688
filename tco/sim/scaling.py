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
KEDA_POLL_S, KEDA_COOLDOWN_S = 30.0, 300.0
MINUTE_S = 60.0
OUT_MINUTES, IN_MINUTES = 3, 15
"""Minutes in a row that the alarms of target tracking wait for."""
IN_SHARE = 0.9
"""The alarm for fewer instances lies a tenth below the target."""
TRACKING_COOLDOWN_S = 300.0
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
    came: int = 0
    """Requests that have come since the start."""

    @property
    def present(self) -> int:
        """Requests that wait or are served."""
        return self.waiting + self.in_service


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

    @property
    def wakes_at_once(self) -> bool:
        """Whether the first request that finds no replica is looked at when it comes."""

    @property
    def sleeps(self) -> bool:
        """Whether nothing changes its mind while there is neither a replica nor a request."""

    def ask(self, seen: Observation) -> Wish:
        """Return the wish at this moment, before the bounds of the fleet."""


@dataclass(frozen=True, slots=True)
class Static:
    """Always the same number."""

    replicas: int
    interval_s: float = math.inf
    busy_target: float = 1.0
    wakes_at_once: bool = False
    sleeps: bool = False

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
    wakes_at_once: bool = False
    sleeps: bool = False

    @property
    def starts_from_zero(self) -> bool:
        """Whether some hour asks for any."""
        return any(self.by_hour)

    def ask(self, seen: Observation) -> Wish:
        """Return the number of the current hour."""
        hour = int((seen.now_s + ROUNDING) // SECONDS_PER_HOUR) % HOURS_PER_WEEK
        number = self.by_hour[hour % len(self.by_hour)]
        return Wish(number, number)


def replicas_for(load: float, target: float) -> int:
    """Return how many replicas a load takes, at a target for each.

    >>> [replicas_for(load, 2.0) for load in (0, 1, 4, 5)]
    [0, 1, 2, 3]
    """
    return math.ceil(load / target - ROUNDING)


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

    @property
    def wakes_at_once(self) -> bool:
        """Never: it looks at its interval only."""
        return False

    @property
    def sleeps(self) -> bool:
        """Whether it can wake again."""
        return self.starts_from_zero

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
        return self._smoothed(seen, self._replicas_for(seen))

    def _replicas_for(self, seen: Observation) -> int:
        load, current = seen.present, seen.current
        if current and abs(load / (self.target * current) - 1) <= TOLERANCE + ROUNDING:
            return current
        return replicas_for(load, self.target)


@dataclass(slots=True)
class Keda(QueueLength):
    """KEDA: it moves a fleet between none and one, the pod autoscaler between one and many.

    Every ``poll_s`` it sees whether there is work. Work wakes a fleet of none; a fleet without work
    for longer than ``cooldown_s`` goes, however many replicas the pod autoscaler still keeps.
    """

    poll_s: float = KEDA_POLL_S
    cooldown_s: float = KEDA_COOLDOWN_S
    _worked_s: float = 0.0
    _polled: int = 0

    def ask(self, seen: Observation) -> Wish:
        """Return the wish of whichever of the two is in charge."""
        now = replicas_for(seen.present, self.target)
        polls = int(seen.now_s / self.poll_s + ROUNDING)
        is_poll, self._polled = polls > self._polled, polls
        if is_poll and seen.present:
            self._worked_s = seen.now_s
        if seen.current == 0:
            return Wish(1 if is_poll and seen.present else 0, now)
        if is_poll and seen.now_s > self._worked_s + self.cooldown_s:
            return Wish(0, now)
        kept = self._smoothed(seen, max(1, self._replicas_for(seen)))
        return Wish(kept.replicas, now)


@dataclass(slots=True)
class TargetTracking:
    """SageMaker's target tracking on invocations an instance and minute.

    Three minutes above the target call for more instances, fifteen below nine tenths of it for
    fewer, each time in proportion to the metric. What an activity added counts as there already
    until its cooldown is over, so that only a still larger need adds to it; fewer instances twice
    are a cooldown apart.
    """

    target_per_minute: float
    out_cooldown_s: float = TRACKING_COOLDOWN_S
    in_cooldown_s: float = TRACKING_COOLDOWN_S
    interval_s: float = MINUTE_S
    busy_target: float = 1.0
    starts_from_zero: bool = False
    wakes_at_once: bool = False
    sleeps: bool = False
    _minutes: deque[float] = field(default_factory=lambda: deque(maxlen=IN_MINUTES))
    _came: int = 0
    _out_s: float = -math.inf
    _in_s: float = -math.inf
    _before_out: int = 0

    def ask(self, seen: Observation) -> Wish:
        """Return the wish at the end of a minute."""
        came, self._came = seen.came - self._came, seen.came
        if seen.now_s == 0 or seen.ready == 0:
            return Wish(seen.current, seen.current)
        metric = came / seen.ready
        self._minutes.append(metric)
        ratio = metric / self.target_per_minute
        wish = Wish(seen.current, max(1, math.ceil(seen.ready * ratio - ROUNDING)))
        if len(self._minutes) >= OUT_MINUTES and all(
            minute > self.target_per_minute for minute in list(self._minutes)[-OUT_MINUTES:]
        ):
            return self._out(seen, ratio, wish)
        if len(self._minutes) == IN_MINUTES and all(
            minute < self.target_per_minute * IN_SHARE for minute in self._minutes
        ):
            return self._in(seen, ratio, wish)
        return wish

    def _out(self, seen: Observation, ratio: float, wish: Wish) -> Wish:
        if seen.now_s - self._out_s >= self.out_cooldown_s - ROUNDING:
            self._before_out = seen.current
        more = math.ceil(self._before_out * ratio - ROUNDING)
        if more <= seen.current:
            return wish
        self._out_s, self._in_s = seen.now_s, -math.inf
        return Wish(more, wish.unsmoothed)

    def _in(self, seen: Observation, ratio: float, wish: Wish) -> Wish:
        fewer = max(1, math.ceil(seen.current * ratio - ROUNDING))
        if fewer >= seen.current or seen.now_s - self._in_s < self.in_cooldown_s - ROUNDING:
            return wish
        self._in_s = seen.now_s
        return Wish(fewer, wish.unsmoothed)
