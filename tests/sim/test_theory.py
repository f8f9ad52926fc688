"""Closed forms against printed figures, and against one another by a second route."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tco.errors import InfeasibleError
from tco.sim import theory, theory_batches


def printed(value: float, digits: int = 6):
    """Expect a figure printed to six digits after the point, or to as many as given."""
    return pytest.approx(value, abs=0.51 * 10**-digits)


def test_erlang_c():
    queue = theory.mmc(18.0, 1.0, 22)
    assert theory.erlang_b(18.0, 22) == printed(0.065451)
    assert queue.wait_share == printed(0.278078)
    assert queue.wait_s == printed(0.0695195, 7)
    assert queue.queued == printed(1.251351)
    assert queue.in_system == printed(19.251351)
    assert queue.wait_exceeds(0.5) == printed(0.0376338, 7)
    assert queue.wait_quantile_s(0.99) == printed(0.831329)
    assert queue.wait_quantile_s(0.5) == 0


def test_erlang_c_with_few_servers():
    assert theory.erlang_b(2.0, 3) == printed(0.210526)
    assert theory.mmc(2.0, 1.0, 3).wait_share == printed(0.444444)
    assert theory.mmc(2.0, 1.0, 3).wait_s == printed(0.444444)


def test_a_limited_queue():
    queue = theory.mmck(8.0, 1.0, 10, 15)
    assert queue.empty_share == printed(0.000309802, 9)
    assert queue.refused_share == printed(0.030038)
    assert queue.queued == printed(0.631855)
    assert queue.served_per_s == printed(7.759696)
    assert queue.wait_s == printed(0.0814278, 7)
    assert queue.in_system == printed(8.391550)


def test_a_limit_far_away_is_no_limit():
    limited, free = theory.mmck(9.0, 0.5, 6, 400), theory.mmc(9.0, 0.5, 6)
    for name in ("wait_s", "queued", "in_system", "wait_share"):
        assert getattr(limited, name) == pytest.approx(getattr(free, name), rel=1e-9)


def test_places_for_those_in_service_only_is_a_loss_system():
    queue = theory.mmck(8.0, 1.0, 10, 10)
    assert queue.refused_share == pytest.approx(theory.erlang_b(8.0, 10), rel=1e-12)
    assert queue.wait_share == 0


def test_impatience():
    queue = theory.erlang_a(12.0, 1.0, 10, 2.0)
    assert queue.wait_share == printed(0.850385)
    assert queue.abandoned_share == printed(0.195656)
    assert queue.queued == printed(4.695743)
    assert queue.wait_s == printed(0.391312)
    assert queue.busy == printed(9.652129)
    assert theory.erlang_b(12.0, 10) == printed(0.301925)


@given(load=st.floats(0.1, 60), servers=st.integers(1, 40), patience_s=st.floats(0.05, 20))
@example(load=41.0, servers=1, patience_s=20.0)
def test_impatience_agrees_with_the_chain(load, servers, patience_s):
    places = int(load + servers + 60 + 12 * math.sqrt(load * max(1.0, patience_s))) * 2 + int(
        load * patience_s * 2
    )
    states = np.arange(1, places + 1)
    deaths = np.minimum(states, servers) + np.maximum(states - servers, 0) / patience_s
    shares = theory.birth_death(np.full(places, load), deaths)
    queued = np.sum(np.maximum(np.arange(places + 1) - servers, 0) * shares)
    queue = theory.erlang_a(load, 1.0, servers, patience_s)
    assert queue.queued == pytest.approx(queued, rel=1e-6, abs=1e-12)
    assert queue.wait_share == pytest.approx(shares[servers:].sum(), rel=1e-6, abs=1e-12)
    assert queue.in_system == pytest.approx(np.sum(np.arange(places + 1) * shares), rel=1e-6)


@pytest.mark.parametrize(("scv", "wait_s"), [(0.5476, 3.4821), (1.0, 4.5), (0.0, 2.25)])
def test_one_server_with_any_service_time(scv, wait_s):
    assert theory.mg1(0.2, 3.0, scv).wait_s == printed(wait_s)


def test_equal_sharing_depends_on_the_mean_alone():
    assert theory.processor_sharing_s(0.2, 3.0, 3.0) == printed(7.5)
    assert theory.processor_sharing_s(0.2, 3.0, 1.0) == printed(2.5)


def test_constant_service_at_one_server():
    queue = theory.mdc(0.8, 1.0, 1)
    assert queue.wait_s == printed(2.0)
    assert queue.wait_within(0.0) == printed(0.2)
    assert queue.wait_within(1.0) == printed(0.445108)
    assert queue.wait_within(2.0) == printed(0.634520)
    assert queue.wait_within(5.0) == printed(0.899503)


@given(load=st.floats(0.05, 0.9), time=st.floats(0, 12))
def test_the_wait_at_one_server_agrees_with_the_alternating_series(load, time):
    terms = [
        (-load * (time - j)) ** j / math.factorial(j) * math.exp(load * (time - j))
        for j in range(math.floor(time) + 1)
    ]
    expected = (1 - load) * math.fsum(terms)
    assert theory.mdc(load, 1.0, 1).wait_within(time) == pytest.approx(expected, abs=1e-8)


def test_constant_service_at_many_servers():
    ten, three = theory.mdc(8.0, 1.0, 10), theory.mdc(2.0, 1.0, 3)
    assert (ten.queued, ten.wait_s) == (printed(0.878622), printed(0.109828))
    assert ten.wait_share == printed(0.384717)
    assert (three.queued, three.wait_s) == (printed(0.468530), printed(0.234265))


@given(utilisation=st.floats(0.05, 0.995), servers=st.integers(1, 60))
def test_constant_service_obeys_its_own_balance(utilisation, servers):
    load = utilisation * servers
    queue = theory.mdc(load * 4, 0.25, servers)
    present = queue.present
    states = np.arange(present.size)
    assert present.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.sum(states * present) == pytest.approx(queue.in_system, rel=1e-6)
    assert 1 - queue.wait_within(0.0) == pytest.approx(queue.wait_share, abs=1e-9)
    assert queue.wait_within(1e3 * queue.wait_s + 10) == pytest.approx(1.0, abs=1e-9)


def test_the_mean_wait_is_the_area_above_its_distribution():
    queue = theory.mdc(8.0, 1.0, 10)
    times = np.linspace(0, 8, 1601)
    beyond = [1 - queue.wait_within(float(time)) for time in times]
    area = (np.sum(beyond) - (beyond[0] + beyond[-1]) / 2) * (times[1] - times[0])
    assert area == pytest.approx(queue.wait_s, rel=1e-3)


def test_cosmetatos_prints_what_it_should():
    assert theory.mdc_approximate_wait_s(8.0, 1.0, 10) == printed(0.109989)
    assert theory.mdc_approximate_wait_s(2.0, 1.0, 3) == printed(0.233143)


@given(utilisation=st.floats(0.5, 0.99), servers=st.integers(1, 10))
def test_cosmetatos_keeps_within_its_stated_error(utilisation, servers):
    load = utilisation * servers
    exact = theory.mdc(load, 1.0, servers).wait_s
    near = theory.mdc_approximate_wait_s(load, 1.0, servers)
    assert near == pytest.approx(exact, rel=theory.COSMETATOS_ERROR)


def test_allen_cunneen_prints_what_it_should():
    wait_s = theory.ggc_approximate_wait_s(18.0, 1.0, 22, gap_scv=1.0, service_scv=0.5476)
    assert wait_s == printed(0.0537942, 7)
    assert wait_s == pytest.approx(0.0530, rel=theory.ALLEN_CUNNEEN_ERROR)


@given(utilisation=st.floats(0.9, 0.99), servers=st.integers(1, 64))
def test_allen_cunneen_keeps_within_its_stated_error(utilisation, servers):
    load = utilisation * servers
    near = theory.ggc_approximate_wait_s(load, 1.0, servers, gap_scv=1.0, service_scv=0.0)
    assert near == pytest.approx(
        theory.mdc(load, 1.0, servers).wait_s, rel=theory.ALLEN_CUNNEEN_ERROR
    )


@given(load=st.floats(0.05, 0.98), scv=st.floats(0, 5))
def test_allen_cunneen_is_exact_for_one_server(load, scv):
    near = theory.ggc_approximate_wait_s(load, 1.0, 1, gap_scv=1.0, service_scv=scv)
    assert near == pytest.approx(theory.mg1(load, 1.0, scv).wait_s, rel=1e-9)


def test_bulk_service():
    queue = theory_batches.bulk_service(5.0, 1.0, 4, 8)
    assert queue.ratio == printed(0.894338)
    assert queue.constant == printed(0.0887802, 7)
    assert queue.idle_share == printed(0.159769)
    assert 1 - queue.idle_share == printed(0.840231)
    assert queue.queued == printed(7.422784)
    assert queue.wait_s == printed(1.484557)
    assert queue.mean_batch == printed(5.950747)


@given(load=st.floats(0.02, 0.98))
def test_bulk_service_of_one_is_the_plain_queue(load):
    bulk, plain = theory_batches.bulk_service(load, 1.0, 1, 1), theory.mmc(load, 1.0, 1)
    assert bulk.queued == pytest.approx(plain.queued, rel=1e-6)
    assert bulk.idle_share == pytest.approx(1 - load, rel=1e-6)
    assert bulk.mean_batch == pytest.approx(1.0, rel=1e-6)


def test_timed_batches():
    batches = theory_batches.timed_batches(50.0, 0.1, 8)
    assert batches.mean_batch == printed(5.744519)
    assert batches.wait_s == printed(0.0530761, 7)
    assert batches.full_share == printed(0.237817)
    assert batches.batches_per_s == printed(8.703949)


@pytest.mark.parametrize(("most", "most_wait_s"), [(1, 0.1), (8, 0.0)])
def test_batches_of_one_do_not_wait(most, most_wait_s):
    batches = theory_batches.timed_batches(50.0, most_wait_s, most)
    assert (batches.mean_batch, batches.wait_s) == (1.0, 0.0)
    assert batches.full_share == (1.0 if most == 1 else 0.0)


def test_cold_starts():
    queue = theory_batches.cold_start(0.02, 3.0, 1.0, 60.0)
    assert queue.wait_s == printed(43.827853)
    assert queue.cold_share == printed(0.427273)


def test_cold_starts_with_keep_alive():
    queue = theory_batches.cold_start(0.002, 3.0, 1.0, 60.0, keep_alive_s=300.0)
    assert queue.warm_gap_share == printed(0.548812)
    assert queue.wait_s == printed(32.765848)
    assert queue.cold_share == printed(0.511812)
    assert queue.powered_share == printed(0.488188)


def test_a_boot_of_no_time_costs_no_wait():
    cold = theory_batches.cold_start(0.2, 3.0, 0.5, 0.0)
    assert cold.wait_s == pytest.approx(theory.mg1(0.2, 3.0, 0.5).wait_s, rel=1e-12)
    assert cold.powered_share == pytest.approx(0.6, rel=1e-12)


def test_busy_servers_follow_the_day():
    busy = theory_batches.daily_busy(10.0, 8.0, 24.0, 2.0)
    assert busy.at(6.0) == printed(8.932616)
    assert busy.amplitude == printed(3.966165)
    assert busy.lag == printed(0.497173)
    assert busy.peak == printed(8.966165)


@given(time=st.floats(0, 48))
def test_busy_servers_obey_their_equation(time):
    busy = theory_batches.daily_busy(10.0, 8.0, 24.0, 2.0)
    step = 1e-5
    slope = (busy.at(time + step) - busy.at(time - step)) / (2 * step)
    rate = 10.0 + 8.0 * math.sin(2 * math.pi * time / 24.0)
    assert slope == pytest.approx(rate - 2.0 * busy.at(time), abs=1e-5)


def test_a_curve_of_batches_as_deaths():
    deaths = np.array([1.0, 1.6, 2.0, 2.0, 2.0])
    shares = theory.birth_death(np.full(5, 1.5), deaths)
    flow_up, flow_down = 1.5 * shares[:-1], deaths * shares[1:]
    assert flow_up == pytest.approx(flow_down)
    assert shares.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: theory.mmc(22.0, 1.0, 22),
        lambda: theory.mg1(0.5, 2.0, 1.0),
        lambda: theory.mdc(11.0, 1.0, 10),
        lambda: theory.processor_sharing_s(2.0, 1.0, 1.0),
        lambda: theory_batches.bulk_service(9.0, 1.0, 4, 8),
        lambda: theory_batches.cold_start(1.0, 3.0, 1.0, 60.0),
    ],
)
def test_a_queue_that_grows_for_ever_has_no_mean(ask):
    with pytest.raises(InfeasibleError, match=r"capacity below load.*At least \d+ servers"):
        ask()
