"""The harness told the time by a clock of the test: what it calls, counts, keeps and doubts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.measured import Effort, EnergyMethod, EnergyScope, Phase, Unit
from tco.domain.record import Evidence
from tco.errors import TcoError
from tco.measure.harness import (
    ENERGY_WINDOW_S,
    LEAST_CALLS,
    SETTLE_CALLS,
    Harness,
    Progress,
    Setting,
    TooLargeError,
    spread_of,
)
from tco.measure.meter import Part, Reading
from tco.measure.replay_meter import replay_meter

EFFORT = Effort(quick=False, least_inferences=30, least_seconds=3.0, most_seconds=60.0, repeats=3)


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Scripted:
    """A model whose n-th call at a batch takes what the script says."""

    clock: Clock
    seconds: Callable[[int, int], float]
    batches: Sequence[int] = (1,)
    too_large: int = 10**9
    prepared: list[int] = field(default_factory=list)
    calls: int = 0

    def settings(self) -> list[Setting]:
        return [Setting(Phase.FORWARD, batch, float(batch)) for batch in self.batches]

    def prepare(self, setting: Setting) -> Callable[[], None]:
        if setting.batch >= self.too_large:
            raise TooLargeError("the device is full")
        self.prepared.append(setting.batch)
        number = 0

        def call() -> None:
            nonlocal number
            self.clock.now_s += self.seconds(setting.batch, number)
            number += 1
            self.calls += 1

        return call

    def peak_device_gib(self) -> float | None:
        return 0.5


def swept(seconds, *, effort=EFFORT, batches=(1,), tell=None, **about):
    clock = Clock()
    runner = Scripted(clock, seconds, batches, **about)
    harness = Harness(effort, clock_s=clock, tell=tell or (lambda _progress: None))
    return harness.sweep(runner), runner


def test_a_steady_model_is_measured_as_it_is():
    found, runner = swept(lambda batch, _n: 0.01 + 0.002 * batch, batches=(1, 8))
    one, eight = found.points
    assert [p.seconds.median for p in found.points] == pytest.approx([0.012, 0.026])
    assert [p.throughput_per_s for p in found.points] == pytest.approx([1 / 0.012, 8 / 0.026])
    assert one.throughput_unit is Unit.ITEMS
    assert (one.seconds.iqr, eight.seconds.iqr) == pytest.approx((0, 0), abs=1e-9)
    assert (one.peak_device_gib, one.energy, one.completed) == (0.5, None, one.seconds.calls)
    assert not one.doubts or "other programs" in one.doubts[0]
    # passes: every setting once, then all again
    assert runner.prepared == [1, 8, 1, 8, 1, 8]


def test_slow_first_calls_stay_out_of_the_figures():
    warming = [5.0, 2.0, 1.0, 0.5]
    found, _ = swept(lambda _b, n: warming[n] if n < len(warming) else 0.1)
    assert found.points[0].seconds.p90 == pytest.approx(0.1)
    assert found.points[0].seconds.mean == pytest.approx(0.1)


def test_a_model_that_never_settles_is_timed_all_the_same_and_doubted():
    found, runner = swept(lambda _b, n: 0.1 if n % 2 else 0.2)
    assert "did not settle in its warm-up" in found.points[0].doubts
    assert "the middle half of its times spreads by 67%" in found.points[0].doubts
    bound_s = EFFORT.most_seconds / EFFORT.repeats / 2
    assert runner.calls <= 3 * (bound_s / 0.15 + EFFORT.least_seconds / 3 / 0.15 + 4)


@given(
    each_s=st.floats(0.001, 10.0),
    batch=st.integers(1, 64),
    least=st.integers(1, 300),
    least_s=st.floats(0, 20),
    repeats=st.integers(1, 4),
)
def test_each_repeat_has_the_calls_that_were_asked_for(each_s, batch, least, least_s, repeats):
    effort = Effort(
        quick=False,
        least_inferences=least,
        least_seconds=least_s,
        most_seconds=60.0,
        repeats=repeats,
    )
    found, _ = swept(lambda _b, _n: each_s, effort=effort, batches=(batch,))
    calls = found.points[0].seconds.calls
    window_s = calls * each_s
    enough = batch * calls >= least and window_s >= least_s * (1 - 1e-9)
    spent = window_s >= max(effort.most_seconds, least_s) * (1 - 1e-9)
    assert calls >= LEAST_CALLS * repeats
    assert enough or spent
    # nor many more: one call less a repeat would not have been enough
    fewer = calls - repeats
    needless = fewer >= LEAST_CALLS * repeats
    assert not (
        needless and batch * fewer >= least + repeats * batch and fewer * each_s > least_s * 1.01
    )


def test_what_runs_too_long_is_ended_and_said():
    found, _ = swept(lambda _b, _n: 8.0)
    assert "only 9 inferences in the time allowed" in found.points[0].doubts


def test_drift_between_repeats_is_doubted():
    passes = iter([1.0, 1.0, 1.3])
    slow = 0.0

    def of_this_pass(_batch, number):
        nonlocal slow
        slow = next(passes) if number == 0 else slow
        return 0.1 * slow

    [point] = swept(of_this_pass)[0].points
    assert point.seconds.repeat_medians == pytest.approx((0.1, 0.1, 0.13))
    assert "its repeats lie 30% apart" in point.doubts


def test_ctrl_c_keeps_what_is_finished():
    def stop_in_the_second_pass(batch, n):
        if batch == 4:
            raise KeyboardInterrupt
        return 0.1

    found, _ = swept(stop_in_the_second_pass, batches=(1, 2, 4))
    assert found.interrupted
    assert [p.batch for p in found.points] == [1, 2]
    assert all("1 of 3 repeats" in p.doubts for p in found.points)
    assert found.notes == ["stopped by hand"]


def test_ctrl_c_before_anything_is_an_error():
    def stop(_batch, _n):
        raise KeyboardInterrupt

    with pytest.raises(TcoError, match="nothing was measured: stopped by hand"):
        swept(stop)


def test_what_does_not_fit_is_left_out_and_said():
    progress: list[Progress] = []
    found, _ = swept(lambda _b, _n: 0.1, batches=(1, 2, 64), too_large=64, tell=progress.append)
    assert [p.batch for p in found.points] == [1, 2]
    assert found.notes == ["forward batch 64 was left out: the device is full"]
    assert (progress[-1].done, progress[-1].total) == (6, 6)


def test_progress_tells_the_time_left():
    progress: list[Progress] = []
    swept(lambda _b, _n: 0.1, batches=(1, 2), tell=progress.append)
    assert [p.done for p in progress] == [0, 1, 2, 3, 4, 5, 6]
    assert progress[0].left_s is None
    each_s = SETTLE_CALLS * 0.1 + 1.0  # warm-up, then a third of the least seconds
    assert progress[3].left_s == pytest.approx(3 * each_s, rel=0.15)


def test_joules_are_those_of_the_windows_over_their_calls():
    clock = Clock()
    runner = Scripted(clock, lambda _b, _n: 0.1)
    # an idle window of 10 W, then three of 300 J in 6 s each
    edges = [(0, 0), (5, 50), (10, 100), (16, 400), (20, 500), (26, 800), (30, 900), (36, 1200)]
    readings = [Reading(t, (Part("GPU 0", counter_j=j),)) for t, j in edges]
    meter = replay_meter(readings, samples_a_window=0)
    harness = Harness(EFFORT, meter, clock_s=clock, wait_s=lambda _s: None)
    found = harness.sweep(runner)
    assert found.idle is not None
    assert (found.idle.watts, found.idle.scope) == (10.0, EnergyScope.BOARD)
    [point] = found.points
    assert point.energy is not None
    assert point.seconds.calls is not None
    calls = point.seconds.calls
    assert calls * 0.1 >= 3 * ENERGY_WINDOW_S - 1e-6
    assert point.energy.joules == pytest.approx(900 / calls)
    assert (point.energy.method, point.energy.evidence) == (
        EnergyMethod.COUNTER,
        Evidence.MEASURED,
    )


def test_one_bad_window_withholds_the_joules_of_the_point_not_its_times():
    clock = Clock()
    runner = Scripted(clock, lambda _b, _n: 0.1)
    edges = [(0, 0), (5, 50), (10, 100), (16, 400), (20, 500), (26, 300), (30, 900), (36, 1200)]
    readings = [Reading(t, (Part("GPU 0", counter_j=j),)) for t, j in edges]
    meter = replay_meter(readings, samples_a_window=0)
    [point] = Harness(EFFORT, meter, clock_s=clock, wait_s=lambda _s: None).sweep(runner).points
    assert point.energy is None
    assert point.energy_withheld == "the energy counter of GPU 0 ran backwards"
    assert point.seconds.median == pytest.approx(0.1)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=300))
def test_a_quantile_needs_calls_beyond_it(times):
    found = spread_of([np.array(times)])
    assert (found.p90 is not None) == (len(times) >= 10)
    assert (found.p99 is not None) == (len(times) >= 100)
    assert found.median == pytest.approx(float(np.median(times)))
