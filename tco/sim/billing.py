"""Machines that come and go, as a seller bills them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tco.sim.packing import instances_needed


def billed_instance_s(
    replicas_over_time: Sequence[tuple[float, int]],
    until_s: float,
    *,
    per_instance: int,
    increment_s: float | None,
    minimum_s: float | None,
) -> float:
    """Return the billed time of all instances [s].

    An instance is held while some replica is on it, and the last one taken is the first given back.
    Each stretch is rounded up to the billing increment and to the minimum; where those are unknown,
    or the stretch is cut by the end, it counts as it is.

    Args:
        replicas_over_time: Moments [s] and the replicas held from then on.
        until_s: End of the run [s].
        per_instance: Replicas that fit on one instance.
        increment_s: Smallest step of billed time [s].
        minimum_s: Least billed time of one start [s].
    """
    billed_s = 0.0
    taken_s: list[float] = []
    for moment_s, replicas in replicas_over_time:
        wanted = instances_needed(replicas, per_instance)
        while len(taken_s) < wanted:
            taken_s.append(moment_s)
        while len(taken_s) > wanted:
            length_s = moment_s - taken_s.pop()
            step_s = increment_s or 0.0
            rounded_s = math.ceil(length_s / step_s - 1e-9) * step_s if step_s else length_s
            billed_s += max(rounded_s, minimum_s or 0.0) if length_s > 0 else 0.0
    return billed_s + sum(until_s - start_s for start_s in taken_s)
