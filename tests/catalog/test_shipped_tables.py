"""The data itself: enough of it, sourced, in step with what the rest of the house relies on."""

import re
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from tco.domain.price import Purchase
from tco.domain.record import Evidence
from tco.prices import Catalog, schema
from tco.prices.audit import audit
from tests.conftest import ROOT

PRICING = ROOT / "pricing"
ROLES = {
    "ml_engineer", "data_scientist", "mlops_engineer", "software_engineer", "data_engineer",
    "domain_expert", "annotator", "product_manager", "security_compliance",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load(PRICING)


def test_a_hundred_machines_of_seven_sellers(catalog):
    assert len(catalog.instances) >= 100
    sellers = Counter(instance.seller for instance in catalog.instances)
    assert len(sellers) >= 7
    assert min(sellers.values()) >= 3


def test_the_audit_finds_nothing_wrong(catalog):
    assert [str(error) for error in audit(catalog).errors] == []


@pytest.mark.parametrize("table", [table.name for table in schema.TABLES])
def test_every_row_says_where_it_comes_from(catalog, table):
    for entry in catalog.rows(table):
        assert len(entry.values["source"]) > 5
        assert entry.values["checked_on"] >= date(2022, 1, 1)


def test_no_unknown_price_is_shipped_as_0(catalog):
    for table in schema.TABLES:
        for entry in catalog.rows(table.name):
            if entry.values.get("price") == 0:
                assert "free of charge" in entry.values["note"], f"{entry.file}:{entry.line}"


def test_sources_tell_no_addresses_and_no_credentials():
    for file in PRICING.glob("*.csv"):
        text = file.read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"AKIA[0-9A-Z]{16}", text)


def test_every_role_has_a_loaded_price_with_a_range(catalog):
    assert set(catalog.roles) >= ROLES
    for role in catalog.roles:
        quote = catalog.person(role, on=catalog.as_of)
        assert 5 < quote.low_usd <= quote.usd <= quote.high_usd < 400
        assert quote.unit == "hour"


def test_what_nobody_publishes_is_graded_so(catalog):
    grades = Counter(entry.values["evidence"] for entry in catalog.rows("people"))
    assert grades[Evidence.ASSUMED] >= 3
    for name in ("support_share_per_year", "spares_share", "internal_carbon_price_usd_per_t"):
        assert catalog.figure(name, on=catalog.as_of).evidence is Evidence.ASSUMED


def test_accelerators_in_use_have_their_data_sheet(catalog):
    for instance in catalog.instances:
        if instance.accelerator:
            sheet = catalog.accelerator(instance.accelerator)
            assert sheet.peak_tflops
            assert sheet.memory_gib == pytest.approx(instance.accelerator_memory_gib, rel=0.01)


def test_slices_fit_their_accelerator(catalog):
    sliced = [each for each in catalog.accelerators.values() if each.mig_slices]
    assert len(sliced) >= 8
    for accelerator in sliced:
        for piece in accelerator.mig_slices:
            assert piece.memory_gib * piece.most_per_accelerator <= accelerator.memory_gib * 1.01


def test_idle_power_is_labelled_as_an_assumption_with_a_range(catalog):
    for accelerator in catalog.accelerators.values():
        if accelerator.idle_w is not None:
            assert accelerator.idle_evidence is Evidence.ASSUMED
            assert accelerator.idle_low_w < accelerator.idle_w < accelerator.idle_high_w
            assert accelerator.idle_high_w < accelerator.peak_w


def test_commitments_save_and_spot_saves_too(catalog):
    seen: Counter[Purchase] = Counter()
    for instance in catalog.instances:
        prices = {}
        for entry in catalog.rows("instances"):
            row = entry.values
            if (row["seller"], row["region"], row["instance_type"]) == (
                instance.seller, instance.region, instance.instance_type,
            ):  # fmt: skip
                prices[Purchase(row["purchase"])] = row["price"]
        for purchase, price in prices.items():
            if purchase is not Purchase.ON_DEMAND and Purchase.ON_DEMAND in prices:
                assert price < prices[Purchase.ON_DEMAND]
                seen[purchase] += 1
    assert seen[Purchase.SPOT] >= 30
    assert seen[Purchase.COMMIT_3Y] >= 15


def test_rates_cover_the_days_of_the_tables(catalog):
    for currency in ("EUR", "GBP"):
        rate = catalog.exchange_rate(currency, on=date(2023, 1, 1))
        assert Decimal("0.9") < rate.usd_per_unit < Decimal("1.6")
        assert catalog.exchange_rate(currency, on=catalog.as_of).day == date(2026, 10, 30)


def test_cloud_regions_lead_to_a_grid_with_carbon(catalog):
    for entry in catalog.rows("regions"):
        row = entry.values
        found = catalog.electricity(row["region"], on=catalog.as_of, seller=row["seller"])
        assert found.region == row["electricity_region"]
        assert found.carbon_g_per_kwh is not None


def test_the_readme_names_every_table():
    text = (PRICING / "README.md").read_text(encoding="utf-8")
    for table in schema.BY_NAME.values():
        assert f"`{table.file_name}`" in text, table.file_name
        for column in table.columns:
            assert f"`{column.name}`" in text, f"{table.file_name}: {column.name}"
