"""Idle time by cause, hour by hour and replica by replica, without arrays and without our code."""

import math
from collections.abc import Sequence


def idle_by_cause(busy_by_hour: Sequence[float], replicas: int) -> dict[str, float]:
    """Walk through the replicas of each hour, from the busiest, and ask each why it is idle."""
    peak_need = max(math.ceil(busy) for busy in busy_by_hour)
    idle = {"peak head-room": 0.0, "night and weekend": 0.0, "rest": 0.0}
    for busy in busy_by_hour:
        for place in range(replicas):
            works = min(1.0, max(0.0, busy - place))
            if place >= peak_need:
                idle["peak head-room"] += 1.0 - works
            elif place >= math.ceil(busy):
                idle["night and weekend"] += 1.0 - works
            else:
                idle["rest"] += 1.0 - works
    return idle
