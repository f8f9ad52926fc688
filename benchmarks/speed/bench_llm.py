"""How fast LLM replicas are simulated, against a plain SimPy model that makes every step.

Requests of 512 tokens that get 128, on one core in one process; per-request results are off. Both
models give every request the same times, with blocks to spare and with so few that sequences are
preempted, before their speeds are compared: by processor time, so that what else runs on the
machine counts little. The ratio travels between machines. Exits 1 where the target is missed.
"""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
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
"""Requests a second. The replica can carry about 57: a full step takes 15 ms, a prompt 10 ms."""
TARGET, TARGET_RATE = 1000.0, 10.0
"""At this rate the replica always has somebody to serve, a dozen at a time, and nobody waits."""
FEW_BLOCKS = 300
"""So few that sequences are preempted at all but the lowest rate."""
ROUNDS = 25
"""In turn, so that a neighbour of the machine disturbs both alike; the quickest of each counts."""
LIMITS = Limits(
    most_sequences=SEQUENCES,
    step_tokens=TOKENS,
    blocks=BLOCKS,
    block_tokens=BLOCK,
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


def ours(
    arrivals_s: NDArray[np.float64], requests: int, *, keep: bool, blocks: int = BLOCKS
) -> LlmQueues:
    """Simulate so many requests with the compiled kernel."""
    queues = LlmQueues(
        CURVE,
        LIMITS._replace(blocks=blocks),
        chunks(arrivals_s, requests),
        replicas=1,
        hours=1,
        keep_requests=requests if keep else 0,
    )
    queues.takes[:] = 1
    queues.carry(math.inf)
    assert queues.counters[at.FINISHED] == requests
    return queues


def blocks_for(tokens: int) -> int:
    """Return the blocks that so many tokens fill."""
    return -(-tokens // BLOCK)


@dataclass(eq=False)
class Sequence:
    """A request of the plain model."""

    came_s: float
    read: int = 0
    made: int = 0
    piece: int = 0
    blocks: int = 0
    is_decoding: bool = False
    preempted: int = 0
    start_s: float = math.nan
    first_s: float = math.nan
    finish_s: float = math.nan

    @property
    def to_read(self) -> int:
        """Its prompt, and what it had made when it was preempted [tokens]."""
        return INPUT + self.made


class Plain:
    """The model as one writes it in SimPy: replicas are processes, and each step is an event.

    For every step it does for every sequence what an engine does: a decode gets the block that its
    next token needs, the newest sequence is preempted where there is none, prompts are read in
    pieces, waiting requests are admitted while tokens, sequences and blocks last, the step's time
    follows from who is in it, and at its end each sequence has its token, and its times. Shares no
    code with the package, keeps running counts of free blocks, and counts nothing twice.
    """

    def __init__(self, arrivals_s: list[float], blocks: int = BLOCKS) -> None:
        self.environment = simpy.Environment()
        self.requests = [Sequence(came_s) for came_s in arrivals_s]
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.free = blocks
        self.came = self.environment.event()

    def run(self) -> list[Sequence]:
        """Simulate until all requests are served."""
        self.environment.process(self._source())
        self.environment.process(self._replica())
        self.environment.run()
        return self.requests

    def _source(self) -> Generator[simpy.Event]:
        for request in self.requests:
            yield self.environment.timeout(request.came_s - self.environment.now)
            self.waiting.append(request)
            if not self.came.triggered:
                self.came.succeed()

    def _replica(self) -> Generator[simpy.Event]:
        while True:
            if not self.running and not self.waiting:
                self.came = self.environment.event()
                yield self.came
            yield self.environment.timeout(self._make_up_step())
            self._end_step()

    def _grant(self, one: Sequence, tokens: int) -> bool:
        """Let a sequence read so many tokens in the step, if there are blocks for them."""
        needed = blocks_for(one.read + tokens) - one.blocks
        if needed > self.free:
            return False
        self.free -= needed
        one.blocks += needed
        one.piece = tokens
        return True

    def _release(self, one: Sequence) -> None:
        self.free += one.blocks
        one.blocks = 0

    def _preempt_newest(self) -> None:
        one = self.running.pop()
        self._release(one)
        one.read = one.piece = 0
        one.is_decoding = False
        one.preempted += 1
        self.waiting.appendleft(one)

    def _make_up_step(self) -> float:
        """Say who is in the next step, and return what it takes [s]."""
        budget, preempted, place = TOKENS, False, 0
        while place < len(self.running):
            one = self.running[place]
            tokens = 1 if one.is_decoding else min(one.to_read - one.read, budget)
            if tokens > 0 and not self._grant(one, tokens):
                self._preempt_newest()
                preempted = True
                continue
            budget -= tokens
            place += 1
        while self.waiting and budget > 0 and len(self.running) < SEQUENCES and not preempted:
            one = self.waiting[0]
            if blocks_for(one.to_read) > self.free:
                break
            self.waiting.popleft()
            tokens = min(one.to_read, budget)
            self._grant(one, tokens)
            budget -= tokens
            if math.isnan(one.start_s):
                one.start_s = self.environment.now
            self.running.append(one)
        return self._step_s()

    def _step_s(self) -> float:
        makers = held = prompt = 0
        for one in self.running:
            if one.is_decoding:
                makers += 1
                held += one.read
            elif one.piece:
                prompt += one.piece
                makers += one.read + one.piece == one.to_read
        return BASE_S + PER_SEQUENCE_S * makers + PER_KV_S * held + PER_PROMPT_S * prompt

    def _end_step(self) -> None:
        for one in self.running:
            one.read += one.piece
            one.piece = 0
            if one.read == one.to_read:
                self._make_token(one)
        self.running = [one for one in self.running if one.made < OUTPUT]

    def _make_token(self, one: Sequence) -> None:
        one.is_decoding = True
        one.made += 1
        if one.made == 1:
            one.first_s = self.environment.now
        if one.made == OUTPUT:
            one.finish_s = self.environment.now
            self._release(one)


def compare(arrivals_s: NDArray[np.float64], blocks: int) -> int:
    """Check that both give every request the same times; return how often one was preempted."""
    times = ours(arrivals_s, PLAIN, keep=True, blocks=blocks).times
    requests = Plain(arrivals_s[:PLAIN].tolist(), blocks).run()
    for name, found in (
        ("start_s", times.start_s),
        ("first_s", times.first_token_s),
        ("finish_s", times.finish_s),
    ):
        expected = [getattr(one, name) for one in requests]
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    return sum(one.preempted for one in requests)


def seconds_of(*works: Callable[[], object]) -> list[float]:
    """Return the least processor time that each piece of work takes [s]."""
    least = [math.inf] * len(works)
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            began_s = time.process_time()
            work()
            least[place] = min(least[place], time.process_time() - began_s)
    return least


def main() -> None:
    """Print the ratio for each rate; exit 1 if it misses the target at the rate that has one."""
    missed = False
    for rate in RATES:
        arrivals_s = arrivals(rate)
        compare(arrivals_s, BLOCKS)
        preempted = compare(arrivals_s, FEW_BLOCKS)
        some = arrivals_s[:PLAIN].tolist()
        plain_s, ours_s = seconds_of(
            lambda some=some: Plain(some).run(),
            lambda a=arrivals_s: ours(a, OURS, keep=False),
        )
        plain_s, ours_s = plain_s / PLAIN, ours_s / OURS
        ratio = plain_s / ours_s
        target = ""
        if rate == TARGET_RATE:
            missed = ratio < TARGET
            target = f"   target at least {TARGET:.0f}{', MISSED' if missed else ''}"
        print(
            f"LLM at {INPUT}/{OUTPUT} tokens, {rate:g} requests/s: over plain SimPy step by step "
            f"{ratio:8.0f}{target}\n"
            f"  (million requests a second, ours {1e-6 / ours_s:.2f}; "
            f"plain, requests a second, {1 / plain_s:.0f}; "
            f"preempted of {PLAIN} where blocks are few, {preempted})"
        )
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
