"""What must hold of whole plans, whatever they are made of."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.scenario import Scenario
from tco.ledger import book
from tests.cases import worked_plans

SAME = 1e-9
FACTORS = np.array([1.0, 1.0, 1.5, 3.0])
"""The first is the likely case; each after it is as dear or dearer."""


@pytest.mark.parametrize("name", worked_plans.NAMES)
def test_a_dearer_thing_never_makes_an_option_cheaper(name: str):
    model = worked_plans.evaluated(name).model
    prices = {
        name: known for name, known in model.cost_drivers().items() if name.startswith("price.")
    }
    assert prices or name in ("asset", "platform", "people-and-items", "people-plan")
    for price, known in prices.items():
        for option, usd in model.totals_usd({price: known.likely * FACTORS}).items():
            if usd.size > 1:
                assert (np.diff(usd) >= -SAME * abs(usd[0])).all(), (price, option)


def usd_of(plan: Scenario, **columns: str) -> float:
    found = worked_plans.evaluation_of(plan)
    rows = found.ledger
    for column, value in columns.items():
        rows = rows[rows[column] == value]
    return book.total_usd(rows)


@settings(max_examples=10)
@given(requests=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6)))
def test_splitting_a_months_requests_changes_no_line_without_tiers(requests):
    first, second, third = requests

    def plan(*monthly: int) -> Scenario:
        load: dict[str, Any] = {
            "monthly_requests": monthly,
            "requests_per_month": None,
            "growth_per_year": None,
        }
        return worked_plans.changed(
            worked_plans.scenario("api-tokens"), workload=load, horizon_months=3
        )

    whole, split = plan(first + second, 0, third), plan(first, second, third)
    assert usd_of(split) == pytest.approx(usd_of(whole), rel=SAME)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_splitting_months_of_runs_and_labels_changes_no_total(last: int):
    months = {"first": 1, "last": last}
    runs = worked_plans.changed(
        worked_plans.scenario("experiments"),
        candidates={
            "big": {"lifecycle": {"experiments": {"campaigns": {"tries": {"months": months}}}}}
        },
    )
    labels = worked_plans.changed(
        worked_plans.scenario("data-work"),
        candidates={"big": {"lifecycle": {"data": {"labelling": {"labels": {"months": months}}}}}},
    )
    assert usd_of(runs) == pytest.approx(7338.00, rel=SAME)
    assert usd_of(labels) == pytest.approx(3213.00, rel=SAME)


@pytest.mark.parametrize("name", ["commitment", "static-fleet", "whole-life", "deployment-work"])
def test_neither_the_name_of_an_option_nor_its_place_changes_what_it_costs(name: str):
    plan = worked_plans.scenario(name)
    renamed = {f"option-{n}": known for n, known in enumerate(plan.candidates.values())}
    turned = dict(reversed(renamed.items()))
    other = worked_plans.evaluation_of(plan.model_copy(update={"candidates": turned}))
    before = worked_plans.evaluated(name).model.totals_usd()
    after = other.model.totals_usd()
    for new, old in zip(renamed, plan.candidates, strict=True):
        assert after[new][0] == pytest.approx(before[old][0], rel=SAME)
