"""Host work and batches are told apart from a closed loop, whatever the seed of the server."""

from dataclasses import replace

import numpy as np
import pytest

from tco.calibrate.served import Server, Sweep, closed_loop, fit_served, sweep_of
from tco.domain.measured import Kind, Measured, Phase, Spread, Unit
from tco.errors import TcoError
from tco.measure.curve import fit_curve
from tco.sim.service import spread_factors
from tests.measure.sweeps import batch, measured

CLIENTS = (1, 2, 4, 8, 16, 32)
SERVER = Server(max_batch=8)


def swept(front_s: float, base_s: float, per_item_s: float, cv: float, *, seed: int) -> Sweep:
    """Answer a closed loop as a server with known figures does, by luck of its own."""
    service = SERVER.service(front_s, base_s, per_item_s)
    factors = spread_factors(cv, np.random.default_rng(seed))
    service = replace(service, factors=factors)
    loops = [closed_loop(service, SERVER, clients, rounds=150) for clients in CLIENTS]
    return Sweep(CLIENTS, tuple(loop.answered_per_s for loop in loops), cv)


def loop_of(sweep: Sweep) -> Measured:
    return measured(
        [
            batch(
                1,
                clients / rate,
                phase=Phase.REQUEST,
                batch=None,
                concurrency=clients,
                throughput_per_s=rate,
                throughput_unit=Unit.REQUESTS,
            )
            for clients, rate in zip(sweep.clients, sweep.answered_per_s, strict=True)
        ],
        kind=Kind.ENDPOINT,
    )


def test_one_client_waits_for_every_stage_and_nobody_else():
    loop = closed_loop(SERVER.service(0.003, 0.002, 0.005), SERVER, 1)
    assert loop.latency_s == pytest.approx(0.01, rel=1e-9)
    assert loop.answered_per_s == pytest.approx(100, rel=1e-9)
    assert loop.mean_batch == 1


def test_full_batches_follow_one_another_when_clients_abound():
    # 8 requests need 8 ms of host work while the batch before them takes 2 + 8 x 5 = 42 ms.
    loop = closed_loop(SERVER.service(0.001, 0.002, 0.005), SERVER, 32)
    assert loop.answered_per_s == pytest.approx(8 / 0.042, rel=1e-9)
    assert loop.mean_batch == pytest.approx(8, rel=1e-9)


def test_two_clients_take_turns_between_host_and_batch():
    # Each batch holds one: while one is served (7 ms) the other is at the host (3 ms) and waits.
    loop = closed_loop(SERVER.service(0.003, 0.002, 0.005), SERVER, 2)
    assert loop.mean_batch == 1
    assert loop.answered_per_s == pytest.approx(1 / 0.007, rel=1e-9)


def test_answers_and_latency_keep_littles_law():
    for clients in (3, 8, 20):
        service = SERVER.service(0.003, 0.004, 0.005, cv=0.2)
        loop = closed_loop(service, SERVER, clients, rounds=400)
        told = loop.answered_per_s * float(loop.latency_s.mean())
        assert told == pytest.approx(clients, rel=0.01)


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("figures", [(0.003, 0.002, 0.0078), (0.002, 0.012, 0.004)])
def test_known_figures_are_found_again(figures: tuple[float, float, float], seed: int):
    front_s, base_s, per_item_s = figures
    found = fit_served(swept(front_s, base_s, per_item_s, 0.05, seed=seed), SERVER)
    # 150 rounds at a spread of 5 % leave the answers of one client uncertain by 0.4 %, which is
    # 50 us of 12 to 18 ms: that much of the smaller figures cannot be told, three times over.
    assert found.front_end.seconds == pytest.approx(front_s, abs=1.5e-4 + 0.1 * front_s)
    assert found.base_s == pytest.approx(base_s, abs=1.5e-4 + 0.1 * base_s)
    assert found.per_item_s == pytest.approx(per_item_s, rel=0.03)
    assert found.in_sample_error < 0.01
    assert found.in_sample_error <= found.left_out_error < 0.03


def test_a_pause_of_a_client_alone_is_no_time_of_the_server():
    sweep = swept(0.003, 0.002, 0.0078, 0.05, seed=3)
    measured_loop = loop_of(sweep)
    alone, *more = measured_loop.points
    answer_s = 1 / sweep.answered_per_s[0]
    paused = alone.model_copy(
        update={
            "pause_s": 0.03,
            "seconds": Spread(mean=answer_s),
            "throughput_per_s": 1 / (answer_s + 0.03),
        }
    )
    found = sweep_of(measured_loop.model_copy(update={"points": (paused, *more)}))
    assert found.answered_per_s == pytest.approx(sweep.answered_per_s, rel=1e-12)


def test_a_calibrated_server_is_a_curve_with_a_front_end():
    sweep = swept(0.003, 0.002, 0.0078, 0.0, seed=1)
    plain = loop_of(sweep)
    served = fit_served(sweep_of(plain), SERVER)
    curve = fit_curve(plain.model_copy(update={"served": served}))
    assert curve.has_front_end
    assert curve.front_end is not None
    assert curve.front_end.seconds == pytest.approx(0.003, rel=0.02)
    assert curve.table(8)[0][-1] == pytest.approx(0.0644, rel=0.01)
    assert curve.range == (1, 8)


def test_the_spread_of_one_client_is_that_of_the_batches():
    points = list(loop_of(swept(0.003, 0.002, 0.0078, 0.0, seed=1)).points)
    alone = Spread(median=0.0128, iqr=0.0128 * 1.349 * 0.2)
    points[0] = points[0].model_copy(update={"seconds": alone})
    assert sweep_of(measured(points, kind=Kind.ENDPOINT)).cv == pytest.approx(0.2)


def test_too_few_numbers_of_clients_are_refused_with_what_to_measure():
    sweep = swept(0.003, 0.002, 0.0078, 0.0, seed=1)
    short = loop_of(Sweep(sweep.clients[:3], sweep.answered_per_s[:3]))
    with pytest.raises(TcoError, match=r"holds 3 points of a closed loop .* takes 4 or more"):
        sweep_of(short)


def test_a_loop_that_never_fills_a_batch_is_refused():
    sweep = Sweep((1, 2, 3, 4), (80.0, 100.0, 110.0, 115.0))
    with pytest.raises(TcoError, match=r"at most 4 clients .* full only from 16 on"):
        fit_served(sweep, SERVER)
