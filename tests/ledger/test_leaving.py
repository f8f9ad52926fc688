"""Leaving an option: what is owed, what is lost on machines, what the work costs."""

import numpy as np
import pytest

from tco.ledger.finance import levelised_cost_per_1k_usd
from tco.ledger.leaving import exit_costs
from tco.ledger.option import likely_months
from tco.ledger.platform import balances
from tests.cases import worked_plans


def test_a_bought_machine_loses_book_value_less_what_it_fetches():
    found = worked_plans.evaluated("asset")
    leaving = exit_costs(found.scenario, found.model, "big")
    after_one = 23_000 - 24_000 * 0.5**0.5
    assert leaving.assets_usd == pytest.approx([0, after_one, 22_000 - 12_000])
    assert leaving.commitment_usd.tolist() == [0, 0, 0]
    assert leaving.migration_usd is None, "nobody stated it, so it is not nothing"


def test_stated_work_of_leaving_is_the_same_in_every_month():
    base = worked_plans.scenario("asset")
    work = {"big": {"lifecycle": {"exit_usd": {"likely": 700}}}}
    found = worked_plans.evaluation_of(base, candidates=work)
    migration = exit_costs(found.scenario, found.model, "big").migration_usd
    assert migration is not None
    assert migration.tolist() == [700] * 3
    total = found.model.totals_usd()["big"]
    assert total == pytest.approx(worked_plans.evaluated("asset").model.totals_usd()["big"])


def test_the_effect_that_a_platform_needs_is_its_fee_over_what_it_acts_on():
    [balance] = balances(worked_plans.evaluated("platform").model)
    assert balance.fee_usd == pytest.approx(2401)
    assert balance.saved_usd == pytest.approx(3000)
    assert balance.needed == pytest.approx({"less_labour": 0.12005, "fewer_outages": 1.2005})
    assert balance.needed_of_assumed == pytest.approx(2401 / 3000)


def test_at_the_needed_effect_a_platform_costs_what_going_without_does():
    base = worked_plans.scenario("platform")
    needed = {"likely": 0.12005, "low": 0, "high": 1, "evidence": "assumed", "source": "needed"}
    effects = {"less_labour": needed, "fewer_outages": None}
    lifecycle = {"platform": {"effects": effects}}
    at = worked_plans.evaluation_of(base, candidates={"big": {"lifecycle": lifecycle}})
    without = worked_plans.evaluation_of(
        base, candidates={"big": {"lifecycle": {"platform": None}}}
    )
    totals = [float(found.model.totals_usd()["big"][0]) for found in (at, without)]
    assert totals[0] == pytest.approx(totals[1], rel=1e-9)


def test_a_levelised_price_pays_for_everything_in_todays_money():
    found = worked_plans.evaluated("growth-and-prices")
    rows = found.ledger[found.ledger["option"] == "big"]
    requests = likely_months(found.requests, 4)
    price = levelised_cost_per_1k_usd(rows, found.scenario.months, requests, 0.1)
    paid = (requests * price / 1000) @ (1.1 ** -((np.arange(4) + 0.5) / 12))
    costs = rows.sort_values("month")["cost_usd"].to_numpy()
    assert paid == pytest.approx(costs @ (1.1 ** -((np.arange(4) + 0.5) / 12)), rel=1e-12)
    at_zero = levelised_cost_per_1k_usd(rows, found.scenario.months, requests, 0.0)
    assert at_zero == pytest.approx(costs.sum() / requests.sum() * 1000, rel=1e-12)
