"""Costs of units, worked by hand from the totals."""

import pytest

from tco.rank.unit_cost import UnitOfCost, unit_cost_usd, units_of
from tests.shipped import evaluated


def test_a_million_tokens_costs_the_total_over_requests_and_tokens_of_each():
    found = evaluated("ticket-classification/base")
    money = found.ranking.options[0].money
    assert money is not None
    whole = money.tco_usd
    cost = unit_cost_usd(found.scenario, found.requests_answered, money, UnitOfCost.TOKENS)
    assert cost == pytest.approx(whole / (found.requests_answered * 1430 / 1e6))
    thousand = unit_cost_usd(found.scenario, found.requests_answered, money, UnitOfCost.REQUESTS)
    assert thousand == pytest.approx(whole / found.requests_answered * 1000)


def test_only_units_that_the_workload_can_tell_are_offered():
    assert units_of(evaluated("ticket-classification/base").scenario) == (
        UnitOfCost.REQUESTS,
        UnitOfCost.TOKENS,
    )
    without = evaluated("ticket-classification/base").scenario
    workload = without.workload.model_copy(update={"tokens": None})
    assert units_of(without.model_copy(update={"workload": workload})) == (UnitOfCost.REQUESTS,)


def test_a_user_costs_the_total_over_users_and_months():
    scenario = evaluated("ticket-classification/base").scenario
    drivers = {
        "users": {"likely": 200},
        "active_share": {"likely": 1},
        "requests_per_user_month": {"likely": 10},
    }
    data = scenario.model_dump(mode="json")
    data["workload"] |= {"requests_per_month": None, "volume_drivers": drivers}
    by_users = type(scenario).model_validate(data)
    money = evaluated("ticket-classification/base").ranking.options[0].money
    assert money is not None
    assert unit_cost_usd(by_users, 1.0, money, UnitOfCost.USERS) == pytest.approx(
        money.tco_usd / 200 / 36
    )
