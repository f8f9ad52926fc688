"""Waste by name is a sum over rows: nothing is lost and nothing comes twice."""

import pytest
from hypothesis import given

from tco.domain.cost import Kind
from tco.ledger import book
from tco.ledger.model import CostModel
from tco.ledger.waste import Family, capacity_by_option, capacity_use
from tests import strategies
from tests.cases import worked_plans
from tests.shipped import NAMES, evaluated

SAME = 1e-9


@given(model=strategies.cost_models())
def test_used_wasted_idle_and_shared_are_what_is_paid(model: CostModel):
    rows = book.ledger(model)
    for option in dict.fromkeys(rows["option"]):
        use = capacity_use(rows, option)
        parts = use.used_usd + use.wasted_usd + use.idle_usd + use.shared_usd
        assert parts == pytest.approx(use.paid_usd, rel=SAME, abs=SAME)
        assert sum(waste.usd for waste in use.wastes) == pytest.approx(use.lost_usd, rel=SAME)
        assert sum(use.by_cause_usd().values()) == pytest.approx(use.lost_usd, rel=SAME)


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_plan_names_all_that_its_capacity_did(name: str):
    rows = evaluated(name).ledger
    used = capacity_by_option(rows)
    paid = rows[rows["kind"] != Kind.NONE]
    assert sum(use.paid_usd for use in used.values()) == pytest.approx(
        book.total_usd(paid), rel=SAME, abs=SAME
    )
    for use in used.values():
        parts = use.used_usd + use.wasted_usd + use.idle_usd + use.shared_usd
        assert parts == pytest.approx(use.paid_usd, rel=SAME)
        assert all(waste.cause and waste.usd > 0 for waste in use.wastes)
        amounts = [waste.usd for waste in use.wastes]
        assert amounts == sorted(amounts, reverse=True)


@pytest.mark.parametrize(
    ("name", "option", "family", "usd"),
    [
        ("static-fleet", "own", Family.FLEET, 23_010.00),
        ("commitment", "committed", Family.COMMITMENT, 39_420.00),
        ("data-work", "big", Family.STORAGE, 67.75),
        ("operation", "big", Family.STORAGE, 6.00),
        ("experiments", "big", Family.DEVELOPMENT, 4500.00),
        ("training", "tuned", Family.RUNS, 4.00),
    ],
)
def test_causes_belong_to_kinds_of_capacity(name: str, option: str, family: Family, usd: float):
    use = capacity_use(worked_plans.evaluated(name).ledger, option)
    mine = sum(waste.usd for waste in use.wastes if waste.family is family)
    assert mine == pytest.approx(usd, abs=0.005)


def test_an_option_without_capacity_has_no_share():
    use = capacity_use(worked_plans.evaluated("api-tokens").ledger, "big")
    assert (use.paid_usd, use.lost_share, use.wastes) == (0, None, ())
    assert capacity_by_option(worked_plans.evaluated("api-tokens").ledger) == {}
