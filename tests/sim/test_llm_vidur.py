"""The same requests and step times as in recorded runs of another simulator give its figures."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tco.sim.llm_queues import LlmQueues, LlmRequests
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve, step_tables

RUNS = Path(__file__).parents[3] / "shared" / "vidur_runs"
SEQUENCES, TOKENS = 128, 512
LIMITS = Limits(
    most_sequences=SEQUENCES,
    step_tokens=TOKENS,
    blocks=11_008,
    block_tokens=16,
    whole_prompt_fits=False,
)
pytestmark = pytest.mark.skipif(
    not RUNS.is_dir(), reason=f"the recorded runs are not here: {RUNS.name} is a folder of its own"
)


def extended(places, nodes, values):
    """Interpolate on straight lines, the last of which goes on."""
    inside = np.interp(places, nodes, values)
    slope = (values[-1] - values[-2]) / (nodes[-1] - nodes[-2])
    return np.where(places > nodes[-1], values[-1] + slope * (places - nodes[-1]), inside)


@pytest.fixture(scope="module")
def curve():
    """Lay the recorded step times out in tables, all of them in the part for attention."""
    steps = pd.read_csv(RUNS / "step_times.csv")
    steps["step_s"] = steps["step_ms"] / 1000
    lengths = np.array(sorted(set(steps["decode_context"]) - {0}), dtype=float)
    batches = np.array(sorted(set(steps["decodes"])), dtype=float)
    prompts = np.array(sorted(set(steps["prefill_tokens"]) - {0}), dtype=float)

    alone = steps[steps["prefill_tokens"] == 0]
    grid = alone.pivot_table(index="decodes", columns="decode_context", values="step_s")
    places = np.arange(SEQUENCES + 1.0)
    decode = np.stack(
        [extended(places, batches[1:], grid[length].to_numpy()) for length in lengths], axis=1
    )

    before = np.array([0.0, 504.0])
    mixed = np.empty((prompts.size, 2, batches.size, lengths.size))
    for k, size in enumerate(prompts):
        rows = steps[steps["prefill_tokens"] == size]
        by_done = [plane(part, batches, lengths) for _, part in rows.groupby("prefill_done")]
        # The rest of a prompt is known where it is its smaller half: 512 tokens less its size.
        grows = (by_done[-1] - by_done[0]) / (512 - size) if len(by_done) > 1 else 0.0
        mixed[k] = by_done[0], by_done[0] + grows * before[1]
    tables = step_tables(
        tokens=np.zeros(TOKENS + SEQUENCES + 1),
        sequences=np.zeros(SEQUENCES + 1),
        lengths=lengths,
        decode=decode,
        prompts=prompts,
        before=before,
        decodes=batches,
        mixed=mixed,
        one_piece=True,
    )
    return StepCurve(tables)


def plane(rows, batches, lengths):
    """Return seconds by decodes and their length; without decodes the length does not matter."""
    grid = rows.pivot_table(index="decodes", columns="decode_context", values="step_s")
    full = np.empty((batches.size, lengths.size))
    full[0] = grid.loc[0, 0]
    full[1:] = grid.loc[batches[1:], lengths].to_numpy()
    return full


@pytest.mark.parametrize("rate", [4, 7])
@pytest.mark.parametrize("seed", [42, 43])
def test_latencies_and_makespan_are_those_of_the_other_simulator(curve, rate, seed):
    there = pd.read_csv(RUNS / f"sarathi512_rate{rate}_seed{seed}.csv")
    came_s = there["arrival_s"].to_numpy()
    queues = LlmQueues(
        curve,
        LIMITS,
        [LlmRequests(came_s, there["input_tokens"].to_numpy(), there["output_tokens"].to_numpy())],
        replicas=1,
        hours=1,
        keep_requests=came_s.size,
    )
    queues.takes[:] = 1
    queues.carry(math.inf)
    times = queues.times
    for mine_s, theirs_s in (
        (times.first_token_s - came_s, there["ttft_s"].to_numpy()),
        (times.finish_s - came_s, there["e2e_s"].to_numpy()),
    ):
        assert mine_s.mean() == pytest.approx(theirs_s.mean(), rel=0.025)
        found, wanted = (np.quantile(part, [0.5, 0.9, 0.99]) for part in (mine_s, theirs_s))
        assert found[:2] == pytest.approx(wanted[:2], rel=0.025)
        assert found[2] == pytest.approx(wanted[2], rel=0.06)
    makespan_s = (there["arrival_s"] + there["e2e_s"]).max() - came_s[0]
    assert times.finish_s.max() - came_s[0] == pytest.approx(makespan_s, rel=0.01)
