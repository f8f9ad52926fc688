"""Replies of AWS in their documented shape, laid down for stubbed clients."""

import functools
import json
from datetime import UTC, datetime

import boto3
from botocore.stub import Stubber

from tco.prices.fetch_aws import AwsClients


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
