"""A user's negotiated discounts, laid over list prices and always labelled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase

from tco.domain.price import Purchase, Quote
from tco.domain.record import Record


class Discount(Record):
    """A share off the list price of what its patterns name; ``*`` stands for anything."""

    seller: str
    region: str
    product: str
    purchase: str
    discount: Decimal
    label: str
    valid_from: date
    valid_until: date | None
    source: str

    def covers(self, product: tuple[str, str, str], purchase: Purchase, on: date) -> bool:
        """True if the product, the way of buying and the day fall under this discount."""
        patterns = (self.seller, self.region, self.product)
        return (
            self.valid_from <= on
            and (self.valid_until is None or on <= self.valid_until)
            and self.purchase in ("*", purchase.value)
            and all(map(fnmatchcase, product, patterns))
        )

    @property
    def precision(self) -> int:
        """How narrowly it names its product: more literal characters, narrower."""
        return len(
            "".join((self.seller, self.region, self.product, self.purchase)).replace("*", "")
        )


def narrowest(
    product: tuple[str, str, str], purchase: Purchase, on: date, discounts: Iterable[Discount]
) -> Discount | None:
    """Return the discount that names the product most narrowly; of equals the latest.

    Discounts never add up: a contract states each of them against the list price.
    """
    covering = [each for each in discounts if each.covers(product, purchase, on)]
    return max(covering, key=lambda each: (each.precision, each.valid_from), default=None)


def best_discount(
    quote: Quote, product: tuple[str, str, str], on: date, discounts: Iterable[Discount]
) -> Quote:
    """Return the quote with the user's discount taken off and named, or as it is."""
    discount = narrowest(product, quote.purchase, on, discounts)
    if discount is None:
        return quote
    keep = 1 - discount.discount
    return quote.model_copy(
        update={
            "usd": quote.usd * keep,
            "low_usd": None if quote.low_usd is None else quote.low_usd * keep,
            "high_usd": None if quote.high_usd is None else quote.high_usd * keep,
            "negotiated": True,
            "label": f"{discount.label} ({discount.discount:.1%} off list)",
        }
    )
