"""Reading prices from AWS: documented replies, busy services, broken pages, no network."""

import json
from decimal import Decimal

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from tco.errors import PriceSourceError
from tco.prices import schema
from tco.prices.fetch_aws import AwsClients, AwsPrices, aws_clients
from tco.prices.retry import MOST_TRIES
from tests.prices.aws_replies import EGRESS, G6, dimension, offer, plan, product, reserved, spot
from tests.prices.conftest import wanted


def rows_of(aws, shipped, diary):
    return list(AwsPrices(aws.clients).rows(wanted(shipped, "g6.xlarge"), diary.retry))


def test_one_machine_of_aws_is_read_in_all_its_prices(aws, shipped, diary):
    aws.listed(G6)
    aws.spots(
        spot("us-east-1a", "0.3000", 1),
        spot("us-east-1a", "0.4000", 5),
        spot("us-east-1a", "0.9000", 2),
        spot("us-east-1b", "0.3600", 2),
        spot("us-east-1c", "0.3800", 2),
    )
    aws.rates(plan("0.65", 31536000), plan("0.45", 94608000))
    aws.listed(EGRESS)
    found = rows_of(aws, shipped, diary)
    prices = {
        (row["purchase"], row["plan"]): row["price"] for t, row in found if t is schema.INSTANCES
    }
    assert prices == {
        ("on_demand", ""): "0.9048",
        ("commit_1y", "reserved"): "0.6",
        ("spot", ""): "0.38",  # the median of the newest price of each zone
    }
    terms = {
        (row["plan"], row["term_months"], row["payment"]): (
            row.get("upfront_price"), row["hourly_price"]
        )
        for t, row in found if t is schema.COMMITMENTS
    }  # fmt: skip
    assert terms == {
        ("reserved", "36", "all_upfront"): ("9000", "0"),
        ("reserved", "12", "partial_upfront"): ("2500", "0.28"),
        ("savings_plan", "12", "no_upfront"): (None, "0.65"),
        ("savings_plan", "36", "no_upfront"): (None, "0.45"),
    }
    tiers = [row["tier_from_units"] for table, row in found if table is schema.SERVICES]
    assert tiers == ["0", "10240"]
    assert diary.told == ["g6.xlarge (1 of 1)"]


def test_what_is_not_sold_is_said_and_not_written(aws, shipped, diary):
    aws.listed()
    aws.spots()
    aws.rates()
    aws.listed()
    assert rows_of(aws, shipped, diary) == []
    assert "g6.xlarge: not sold on demand in us-east-1" in diary.told


def test_pages_are_followed(aws, shipped, diary):
    aws.listed(NextToken="more")
    aws.listed(G6)
    aws.spots(spot("us-east-1a", "0.3", 1), NextToken="more")
    aws.spots(spot("us-east-1b", "0.5", 1))
    aws.rates(nextToken="more")
    aws.rates(plan("0.65", 31536000))
    aws.listed(EGRESS)
    found = rows_of(aws, shipped, diary)
    (median,) = [row["price"] for _, row in found if row.get("purchase") == "spot"]
    assert Decimal(median) == Decimal("0.4")


def test_a_page_that_comes_again_and_again_is_not_followed_for_ever(aws, shipped, diary):
    aws.listed(NextToken="more")
    aws.listed(NextToken="more")
    with pytest.raises(PriceSourceError, match="again and again"):
        rows_of(aws, shipped, diary)


def test_throttling_waits_longer_each_time_and_goes_on(aws, shipped, diary):
    for _ in range(3):
        aws.pricing.add_client_error("get_products", "ThrottlingException")
    aws.whole()
    assert len(rows_of(aws, shipped, diary)) == 8
    assert diary.waits == [0.5, 1.0, 2.0]
    assert any("is busy (ThrottlingException); again in 0.5 s" in line for line in diary.told)


def test_throttling_that_does_not_end_is_given_up(aws, shipped, diary):
    for _ in range(MOST_TRIES):
        aws.pricing.add_client_error("get_products", "ThrottlingException")
    with pytest.raises(PriceSourceError, match="stayed busy after 6 tries"):
        rows_of(aws, shipped, diary)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (G6[: len(G6) // 2], "breaks off"),
        (json.dumps({"product": {}}), "no field 'terms'"),
        (json.dumps({"terms": []}), "no field 'OnDemand'"),
        (product(OnDemand={"a": {}}), "no field 'priceDimensions'"),
        (product(OnDemand={"a": offer({"unit": "Hrs"})}), "no field 'pricePerUnit'"),
        (
            product(OnDemand={"a": offer(dimension("1"), dimension("0.9", begin="100"))}),
            "2 prices in 'Hrs' where g6.xlarge has one",
        ),
        (product(OnDemand={"a": offer(dimension("1", "Hours"))}), "0 prices in 'Hrs'"),
        (product(OnDemand={"a": offer(dimension("n/a"))}), "'n/a' stands where a price should"),
        (product(OnDemand={"a": offer(dimension("-1"))}), "'-1' stands where a price should"),
        (product(OnDemand={"a": offer(dimension("NaN"))}), "'NaN' stands where a price should"),
        (
            product(OnDemand={}, Reserved={"a": reserved("5yr", "No Upfront", dimension("1"))}),
            "a term '5yr, No Upfront' is new to us",
        ),
    ],
)
def test_a_reply_of_another_form_is_refused_by_name(aws, shipped, diary, reply, message):
    aws.listed(reply)
    with pytest.raises(PriceSourceError, match=message):
        rows_of(aws, shipped, diary)


def test_a_refusal_names_the_code_and_no_part_of_a_credential(aws, shipped, diary):
    aws.pricing.add_client_error(
        "get_products", "SignatureDoesNotMatch", "key AKIASECRETSECRET does not match"
    )
    with pytest.raises(PriceSourceError, match="refuses: SignatureDoesNotMatch") as caught:
        rows_of(aws, shipped, diary)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NoCredentialsError(), "no AWS credentials found"),
        (EndpointConnectionError(endpoint_url="x"), r"cannot be reached \(EndpointConnectionError"),
    ],
)
def test_no_credentials_or_no_network_is_one_line(shipped, diary, error, message):
    class Failing:
        def get_products(self, **_):
            raise error

    source = AwsPrices(AwsClients(Failing(), None, None))
    with pytest.raises(PriceSourceError, match=message) as caught:
        list(source.rows(wanted(shipped, "g6.xlarge"), diary.retry))
    assert "\n" not in str(caught.value)


def test_without_a_network_aws_fails_at_once(shipped, diary):
    source = AwsPrices(aws_clients("us-east-1"))
    with pytest.raises(PriceSourceError, match="cannot be reached"):
        list(source.rows(wanted(shipped, "g6.xlarge"), diary.retry))


def test_without_the_extra_the_way_to_install_it_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(PriceSourceError, match=r"tco-planner\[aws\]"):
        aws_clients("us-east-1")


def test_data_transfer_that_breaks_off_is_refused(aws, shipped, diary):
    aws.listed()
    aws.spots()
    aws.rates()
    aws.listed(EGRESS[:-20])
    with pytest.raises(PriceSourceError, match="breaks off"):
        rows_of(aws, shipped, diary)
