"""Quantity meets price in one module only."""

import pytest

from tests.conftest import ROOT
from tests.house.one_place import products_of_quantity_and_price

ALLOWED = "ledger/model.py"
# Here prices are made from prices: an asset's price per hour, a token price per million.
MAKES_PRICES = "prices/"


def modules() -> list[str]:
    package = ROOT / "tco"
    return sorted(file.relative_to(package).as_posix() for file in package.rglob("*.py"))


@pytest.mark.parametrize("module", modules())
def test_only_the_cost_model_multiplies_a_quantity_by_a_price(module: str):
    if module == ALLOWED or module.startswith(MAKES_PRICES):
        return
    lines = products_of_quantity_and_price((ROOT / "tco" / module).read_text())
    assert lines == [], f"tco/{module}: lines {lines} belong into a cost line of tco/{ALLOWED}"


@pytest.mark.parametrize(
    "planted",
    [
        "cost = hours * usd_per_hour",
        "cost = usd_per_hour * hours",
        "cost = replicas * usage.instance_hours * quote.usd_per_hour",
        "cost = (hours * replicas) * (price / 2)",
        "cost = usage['instance_hours'] * quote['usd_per_hour']",
        "cost = input_tokens / 1e6 * unit_price_usd",
        "cost = self.requests * -price.per_request",
        "total *= 1; hours_now *= price",
        "cost = usage.hours.mul(quote.usd_per_hour)",
        "cost = np.multiply(hours, usd_per_hour)",
        "cost = np.dot(tokens, prices)",
        "cost = math.prod([hours, usd_per_hour])",
        "cost = hours @ prices",
        "total = sum(quantity * price for quantity, price in rows)",
    ],
)
def test_a_planted_product_is_found(planted: str):
    assert products_of_quantity_and_price(planted) == [1]


@pytest.mark.parametrize(
    "innocent",
    [
        "energy_kwh = hours * power_kw",
        "usd_per_month = usd_per_hour * HOURS_PER_MONTH",
        "pv_usd = cost_usd * discount_factor",
        "cost_per_1k_usd = cost_usd / requests * 1000",
        "tokens = requests * tokens_per_request",
        "total = cost_usd + hours",
    ],
)
def test_other_arithmetic_is_left_alone(innocent: str):
    assert products_of_quantity_and_price(innocent) == []
