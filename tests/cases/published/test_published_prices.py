"""Examples that others have published, recomputed with our public price functions."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from tco.domain.price import TokenRates
from tco.prices import onprem, rates
from tco.prices.lookup import per_accelerator_usd
from tco.prices.requests import request_usd


def token_rates(input_usd_per_mtok: str, output_usd_per_mtok: str) -> TokenRates:
    return TokenRates(
        provider="published",
        model="example",
        resolved_model="example",
        input_usd_per_mtok=Decimal(input_usd_per_mtok),
        output_usd_per_mtok=Decimal(output_usd_per_mtok),
        source="published example",
        checked_on=date(2026, 1, 1),
        priced_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    )


def test_a_request_of_the_mithril_calculator():
    # 500 x 0.0015 / 1k + 200 x 0.002 / 1k = 0.00075 + 0.0004
    one = request_usd(token_rates("1.5", "2"), input_tokens=500, output_tokens=200)
    assert one == pytest.approx(0.00115, rel=1e-12)
    assert one * 1000 == pytest.approx(1.15, rel=1e-12)


class TestMethodologyOfLlmtco:
    def test_tokens_by_the_million(self):
        bill = request_usd(token_rates("3", "15"), input_tokens=1e6, output_tokens=0.5e6)
        assert bill == pytest.approx(10.50, abs=1e-9)  # 3.00 + 7.50

    def test_a_rented_gpu_that_is_on_for_30_percent_of_the_month(self):
        month = rates.usd_per_quoted_month(usd_per_hour=1.50, share_on=0.30)
        assert month == pytest.approx(328.50, abs=1e-9)

    def test_a_bought_server_over_36_months(self):
        server = onprem.Asset(price_usd=15_000, life_months=36)
        plan = onprem.schedule(server, bought_month=0, months=36, fetches_usd=0)
        assert plan.accrual_usd == pytest.approx(np.full(36, 416.67), abs=0.005)

    def test_where_a_fixed_price_overtakes_the_price_by_token(self):
        mtok = rates.break_even_mtok_per_month(fixed_usd_per_month=320, usd_per_mtok=3)
        assert mtok == pytest.approx(106.7, abs=0.05)

    def test_a_million_tokens_on_a_rented_gpu(self):
        price = rates.usd_per_mtok(usd_per_hour=1.50, tokens_per_s=2000)
        assert price == pytest.approx(0.2083, abs=5e-5)


@pytest.mark.parametrize(
    ("usd_per_hour", "tokens_per_s", "usd_per_mtok"),
    [
        (6.98, 6238, 0.311),
        (6.98, 8155, 0.238),
        (6.98, 5319, 0.364),
        (6.98, 9271, 0.209),
        (13.96, 4454, 0.871),
        (13.96, 7524, 0.515),
    ],
)
def test_saturated_h100s_of_arxiv_2606_11690(usd_per_hour, tokens_per_s, usd_per_mtok):
    price = rates.usd_per_mtok(usd_per_hour=usd_per_hour, tokens_per_s=tokens_per_s)
    assert price == pytest.approx(usd_per_mtok, abs=0.001)


class TestLenovoServerAgainstRent:
    @pytest.mark.parametrize(
        ("rent_usd_per_hour", "hours"), [(98.32, 8556.2), (77.43, 10_890.9), (53.95, 15_708.5)]
    )
    def test_hours_until_buying_is_cheaper(self, rent_usd_per_hour, hours):
        computed = onprem.break_even_hours(
            price_usd=833_806, rent_usd_per_hour=rent_usd_per_hour, run_usd_per_hour=0.87
        )
        assert computed == pytest.approx(hours, abs=0.05)

    def test_its_months_are_of_720_hours_and_ours_of_730(self):
        hours = onprem.break_even_hours(
            price_usd=833_806, rent_usd_per_hour=98.32, run_usd_per_hour=0.87
        )
        assert hours / 720 == pytest.approx(11.9, abs=0.05)
        assert hours / 730 == pytest.approx(11.7, abs=0.05)

    def test_renting_for_the_training_of_a_large_model(self):
        bill = 39.3e6 * per_accelerator_usd(98.32, 8)
        assert bill == pytest.approx(482.997e6, rel=1e-5)

    def test_renting_below_the_running_cost_never_breaks_even(self):
        hours = onprem.break_even_hours(price_usd=1, rent_usd_per_hour=0.5, run_usd_per_hour=0.87)
        assert hours == float("inf")


def test_bloom_in_the_epoch_cost_model():
    # 18,507.93 is the value of a chip with its share of the server; an A100's server is 1.66.
    chip_hours, with_server_usd, server_over_chip = 1_078_272, 18_507.93, 1.66
    power_usd = onprem.power_usd_per_hour(
        kw=0.4 * 2.03125, load=0.75, pue=1.25, tariff_usd_per_kwh=0.0832
    )
    rate = onprem.economic_rate(
        accelerator_usd=with_server_usd / server_over_chip,
        server_over_accelerator=server_over_chip,
        network_share=0.19,
        power_usd=power_usd,
    )
    assert rate.accelerator * chip_hours == pytest.approx(442_100, abs=1)
    assert rate.server * chip_hours == pytest.approx(291_786, abs=1)
    assert rate.network * chip_hours == pytest.approx(172_146, abs=1)
    assert rate.power * chip_hours == pytest.approx(68_335, abs=1)
    assert rate.total * chip_hours == pytest.approx(974_367, abs=1)
    assert rate.total == pytest.approx(0.904, abs=0.0005)
