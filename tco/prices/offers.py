"""All ways to commit to an instance: exact rows first, a seller's usual discount last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from tco.domain.price import CommitmentOffer, Payment, Purchase
from tco.domain.record import Evidence
from tco.errors import PriceNotFoundError
from tco.prices import schema
from tco.prices.book import Entry
from tco.prices.catalog import EVERYWHERE, Catalog


def commitment_offers(
    catalog: Catalog, seller: str, region: str, instance_type: str, *, on: date
) -> tuple[CommitmentOffer, ...]:
    """Return what can be committed to, shortest term first.

    Rates of the instance itself come from its rows. A seller's usual discount fills in only terms
    for which there is no such rate, is taken off the price on demand, and is graded ``estimated``.
    Rates of a bare accelerator are left out: they are not the price of a machine.

    Raises:
        PriceNotFoundError: If nothing at all is known.
    """
    sku = f"{seller}/{region}/{instance_type}"
    offers = [
        *_quoted(catalog, seller, region, instance_type, on),
        *(
            _listed(catalog, entry, sku, on)
            for entry in _rows(catalog, (seller, region, instance_type), on)
        ),
    ]
    known_terms = {offer.term_months for offer in offers}
    offers += [
        _usual(catalog, entry, (seller, region, instance_type), on)
        for entry in _rows(catalog, (seller, EVERYWHERE, EVERYWHERE), on)
        if entry.values["term_months"] not in known_terms
    ]
    if not offers:
        raise PriceNotFoundError(f"{sku} with a commitment", on, ())
    return tuple(sorted(offers, key=lambda o: (o.term_months, o.plan, o.upfront_usd)))


def _quoted(
    catalog: Catalog, seller: str, region: str, instance_type: str, on: date
) -> Iterator[CommitmentOffer]:
    for purchase in (Purchase.COMMIT_1Y, Purchase.COMMIT_3Y):
        try:
            quote = catalog.compute(seller, region, instance_type, on=on, purchase=purchase)
        except PriceNotFoundError:
            continue
        assert quote.plan is not None, "the table refuses commitments without a plan"
        assert purchase.term_months is not None, "these are the commitments"
        yield CommitmentOffer(
            sku=quote.sku,
            plan=quote.plan,
            term_months=purchase.term_months,
            usd_per_hour=quote.usd,
            evidence=quote.evidence,
            reference=quote.reference,
        )


def _rows(catalog: Catalog, what: tuple[str, str, str], on: date) -> Iterator[Entry]:
    """Yield the rows in force for an instance, or for all of a seller's."""
    book = catalog.book(schema.COMMITMENTS.name)
    for key in book.entries:
        if key[:3] == what:
            try:
                yield book.on(key, on)
            except PriceNotFoundError:
                continue


def _listed(catalog: Catalog, entry: Entry, sku: str, on: date) -> CommitmentOffer:
    row = entry.values
    rate = catalog.exchange_rate(row["currency"], on=on).usd_per_unit
    return _offer(
        entry,
        sku,
        usd_per_hour=(row["hourly_price"] or Decimal(0)) * rate,
        upfront_usd=(row["upfront_price"] or Decimal(0)) * rate,
        evidence=row["evidence"],
    )


def _usual(catalog: Catalog, entry: Entry, what: tuple[str, str, str], on: date) -> CommitmentOffer:
    listed = catalog.compute(*what, on=on)
    return _offer(
        entry,
        listed.sku,
        usd_per_hour=listed.usd * (1 - entry.values["discount"]),
        upfront_usd=Decimal(0),
        evidence=Evidence.ESTIMATED,
    )


def _offer(
    entry: Entry, sku: str, *, usd_per_hour: Decimal, upfront_usd: Decimal, evidence: Evidence
) -> CommitmentOffer:
    row = entry.values
    return CommitmentOffer(
        sku=sku,
        plan=row["plan"],
        term_months=row["term_months"],
        payment=Payment(row["payment"]),
        upfront_usd=upfront_usd,
        usd_per_hour=usd_per_hour,
        evidence=evidence,
        reference=f"{row['source']}, checked {row['checked_on']:%Y-%m-%d}",
    )
