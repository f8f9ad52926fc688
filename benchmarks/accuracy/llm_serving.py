"""How near simulated LLM serving comes to two recorded runs of a real engine.

All 300 arrivals are simulated. What is fitted sees the time stamps of requests 1 to 150 alone;
requests 151 to 300 are scored: mean, median, p90, p95 and p99 of time to first token, time a token
and end-to-end latency. Each run is also scored with what was fitted on the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tco.calibrate.kernel_profile import profile_curve, read_kernel_profile
from tco.calibrate.request_log import (
    RequestLog,
    fit_figures,
    read_request_log,
    simulated_times,
)
from tco.sim import llm_state as at
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve, linear_tables

RUNS = Path(__file__).parents[3] / "shared" / "serving_runs"
STEP_TOKENS, BLOCK_TOKENS, LAYERS = 2048, 16, 32
FITTED = 150
ENGINES = {
    # Sequences, and blocks of KV memory: one less than the engine reports, which it keeps empty.
    "rtx4090_llama31_8b": (256, 2588 - 1),
    "rtxpro6000_llama31_8b": (128, 10**7),
}
FIRST_GUESS = {
    "kernels, 2 scalars": (1e-3, 1.0),
    "step curve": (1e-2, 1e-4, 1e-7, 1e-4),
}


def limits_of(run: str) -> Limits:
    """Return the limits of a recorded engine."""
    sequences, blocks = ENGINES[run]
    return Limits(
        most_sequences=sequences,
        step_tokens=STEP_TOKENS,
        blocks=blocks,
        block_tokens=BLOCK_TOKENS,
        prefill_first=False,
        whole_prompt_fits=True,
        routing=at.ONE_QUEUE,
        queue_limit=-1,
        patience_s=math.inf,
        adapter_slots=0,
        swap_s=0.0,
        goal_s=math.inf,
    )


def curves_of(run: str, way: str) -> Callable[[Sequence[float]], StepCurve]:
    """Return what makes a curve for a run: of its kernels, or of coefficients alone."""
    sequences, _ = ENGINES[run]
    if way == "step curve":
        return lambda figures: StepCurve(
            linear_tables(
                base=figures[0],
                per_sequence=figures[1],
                per_kv_token=figures[2],
                per_prefill_token=figures[3],
                most_sequences=sequences,
                most_tokens=STEP_TOKENS,
            )
        )
    profile = read_kernel_profile(RUNS / run / "profile")
    return lambda figures: profile_curve(
        profile,
        layers=LAYERS,
        most_sequences=sequences,
        most_tokens=STEP_TOKENS,
        host_s=figures[0],
        attention_factor=figures[1],
    )


def scored(log: RequestLog, curve: StepCurve, limits: Limits) -> tuple[float, float, float]:
    """Return mean and largest absolute error of the 15 metrics, and the error of the makespan."""
    times = simulated_times(log, curve, limits)
    errors = []
    for first_s, last_s in (
        (times.first_token_s, times.finish_s),
        (log.first_token_s, log.finish_s),
    ):
        each_s = (last_s - first_s) / (log.output_tokens - 1)
        parts = [first_s - log.arrival_s, each_s, last_s - log.arrival_s]
        errors.append(
            [
                figure
                for part in parts
                for figure in (
                    part[FITTED:].mean(),
                    *np.quantile(part[FITTED:], [0.5, 0.9, 0.95, 0.99]),
                )
            ]
        )
    ratio = np.abs(np.array(errors[0]) / np.array(errors[1]) - 1)
    makespan = float(times.finish_s.max() / log.finish_s.max() - 1)
    return float(ratio.mean()), float(ratio.max()), makespan


def main() -> None:
    """Print one line for each run, way and origin of the figures."""
    logs = {run: read_request_log(RUNS / run / "requests.jsonl") for run in ENGINES}
    for way, guess in FIRST_GUESS.items():
        fitted = {
            run: fit_figures(log, limits_of(run), curves_of(run, way), guess, requests=FITTED)
            for run, log in logs.items()
        }
        for run, log in logs.items():
            for origin, found in fitted.items():
                curve = curves_of(run, way)(found.figures)
                mean, largest, makespan = scored(log, curve, limits_of(run))
                figures = ", ".join(f"{figure:.4g}" for figure in found.figures)
                print(
                    f"{run:22} {way:18} of {origin:22} mean {mean:6.2%} largest {largest:6.2%} "
                    f"makespan {makespan:+6.2%}  ({figures}; fit {found.share_of_latency:.2%})"
                )


if __name__ == "__main__":
    main()
