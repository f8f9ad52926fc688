"""Reading prices from Azure: a server on this machine, in good and in bad form."""

import json
import os
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from tco.domain.price import Purchase
from tco.errors import PriceSourceError
from tco.prices import Catalog, schema
from tco.prices.fetch_azure import AzurePrices
from tco.prices.overlay import add_rows
from tests.prices.conftest import SHIPPED, TODAY, wanted


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


def test_an_item_of_an_unknown_kind_is_passed_over(azure):
    assert azure.read((200, {}, page([item(1, type="SomethingNew")]))) == []
