"""The Azure Retail Prices API: open to all, paged, over plain HTTP requests.

Traps of the documented form: Windows has a product name of its own; spot stands in the SKU's name;
a reservation is priced for its whole term; savings plans appear only in the preview version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import httpx

from tco.domain.hardware import Instance
from tco.errors import PriceSourceError
from tco.prices import schema
from tco.prices.readings import Found, Wanted, instance_row, price_text
from tco.prices.retry import Busy, Retry
from tco.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

ADDRESS = "https://prices.azure.com"
SOURCE = "Azure Retail Prices API"
_YEARS = {"1 Year": 1, "3 Years": 3}
_PURCHASE = {1: "commit_1y", 3: "commit_3y"}
_BUSY = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class AzurePrices:
    """Prices by the hour, spot, savings plans and reservations of machines in one region."""

    address: str = ADDRESS

    def rows(self, wanted: Wanted, retry: Retry) -> Iterator[Found]:
        """Yield all prices of each machine in turn."""
        with httpx.Client(timeout=30.0, follow_redirects=False) as client:
            for number, machine in enumerate(wanted.machines, start=1):
                retry.tell(f"{machine.instance_type} ({number} of {len(wanted.machines)})")
                items = list(self._items(client, machine, wanted, retry))
                for item in items:
                    yield from _item_rows(item, machine, wanted)
                if not items:
                    retry.tell(f"{machine.instance_type}: not sold in {wanted.region}")

    def _items(
        self, client: httpx.Client, machine: Instance, wanted: Wanted, retry: Retry
    ) -> Iterator[Any]:
        condition = (
            f"serviceName eq 'Virtual Machines' and armRegionName eq '{wanted.region}' "
            f"and armSkuName eq '{machine.instance_type}'"
        )
        first = httpx.URL(
            f"{self.address}/api/retail/prices",
            params={"api-version": "2023-01-01-preview", "$filter": condition},
        )
        following: httpx.URL | None = first
        seen: set[httpx.URL] = set()
        while following is not None:
            if (
                following in seen
                or following.host != first.host
                or following.scheme != first.scheme
            ):
                raise PriceSourceError(f"{SOURCE}: the link to the next page leads astray.")
            seen.add(following)
            page = retry.call(SOURCE, partial(_page, client, following))
            yield from page["Items"]
            link = page.get("NextPageLink")
            following = httpx.URL(link) if link else None


def _page(client: httpx.Client, url: httpx.URL) -> dict[str, Any]:
    try:
        reply = client.get(url)
    except httpx.TransportError as error:
        raise PriceSourceError(
            f"{SOURCE} cannot be reached ({type(error).__name__}). Check the network or the proxy."
        ) from None
    if reply.status_code in _BUSY:
        wait = reply.headers.get("Retry-After", "")
        raise Busy(f"status {reply.status_code}", float(wait) if wait.isdigit() else None)
    if reply.status_code != httpx.codes.OK:
        raise PriceSourceError(
            f"{SOURCE} refuses with status {reply.status_code}. Try again later."
        )
    try:
        page = reply.json()
    except ValueError:
        raise Busy("the page breaks off") from None
    if not isinstance(page, dict) or not isinstance(page.get("Items"), list):
        raise PriceSourceError(f"{SOURCE}: the reply has no field 'Items': its form has changed.")
    if page.get("Count", len(page["Items"])) != len(page["Items"]):
        raise Busy("the page is not whole")
    return page


def _item_rows(item: Any, machine: Instance, wanted: Wanted) -> Iterator[Found]:
    if "Windows" in _field(item, "productName"):
        return
    name, kind = _field(item, "skuName"), _field(item, "type")
    if "Low Priority" in name or kind == "DevTestConsumption":
        return
    if _field(item, "unitOfMeasure") != "1 Hour":
        raise PriceSourceError(
            f"{SOURCE}: {machine.instance_type} is priced per '{item['unitOfMeasure']}', not by "
            "the hour: the form has changed."
        )
    since = str(_field(item, "effectiveStartDate"))[:10]
    price = price_text(_field(item, "retailPrice"), SOURCE)
    if kind == "Reservation":
        yield _reservation_row(item, price, since, machine, wanted)
    elif kind == "Consumption":
        purchase = "spot" if name.endswith(" Spot") else "on_demand"
        yield instance_row(
            machine, wanted, purchase=purchase, price=price, source=SOURCE, valid_from=since
        )
        for plan in item.get("savingsPlan") or ():
            years = _years(_field(plan, "term"))
            yield instance_row(
                machine,
                wanted,
                purchase=_PURCHASE[years],
                plan="savings_plan",
                price=price_text(_field(plan, "retailPrice"), SOURCE),
                source=SOURCE,
                valid_from=since,
            )


def _reservation_row(item: Any, price: str, since: str, machine: Instance, wanted: Wanted) -> Found:
    years = _years(_field(item, "reservationTerm"))
    # The listed price is for the whole term; it may be paid by the month at no extra charge.
    hourly = Decimal(price) / Decimal(years * HOURS_PER_YEAR)
    return schema.COMMITMENTS, {
        "seller": machine.seller,
        "region": wanted.region,
        "applies_to": machine.instance_type,
        "plan": "reserved",
        "term_months": str(years * MONTHS_PER_YEAR),
        "payment": "no_upfront",
        "hourly_price": f"{hourly:.8f}",
        "unit": "instance-hour",
        "currency": "USD",
        "valid_from": since,
        "checked_on": wanted.today.isoformat(),
        "source": f"{SOURCE}, {price} USD for the whole term",
        "evidence": "published",
    }


def _years(term: str) -> int:
    if term not in _YEARS:
        raise PriceSourceError(f"{SOURCE}: a term of '{term}' is new to us. Report it.")
    return _YEARS[term]


def _field(record: Any, name: str) -> Any:
    if not isinstance(record, dict) or name not in record:
        raise PriceSourceError(f"{SOURCE}: the reply has no field '{name}': its form has changed.")
    return record[name]
