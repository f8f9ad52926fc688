"""Tracked runs in money: no second is paid for twice, and what is not known is not 0."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.experiments import Fate
from tco.imports.runs import TrackedRun
from tco.ledger.history import LAST_METRIC, Reading, price_runs
from tests.cases import worked_plans

START = datetime(2026, 6, 10, 8, tzinfo=UTC)
BOX = {"instance_type": "gpu-2", "machines": "1"}


def run(name, first_h=0.0, last_h=1.0, status="FINISHED", **more):
    ended = None if last_h is None else START + timedelta(hours=last_h)
    tags = BOX | more.pop("tags", {})
    return TrackedRun(
        name, status, name, START + timedelta(hours=first_h), ended, tags=tags, **more
    )


def priced(*runs, **reading):
    return price_runs(
        runs,
        worked_plans.catalog(),
        Reading(**reading),
        id="tried",
        source="made up",
        imported_on=date(2026, 7, 1),
    )


def hours(history):
    return {one.run: one.instance_hours for one in history.runs}


def reasons(history):
    return {one.run: one.reason for one in history.unpriced}


def test_fates():
    same = {"lr": "1"}
    history = priced(
        run("learnt", params=same),
        run("again", 2, 3, params=same),
        run("again, and failed", 3, 4, "FAILED", params=same),
        run("stopped", 4, 5, "KILLED"),
        run("kept", 5, 6, tags={"tco.final": "true"}),
        run("named", 6, 7),
        final_runs=("named",),
    )
    assert {one.run: one.fate for one in history.runs} == {
        "learnt": Fate.FINISHED,
        "again": Fate.DUPLICATE,
        "again, and failed": Fate.FAILED,
        "stopped": Fate.ABANDONED,
        "kept": Fate.FINAL,
        "named": Fate.FINAL,
    }


def test_what_has_no_end_counts_to_its_last_metric_and_is_flagged():
    metric = START + timedelta(hours=3)
    history = priced(run("open", last_h=None, status="RUNNING", last_metric=metric))
    assert hours(history) == {"open": 3.0}
    assert history.runs[0].flags == (LAST_METRIC,)
    assert history.runs[0].fate is Fate.ABANDONED


def test_what_cannot_be_priced_is_listed_and_in_no_sum():
    history = priced(
        run("silent", last_h=None, status="RUNNING"),
        run("backwards", 2, 1),
        run("odd", tags={"instance_type": "mystery-9000"}),
        run("many", tags={"machines": "0"}),
        TrackedRun("bare", "FINISHED", None, START, START + timedelta(hours=1)),
        TrackedRun("unborn", "SCHEDULED"),
    )
    assert history.runs == ()
    said = reasons(history)
    assert "neither an end nor a metric" in said["silent"]
    assert "3,600 s before it begins" in said["backwards"]
    assert "nobody knows the hardware 'mystery-9000'" in said["odd"]
    assert "no number of machines" in said["many"]
    assert "no tag names its hardware" in said["bare"]
    assert "no beginning" in said["unborn"]


def test_a_day_before_the_first_price_is_no_price_unless_a_day_is_named():
    old = run("old", -8760 * 2, -8760 * 2 + 1)
    assert "Its earliest price is of 2026-01-01" in reasons(priced(old))["old"]
    later = priced(old, price_date=date(2026, 6, 1))
    assert later.runs[0].usd_per_instance_hour == 10.0


def test_a_run_that_started_others_is_charged_while_none_of_them_runs():
    history = priced(
        run("sweep", 0, 3), run("a", 0, 1, parent="sweep"), run("b", 0.5, 2, parent="sweep")
    )
    assert hours(history) == {"sweep": 1.0, "a": 1.0, "b": 1.5}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)), min_size=1, max_size=8))
def test_runs_on_one_host_pay_together_for_the_hours_in_which_any_ran(spans):
    runs = [
        run(f"r{n}", first, first + length, tags={"host": "h"})
        for n, (first, length) in enumerate(spans)
    ]
    busy = {hour for first, length in spans for hour in range(first, first + length)}
    assert sum(hours(priced(*runs)).values()) == pytest.approx(len(busy))
