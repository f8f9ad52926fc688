"""Which price is in force: by date, by layer, by contract; and what is said when there is none."""

import os
import pickle
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest

from tco.domain.hardware import Precision
from tco.domain.price import Purchase
from tco.domain.record import Evidence
from tco.errors import InputError, NotFoundError, PriceNotFoundError
from tco.prices import Catalog
from tests.conftest import ROOT
from tests.prices.conftest import DAY, SHIPPED

INSTANCES = (
    "seller,region,instance_type,vcpus,purchase,plan,price,currency,unit,valid_from,checked_on,"
    "source,evidence,negotiated,label"
)


def my(price="9", **cells):
    row = {
        "seller": "aws",
        "region": "us-east-1",
        "instance_type": "g6.xlarge",
        "purchase": "on_demand",
        "price": price,
        "currency": "USD",
        "unit": "instance-hour",
        "checked_on": "2026-11-01",
        "source": "my contract",
        "evidence": "stated",
        **cells,
    }
    return ",".join(row.get(name, "") for name in INSTANCES.split(","))


def g6(catalog: Catalog, on: date = DAY, purchase: Purchase = Purchase.ON_DEMAND):
    return catalog.compute("aws", "us-east-1", "g6.xlarge", on=on, purchase=purchase)


def test_a_list_price_comes_with_its_source_and_date(shipped):
    quote = g6(shipped)
    assert quote.usd == Decimal("0.8048")
    assert quote.sku == "aws/us-east-1/g6.xlarge"
    assert quote.unit == "instance-hour"
    assert (quote.billing_increment_s, quote.minimum_s) == (1, 60)
    assert quote.first_observed
    assert "checked 2026-07-20, first observed then" in quote.reference
    assert quote.evidence is Evidence.PUBLISHED
    assert quote.estimate.likely == pytest.approx(0.8048)
    assert quote.estimate.low is None


def test_a_commitment_says_its_kind_and_term(shipped):
    quote = g6(shipped, purchase=Purchase.COMMIT_3Y)
    assert quote.plan == "reserved"
    assert quote.purchase.term_months == 36
    assert Purchase.SPOT.term_months is None


def test_an_instance_says_what_it_is_made_of(shipped):
    instance = shipped.instance("aws", "us-east-1", "g6.12xlarge")
    assert (instance.accelerator, instance.accelerator_count, instance.vcpus) == ("L4", 4, 48)
    assert shipped.accelerator("L4").peak_tflops[Precision.BF16] == 125.34
    assert shipped.instance("aws", "us-east-1", "c7i.xlarge").accelerator_count == 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: c.instance("aws", "us-east-1", "g6.xlarg"), "Near it: aws/us-east-1/g6.xlarge"),
        (lambda c: c.accelerator("H100"), "no accelerator 'H100'"),
        (lambda c: c.rows("instance"), "Near it: instances"),
        (lambda c: c.book("persons"), "no price table"),
    ],
)
def test_unknown_things_are_named_with_what_is_near(shipped, ask, message):
    with pytest.raises(NotFoundError, match=message):
        ask(shipped)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: g6(c, date(2026, 7, 19)), "Its earliest price is of 2026-07-20"),
        (lambda c: c.compute("aws", "us-east-1", "g6.xlarg", on=DAY), "g6.xlarge on_demand"),
        (lambda c: c.person("ml_enginer", on=DAY), "Near it: ml_engineer"),
        (lambda c: c.service("aws", "egres", on=DAY), r"aws/\*/egres"),
        (lambda c: c.service("aws", "nat-gatewy", on=DAY, region="us-east-1"), "nat-gateway"),
        (lambda c: c.electricity("atlantis", on=DAY), "electricity of atlantis"),
        (lambda c: c.exchange_rate("XXX", on=DAY), "exchange rate XXX"),
        (lambda c: c.exchange_rate("EUR", on=date(2001, 1, 1)), "earliest price is of 2022-12-30"),
        (lambda c: c.figure("pue_hyperscaler", on=DAY), "pue_hyperscale"),
        (lambda c: c.server("dgx-h100", on=DAY), "dgx-h100-8x"),
        (lambda c: c.server_power_kw("hgx-h100-8x", on=DAY), "power of hgx-h100-8x"),
        (lambda c: c.labelling("text-class", "nobody", on=DAY), "aws-ground-truth"),
        (lambda c: c.contract("nvidia-ai-enterprise", on=DAY), "nvidia-ai-enterprise"),
    ],
)
def test_a_price_that_is_not_there_raises_and_is_never_0(shipped, ask, message):
    with pytest.raises(PriceNotFoundError, match=message):
        ask(shipped)


