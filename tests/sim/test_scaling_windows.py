"""KEDA, target tracking, Knative and Ray Serve: each rule step by step, and fleets that sleep."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.fleet import FleetSettings
from tco.errors import InfeasibleError
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.queues import Queues
from tco.sim.rules import rules_of
from tco.sim.scaling import Keda, Observation, TargetTracking
from tco.sim.scaling_windows import Knative, RayServe, knative_desired
from tco.sim.service import BatchRule, HostWork, linear_service


def seen(now_s: float, current: int, present: int = 0, *, ready=None, came=0) -> Observation:
    there = current if ready is None else ready
    return Observation(now_s, current, there, 0.0, present, 0, came)


# ---- KEDA ---------------------------------------------------------------------------------------


def test_keda_wakes_one_replica_at_its_poll_and_leaves_the_rest_to_the_pod_autoscaler():
    rule = Keda(4.0)
    wishes = [rule.ask(seen(15.0 * look, 0, 40)).replicas for look in (1, 2)]
    assert wishes == [0, 1], "polls at 30 s, not at 15 s, and brings one replica"
    assert rule.ask(seen(45.0, 1, 40)).replicas == 5, "four more in 15 s, of the ten wanted"
    assert rule.ask(seen(60.0, 5, 40)).replicas == 10


def test_keda_keeps_the_last_replica_for_its_cooldown_and_not_for_the_down_window():
    rule, current, held = Keda(4.0, down_window_s=0.0), 3, []
    rule.ask(seen(30.0, 3, 9))
    for look in range(3, 26):
        current = rule.ask(seen(15.0 * look, current)).replicas
        held.append(current)
    # Worked last at 30 s; over 330 s for the first time at the poll of 360 s, the 24th look.
    assert held == [1] * 21 + [0] * 2


def test_keda_goes_from_many_to_none_where_the_down_window_is_the_longer():
    rule, current = Keda(1.0, down_window_s=900.0, cooldown_s=60.0), 8
    held = []
    for look in range(1, 9):
        current = rule.ask(seen(15.0 * look, current, 8 if look <= 2 else 0)).replicas
        held.append(current)
    assert held == [8] * 7 + [0], "worked last at 30 s; the poll of 90 s is not beyond it yet"


# ---- SageMaker target tracking ------------------------------------------------------------------


def track(rule: TargetTracking, current: int, by_minute: list[int]) -> list[int]:
    came, held = 0, []
    for minute, count in enumerate(by_minute, 1):
        came += count
        current = rule.ask(seen(60.0 * minute, current, came=came)).replicas
        held.append(current)
    return held


def test_three_minutes_above_the_target_bring_instances_in_proportion():
    assert track(TargetTracking(600.0), 2, [1100, 2400, 2400, 2400]) == [2, 2, 2, 4]
    assert track(TargetTracking(600.0), 2, [2400, 2400, 1200, 2400, 2400]) == [2] * 5, (
        "at the target is not above it"
    )
    assert track(TargetTracking(600.0), 3, [1801] * 3) == [3, 3, 4], "rounded up"


def test_during_the_cooldown_only_a_larger_need_adds_to_what_was_added():
    rule, held = TargetTracking(600.0), []
    came, current = 0, 2
    for minute in range(1, 10):
        came += 2400 if minute < 5 else 4800
        # What was asked for is not ready yet, so the metric is that of two instances.
        look = Observation(60.0 * minute, current, 2, 0.0, 0, 0, came)
        current = rule.ask(look).replicas
        held.append(current)
    # 2 x 1200 / 600 = 4 at minute 3, the same at 4; 2 x 2400 / 600 = 8 from 5 on, not 16.
    assert held == [2, 2, 4, 4, 8, 8, 8, 8, 8]


def test_fifteen_quiet_minutes_take_instances_away_once_a_cooldown():
    held = track(TargetTracking(600.0), 8, [4 * 300] * 30)
    # 150 an instance of 8 is a quarter: two of them. 600 each is then no longer below 540.
    assert held == [8] * 14 + [2] * 16
    held = track(TargetTracking(600.0), 8, [8 * 500] * 15 + [300] * 10)
    assert held[14:] == [7] * 5 + [1] * 6, "500 of 600 of 8 rounded up, the next after 300 s"


def test_between_nine_tenths_of_the_target_and_the_target_nothing_happens():
    assert track(TargetTracking(600.0), 4, [4 * 545] * 40) == [4] * 40


# ---- Knative ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ready", "stable", "panic", "target", "desired"),
    [
        (4, 250, 700, 70, (4, 10, True)),
        (4, 250, 500, 70, (4, 8, True)),
        (4, 250, 490, 70, (4, 7, False)),
        (10, 70, 70, 70, (5, 5, False)),
        (1, 0, 0, 70, (0, 0, False)),
        (0, 1, 1, 70, (1, 1, False)),
        (2, 1e9, 1e9, 1, (2000, 2000, True)),
    ],
)
def test_knative_asks_by_two_windows(ready, stable, panic, target, desired):
    assert knative_desired(ready, stable, panic, target) == desired


def ticks(rule, current, presents, *, start=1):
    held = []
    for tick, present in enumerate(presents, start):
        current = rule.ask(seen(2.0 * tick, current, present)).replicas
        held.append(current)
    return held


def test_knative_panics_on_the_short_window_and_never_shrinks_until_it_is_over():
    rule = Knative(100.0, 0.7)
    held = ticks(rule, 4, [250] * 30 + [700] * 3 + [0] * 60)
    assert held[:30] == [4] * 30
    # 250, 250, 700 over six seconds is 400: six replicas, 1.5 of four; then 550: eight, twice four.
    assert held[30:33] == [4, 8, 10]
    last_breach = 31  # eight of four; ten of eight and what follows are no longer twice
    # Over when a whole stable window has passed since: at the 31st tick after it.
    assert held[33 : last_breach + 31] == [10] * (last_breach + 31 - 33)
    assert held[last_breach + 31] == 5, "half of what is ready at once, at most"


def test_knative_lets_the_last_pod_go_after_a_quiet_window_and_the_grace():
    rule = Knative(1.0, 1.0)
    held = ticks(rule, 1, [1] + [0] * 60)
    # The request of 2 s is out of the window at 62 s; the grace of 30 s ends at 92 s.
    assert held.index(0) + 1 == 46
    assert held[44] == 1


def test_knative_forgets_the_grace_when_work_comes():
    rule = Knative(1.0, 1.0)
    held = ticks(rule, 1, [1] + [0] * 35 + [1] + [0] * 60)
    assert held.index(0) + 1 == 37 + 45


# ---- Ray Serve ----------------------------------------------------------------------------------


def reports(rule, current, presents):
    held = []
    for report, present in enumerate(presents, 1):
        current = rule.ask(seen(10.0 * report, current, present)).replicas
        held.append(current)
    return held


def test_ray_serve_grows_when_the_mean_of_its_look_back_asked_for_more_all_the_delay():
    # Wants more from 10 s on, acts at 40 s on the mean of the last 30 s.
    assert reports(RayServe(2.0), 1, [4, 4, 10, 16]) == [1, 1, 1, 5]


def test_ray_serve_starts_anew_when_the_wish_turns():
    held = reports(RayServe(2.0), 2, [8, 8, 8, 0, 0, 4, 8, 8, 8, 8])
    # Up since 10 s, would act at 40 s: mean 16/3 then asks for 3, and that is met.
    assert held[3] == 3
    # 8/3 at 50 s and 4/3 at 60 s ask for fewer, 4 at 70 s too; 20/3 at 80 s for more, to 110 s.
    assert held[4:] == [3] * 6


def test_ray_serve_shrinks_after_ten_minutes():
    held = reports(RayServe(2.0), 6, [12] * 3 + [0] * 70)
    assert held.index(0) + 1 == 64, "wants fewer from 40 s on"
    assert set(held[:63]) == {6}


def test_ray_serve_starts_one_at_once_and_waits_until_it_runs():
    rule = RayServe(2.0)
    assert rule.ask(seen(3.0, 0, 9)).replicas == 1
    assert rule.ask(seen(10.0, 1, 40, ready=0)).replicas == 1
    assert rule.ask(seen(20.0, 0, 0)).replicas == 0


# ---- fleets that sleep --------------------------------------------------------------------------


def rules(rule, **rest) -> FleetRules:
    given = {"minimum": 0, "maximum": 4, "boot_s": lambda: 5.0, **rest}
    service = given.pop("service", linear_service(1.0, 0.0, 1))
    return FleetRules(service=service, batch=BatchRule(), rule=rule, **given)


def run(how, arrivals_s, until_s, *, engine=Queues):
    came = np.array(arrivals_s, dtype=np.float64)
    fleet = Fleet(how, [Requests(came)], until_s=until_s, keep_requests=came.size, engine=engine)
    return fleet.run()


@pytest.mark.parametrize("rule", [Knative(1.0, 0.7), RayServe(2.0)])
def test_the_first_request_wakes_the_fleet_and_waits_for_the_boot(rule):
    found = run(rules(rule), [100.3, 101.0], 150.0)
    assert found.per_request.start_s == pytest.approx([105.3, 106.3], abs=1e-5)
    assert found.replicas_over_time[0] == pytest.approx((100.3, 1), abs=1e-5)


def test_a_fleet_without_a_rule_that_wakes_waits_for_the_poll():
    found = run(rules(Keda(2.0)), [100.3], 150.0)
    assert found.per_request.start_s.tolist() == [125.0], "poll at 120 s, five seconds to boot"


def test_host_work_before_the_line_wakes_when_it_is_done():
    service = dataclasses.replace(linear_service(1.0, 0.0, 1), front=HostWork(0.5, 1))
    found = run(rules(RayServe(2.0), service=service), [100.0], 150.0)
    assert found.per_request.start_s == pytest.approx([105.5], abs=1e-5)


def test_a_quiet_fleet_is_held_for_the_stable_window_and_the_grace_alone():
    found = run(rules(Knative(1.0, 1.0)), [1000.5], 3600.0)
    held_s = found.serving_s.sum() + found.booting_s.sum() + found.draining_s.sum()
    (woken_s, one), (gone_s, none) = found.replicas_over_time
    assert (woken_s, one, none) == (pytest.approx(1000.5), 1, 0)
    # In service until 1006.5 s: seen last at 1006 s, out of the window at 1066 s, gone at 1096 s.
    assert gone_s == 1096.0
    assert held_s == pytest.approx(95.5)


BLOCKS: dict[str, dict[str, float]] = {
    "keda": {"target_per_replica": 2.0, "minimum": 0},
    "target_tracking": {"target_per_replica_minute": 30.0, "minimum": 1},
    "knative": {"concurrency": 1.0, "minimum": 0},
    "ray_serve": {"minimum": 0},
}


@given(
    kind=st.sampled_from(sorted(BLOCKS)),
    gaps=st.lists(st.sampled_from([0.0, 0.4, 3.0, 40.0, 700.0]), min_size=1, max_size=60),
    boot_s=st.sampled_from([0.0, 7.5, 90.0]),
    patience_s=st.none() | st.just(20.0),
)
@settings(max_examples=80)
def test_nobody_and_no_second_is_lost_whoever_scales(kind, gaps, boot_s, patience_s):
    """The fleet itself refuses a run that does not add up; everybody is served or gives up."""
    block = {"kind": kind, "maximum": 5, **BLOCKS[kind]}
    boot = {"low_s": boot_s, "likely_s": boot_s, "high_s": boot_s, "source": "test"}
    queue = {} if patience_s is None else {"patience_s": patience_s}
    given_ = FleetSettings.model_validate({"autoscaler": block, "boot": boot, "queue": queue})
    how = rules_of(given_, linear_service(1.5, 0.0, 1), seed=1)
    came = np.cumsum(gaps)
    fleet = Fleet(how, [Requests(came)], until_s=float(came[-1]), keep_requests=came.size)
    found = fleet.run(to_the_last=True)
    assert found.served + found.abandoned == came.size
    assert found.peak_replicas <= 5
    assert found.per_request is not None
    finish_s = found.per_request.finish_s
    served = ~np.isnan(finish_s)
    assert (finish_s[served] >= came[served] + 1.5 - 1e-9).all()
    assert patience_s is not None or found.abandoned == 0


def test_a_rule_that_cannot_start_from_zero_is_refused_there():
    with pytest.raises(InfeasibleError, match="starts with 0 replicas and its rule cannot"):
        Fleet(rules(TargetTracking(60.0)), [], until_s=1.0)
    block = {"kind": "target_tracking", "target_per_replica_minute": 9.0, "minimum": 0}
    with pytest.raises(ValueError, match="cannot start from zero"):
        FleetSettings.model_validate({"autoscaler": {**block, "maximum": 2}})


def test_nothing_to_come_wakes_nobody():
    found = run(rules(Knative(1.0, 0.7)), [], 7200.0)
    assert found.peak_replicas == 0
    assert math.isclose(found.serving_s.sum(), 0.0)
