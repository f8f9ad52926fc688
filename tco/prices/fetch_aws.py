"""The price APIs of AWS; the only file that imports its client.

Documented shapes: Price List ``get_products`` (products as JSON texts), EC2
``describe_spot_price_history``, Savings Plans ``describe_savings_plans_offering_rates``. A reply
that lacks a field is refused by name rather than read half. Messages carry error codes only: the
text of a signature error may hold parts of a credential.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from tco.domain.hardware import Instance
from tco.errors import PriceSourceError
from tco.prices import schema
from tco.prices.readings import Found, Wanted, instance_row, price_text
from tco.prices.retry import Busy, Retry
from tco.units import SECONDS_PER_HOUR

PRICE_LIST = "AWS Price List API"
SPOT = "EC2 spot price history, median over zones"
SAVINGS_PLANS = "AWS Savings Plans offering rates"
PRICE_LIST_REGION = "us-east-1"
"""The Price List API answers in few regions, for all of them."""
_TERMS = {"1yr": ("commit_1y", 12), "3yr": ("commit_3y", 36)}
_PAYMENTS = {
    "No Upfront": "no_upfront",
    "Partial Upfront": "partial_upfront",
    "All Upfront": "all_upfront",
}
_SECONDS_PER_YEAR = 365 * 24 * int(SECONDS_PER_HOUR)
_BUSY_CODES = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "InternalErrorException",
    "ServiceUnavailable",
}


@dataclass(frozen=True, slots=True)
class AwsClients:
    """The three clients; tests hand in stubbed ones."""

    pricing: Any
    ec2: Any
    savings_plans: Any


def aws_clients(region: str) -> AwsClients:
    """Make clients with the credentials that the machine's user has set up.

    Raises:
        PriceSourceError: If the AWS extra is not installed.
    """
    try:
        import boto3  # noqa: PLC0415 - an optional extra
        from botocore.config import Config  # noqa: PLC0415
    except ImportError:
        raise PriceSourceError(
            "reading AWS prices needs boto3. Install the extra: pip install 'tco-planner[aws]'"
        ) from None
    # Retries are ours, so that they can be told of and stopped.
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
    return AwsClients(
        pricing=boto3.client("pricing", region_name=PRICE_LIST_REGION, config=config),
        ec2=boto3.client("ec2", region_name=region, config=config),
        savings_plans=boto3.client("savingsplans", region_name=PRICE_LIST_REGION, config=config),
    )


@dataclass(frozen=True, slots=True)
class AwsPrices:
    """Prices by the hour, spot, reserved and savings plans of machines in one region."""

    clients: AwsClients

    def rows(self, wanted: Wanted, retry: Retry) -> Iterator[Found]:
        """Yield all prices of each machine in turn."""
        for number, machine in enumerate(wanted.machines, start=1):
            retry.tell(f"{machine.instance_type} ({number} of {len(wanted.machines)})")
            yield from self._listed(machine, wanted, retry)
            yield from self._spot(machine, wanted, retry)
            yield from self._savings_plans(machine, wanted, retry)
        yield from egress_rows(self.clients, wanted, retry)

    def _listed(self, machine: Instance, wanted: Wanted, retry: Retry) -> Iterator[Found]:
        filters = {
            "instanceType": machine.instance_type,
            "regionCode": wanted.region,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }
        request = {
            "ServiceCode": "AmazonEC2",
            "Filters": [
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in filters.items()
            ],
        }
        pages = _pages(self.clients.pricing.get_products, request, "NextToken", retry, PRICE_LIST)
        products = [text for page in pages for text in _field(page, "PriceList", PRICE_LIST)]
        for text in products:
            yield from _product_rows(text, machine, wanted)
        if not products:
            retry.tell(f"{machine.instance_type}: not sold on demand in {wanted.region}")

    def _spot(self, machine: Instance, wanted: Wanted, retry: Retry) -> Iterator[Found]:
        now = datetime.combine(wanted.today, datetime.min.time(), UTC)
        request = {
            "InstanceTypes": [machine.instance_type],
            "ProductDescriptions": ["Linux/UNIX"],
            "StartTime": now,
            "EndTime": now,
        }
        newest: dict[str, tuple[datetime, Decimal]] = {}
        ask = self.clients.ec2.describe_spot_price_history
        for page in _pages(ask, request, "NextToken", retry, SPOT):
            for row in _field(page, "SpotPriceHistory", SPOT):
                zone, seen, price = (
                    _field(row, name, SPOT)
                    for name in ("AvailabilityZone", "Timestamp", "SpotPrice")
                )
                if zone not in newest or newest[zone][0] < seen:
                    newest[zone] = (seen, Decimal(price_text(price, SPOT)))
        if newest:
            median = statistics.median(price for _, price in newest.values())
            source = f"{SPOT}: {', '.join(sorted(newest))}"
            yield instance_row(machine, wanted, purchase="spot", price=str(median), source=source)

    def _savings_plans(self, machine: Instance, wanted: Wanted, retry: Retry) -> Iterator[Found]:
        request = {
            "savingsPlanTypes": ["Compute"],
            "savingsPlanPaymentOptions": ["No Upfront"],
            "products": ["EC2"],
            "filters": [
                {"name": "region", "values": [wanted.region]},
                {"name": "instanceType", "values": [machine.instance_type]},
                {"name": "productDescription", "values": ["Linux/UNIX"]},
                {"name": "tenancy", "values": ["shared"]},
            ],
        }
        ask = self.clients.savings_plans.describe_savings_plans_offering_rates
        for page in _pages(ask, request, "nextToken", retry, SAVINGS_PLANS):
            for row in _field(page, "searchResults", SAVINGS_PLANS):
                offer = _field(row, "savingsPlanOffering", SAVINGS_PLANS)
                years = _field(offer, "durationSeconds", SAVINGS_PLANS) / _SECONDS_PER_YEAR
                yield _commitment_row(
                    machine,
                    wanted,
                    plan="savings_plan",
                    term_months=round(years * 12),
                    payment="no_upfront",
                    hourly_price=price_text(_field(row, "rate", SAVINGS_PLANS), SAVINGS_PLANS),
                    source=SAVINGS_PLANS,
                )


def _terms(text: str) -> Any:
    try:
        product = json.loads(text)
    except json.JSONDecodeError:
        raise PriceSourceError(f"{PRICE_LIST}: a product's text breaks off. Try again.") from None
    return _field(product, "terms", PRICE_LIST)


def _product_rows(text: str, machine: Instance, wanted: Wanted) -> Iterator[Found]:
    terms = _terms(text)
    for offer in _field(terms, "OnDemand", PRICE_LIST).values():
        yield instance_row(
            machine,
            wanted,
            purchase="on_demand",
            price=_hourly(offer, machine),
            source=PRICE_LIST,
            billing_increment_s="1",
            minimum_s="60",
        )
    for offer in terms.get("Reserved", {}).values():
        yield from _reserved_rows(offer, machine, wanted)


def _reserved_rows(offer: Any, machine: Instance, wanted: Wanted) -> Iterator[Found]:
    kind = _field(offer, "termAttributes", PRICE_LIST)
    if _field(kind, "OfferingClass", PRICE_LIST) != "standard":
        return
    length = _field(kind, "LeaseContractLength", PRICE_LIST)
    payment = _field(kind, "PurchaseOption", PRICE_LIST)
    if length not in _TERMS or payment not in _PAYMENTS:
        raise PriceSourceError(
            f"{PRICE_LIST}: a term '{length}, {payment}' is new to us. Report it."
        )
    purchase, months = _TERMS[length]
    if payment == "No Upfront":
        yield instance_row(
            machine, wanted, purchase=purchase, plan="reserved",
            price=_hourly(offer, machine), source=PRICE_LIST,
        )  # fmt: skip
        return
    yield _commitment_row(
        machine,
        wanted,
        plan="reserved",
        term_months=months,
        payment=_PAYMENTS[payment],
        hourly_price=_hourly(offer, machine, default="0"),
        upfront_price=_price(offer, "Quantity", machine),
        source=PRICE_LIST,
    )


def _hourly(offer: Any, machine: Instance, *, default: str | None = None) -> str:
    return _price(offer, "Hrs", machine, default=default)


def _price(offer: Any, unit: str, machine: Instance, *, default: str | None = None) -> str:
    """Return the one price in a unit; an hour of a machine has no tiers, so two are a change."""
    dimensions = [
        each
        for each in _field(offer, "priceDimensions", PRICE_LIST).values()
        if _field(each, "unit", PRICE_LIST) == unit
    ]
    if not dimensions and default is not None:
        return default
    if len(dimensions) != 1:
        raise PriceSourceError(
            f"{PRICE_LIST}: {len(dimensions)} prices in '{unit}' where {machine.instance_type} "
            "has one: the reply has changed. Nothing of it was kept; report it."
        )
    price = _field(_field(dimensions[0], "pricePerUnit", PRICE_LIST), "USD", PRICE_LIST)
    return price_text(price, PRICE_LIST)


def _commitment_row(machine: Instance, wanted: Wanted, **cells: str | int) -> Found:
    return schema.COMMITMENTS, {
        "seller": machine.seller,
        "region": wanted.region,
        "applies_to": machine.instance_type,
        "unit": "instance-hour",
        "currency": "USD",
        "checked_on": wanted.today.isoformat(),
        "evidence": "published",
        **{name: str(value) for name, value in cells.items()},
    }


def egress_rows(clients: AwsClients, wanted: Wanted, retry: Retry) -> Iterator[Found]:
    """Yield the tiers of data transfer from a region to the internet [USD/GB]."""
    filters = {"transferType": "AWS Outbound", "fromRegionCode": wanted.region}
    request = {
        "ServiceCode": "AWSDataTransfer",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": field, "Value": value}
            for field, value in filters.items()
        ],
    }
    for page in _pages(clients.pricing.get_products, request, "NextToken", retry, PRICE_LIST):
        for text in _field(page, "PriceList", PRICE_LIST):
            for offer in _field(_terms(text), "OnDemand", PRICE_LIST).values():
                for tier in _field(offer, "priceDimensions", PRICE_LIST).values():
                    yield (
                        schema.SERVICES,
                        {
                            "seller": "aws",
                            "region": wanted.region,
                            "service": "egress-internet",
                            "tier_from_units": _field(tier, "beginRange", PRICE_LIST),
                            "price": price_text(
                                _field(_field(tier, "pricePerUnit", PRICE_LIST), "USD", PRICE_LIST),
                                PRICE_LIST,
                            ),
                            "currency": "USD",
                            "unit": _field(tier, "unit", PRICE_LIST),
                            "checked_on": wanted.today.isoformat(),
                            "source": PRICE_LIST,
                            "evidence": "published",
                        },
                    )


def _field(record: Any, name: str, source: str) -> Any:
    if not isinstance(record, dict) or name not in record:
        raise PriceSourceError(
            f"{source}: the reply has no field '{name}': its form has changed. "
            "What was read before it is kept; report it."
        )
    return record[name]


def _pages(
    ask: Callable[..., Any], request: dict[str, Any], token: str, retry: Retry, source: str
) -> Iterator[Any]:
    seen: set[str] = set()
    more: dict[str, str] = {}
    while True:
        page = retry.call(source, partial(_asked, ask, {**request, **more}, source))
        yield page
        following = page.get(token)
        if not following:
            return
        if following in seen:
            raise PriceSourceError(
                f"{source}: the same page comes again and again. Try again later."
            )
        seen.add(following)
        more = {token: following}


def _asked(ask: Callable[..., Any], request: dict[str, Any], source: str) -> Any:
    from botocore.exceptions import (  # noqa: PLC0415 - comes with boto3
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    try:
        return ask(**request)
    except (NoCredentialsError, PartialCredentialsError):
        raise PriceSourceError(
            f"{source}: no AWS credentials found. Set up a profile or AWS_ACCESS_KEY_ID."
        ) from None
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in _BUSY_CODES:
            raise Busy(code) from None
        raise PriceSourceError(
            f"{source} refuses: {code}. Check that your credentials may read prices."
        ) from None
    except BotoCoreError as error:
        raise PriceSourceError(
            f"{source} cannot be reached ({type(error).__name__}). Check the network or the proxy."
        ) from None
