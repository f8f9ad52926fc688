"""Models that share replicas: the times of a plain model, and the textbook's share of swaps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.errors import InfeasibleError
from tco.sim.pools import PoolRules, run_pool
from tests.oracles.pools import Pool


@st.composite
def pools(draw):
    count, models = draw(st.integers(1, 30)), draw(st.integers(1, 5))
    budget = draw(st.integers(4, 9))
    times = st.integers(0, 40).map(float) if draw(st.booleans()) else st.floats(0, 40)
    lasting = st.integers(1, 6).map(float) if draw(st.booleans()) else st.floats(0.1, 6)

    def each(values, number=count):
        return draw(st.lists(values, min_size=number, max_size=number))

    return {
        "replicas": draw(st.integers(1, 3)),
        "budget": budget,
        "sizes": each(st.integers(1, 4), models),
        "load_s": each(lasting, models),
        "arrivals": sorted(each(times)),
        "models": each(st.integers(0, models - 1)),
        "service": each(lasting),
    }


def simulated(case, until_s=1.0):
    rules = PoolRules(
        case["replicas"], float(case["budget"]), tuple(map(float, case["sizes"])),
        tuple(case["load_s"]),
    )  # fmt: skip
    arrivals, service = np.array(case["arrivals"]), np.array(case["service"])
    return run_pool(rules, arrivals, np.array(case["models"]), service, until_s=until_s)


@given(case=pools())
@settings(max_examples=500)
def test_every_request_fares_as_in_the_plain_model(case):
    plain = Pool(case["replicas"], case["budget"], case["sizes"], case["load_s"])
    expected = plain.run(case["arrivals"], case["models"], case["service"])
    found = simulated(case)
    for name in ("start_s", "finish_s"):
        times = [one[name] for one in expected]
        np.testing.assert_allclose(getattr(found, name), times, rtol=1e-9, atol=1e-9)
    assert found.swapped.tolist() == [one["swapped"] for one in expected]
    assert found.replica.tolist() == [one["replica"] for one in expected]


@given(case=pools())
@settings(max_examples=100)
def test_replica_seconds_are_busy_loading_or_idle_and_memory_is_never_exceeded(case):
    found = simulated(case, until_s=100.0)
    assert found.held_s == pytest.approx(found.busy_s + found.swapping_s + found.idle_s)
    assert found.held_s >= 100.0 * case["replicas"]
    assert found.swapping_s == pytest.approx(
        sum(case["load_s"][m] for m, s in zip(case["models"], found.swapped, strict=True) if s)
    )
    assert found.idle_s >= -1e-6


@given(case=pools())
@settings(max_examples=100)
def test_with_room_for_all_each_replica_loads_each_model_once_at_most(case):
    roomy = case | {"budget": sum(case["sizes"])}
    found = simulated(roomy)
    loaded = {(int(r), m) for r, m in zip(found.replica, case["models"], strict=True)}
    assert found.swapped.sum() == len(loaded)


def test_the_share_of_swaps_is_that_of_least_recently_used():
    """King 1971: requests of independent models, room for two of three that are alike."""
    shares = np.array([0.6, 0.3, 0.1])
    count = 200_000
    random = np.random.default_rng(5)
    models = random.choice(3, size=count, p=shares)
    rules = PoolRules(1, 2.0, (1.0, 1.0, 1.0), (0.1, 0.1, 0.1))
    arrivals_s = np.arange(count, dtype=np.float64)
    found = run_pool(rules, arrivals_s, models, np.full(count, 0.2), until_s=1.0)
    odds = shares / (1 - shares)
    held = shares * (1 + odds.sum() - odds)
    expected = 1.0 - float(shares @ held)
    error = math.sqrt(expected * (1 - expected) / count)
    assert abs(found.swap_share - expected) <= 4 * 1.5 * error
    assert error <= 0.01 * expected, "narrow enough to tell"


def test_a_model_that_fits_nowhere_is_refused_with_the_numbers():
    with pytest.raises(
        InfeasibleError, match="model 1 of the pool takes 5 GiB and a replica holds 4"
    ):
        PoolRules(1, 4.0, (1.0, 5.0), (1.0, 1.0))


def test_a_request_for_a_model_that_is_not_there_is_refused():
    rules = PoolRules(1, 4.0, (1.0, 1.0), (1.0, 1.0))
    with pytest.raises(InfeasibleError, match="asks for model 2 and the pool has models 0 to 1"):
        run_pool(rules, np.zeros(1), np.array([2]), np.ones(1), until_s=1.0)
