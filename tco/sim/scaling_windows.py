"""Autoscaling rules that average the requests in a fleet over windows of time.

They let a fleet sleep: the first request that finds no replica is seen when it comes.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from tco.sim.scaling import ROUNDING, Observation, Wish, replicas_for

KNATIVE_TICK_S = 2.0
STABLE_WINDOW_S = 60.0
PANIC_WINDOW_SHARE = 0.1
PANIC_THRESHOLD = 2.0
MOST_UP_FACTOR = 1000.0
MOST_DOWN_FACTOR = 2.0
GRACE_S = 30.0
METRICS_INTERVAL_S = 10.0
LOOK_BACK_S = 30.0
UP_DELAY_S = 30.0
DOWN_DELAY_S = 600.0


@dataclass(slots=True)
class _Past:
    """What was counted at the looks of some time, one every ``interval_s``."""

    keep_s: float
    interval_s: float
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, now_s: float, count: int) -> None:
        self._seen.append((now_s, count))
        while self._seen[0][0] <= now_s - self.keep_s + ROUNDING:
            self._seen.popleft()

    def mean(self, now_s: float, window_s: float) -> float:
        """Return the mean count of a window that ends now; nobody was there while nobody looked."""
        total = sum(n for at_s, n in self._seen if at_s > now_s - window_s + ROUNDING)
        return total * self.interval_s / min(window_s, now_s)


def knative_desired(
    ready: int, stable: float, panic: float, target: float
) -> tuple[int, int, bool]:
    """Return what Knative asks for by its long and its short window, and whether it panics.

    Args:
        ready: Replicas that are ready.
        stable: Mean requests in the fleet over the long window.
        panic: The same over the short one.
        target: Requests that a replica should have.

    >>> knative_desired(4, 250.0, 700.0, 70.0)
    (4, 10, True)
    """
    there = max(1, ready)
    least, most = math.floor(there / MOST_DOWN_FACTOR), math.ceil(there * MOST_UP_FACTOR)
    by_stable, by_panic = replicas_for(stable, target), replicas_for(panic, target)
    panics = by_panic / there >= PANIC_THRESHOLD
    return min(max(by_stable, least), most), min(max(by_panic, least), most), panics


@dataclass(slots=True)
class Knative:
    """Knative's pod autoscaler on the requests in the fleet.

    A short window that asks for twice as many replicas as are ready starts a panic: nothing is
    taken away, the most that any window asked for is kept, until no look for a whole long window
    was in excess. The last replica goes when the long window was empty and the grace is over.
    """

    concurrency: float
    target_share: float
    interval_s: float = KNATIVE_TICK_S
    stable_window_s: float = STABLE_WINDOW_S
    grace_s: float = GRACE_S
    starts_from_zero: bool = True
    wakes_at_once: bool = True
    sleeps: bool = True
    _panic_s: float | None = None
    _most: int = 0
    _empty_s: float | None = None
    _past: _Past = field(init=False)

    def __post_init__(self) -> None:
        self._past = _Past(self.stable_window_s, self.interval_s)

    @property
    def busy_target(self) -> float:
        """Share of its concurrency that a replica should have [-]."""
        return self.target_share

    def ask(self, seen: Observation) -> Wish:
        """Return the wish at a tick, or when a request wakes the fleet."""
        if seen.now_s == 0:
            return Wish(seen.current, seen.current)
        target = self.concurrency * self.target_share
        if seen.current == 0:
            self._empty_s = None
            return Wish(1 if seen.present else 0, replicas_for(seen.present, target))
        now_s, past = seen.now_s, self._past
        past.add(now_s, seen.present)
        by_stable, by_panic, panics = knative_desired(
            seen.ready,
            past.mean(now_s, self.stable_window_s),
            past.mean(now_s, self.stable_window_s * PANIC_WINDOW_SHARE),
            target,
        )
        wanted = by_stable
        if panics:
            self._panic_s = now_s
        elif self._panic_s is not None and now_s > self._panic_s + self.stable_window_s:
            self._panic_s, self._most = None, 0
        if self._panic_s is not None:
            self._most = wanted = max(self._most, by_stable, by_panic)
        return Wish(self._graced(seen, wanted), replicas_for(seen.present, target))

    def _graced(self, seen: Observation, wanted: int) -> int:
        """Keep one replica while the grace lasts."""
        if wanted > 0:
            self._empty_s = None
            return wanted
        if self._empty_s is None:
            self._empty_s = seen.now_s
        return 0 if seen.now_s - self._empty_s >= self.grace_s - ROUNDING else 1


@dataclass(slots=True)
class RayServe:
    """Ray Serve's rule on the ongoing requests of its replicas.

    The mean of the look-back is worth so many replicas. A wish for more has to last for the delay
    upwards before it is met, one for fewer for the longer delay downwards; a wish the other way, or
    for what there is, starts anew. Replicas report every ``interval_s``; between two reports what
    the rule reads does not change, so its faster loop decides no other way. Where no replica runs,
    who waits starts one at once.
    """

    target: float
    interval_s: float = METRICS_INTERVAL_S
    look_back_s: float = LOOK_BACK_S
    up_delay_s: float = UP_DELAY_S
    down_delay_s: float = DOWN_DELAY_S
    busy_target: float = 1.0
    starts_from_zero: bool = True
    wakes_at_once: bool = True
    sleeps: bool = True
    _past: _Past = field(init=False)
    _since: tuple[int, float] | None = None
    """Direction of the wish, and since when it lasts [s]."""

    def __post_init__(self) -> None:
        self._past = _Past(self.look_back_s, self.interval_s)

    def ask(self, seen: Observation) -> Wish:
        """Return the wish at a report, or when a request finds no replica."""
        now, current = replicas_for(seen.present, self.target), seen.current
        if seen.now_s == 0:
            return Wish(current, current)
        if current:
            self._past.add(seen.now_s, seen.present)
        if seen.ready == 0:
            self._since = None
            return Wish(max(1, current) if seen.present else current, now)
        wanted = replicas_for(self._past.mean(seen.now_s, self.look_back_s), self.target)
        direction = (wanted > current) - (wanted < current)
        if direction == 0:
            self._since = None
            return Wish(current, now)
        if self._since is None or self._since[0] != direction:
            self._since = direction, seen.now_s
        delay_s = self.up_delay_s if direction > 0 else self.down_delay_s
        if seen.now_s - self._since[1] < delay_s - ROUNDING:
            return Wish(current, now)
        self._since = None
        return Wish(wanted, now)
