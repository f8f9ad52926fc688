"""Owned machines: closed forms, and three views of one purchase that agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.errors import MissingFigureError
from tco.prices.onprem import (
    Asset,
    OwnedServer,
    capital_recovery_factor,
    economic_charge_per_year,
    owned_rate,
    residual_share,
    schedule,
)


@given(rate=st.floats(-0.05, 0.5).filter(lambda r: abs(r) > 1e-12), years=st.integers(1, 40))
def test_payments_discounted_at_the_same_rate_return_the_sum_spent(rate, years):
    payment = capital_recovery_factor(rate, years)
    returned = sum(payment / (1 + rate) ** year for year in range(1, years + 1))
    assert returned == pytest.approx(1.0, rel=1e-9)


def test_without_interest_the_payment_is_an_even_part():
    assert capital_recovery_factor(0.0, 4) == 0.25
    assert capital_recovery_factor(1e-9, 4) == pytest.approx(0.25, rel=1e-7)


def test_the_economic_charge_is_not_an_accounting_life():
    assert economic_charge_per_year() == pytest.approx(0.322, abs=5e-4)


@given(
    price=st.floats(1, 1e6),
    life=st.integers(1, 84),
    book=st.floats(0, 1),
    months=st.integers(1, 60),
    bought=st.integers(0, 59),
    fetched=st.floats(0, 1),
)
def test_cash_and_accrual_reconcile(price, life, book, months, bought, fetched):
    bought = min(bought, months - 1)
    asset = Asset(price_usd=price, life_months=life, book_residual_usd=book * price)
    plan = schedule(asset, bought_month=bought, months=months, fetches_usd=fetched * price)
    assert plan.cash_usd.sum() == pytest.approx(plan.accrual_usd.sum(), rel=1e-9, abs=1e-6)
    assert plan.cash_usd.sum() == pytest.approx(price * (1 - fetched), rel=1e-9, abs=1e-6)
    assert (plan.depreciation_usd[:bought] == 0).all()


def test_a_server_sold_before_its_life_is_over_by_hand():
    # 60,000 over 60 months is 1,000 a month; after 24 the books say 36,000 and it fetches 30,000.
    plan = schedule(Asset(60_000, 60), bought_month=0, months=24, fetches_usd=30_000)
    assert plan.depreciation_usd == pytest.approx(np.full(24, 1000))
    assert plan.disposal_usd[-1] == pytest.approx(6000)
    assert plan.cash_usd[0] == 60_000
    assert plan.cash_usd[-1] == -30_000
    assert plan.accrual_usd.sum() == pytest.approx(30_000)


def test_residual_value_passes_through_its_points_and_goes_on_falling():
    points = [(12, 0.65), (24, 0.375), (36, 0.275)]
    assert residual_share(0, points) == 1
    assert [residual_share(age, points) for age, _ in points] == pytest.approx([0.65, 0.375, 0.275])
    assert residual_share(18, points) == pytest.approx((0.65 * 0.375) ** 0.5)
    assert residual_share(48, points) == pytest.approx(0.275 * 0.275 / 0.375)


def test_residual_value_is_not_made_up():
    with pytest.raises(MissingFigureError, match="residual_share_36_months"):
        residual_share(12, [])


def test_an_owned_hour_by_hand():
    server = OwnedServer(
        price_usd=320_000,
        accelerators=8,
        life_years=4,
        network_share=0.2,
        support_share_per_year=0.05,
        spares_share=0.04,
        licence_usd_per_accelerator_year=4500,
        colocation_usd_per_kw_month=200,
        power_kw=10,
        power_load=0.75,
        pue=1.2,
        tariff_usd_per_kwh=0.1,
        staff_usd_per_year=35_040,
    )
    rate = owned_rate(server)
    hours = 8 * 8760
    assert rate.capital == pytest.approx(80_000 / hours)
    assert rate.network == pytest.approx(20_000 / hours)  # 0.2 / 0.8 of the servers
    assert rate.support == pytest.approx(16_000 / hours)
    assert rate.spares == pytest.approx(3_200 / hours)
    assert rate.licence == pytest.approx(4500 / 8760)
    assert rate.colocation == pytest.approx(24_000 / hours)
    assert rate.staff == pytest.approx(0.5)
    assert rate.power == pytest.approx(10 / 8 * 0.75 * 1.2 * 0.1)
    assert rate.total == pytest.approx(
        (80 + 20 + 16 + 3.2 + 36 + 24 + 35.04) * 1000 / hours + 0.1125
    )


@given(availability=st.floats(0.1, 1.0), residual=st.floats(0, 0.9), interest=st.floats(0, 0.3))
def test_what_stands_still_costs_more_per_hour(availability, residual, interest):
    def rate(share: float, worth: float) -> float:
        server = OwnedServer(
            100_000, 8, 4, residual_usd=worth, rate_per_year=interest, availability=share
        )
        return owned_rate(server).capital

    assert rate(availability, 0.0) == pytest.approx(rate(1.0, 0.0) / availability)
    assert rate(1.0, residual * 100_000) <= rate(1.0, 0.0) + 1e-12
