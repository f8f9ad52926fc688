"""Machines committed beneath a fleet that comes and goes: which hours, how many, at what cost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.ledger import book
from tco.plan import Evaluation, Settings
from tco.sim.held import covered, demand_by_hour, levels_up_to
from tests.cases import worked_plans
from tests.shipped import KEPT

SAME = 1e-9
BASE = worked_plans.scenario("commitment-level")
HOURS = 8760
SCALED = {
    "autoscaler": {
        "kind": "hpa", "minimum": 1, "maximum": 8, "target_busy_share": 0.6, "interval_s": 900,
        "replicas_by_hour": None,
    },
    "boot": {"low_s": 120, "likely_s": 120, "high_s": 120, "source": "an example"},
    "service": {"seconds": {"likely": 36.0}},
}  # fmt: skip
OFFICE = {
    "shape": "daily_weekly", "peak_hour_utc": 14, "night_to_peak": 0.1, "weekend_to_weekday": 0.3,
}  # fmt: skip
BUSY = {"profile": OFFICE, "requests_per_month": 150_000}
OPTIONS = ("singly", "cheapest", "two")


def plan(**changes: Any) -> Evaluation:
    """Evaluate the three ways of buying with another fleet, traffic or horizon.

    What was simulated once serves every way of buying: prices come later.
    """
    settings = Settings(cache=KEPT, fidelity=changes.pop("fidelity", "quick"))
    fleet = changes.pop("fleet", {})
    candidates = {name: {"deployment": fleet} for name in OPTIONS}
    if "commitment" in fleet:
        candidates = {"two": candidates["two"]}
    return worked_plans.evaluation_of(BASE, settings, candidates=candidates, **changes)


def hours_of(found: Evaluation, option: str, **columns: str) -> float:
    rows = found.ledger[found.ledger["option"] == option]
    for column, value in columns.items():
        rows = rows[rows[column].str.contains(value)]
    return float(rows["quantity"].sum())


def usd_of(found: Evaluation, option: str) -> float:
    return book.total_usd(found.ledger[found.ledger["option"] == option])


@pytest.fixture(scope="module")
def scaled() -> Evaluation:
    return plan(fleet=SCALED, workload=BUSY)


def test_used_and_unused_hours_are_those_that_are_committed(scaled: Evaluation):
    under = hours_of(scaled, "two", category="compute", item="commit 1y")
    unused = hours_of(scaled, "two", cause="unused commitment")
    assert unused > 0
    assert under + unused == pytest.approx(2 * HOURS, rel=SAME)
    above = hours_of(scaled, "two", item="on demand")
    assert under + above == pytest.approx(hours_of(scaled, "singly"), rel=SAME)


def test_no_use_of_machines_is_lost_between_the_two_ways_of_buying(scaled: Evaluation):
    rows = scaled.ledger[scaled.ledger["category"] == "compute"]
    by_use = rows.groupby(["option", "cause"])["quantity"].sum().unstack("option")
    assert len(by_use) >= 4
    for option in ("cheapest", "two"):
        assert by_use[option].to_numpy() == pytest.approx(by_use["singly"].to_numpy(), rel=SAME)


def test_no_other_level_is_cheaper(scaled: Evaluation):
    others = []
    for level in range(1, 6):
        fleet = {**SCALED, "commitment": {"purchase": "commit_1y", "instances": level}}
        others.append(usd_of(plan(fleet=fleet, workload=BUSY), "two"))
    best = usd_of(scaled, "cheapest")
    # Months between two simulated loads lie on a line: the level is the same, its cost to 0.01 %.
    assert best <= min(others) * (1 + 1e-4)
    assert best < usd_of(scaled, "singly")


def test_each_term_has_a_level_of_its_own_and_the_last_one_is_owed_to_its_end():
    office = {**BUSY, "requests_per_month": 50_000, "growth_per_year": {"likely": 0.6}}
    found = plan(fleet=SCALED, workload=office, horizon_months=30)
    rows = found.ledger[found.ledger["option"] == "cheapest"]
    committed = rows[rows["item"].str.contains("commit 1y")]
    by_month = committed[committed["nature"] == "run"].groupby("month")["quantity"].sum()
    hours = found.ledger["month"].drop_duplicates().sort_values()
    levels = [by_month.get(month, 0.0) / (month.days_in_month * 24) for month in hours]
    for first in (0, 12, 24):
        term = levels[first : first + 12]
        assert term == pytest.approx([term[0]] * len(term))
    assert levels[0] < levels[12]
    owed = rows[rows["nature"] == "one-off"]
    assert owed["quantity"].sum() == pytest.approx(6 * 730 * levels[24])


def test_every_month_simulated_in_full_gives_nearly_the_same_split(scaled: Evaluation):
    found = plan(fidelity="full", fleet=SCALED, workload=BUSY, horizon_months=1)
    for option in ("cheapest", "two"):
        under = hours_of(found, option, category="compute", item="commit 1y")
        unused = hours_of(found, option, cause="unused commitment", nature="run")
        level = (under + unused) / (31 * 24)
        assert level == pytest.approx(round(level), rel=SAME)
        above = hours_of(found, option, item="on demand")
        assert under + above == pytest.approx(hours_of(found, "singly"), rel=SAME)
    share = [
        hours_of(one, "two", cause="unused commitment", nature="run") / hours_of(one, "singly")
        for one in (found, scaled)
    ]
    assert share[0] == pytest.approx(share[1], rel=0.1)


def test_a_static_fleet_commits_to_all_of_it_and_what_is_more_stands_unused():
    fixed = {"replicas": 1, "autoscaler": None}
    found = plan(fleet=fixed)
    assert usd_of(found, "cheapest") == pytest.approx(HOURS * 6.0, rel=SAME)
    assert usd_of(found, "singly") == pytest.approx(HOURS * 10.0, rel=SAME)
    assert usd_of(found, "two") == pytest.approx(2 * HOURS * 6.0, rel=SAME)
    assert hours_of(found, "two", cause="unused commitment") == pytest.approx(HOURS, rel=SAME)


def test_a_commitment_that_is_owed_for_longer_than_it_is_used_is_not_bought():
    found = plan(horizon_months=3)
    assert usd_of(found, "cheapest") == pytest.approx(usd_of(found, "singly"), rel=SAME)


def test_a_commitment_bought_twice_is_refused():
    machine = {"machine": {"purchase": "commit_1y"}}
    with pytest.raises(ValueError, match="bought by the term already"):
        plan(fleet=machine)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60))
def test_what_levels_cover_tells_the_demand_again(demand: list[int]):
    levels = levels_up_to(max(demand))
    held = np.array(demand, dtype=np.float64)
    again = demand_by_hour(covered(held, levels), levels, held.size)
    assert again == pytest.approx(np.sort(held)[::-1], abs=1e-6)
