"""Figures of a step curve from a log of requests, with the simulator in the loop.

The first requests of a log show when the engine answered them. The figures are those with which the
simulated engine answers them at the nearest times; the arrivals of all requests go in, as those
that come later share steps with the ones before. No time stamp of a later request is looked at.

How far off a fit is on what it has not seen is told by the log too: the figures are fitted once
more, to the first half of those requests, and held against the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.calibrate.kernel_profile import KernelProfile, adjusted, profile_curve
from tco.calibrate.request_log import RequestLog, simulated_times
from tco.errors import TcoError
from tco.sim.llm_queues import LlmTimes
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve, linear_tables

LEAST_REQUESTS = 20
"""Requests that a fit needs: ten to fit, ten to hold it against."""
SHORTEST_S = 1e-3
"""Spans from first to last token count as no shorter, where answers are of one token [s]."""
STRIDES = (0.5, -0.2)
"""First moves of the searches, each of which starts where the one before ended [logarithm]."""
EVALUATIONS = 200
"""Simulations of one search at most."""
PRECISION = 2e-3
"""The search ends when its figures agree this well, as a share."""

Figures = Mapping[str, float]
Curve = Callable[[Figures], StepCurve]

HOST = {"host_s": 1e-3}
FACTORS = {"dense_factor": 1.0, "attention_factor": 1.0}
PROFILE_STARTS: tuple[Figures, ...] = (
    {**HOST, "attention_factor": 1.0},
    {**HOST, "dense_factor": 1.0},
    FACTORS,
)
"""Pairs of figures that may be fitted beside a kernel profile; three would not be told apart."""
FORMULA_START: Figures = {
    "base": 1e-2,
    "per_sequence": 1e-4,
    "per_kv_token": 1e-7,
    "per_prefill_token": 1e-4,
}
"""Of a step, each in seconds."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Figures that a search found, and how far the simulated times are off with them."""

    figures: dict[str, float]
    error: float
    """Mean error of times to first token, end-to-end latencies and times a token, in sample [-]."""
    left_out_error: float
    """The same on the second half of the requests, with figures fitted to the first [-]."""


def fit_figures(
    log: RequestLog, limits: Limits, curve_of: Curve, start: Figures, *, requests: int
) -> Fitted:
    """Find the figures of a curve that fit the first requests of a log.

    Args:
        log: The requests.
        limits: How the engine admits them.
        curve_of: Makes a curve of figures.
        start: Figures to begin with, each above 0; they stay above 0.
        requests: How many of the first requests are fitted.

    Raises:
        TcoError: If the log has fewer requests, or these are too few.
    """
    if not LEAST_REQUESTS <= requests <= log.arrival_s.size:
        raise TcoError(
            f"{requests} of the log's {log.arrival_s.size} requests are to be fitted; "
            f"a fit needs {LEAST_REQUESTS} at least"
        )
    half = requests // 2
    figures, error = _search(log, limits, curve_of, start, slice(0, requests))
    before, _ = _search(log, limits, curve_of, start, slice(0, half))
    times = simulated_times(log, curve_of(before), limits)
    return Fitted(figures, error, _error(log, times, slice(half, requests)))


def fit_profile(
    log: RequestLog, limits: Limits, profile: KernelProfile, *, layers: int, requests: int
) -> Fitted:
    """Find the two figures beside a kernel profile that foretell what they have not seen best."""
    curve_of = of_profile(profile, limits, layers=layers)
    fits = [
        fit_figures(log, limits, curve_of, start, requests=requests) for start in PROFILE_STARTS
    ]
    return min(fits, key=lambda fitted: fitted.left_out_error)


def fit_formula(log: RequestLog, limits: Limits, *, requests: int) -> Fitted:
    """Find the coefficients of a step from a log alone."""
    return fit_figures(log, limits, of_formula(limits), FORMULA_START, requests=requests)


def of_profile(profile: KernelProfile, limits: Limits, *, layers: int) -> Curve:
    """Return what makes a curve of a kernel profile and figures beside it."""
    kernels = profile_curve(
        profile,
        layers=layers,
        most_sequences=limits.most_sequences,
        most_tokens=limits.step_tokens,
    )
    return lambda figures: adjusted(kernels, **figures)


def of_formula(limits: Limits) -> Curve:
    """Return what makes a curve of the coefficients of a step."""
    return lambda figures: StepCurve(
        linear_tables(
            **figures, most_sequences=limits.most_sequences, most_tokens=limits.step_tokens
        )
    )


def _error(log: RequestLog, times: LlmTimes, rows: slice) -> float:
    """Return the mean of three errors, each a share, of some requests."""

    def of_mean(simulated_s: NDArray[np.float64], recorded_s: NDArray[np.float64]) -> float:
        off_s = np.abs(simulated_s - recorded_s)[rows].mean()
        return float(off_s / (recorded_s - log.arrival_s)[rows].mean())

    recorded_s = np.maximum(log.finish_s - log.first_token_s, SHORTEST_S)
    spans = np.abs((times.finish_s - times.first_token_s) / recorded_s - 1)[rows]
    return (
        of_mean(times.first_token_s, log.first_token_s)
        + of_mean(times.finish_s, log.finish_s)
        + float(spans.mean())
    ) / 3


def _search(
    log: RequestLog, limits: Limits, curve_of: Curve, start: Figures, rows: slice
) -> tuple[dict[str, float], float]:
    """Return the figures with the least error on some requests, and that error.

    The figures pull against each other and the error has steps, where one request more gets into a
    batch: a simplex of logarithms goes along such a valley, one figure at a time does not.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - takes half a second; only fits need it

    def figures_at(logarithms: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(start, np.exp(logarithms).tolist(), strict=True))

    def error_at(logarithms: NDArray[np.float64]) -> float:
        return _error(log, simulated_times(log, curve_of(figures_at(logarithms)), limits), rows)

    found = np.log(list(start.values()))
    for stride in STRIDES:
        edges = found + stride * np.diag((-1.0) ** np.arange(1, found.size + 1))
        result = minimize(
            error_at,
            found,
            method="Nelder-Mead",
            options={
                "initial_simplex": np.vstack([found, edges]),
                "xatol": PRECISION,
                "fatol": PRECISION / 100,
                "maxfev": EVALUATIONS,
            },
        )
        found = result.x
    return figures_at(found), float(result.fun)
