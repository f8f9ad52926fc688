"""Joules of a window from what a source told, and every reason to withhold them."""

import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.measured import EnergyMethod, EnergyScope
from tco.domain.record import Evidence
from tco.measure.meter import (
    MeterLostError,
    NoMeter,
    Part,
    Reading,
    SourceMeter,
    energy_of,
)
from tco.measure.replay_meter import replay_meter

BOARD = EnergyScope.BOARD


def told(*rows: tuple[float, float | None, float | None]) -> list[Reading]:
    """Readings of one board: second, joules counted, watts."""
    return [Reading(at, (Part("GPU 0", counter_j=j, power_w=w),)) for at, j, w in rows]


def test_the_counter_comes_first():
    found = energy_of(told((0, 1000, 290), (5, 2500, 310), (10, 4000, 300)), BOARD)
    assert (found.joules, found.window_s) == (3000, 10)
    assert (found.method, found.evidence) == (EnergyMethod.COUNTER, Evidence.MEASURED)
    assert found.notes == ()


def test_without_a_counter_power_is_added_up():
    # 0 to 2 s from 100 to 200 W, then 200 W for 2 s: 300 J + 400 J
    found = energy_of(told((0, None, 100), (2, None, 200), (4, None, 200)), BOARD)
    assert found.joules == pytest.approx(700)
    assert found.method is EnergyMethod.SAMPLED_POWER


@given(
    watts=st.floats(1, 1000),
    gaps=st.lists(st.floats(0.01, 2.9), min_size=1, max_size=50).filter(lambda g: sum(g) > 1),
)
def test_constant_power_gives_power_times_time(watts, gaps):
    times = [0.0, *itertools.accumulate(gaps)]
    counted = energy_of(told(*((t, 7 + watts * t, watts) for t in times)), BOARD)
    sampled = energy_of(told(*((t, None, watts) for t in times)), BOARD)
    assert counted.joules == pytest.approx(watts * times[-1])
    assert sampled.joules == pytest.approx(watts * times[-1])
    assert counted.notes == ()


def test_boards_are_added():
    both = [
        Reading(t, (Part("GPU 0", counter_j=100.0 * t), Part("GPU 1", counter_j=50.0 * t)))
        for t in (0.0, 4.0)
    ]
    assert energy_of(both, BOARD).joules == 600


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        (told((0, 0, 100), (0.5, 50, 100)), "shorter than 1 s"),
        (told((0, 500, 100), (3, 200, 100), (6, 900, 100)), "GPU 0 ran backwards"),
        (told((0, 500, 100), (3, 500, 100), (6, 500, 100)), "GPU 0 stood still"),
        (told((0, 500, 100), (3, None, 100), (6, 900, 100)), "counter of GPU 0 stopped answering"),
        (told((0, None, 100), (9, None, 100)), "not sampled for 9.0 s"),
        (told((0, None, 100), (2, None, None), (4, None, 100)), "sensor of GPU 0 stopped"),
        (told((0, None, 0), (2, None, 0)), "reads 0 W"),
        (told((0, None, None), (2, None, None)), "neither a counter nor power"),
        ([*told((0, 0, 100)), Reading(2.0, ())], "GPU 0 vanished during the window"),
        ([Reading(0.0, ()), *told((2, 0, 100))], "the parts that answer changed"),
    ],
)
def test_what_cannot_be_trusted_is_withheld_with_its_reason(readings, reason):
    found = energy_of(readings, BOARD)
    assert found.joules is None
    assert reason in (found.withheld or "")


def test_a_counter_and_a_sensor_that_disagree_are_said():
    found = energy_of(told((0, 0, 50), (2, 200, 50)), BOARD)
    assert found.joules == 200
    assert found.notes == ("sampled power tells -50% of what the counter does",)


def test_heat_clocks_and_throttling_are_said():
    first, last = told((0, 0, 100), (4, 400, 100))
    cold = replace(first.parts[0], temperature_c=40.0, clock_mhz=1980.0)
    hot = replace(
        last.parts[0], temperature_c=71.0, clock_mhz=1200.0, throttled_by=("its power cap",)
    )
    found = energy_of([replace(first, parts=(cold,)), replace(last, parts=(hot,))], BOARD)
    assert found.notes == (
        "GPU 0 warmed from 40 to 71 C",
        "GPU 0 ran at 1200 to 1980 MHz",
        "GPU 0 was held back by its power cap",
    )


def test_a_source_that_is_lost_midway_withholds_the_window():
    meter = replay_meter(told((0, 0, 100), (2, 200, 100)), samples_a_window=5)
    meter.start()
    assert meter.stop().withheld == "the recording ended during the window"


def test_memory_held_is_the_most_that_was_seen():
    held = [replace(r, parts=(replace(r.parts[0], process_gib=gib),)) for r, gib in zip(
        told((0, 0, 1), (1, 1, 1), (2, 2, 1)), (1.0, 3.5, 2.0), strict=True)]  # fmt: skip
    meter = replay_meter(held, samples_a_window=1)
    meter.start()
    assert meter.stop().device_gib == 3.5


class Ticking:
    """A source of 100 W that counts by the real clock, and is lost after some reads."""

    name, scope = "ticking", BOARD

    def __init__(self, reads: int = 10**6) -> None:
        self.left = reads

    def read(self) -> Reading:
        if not self.left:
            raise MeterLostError("GPU 0 stopped answering: GPU is lost")
        self.left -= 1
        now = time.perf_counter()
        return Reading(now, (Part("GPU 0", counter_j=100 * now, power_w=100.0),))


def test_the_sampler_reads_on_its_own_while_work_is_done():
    meter = SourceMeter(Ticking(), every_s=0.02)
    meter.start()
    time.sleep(1.05)
    found = meter.stop()
    assert found.joules == pytest.approx(100 * found.window_s)
    assert found.window_s >= 1.05


def test_a_board_that_vanishes_under_the_sampler_is_told():
    meter = SourceMeter(Ticking(reads=2), every_s=0.01)
    meter.start()
    time.sleep(0.1)
    assert meter.stop().withheld == "GPU 0 stopped answering: GPU is lost"


def test_no_meter_says_so():
    meter = NoMeter()
    meter.start()
    found = meter.stop()
    assert (found.joules, found.withheld) == (None, "no energy meter on this machine")
