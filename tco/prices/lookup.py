"""Looking things up: who sells what for how much per accelerator-hour, and how old that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from tco.domain.hardware import Instance
from tco.domain.price import PriceTier, Purchase, Quote
from tco.errors import NotFoundError, PriceNotFoundError
from tco.prices.catalog import Catalog

EVERY_REGION = "global"
"""Region of sellers that quote one price for all places."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One instance type and what it costs in each way of buying it; what is not known is absent."""

    instance: Instance
    quotes: dict[Purchase, Quote]

    def usd_per_accelerator_hour(self, purchase: Purchase) -> float | None:
        """Return the price of one accelerator's hour [USD], of the whole machine if it has none."""
        quote = self.quotes.get(purchase)
        if quote is None:
            return None
        return per_accelerator_usd(float(quote.usd), self.instance.accelerator_count)


def per_accelerator_usd(usd_per_hour: float, accelerators: int) -> float:
    """Share a machine's price over its accelerators; a machine without any counts as one.

    >>> per_accelerator_usd(98.32, 8)
    12.29
    """
    return usd_per_hour / max(accelerators, 1)


def offers(
    catalog: Catalog, wanted: str, *, on: date, region: str | None = None
) -> tuple[Offer, ...]:
    """Return the machines that match a name, cheapest accelerator-hour first.

    A name matches if it is part of an accelerator's or an instance type's name; case, dashes and
    underscores do not count. A region brings along sellers that have one price everywhere, and
    other clouds' regions on the same grid: those are its competitors.

    Raises:
        NotFoundError: If nothing matches, with what is near.
    """
    matching = [instance for instance in catalog.instances if _matches(instance, wanted)]
    if not matching:
        raise NotFoundError(
            "machine or accelerator",
            wanted,
            _spelled_alike(machine_names(catalog), wanted),
            "`tco prices list instances` lists them all.",
        )
    nearby = matching if region is None else _in_region(catalog, matching, region)
    found = [Offer(instance, _quotes(catalog, instance, on)) for instance in nearby]
    found = [offer for offer in found if offer.quotes]
    if not found:
        raise PriceNotFoundError(wanted, on, (), earliest=_first_price(catalog, matching))
    return tuple(sorted(found, key=_by_price))


def services(
    catalog: Catalog, wanted: str, *, on: date, region: str | None = None
) -> tuple[PriceTier, ...]:
    """Return the price steps of all services whose name holds what was typed.

    Raises:
        NotFoundError: If no service, and no machine, is called that.
    """
    names = {
        (row["seller"], row["region"], row["service"])
        for entry in catalog.rows("services")
        if _plain(wanted) in _plain((row := entry.values)["service"])
        and region in (None, row["region"])
    }
    if not names:
        known = machine_names(catalog) | {e.values["service"] for e in catalog.rows("services")}
        raise NotFoundError(
            "machine, accelerator or service",
            wanted,
            _spelled_alike(known, wanted),
            "`tco prices list instances` and `tco prices list services` list them.",
        )
    return tuple(
        tier
        for seller, place, service in sorted(names)
        for tier in catalog.service(seller, service, on=on, region=place)
    )


def machine_names(catalog: Catalog) -> set[str]:
    """Return what machines and their accelerators are called."""
    return {i.accelerator for i in catalog.instances if i.accelerator} | {
        i.instance_type for i in catalog.instances
    }


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower())


def _matches(instance: Instance, wanted: str) -> bool:
    return any(
        _plain(wanted) in _plain(name)
        for name in (instance.accelerator, instance.instance_type, instance.sku)
        if name
    )


def _spelled_alike(names: set[str], wanted: str) -> list[str]:
    """Let names compare with what was typed, whatever its case."""
    return [name.lower() if wanted.islower() else name for name in sorted(names)]


def _in_region(catalog: Catalog, instances: list[Instance], region: str) -> list[Instance]:
    regions = {instance.region for instance in catalog.instances}
    if region not in regions:
        raise NotFoundError("region", region, regions, "`tco prices list instances` shows them.")
    grids = {
        catalog.grid_of(each.region, each.seller)
        for each in catalog.instances
        if each.region == region
    }
    return [
        each
        for each in instances
        if each.region in (region, EVERY_REGION)
        or catalog.grid_of(each.region, each.seller) in grids
    ]


def _quotes(catalog: Catalog, instance: Instance, on: date) -> dict[Purchase, Quote]:
    quotes = {}
    for purchase in Purchase:
        try:
            quotes[purchase] = catalog.compute(
                instance.seller, instance.region, instance.instance_type, on=on, purchase=purchase
            )
        except PriceNotFoundError:
            continue
    return quotes


def _first_price(catalog: Catalog, instances: list[Instance]) -> date:
    skus = {instance.sku for instance in instances}
    return min(
        entry.start
        for entry in catalog.rows("instances")
        if "/".join(entry.values[name] for name in ("seller", "region", "instance_type")) in skus
    )


def _by_price(offer: Offer) -> tuple[bool, float, str]:
    price = offer.usd_per_accelerator_hour(Purchase.ON_DEMAND)
    return (price is None, price or 0.0, offer.instance.sku)
