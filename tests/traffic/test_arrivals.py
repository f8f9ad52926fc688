"""Streams on their own, before they enter a queue. Seeds are fixed, levels are stated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.demand import GammaGaps, OnOffBursts, TwoStateBursts
from tco.traffic.arrivals import arrival_blocks_s, arrivals_s, merged_s, poisson_arrivals_s
from tco.traffic.bursts import levels_of, modulated
from tco.traffic.dispersion import (
    gamma_dispersion_limit,
    gap_cv,
    hawkes_dispersion,
    modulated_dispersion,
    smoothed,
    two_state_rate,
    unevenness,
    window_counts,
)
from tco.traffic.rate import PiecewiseRate
from tests.traffic.traces import requests_of_2023

KS_ONE_PERCENT = 1.628
"""Critical value of sqrt(n) times the Kolmogorov-Smirnov distance at the 1 % level."""
ON_OFF = OnOffBursts(kind="on_off", on_mean_s=20.0, off_mean_s=60.0)
TWO_STATE = TwoStateBursts(kind="two_state", high_to_low=10.0, high_mean_s=20.0, low_mean_s=50.0)
GAMMA = GammaGaps(kind="gamma", gap_cv=2.0)
ALL = [None, ON_OFF, TWO_STATE, GAMMA, GAMMA.model_copy(update={"client_shares": (0.7, 0.3)})]


def flat(per_s, span_s):
    return PiecewiseRate(np.array([0.0, span_s]), np.array([per_s]))


def ks_distance(values, law):
    """Give sqrt(n) times the distance between an empirical and a continuous law."""
    reached = law(np.sort(values))
    steps = np.arange(values.size + 1) / values.size
    return math.sqrt(values.size) * max(np.max(steps[1:] - reached), np.max(reached - steps[:-1]))


def thinned_by_hand(rate, random):
    """Lewis and Shedler: candidates at the peak rate, each kept with the chance rate / peak."""
    peak = rate.per_s.max()
    candidates = random.poisson(peak * rate.span_s)
    times = np.sort(random.uniform(rate.edges_s[0], rate.edges_s[-1], candidates))
    return times[random.random(candidates) < rate.at(times) / peak]


def test_gaps_of_a_poisson_stream_are_exponential():
    times = arrivals_s(flat(5.0, 40_000.0), np.random.default_rng(11))
    gaps = np.diff(times)
    assert ks_distance(gaps, lambda x: 1 - np.exp(-5.0 * x)) < KS_ONE_PERCENT
    assert gaps.mean() == pytest.approx(0.2, rel=4 / math.sqrt(gaps.size))
    assert gap_cv(times) == pytest.approx(1.0, abs=0.01)


def test_counts_of_a_poisson_stream_have_index_one():
    times = arrivals_s(flat(5.0, 200_000.0), np.random.default_rng(12))
    for found in unevenness(times):
        windows = 200_000 / found.window_s
        assert found.index == pytest.approx(1.0, abs=4 * math.sqrt(2 / windows))


@pytest.mark.parametrize("seed", range(5))
def test_a_moving_rate_is_uniform_in_expected_requests(seed):
    random = np.random.default_rng(seed)
    edges = np.concatenate(([0.0], np.cumsum(random.exponential(10.0, 400))))
    rate = PiecewiseRate(
        edges, np.where(random.random(400) < 0.3, 0.0, random.gamma(1.0, 8.0, 400))
    )
    times = arrivals_s(rate, random)
    until = np.interp(times, rate.edges_s, rate.expected_until()) / rate.expected
    assert ks_distance(until, lambda x: x) < KS_ONE_PERCENT
    assert times.size == pytest.approx(rate.expected, abs=4 * math.sqrt(rate.expected))
    assert np.all(rate.at(times) > 0)


def test_counts_in_each_piece_are_poisson_and_agree_with_thinning():
    rate = PiecewiseRate(np.array([0.0, 1.0, 3.0, 4.0, 9.0]), np.array([3.0, 0.0, 40.0, 1.5]))
    expected = np.diff(rate.expected_until())
    for number, draw in enumerate((arrivals_s, thinned_by_hand)):
        random = np.random.default_rng(number)
        counts = np.array([np.histogram(draw(rate, random), rate.edges_s)[0] for _ in range(6000)])
        error = 4 * np.sqrt(expected / 6000)
        assert np.all(np.abs(counts.mean(axis=0) - expected) <= error)
        busy = expected > 0
        assert counts.var(axis=0)[busy] == pytest.approx(expected[busy], rel=0.1)
        assert np.corrcoef(counts[:, 0], counts[:, 2])[0, 1] == pytest.approx(0, abs=4 / 77)


@given(
    lengths=st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=12),
    bursts=st.sampled_from(ALL),
    data=st.data(),
    seed=st.integers(0, 2**32),
)
def test_every_arrival_lies_where_the_rate_is_positive(lengths, bursts, data, seed):
    per_s = data.draw(
        st.lists(
            st.sampled_from([0.0, 0.01, 1.0, 30.0]), min_size=len(lengths), max_size=len(lengths)
        )
    )
    edges = np.concatenate(([5.0], 5.0 + np.cumsum(lengths)))
    rate = PiecewiseRate(edges, np.minimum(per_s, 2_000 / np.array(lengths)))
    times = arrivals_s(rate, np.random.default_rng(seed), bursts)
    assert np.all(np.diff(times) >= 0)
    inside = np.interp(times, edges, np.arange(edges.size))
    piece = np.clip(np.floor(inside).astype(int), 0, len(lengths) - 1)
    on_edge = np.isin(times, edges)
    assert np.all((rate.per_s[piece] > 0) | on_edge)


@given(bursts=st.sampled_from(ALL), block=st.integers(1, 500), seed=st.integers(0, 2**32))
def test_blocks_are_sorted_and_within_the_span(bursts, block, seed):
    rate = PiecewiseRate(np.array([0.0, 10.0, 90.0]), np.array([5.0, 1.0]))
    blocks = list(arrival_blocks_s(rate, np.random.default_rng(seed), bursts, block=block))
    times = np.concatenate(blocks) if blocks else np.zeros(0)
    assert np.all(np.diff(times) >= 0)
    assert times.size == 0 or (times[0] >= 0 and times[-1] <= 90)
    assert all(part.size > 0 for part in blocks) or isinstance(bursts, GammaGaps)


def test_the_same_seed_gives_the_same_arrivals():
    first, second = (arrivals_s(flat(3.0, 500.0), np.random.default_rng(5), ON_OFF) for _ in "ab")
    assert np.array_equal(first, second)


@pytest.mark.parametrize("bursts", ALL)
def test_no_rate_no_arrivals(bursts):
    assert arrivals_s(flat(0.0, 100.0), np.random.default_rng(1), bursts).size == 0


@pytest.mark.parametrize("bursts", ALL, ids=lambda b: getattr(b, "kind", "poisson"))
def test_bursts_keep_the_mean_rate(bursts):
    counts = [
        arrivals_s(flat(4.0, 3000.0), np.random.default_rng(seed), bursts).size
        for seed in range(200)
    ]
    error = float(np.std(counts)) / math.sqrt(len(counts))
    assert np.mean(counts) == pytest.approx(12_000, abs=4 * error)


def test_gamma_gaps_have_their_cv_and_their_index_of_dispersion():
    times = arrivals_s(flat(10.0, 300_000.0), np.random.default_rng(21), GAMMA)
    gaps = np.diff(times)
    assert gap_cv(times) == pytest.approx(2.0, rel=0.01)
    assert gaps.mean() == pytest.approx(0.1, rel=4 * 2 / math.sqrt(gaps.size))
    assert gamma_dispersion_limit(2.0) == 4.0
    counts = window_counts(times, 300.0)
    assert counts.var() / counts.mean() == pytest.approx(4.0, abs=4 * 4 * math.sqrt(2 / 1000))


def test_a_gamma_stream_is_met_in_the_middle_of_a_gap():
    first = [
        arrivals_s(flat(1.0, 400.0), np.random.default_rng(seed), GAMMA)[0] for seed in range(3000)
    ]
    # The rest of a gap in a stationary stream has mean E[gap^2] / (2 E[gap]) = (1 + cv^2) / 2.
    assert np.mean(first) == pytest.approx(2.5, abs=4 * np.std(first) / math.sqrt(3000))


@pytest.mark.parametrize("bursts", [ON_OFF, TWO_STATE], ids=lambda b: b.kind)
def test_bursts_have_the_index_of_dispersion_of_the_closed_form(bursts):
    times = arrivals_s(flat(6.0, 1_000_000.0), np.random.default_rng(31), bursts)
    for window_s in (1.0, 10.0, 60.0):
        counts = window_counts(times, window_s)
        expected = levels_of(bursts).rate(6.0).dispersion(window_s)
        # Independent stretches of 2,000 s each give the error of the variance.
        parts = counts[: counts.size // 500 * 500].reshape(500, -1)
        squares = ((parts - counts.mean()) ** 2).mean(axis=1)
        error = squares.std() / math.sqrt(500) / counts.mean()
        assert counts.var() / counts.mean() == pytest.approx(expected, abs=4 * error)
        assert error < 0.05 * expected


def test_the_closed_forms_of_dispersion():
    rate = two_state_rate(20.0, 2.0, 0.05, 0.02)
    assert rate.mean_per_s == pytest.approx(7.142857, abs=1e-6)
    assert rate.dispersion_limit == pytest.approx(265.489796, abs=1e-6)
    assert rate.dispersion(60.0) == pytest.approx(203.460363, abs=1e-6)
    assert hawkes_dispersion(0.6, 2.0, 1e9) == pytest.approx(6.25)
    assert hawkes_dispersion(0.6, 2.0, 50.0) == pytest.approx(6.118750, abs=1e-6)
    assert modulated_dispersion(7.0, 0.5, 0.1, 1e-9) == pytest.approx(1.0)


@given(x=st.floats(1e-6, 1e3))
def test_smoothing_has_no_seam(x):
    series = 1 - x / 3 + x**2 / 12 if x < 1e-3 else 2 * (x - 1 + math.exp(-x)) / x**2
    assert smoothed(x, 1.0) == pytest.approx(series, rel=1e-6)


@pytest.mark.parametrize("bursts", [ON_OFF, TWO_STATE], ids=lambda b: b.kind)
def test_levels_average_to_one(bursts):
    levels = levels_of(bursts)
    share = levels.high_share
    assert share * levels.high + (1 - share) * levels.low == pytest.approx(1.0)


def test_many_clients_are_smoother_than_one():
    one = modulated(flat(1.0, 400_000.0), ON_OFF, np.random.default_rng(1))
    bursts = ON_OFF.model_copy(update={"client_shares": (0.25,) * 4})
    four = modulated(flat(1.0, 400_000.0), bursts, np.random.default_rng(1))

    def scv(rate):
        weights = np.diff(rate.edges_s)
        mean = np.average(rate.per_s, weights=weights)
        return np.average((rate.per_s - mean) ** 2, weights=weights) / mean**2

    assert scv(one) == pytest.approx(3.0, rel=0.08)
    assert scv(four) == pytest.approx(0.75, rel=0.08)
    assert four.per_s.min() == 0


def test_streams_merge_with_ties_in_the_order_of_streams():
    times, source = merged_s([np.array([1.0, 2.0, 2.0]), np.array([0.5, 2.0]), np.array([2.0])])
    assert times.tolist() == [0.5, 1.0, 2.0, 2.0, 2.0, 2.0]
    assert source.tolist() == [1, 0, 0, 0, 1, 2]


def test_a_poisson_stream_of_a_number_of_requests():
    times = poisson_arrivals_s(4.0, 20_000, np.random.default_rng(1))
    assert times.size == 20_000
    assert times[-1] == pytest.approx(5_000, rel=4 / math.sqrt(20_000))


@pytest.mark.parametrize(
    ("name", "cv", "indices", "peaks"),
    [
        ("conv", 1.094, [1.39, 3.87, 16.4, 61.7], [2.89, 1.77, 1.52, 1.32]),
        ("code", 13.152, [13.2, 71.9, 167, 152], [26.1, 12.8, 4.18, 1.56]),
    ],
)
def test_published_traces_show_their_printed_statistics(name, cv, indices, peaks):
    times, _, _ = requests_of_2023(name)
    found = unevenness(times)
    assert gap_cv(times) == pytest.approx(cv, abs=0.001)
    assert [each.index for each in found] == pytest.approx(indices, rel=0.02)
    assert [each.peak_to_mean for each in found] == pytest.approx(peaks, rel=0.02)


def test_windows_longer_than_the_stream_are_left_out():
    assert unevenness(np.zeros(0)) == []
    assert [found.window_s for found in unevenness(np.arange(50.0))] == [1.0, 10.0]
