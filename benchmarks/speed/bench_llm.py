"""How fast LLM replicas are simulated, against a plain SimPy model that makes every step.

Requests of 512 tokens that get 128, on one core in one process; per-request results are off. The
plain model is a process that loops over steps and goes through all sequences in each; both answer
the same arrivals, at the same mean latency, before their speeds are compared. The ratio travels
between machines. Targets are looked at, not asserted.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import simpy
from numpy.typing import NDArray

from tco.sim import llm_state as at
from tco.sim.llm_queues import LlmQueues, LlmRequests
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve, linear_tables

INPUT, OUTPUT = 512, 128
BASE_S, PER_SEQUENCE_S, PER_KV_S, PER_PROMPT_S = 8e-3, 2e-5, 1e-8, 2e-5
SEQUENCES, TOKENS, BLOCK, BLOCKS = 256, 2048, 16, 20_000
CHUNK = 20_000
PLAIN, OURS = 400, 400_000
RATES = (2.0, 10.0, 30.0)
"""Requests a second; the last is near what the replica can carry."""
TARGET = 1000.0
ROUNDS = 3
LIMITS = Limits(
    most_sequences=SEQUENCES,
    step_tokens=TOKENS,
    blocks=BLOCKS,
    block_tokens=BLOCK,
    prefill_first=False,
    whole_prompt_fits=True,
    routing=at.ONE_QUEUE,
    queue_limit=-1,
    patience_s=math.inf,
    adapter_slots=0,
    swap_s=0.0,
    goal_s=math.inf,
)
CURVE = StepCurve(
    linear_tables(
        base=BASE_S,
        per_sequence=PER_SEQUENCE_S,
        per_kv_token=PER_KV_S,
        per_prefill_token=PER_PROMPT_S,
        most_sequences=SEQUENCES,
        most_tokens=TOKENS,
    )
)


def arrivals(rate_per_s: float) -> NDArray[np.float64]:
    """Return the Poisson arrivals of one chunk [s]."""
    return np.cumsum(np.random.default_rng(1).exponential(1 / rate_per_s, CHUNK))


def chunks(arrivals_s: NDArray[np.float64], requests: int) -> Iterator[LlmRequests]:
    """Give so many requests chunk by chunk; the draws of one chunk serve for all."""
    tokens = np.full(CHUNK, INPUT), np.full(CHUNK, OUTPUT)
    for first in range(0, requests, CHUNK):
        size = min(CHUNK, requests - first)
        came_s = first // CHUNK * arrivals_s[-1] + arrivals_s[:size]
        yield LlmRequests(came_s, tokens[0][:size], tokens[1][:size])


def ours(arrivals_s: NDArray[np.float64], requests: int, *, keep: bool) -> LlmQueues:
    """Simulate so many requests with the compiled kernel."""
    queues = LlmQueues(
        CURVE,
        LIMITS,
        chunks(arrivals_s, requests),
        replicas=1,
        hours=1,
        keep_requests=requests if keep else 0,
    )
    queues.takes[:] = 1
    queues.carry(math.inf)
    assert queues.counters[at.FINISHED] == requests
    return queues


@dataclass
class Sequence:
    """A request of the plain model."""

    came_s: float
    read: int = 0
    made: int = 0
    finish_s: float = math.nan


def plain(arrivals_s: list[float]) -> list[Sequence]:  # noqa: C901 - one model, read from top to bottom
    """Simulate requests with SimPy, step by step: decodes first, then pieces of prompts."""
    environment = simpy.Environment()
    waiting: deque[Sequence] = deque()
    requests = [Sequence(came_s) for came_s in arrivals_s]
    came = environment.event()

    def source() -> Generator[simpy.Event]:
        nonlocal came
        for request in requests:
            yield environment.timeout(request.came_s - environment.now)
            waiting.append(request)
            came.succeed()
            came = environment.event()

    def replica() -> Generator[simpy.Event]:  # noqa: C901, PLR0912 - one step
        running: list[Sequence] = []
        while True:
            while not running and not waiting:
                yield came
            budget, pieces, decodes, held = TOKENS, [], 0, 0
            used = 0
            for one in running:
                used += -(-one.read // BLOCK)
                if one.made:
                    decodes += 1
                    held += one.read
            budget -= decodes
            for one in running:
                if not one.made and budget > 0:
                    pieces.append((one, min(INPUT - one.read, budget)))
                    budget -= pieces[-1][1]
            while waiting and budget > 0 and len(running) < SEQUENCES:
                if used + INPUT // BLOCK > BLOCKS:
                    break
                one = waiting.popleft()
                running.append(one)
                used += INPUT // BLOCK
                pieces.append((one, min(INPUT, budget)))
                budget -= pieces[-1][1]
            prompt = sum(piece for _, piece in pieces)
            ending = sum(one.read + piece == INPUT for one, piece in pieces)
            yield environment.timeout(
                BASE_S
                + PER_SEQUENCE_S * (decodes + ending)
                + PER_KV_S * held
                + PER_PROMPT_S * prompt
            )
            for one in running:
                if one.made:
                    one.read += 1
                    one.made += 1
            for one, piece in pieces:
                one.read += piece
                one.made = int(one.read == INPUT)
            for one in running:
                if one.made == OUTPUT:
                    one.finish_s = environment.now
            running = [one for one in running if one.made < OUTPUT]

    environment.process(source())
    environment.process(replica())
    environment.run()
    return requests


def seconds_of(work: object) -> float:
    """Return the least time that a piece of work takes [s]."""
    assert callable(work)
    taken = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began_s)
    return min(taken)


def main() -> None:
    """Print the ratio for each rate."""
    for rate in RATES:
        arrivals_s = arrivals(rate)
        some = arrivals_s[:PLAIN].tolist()
        found = ours(arrivals_s, PLAIN, keep=True).times.finish_s
        np.testing.assert_allclose([one.finish_s for one in plain(some)], found, rtol=1e-9)
        plain_s = seconds_of(lambda some=some: plain(some)) / PLAIN
        ours_s = seconds_of(lambda a=arrivals_s: ours(a, OURS, keep=False)) / OURS
        ratio = plain_s / ours_s
        print(
            f"LLM at {INPUT}/{OUTPUT} tokens, {rate:g} requests/s: over plain SimPy step by step "
            f"{ratio:8.0f}   target at least {TARGET:.0f}{'' if ratio >= TARGET else ', MISSED'}\n"
            f"  (million requests a second, ours {1e-6 / ours_s:.2f}; "
            f"plain, requests a second, {1 / plain_s:.0f})"
        )


if __name__ == "__main__":
    main()
