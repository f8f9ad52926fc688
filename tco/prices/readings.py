"""What is asked of a cloud's price API, and the rows that come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Protocol

from tco.domain.hardware import Instance
from tco.errors import PriceSourceError
from tco.prices import schema
from tco.prices.overlay import NewRow
from tco.prices.retry import Retry
from tco.prices.tables import Table

Found = tuple[Table, NewRow]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask a cloud for."""

    region: str
    machines: tuple[Instance, ...]
    today: date


class PriceSource(Protocol):
    """A cloud's price API: yields rows, each whole in itself."""

    def rows(self, wanted: Wanted, retry: Retry) -> Iterator[Found]:
        """Yield rows until all is read or the service fails."""


def instance_row(
    machine: Instance,
    wanted: Wanted,
    *,
    purchase: str,
    price: str,
    source: str,
    plan: str = "",
    **more: str,
) -> Found:
    """Write one price of a machine as cells of the table of instances."""
    shape = machine.model_dump(mode="json", exclude={"seller", "region", "instance_type"})
    return schema.INSTANCES, {
        "seller": machine.seller,
        "region": wanted.region,
        "instance_type": machine.instance_type,
        **{name: f"{value:g}" if isinstance(value, float) else str(value)
           for name, value in shape.items() if value},
        "purchase": purchase,
        "plan": plan,
        "price": price,
        "currency": "USD",
        "unit": "instance-hour",
        "checked_on": wanted.today.isoformat(),
        "source": source,
        "evidence": "published",
        **more,
    }  # fmt: skip


def price_text(value: object, source: str) -> str:
    """Return a price as plain text, exactly as it was read.

    Raises:
        PriceSourceError: If it is no finite number, 0 or more.
    """
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise PriceSourceError(
            f"{source}: '{str(value)[:40]}' stands where a price should: the form has changed."
        )
    return f"{price.normalize():f}"
