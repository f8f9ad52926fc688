"""All ways to commit to an instance."""

from datetime import date
from decimal import Decimal

import pytest

from tco.domain.price import Payment
from tco.domain.record import Evidence
from tco.errors import PriceNotFoundError
from tco.prices import Catalog
from tco.prices.commitment import spread_usd_per_hour
from tco.prices.offers import commitment_offers
from tests.prices.conftest import DAY, SHIPPED

HEADER = (
    "seller,region,applies_to,plan,term_months,payment,upfront_price,hourly_price,currency,unit,"
    "valid_from,checked_on,source,evidence"
)


def test_exact_rates_leave_no_room_for_the_usual_discount(shipped):
    one, three = commitment_offers(shipped, "aws", "us-east-1", "g6.xlarge", on=DAY)
    assert (one.term_months, one.usd_per_hour, one.plan) == (12, Decimal("0.5239"), "reserved")
    assert (three.term_months, three.usd_per_hour) == (36, Decimal("0.3694"))
    assert "sooddvs/gpu-pricing 2026-06-15" in three.reference


def test_a_savings_plan_stands_beside_a_reservation(shipped):
    offers = commitment_offers(shipped, "aws", "us-east-1", "m6a.xlarge", on=DAY)
    assert [(offer.plan, offer.term_months) for offer in offers] == [
        ("reserved", 12),
        ("savings_plan", 12),
        ("reserved", 36),
    ]
    assert offers[1].usd_per_hour == Decimal("0.1397")


def test_the_usual_discount_fills_in_and_is_graded_so(shipped):
    one, three = commitment_offers(shipped, "aws", "us-east-1", "c7i.xlarge", on=DAY)
    assert one.usd_per_hour == Decimal("0.1785") * Decimal("0.59")
    assert three.usd_per_hour == Decimal("0.1785") * Decimal("0.36")
    assert one.evidence is Evidence.ESTIMATED
    mixed = commitment_offers(shipped, "aws", "us-east-1", "p5.48xlarge", on=DAY)
    assert [(o.term_months, o.evidence) for o in mixed] == [
        (12, Evidence.ESTIMATED),
        (36, Evidence.PUBLISHED),
    ]


def test_money_upfront_is_kept_apart_and_can_be_spread(overlay):
    mine = overlay(
        "commitments",
        HEADER,
        "aws,us-east-1,g6.xlarge,reserved,12,all_upfront,4000,0,EUR,instance-hour,,2026-11-01,x,stated",
        "aws,us-east-1,g6.xlarge,reserved,12,partial_upfront,2000,0.2,USD,instance-hour,2027-06-01,"
        "2026-11-01,x,stated",
    )
    catalog = Catalog.load(SHIPPED, overlays=[mine])
    offers = commitment_offers(catalog, "aws", "us-east-1", "g6.xlarge", on=DAY)
    (upfront,) = [offer for offer in offers if offer.payment is Payment.ALL_UPFRONT]
    assert upfront.upfront_usd == 4000 * catalog.exchange_rate("EUR", on=DAY).usd_per_unit
    assert upfront.usd_per_hour == 0
    spread = spread_usd_per_hour(
        upfront_usd=float(upfront.upfront_usd), usd_per_hour=0, term_months=12
    )
    assert spread == pytest.approx(4000 * 1.1172 / 8760)
    assert not [offer for offer in offers if offer.payment is Payment.PARTIAL_UPFRONT]
    later = commitment_offers(catalog, "aws", "us-east-1", "g6.xlarge", on=date(2027, 6, 1))
    assert [offer for offer in later if offer.payment is Payment.PARTIAL_UPFRONT]


def test_a_seller_without_commitments_is_said_so(shipped):
    with pytest.raises(PriceNotFoundError, match="nebius/global/hgx-h100-1gpu with a commitment"):
        commitment_offers(shipped, "nebius", "global", "hgx-h100-1gpu", on=DAY)
