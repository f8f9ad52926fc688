"""What moved a total: parts that sum to the difference, each cause under its own name."""

from typing import Any

import pytest
from hypothesis import given

from tco.ledger.bridge import Mover, bridge
from tco.ledger.model import CostModel
from tests import strategies
from tests.cases import worked_plans

SAME = 1e-9
"""Relative: float sums in another order."""


@given(old=strategies.cost_models(), new=strategies.cost_models())
def test_parts_sum_to_the_difference_of_any_two_models(old: CostModel, new: CostModel):
    for first, second in (("a", "a"), ("a", "b")):
        found = bridge(old, first, new, second)
        difference = found.new_usd - found.old_usd
        scale = max(1.0, sum(abs(part) for part in found.parts_usd.values()))
        assert sum(found.parts_usd.values()) == pytest.approx(difference, abs=SAME * scale)
        for model, option, usd in ((old, first, found.old_usd), (new, second, found.new_usd)):
            total = model.totals_usd().get(option)
            assert usd == pytest.approx(0.0 if total is None else float(total[0]), abs=SAME * scale)


@given(model=strategies.cost_models())
def test_nothing_moved_where_nothing_changed(model: CostModel):
    assert set(bridge(model, "a", model, "a").parts_usd.values()) == {0.0}


def moved(name: str, option: str, **changes: Any) -> dict[Mover, float]:
    """Change one thing of a worked plan, and return what moved."""
    base = worked_plans.scenario(name)
    old, new = worked_plans.evaluated(name), worked_plans.evaluation_of(base, **changes)
    parts = bridge(old.model, option, new.model, option).parts_usd
    return {mover: usd for mover, usd in parts.items() if abs(usd) > 1e-6}


def test_more_requests_are_volume():
    found = moved("api-tokens", "big", workload={"requests_per_month": {"likely": 1_500_000}})
    assert found == {Mover.VOLUME: pytest.approx(12_075 / 2, rel=SAME)}


def test_longer_requests_are_tokens():
    found = moved("api-tokens", "big", workload={"tokens": {"output": {"likely": 300}}})
    assert found == {Mover.TOKENS: pytest.approx(3 * 100 * 8.0, rel=SAME)}


def test_a_dearer_price_is_unit_price():
    shock = {"name": "all twice as dear", "month": 1, "change": 1.0}
    rise = {"applies_to": ("bigvendor/*",), "shocks": [shock]}
    found = moved("api-tokens", "big", price_paths={"rise": rise})
    assert found == {Mover.UNIT_PRICE: pytest.approx(12_075, rel=SAME)}


def test_more_machines_for_the_same_work_are_utilisation():
    more = {"own": {"deployment": {"replicas": 5}}}
    found = moved("static-fleet", "own", candidates=more)
    assert found == {Mover.UTILISATION: pytest.approx(28_320 / 2, rel=SAME)}, "3 machines for 2"


def test_more_work_on_the_same_machines_is_volume_paid_out_of_idle_time():
    found = moved("static-fleet", "own", workload={"monthly_requests": (613_800, 554_400)})
    assert found == {
        Mover.VOLUME: pytest.approx(531.0, rel=SAME),
        Mover.UTILISATION: pytest.approx(-531.0, rel=SAME),
    }


def test_time_and_wages_are_people():
    run = {"people": {"run": {"fte": {"likely": 0.2}}}}
    assert moved("people-and-items", "big", lifecycle=run) == {
        Mover.PEOPLE: pytest.approx(6_300, rel=SAME)
    }
    assert moved("people-and-items", "big", price_paths={"wages": None}) == {
        Mover.PEOPLE: pytest.approx(-600, rel=SAME)
    }


def test_a_dearer_item_is_unit_price_and_a_new_one_is_other():
    desk = {"desk": {"usd_per_month": {"likely": 150}}}
    assert moved("incumbent", "big", lifecycle={"monthly": desk}) == {
        Mover.UNIT_PRICE: pytest.approx(150, rel=SAME)
    }
    audit = {
        "audit": {"title": "audit", "usd": 70, "phase": "governance", "month": 1, "payee": "other"}
    }
    assert moved("incumbent", "big", lifecycle={"one_off": audit}) == {
        Mover.OTHER: pytest.approx(70, rel=SAME)
    }
    fewer = {"monthly": {"monitoring": {"months": {"first": 4}}}}
    assert moved("people-and-items", "big", lifecycle=fewer) == {
        Mover.OTHER: pytest.approx(-600, rel=SAME)
    }


