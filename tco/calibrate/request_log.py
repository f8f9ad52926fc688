"""Figures of a step curve from a log of requests, with the simulator in the loop.

The first requests of a log show when the engine answered them. The figures are those with which the
simulated engine answers them at the nearest times; the arrivals of all requests go in, as those
that come later share steps with the ones before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tco.errors import TcoError
from tco.sim.llm_queues import LlmQueues, LlmRequests, LlmTimes
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
HALVINGS = 9
"""How often the search halves its stride: to 1/500 of the first."""
SHORTEST_S = 1e-3
"""Spans from first to last token count as no shorter, where answers are of one token [s]."""
COLUMNS = ("queued_ts", "first_token_ts", "last_token_ts", "input_toks", "output_toks")


@dataclass(frozen=True, slots=True)
class RequestLog:
    """Requests of one replica in order of arrival; time 0 is the first arrival."""

    arrival_s: Array
    input_tokens: Whole
    output_tokens: Whole
    first_token_s: Array
    finish_s: Array


@dataclass(frozen=True, slots=True)
class Fitted:
    """Figures that a search found, and how far the simulated times are off with them."""

    figures: tuple[float, ...]
    mean_error_s: float
    """Mean distance of first and last tokens of the fitted requests [s]."""
    share_of_latency: float
    """The same over the mean end-to-end latency [-]."""


def read_request_log(file: Path) -> RequestLog:
    """Read a log of one JSON object a line, with the engine's own time stamps.

    Raises:
        TcoError: If a line is no such object.
    """
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            rows.append([float(row[name]) for name in COLUMNS])
        except (ValueError, TypeError, KeyError) as error:
            raise TcoError(
                f"{file}:{number}: no request with {', '.join(COLUMNS)} ({error}); "
                "give one JSON object a line"
            ) from None
    if not rows:
        raise TcoError(f"{file}: no request")
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    times_s = table[:, :3] - table[0, 0]
    tokens = table[:, 3:].astype(np.int64)
    return RequestLog(times_s[:, 0], tokens[:, 0], tokens[:, 1], times_s[:, 1], times_s[:, 2])


def simulated_times(log: RequestLog, curve: StepCurve, limits: Limits) -> LlmTimes:
    """Run the arrivals of a log through one replica, to the last."""
    requests = LlmRequests(log.arrival_s, log.input_tokens, log.output_tokens)
    count = log.arrival_s.size
    queues = LlmQueues(curve, limits, [requests], replicas=1, hours=1, keep_requests=count)
    queues.takes[:] = 1
    queues.carry(math.inf)
    return queues.times


def fit_figures(
    log: RequestLog,
    limits: Limits,
    curve_of: Callable[[Sequence[float]], StepCurve],
    start: Sequence[float],
    *,
    requests: int,
) -> Fitted:
    """Find the figures of a curve that fit the first requests of a log.

    Every figure is moved up and down in turn while that helps, then by half as much. No time stamp
    of a later request is looked at.

    Args:
        log: The requests.
        limits: How the engine admits them.
        curve_of: Makes a curve of figures.
        start: Figures to begin with, each above 0.
        requests: How many of the first requests are fitted.
    """

    def errors(figures: Sequence[float]) -> tuple[float, float]:
        """Return what is made least, a share, and the mean distance of the times [s]."""
        times = simulated_times(log, curve_of(figures), limits)
        first_s = np.abs(times.first_token_s - log.first_token_s)[:requests]
        last_s = np.abs(times.finish_s - log.finish_s)[:requests]
        span_s = times.finish_s - times.first_token_s
        recorded_s = np.maximum(log.finish_s - log.first_token_s, SHORTEST_S)
        spans = np.abs(span_s / recorded_s - 1)[:requests]
        share = first_s.mean() / to_first_s + last_s.mean() / latency_s + spans.mean()
        return float(share), float(first_s.mean() + last_s.mean()) / 2

    to_first_s = float((log.first_token_s - log.arrival_s)[:requests].mean())
    latency_s = float((log.finish_s - log.arrival_s)[:requests].mean())
    figures, stride = list(start), 0.5
    best = errors(figures)
    for _ in range(HALVINGS):
        moved = True
        while moved:
            moved = False
            for k in range(len(figures)):
                for factor in (1 + stride, 1 / (1 + stride)):
                    tried = [*figures[:k], figures[k] * factor, *figures[k + 1 :]]
                    error = errors(tried)
                    if error < best:
                        figures, best, moved = tried, error, True
        stride /= 2
    return Fitted(tuple(figures), best[1], best[1] / latency_s)
