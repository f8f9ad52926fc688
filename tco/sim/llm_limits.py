"""What an LLM engine can hold and admit: KV memory, the presets of vLLM, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tco.errors import InfeasibleError
from tco.sim.llm_queues import LlmRequests
from tco.sim.llm_state import Limits, blocks_for
from tco.sim.llm_steps import StepCurve
from tco.units import BYTES_PER_GB, BYTES_PER_GIB

MEMORY_SHARE = 0.9
"""Of the accelerator's memory, what vLLM takes by default [-]."""
LARGE_GIB = 70.0
"""Memory from which on vLLM's server takes its larger limits [GiB]."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What of a model decides how much memory a token of context takes."""

    layers: int
    kv_heads: int
    head_size: int
    weight_bytes: float
    """Weights at the precision they are served in [B]."""
    longest_context_tokens: int

    def kv_bytes_per_token(self, bytes_per_value: float) -> float:
        """Return the memory of keys and values of one token, over all accelerators [B].

        >>> ModelShape(32, 8, 128, 16.1e9, 131072).kv_bytes_per_token(2)
        131072.0
        """
        return 2.0 * self.layers * self.kv_heads * self.head_size * bytes_per_value


def kv_tokens(
    model: ModelShape,
    *,
    memory_gb: float,
    accelerators: int,
    bytes_per_value: float,
    reserved_gb: float,
) -> int:
    """Return the tokens that fit beside the weights on a group of accelerators.

    Args:
        model: The model.
        memory_gb: Memory of one accelerator [GB].
        accelerators: Accelerators that share the model (tensor parallelism).
        bytes_per_value: Of keys and values: 2 for 16 bits, 1 for 8 [B].
        reserved_gb: Held on each for activations, graphs and the runtime [GB].

    >>> llama = ModelShape(32, 8, 128, 16.1e9, 131072)
    >>> kv_tokens(llama, memory_gb=25.25, accelerators=1, bytes_per_value=2, reserved_gb=1.2)
    41389

    Raises:
        InfeasibleError: If the weights leave no room.
    """
    return kv_room_tokens(
        weight_bytes=model.weight_bytes,
        kv_bytes_per_token=model.kv_bytes_per_token(bytes_per_value),
        memory_gb=memory_gb,
        accelerators=accelerators,
        reserved_gb=reserved_gb,
    )


def kv_room_tokens(
    *,
    weight_bytes: float,
    kv_bytes_per_token: float,
    memory_gb: float,
    accelerators: int,
    reserved_gb: float,
) -> int:
    """Return the tokens that fit beside the weights where a token's memory is known itself."""
    each_gb = memory_gb * MEMORY_SHARE - reserved_gb
    left_bytes = accelerators * each_gb * BYTES_PER_GB - weight_bytes
    if left_bytes <= 0:
        raise InfeasibleError(
            f"the weights take {weight_bytes / BYTES_PER_GB:,.1f} GB and {accelerators} "
            f"accelerators of {memory_gb:,.1f} GB offer {accelerators * each_gb:,.1f} GB "
            f"({MEMORY_SHARE:.0%} of it, less {reserved_gb:,.1f} GB each for the runtime); "
            "take more accelerators, or a lower precision"
        )
    return int(left_bytes / kv_bytes_per_token)


def vllm_limits(memory_gb: float, *, is_a100: bool = False) -> tuple[int, int]:
    """Return vLLM's default sequences and tokens of a step for its server.

    Source: engine arguments of vLLM 0.1x, read 2026-11: 1024 and 8192 from 70 GiB on, A100 not
    among them, else 256 and 2048.

    >>> vllm_limits(80.0 * 1.0737), vllm_limits(24.0)
    ((1024, 8192), (256, 2048))
    """
    large = memory_gb * BYTES_PER_GB / BYTES_PER_GIB >= LARGE_GIB and not is_a100
    return (1024, 8192) if large else (256, 2048)


def groups_of(accelerators: int, tensor_parallel: int) -> int:
    """Return how many replicas of a group size fit on an instance.

    Raises:
        InfeasibleError: If groups of that size leave accelerators over.
    """
    if tensor_parallel < 1 or accelerators % tensor_parallel:
        fitting = [str(n) for n in range(1, accelerators + 1) if accelerators % n == 0]
        raise InfeasibleError(
            f"tensor_parallel {tensor_parallel} does not divide the {accelerators} accelerators "
            f"of the instance; give one of {', '.join(fitting)}"
        )
    return accelerators // tensor_parallel


def check_engine(limits: Limits, curve: StepCurve) -> None:
    """Refuse an engine that cannot make a step, or steps that its curve does not cover.

    Raises:
        InfeasibleError: With the numbers.
    """
    if limits.step_tokens < 1 or limits.step_tokens < limits.most_sequences:
        raise InfeasibleError(
            f"max_step_tokens is {limits.step_tokens} and max_sequences {limits.most_sequences}: "
            "each sequence makes a token in a step; give at least as many tokens as sequences"
        )
    if limits.most_sequences < 1 or limits.blocks < 1 or limits.block_tokens < 1:
        raise InfeasibleError(
            f"max_sequences {limits.most_sequences}, {limits.blocks} KV blocks of "
            f"{limits.block_tokens} tokens: each has to be at least 1"
        )
    for what, asked, covered in (
        ("sequences", limits.most_sequences, curve.most_sequences),
        ("tokens", limits.step_tokens, curve.most_tokens),
    ):
        if asked > covered:
            raise InfeasibleError(
                f"steps of up to {asked:,} {what} are asked for and the curve covers {covered:,}"
            )
    parts = [part for part in (curve.seconds, curve.joules) if part is not None]
    for part in parts:
        values = np.concatenate([part.tokens, part.sequences, part.decode.ravel()])
        if not np.isfinite(values).all() or not np.isfinite(part.mixed).all():
            raise InfeasibleError("the step curve holds a number that is not finite")
    shortest_s = float(curve.seconds.tokens.min())
    if shortest_s + float(curve.seconds.decode[1:].min()) <= 0:
        raise InfeasibleError("a step of the curve takes no time; every step needs more than 0 s")


def check_requests(requests: LlmRequests, limits: Limits, *, longest_context: int | None) -> None:
    """Refuse requests that the engine could never serve.

    Args:
        requests: The arrivals.
        limits: The engine.
        longest_context: Most tokens of prompt and answer that the model takes; None: not known.

    Raises:
        InfeasibleError: With the first request that does not fit, and the numbers.
    """
    contexts = requests.input_tokens + requests.output_tokens
    if not contexts.size:
        return
    for what, column in (("input", requests.input_tokens), ("output", requests.output_tokens)):
        if column.min() < 1:
            row = int(np.argmin(column))
            raise InfeasibleError(f"request {row} has {column[row]} {what} tokens; give at least 1")
    row = int(np.argmax(contexts))
    longest = int(contexts[row])
    words = (
        f"request {row} has {requests.input_tokens[row]:,} input and "
        f"{requests.output_tokens[row]:,} output tokens, {longest:,} together"
    )
    if longest_context is not None and longest > longest_context:
        raise InfeasibleError(f"{words}; the model takes {longest_context:,} at most")
    # The last token is made and never read.
    needed = blocks_for(longest - 1, limits.block_tokens)
    if needed > limits.blocks:
        raise InfeasibleError(
            f"{words}; it needs {needed:,} KV blocks of {limits.block_tokens} tokens and a "
            f"replica has {limits.blocks:,}. More memory, accelerators or a lower precision helps"
        )
