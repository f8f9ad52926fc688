"""Proposed plans in stages: the switch month by hand, and what must hold of any proposal."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.plan import Evaluation
from tco.rank.comparison import Compared
from tco.staging import NoStagedPlan, Proposal, StagedPlan, likely_month, staged_plans
from tests.cases import worked_plans

BASE = worked_plans.scenario("staged")
REQUESTS = (1_000_000, 1_200_000, 1_500_000, 2_000_000)


def plan(
    *,
    fixed: float,
    requests: tuple[int, ...] = REQUESTS,
    migration: float | None = 0.0,
    once: float = 0.0,
    work: float = 0.0,
) -> Evaluation:
    """Evaluate Big at 0.002 a request, and Small at 0.0001 a request and a sum each month."""
    item = {"phase": "operation", "payee": "other"}
    host = {"title": "host", "usd_per_month": fixed, **item}
    lifecycle = {"monthly": {"host": host}, "one_off": {}}
    if once:
        lifecycle["one_off"]["set-up"] = {"title": "set-up", "usd": once, "month": 1, **item}
    if work:
        build = {"title": "build", "usd": work, "month": 1, **item, "phase": "deployment"}
        lifecycle["one_off"]["build"] = build
    staging = {} if migration is None else {"migration_usd": migration, "parallel_months": 0}
    return worked_plans.evaluation_of(
        BASE,
        horizon_months=len(requests),
        workload={"monthly_requests": requests},
        staging=staging or None,
        candidates={
            "small-until-busy": None,
            "big": {"lifecycle": None},
            "small": {"lifecycle": lifecycle},
        },
    )


def proposed(found: Evaluation) -> Proposal:
    """Return the proposal for the two options, taken as a pair whose costs cross."""
    names = tuple(answer.option for answer in found.ranking.options)
    pair = Compared("?", names[0], names[1], ("", ""), len(found.scenario.months), 1, None, ())
    [proposal] = staged_plans(found, [pair], worked_plans.catalog(), worked_plans.measurements())
    return proposal


def test_the_switch_month_by_hand_to_the_cent():
    """Big costs 2,000, 2,400, 3,000, 4,000; Small 2,600, 2,620, 2,650, 2,700: switch in month 3.

    2,000 + 2,400 + 2,650 + 2,700 + 300 for the move = 10,050, against 10,570 and 11,400.
    """
    found = proposed(plan(fixed=2500, migration=300))
    assert isinstance(found, StagedPlan)
    assert (found.order, found.switch_month, found.place) == (("big", "small"), 3, 1)
    assert round(found.cost_usd, 2) == 10_050.00
    assert {name: round(usd, 2) for name, usd in found.alone_usd.items()} == {
        "small": 10_570.00,
        "big": 11_400.00,
    }
    assert found.sentence(lambda usd: f"${usd:,.2f}") == (
        "proposed in stages: Big through its API, then Small through its API from month 3, "
        "$10,050.00, saves $520.00 against small alone; migration $300.00 and 0 parallel months "
        "from staging; it would be number 1"
    )


def test_a_move_that_costs_more_than_it_saves_is_not_proposed():
    found = proposed(plan(fixed=2500, migration=821))
    assert isinstance(found, NoStagedPlan)
    assert "no month to switch was found that beats one of them alone" in found.reason


def test_a_move_that_nobody_priced_is_shown_with_what_it_may_cost_and_has_no_place():
    found = proposed(plan(fixed=2500, migration=None))
    assert isinstance(found, StagedPlan)
    assert (found.switch_month, found.place, found.as_data()["migration_usd"]) == (3, None, None)
    assert "migration cost not stated; it pays while the switch costs less than $820" in (
        found.sentence(lambda usd: f"${usd:,.0f}")
    )


def test_the_work_of_the_second_option_is_its_move_and_paid_once():
    """800 to build Small begin with its stage: 9,750 + 800 against 10,570 + 800 and 11,400."""
    found = proposed(plan(fixed=2500, migration=None, work=800))
    assert isinstance(found, StagedPlan)
    assert round(found.cost_usd, 2) == 10_550.00
    assert found.move.stated_in == "the deployment work of small, which is in the sum already"
    assert found.place == 1


def test_a_stated_plan_says_what_the_same_move_takes():
    stages = ({"option": "big"}, {"option": "small", "from_month": 4})
    deployment = {"kind": "staged", "stages": stages, "migration_usd": 250, "parallel_months": 1}
    found = plan(fixed=2500, migration=9000)
    stated = worked_plans.evaluation_of(
        found.scenario,
        candidates={"later": {"title": "Big, then Small", "deployment": deployment}},
    )
    pair = Compared("?", "small", "big", ("", ""), 4, 4, None, ())
    [proposal] = staged_plans(stated, [pair], worked_plans.catalog(), worked_plans.measurements())
    # A month of both costs at least the 3,000 that Big takes in month 3: no proposal beats Small.
    assert isinstance(proposal, NoStagedPlan)
    # From month 4 Small serves and Big runs out: 11,400 + 2,700 + 250 = 14,350, 35.8 % more.
    # From month 2: 2,000 + 2,400 + 7,970 + 250 = 12,620, which is 19.4 % more than 10,570.
    assert proposal.reason.endswith("small after big from month 2, costs 19.4% more")


def test_only_pairs_that_cross_are_staged():
    found = plan(fixed=2500)
    pair = Compared("?", "small", "big", ("", ""), 4, None, None, ())
    tables = worked_plans.catalog(), worked_plans.measurements()
    assert staged_plans(found, [pair], *tables) == ()
    [crossing] = staged_plans(found, [replace(pair, month=4)], *tables)
    assert isinstance(crossing, StagedPlan)


def test_an_option_with_steps_is_no_stage():
    found = worked_plans.evaluated("staged")
    pair = Compared("?", "small", "small-until-busy", ("", ""), 4, 4, None, ())
    [proposal] = staged_plans(found, [pair], worked_plans.catalog(), worked_plans.measurements())
    assert isinstance(proposal, NoStagedPlan)
    assert proposal.reason == "small-until-busy has steps of its own, and a stage has none"


@given(
    fixed=st.integers(0, 6000),
    once=st.integers(0, 3000),
    requests=st.lists(st.integers(100_000, 4_000_000), min_size=2, max_size=7),
)
@settings(max_examples=12, deadline=None)
def test_a_free_move_is_never_dearer_than_its_parts_and_no_month_is_cheaper(
    fixed: int, once: int, requests: list[int]
):
    """Held against the sums of all months and both orders, worked out here by hand."""
    found = plan(fixed=fixed, once=once, requests=tuple(requests))
    big = [0.002 * count for count in requests]
    small = [0.0001 * count + fixed for count in requests]
    months = range(1, len(requests))
    switched = [sum(big[:k]) + sum(small[k:]) for k in months]
    switched += [sum(small[:k]) + sum(big[k:]) for k in months]
    alone = min(sum(big), sum(small) + once)
    proposal = proposed(found)
    best = min(switched) + once
    if isinstance(proposal, StagedPlan):
        assert proposal.cost_usd <= min(proposal.alone_usd.values())
        assert proposal.cost_usd == pytest.approx(best, abs=0.01)
    else:
        assert best >= alone - 0.01


def test_the_month_is_sought_with_the_life_of_the_second_beginning_at_its_stage():
    """What Small costs once is paid whenever it begins: it does not drive the switch out."""
    for once in (0.0, 50_000.0):
        assert likely_month(plan(fixed=2500, once=once), ("big", "small"), 0) == 3


def test_the_second_serves_only_once_its_lead_time_has_passed():
    """Small takes three months to make, while Big answers: it can serve from month 4 at best."""
    training = {"lead_months": 3, "meanwhile": {"option": "big"}}
    found = plan(fixed=100)
    assert likely_month(found, ("big", "small"), 0) == 2
    late = worked_plans.evaluation_of(
        found.scenario, candidates={"small": {"lifecycle": {"training": training}}}
    )
    assert likely_month(late, ("big", "small"), 0) == 4
    assert likely_month(late, ("small", "big"), 0) is None, "it has four months"


def test_the_first_is_paid_in_the_parallel_months_when_the_month_is_sought():
    """A month of both costs 3,000 more from month 3 and 4,000 from month 4: as early as can be."""
    assert likely_month(plan(fixed=2500), ("big", "small"), 1) == 2
