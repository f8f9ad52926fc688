"""Functions on demand against plain objects, closed forms and cases worked by hand."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.errors import InfeasibleError
from tco.sim.serverless import FunctionRules, check_function, run_function, since
from tco.sim.theory_batches import cold_start
from tests.oracles.functions import Functions

times = st.integers(0, 80).map(float) | st.floats(0, 80, allow_nan=False)


def run(rules, came_s, service_s, until_s):
    came = np.array(came_s, dtype=np.float64)
    takes = np.broadcast_to(np.array(service_s, dtype=np.float64), came.shape)
    return run_function(rules, [(came, takes)], until_s=until_s)


@given(
    requests=st.lists(st.tuples(times, st.sampled_from([1.0, 2.5, 7.0])), max_size=40),
    cold_start_s=st.sampled_from([0.0, 1.5, 6.0]),
    keep_alive_s=st.sampled_from([0.0, 2.0, 10.0, 1000.0]),
    per_instance=st.integers(1, 3),
    provisioned=st.integers(0, 2),
    more=st.integers(0, 4),
    waits=st.booleans(),
    cut=st.integers(0, 40),
)
@settings(max_examples=400)
def test_every_request_is_begun_when_plain_objects_begin_it(
    requests, cold_start_s, keep_alive_s, per_instance, provisioned, more, waits, cut
):
    requests = sorted(requests)
    most = max(1, provisioned + more)
    plain = Functions(cold_start_s, keep_alive_s, per_instance, provisioned, most, waits)
    expected = plain.run(requests, 100.0)
    came, takes = np.array(requests).reshape(-1, 2).T
    rules = FunctionRules(cold_start_s, keep_alive_s, per_instance, provisioned, most, waits)
    chunks = [(came[:cut], takes[:cut]), (came[cut:], takes[cut:])]
    found = run_function(rules, chunks, until_s=100.0)
    np.testing.assert_allclose(
        found.start_s, [np.nan if start is None else start for start in expected], rtol=1e-12
    )
    assert found.cold_starts == plain.cold
    assert found.refused == expected.count(None)
    assert found.held_s == pytest.approx(plain.held_s, abs=1e-9)
    assert found.active_s == pytest.approx(plain.active_s(), abs=1e-9)
    assert found.idle_s >= -1e-9


def test_a_second_request_within_the_keep_alive_is_warm_and_a_third_beyond_it_cold():
    found = run(FunctionRules(2.0, 10.0), [0.0, 13.0, 25.0], 1.0, 100.0)
    # Begun at 2, done at 3; at 13 it is gone on the dot; begun at 15, done at 16; warm at 25.
    assert found.start_s.tolist() == [2.0, 15.0, 25.0]
    assert (found.cold_starts, found.held_s) == (2, 13.0 + 23.0)
    assert found.idle_s == 10.0 + (9.0 + 10.0)


def test_the_instance_used_last_is_used_first_so_that_the_others_go():
    came = [0.0, 0.0, *np.arange(5.0, 60.0, 5.0)]
    found = run(FunctionRules(0.0, 12.0), came, 1.0, 60.0)
    assert found.cold_starts == 2
    assert found.held_s == pytest.approx(13.0 + 60.0), "one goes at 13, one is used to the end"


def test_at_the_cap_requests_are_refused_or_wait():
    refused = run(FunctionRules(0.0, 5.0, most_instances=2), [0.0] * 5, 1.0, 10.0)
    assert (refused.served, refused.refused, refused.peak_instances) == (2, 3, 2)
    waited = run(FunctionRules(0.0, 5.0, most_instances=2, waits=True), [0.0] * 5, 1.0, 10.0)
    assert waited.latencies_s.tolist() == [1.0, 1.0, 2.0, 2.0, 3.0]


def test_a_run_without_its_beginning_holds_the_rest():
    rules = FunctionRules(2.0, 10.0)
    came = [0.0, 1.0, 20.0, 25.0, 50.0]
    rest = since(run(rules, came, 1.0, 60.0), run(rules, came, 1.0, 19.0))
    assert (rest.arrived, rest.cold_starts, rest.simulated_s) == (3, 2, 41.0)
    assert rest.latencies_s.tolist() == [3.0, 1.0, 3.0]
    assert rest.held_s == pytest.approx(16.0 + 10.0)


def test_more_instances_than_the_first_room_are_started():
    found = run(FunctionRules(1.0, 5.0, most_instances=5000), np.zeros(3000), 1.0, 10.0)
    assert (found.cold_starts, found.peak_instances) == (3000, 3000)


def arrivals(per_s: float, until_s: float, seed: int):
    """Poisson arrivals in chunks, with exponential service of a mean of 3 s."""
    random = np.random.default_rng(seed)
    now_s = 0.0
    while now_s < until_s:
        came = now_s + np.cumsum(random.exponential(1 / per_s, 100_000))
        yield came, random.exponential(3.0, came.size)
        now_s = float(came[-1])


@pytest.mark.parametrize(
    ("per_s", "boot_s", "keep_s", "wait_s", "cold", "powered"),
    [
        (0.02, 60.0, 0.0, 43.827853, 0.427273, None),
        (0.002, 60.0, 300.0, 32.765848, 0.511812, 0.488188),
    ],
)
def test_one_instance_with_a_queue_is_the_closed_form(per_s, boot_s, keep_s, wait_s, cold, powered):
    theory = cold_start(per_s, 3.0, 1.0, boot_s, keep_s)
    assert theory.wait_s == pytest.approx(wait_s, rel=1e-6)
    assert theory.cold_share == pytest.approx(cold, abs=1e-6)
    rules = FunctionRules(boot_s, keep_s, most_instances=1, waits=True)
    found = []
    for seed in range(20):
        until_s = 50_000 / per_s
        run_ = run_function(rules, arrivals(per_s, until_s, seed), until_s=until_s)
        waits = run_.latencies_s.sum() - run_.request_s
        found.append((waits / run_.served, run_.cold_starts / run_.served, run_.held_s / until_s))
    means, errors = np.mean(found, 0), np.std(found, 0, ddof=1) / np.sqrt(20)
    for mean, error, known in zip(means, errors, (wait_s, cold, theory.powered_share), strict=True):
        assert abs(mean - known) < 4 * error
        assert error < 0.01 * known, "narrow enough to fail"
    assert powered is None or theory.powered_share == pytest.approx(powered, abs=1e-6)


def test_many_instances_are_cold_as_often_as_gaps_outlast_the_keep_alive():
    """Rare requests that never overlap: a start is cold if the gap is longer, exp(-rate K)."""
    came = np.cumsum(np.random.default_rng(3).exponential(1000.0, 200_000))
    found = run(FunctionRules(0.0, 700.0), came, 1e-6, float(came[-1]) + 1.0)
    expected = np.exp(-0.7)
    error = np.sqrt(expected * (1 - expected) / came.size)
    assert abs(found.cold_starts / found.served - expected) < 4 * error


def test_a_month_at_one_request_a_minute_takes_less_than_a_second():
    month_s = 30 * 86_400.0
    came = np.sort(np.random.default_rng(1).random(43_200) * month_s)
    run(FunctionRules(5.0, 300.0), came[:10], 0.5, month_s)
    begun_s = time.perf_counter()
    found = run(FunctionRules(5.0, 300.0), came, 0.5, month_s)
    assert time.perf_counter() - begun_s < 1.0
    assert found.served == 43_200


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (FunctionRules(1.0, 1.0, most_instances=3), r"keep 4 places busy .* refuse 1,800 requests"),
        (FunctionRules(1.0, 1.0, most_instances=3, waits=True), "queue would grow by 1,800"),
        (FunctionRules(1.0, 1.0, provisioned=5, most_instances=4), "5 instances are provisioned"),
    ],
)
def test_a_cap_below_the_load_is_refused_with_the_numbers(rules, message):
    with pytest.raises(InfeasibleError, match=message):
        check_function(rules, 2.0, 2.0)
