"""First come, first served over several places, without an engine and without our code."""

import heapq
from collections.abc import Sequence


def starts_by_recursion(
    arrivals_s: Sequence[float], service_s: Sequence[float], places: int
) -> list[float]:
    """Give each request, in turn, the place that is free first."""
    free_at_s = [0.0] * places
    starts_s = []
    for arrival_s, needs_s in zip(arrivals_s, service_s, strict=True):
        start_s = max(arrival_s, heapq.heappop(free_at_s))
        heapq.heappush(free_at_s, start_s + needs_s)
        starts_s.append(start_s)
    return starts_s