def test_a_later_row_takes_over_on_its_day(shipped):
    def runpod(on: date):
        return shipped.compute("runpod", "global", "1x_H100_SXM_SECURE", on=on).usd

    assert runpod(date(2026, 11, 8)) == Decimal("3.49")
    assert runpod(date(2026, 11, 9)) == Decimal("3.99")


def test_people_carry_their_range_and_grade(shipped):
    quote = shipped.person("mlops_engineer", on=DAY)
    assert quote.low_usd <= quote.usd <= quote.high_usd
    assert quote.evidence is Evidence.ASSUMED
    assert quote.estimate.low == pytest.approx(float(quote.low_usd))
    assert "annotator" in shipped.roles


def test_tiers_come_in_order(shipped):
    tiers = shipped.service("aws", "egress-internet", on=DAY, region="us-east-1")
    assert [int(tier.from_units) for tier in tiers] == [0, 10240, 51200, 153600]
    assert [tier.quote.usd for tier in tiers] == [
        Decimal(p) for p in ("0.09", "0.085", "0.07", "0.05")
    ]


def test_a_contract_replaces_the_whole_staircase(overlay):
    mine = overlay(
        "services",
        "seller,region,service,price,currency,unit,checked_on,source,evidence,negotiated",
        "aws,us-east-1,egress-internet,0.04,USD,GB,2026-11-01,contract,stated,yes",
    )
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    (tier,) = catalog.service("aws", "egress-internet", on=DAY, region="us-east-1")
    assert tier.from_units == 0
    assert tier.quote.usd == Decimal("0.04")


def test_a_service_price_of_everywhere_serves_a_region(shipped):
    (tier,) = shipped.service("langfuse", "cloud-core-plan", on=DAY, region="us-east-1")
    assert tier.quote.usd == 29


def test_other_tables_answer_too(shipped):
    assert shipped.labelling("text-class", "aws-ground-truth", on=DAY).usd == Decimal("0.012")
    assert shipped.server("dgx-b200-8x", on=DAY).usd == 379273
    assert shipped.server_power_kw("dgx-h100-8x", on=DAY).likely == 10.2
    assert shipped.figure("pue_hyperscale", on=DAY).likely == pytest.approx(1.10)
    quote, entry = shipped.contract("nvidia-ai-enterprise-1y", on=DAY)
    assert (quote.usd, entry.values["kind"]) == (4500, "licence")
    assert shipped.book("people").table.name == "people"


def test_electricity_of_a_cloud_region_is_that_of_its_grid(shipped):
    virginia = shipped.electricity("us-east-1", on=DAY, seller="aws")
    assert virginia.region == "us-va"
    assert virginia == shipped.electricity("us-east-1", on=DAY)
    assert virginia.tariff.usd == Decimal("0.0892")
    assert virginia.carbon_g_per_kwh == pytest.approx(244.8)


def test_half_of_a_region_may_be_absent(shipped):
    france = shipped.electricity("fr", on=DAY)
    assert france.tariff is None
    assert france.carbon_g_per_kwh == 44
    average = shipped.electricity("eu-average", on=DAY)
    assert average.carbon_g_per_kwh is None


