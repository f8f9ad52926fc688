"""From requests to calls: the tokens that are simulated are those that are priced."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.workload import Workload
from tco.errors import InfeasibleError
from tco.ledger.option import likely_months
from tco.ledger.volume import tokens_per_request
from tco.traffic.sessions import CallShape, call_stream, draw_calls
from tests import shipped

DAY_S = 86_400.0
EVEN = np.ones(24)


def workload(*, sessions=None, cached=0.0, **more) -> Workload:
    block = {
        "requests_per_month": 1000,
        "growth_per_year": 0,
        "profile": {"shape": "steady"},
        "tokens": {"input": 250, "output": 180, "cached_input_share": cached},
        **more,
    }
    if sessions is not None:
        block["sessions"] = sessions
    return Workload.model_validate(block)


def sessions_of(turns, tools=0.0, *, history=True):
    return {
        "turns": turns,
        "history_sent_again": history,
        "tool_calls_per_request": tools,
        "tool_result_tokens": 600,
        "tool_call_tokens": 80,
    }


def calls_of(work, requests=40_000, *, cached=0.0, seed=3, **more):
    shape = CallShape(
        work, **{"input_factor": 1.0, "output_factor": 1.0, "reasoning_tokens": 0.0, **more},
        cached_share=cached, call_s=1.0,
    )  # fmt: skip
    random = np.random.default_rng(seed)
    times_s = np.sort(random.uniform(0, DAY_S, requests))
    return shape, draw_calls(shape, times_s, times_s, EVEN, random)


def model(reasoning_tokens):
    """Llama 3.1 8B, whose own tokenizer makes 5 % more of a prompt, made to think."""
    known = shipped.loaded("support-chat/base").snapshots["llama-3.1-8b-instruct"]
    assert known.tokens is not None
    thought = known.tokens.reasoning_tokens.model_copy(update={"likely": reasoning_tokens})
    tokens = known.tokens.model_copy(update={"reasoning_tokens": thought})
    return known.model_copy(update={"tokens": tokens})


@given(
    turns=st.sampled_from([1.0, 3.0, 4.0, 2.5]),
    tools=st.sampled_from([0.0, 1.0, 2.0]),
    history=st.booleans(),
    cached=st.sampled_from([0.0, 0.3, 0.6, 0.9]),
    reasoning=st.sampled_from([0.0, 120.0]),
)
@settings(max_examples=25)
def test_the_calls_hold_the_tokens_that_are_priced(turns, tools, history, cached, reasoning):
    """Against the ledger's own closed form of the tokens behind a request."""
    work = workload(sessions=sessions_of(turns, tools, history=history), cached=cached)
    _, calls = calls_of(work, 20_000, cached=cached, reasoning_tokens=reasoning, input_factor=1.05)
    priced = tokens_per_request(work, model(reasoning))

    def likely(expression):
        return float(likely_months(expression, 1)[0])

    requests = 20_000
    assert calls.arrivals_s.size / requests == pytest.approx(likely(priced.calls))
    all_input = likely(priced.fresh_input + priced.cached_input)
    assert calls.input_tokens.sum() / requests == pytest.approx(all_input, rel=0.02)
    made = likely(priced.output + priced.reasoning)
    assert calls.output_tokens.sum() / requests == pytest.approx(made, rel=0.01)
    found = calls.cached_tokens.sum() / calls.input_tokens.sum()
    assert found == pytest.approx(cached, abs=0.02)
    assert (calls.cached_tokens <= calls.input_tokens).all()


def test_later_turns_send_the_earlier_ones_again():
    """Four turns of 250 and 180 tokens: a prompt is 250, 680, 1,110 or 1,540 tokens, all alike."""
    _, calls = calls_of(workload(sessions=sessions_of(4.0)))
    sizes, counts = np.unique(calls.input_tokens, return_counts=True)
    assert sizes.tolist() == [250, 680, 1110, 1540]
    assert counts / counts.sum() == pytest.approx(0.25, abs=0.01)


def test_each_tool_call_sends_what_the_others_wrote_and_brought():
    shape, calls = calls_of(workload(sessions=sessions_of(1.0, 2.0)), 50, cached=0.5)
    assert shape.per_request == 3
    for owner in range(50):
        mine = np.flatnonzero(calls.owners == owner)
        assert calls.input_tokens[mine].tolist() == [250, 930, 1610]
        assert calls.output_tokens[mine].tolist() == [80, 80, 180]
        assert np.diff(calls.arrivals_s[mine]).tolist() == pytest.approx([1.0, 1.0])


def test_a_stream_in_blocks_comes_in_order_with_every_call():
    work = workload(sessions=sessions_of(2.0, 1.0), cached=0.4)
    shape, _ = calls_of(work, 10)
    times_s = np.sort(np.random.default_rng(1).uniform(0, 500.0, 3000))
    blocks = [(part, part) for part in np.split(times_s, [7, 8, 900, 2999])]
    parts = list(call_stream(shape, blocks, EVEN, np.random.default_rng(2)))
    came_s = np.concatenate([part.arrivals_s for part in parts])
    assert (np.diff(came_s) >= 0).all()
    owners = np.concatenate([part.owners for part in parts])
    assert np.bincount(owners).tolist() == [2] * 3000


def test_a_workload_without_tokens_makes_no_calls():
    bare = workload().model_copy(update={"tokens": None})
    with pytest.raises(InfeasibleError, match="serves by tokens, and the workload states none"):
        calls_of(bare, 5)
