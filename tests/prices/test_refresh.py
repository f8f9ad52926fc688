"""Reading prices from the clouds: documented replies, busy services, broken pages, no network."""

import functools
import json
import os
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from tco.domain.price import Purchase
from tco.errors import InputError, NotFoundError, PriceSourceError, TcoError
from tco.prices import Catalog, schema
from tco.prices.fetch_aws import AwsClients, AwsPrices, aws_clients
from tco.prices.fetch_azure import AzurePrices
from tco.prices.overlay import Change, add_rows, compare
from tco.prices.refresh import Wanted, machines_of, patient, refresh, source_for
from tco.prices.retry import MOST_TRIES, Busy, Retry
from tests.prices.conftest import SHIPPED

TODAY = date(2026, 12, 1)


class Diary:
    """Waits for nothing and remembers what it was told."""

    def __init__(self):
        self.waits: list[float] = []
        self.told: list[str] = []
        self.retry = Retry(sleep=self.waits.append, tell=self.told.append)


@pytest.fixture
def diary() -> Diary:
    return Diary()


def wanted(catalog, *names, seller="aws", region="us-east-1"):
    return Wanted(region, machines_of(catalog, seller, region, names), TODAY)


# AWS: replies of the documented shape


def dimension(usd, unit="Hrs", begin="0", end="Inf"):
    return {"unit": unit, "pricePerUnit": {"USD": usd}, "beginRange": begin, "endRange": end}


def offer(*dimensions, **attributes):
    body = {"priceDimensions": {f"r{i}": d for i, d in enumerate(dimensions)}}
    return body | ({"termAttributes": attributes} if attributes else {})


def product(**terms):
    return json.dumps({"product": {"sku": "ABC", "attributes": {"vcpu": "4"}}, "terms": terms})


def reserved(length, payment, *dimensions, offering="standard"):
    return offer(
        *dimensions, LeaseContractLength=length, PurchaseOption=payment, OfferingClass=offering
    )


G6 = product(
    OnDemand={"ABC.1": offer(dimension("0.9048000000"))},
    Reserved={
        "ABC.2": reserved("1yr", "No Upfront", dimension("0.6000000000")),
        "ABC.3": reserved("3yr", "All Upfront", dimension("9000", "Quantity")),
        "ABC.4": reserved(
            "1yr", "Partial Upfront", dimension("2500", "Quantity"), dimension("0.28")
        ),
        "ABC.5": reserved("1yr", "No Upfront", dimension("0.7"), offering="convertible"),
    },
)
EGRESS = product(
    OnDemand={
        "E.1": offer(
            dimension("0.0900000000", "GB", "0", "10240"),
            dimension("0.0850000000", "GB", "10240", "51200"),
        )
    }
)


def spot(zone, price, hour):
    return {
        "AvailabilityZone": zone, "InstanceType": "g6.xlarge", "ProductDescription": "Linux/UNIX",
        "SpotPrice": price, "Timestamp": datetime(2026, 11, 30, hour, tzinfo=UTC),
    }  # fmt: skip


def plan(rate, seconds):
    return {
        "savingsPlanOffering": {"planType": "Compute", "paymentOption": "No Upfront",
                                "durationSeconds": seconds, "currency": "USD"},
        "rate": rate, "unit": "Hrs",
    }  # fmt: skip


@functools.cache
def real_clients() -> AwsClients:
    """Make clients once: they read large service descriptions."""
    return AwsClients(
        pricing=boto3.client("pricing", region_name="us-east-1"),
        ec2=boto3.client("ec2", region_name="us-east-1"),
        savings_plans=boto3.client("savingsplans", region_name="us-east-1"),
    )


class StubbedAws:
    """Real clients whose replies are laid down beforehand; a call too many fails."""

    def __init__(self):
        self.clients = real_clients()
        self.pricing = Stubber(self.clients.pricing)
        self.ec2 = Stubber(self.clients.ec2)
        self.plans = Stubber(self.clients.savings_plans)

    def __enter__(self):
        for stub in (self.pricing, self.ec2, self.plans):
            stub.activate()
        return self

    def __exit__(self, *_):
        for stub in (self.pricing, self.ec2, self.plans):
            stub.deactivate()

    def listed(self, *products, **more):
        reply = {"FormatVersion": "aws_v1", "PriceList": list(products), **more}
        self.pricing.add_response("get_products", reply)

    def spots(self, *rows, **more):
        self.ec2.add_response(
            "describe_spot_price_history", {"SpotPriceHistory": list(rows), **more}
        )

    def rates(self, *rows, **more):
        self.plans.add_response(
            "describe_savings_plans_offering_rates", {"searchResults": list(rows), **more}
        )

    def whole(self):
        self.listed(G6)
        self.spots(spot("us-east-1a", "0.40", 1), spot("us-east-1b", "0.30", 1))
        self.rates(plan("0.65", 31536000))
        self.listed(EGRESS)