def test_euros_are_converted_at_a_stated_rate_and_day(shipped):
    tariff = shipped.electricity("ie", on=date(2026, 11, 1)).tariff
    assert tariff.usd == Decimal("0.256") * Decimal("1.1172")
    assert "0.256 EUR at 1 EUR = 1.1172 USD, ECB euro reference rates, 2026-10-30" in tariff.source


def test_a_negotiated_price_goes_before_the_list_and_is_labelled(overlay):
    mine = overlay("instances", INSTANCES, my("0.5", negotiated="yes", label="frame contract"))
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    quote = g6(catalog)
    assert quote.usd == Decimal("0.5")
    assert quote.negotiated
    assert quote.reference.startswith("frame contract: my contract")
    assert g6(catalog, date(2026, 10, 31)).usd == Decimal("0.8048")  # not yet signed


def test_a_users_newer_list_price_wins_by_its_date_and_is_labelled(overlay):
    mine = overlay("instances", INSTANCES, my("0.9"))
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    assert g6(catalog).label == "user overlay"
    assert g6(catalog).usd == Decimal("0.9")
    old = overlay("instances", INSTANCES, my("0.7", checked_on="2026-01-01"), folder="old")
    assert g6(Catalog.load(SHIPPED, overlays=[old])).usd == Decimal("0.8048")


def test_the_last_overlay_is_on_top(overlay):
    one = overlay("instances", INSTANCES, my("1", negotiated="yes"), folder="one")
    two = overlay("instances", INSTANCES, my("2", negotiated="yes"), folder="two")
    assert g6(Catalog.load(SHIPPED, overlays=[one, two])).usd == 2
    assert g6(Catalog.load(SHIPPED, overlays=[two, one])).usd == 1
    assert g6(Catalog.load(SHIPPED, overlays=[one])).label == "negotiated"


def test_a_price_in_pounds_is_converted_on_the_day_asked_for(overlay):
    mine = overlay("instances", INSTANCES, my("1", currency="GBP", negotiated="yes"))
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    rate = catalog.exchange_rate("GBP", on=DAY)
    assert g6(catalog).usd == rate.usd_per_unit
    assert rate.reference in g6(catalog).source


def test_a_price_holds_from_its_stated_first_day(overlay):
    mine = overlay("instances", INSTANCES, my("1", valid_from="2027-01-01", negotiated="yes"))
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    assert g6(catalog, date(2026, 12, 31)).usd == Decimal("0.8048")
    quote = g6(catalog, date(2027, 1, 1))
    assert quote.usd == 1
    assert not quote.first_observed
    assert quote.in_force_from == date(2027, 1, 1)


DISCOUNTS = "seller,region,product,purchase,discount,label,valid_from,valid_until,checked_on,source"


def test_the_narrowest_discount_counts_alone_and_is_named(overlay):
    mine = overlay(
        "discounts",
        DISCOUNTS,
        "aws,*,*,*,0.10,enterprise programme,2026-01-01,2026-12-31,2026-01-01,contract 7",
        "aws,*,g6*,on_demand,0.25,inference deal,2026-01-01,,2026-01-01,contract 8",
        "openai,*,gpt-5,*,0.20,token deal,2026-01-01,,2026-01-01,contract 9",
    )
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    quote = g6(catalog)
    assert quote.usd == Decimal("0.8048") * Decimal("0.75")
    assert quote.label == "inference deal (25.0% off list)"
    assert quote.negotiated
    spot = g6(catalog, purchase=Purchase.SPOT)
    assert spot.usd == Decimal("0.3618") * Decimal("0.90")
    assert g6(catalog, date(2027, 1, 1), Purchase.SPOT).usd == Decimal("0.3618")
    (nat,) = catalog.service("aws", "nat-gateway", on=DAY, region="us-east-1")
    assert nat.quote.usd == Decimal("0.045") * Decimal("0.90")
    tokens = catalog.tokens("openai", "gpt-5", on=DAY)
    assert tokens.input_usd_per_mtok == Decimal("1.25") * Decimal("0.80")
    assert tokens.label == "token deal (20.0% off list)"
    assert catalog.tokens("openai", "gpt-5-mini", on=DAY).label is None
    people = catalog.person("ml_engineer", on=DAY)
    assert people.label is None


