"""Replica-seconds by hour: in which state, and, where they were not busy, why."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tco.sim.scaling import Wish
from tco.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]
STATES = 4
"""Serving, booting, draining, under repair."""

BUSY = "busy"
BOOTING = "booting"
DRAINING = "draining"
REPAIR = "under repair"
LOST = "lost work"
SPARE = "spare replicas"
MINIMUM_FLOOR = "minimum floor"
SCALE_DOWN_DELAY = "scale-down delay"
HEAD_ROOM = "head-room the latency goal needs"
REST = "rest"


def pieces(start_s: float, end_s: float, hours: int) -> list[tuple[int, float]]:
    """Cut a stretch of time at the hours: return each hour and the seconds in it.

    >>> pieces(3599.0, 3602.0, 2)
    [(0, 1.0), (1, 2.0)]
    """
    hour = min(hours - 1, int(start_s // SECONDS_PER_HOUR))
    if hour == hours - 1 or end_s <= (hour + 1) * SECONDS_PER_HOUR:
        return [(hour, end_s - start_s)]
    edge_s = (hour + 1) * SECONDS_PER_HOUR
    parts = [(hour, edge_s - start_s)]
    while edge_s < end_s:
        hour = min(hours - 1, hour + 1)
        next_s = end_s if hour == hours - 1 else min(end_s, (hour + 1) * SECONDS_PER_HOUR)
        parts.append((hour, next_s - edge_s))
        edge_s = next_s
    return parts


class ReplicaClock:
    """Adds up how long how many replicas of which hardware are in each state.

    Lists and not arrays: one number at a time is added to them, at every look of a rule.
    """

    def __init__(self, hours: int, kinds: int = 1) -> None:
        self._total = [0.0] * (STATES * kinds)
        self._by_hour = [[0.0] * hours for _ in range(STATES * kinds)]
        self._hours = hours
        self._kinds = kinds
        self._held = [0] * (STATES * kinds)
        self._since_s = 0.0

    @property
    def by_hour(self) -> Array:
        """Replica-seconds by state, hardware class and hour [s]."""
        return np.array(self._by_hour).reshape(STATES, self._kinds, self._hours)

    def total_s(self, state: int) -> float:
        """Return the replica-seconds in a state so far [s]."""
        return sum(self._total[state * self._kinds : (state + 1) * self._kinds])

    def held(self, state: int) -> int:
        """Return how many replicas are in a state."""
        return sum(self._held[state * self._kinds : (state + 1) * self._kinds])

    def change(self, state: int, kind: int, by: int) -> None:
        """Count one more or one less from now on; time must be accounted for until now."""
        self._held[state * self._kinds + kind] += by

    def account(self, now_s: float) -> None:
        """Add the time since the last change."""
        since_s = self._since_s
        if now_s <= since_s:
            return
        self._since_s = now_s
        parts = pieces(since_s, now_s, self._hours)
        for place, held in enumerate(self._held):
            if held:
                self._total[place] += held * (now_s - since_s)
                for hour, seconds in parts:
                    self._by_hour[place][hour] += held * seconds


class IdleCauses:
    """Splits idle replica-seconds by the first cause that applies.

    Between two looks of the autoscaler the replicas that do nothing are, in this order: slots of
    replicas that drain and have nothing left to do, as many as are spare, replicas below the least
    number that is always kept, those above what the rule would ask for without its smoothing, the
    share that the target leaves free so that latency holds, and the rest.

    ``target`` is the busy share that the rule aims at [-].
    """

    def __init__(self, hours: int, minimum: int, *, target: float, spare: int = 0) -> None:
        names = (DRAINING, SPARE, MINIMUM_FLOOR, SCALE_DOWN_DELAY, HEAD_ROOM, REST)
        self._by_hour = {name: [0.0] * hours for name in names if spare or name != SPARE}
        self._minimum = minimum
        self._spare = spare
        self._target = target
        self._hours = hours
        self._drained: list[tuple[float, float, float, int]] = []

    def drain(self, replica: int, free_s: Iterable[float], ends_s: float, *, slots: int) -> None:
        """Take note of a replica that takes no more work.

        Args:
            replica: Its number.
            free_s: When each of its slots has done what it serves [s].
            ends_s: When the last one has [s].
            slots: Number of slots.
        """
        self._drained += [
            (from_s, ends_s, 1.0 / slots, replica) for from_s in free_s if from_s < ends_s
        ]

    def cut(self, replica: int, now_s: float) -> None:
        """Take note that a replica which takes no more work is gone before it has ended."""
        self._drained = [
            (from_s, min(ends_s, now_s) if number == replica else ends_s, weight, number)
            for from_s, ends_s, weight, number in self._drained
            if number != replica or from_s < now_s
        ]

    def drained_s(self, start_s: float, end_s: float) -> float:
        """Return the idle replica-seconds of draining replicas in an interval [s]."""
        if not self._drained:
            return 0.0
        return sum(
            weight * max(0.0, min(until_s, end_s) - max(from_s, start_s))
            for from_s, until_s, weight, _ in self._drained
        )

    def account(
        self, start_s: float, end_s: float, serving_s: float, idle_s: float, wish: Wish
    ) -> None:
        """Attribute the idle time of one interval.

        Args:
            start_s: Begin of the interval [s].
            end_s: End of the interval [s].
            serving_s: Replica-seconds in service during it [s].
            idle_s: Those of them that were not busy [s].
            wish: What the rule asked for at its end.
        """
        length_s = end_s - start_s
        ready = serving_s / length_s
        left = max(0.0, idle_s)
        amounts = [self.drained_s(start_s, end_s)]
        spare = min(ready, self._spare) * length_s
        floor = max(0.0, min(ready, self._minimum) - wish.unsmoothed) * length_s
        late = max(0.0, ready - max(wish.unsmoothed, self._minimum)) * length_s
        room = serving_s * (1.0 - self._target)
        bounds = (spare, floor, late, room) if self._spare else (floor, late, room)
        for bound in bounds:
            amounts.append(min(left, bound))
            left -= amounts[-1]
        amounts.append(left)
        if self._drained:
            self._drained = [drain for drain in self._drained if drain[1] > end_s]
        parts = pieces(start_s, end_s, self._hours)
        for cause, amount in zip(self._by_hour.values(), amounts, strict=True):
            if amount:
                for hour, seconds in parts:
                    cause[hour] += amount * (seconds / length_s)

    @property
    def total_s(self) -> float:
        """Idle time in all [s]."""
        return sum(sum(part) for part in self._by_hour.values())

    def settle(self, idle_s: Array) -> dict[str, Array]:
        """Return the causes by hour, each hour's sum being the idle time that it really had [s].

        An interval that crosses an hour was split evenly; here each hour gets its own again.
        """
        by_hour = {name: np.array(part) for name, part in self._by_hour.items()}
        seen_s = np.sum(list(by_hour.values()), axis=0)
        factor = np.divide(idle_s, seen_s, out=np.zeros_like(seen_s), where=seen_s > 0)
        settled = {name: part * factor for name, part in by_hour.items()}
        settled[REST] = settled[REST] + np.where(seen_s > 0, 0.0, idle_s)
        return settled