def test_another_option_is_mix():
    found = worked_plans.evaluated("growth-and-prices").model
    parts = bridge(found, "big", found, "small").parts_usd
    assert parts[Mover.MIX] == pytest.approx(412.1608 - 9310.3416, rel=SAME)


def test_an_earlier_switch_is_volume_of_its_stages():
    """Big starts a month earlier: a month without old requests takes the new tokens a request."""
    stages = (
        {"option": "small"},
        {"option": "big", "when_requests_per_month_reach": 1_200_000},
    )
    found = moved(
        "staged",
        "small-until-busy",
        candidates={"small-until-busy": {"deployment": {"stages": stages}}},
    )
    assert found == {Mover.VOLUME: pytest.approx(1_200 * 2.0 - 150.0, rel=SAME)}


def test_a_longer_plan_is_more_volume():
    old = worked_plans.evaluated("api-tokens")
    new = worked_plans.evaluation_of(old.scenario, horizon_months=5)
    found = bridge(old.model, "big", new.model, "big")
    assert found.parts_usd[Mover.VOLUME] == pytest.approx(2 * 4025, rel=SAME)
    assert found.new_usd - found.old_usd == pytest.approx(2 * 4025, rel=SAME)


def test_an_option_that_comes_twice_is_counted_twice():
    """Small, then Big, then Small again: both spells of Small are in the totals."""
    stages = (
        {"option": "small"},
        {"option": "big", "from_month": 2},
        {"option": "small", "from_month": 3},
    )
    back = {"small-until-busy": {"deployment": {"stages": stages, "parallel_months": 0}}}
    found = worked_plans.evaluation_of(worked_plans.scenario("staged"), candidates=back)
    total = found.model.totals_usd()["small-until-busy"][0]
    assert total == pytest.approx(100 + 2400 + 150 + 200 + 700 + 2 * 2500, rel=SAME)
    parts = bridge(found.model, "small-until-busy", found.model, "small-until-busy")
    assert parts.old_usd == pytest.approx(total, rel=SAME)


def test_more_requests_are_volume_wherever_they_are_paid_for():
    """A platform's fee a request grows with them; its seats do not."""
    found = moved("platform", "big", workload={"requests_per_month": {"likely": 3000}})
    assert found == {Mover.VOLUME: pytest.approx(2 * (2 * 2.0 + 2 * 0.5), rel=SAME)}


def test_hours_moved_under_a_commitment_are_unit_price_and_those_unused_utilisation():
    """16,060 hours at $10; then 12,410 of them at $6, and 5,110 more that nobody uses."""
    none = {"two": {"deployment": {"commitment": None}}}
    base = worked_plans.scenario("commitment-level")
    old, new = worked_plans.evaluation_of(base, candidates=none), worked_plans.evaluated(base.name)
    parts = bridge(old.model, "two", new.model, "two").parts_usd
    assert {mover: usd for mover, usd in parts.items() if abs(usd) > 1e-6} == {
        Mover.UNIT_PRICE: pytest.approx(-12_410 * 4, rel=SAME),
        Mover.UTILISATION: pytest.approx(5_110 * 6, rel=SAME),
    }


def test_machines_that_come_and_go_are_utilisation_of_the_same_fleet():
    """One machine all the time in the place of one by night and three by day."""
    fixed = {"singly": {"deployment": {"autoscaler": None, "replicas": 1}}}
    found = moved("commitment-level", "singly", candidates=fixed)
    assert found == {Mover.UTILISATION: pytest.approx(-7_300 * 10, rel=SAME)}


def test_what_stands_around_serving_follows_volume_and_else_is_other():
    twice = {"own": {"lifecycle": {"delivery": {"standing": {"front": {"count": {"likely": 4}}}}}}}
    assert moved("delivery", "own", candidates=twice) == {
        Mover.OTHER: pytest.approx(56.64, rel=SAME)
    }
    found = moved("delivery", "own", workload={"requests_per_month": {"likely": 200_000}})
    around = 4.0 + 0.8 + 1.0 + 0.03
    assert found == {
        Mover.VOLUME: pytest.approx(1_000 + around, rel=SAME),
        Mover.UTILISATION: pytest.approx(-1_000, rel=SAME),
    }