@pytest.fixture
def aws():
    with StubbedAws() as stubbed:
        yield stubbed


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


# From rows to the user's own tables


def run(catalog, aws, diary, folder, shown=None):
    return refresh(
        catalog,
        wanted(catalog, "g6.xlarge"),
        AwsPrices(aws.clients),
        folder=folder,
        retry=diary.retry,
        show=(shown if shown is not None else []).extend,
    )


def test_changes_are_shown_and_new_dated_rows_take_over(aws, shipped, diary, tmp_path):
    aws.whole()
    shown: list[Change] = []
    outcome = run(shipped, aws, diary, tmp_path / "mine", shown)
    changes = {change.sku: change for change in shown}
    listed = changes["aws/us-east-1/g6.xlarge/on_demand"]
    assert (listed.old, listed.new) == (Decimal("0.8048"), Decimal("0.9048"))
    assert listed.share == pytest.approx(0.1243, abs=1e-4)
    plan_change = changes["aws/us-east-1/g6.xlarge/savings_plan/12/no_upfront"]
    assert (plan_change.old, plan_change.share) == (None, None)
    assert changes["aws/us-east-1/egress-internet/0"].share == 0
    assert outcome.complete
    assert {path.name for path in outcome.written} == {
        "instances.csv", "commitments.csv", "services.csv"
    }  # fmt: skip
    again = Catalog.load(SHIPPED, overlays=[tmp_path / "mine"])
    quote = again.compute("aws", "us-east-1", "g6.xlarge", on=TODAY)
    assert (quote.usd, quote.label) == (Decimal("0.9048"), "user overlay")
    before = again.compute("aws", "us-east-1", "g6.xlarge", on=date(2026, 11, 30))
    assert before.usd == Decimal("0.8048")


def test_what_is_listed_at_0_is_not_sold_and_left_out(aws, shipped, diary, tmp_path):
    aws.listed(product(OnDemand={"a": offer(dimension("0.0000000000"))}))
    aws.spots(spot("us-east-1a", "0.40", 1))
    aws.rates()
    aws.listed(EGRESS)
    outcome = run(shipped, aws, diary, tmp_path)
    assert "1 listed at 0 left out" in outcome.summary
    assert [change.row.get("purchase") for change in outcome.changes] == ["spot", None, None]


def test_data_transfer_that_breaks_off_is_refused(aws, shipped, diary):
    aws.listed()
    aws.spots()
    aws.rates()
    aws.listed(EGRESS[:-20])
    with pytest.raises(PriceSourceError, match="breaks off"):
        rows_of(aws, shipped, diary)


def test_an_item_of_an_unknown_kind_is_passed_over(azure):
    assert azure.read((200, {}, page([item(1, type="SomethingNew")]))) == []


def test_a_dry_run_writes_nothing(aws, shipped, diary, tmp_path):
    aws.whole()
    outcome = run(shipped, aws, diary, None)
    assert outcome.summary == "8 prices read, 6 new or changed; nothing written"
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_on_the_same_day_replaces_its_own_rows(aws, diary, tmp_path):
    for _ in range(2):
        aws.whole()
        run(Catalog.load(SHIPPED), aws, diary, tmp_path)
    lines = (tmp_path / "instances.csv").read_text().splitlines()
    assert len(lines) == 1 + 3


def test_what_was_read_before_a_failure_is_kept(aws, shipped, diary, tmp_path):
    aws.listed(G6)
    aws.ec2.add_client_error("describe_spot_price_history", "UnauthorizedOperation")
    outcome = run(shipped, aws, diary, tmp_path)
    assert not outcome.complete
    assert "Not complete: EC2 spot price history" in outcome.summary
    catalog = Catalog.load(SHIPPED, overlays=[tmp_path])
    assert catalog.compute("aws", "us-east-1", "g6.xlarge", on=TODAY).usd == Decimal("0.9048")


def test_what_was_read_before_a_person_stopped_it_is_kept(aws, shipped, diary, tmp_path):
    class Stopped:
        def rows(self, request, retry):
            yield from AwsPrices(aws.clients)._listed(request.machines[0], request, retry)
            raise KeyboardInterrupt

    aws.listed(G6)
    outcome = refresh(
        shipped, wanted(shipped, "g6.xlarge"), Stopped(), folder=tmp_path, retry=diary.retry,
        show=lambda changes: None,
    )  # fmt: skip
    assert "Not complete: stopped by hand" in outcome.summary
    assert (tmp_path / "instances.csv").exists()


