"""Traces replayed through an LLM engine step by step, and files that say no engine."""

import numpy as np
import pytest
from pydantic import ValidationError

from tco.domain.fleet import ReplayedFleet
from tco.domain.replay_files import load_service
from tco.errors import InfeasibleError, InputError
from tco.sim.replay import columns, document, replay
from tco.traffic.requests import Requests as Trace
from tests.sim.test_llm_fleet import stream, times_of

SERVICE = """
kind: llm
base_s: 0.02
per_sequence_s: 0.001
per_kv_token_s: 0.000001
per_prefill_token_s: 0.0001
kv_tokens: 8000
"""
LIMITS = {"max_sequences": 16, "max_step_tokens": 512}
DEPLOYMENT = {"replicas": 1, "llm": LIMITS}
TABLE = """
kind: llm
step_table: {sequences: [0, 16], context_tokens: [0, 1000], seconds: [[0.02, 0.02], [0.02, 0.036]]}
per_prefill_token_s: 0.0001
kv_tokens: 8000
"""


def service_file(tmp_path, text):
    file = tmp_path / "service.yaml"
    file.write_text(text, encoding="utf-8")
    return load_service(file)


def test_a_trace_is_replayed_step_by_step(tmp_path):
    trace = Trace(np.array([0.0, 0.0, 5.0]), np.array([100, 100, 50]), np.array([3, 3, 1]))
    fleet = ReplayedFleet.model_validate(DEPLOYMENT)
    found = replay(trace, service_file(tmp_path, SERVICE), fleet)
    # The first prompt alone, the second beside the first one's decode, both decode, the second.
    first_s = 0.02 + 0.001 + 100 * 0.0001
    second_s = first_s + 0.02 + 2 * 0.001 + 100 * 0.0001 + 1e-6 * 100
    both_s = second_s + 0.02 + 2 * 0.001 + 1e-6 * (101 + 100)
    alone_s = both_s + 0.02 + 0.001 + 1e-6 * 101
    last_s = 0.02 + 0.001 + 50 * 0.0001
    np.testing.assert_allclose(times_of(found).finish_s, [both_s, alone_s, 5.0 + last_s])
    answer = document(found)
    assert answer["ttft_ms"]["mean"] == pytest.approx(1000 * (first_s + second_s + last_s) / 3)
    gaps_s = (both_s - first_s) / 2, (alone_s - second_s) / 2
    assert answer["tpot_ms"]["mean"] == pytest.approx(1000 * sum(gaps_s) / 2)
    assert answer["batch_mean"] == pytest.approx(7 / 5), "seven tokens in five steps"
    assert answer["preempted"] == 0
    assert columns(found)["first_token_s"][2] == pytest.approx(5.0 + last_s)


def test_a_table_of_steps_says_the_same_as_its_formula(tmp_path):
    chunk = stream(3.0, 0.02, 8)
    tokens = [part.astype(np.int64) for part in (chunk.input_tokens, chunk.output_tokens)]
    trace = Trace(chunk.arrivals_s, *tokens)
    fleet = ReplayedFleet.model_validate(DEPLOYMENT)
    by_token = SERVICE.replace("per_sequence_s: 0.001", "per_sequence_s: 0")
    by_formula, by_table = (
        replay(trace, service_file(tmp_path, text), fleet) for text in (by_token, TABLE)
    )
    np.testing.assert_allclose(
        by_table.per_request.finish_s, by_formula.per_request.finish_s, rtol=1e-9
    )


def test_prefix_cache_and_adapters_change_what_a_replay_takes(tmp_path):
    chunk = stream(3.0, 0.02, 8)
    tokens = [part.astype(np.int64) for part in (chunk.input_tokens, chunk.output_tokens)]
    trace = Trace(chunk.arrivals_s, *tokens)

    def mean_ttft_ms(**more):
        fleet = ReplayedFleet.model_validate({**DEPLOYMENT, "llm": {**LIMITS, **more}})
        return document(replay(trace, service_file(tmp_path, SERVICE), fleet))["ttft_ms"]["mean"]

    plain = mean_ttft_ms()
    assert mean_ttft_ms(prefix_cache_share=0.8) < 0.9 * plain
    swapped = mean_ttft_ms(adapters={"count": 9, "resident": 2, "load_s": 0.05})
    assert swapped > 1.1 * plain
    kept = mean_ttft_ms(adapters={"count": 2, "resident": 2, "load_s": 0.05})
    assert kept < swapped


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        ({"replicas": 1}, "an LLM engine needs its limits"),
        ({**DEPLOYMENT, "llm": {"max_sequences": 600, "max_step_tokens": 512}}, "at least as many"),
        ({**DEPLOYMENT, "batch": {"max_size": 2}}, "not both"),
        (
            {**DEPLOYMENT, "llm": {"max_sequences": 4, "max_step_tokens": 0}},
            "greater than",
        ),
    ],
)
def test_limits_that_no_engine_has_are_refused(fleet, message, tmp_path):
    trace = Trace(np.zeros(1), np.array([10]), np.array([10]))
    with pytest.raises((InfeasibleError, ValidationError), match=message):
        replay(trace, service_file(tmp_path, SERVICE), ReplayedFleet.model_validate(fleet))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERVICE.replace("base_s: 0.02", "base_s: 0"), "every step takes some time"),
        (SERVICE.replace("8000", "15"), "kv_tokens 15 is below one block of 16"),
        (SERVICE + "base_j: 3\n", "all four joules of a step, or none"),
        (TABLE.replace("[0, 16]", "[1, 16]"), "sequences begin with 0"),
        (TABLE.replace("[0.02, 0.02], ", ""), "needs 2 rows of 2 numbers"),
        (TABLE.replace("[0, 1000]", "[9, 9]"), "context_tokens has to rise"),
        (TABLE + "base_s: 1\n", "either step_table, or all of"),
    ],
)
def test_service_files_that_say_no_step_are_refused(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        service_file(tmp_path, text)
