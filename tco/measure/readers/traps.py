"""What result files are known to get wrong, looked for in every import."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tco.domain.measured import Phase, Point, Unit

LEAST_DONE = 0.95
MOST_FAILED = 0.01
REQUESTS_EACH = 10
HELD = (0.85, 1.1)
MOVES_BY = 1.05
QUEUES_BY = 2.0
LEAST_TO_MOVE = 3
HIDDEN_WORKERS = 1.8
SLOWER_BY = 0.95


def with_doubts(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points with what speaks against each of them."""
    return tuple(
        point.model_copy(
            update={
                "doubts": tuple(
                    dict.fromkeys([*point.doubts, *_of_load(point), *_of_batch(point, points)])
                )
            }
        )
        for point in points
    )


def of_sweep(points: Sequence[Point]) -> list[str]:
    """Return what speaks against the sweep as a whole."""
    asked = sorted(
        (point for point in points if point.concurrency and point.throughput_per_s),
        key=lambda point: point.concurrency or 0.0,
    )
    rates = [point.throughput_per_s or 0.0 for point in asked]
    distinct = {point.concurrency or 0.0 for point in asked}
    found = []
    if len(distinct) >= LEAST_TO_MOVE and max(rates) < min(rates) * MOVES_BY:
        found.append(
            f"throughput does not move from concurrency {min(distinct):g} to {max(distinct):g}: "
            "the tool did not control it (all requests queued at once?), so this is one point"
        )
        return found
    for before, after in pairwise(asked):
        if _only_queues(before, after):
            found.append(
                f"from concurrency {before.concurrency:g} to {after.concurrency:g} the rate stays "
                "and the first token takes longer: beyond the server's batch limit more clients "
                "only queue"
            )
    return found


def _only_queues(before: Point, after: Point) -> bool:
    if before.ttft_s is None or after.ttft_s is None:
        return False
    same = (after.throughput_per_s or 0.0) < (before.throughput_per_s or 0.0) * MOVES_BY
    return same and after.ttft_s.typical > before.ttft_s.typical * QUEUES_BY


def _of_load(point: Point) -> list[str]:
    """Doubt offered load that was not done, failures, short runs, and Little's law."""
    found = []
    rate = point.throughput_per_s if point.throughput_unit is Unit.REQUESTS else None
    if rate is None and point.completed and point.window_s:
        rate = point.completed / point.window_s
    if point.offered_per_s and rate and rate < LEAST_DONE * point.offered_per_s:
        found.append(
            f"offered {point.offered_per_s:g} a second, completed {rate:.3g}: the completed rate "
            "counts"
        )
    if point.failed and point.completed is not None:
        share = point.failed / (point.completed + point.failed)
        if share > MOST_FAILED:
            found.append(f"{share:.1%} of the requests failed")
    if point.concurrency and point.completed:
        each = point.completed / point.concurrency
        if each < REQUESTS_EACH:
            found.append(
                f"only {each:.1f} requests a client: the rate holds the ramp and the drain, and is "
                "under the steady one"
            )
    if point.phase is Phase.REQUEST and point.concurrency and rate and point.seconds.mean:
        held = rate * point.seconds.mean / point.concurrency
        if not HELD[0] <= held <= HELD[1]:
            found.append(
                f"rate x latency is {held:.2f} of the concurrency asked for (Little's law): the "
                "client did not hold it, or the figures do not belong together"
            )
    return found


def _of_batch(point: Point, points: Sequence[Point]) -> list[str]:
    """Doubt hidden workers, and say where a larger batch was slower."""
    if point.phase is not Phase.FORWARD or not point.batch or not point.throughput_per_s:
        return []
    found = []
    workers = point.throughput_per_s * point.seconds.typical / point.batch
    if workers >= HIDDEN_WORKERS:
        found.append(
            f"throughput x latency / batch is {workers:.1f}: the throughput is that of about "
            f"{workers:.0f} workers, the latency that of one"
        )
    rates = {
        other.batch: other.throughput_per_s
        for other in points
        if other.phase is Phase.FORWARD and other.input_size == point.input_size and other.batch
    }
    best = max(rates, key=lambda batch: rates[batch] or 0.0)
    if point.batch > best and point.throughput_per_s < SLOWER_BY * (rates[best] or 0.0):
        share = 1 - point.throughput_per_s / (rates[best] or 1.0)
        found.append(f"{share:.0%} slower than batch {best:g}: a larger batch is not always faster")
    return found
