"""How near simulated LLM serving comes to two recorded runs of a real engine.

All 300 arrivals are simulated. What is fitted sees the time stamps of requests 1 to 150 alone;
requests 151 to 300 are scored: mean, median, p90, p95 and p99 of time to first token, time a token
and end-to-end latency. Each run is also scored with what was fitted on the other, to look at. Exit
status 1 if a target is missed; skipped where the runs are absent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tco.calibrate.fitting import Curve, Fitted, fit_formula, fit_profile, of_formula, of_profile
from tco.calibrate.kernel_profile import read_kernel_profile
from tco.calibrate.request_log import RequestLog, read_request_log, simulated_times
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve

RUNS = Path(__file__).parents[3] / "shared" / "serving_runs"
FITTED = 150
STEP_TOKENS, BLOCK_TOKENS, LAYERS = 2048, 16, 32
ENGINES = {
    # Sequences, and blocks of KV memory: one less than the engine reports, which it keeps empty.
    "rtx4090_llama31_8b": (256, 2588 - 1),
    "rtxpro6000_llama31_8b": (128, 10**7),
}
TARGETS = {"kernel profile": 0.04, "step formula": 0.06}
"""Mean absolute error of the 15 metrics at most [-]."""
MAKESPAN_TARGET = 0.025
METRICS = [
    f"{part} {figure}"
    for part in ("first token", "a token", "latency")
    for figure in ("mean", "median", "p90", "p95", "p99")
]


@dataclass(frozen=True)
class Score:
    """Errors of one run with some figures, signed [-]."""

    run: str
    way: str
    origin: str
    fitted: Fitted
    metrics: NDArray[np.float64]
    makespan: float

    @property
    def mean(self) -> float:
        """Return the mean absolute error of the metrics [-]."""
        return float(np.abs(self.metrics).mean())

    @property
    def misses(self) -> bool:
        """Tell whether a target is missed; figures of another run have none."""
        is_near = self.mean <= TARGETS[self.way] and abs(self.makespan) <= MAKESPAN_TARGET
        return self.origin == self.run and not is_near


def limits_of(run: str) -> Limits:
    """Return the limits of a recorded engine."""
    sequences, blocks = ENGINES[run]
    return Limits(
        most_sequences=sequences,
        step_tokens=STEP_TOKENS,
        blocks=blocks,
        block_tokens=BLOCK_TOKENS,
    )


def curve_of(run: str, way: str) -> Curve:
    """Return what makes a curve for a run of figures."""
    if way == "step formula":
        return of_formula(limits_of(run))
    profile = read_kernel_profile(RUNS / run / "profile")
    return of_profile(profile, limits_of(run), layers=LAYERS)


def fitted_on(run: str, way: str, log: RequestLog) -> Fitted:
    """Fit a way to the first half of a run."""
    if way == "step formula":
        return fit_formula(log, limits_of(run), requests=FITTED)
    profile = read_kernel_profile(RUNS / run / "profile")
    return fit_profile(log, limits_of(run), profile, layers=LAYERS, requests=FITTED)


def metrics(
    log: RequestLog, first_s: NDArray[np.float64], last_s: NDArray[np.float64]
) -> list[float]:
    """Return the 15 metrics of the requests that are scored [s]."""
    each_s = (last_s - first_s) / (log.output_tokens - 1)
    parts = [first_s - log.arrival_s, each_s, last_s - log.arrival_s]
    return [
        figure
        for part in parts
        for figure in (part[FITTED:].mean(), *np.quantile(part[FITTED:], [0.5, 0.9, 0.95, 0.99]))
    ]


def errors(log: RequestLog, curve: StepCurve, limits: Limits) -> tuple[NDArray[np.float64], float]:
    """Return the errors of the 15 metrics, and of the makespan [-]."""
    times = simulated_times(log, curve, limits)
    found = np.array(metrics(log, times.first_token_s, times.finish_s))
    recorded = np.array(metrics(log, log.first_token_s, log.finish_s))
    return found / recorded - 1, float(times.finish_s.max() / log.finish_s.max() - 1)


def scores() -> Iterator[Score]:
    """Score every run in every way, with its own figures and with the other's."""
    logs = {run: read_request_log(RUNS / run / "requests.jsonl") for run in ENGINES}
    for way in TARGETS:
        fits = {run: fitted_on(run, way, log) for run, log in logs.items()}
        for run, log in logs.items():
            make = curve_of(run, way)
            for origin, fitted in fits.items():
                found = errors(log, make(fitted.figures), limits_of(run))
                yield Score(run, way, origin, fitted, *found)


def main() -> None:
    """Print one line for each run, way and origin of the figures."""
    if not RUNS.is_dir():
        sys.stdout.write(f"skipped: the recorded runs are not here ({RUNS})\n")
        return
    missed = False
    for score in scores():
        own = score.origin == score.run
        figures = ", ".join(f"{name} {value:.4g}" for name, value in score.fitted.figures.items())
        worst = int(np.abs(score.metrics).argmax())
        aim = f"at most {TARGETS[score.way]:.0%} and {MAKESPAN_TARGET:.1%}" if own else "no target"
        verdict = "MISSED" if score.misses else "met" if own else ""
        missed |= score.misses
        print(
            f"{score.run}, {score.way}, fitted on {'its first half' if own else score.origin}:\n"
            f"  mean {score.mean:.2%}, makespan {score.makespan:+.2%} ({aim}) {verdict}\n"
            f"  largest {score.metrics[worst]:+.1%} at {METRICS[worst]}; {figures}; "
            f"error in sample {score.fitted.error:.1%}, left out {score.fitted.left_out_error:.1%}"
        )
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
