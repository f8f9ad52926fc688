"""What a run used, by hour of the week and by month: worked by hand, and nothing lost."""

import dataclasses
import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.sim import kernel_layout as at
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.offered import offered
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, service_table
from tco.sim.usage import fleet_usage, hours_of_week, instance_s_by_hour, months, rows_of
from tco.traffic import requests as traffic

HOUR_S = 3600.0


def fleet_of(replicas: int, seconds, joules, **more) -> FleetRules:
    return FleetRules(
        service=service_table(np.array(seconds), np.array(joules)),
        batch=BatchRule(len(seconds)),
        rule=Static(replicas),
        minimum=replicas,
        maximum=replicas,
        **more,
    )


def test_two_hours_by_hand():
    """One replica, batches of two in 100 s for 1,000 J; 10 W when idle.

    Three requests at 3,500 s: one is served alone until 3,600, two together until 3,700 s.
    """
    rules = fleet_of(1, [100.0, 100.0], [600.0, 1000.0], goal_s=150.0, idle_w=(10.0,))
    requests = Requests(
        np.full(3, 3500.0),
        input_tokens=np.array([5.0, 7.0, 11.0]),
        output_tokens=np.array([1.0, 2.0, 3.0]),
        due_s=np.array([math.inf, 3700.0, 3699.0]),
    )
    calendar = hours_of_week(2, first=1)
    record = Fleet(rules, [requests], until_s=2 * HOUR_S, calendars=rows_of(calendar)).run()
    used = fleet_usage(record, calendar, slots=1)
    now, then = used.names.index("Mon 01:00"), used.names.index("Mon 02:00")

    def values(column):
        return [float(column[now]), float(column[then])]

    assert values(used.requests["arrived"]) == [3.0, 0.0]
    assert values(used.requests["started"]) == [1.0, 2.0]
    assert values(used.batches) == [1.0, 1.0]
    assert values(used.mean_batch) == [1.0, 2.0]
    assert values(used.tokens["input"]) == [5.0, 18.0]
    assert values(used.tokens["output"]) == [1.0, 5.0]
    assert values(used.mean_waiting) == [200.0 / 3600.0, 0.0]
    assert values(used.replica_s["busy"]) == [100.0, 100.0]
    assert values(used.replica_s["rest"]) == [3500.0, 3500.0]
    assert values(used.joules["busy"]) == [600.0, 1000.0]
    assert values(used.joules["rest"]) == [35_000.0, 35_000.0]
    assert values(used.instance_s) == [3600.0, 3600.0]
    assert values(used.within_goal) == [1.0, 0.0]
    assert values(used.deadlines["due"]) == [2.0, 0.0]
    assert values(used.deadlines["met"]) == [0.0, 1.0], "one in time, one a second late"
    assert values(used.latency_s["p99"]) == pytest.approx([100.0, 200.0], rel=0.0075)
    assert math.isnan(used.latency_s["p50"][0]), "nothing was served from Monday 00:00 on"


def test_a_batch_over_the_hour_gives_its_energy_to_both():
    rules = fleet_of(1, [100.0], [1000.0])
    record = Fleet(rules, [Requests(np.array([3580.0]))], until_s=2 * HOUR_S).run()
    assert record.joules["busy"].tolist() == pytest.approx([200.0, 800.0])


@given(
    arrivals=st.lists(st.floats(0, 40 * 24 * HOUR_S), max_size=60).map(sorted),
    replicas=st.integers(1, 3),
)
def test_weeks_and_months_hold_the_same_run(arrivals, replicas):
    hours = 41 * 24
    rules = fleet_of(replicas, [5000.0, 7000.0], [1.0, 2.0], idle_w=(3.0,), goal_s=6000.0)
    rules = dataclasses.replace(rules, replicas_per_instance=2)
    week, plan = hours_of_week(hours), months(hours, date(2026, 2, 1))
    chunk = Requests(np.array(arrivals), input_tokens=np.arange(float(len(arrivals))))
    record = Fleet(rules, [chunk], until_s=hours * HOUR_S, calendars=rows_of(week, plan)).run()
    assert plan.names == ("2026-02", "2026-03")
    by_week = fleet_usage(record, week, slots=1)
    by_month = fleet_usage(record, plan, slots=1, row=len(week.names))
    for name in ("requests", "tokens", "replica_s", "joules", "deadlines"):
        one, other = getattr(by_week, name), getattr(by_month, name)
        for key, column in one.items():
            assert column.sum() == pytest.approx(other[key].sum(), rel=1e-9, abs=1e-9), key
    assert by_month.requests["arrived"].sum() == len(arrivals)
    spent_s = sum(part.sum() for part in by_month.replica_s.values())
    assert spent_s == pytest.approx(replicas * hours * HOUR_S)
    instances = math.ceil(replicas / 2)
    assert instance_s_by_hour(record).tolist() == pytest.approx([instances * HOUR_S] * hours)
    assert record.histogram.sum() == record.served + record.in_service


def test_jobs_with_deadlines_go_behind_and_their_attainment_is_counted():
    trace = traffic.Requests(
        np.zeros(4),
        input_tokens=np.array([1, 2, 3, 4]),
        deadline_s=np.array([np.inf, 25.0, np.inf, 15.0]),
    )
    rules = fleet_of(1, [10.0], [1.0])
    record = Fleet(rules, [offered(trace)], until_s=100.0, keep_requests=4).run()
    assert record.per_request is not None
    assert record.per_request.start_s.tolist() == [0.0, 20.0, 10.0, 30.0]
    assert record.hours[0, at.HOUR_DUE] == 2
    assert record.hours[0, at.HOUR_MET] == 0
    assert record.hours[0, at.HOUR_INPUT_TOKENS] == 10
    later = dataclasses.replace(trace, deadline_s=np.array([np.inf, 30.0, np.inf, 15.0]))
    record = Fleet(rules, [offered(later)], until_s=100.0).run()
    assert record.hours[0, at.HOUR_MET] == 1
