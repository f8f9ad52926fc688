"""Reference exchange rates: dollars inside, other currencies on the way in and out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tco.domain.price import ExchangeRate
from tco.prices.book import Book


def rate_on(book: Book, currency: str, on: date) -> ExchangeRate:
    """Return the newest rate that was known on ``on``.

    Raises:
        PriceNotFoundError: If the currency has no rate, or only later ones.
    """
    if currency == "USD":
        return ExchangeRate(currency="USD", usd_per_unit=Decimal(1), day=on, source="by definition")
    entry = book.on((currency,), on, say=lambda key: f"exchange rate {key[0]}")
    return ExchangeRate(
        currency=currency,
        usd_per_unit=entry.values["usd_per_unit"],
        day=entry.start,
        source=entry.values["source"],
    )


def from_usd(amount_usd: float, rate: ExchangeRate) -> float:
    """Convert dollars to the rate's currency.

    >>> from datetime import date
    >>> day = date(2026, 1, 2)
    >>> euro = ExchangeRate(currency="EUR", usd_per_unit=Decimal("1.25"), day=day, source="me")
    >>> from_usd(10.0, euro)
    8.0
    """
    return amount_usd / float(rate.usd_per_unit)
