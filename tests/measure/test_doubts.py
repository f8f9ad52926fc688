"""Sweeps that do not move, and machines that were busy with something else."""

import subprocess
import sys
import time

import pytest

from tco.domain.measured import Phase, Point, Spread, Unit
from tco.measure import doubts
from tco.measure.machine import HostPeak, OtherWork


def point(load: float, seconds: float, rate: float, *, closed: bool = False) -> Point:
    return Point(
        phase=Phase.REQUEST if closed else Phase.FORWARD,
        batch=None if closed else load,
        concurrency=load if closed else None,
        seconds=Spread(median=seconds),
        throughput_per_s=rate,
        throughput_unit=Unit.ITEMS,
    )


@pytest.mark.parametrize(
    ("seconds", "rates", "still"),
    [
        ((0.1, 0.1, 0.1), (10, 10, 10), True),  # nothing happened
        ((0.1, 0.2, 0.4), (10, 10, 10), False),  # saturated: time grows
        ((0.1, 0.1, 0.1), (10, 20, 40), False),  # not yet: rate grows
        ((0.1, 0.102, 0.1), (10, 10.3, 10), True),
    ],
)
@pytest.mark.parametrize("closed", [True, False])
def test_a_sweep_moves_in_time_or_in_rate(seconds, rates, still, closed):
    points = [
        point(load, s, rate, closed=closed)
        for load, s, rate in zip((1, 2, 4), seconds, rates, strict=True)
    ]
    assert bool(doubts.of_sweep(points, None)) is still


def test_a_client_that_pauses_does_not_make_a_sweep_move():
    still = [point(n, 0.1, 10, closed=True) for n in (2, 4, 8)]
    paused = point(1, 0.1, 5, closed=True).model_copy(update={"pause_s": 0.1})
    [doubt] = doubts.of_sweep([paused, *still], None)
    assert "does not move" in doubt


def test_two_points_or_one_load_are_no_sweep():
    assert doubts.of_sweep([point(1, 0.1, 10), point(4, 0.1, 10)], None) == []
    assert doubts.of_sweep([point(n, 0.1, 10) for n in (4, 5, 6)], None) == []


def test_an_open_loop_is_held_to_what_was_offered():
    assert doubts.of_open_loop(100, 99, 0.001) == []
    [slow, late] = doubts.of_open_loop(100, 18, 0.05)
    assert slow == "offered is not completed: 18% of 100 a second"
    assert late == "the client itself sent up to 50 ms late"


def test_a_client_that_has_no_time_left_is_doubted():
    assert doubts.of_client(0.4) == []
    assert doubts.of_client(0.85) == [
        "the client itself worked 85% of the time: it may have been the slower one"
    ]


def test_other_programs_are_seen_and_our_own_work_is_not():
    spin = "import time\nt = time.time()\nwhile time.time() - t < 20: pass"
    other = subprocess.Popen([sys.executable, "-c", spin])
    try:
        time.sleep(0.2)
        before = OtherWork.now()
        time.sleep(0.6)
        seen = before.others_processors()
    finally:
        other.kill()
        other.wait()
    assert seen is not None
    assert seen > 0.3
    assert doubts.of_others([seen]) != []
    assert doubts.of_others([0.05]) == []


def test_the_peak_of_memory_is_of_the_work_since():
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    high = HostPeak.begin().gib()
    del held
    low = HostPeak.begin().gib()
    assert high is not None
    assert low is not None
    assert high - low > 0.2
