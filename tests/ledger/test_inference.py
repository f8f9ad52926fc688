"""Serving in money: which price of which token, and every hour of a machine."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.price import TokenBand, TokenRates, TokenWindow
from tco.domain.scenario import Scenario
from tco.errors import MissingFigureError
from tco.ledger import book
from tco.ledger.inference import ApiBill
from tco.ledger.model import CostLine, LineMaker
from tco.ledger.option import parts_of_option
from tco.ledger.volume import monthly_requests
from tests.cases import worked_plans

SAME = 1e-9
"""Relative: float sums in another order."""
API = worked_plans.scenario("api-tokens")
RATES = worked_plans.catalog().tokens("bigvendor", "big-1", on=API.price_date)


def lines_of(rates: TokenRates, scenario: Scenario = API) -> dict[str, CostLine]:
    requests = monthly_requests(scenario.workload, scenario.horizon_months)
    [part], _ = parts_of_option(scenario, "big", requests)
    make = LineMaker("big", "big")
    deployment = part.candidate.deployment
    assert deployment.kind == "api"
    ApiBill(make, scenario, part, deployment, rates).add()
    return {line.item.split(",")[0]: line for line in make.lines}


def usd_of(rates: TokenRates, scenario: Scenario = API) -> dict[str, float]:
    """Return what a month of each kind of token costs."""
    found = worked_plans.evaluated("api-tokens").model
    return {
        item: float(replace(found, lines=(line,)).totals_usd()["big"][0] / scenario.horizon_months)
        for item, line in lines_of(rates, scenario).items()
    }


def priced(**changes: Any) -> TokenRates:
    return RATES.model_copy(update=changes)


def test_a_cache_without_a_price_of_its_own_is_billed_as_fresh_input():
    found = usd_of(priced(cached_input_usd_per_mtok=None))
    assert found["cached input tokens"] == pytest.approx(250 * 2.0, rel=SAME)


def test_reasoning_is_billed_as_output_unless_it_has_a_price():
    assert usd_of(RATES)["reasoning tokens"] == pytest.approx(100 * 8.0, rel=SAME)
    own = priced(reasoning_usd_per_mtok=Decimal(3))
    assert usd_of(own)["reasoning tokens"] == pytest.approx(100 * 3.0, rel=SAME)
    assert usd_of(own)["output tokens"] == pytest.approx(200 * 8.0, rel=SAME)


def test_a_model_that_answers_no_tokens_is_billed_for_input_alone():
    embedding = priced(charges_output=False, output_usd_per_mtok=Decimal(0))
    assert set(lines_of(embedding)) == {"fresh input tokens", "cached input tokens"}


BAND = TokenBand(
    above_input_tokens=2000,
    input_usd_per_mtok=Decimal(4),
    cached_input_usd_per_mtok=Decimal(1),
    output_usd_per_mtok=Decimal(12),
)


@pytest.mark.parametrize(("tokens", "usd_per_mtok"), [(2000, 2.0), (2001, 4.0)])
def test_a_long_request_pays_more_for_all_of_it(tokens: int, usd_per_mtok: float):
    longer = worked_plans.changed(API, workload={"tokens": {"input": {"likely": tokens}}})
    found = usd_of(priced(bands=(BAND,)), longer)
    assert found["fresh input tokens"] == pytest.approx(tokens * 0.75 * usd_per_mtok, rel=SAME)


def test_the_length_of_one_call_decides_and_not_of_all_calls_behind_a_request():
    """Three calls of 1,000 to 1,700 tokens are no call of more than 2,000."""
    tools = {
        "turns": {"likely": 1}, "history_sent_again": False,
        "tool_calls_per_request": {"likely": 2},
        "tool_result_tokens": {"likely": 300}, "tool_call_tokens": {"likely": 50},
    }  # fmt: skip
    talks = worked_plans.changed(API, workload={"sessions": tools})
    assert usd_of(priced(bands=(BAND,)), talks) == usd_of(RATES, talks)


def test_the_longest_band_that_is_passed_counts():
    higher = BAND.model_copy(update={"above_input_tokens": 500, "input_usd_per_mtok": Decimal(3)})
    for bands in ((higher, BAND), (BAND, higher)):
        found = usd_of(priced(bands=bands))
        assert found["fresh input tokens"] == pytest.approx(750 * 3.0, rel=SAME)


def test_a_price_that_the_vendor_does_not_list_is_not_made_up():
    unlisted = BAND.model_copy(update={"above_input_tokens": 0, "output_usd_per_mtok": None})
    with pytest.raises(MissingFigureError, match="bigvendor lists no price for output tokens"):
        lines_of(priced(bands=(unlisted,)))


def test_a_price_that_depends_on_the_hour_is_refused():
    window = TokenWindow.model_validate(
        {"from_utc": "08:00", "to_utc": "20:00", "input_usd_per_mtok": 2, "output_usd_per_mtok": 8}
    )
    with pytest.raises(MissingFigureError, match="costs more at some hours of the day"):
        lines_of(priced(windows=(window,)))


def test_a_negotiated_quote_is_not_discounted_again():
    deal = {"negotiated_discounts": {"bigvendor": {"share": 0.5, "source": "contract"}}}
    ours = worked_plans.changed(API, organisation=deal)
    assert usd_of(RATES, ours)["output tokens"] == pytest.approx(800.0, rel=SAME)
    assert usd_of(priced(negotiated=True), ours)["output tokens"] == pytest.approx(1600.0, rel=SAME)


@settings(max_examples=20)
@given(
    replicas=st.integers(2, 40),
    monthly=st.tuples(st.integers(0, 660_000), st.integers(1, 660_000)),
    purchase=st.sampled_from(["on_demand", "commit_1y"]),
)
def test_used_wasted_and_idle_are_all_that_is_paid_for(replicas: int, monthly, purchase: str):
    fleet = {"own": {"deployment": {"replicas": replicas, "machine": {"purchase": purchase}}}}
    found = worked_plans.evaluation_of(
        worked_plans.scenario("static-fleet"),
        workload={"monthly_requests": monthly},
        candidates=fleet,
    )
    hours = found.ledger[found.ledger["category"] == "compute"]
    instances, price = -(-replicas // 2), {"on_demand": 10.0, "commit_1y": 6.0}[purchase]
    by_month = hours.groupby("month")["quantity"].sum()
    assert by_month.tolist() == pytest.approx([instances * 744, instances * 672], rel=SAME)
    assert book.total_usd(hours) == pytest.approx(instances * 1416 * price, rel=SAME)
    assert set(hours["kind"]) <= {"used", "wasted", "idle"}
    used = hours[hours["kind"] == "used"].groupby("month")["quantity"].sum()
    worked = [requests / 1000 / 2 for requests in monthly if requests > 0]
    assert used.tolist() == pytest.approx(worked, rel=SAME)


def test_a_whole_term_leaves_nothing_to_settle():
    whole = worked_plans.evaluation_of(worked_plans.scenario("commitment"), horizon_months=24)
    assert set(whole.ledger["category"]) == {"compute"}
    cut = worked_plans.evaluation_of(worked_plans.scenario("commitment"), horizon_months=13)
    [settled] = cut.ledger[cut.ledger["category"] == "commitment"].to_dict("records")
    assert settled["quantity"] == 11 * 730
    assert settled["unit_price_usd"] == 12.0, "renewed after the rise, so owed at the new price"
    assert (settled["kind"], settled["cause"]) == ("idle", "unused commitment")