def test_a_failure_before_the_first_price_changes_nothing(aws, shipped, diary, tmp_path):
    aws.pricing.add_client_error("get_products", "AccessDeniedException")
    with pytest.raises(PriceSourceError, match="AccessDeniedException"):
        run(shipped, aws, diary, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_is_not_valid_leaves_the_old_table_in_force(aws, shipped, diary, tmp_path):
    aws.whole()
    run(shipped, aws, diary, tmp_path)
    before = (tmp_path / "instances.csv").read_bytes()
    bad = {"seller": "=cmd()", "purchase": "on_demand", "price": "-1"}
    with pytest.raises(InputError, match="would run as a formula"):
        add_rows(tmp_path, schema.INSTANCES, [bad])
    assert (tmp_path / "instances.csv").read_bytes() == before


def test_a_write_that_dies_midway_leaves_the_old_table(aws, shipped, diary, tmp_path, monkeypatch):
    aws.whole()
    run(shipped, aws, diary, tmp_path)
    before = (tmp_path / "instances.csv").read_bytes()

    def dies(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", dies)
    aws.whole()
    with pytest.raises(TcoError, match="No space left"):
        run(shipped, aws, diary, tmp_path)
    assert (tmp_path / "instances.csv").read_bytes() == before
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".csv"]


def test_a_folder_that_cannot_be_made_is_named(shipped, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TcoError, match="cannot be made"):
        add_rows(blocked / "mine", schema.INSTANCES, [instance()])


def instance(**cells):
    return {
        "seller": "aws", "region": "us-east-1", "instance_type": "g6.xlarge", "vcpus": "4",
        "purchase": "on_demand", "price": "1", "unit": "instance-hour", "currency": "USD",
        "checked_on": "2026-12-01", "source": "test", "evidence": "published", **cells,
    }  # fmt: skip


def test_a_change_from_nothing_has_no_percentage(shipped):
    (change,) = compare(shipped, schema.INSTANCES, [instance(instance_type="new.large")])
    assert (change.old, change.share) == (None, None)


def test_machines_are_those_named_or_all_that_are_known(shipped):
    assert len(machines_of(shipped, "azure", "westeurope", None)) == 1
    (elsewhere,) = machines_of(shipped, "azure", "westeurope", ["Standard_D8s_v5"])
    assert elsewhere.vcpus == 8
    with pytest.raises(NotFoundError, match="Near it: eastus"):
        machines_of(shipped, "azure", "eastus9", None)
    with pytest.raises(NotFoundError, match=r"g6\.xlarge"):
        machines_of(shipped, "aws", "us-east-1", ["g6.xlarg"])


def test_other_clouds_are_not_read():
    assert isinstance(source_for("azure", "eastus"), AzurePrices)
    assert isinstance(source_for("aws", "us-east-1"), AwsPrices)
    with pytest.raises(NotFoundError, match="no price API 'gcp'"):
        source_for("gcp", "us-central1")


def test_a_service_that_says_how_long_to_wait_is_obeyed(diary):
    answers = iter([Busy("status 429", 3.0), Busy("status 429", 9999.0)])

    def ask():
        for busy in answers:
            raise busy
        return "done"

    assert diary.retry.call("it", ask) == "done"
    assert diary.waits == [3.0, 20.0]
    assert callable(patient(print).sleep)


# Azure: a server on this machine


def item(price, *, sku="D8s v5", product="Virtual Machines Dsv5 Series", **more):
    return {
        "currencyCode": "USD", "retailPrice": price, "unitPrice": price,
        "unitOfMeasure": "1 Hour", "armRegionName": "eastus", "armSkuName": "Standard_D8s_v5",
        "skuName": sku, "meterName": sku, "productName": product, "type": "Consumption",
        "effectiveStartDate": "2026-11-05T00:00:00Z", **more,
    }  # fmt: skip


ITEMS = [
    item(0.4, savingsPlan=[
        {"term": "1 Year", "retailPrice": 0.3, "unitPrice": 0.3},
        {"term": "3 Years", "retailPrice": 0.2, "unitPrice": 0.2},
    ]),
    item(0.1, sku="D8s v5 Spot"),
    item(0.09, sku="D8s v5 Low Priority"),
    item(0.7, product="Virtual Machines Dsv5 Series Windows"),
    item(0.35, type="DevTestConsumption"),
    item(1752, type="Reservation", reservationTerm="1 Year"),
]  # fmt: skip


@pytest.fixture
def azure(shipped, diary):
    """A price API on this machine; each reply is (status, headers, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, headers, body = replies.pop(0)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    asked: list[str] = []
    replies: list[tuple[int, dict[str, str], object]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"

    def read(*given):
        replies.extend(given)
        request = wanted(shipped, "Standard_D8s_v5", seller="azure", region="eastus")
        return list(AzurePrices(address).rows(request, diary.retry))

    yield SimpleNamespace(read=read, address=address, asked=asked)
    server.shutdown()
    server.server_close()
    thread.join()


def page(items, **more):
    return {
        "BillingCurrency": "USD",
        "Items": items,
        "NextPageLink": None,
        "Count": len(items),
        **more,
    }


def test_one_machine_of_azure_is_read_in_all_its_prices(azure):
    found = azure.read((200, {}, page(ITEMS)))
    prices = {
        (row["purchase"], row["plan"]): row["price"] for t, row in found if t is schema.INSTANCES
    }
    assert prices == {
        ("on_demand", ""): "0.4",
        ("commit_1y", "savings_plan"): "0.3",
        ("commit_3y", "savings_plan"): "0.2",
        ("spot", ""): "0.1",
    }
    (reservation,) = [row for table, row in found if table is schema.COMMITMENTS]
    assert float(reservation["hourly_price"]) == pytest.approx(1752 / 8760)
    assert reservation["source"] == "Azure Retail Prices API, 1752 USD for the whole term"
    assert all(row["valid_from"] == "2026-11-05" for _, row in found)
    query = parse_qs(urlsplit(azure.asked[0]).query)
    assert "armRegionName eq 'eastus'" in query["$filter"][0]


def test_azures_rows_make_valid_tables(azure, shipped, tmp_path):
    found = azure.read((200, {}, page(ITEMS)))
    for table in (schema.INSTANCES, schema.COMMITMENTS):
        add_rows(tmp_path, table, [row for t, row in found if t is table])
    catalog = Catalog.load(SHIPPED, overlays=[tmp_path])
    quote = catalog.compute(
        "azure", "eastus", "Standard_D8s_v5", on=TODAY, purchase=Purchase.COMMIT_3Y
    )
    assert (quote.usd, quote.plan) == (Decimal("0.2"), "savings_plan")
    assert not quote.first_observed


def test_azures_pages_are_followed_on_the_same_host_only(azure, diary):
    link = f"{azure.address}/api/retail/prices?$skip=100"
    found = azure.read((200, {}, page(ITEMS[:1], NextPageLink=link)), (200, {}, page(ITEMS[1:])))
    assert len(found) == 5
    for astray in ("http://example.invalid/next", link):
        with pytest.raises(PriceSourceError, match="leads astray"):
            azure.read(
                (200, {}, page([], NextPageLink=astray)), (200, {}, page([], NextPageLink=astray))
            )


def test_nothing_sold_is_said(azure, diary):
    assert azure.read((200, {}, page([]))) == []
    assert "Standard_D8s_v5: not sold in eastus" in diary.told


def test_a_busy_azure_is_waited_for_as_it_asks(azure, diary):
    found = azure.read(
        (429, {"Retry-After": "7"}, b""),
        (503, {}, b""),
        (200, {}, page(ITEMS[:2])),
    )
    assert len(found) == 4
    assert diary.waits == [7.0, 1.0]


def test_a_truncated_page_is_asked_for_again(azure, diary):
    broken = json.dumps(page(ITEMS[:2])).encode()[:-40]
    short = page(ITEMS[:1], Count=2)
    assert len(azure.read((200, {}, broken), (200, {}, short), (200, {}, page(ITEMS[:2])))) == 4
    assert len(diary.waits) == 2


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((404, {}, b""), "refuses with status 404"),
        ((301, {"Location": "http://example.invalid/"}, b""), "refuses with status 301"),
        ((200, {}, {"items": []}), "no field 'Items'"),
        ((200, {}, [1, 2]), "no field 'Items'"),
        ((200, {}, page([{"retailPrice": 1}])), "no field 'productName'"),
        ((200, {}, page([item(1, unitOfMeasure="1 Month")])), "priced per '1 Month'"),
        ((200, {}, page([item(None)])), "'None' stands where a price should"),
        (
            (200, {}, page([item(1, type="Reservation", reservationTerm="5 Years")])),
            "'5 Years' is new",
        ),
    ],
)
def test_a_reply_of_azure_in_another_form_is_refused_by_name(azure, reply, message):
    with pytest.raises(PriceSourceError, match=message):
        azure.read(reply)


def test_without_a_network_azure_fails_in_one_line(shipped, diary):
    assert os.environ["HTTPS_PROXY"].endswith(":9")
    request = wanted(shipped, "Standard_D8s_v5", seller="azure", region="eastus")
    with pytest.raises(PriceSourceError, match="cannot be reached") as caught:
        list(AzurePrices().rows(request, diary.retry))
    assert "\n" not in str(caught.value)
