"""A week to be looked at is the week that is paid for."""

import json

import pytest

from tco.charts.week_frames import heat_table, replicas_table
from tco.domain.fleet import FleetSettings
from tco.errors import InfeasibleError
from tco.sim.rung import BOOTING, BUSY, simulate
from tco.sim.sample import MOST_REQUESTS, whole_week
from tco.sim.seen_week import SeenWeek, see_week
from tco.sim.sizing import constant_curve
from tests.sim.test_ladder import OFFICE, case_of, scaled

RATE_PER_S = 2.0


@pytest.fixture(scope="module")
def scaled_week() -> SeenWeek:
    return see_week(case_of(scaled()), RATE_PER_S)


def test_its_hours_are_those_that_cost_is_worked_out_from(scaled_week: SeenWeek):
    rung = simulate(case_of(scaled()), whole_week(OFFICE), RATE_PER_S)
    assert sum(scaled_week.busy) / 168 == pytest.approx(rung.by_cause[BUSY], rel=1e-9)
    assert sum(scaled_week.booting) / 168 == pytest.approx(rung.by_cause[BOOTING], rel=1e-9)
    assert sum(scaled_week.requests) == rung.requests
    held = sum(scaled_week.ready) + sum(scaled_week.booting)
    assert held / 168 == pytest.approx(rung.instances, rel=1e-9)


def test_the_steps_add_up_to_what_is_held(scaled_week: SeenWeek):
    ends = [hour for hour, _ in scaled_week.steps[1:]] + [168.0]
    held_h = sum(
        held * (end - begin) for (begin, held), end in zip(scaled_week.steps, ends, strict=True)
    )
    assert held_h == pytest.approx(sum(scaled_week.ready) + sum(scaled_week.booting), rel=1e-9)
    assert scaled_week.cold_starts > 0
    first, last = scaled_week.steps[0][1], scaled_week.steps[-1][1]
    assert first + scaled_week.cold_starts - scaled_week.scale_downs == last


def test_a_fleet_that_never_scales_starts_nothing_and_idles_as_the_load_says():
    settings = FleetSettings(replicas=3)
    week = see_week(case_of(settings, curve=constant_curve(0.5)), RATE_PER_S)
    assert (week.cold_starts, week.scale_downs, week.booting_hours) == (0, 0, 0.0)
    assert week.steps == ((0.0, 3),)
    # 2 requests/s x 0.5 s keep one of three replicas busy.
    assert week.mean_idle_share == pytest.approx(2 / 3, abs=0.005)


def test_it_comes_back_whole_from_a_file(scaled_week: SeenWeek):
    assert SeenWeek.from_data(json.loads(json.dumps(scaled_week.as_data()))) == scaled_week


def test_a_week_with_too_many_requests_is_refused_in_words():
    rate_per_s = 1.01 * MOST_REQUESTS / (7 * 24 * 3600)
    with pytest.raises(InfeasibleError, match="a week of the busiest month holds 20,2"):
        see_week(case_of(FleetSettings(replicas=400)), rate_per_s)


def test_charts_are_drawn_from_its_hours(scaled_week: SeenWeek):
    heat = heat_table(scaled_week)
    assert len(heat) == 168
    assert heat["idle_share"].between(0, 1).all()
    drawn = replicas_table(scaled_week)
    assert set(drawn["series"]) == {"held", "working, mean of the hour"}
    assert drawn["hour"].max() == 168
