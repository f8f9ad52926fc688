"""What an engine can hold is worked out from memory, and what it cannot is refused."""

import numpy as np
import pytest

from tco.errors import InfeasibleError
from tco.sim.llm_limits import (
    ModelShape,
    check_engine,
    check_requests,
    groups_of,
    kv_tokens,
    vllm_limits,
)
from tco.sim.llm_queues import LlmRequests
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve, linear_tables

LLAMA_8B = ModelShape(32, 8, 128, 16.1e9, 131_072)
LLAMA_70B = ModelShape(80, 8, 128, 141e9, 131_072)
CURVE = StepCurve(
    linear_tables(
        base=0.01,
        per_sequence=1e-4,
        per_kv_token=1e-8,
        per_prefill_token=1e-5,
        most_sequences=64,
        most_tokens=512,
    )
)
LIMITS = Limits(most_sequences=64, step_tokens=512, blocks=100, block_tokens=16)


def requests(inputs, outputs):
    return LlmRequests(np.arange(float(len(inputs))), np.array(inputs), np.array(outputs))


def test_weights_and_precision_leave_the_rest_to_the_cache():
    two = kv_tokens(LLAMA_70B, memory_gb=80, accelerators=4, bytes_per_value=2, reserved_gb=2)
    assert two == int((4 * (72 - 2) - 141) * 1e9 / (2 * 80 * 8 * 128 * 2))
    halved = kv_tokens(LLAMA_70B, memory_gb=80, accelerators=4, bytes_per_value=1, reserved_gb=2)
    assert halved in (2 * two, 2 * two + 1)


def test_weights_that_do_not_fit_are_refused_with_the_numbers():
    with pytest.raises(InfeasibleError, match=r"141\.0 GB and 1 accelerators of 80\.0 GB"):
        kv_tokens(LLAMA_70B, memory_gb=80, accelerators=1, bytes_per_value=2, reserved_gb=2)


@pytest.mark.parametrize(
    ("memory_gb", "is_a100", "expected"),
    [(85.9, False, (1024, 8192)), (85.9, True, (256, 2048)), (24.0, False, (256, 2048))],
)
def test_presets_follow_the_memory(memory_gb, is_a100, expected):
    assert vllm_limits(memory_gb, is_a100=is_a100) == expected


def test_groups_divide_the_accelerators():
    assert groups_of(8, 4) == 2
    with pytest.raises(InfeasibleError, match=r"tensor_parallel 3 .* 8 accelerators .* 1, 2, 4, 8"):
        groups_of(8, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_tokens": 0}, "max_step_tokens is 0"),
        ({"step_tokens": 63}, "max_step_tokens is 63 and max_sequences 64"),
        ({"most_sequences": 0}, "max_sequences 0"),
        ({"blocks": 0}, "0 KV blocks"),
        ({"most_sequences": 65}, "up to 65 sequences .* covers 64"),
        ({"step_tokens": 1024}, "up to 1,024 tokens .* covers 512"),
    ],
)
def test_an_engine_that_cannot_work_is_refused(change, message):
    check_engine(LIMITS, CURVE)
    with pytest.raises(InfeasibleError, match=message):
        check_engine(LIMITS._replace(**change), CURVE)


def test_steps_without_a_duration_are_refused():
    still = CURVE.seconds._replace(tokens=np.zeros(513), decode=0 * CURVE.seconds.decode)
    with pytest.raises(InfeasibleError, match="takes no time"):
        check_engine(LIMITS, StepCurve(still))
    broken = CURVE.seconds._replace(tokens=np.full(513, np.nan))
    with pytest.raises(InfeasibleError, match="not finite"):
        check_engine(LIMITS, StepCurve(broken))


def test_requests_that_can_never_be_served_are_refused():
    check_requests(requests([1599], [2]), LIMITS, longest_context=None)
    with pytest.raises(InfeasibleError, match=r"request 1 has 1,500 input and 102 output"):
        check_requests(requests([10, 1500], [5, 102]), LIMITS, longest_context=None)
    with pytest.raises(InfeasibleError, match=r"1,600 together; the model takes 1,024 at most"):
        check_requests(requests([10, 1500], [5, 100]), LIMITS, longest_context=1024)
    with pytest.raises(InfeasibleError, match="request 0 has 0 output tokens"):
        check_requests(requests([10, 10], [0, 1]), LIMITS, longest_context=None)
    check_requests(requests([], []), LIMITS, longest_context=None)