def test_a_discount_is_not_taken_off_a_negotiated_price(overlay):
    overlay("discounts", DISCOUNTS, "aws,*,*,*,0.5,all,2026-01-01,,2026-01-01,contract")
    mine = overlay("instances", INSTANCES, my("2", negotiated="yes"))
    assert g6(Catalog.load(SHIPPED, overlays=[mine])).usd == 2


def test_a_discount_keeps_a_range_in_order(shipped):
    from tco.prices.discounts import Discount, best_discount

    discount = Discount(seller="*", region="*", product="*", purchase="*", discount=Decimal("0.5"),
                        label="half", valid_from=DAY, valid_until=None, source="me")  # fmt: skip
    quote = best_discount(shipped.person("ml_engineer", on=DAY), ("a", "b", "c"), DAY, [discount])
    assert quote.low_usd == Decimal("57.5")
    assert quote.usd == Decimal("68.75")
    assert quote.high_usd == 80


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (my(instance_type="new.large"), "no row says what the instance is"),
        (my(vcpus="5"), "vcpus: 5 contradicts 4"),
    ],
)
def test_a_machine_is_described_once_and_wholly(overlay, row, message):
    mine = overlay("instances", INSTANCES, row)
    with pytest.raises(InputError, match=message):
        Catalog.load(SHIPPED, overlays=[mine])


def test_an_accelerator_needs_its_count(overlay):
    header = INSTANCES.replace("vcpus", "accelerator")
    row = my(instance_type="new.large", vcpus="H100-SXM")
    mine = overlay("instances", header, row)
    with pytest.raises(InputError, match="an accelerator without its count"):
        Catalog.load(SHIPPED, overlays=[mine])


def test_a_new_machine_of_ones_own_may_be_added(overlay):
    mine = overlay(
        "instances", INSTANCES, my(seller="own", region="cellar", instance_type="box", vcpus="8")
    )
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    assert catalog.instance("own", "cellar", "box").vcpus == 8


def test_problems_of_all_files_are_told_together(tables):
    (tables / "labelling.csv").unlink()
    for name in ("people", "instances"):
        text = (tables / f"{name}.csv").read_text().splitlines()
        text[1] = text[1].replace(",USD,", ",dollars,")
        (tables / f"{name}.csv").write_text("\n".join(text))
    with pytest.raises(InputError) as caught:
        Catalog.load(tables)
    said = str(caught.value)
    assert "labelling.csv: the table is missing" in said
    assert "people.csv:2: currency: 'dollars' is not a currency" in said
    assert "instances.csv:2: currency:" in said


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no such folder of price tables"):
        Catalog.load(tmp_path / "nowhere")


def test_the_digest_follows_the_content_and_not_the_place(tables, overlay):
    shipped = Catalog.load(SHIPPED)
    copied = Catalog.load(tables)
    assert copied.digest == shipped.digest
    people = tables / "people.csv"
    people.write_bytes(people.read_bytes().replace(b"\n", b"\r\n"))
    assert Catalog.load(tables).digest == shipped.digest
    people.write_bytes(people.read_bytes().replace(b"137.50", b"138"))
    assert Catalog.load(tables).digest != shipped.digest
    mine = overlay("instances", INSTANCES, my())
    assert Catalog.load(SHIPPED, overlays=[mine]).digest != shipped.digest


def test_a_catalogue_travels_to_another_process(shipped):
    there = pickle.loads(pickle.dumps(shipped))
    assert there.digest == shipped.digest
    assert g6(there) == g6(shipped)


def test_importing_the_catalogue_loads_nothing_heavy():
    code = (
        "import sys, tco.prices; "
        "print([m for m in ('pandas','scipy','boto3','httpx','genai_prices') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.stdout.strip() == "[]"
