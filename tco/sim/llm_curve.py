"""Coefficients and tables of a step become what the kernel reads, for an engine of given size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.domain.fleet import LlmSettings
from tco.domain.llm_service import LlmService as ServiceFile
from tco.domain.llm_service import StepTable
from tco.errors import InfeasibleError
from tco.sim.llm_limits import check_engine, check_requests
from tco.sim.llm_queues import LlmQueues, LlmRequests
from tco.sim.llm_service import LlmService
from tco.sim.llm_state import ONE_QUEUE
from tco.sim.llm_steps import StepCurve, StepTables, line_tables, step_tables
from tco.sim.service import HostWork
from tco.traffic.sessions import ModelCalls

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StepLine:
    """Seconds, or joules, of a step: straight over its sequences, with knees, and over tokens."""

    from_sequences: tuple[float, ...]
    """Where each straight part begins; the first at 0."""
    base: tuple[float, ...]
    """Of each part, at no sequence."""
    per_sequence: tuple[float, ...]
    per_kv_token: float
    per_prefill_token: float

    def over(self, sequences: Array) -> Array:
        """Return the part that depends on the sequences alone.

        >>> StepLine((0.0, 4.0), (1.0, 3.0), (1.0, 0.5), 0.0, 0.0).over(np.array([2.0, 6.0]))
        array([3., 6.])
        """
        part = np.searchsorted(np.array(self.from_sequences), sequences, side="right") - 1
        return np.array(self.base)[part] + np.array(self.per_sequence)[part] * sequences

    def tables(self, max_sequences: int, max_tokens: int, factor: float = 1.0) -> StepTables:
        """Return the tables of steps up to so many sequences and tokens, times a factor."""
        over = self.over(np.arange(max_sequences + 1.0))
        return line_tables(
            tokens=np.full(max_tokens + 1, over[0] * factor),
            sequences=(over - over[0]) * factor,
            per_kv_token=self.per_kv_token * factor,
            per_prompt_token=self.per_prefill_token * factor,
        )


FILLS_IN = 0.1
"""Busy time needs no full batch, so a piece of an hour may be shorter than one of batches [-]."""


@dataclass(frozen=True, slots=True)
class LlmCurve:
    """Steps of an engine as plain data: what a simulated hour of LLM replicas rests on."""

    seconds: StepLine
    max_sequences: int
    max_step_tokens: int
    kv_tokens: int
    block_tokens: int
    longest_context_tokens: int | None
    policy: str
    admission: str
    adapters: tuple[int, int, float]
    """How many there are, how many a replica holds [-], and the time to load one [s]."""
    latency_s: float = 1.0
    """Of a request at the load of a usual hour, about [s]."""
    requests_per_s: float = 1.0
    """Most that one replica serves [1/s]."""

    def service(self, factor: float = 1.0, *, replicas: int = 1) -> LlmService:
        """Return the service with every step's time multiplied by a factor; hosts take no time."""
        size = self.max_sequences, self.max_step_tokens
        count, resident, load_s = self.adapters
        return LlmService(
            StepCurve(self.seconds.tables(*size, factor)),
            max_sequences=self.max_sequences,
            max_step_tokens=self.max_step_tokens,
            blocks=self.kv_tokens // self.block_tokens,
            block_tokens=self.block_tokens,
            prefill_first=self.policy == "prefill_first",
            whole_prompt_fits=self.admission == "whole_prompt",
            adapters=count,
            adapter_slots=resident,
            swap_s=load_s,
            longest_context_tokens=self.longest_context_tokens,
        )

    def most_per_s(self, largest_batch: int) -> float:
        """Return the most requests that one replica serves [1/s]."""
        return self.requests_per_s

    @property
    def mean_s(self) -> Array:
        """Time in which a replica that was empty becomes as busy as ever [s].

        It stands in the place of the seconds of a batch: steps begin with the first request.
        """
        return np.array([self.latency_s * FILLS_IN])


def most_per_s(curve: LlmCurve, calls: ModelCalls, requests: int) -> float:
    """Return the most requests that one replica serves [1/s], found by serving a crowd at once.

    Args:
        curve: What steps take, and the limits of the engine.
        calls: The calls behind some requests, whenever they come.
        requests: How many requests those are.
    """
    service = curve.service()
    crowd = LlmRequests(
        np.zeros(calls.arrivals_s.size),
        calls.input_tokens,
        calls.output_tokens,
        calls.cached_tokens,
        calls.adapters,
    )
    limits = service.limits(routing=ONE_QUEUE)
    check_engine(limits, service.curve)
    check_requests(crowd, limits, longest_context=service.longest_context_tokens)
    queues = LlmQueues(
        service.curve, limits, [crowd], replicas=1, hours=1, adapters=service.adapters
    )
    queues.open(0)
    queues.carry(math.inf)
    return requests / queues.happened_s


