"""LLM replicas move by stretches of steps; a plain program that makes every step agrees."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.sim import llm_state as at
from tco.sim.llm_parts import takers_apart
from tco.sim.llm_queues import LlmQueues, LlmRequests
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve, linear_tables, step_tables
from tests.oracles.llm_steps import Engine, Request, Step

ROUTES = {
    "one queue": at.ONE_QUEUE,
    "round robin": at.ROUND_ROBIN,
    "least loaded": at.LEAST_LOADED,
}
FATES = ("waiting", "served", "dropped", "abandoned")
PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"
MANY = int(os.environ.get("TCO_ORACLE_CASES", "1200"))
"""Generated cases; a desk may ask for many thousands."""
FEW = "30"
"""Cases that go through the kernel uncompiled as well."""


def straight(nodes, values, place):
    """Interpolate in one column; the outer cells go on for ever."""
    if len(nodes) == 1:
        return values[0]
    k = max(i for i in range(len(nodes) - 1) if i == 0 or place >= nodes[i])
    share = (place - nodes[k]) / (nodes[k + 1] - nodes[k])
    return values[k] + share * (values[k + 1] - values[k])


class Formula:
    """Coefficients of a step, or of its energy."""

    def __init__(self, base, sequence, held, prompt):
        self.parts = base, sequence, held, prompt

    def tables(self, sequences, tokens):
        names = ("base", "per_sequence", "per_kv_token", "per_prefill_token")
        return linear_tables(
            **dict(zip(names, self.parts, strict=True)),
            most_sequences=sequences,
            most_tokens=tokens,
        )

    def __call__(self, step: Step):
        base, sequence, held, prompt = self.parts
        total = sum(piece for piece, _ in step.pieces)
        getting = len(step.decodes) + step.ending
        return base + sequence * getting + held * sum(step.decodes) + prompt * total


class Table:
    """Seconds at nodes, by names of the axes as in the package but read in plain Python."""

    def __init__(self, seed, weight, one_piece):
        random = np.random.default_rng(seed)
        self.lengths = [0.0, 7.0, 20.0, 64.0]
        self.prompts, self.before, self.decodes = [1.0, 8.0, 24.0], [0.0, 40.0], [0.0, 2.0, 6.0]
        self.token = np.sort(random.uniform(0.01, 0.3, 200)).tolist()
        self.sequence = random.uniform(0.0, 0.1, 60).tolist()
        self.decode = random.uniform(0.05, 0.4, (60, 4)).cumsum(axis=1).tolist()
        # Sums over sums grow along every axis and every two, so beyond the nodes too.
        grows = random.uniform(0.01, 0.1, (3, 2, 3, 4))
        self.mixed = grows.cumsum(0).cumsum(1).cumsum(2).cumsum(3).tolist()
        self.weight, self.one_piece = weight, one_piece

    def tables(self, sequences, tokens):
        return step_tables(
            tokens=np.array(self.token),
            sequences=np.array(self.sequence),
            lengths=np.array(self.lengths),
            decode=np.array(self.decode),
            prompts=np.array(self.prompts),
            before=np.array(self.before),
            decodes=np.array(self.decodes),
            mixed=np.array(self.mixed),
            largest_weight=self.weight,
            one_piece=self.one_piece,
        )

    def __call__(self, step: Step):
        batch, total = len(step.decodes), sum(piece for piece, _ in step.pieces)
        length = 0.0
        if batch:
            mean = sum(step.decodes) / batch
            length = mean + self.weight * (max(step.decodes) - mean)
        rest = self.token[batch + total] + self.sequence[batch + step.ending]
        if not step.pieces:
            return rest + straight(self.lengths, self.decode[batch], length)
        before = 0.0
        if len(step.pieces) == 1:
            before = step.pieces[0][1]
        elif not self.one_piece:
            attended = sum(piece * (done + piece / 2) for piece, done in step.pieces)
            before = attended / total - total / 2
        by_prompt = []
        for plane in self.mixed:
            by_before = []
            for column in plane:
                by_batch = [straight(self.lengths, row, length) for row in column]
                by_before.append(straight(self.decodes, by_batch, batch))
            by_prompt.append(straight(self.before, by_before, before))
        return rest + straight(self.prompts, by_prompt, total)


small = st.sampled_from([0.0, 1 / 64, 0.01, 0.003])
formulas = st.builds(Formula, st.sampled_from([0.25, 0.1, 1 / 3, 0.7]), small, small, small)
tables = st.builds(Table, st.integers(0, 99), st.sampled_from([0.0, 0.5, 1.0]), st.booleans())


@st.composite
def engines(draw, *, near_ties=True):
    """An engine with all that may go short, and requests that each fit into it."""
    block = draw(st.sampled_from([1, 2, 3, 4, 16]))
    rules = {
        "replicas": draw(st.sampled_from([1, 1, 2, 3])),
        "sequences": draw(st.integers(1, 6)),
        "block_tokens": block,
        "prefill_first": draw(st.booleans()),
        "whole_prompt_fits": draw(st.booleans()),
        "routing": draw(st.sampled_from(list(ROUTES))),
        "limit": draw(st.none() | st.none() | st.integers(0, 4)),
        "patience_s": draw(st.sampled_from([math.inf, math.inf, 0.5, 2.0])),
        "adapter_slots": draw(st.sampled_from([0, 0, 1, 2])),
        "swap_s": draw(st.sampled_from([0.0, 0.125])),
    }
    rules["tokens"] = draw(st.integers(rules["sequences"], rules["sequences"] + 20))
    times = draw(st.sampled_from([st.integers(0, 8).map(float), st.floats(0, 12)]))
    came = sorted(draw(st.lists(times, min_size=1, max_size=14)))
    shapes = st.tuples(
        st.integers(1, 40),
        st.integers(1, 25),
        st.integers(0, 30),
        st.integers(0, 3) if rules["adapter_slots"] else st.none(),
    )
    requests = [Request(k, at_s, *draw(shapes)) for k, at_s in enumerate(came)]
    for one in requests:
        one.cached = min(one.cached, one.prompt)
    longest = max(math.ceil((one.prompt + one.output) / block) for one in requests)
    rules["blocks"] = longest + draw(st.integers(0, 60))
    seconds = draw(formulas | tables)
    joules = draw(st.none() | formulas | tables)
    if near_ties and draw(st.booleans()):
        requests = with_near_ties(draw, rules, seconds, requests)
    return rules, seconds, joules, requests


def with_near_ties(draw, rules, seconds, requests):
    """Add requests that come when a step ends, or a hair before or after."""
    plain = Engine(seconds_of=seconds, **rules)
    plain.run([replace(one) for one in requests])
    hairs = st.sampled_from([0.0, 1e-13, -1e-13, 1e-11, -1e-11, 4e-9, -4e-9])
    ends = st.sampled_from(plain.boundaries_s)
    more = [
        replace(requests[draw(st.integers(0, len(requests) - 1))], came_s=end + draw(hairs))
        for end in draw(st.lists(ends, min_size=1, max_size=4))
    ]
    both = sorted([*requests, *more], key=lambda one: one.came_s)
    return [replace(one, index=k) for k, one in enumerate(both)]


def plainly(rules, seconds, joules, requests):
    engine = Engine(seconds_of=seconds, joules_of=joules or (lambda _: 0.0), **rules)
    return engine, engine.run([replace(one) for one in requests])


def limits_of(rules):
    return Limits(
        most_sequences=rules["sequences"],
        step_tokens=rules["tokens"],
        blocks=rules["blocks"],
        block_tokens=rules["block_tokens"],
        prefill_first=rules["prefill_first"],
        whole_prompt_fits=rules["whole_prompt_fits"],
        routing=ROUTES[rules["routing"]],
        queue_limit=-1 if rules["limit"] is None else rules["limit"],
        patience_s=rules["patience_s"],
        adapter_slots=rules["adapter_slots"],
        swap_s=rules["swap_s"],
        goal_s=math.inf,
    )


def simulated(rules, seconds, joules, requests, *, cuts=(), stops=(), takes=None, opens=False):
    sizes = rules["sequences"], rules["tokens"]
    energy = None if joules is None else joules.tables(*sizes)
    curve = StepCurve(seconds.tables(*sizes), energy)
    bounds = [0, *sorted(cuts), len(requests)]
    chunks = []
    for a, b in pairwise(bounds):
        part = requests[a:b]
        whole = [
            np.array(column, dtype=np.int64)
            for column in (
                [one.prompt for one in part],
                [one.output for one in part],
                [one.cached for one in part],
                [at.NOBODY if one.adapter is None else one.adapter for one in part],
            )
        ]
        chunks.append(
            LlmRequests(
                np.array([one.came_s for one in part]), whole[0], whole[1], whole[2], whole[3]
            )
        )
    queues = LlmQueues(
        curve,
        limits_of(rules),
        chunks,
        replicas=rules["replicas"],
        adapters=4,
        hours=2,
        keep_requests=len(requests),
    )
    queues.takes[:takes] = 1
    for stop in sorted(stops):
        queues.carry(stop)
    if opens:
        queues.takes[:] = 1
    queues.carry(math.inf)
    assert not queues.is_at_work()
    return queues


def assert_same(expected, found):
    assert [FATES[int(k)] for k in found.status] == [one.fate for one in expected]
    for name, mine in (
        ("start_s", found.start_s),
        ("first_s", found.first_token_s),
        ("finish_s", found.finish_s),
    ):
        times = [getattr(one, name) if one.fate == "served" else math.nan for one in expected]
        np.testing.assert_allclose(mine, np.array(times, dtype=float), rtol=1e-9, atol=1e-9)


@given(system=engines())
@settings(max_examples=MANY)
def test_every_request_fares_as_step_by_step(system):
    engine, expected = plainly(*system)
    queues = simulated(*system)
    assert_same(expected, queues.times)
    hours = queues.hours.sum(axis=0)
    assert hours[at.HOUR_STEPS] == engine.steps
    assert hours[at.HOUR_PREEMPTED] == sum(one.preempted for one in expected)
    assert hours[at.HOUR_SWAPS] == engine.swaps
    assert hours[at.HOUR_BUSY_S] == pytest.approx(engine.busy_s, rel=1e-9)
    assert hours[at.HOUR_JOULES] == pytest.approx(engine.joules, rel=1e-9)


@given(system=engines(), data=st.data())
@settings(max_examples=MANY // 6)
def test_it_makes_no_difference_where_arrivals_are_cut_or_time_stands_still(system, data):
    *_, requests = system
    last_s = requests[-1].came_s
    cuts = data.draw(st.lists(st.integers(0, len(requests)), max_size=3))
    stops = data.draw(st.lists(st.floats(0, last_s + 5), max_size=3))
    _, expected = plainly(*system)
    assert_same(expected, simulated(*system, cuts=cuts, stops=stops).times)


LONG_S = 1e12
"""Patience that nobody loses, and that the rules of a replica apart do not know."""


@given(system=engines(), data=st.data())
@settings(max_examples=MANY // 6)
def test_a_replica_apart_does_to_the_bit_what_the_general_rules_do(system, data):
    rules, _, _, requests = system
    seconds = data.draw(formulas)
    apart = rules | {
        "replicas": data.draw(st.sampled_from([1, 2, 3])),
        "blocks": rules["blocks"] + data.draw(st.sampled_from([0, 40, 10**6])),
        "prefill_first": False,
        "limit": None,
        "patience_s": math.inf,
        "adapter_slots": 0,
    }
    stops = data.draw(st.lists(st.floats(0, requests[-1].came_s + 5), max_size=3))
    cuts = data.draw(st.lists(st.integers(0, len(requests)), max_size=2))
    opens = data.draw(st.booleans())
    found, expected = (
        simulated(one, seconds, None, requests, cuts=cuts, stops=stops, takes=1, opens=opens)
        for one in (apart, apart | {"patience_s": LONG_S})
    )
    curve = seconds.tables(rules["sequences"], rules["tokens"])
    takers = apart["replicas"] if opens else 1
    goes_apart = takers == 1 or apart["routing"] == "round robin"
    found_apart = takers_apart(found.state, limits_of(apart), curve, False)
    assert found_apart == (takers if goes_apart else 0)
    for name in ("start_s", "first_token_s", "finish_s", "status", "replica"):
        np.testing.assert_array_equal(getattr(found.times, name), getattr(expected.times, name))
    np.testing.assert_array_equal(found.histograms, expected.histograms)
    np.testing.assert_allclose(found.hours, expected.hours, rtol=1e-12, atol=1e-12)


def test_who_comes_to_the_head_of_the_queue_fits_where_the_one_before_did_not():
    # All steps take 1 s: replica 0 begins them at full seconds, replica 1 in between. It has no
    # room for the third request, so replica 0 is to look at 3.0 s; when that gives up at 2.4 s,
    # the fourth is taken by replica 1 at 2.5 s.
    rules = {
        "replicas": 2, "sequences": 4, "tokens": 64, "blocks": 16, "block_tokens": 4,
        "prefill_first": False, "whole_prompt_fits": True, "routing": "one queue", "limit": None,
        "patience_s": 0.2, "adapter_slots": 0, "swap_s": 0.0,
    }  # fmt: skip
    requests = [
        Request(0, 0.0, prompt=4, output=10),
        Request(1, 0.5, prompt=40, output=5),
        Request(2, 2.2, prompt=24, output=1),
        Request(3, 2.45, prompt=4, output=1),
    ]
    system = rules, Formula(1.0, 0.0, 0.0, 0.0), None, requests
    times = simulated(*system).times
    assert [FATES[int(k)] for k in times.status] == ["served", "served", "abandoned", "served"]
    assert times.start_s[3] == 2.5
    assert_same(plainly(*system)[1], times)


@pytest.mark.skipif(PLAIN, reason="this is that run")
def test_the_kernel_does_the_same_when_it_is_not_compiled():
    settings_here = {**os.environ, "NUMBA_DISABLE_JIT": "1", "TCO_ORACLE_CASES": FEW}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=settings_here, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
