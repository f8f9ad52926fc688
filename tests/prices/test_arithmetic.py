"""Paths over time, tiers, functions, contracts, credits, energy and currency."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tco.domain.price import PricePath, PriceShock, Quote
from tco.domain.record import Estimate
from tco.errors import MissingFigureError
from tco.prices import energy, services
from tco.prices.currency import from_usd
from tco.prices.paths import drift_for, end_of_sale, months_sold, multiplier, multipliers, paths_for
from tests.prices.conftest import DAY


def ranged(low, likely, high):
    return Estimate(low=low, likely=likely, high=high)


def test_a_path_starts_at_todays_price_and_compounds():
    path = PricePath(yearly_change=ranged(-0.3, -0.2, 0.1))
    low, likely, high = multipliers(path, 25)
    assert (low[0], likely[0], high[0]) == (1, 1, 1)
    assert (low[12], likely[12], high[12]) == pytest.approx((0.7, 0.8, 1.1))
    assert likely[24] == pytest.approx(0.64)
    assert likely[1] == pytest.approx(0.8 ** (1 / 12))


def test_salaries_rise_once_a_year():
    path = PricePath(yearly_change=Estimate(likely=0.04), steps="yearly")
    months = multiplier(path, 25, "likely")
    assert months[:12] == pytest.approx(1)
    assert months[12:24] == pytest.approx(1.04)
    assert months[24] == pytest.approx(1.0816)


def test_a_vendor_raises_prices_by_30_percent_in_month_13():
    shock = PriceShock(name="vendor raises prices", month=13, change=Estimate(likely=0.3))
    months = multiplier(PricePath(shocks=(shock,)), 36, "likely")
    assert months[11] == 1
    assert months[12] == pytest.approx(1.3)
    assert months[35] == pytest.approx(1.3)


def test_shocks_multiply_and_have_ranges():
    shocks = (
        PriceShock(name="a", month=1, change=ranged(0.0, 0.1, 0.2)),
        PriceShock(name="b", month=3, change=Estimate(likely=-0.5)),
    )
    low, likely, high = multipliers(PricePath(shocks=shocks), 3)
    assert likely == pytest.approx([1.1, 1.1, 0.55])
    assert (low[2], high[2]) == pytest.approx((0.5, 0.6))


@given(
    change=st.tuples(*[st.floats(-0.9, 2)] * 3).map(sorted),
    shock=st.tuples(*[st.floats(-0.9, 2)] * 3).map(sorted),
    month=st.integers(1, 40),
    steps=st.sampled_from(["monthly", "yearly"]),
)
def test_corners_stay_in_order_and_above_0(change, shock, month, steps):
    path = PricePath(
        yearly_change=ranged(*change),
        steps=steps,
        shocks=(PriceShock(name="s", month=month, change=ranged(*shock)),),
    )
    low, likely, high = multipliers(path, 36)
    assert (low > 0).all()
    assert (low <= likely * (1 + 1e-12)).all()
    assert (likely <= high * (1 + 1e-12)).all()


@pytest.mark.parametrize("change", [-1.0, 200.0])
def test_a_change_that_leaves_no_price_is_refused(change):
    with pytest.raises(ValidationError, match="leaves no price"):
        PricePath(yearly_change=Estimate(likely=change))
    with pytest.raises(ValidationError, match="leaves no price"):
        PriceShock(name="s", month=1, change=Estimate(likely=change))


STILL = Estimate(likely=0.0)


def test_a_price_follows_the_narrowest_drift():
    wide, vendor, model = paths = [
        PricePath(applies_to=(pattern,), yearly_change=STILL)
        for pattern in ("*", "openai/*", "openai/gpt-5*")
    ]
    assert drift_for("openai/gpt-5-mini", paths) is model
    assert drift_for("openai/o3", paths) is vendor
    assert drift_for("aws/x", paths) is wide
    assert drift_for("aws/x", paths[1:]) is None


def test_every_path_that_names_a_thing_reaches_it():
    ends = [date(2028, 1, 1), date(2027, 6, 1)]
    paths = [PricePath(applies_to=("aws/*", "openai/*"), ends_on=day) for day in ends]
    other = PricePath(applies_to=("google/*",), ends_on=date(2027, 1, 1))
    assert paths_for("openai/o3", [*paths, other]) == paths
    assert end_of_sale("openai/o3", [*paths, other]) is paths[1], "the first end counts"
    assert end_of_sale("nebius/x", [*paths, other]) is None


def test_a_path_that_moves_nothing_is_refused():
    with pytest.raises(ValidationError, match="this path moves nothing"):
        PricePath(applies_to=("openai/*",))


@pytest.mark.parametrize(
    ("ends_on", "months"),
    [(None, 36), (date(2026, 11, 1), 0), (date(2027, 3, 1), 4), (date(2090, 1, 1), 36)],
)
def test_a_vendors_end_of_life_counts_whole_months(ends_on, months):
    assert (
        months_sold(PricePath(yearly_change=STILL, ends_on=ends_on), date(2026, 11, 1), 36)
        == months
    )


def test_each_tier_pays_its_own_price(shipped):
    tiers = shipped.service("aws", "egress-internet", on=DAY, region="us-east-1")
    shares = services.split_by_tier(tiers, 60_000)
    assert [share.units for share in shares] == [10_240, 40_960, 8_800]
    assert services.average_usd(tiers, 60_000) * 60_000 == pytest.approx(
        10_240 * 0.09 + 40_960 * 0.085 + 8_800 * 0.07
    )
    assert services.average_usd(tiers, 0) == pytest.approx(0.09)


@given(units=st.floats(0, 1e7))
def test_tiers_lose_no_unit(shipped, units):
    tiers = shipped.service("aws", "egress-internet", on=DAY, region="us-east-1")
    shares = services.split_by_tier(tiers, units)
    assert sum(share.units for share in shares) == pytest.approx(units)


def test_a_function_call_of_the_vendors_own_example():
    # 3 million calls of 1 s at 512 MB: 1.5 million GB-s. AWS's page also subtracts a free tier.
    call = services.serverless_usd_per_request(
        memory_gib=0.5, billed_s=1, usd_per_gib_s=0.0000166667, usd_per_request=0.2 / 1e6
    )
    assert call * 3e6 == pytest.approx(25.00 + 0.60, abs=0.01)


def test_kept_warm_functions_cost_while_they_wait():
    hour = services.provisioned_usd_per_hour(instances=10, memory_gib=2, usd_per_gib_s=0.000004)
    assert hour == pytest.approx(10 * 2 * 3600 * 0.000004)


def test_a_minimum_spend_is_topped_up_at_the_end_of_its_period():
    spend = np.array([10.0] * 12 + [20.0] * 6)
    top_up = services.shortfall_usd(spend, least_usd=200, period_months=12)
    assert top_up[11] == pytest.approx(80)  # 200 - 120
    assert top_up[17] == pytest.approx(80)  # 200 - 120, though the plan ends early
    assert top_up.sum() == pytest.approx(160)
    enough = services.shortfall_usd(spend, least_usd=100, period_months=12)
    assert enough.sum() == 0


def test_the_credit_that_expires_first_is_spent_first():
    spend = np.full(4, 10.0)
    used, expired = services.credits_used_usd(
        spend,
        [
            services.Credit(usd=25, first_month=0, end_month=4),
            services.Credit(usd=15, first_month=0, end_month=2),
        ],
    )
    assert used == pytest.approx([10, 10, 10, 10])
    assert expired == pytest.approx(0)
    used, expired = services.credits_used_usd(
        spend, [services.Credit(usd=100, first_month=1, end_month=3)]
    )
    assert used == pytest.approx([0, 10, 10, 0])
    assert expired == pytest.approx(80)


@given(
    spend=st.lists(st.floats(0, 100), min_size=1, max_size=12).map(np.array),
    credits=st.lists(
        st.builds(services.Credit, usd=st.floats(0, 300), first_month=st.integers(0, 12),
                  end_month=st.integers(0, 14)), max_size=4,
    ),
)  # fmt: skip
def test_credits_are_used_or_expire(spend, credits):
    used, expired = services.credits_used_usd(spend, credits)
    assert used.sum() + expired == pytest.approx(sum(credit.usd for credit in credits))
    assert (used <= spend + 1e-9).all()


@pytest.mark.parametrize(("rate", "units"), [(1, 15), (90_000, 40), (40_000, 20), (37_500, 15)])
def test_throughput_units_come_in_steps(rate, units):
    bought = services.provisioned_units(
        tokens_per_minute=rate, tokens_per_minute_per_unit=2500, least_units=15, unit_step=5
    )
    assert bought == units


def test_energy_at_the_meter_by_hand():
    # 300 W of boards x 730 h = 219 kWh, x 1.8 in the server, x 1.25 on the site
    kwh = energy.meter_kwh(board_w=300, hours=730, board_to_wall=1.8, pue=1.25)
    assert kwh == pytest.approx(492.75)
    assert energy.carbon_usd_per_kwh(g_per_kwh=473, usd_per_tonne=80) == pytest.approx(0.03784)


def test_a_missing_half_of_a_region_is_said_and_never_0(shipped):
    with pytest.raises(MissingFigureError, match="no electricity tariff for region 'fr'"):
        energy.tariff(shipped.electricity("fr", on=DAY))
    with pytest.raises(MissingFigureError, match="no carbon intensity for region 'eu-average'"):
        energy.carbon_g_per_kwh(shipped.electricity("eu-average", on=DAY))
    virginia = shipped.electricity("us-va", on=DAY)
    assert energy.tariff(virginia).usd == Decimal("0.0892")
    assert energy.carbon_g_per_kwh(virginia) == pytest.approx(244.8)


@pytest.mark.parametrize("currency", ["EUR", "GBP"])
def test_reports_in_other_currencies_say_rate_and_date(shipped, currency):
    rate = shipped.exchange_rate(currency, on=DAY)
    assert rate.reference.startswith(f"1 {currency} = 1.")
    assert rate.reference.endswith("2026-10-30")
    assert from_usd(100.0, rate) == pytest.approx(100 / float(rate.usd_per_unit))


def test_the_dollar_is_worth_a_dollar(shipped):
    assert from_usd(7.0, shipped.exchange_rate("USD", on=DAY)) == 7


@pytest.mark.parametrize("ends", [(None, 2), (2, None), (3, 4), (0, Decimal("0.5"))])
def test_a_quotes_range_holds_its_price(ends):
    low, high = ends
    with pytest.raises(ValidationError):
        Quote(sku="x", usd=Decimal(1), low_usd=low, high_usd=high, unit="hour", checked_on=DAY,
              source="me")  # fmt: skip
