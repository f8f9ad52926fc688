"""Phases that options price, leave out with a reason, or do not speak of."""

from typing import Any

import pytest

from tco.domain.cost import Phase
from tco.domain.scenario import Scenario
from tco.ledger.coverage import State, coverage
from tco.ledger.gaps import Gap, gaps
from tests.cases import worked_plans

BASE = worked_plans.scenario("growth-and-prices")
AUDIT = {"title": "audit", "usd": 10, "phase": "governance", "month": 1, "payee": "other"}
PRICED = {"one_off": {"audit": AUDIT}}


def plan(**lifecycles: dict[str, Any]) -> Scenario:
    options = {name: {"lifecycle": own} for name, own in lifecycles.items()}
    return worked_plans.changed(BASE, candidates=options)


def test_a_phase_priced_for_one_option_and_silent_for_another_is_found():
    assert list(gaps(BASE)) == []
    [gap] = gaps(plan(big=PRICED))
    assert gap == Gap("small", Phase.GOVERNANCE, "big prices governance, and this option is silent")


@pytest.mark.parametrize("reason", [{"none": "too small"}, {"included_in": "the owner's time"}])
def test_a_reason_fills_the_gap_for_one_or_for_all(reason: dict[str, str]):
    told = {"coverage": {"governance": reason}}
    assert list(gaps(plan(big=PRICED, small=told))) == []
    shared = worked_plans.changed(plan(big=PRICED), lifecycle=told)
    assert list(gaps(shared)) == []


def test_a_phase_cannot_have_a_price_and_a_reason_for_none():
    both = PRICED | {"coverage": {"governance": {"none": "too small"}}}
    problems = [gap.problem for gap in gaps(plan(big=both, small=PRICED))]
    assert problems == ["governance is said to have no price and has one"]


def test_what_all_options_share_is_priced_for_all():
    assert list(gaps(worked_plans.changed(BASE, lifecycle=PRICED))) == []


def test_the_table_sums_to_the_total_and_names_each_phase_once():
    reason = {"coverage": {"training": {"none": "bought"}, "data": {"included_in": "its price"}}}
    scenario = plan(big=PRICED | reason)
    rows = worked_plans.evaluation_of(scenario).ledger
    table = coverage(scenario, rows)
    assert sum(one.usd for one in table) == pytest.approx(rows["cost_usd"].sum(), rel=1e-9)
    states = {one.phase: one.state for one in table if one.option == "big"}
    assert len([one for one in table if one.option == "big"]) == len(Phase)
    assert states[Phase.INFERENCE] is states[Phase.GOVERNANCE] is State.PRICED
    assert (states[Phase.TRAINING], states[Phase.DATA]) == (State.NONE, State.ELSEWHERE)
    assert states[Phase.RETIREMENT] is State.SILENT


def test_a_plan_says_statically_what_its_rows_say():
    """The check reads files, the table reads rows; both must see the same phases."""
    for name in worked_plans.NAMES:
        found = worked_plans.evaluated(name)
        assert not [gap for gap in gaps(found.scenario) if "and has one" in gap.problem]
