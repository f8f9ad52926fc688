"""What a measurement says against itself: spread, other work, sweeps that do not move, Little."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tco.domain.measured import Effort, Point, Spread

LARGEST_SPREAD = 0.10
BUSY_PROCESSORS = 0.15
MOVES_BY = 0.05
LEAST_TO_MOVE = 3
LITTLE_WITHIN = 0.10
KEPT_UP = 0.95
LATE_S = 0.02
BUSY_CLIENT = 0.7


def of_point(seconds: Spread, items: float, repeats: int, effort: Effort) -> list[str]:
    """Doubt the times of one setting."""
    found = []
    between = seconds.repeat_spread
    if between is not None and between > LARGEST_SPREAD:
        found.append(f"its repeats lie {between:.0%} apart")
    if seconds.iqr is not None and seconds.iqr > LARGEST_SPREAD * seconds.typical:
        found.append(f"the middle half of its times spreads by {seconds.iqr / seconds.typical:.0%}")
    if items < effort.least_inferences:
        found.append(f"only {items:.0f} inferences in the time allowed")
    if repeats < effort.repeats:
        found.append(f"{repeats} of {effort.repeats} repeats")
    return found


def of_others(busy_processors: Sequence[float]) -> list[str]:
    """Doubt a setting that shared the machine."""
    most = max(busy_processors, default=0.0)
    if most <= BUSY_PROCESSORS:
        return []
    return [f"other programs kept {most:.1f} processors busy meanwhile"]


def of_sweep(points: Sequence[Point], others_processors: float | None) -> list[str]:
    """Doubt a sweep as a whole."""
    found = []
    if others_processors is not None and others_processors > BUSY_PROCESSORS:
        found.append(f"other programs kept {others_processors:.1f} processors busy meanwhile")
    ordered = sorted(points, key=_line)
    for line, members in groupby(ordered, key=_line):
        found += _still(list(members), str(line[0]))
    return found


def _line(point: Point) -> tuple[str, int, float, bool, bool]:
    """Points of one line differ by batch or concurrency alone."""
    return (
        point.phase.value,
        point.input_size or 0,
        point.context_tokens or 0.0,
        point.concurrency is None,
        point.pause_s is None,
    )


def _still(points: Sequence[Point], phase: str) -> list[str]:
    """Find a line on which more at once changes neither the time nor the rate."""
    loads = [p.concurrency or p.batch or 0.0 for p in points]
    rates = [p.throughput_per_s for p in points if p.throughput_per_s is not None]
    times = [p.seconds.typical for p in points]
    if len(points) < LEAST_TO_MOVE or max(loads) < 2 * min(loads) or len(rates) < len(points):
        return []
    if max(rates) <= (1 + MOVES_BY) * min(rates) and max(times) <= (1 + MOVES_BY) * min(times):
        return [f"the {phase} sweep does not move: its load was not under control"]
    return []


def of_little(in_system: float, rate_per_s: float, mean_s: float) -> list[str]:
    """Doubt a closed loop that breaks Little's law: number = rate x time."""
    law = rate_per_s * mean_s / in_system
    if abs(law - 1) <= LITTLE_WITHIN:
        return []
    return [f"Little's law is broken: rate x time is {law:.2f} of the {in_system:g} asked for"]


def of_open_loop(offered_per_s: float, rate_per_s: float, late_s: float) -> list[str]:
    """Doubt a server that did not keep up, and a client that sent late."""
    found = []
    if rate_per_s < KEPT_UP * offered_per_s:
        share = rate_per_s / offered_per_s
        found.append(f"offered is not completed: {share:.0%} of {offered_per_s:g} a second")
    if late_s > LATE_S:
        found.append(f"the client itself sent up to {late_s * 1000:.0f} ms late")
    return found


def of_client(share: float) -> list[str]:
    """Doubt a load whose sender had hardly time to send it."""
    if share <= BUSY_CLIENT:
        return []
    return [f"the client itself worked {share:.0%} of the time: it may have been the slower one"]
