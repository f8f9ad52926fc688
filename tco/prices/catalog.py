"""The catalogue: for a thing and a day, the price in force with its source, or an error."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Self

from tco.domain.hardware import Accelerator, Instance
from tco.domain.price import Electricity, ExchangeRate, PriceTier, Purchase, Quote, TokenRates
from tco.domain.record import Estimate
from tco.errors import NotFoundError, PriceNotFoundError
from tco.prices import schema, tokens
from tco.prices.book import Book, Entry, Layers, read_layers
from tco.prices.currency import rate_on
from tco.prices.discounts import Discount, best_discount
from tco.prices.rows import (
    accelerator_from,
    discount_from,
    electricity_from,
    estimate_from,
    instances_from,
    quote_from,
    token_rates_from,
)

EVERYWHERE = "*"
"""Region of a price that is the same in all regions of its seller."""


class Catalog:
    """Dated prices from tables on disk; immutable once loaded.

    A price that is not there raises; nothing is ever taken to be 0. Where a table says only when
    a price was first observed, the price counts from that day on.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._instances = layers.book(
            schema.INSTANCES, "seller", "region", "instance_type", "purchase"
        )
        self._services = layers.book(
            schema.SERVICES, "seller", "region", "service", "tier_from_units"
        )
        self._people = layers.book(schema.PEOPLE, "role")
        self._labelling = layers.book(schema.LABELLING, "task", "seller")
        self._electricity = layers.book(schema.ELECTRICITY, "region", "measure")
        self._onprem = layers.book(schema.ONPREM, "system")
        self._hardware = layers.book(schema.HARDWARE, "accelerator")
        self._figures = layers.book(schema.FIGURES, "figure")
        self._contracts = layers.book(schema.CONTRACTS, "contract")
        self._commitments = layers.book(
            schema.COMMITMENTS, "seller", "region", "applies_to", "plan", "term_months", "payment"
        )
        self._currency = layers.book(schema.CURRENCY, "currency")
        self._tokens = layers.book(schema.TOKEN_OVERRIDES, "provider", "model", "tier")
        self._resolved_tokens: dict[tuple[str, str, date, str], TokenRates] = {}

    @classmethod
    def load(cls, folder: Path, *, overlays: Sequence[Path] = ()) -> Self:
        """Read the tables of ``folder`` and lay a user's own folders over them, the last on top.

        Raises:
            InputError: With every problem of every file.
        """
        catalog = cls(read_layers(folder, overlays))
        _ = catalog._shapes
        return catalog

    def __reduce__(self) -> tuple[type[Self], tuple[Layers]]:
        """Travel to another process as the rows that were read; the rest is built anew."""
        return type(self), (self._layers,)

    @cached_property
    def digest(self) -> str:
        """sha256 over the tables and the version of the token price package."""
        whole = hashlib.sha256(f"genai-prices {tokens.package_version()}\n".encode())
        for layer, table, content in self._layers.contents:
            whole.update(f"{layer} {table} {len(content)}\n".encode())
            whole.update(content)
        return whole.hexdigest()

    @cached_property
    def as_of(self) -> date:
        """The newest day on which any row was checked."""
        checked: list[date] = [
            entry.values["checked_on"] for rows in self._layers.rows.values() for entry in rows
        ]
        return max(checked)

    def rows(self, table: str) -> tuple[Entry, ...]:
        """All rows of one table with their files and lines, for audits and listings."""
        if table not in self._layers.rows:
            raise NotFoundError("price table", table, self._layers.rows, "See pricing/README.md.")
        return tuple(self._layers.rows[table])

    # Machines

    @cached_property
    def _shapes(self) -> dict[tuple[str, str, str], Instance]:
        return instances_from(self._layers.rows[schema.INSTANCES.name])

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """Every instance type that has a price of any kind."""
        return tuple(self._shapes.values())

    def instance(self, seller: str, region: str, instance_type: str) -> Instance:
        """Return what the instance type is made of."""
        try:
            return self._shapes[seller, region, instance_type]
        except KeyError:
            raise NotFoundError(
                "instance", f"{seller}/{region}/{instance_type}",
                [instance.sku for instance in self.instances],
                "Add a row to pricing/instances.csv or correct the name.",
            ) from None  # fmt: skip

    @cached_property
    def accelerators(self) -> dict[str, Accelerator]:
        """Data-sheet figures by name of accelerator."""
        return {key[0]: accelerator_from(rows[-1]) for key, rows in self._hardware.entries.items()}

    def accelerator(self, name: str) -> Accelerator:
        """Return the data-sheet figures of one accelerator."""
        if name not in self.accelerators:
            raise NotFoundError(
                "accelerator", name, self.accelerators, "Add a row to pricing/hardware.csv."
            )
        return self.accelerators[name]

    # Prices

    def compute(
        self,
        seller: str,
        region: str,
        instance_type: str,
        *,
        on: date,
        purchase: Purchase = Purchase.ON_DEMAND,
    ) -> Quote:
        """Return the price of an hour of an instance [USD per instance-hour].

        Raises:
            PriceNotFoundError: If it is not sold like that, or the table starts later than ``on``.
        """
        key = (seller, region, instance_type, purchase.value)
        entry = self._instances.on(key, on, say=lambda k: f"{'/'.join(k[:3])} {k[3]}")
        quote = self._quote(entry, f"{seller}/{region}/{instance_type}", on)
        if quote.negotiated:
            return quote
        return best_discount(quote, (seller, region, instance_type), on, self._discounts)

    def service(
        self, seller: str, service: str, *, on: date, region: str = EVERYWHERE
    ) -> tuple[PriceTier, ...]:
        """Return the tiers of a service's price, lowest first; a plain price is one tier from 0.

        A price of the region goes before one that holds everywhere.

        Raises:
            PriceNotFoundError: If the service is unknown, or the table starts later than ``on``.
        """
        for place in dict.fromkeys((region, EVERYWHERE)):
            found = [
                self._services.on(key, on)
                for key in self._services.entries
                if key[:3] == (seller, place, service)
            ]
            if found:
                # A contract's price replaces the whole staircase, not one step of it.
                agreed = [entry for entry in found if entry.negotiated]
                return tuple(
                    sorted(
                        (self._tier(entry, on) for entry in agreed or found),
                        key=lambda tier: tier.from_units,
                    )
                )
        known = sorted({"/".join(key[:3]) for key in self._services.entries})
        raise PriceNotFoundError(f"{seller}/{region}/{service}", on, known)

    def _tier(self, entry: Entry, on: date) -> PriceTier:
        row = entry.values
        product = (row["seller"], row["region"], row["service"])
        quote = self._quote(entry, "/".join(product), on)
        if not quote.negotiated:
            quote = best_discount(quote, product, on, self._discounts)
        return PriceTier(from_units=row["tier_from_units"] or Decimal(0), quote=quote)

    def person(self, role: str, *, on: date) -> Quote:
        """Return the loaded price of an hour of a person's work [USD/h]."""
        return self._quote(self._people.on((role,), on), role, on)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Roles that have a price."""
        return tuple(key[0] for key in self._people.entries)

    def labelling(self, task: str, seller: str, *, on: date) -> Quote:
        """Return the price of one label [USD per unit of the row]."""
        return self._quote(self._labelling.on((task, seller), on), f"{task}/{seller}", on)

    def server(self, system: str, *, on: date) -> Quote:
        """Return the purchase price of a server, card or rack [USD]."""
        return self._quote(self._onprem.on((system,), on), system, on)

    def server_power_kw(self, system: str, *, on: date) -> Estimate:
        """Return the power of a server under full load [kW]."""
        entry = self._onprem.on((system,), on)
        if entry.values["power_kw"] is None:
            raise PriceNotFoundError(f"power of {system}", on, ())
        return Estimate(
            likely=float(entry.values["power_kw"]),
            evidence=entry.values["evidence"],
            source=entry.values["power_source"] or entry.values["source"],
            checked_on=entry.values["checked_on"],
        )

    def contract(self, contract: str, *, on: date) -> tuple[Quote, Entry]:
        """Return the price of a contract and its row, which holds the terms."""
        entry = self._contracts.on((contract,), on)
        return self._quote(entry, contract, on), entry

    def figure(self, name: str, *, on: date) -> Estimate:
        """Return a planning figure with its range, such as a PUE or the life of an asset."""
        return estimate_from(self._figures.on((name,), on))

    def electricity(self, region: str, *, on: date, seller: str | None = None) -> Electricity:
        """Return tariff [USD/kWh] and carbon [g CO2e/kWh] of a grid region or a cloud region.

        Raises:
            PriceNotFoundError: If the table knows neither a tariff nor the carbon of that region.
        """
        place = self.grid_of(region, seller)
        known = {
            measure: self._electricity.on((place, measure), on)
            for measure in ("tariff", "carbon")
            if (place, measure) in self._electricity
        }
        if not known:
            grids = {key[0] for key in self._electricity.entries}
            raise PriceNotFoundError(
                f"electricity of {region}", on, grids | set(self._grids_by_cloud)
            )
        tariff = (
            self._quote(known["tariff"], f"electricity/{place}", on) if "tariff" in known else None
        )
        return electricity_from(place, tariff, known.get("carbon"))

    @cached_property
    def _grids_by_cloud(self) -> dict[str, dict[str, str]]:
        grids: dict[str, dict[str, str]] = {}
        for entry in self._layers.rows[schema.REGIONS.name]:
            row = entry.values
            grids.setdefault(row["region"], {})[row["seller"]] = row["electricity_region"]
        return grids

    def grid_of(self, region: str, seller: str | None = None) -> str:
        """Return the grid that a cloud region lies on; a grid region is its own."""
        by_seller = self._grids_by_cloud.get(region, {})
        if seller is not None:
            return by_seller.get(seller, region)
        places = set(by_seller.values())
        return places.pop() if len(places) == 1 else region

    def exchange_rate(self, currency: str, *, on: date) -> ExchangeRate:
        """Return the reference rate in force on a day; the dollar itself is 1."""
        return rate_on(self._currency, currency, on)

    def tokens(self, provider: str, model: str, *, on: date, tier: str = "standard") -> TokenRates:
        """Return the token prices of a model; read once, the same record each time.

        Raises:
            PriceNotFoundError: If the provider, the model or the processing tier has no price.
        """
        asked = (provider, model, on, tier)
        if asked not in self._resolved_tokens:
            self._resolved_tokens[asked] = self._resolve_tokens(*asked)
        return self._resolved_tokens[asked]

    def _resolve_tokens(self, provider: str, model: str, on: date, tier: str) -> TokenRates:
        key = (provider, model, tier)
        if key in self._tokens and self._tokens.entries[key][0].start <= on:
            return token_rates_from(self._tokens.on(key, on), on)
        listed = tokens.resolve(provider, model, on=on, tier=tier)
        return tokens.with_discount(listed, self._discounts, on=on)

    # Conversions

    @cached_property
    def _discounts(self) -> tuple[Discount, ...]:
        return tuple(discount_from(entry) for entry in self._layers.rows[schema.DISCOUNTS.name])

    def _quote(self, entry: Entry, sku: str, on: date) -> Quote:
        currency = entry.values.get("currency") or "USD"
        return quote_from(entry, sku, self.exchange_rate(currency, on=on))

    def book(self, table: str) -> Book:
        """Return one table's rows by key, for listings."""
        books = {book.table.name: book for book in vars(self).values() if isinstance(book, Book)}
        if table not in books:
            raise NotFoundError("price table", table, books, "See pricing/README.md.")
        return books[table]
