"""How fast fleets of LLM replicas are simulated: targets to look at, not asserted anywhere.

A week of chat at 20 requests a second on a fleet that scales should take less than 15 s of one
core. The steps are those of Llama 3.1 8B on an H100, as published; messages are of unlike length.
Beside it stands the same week on a fleet of a fixed size, before one queue and in turn: the price
of an autoscaler is a ratio, and so is what replicas gain that are carried apart from each other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np

from tco.sim import kernel_layout as at
from tco.sim.fleet import Fleet, FleetRecord, FleetRules, Requests
from tco.sim.latency_bins import quantile_s
from tco.sim.llm_curve import StepLine
from tco.sim.llm_service import LlmService
from tco.sim.llm_steps import StepCurve
from tco.sim.run import Discipline
from tco.sim.scaling import QueueLength, Rule, Static
from tco.sim.service import BatchRule

RATE_PER_S, WEEK_S, CHUNK = 20.0, 7 * 24 * 3600.0, 200_000
PROMPT, ANSWER = 600, 180
TARGET_S = 15.0
LARGEST, BOOT_S, IN_FLIGHT = 12, 360.0, 32.0
STEPS = StepLine((0.0,), (6.745e-3,), (7.67e-5,), 5.36e-8, 3.775e-5)


def chat(seed: int = 1) -> Iterator[Requests]:
    """Give a week of messages whose rate follows the day, in blocks."""
    random = np.random.default_rng(seed)
    clock_s = 0.0
    while clock_s < WEEK_S:
        gaps_s = random.exponential(1 / (1.8 * RATE_PER_S), CHUNK)
        times_s = clock_s + np.cumsum(gaps_s)
        clock_s = float(times_s[-1])
        level = (1 - 0.8 * np.cos(2 * np.pi * times_s / 86_400)) / 1.8
        times_s = times_s[(random.random(CHUNK) < level) & (times_s < WEEK_S)]
        sizes = random.gamma(2.0, 0.5, (2, times_s.size)) * np.array([[PROMPT], [ANSWER]])
        inputs, outputs = np.ceil(sizes)
        yield Requests(times_s, input_tokens=inputs, output_tokens=outputs)


def run(
    rule: Rule, least: int, discipline: Discipline = Discipline.ONE_LINE
) -> tuple[FleetRecord, float]:
    """Simulate the week and return how long that took [s]."""
    service = LlmService(
        StepCurve(STEPS.tables(1024, 8192)),
        max_sequences=1024,
        max_step_tokens=8192,
        blocks=28_000,
        block_tokens=16,
    )
    rules = FleetRules(
        service,
        BatchRule(),
        rule,
        least,
        max(least, LARGEST),
        boot_s=lambda: BOOT_S,
        discipline=discipline,
    )
    began_s = time.process_time()
    record = Fleet(rules, chat(), until_s=WEEK_S).run()
    return record, time.process_time() - began_s


def main() -> None:
    """Print seconds for a week of a fleet that scales, and of one that does not."""
    drawn_s = time.process_time()
    requests = sum(chunk.arrivals_s.size for chunk in chat())
    drawn_s = time.process_time() - drawn_s
    seconds = {}
    for name, rule, least, discipline in (
        ("fixed, 3 replicas", Static(3), 3, Discipline.ONE_LINE),
        ("fixed, 3 replicas in turn", Static(3), 3, Discipline.ROUND_ROBIN),
        ("scaled by requests in flight", QueueLength(IN_FLIGHT), 1, Discipline.ONE_LINE),
    ):
        record, seconds[name] = run(rule, least, discipline)
        steps = record.hours[:, at.HOUR_BATCHES].sum()
        sys.stdout.write(
            f"{name:<30} {seconds[name]:6.1f} s for {requests:,} requests (drawn in {drawn_s:.1f} s"
            f" of it), {steps:,.0f} steps, p95 {quantile_s(record.histogram, 0.95):.2f} s, "
            f"{record.serving_s.sum() / WEEK_S:.2f} replicas\n"
        )
    fixed_s, in_turn_s, scaled_s = seconds.values()
    is_met = "met" if scaled_s < TARGET_S else "missed"
    sys.stdout.write(
        f"target {TARGET_S:.0f} s: {is_met}; scaled over fixed {scaled_s / fixed_s:.2f}, "
        f"in turn over one queue {in_turn_s / fixed_s:.2f}\n"
    )


if __name__ == "__main__":
    main()