def _from_table(table: StepTable, per_prefill_token: float, max_tokens: int) -> StepTables:
    """Lay out a table of decodes; between its rows and columns steps lie on straight lines."""
    rows, seconds = np.array(table.sequences, dtype=np.float64), np.array(table.seconds)
    counts = np.arange(table.sequences[-1] + 1.0)
    decode = np.column_stack([np.interp(counts, rows, column) for column in seconds.T])
    prompts = np.array([0.0, 1.0])
    mixed = per_prefill_token * prompts[:, None, None, None] + seconds[None, None, :, :]
    return step_tables(
        tokens=np.zeros(max_tokens + 1),
        sequences=np.zeros(counts.size),
        lengths=np.array(table.context_tokens, dtype=np.float64),
        decode=decode,
        prompts=prompts,
        before=np.array([0.0]),
        decodes=rows,
        mixed=mixed,
    )


def service_of_file(figures: ServiceFile, settings: LlmSettings | None) -> LlmService:
    """Make the service of a service file and the limits of a deployment.

    Raises:
        InfeasibleError: Where a limit is missing.
    """
    limits = settings or LlmSettings()
    if limits.max_sequences is None or limits.max_step_tokens is None:
        raise InfeasibleError(
            "an LLM engine needs its limits: give llm with max_sequences and max_step_tokens in "
            "the deployment (vLLM's server takes 1024 and 8192 on accelerators of 80 GB, 256 and "
            "2048 on smaller ones)"
        )
    size = limits.max_sequences, limits.max_step_tokens
    if figures.step_table is not None:
        seconds = _from_table(figures.step_table, figures.per_prefill_token_s, size[1])
    else:
        assert figures.base_s is not None
        assert figures.per_sequence_s is not None
        assert figures.per_kv_token_s is not None
        seconds = StepLine(
            (0.0,),
            (figures.base_s,),
            (figures.per_sequence_s,),
            figures.per_kv_token_s,
            figures.per_prefill_token_s,
        ).tables(*size)
    joules = None
    if figures.base_j is not None:
        assert figures.per_sequence_j is not None
        assert figures.per_kv_token_j is not None
        assert figures.per_prefill_token_j is not None
        joules = StepLine(
            (0.0,),
            (figures.base_j,),
            (figures.per_sequence_j,),
            figures.per_kv_token_j,
            figures.per_prefill_token_j,
        ).tables(*size)
    front = figures.front_end
    if front is not None and front.cv > 0:
        raise InfeasibleError(
            "front_end.cv: requests of an LLM service do not overtake one another before they "
            "wait; leave the spread out"
        )
    return engine_service(
        StepCurve(seconds, joules),
        limits,
        size,
        kv_tokens=figures.kv_tokens,
        block_tokens=figures.block_tokens,
        longest_context_tokens=figures.longest_context_tokens,
        front=None if front is None else HostWork(front.seconds, front.parallel),
    )


def engine_service(
    curve: StepCurve,
    settings: LlmSettings,
    size: tuple[int, int],
    *,
    kv_tokens: int,
    block_tokens: int,
    longest_context_tokens: int | None,
    front: HostWork | None = None,
) -> LlmService:
    """Put a curve and the limits of an engine together.

    Args:
        curve: What steps take.
        settings: Policy, admission, adapters.
        size: Most sequences and tokens of a step.
        kv_tokens: Tokens that a replica's KV memory holds.
        block_tokens: Tokens of a block of it.
        longest_context_tokens: What the model takes; None: not known.
        front: Host work before the replicas.
    """
    adapters = settings.adapters
    return LlmService(
        curve,
        max_sequences=size[0],
        max_step_tokens=size[1],
        blocks=kv_tokens // block_tokens,
        block_tokens=block_tokens,
        prefill_first=settings.policy == "prefill_first",
        whole_prompt_fits=settings.admission == "whole_prompt",
        adapters=0 if adapters is None else adapters.count,
        adapter_slots=0 if adapters is None else adapters.resident,
        swap_s=0.0 if adapters is None else adapters.load_s,
        longest_context_tokens=longest_context_tokens,
        front=front,
    )
