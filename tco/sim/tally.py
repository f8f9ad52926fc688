"""Replica-seconds by hour: in which state, and, where they were not busy, why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tco.sim.scaling import Wish
from tco.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]
STATES = 3

MINIMUM_FLOOR = "minimum floor"
SCALE_DOWN_DELAY = "scale-down delay"
HEAD_ROOM = "head-room the latency goal needs"
REST = "rest"


def pieces(start_s: float, end_s: float, hours: int) -> Iterator[tuple[int, float]]:
    """Cut a stretch of time at the hours: yield each hour and the seconds in it.

    >>> list(pieces(3599.0, 3602.0, 2))
    [(0, 1.0), (1, 2.0)]
    """
    hour = min(hours - 1, int(start_s // SECONDS_PER_HOUR))
    here = start_s
    while here < end_s:
        edge = end_s if hour == hours - 1 else min(end_s, (hour + 1) * SECONDS_PER_HOUR)
        yield hour, edge - here
        here = edge
        hour += 1


class ReplicaClock:
    """Adds up how long how many replicas are in each state."""

    def __init__(self, hours: int) -> None:
        self.by_hour = np.zeros((STATES, hours))
        self._held = np.zeros(STATES)
        self._since_s = 0.0

    def account(self, now_s: float) -> None:
        """Add the time since the last change."""
        if self._held.any():
            for hour, seconds in pieces(self._since_s, now_s, self.by_hour.shape[1]):
                self.by_hour[:, hour] += self._held * seconds
        self._since_s = now_s

    def hold(self, *held: int) -> None:
        """Take note of the numbers from now on."""
        self._held[:] = held


class IdleCauses:
    """Splits idle replica-seconds by the first cause that applies.

    Between two looks of the autoscaler the load asks for its busy time over the target. Replicas
    that do nothing are, in this order: what the least number holds above that, those above what the
    rule would ask for without its smoothing, what the target leaves free beside the busy time so
    that latency holds, and the rest: parts of a replica, for there are only whole ones.

    ``target`` is the busy share that the rule aims at [-].
    """

    def __init__(self, hours: int, minimum: int, *, target: float) -> None:
        names = (MINIMUM_FLOOR, SCALE_DOWN_DELAY, HEAD_ROOM, REST)
        self.by_hour = {name: np.zeros(hours) for name in names}
        self._minimum = minimum
        self._target = target
        self._hours = hours

    def account(self, start_s: float, end_s: float, ready: int, busy_s: float, wish: Wish) -> None:
        """Attribute the idle time of one interval.

        Args:
            start_s: Begin of the interval [s].
            end_s: End of the interval [s].
            ready: Replicas in service during it.
            busy_s: Replica-seconds that were busy [s].
            wish: What the rule asked for at its end.
        """
        length_s = end_s - start_s
        left = max(0.0, ready * length_s - busy_s)
        asked = busy_s / self._target
        floor = max(0.0, min(ready, self._minimum) * length_s - asked)
        late = max(0, ready - max(wish.unsmoothed, self._minimum)) * length_s
        room = asked - busy_s
        amounts = []
        for bound in (floor, late, room):
            amounts.append(min(left, bound))
            left -= amounts[-1]
        amounts.append(left)
        for hour, seconds in pieces(start_s, end_s, self._hours):
            for cause, amount in zip(self.by_hour.values(), amounts, strict=True):
                cause[hour] += amount * seconds / length_s
