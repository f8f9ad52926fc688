"""``tco measure steps`` as it is typed."""

import json

import pytest

ENGINE = ["--max-sequences", "8", "--max-step-tokens", "256", "--kv-tokens", "4096"]
STEP_S = 0.02


@pytest.fixture
def log(tmp_path):
    """Requests that come one by one: a step reads the prompt, each one more makes a token."""
    file = tmp_path / "requests.jsonl"
    rows = []
    for k in range(30):
        came_s, tokens = 50.0 + 10.0 * k, 20 + k
        first_s = came_s + STEP_S
        rows.append({
            "queued_ts": came_s, "first_token_ts": first_s,
            "last_token_ts": first_s + STEP_S * (tokens - 1),
            "input_toks": 10, "output_toks": tokens,
        })  # fmt: skip
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def test_figures_are_printed_with_their_error(tco, log):
    done = tco("measure", "steps", log, *ENGINE)
    assert done.status == 0
    assert "per_kv_token: " in done.out
    assert "fitted to 30 requests: error 0." in done.out
    document = json.loads(tco("measure", "steps", log, *ENGINE, "--requests", 20, "--json").out)
    assert document["schema"] == "tco/measure-steps/1"
    assert document["requests"] == 20
    figures = document["figures"]
    assert figures["base"] + figures["per_sequence"] == pytest.approx(STEP_S, rel=0.1)
    assert document["left_out_error"] < 0.02


def test_too_few_requests_and_half_a_profile_are_refused(tco, log, tmp_path):
    assert "20 at least" in tco("measure", "steps", log, *ENGINE, "--requests", 5).err
    half = tco("measure", "steps", log, *ENGINE, "--profile", tmp_path)
    assert half.status == 2
    assert "--profile and --layers together" in half.err
