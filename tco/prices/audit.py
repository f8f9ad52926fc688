"""Questions put to the tables as a whole: what contradicts, what is missing, what has grown old.

Errors are things that cannot be right; warnings are things to look at. The date is always given
from outside, so the same tables give the same answer on any day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from tco.domain.price import Purchase
from tco.errors import Finding
from tco.prices import schema
from tco.prices.book import Book, Entry
from tco.prices.catalog import Catalog
from tco.prices.tables import Table
from tco.units import WATTS_PER_KILOWATT

OLD_AFTER_DAYS = 90
JUMP = Decimal("0.30")
"""A price that moved by more than this share between two rows is worth a look."""
MEMORY_TOLERANCE = 0.01
NO_SOURCE = {"?", "-", "none", "n/a", "na", "tbd", "todo", "unknown", "internet", "web"}
_PRICED = (
    schema.INSTANCES,
    schema.SERVICES,
    schema.ONPREM,
    schema.ELECTRICITY,
    schema.PEOPLE,
    schema.LABELLING,
    schema.COMMITMENTS,
    schema.CONTRACTS,
)


@dataclass(frozen=True, slots=True)
class Audit:
    """The outcome: what is wrong, and what deserves a look."""

    as_of: date
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True if nothing is wrong; warnings do not count."""
        return not self.errors


Check = Callable[[Catalog, date], Iterator[Finding]]


def audit(catalog: Catalog, *, as_of: date | None = None) -> Audit:
    """Look through all tables as they stood on a day, by default the newest day in them."""
    day = catalog.as_of if as_of is None else as_of
    return Audit(
        as_of=day,
        errors=tuple(_in_order(catalog, day, _ERRORS)),
        warnings=tuple(_in_order(catalog, day, _WARNINGS)),
    )


def _in_order(catalog: Catalog, day: date, checks: tuple[Check, ...]) -> list[Finding]:
    found = [finding for check in checks for finding in check(catalog, day)]
    return sorted(found, key=lambda each: (each.file, each.line or 0, each.key))


def _book(catalog: Catalog, table: Table) -> Book:
    key = tuple(name for name in table.key if name != "negotiated")
    book = Book(table, key)
    book.add(catalog.rows(table.name))
    return book


def _current(book: Book, day: date) -> Iterator[Entry]:
    """Yield of each thing the newest row that had started by a day."""
    for rows in book.entries.values():
        started = [entry for entry in rows if entry.start <= day]
        if started:
            yield started[-1]


def _at(entry: Entry, key: str, problem: str, action: str) -> Finding:
    return Finding(entry.file, entry.line, key, problem, action)


def _prices_by_purchase(
    catalog: Catalog, day: date
) -> dict[tuple[str, str, str], dict[Purchase, Entry]]:
    prices: dict[tuple[str, str, str], dict[Purchase, Entry]] = {}
    for entry in _current(_book(catalog, schema.INSTANCES), day):
        row = entry.values
        key = (row["seller"], row["region"], row["instance_type"])
        prices.setdefault(key, {})[Purchase(row["purchase"])] = entry
    return prices


def _order_of_prices(catalog: Catalog, day: date) -> Iterator[Finding]:
    """Spot is not above on demand, a commitment not above what is less of one."""
    pairs = (
        (Purchase.SPOT, Purchase.ON_DEMAND),
        (Purchase.COMMIT_1Y, Purchase.ON_DEMAND),
        (Purchase.COMMIT_3Y, Purchase.ON_DEMAND),
        (Purchase.COMMIT_3Y, Purchase.COMMIT_1Y),
    )
    for prices in _prices_by_purchase(catalog, day).values():
        for less, more in pairs:
            if less not in prices or more not in prices:
                continue
            cheap, dear = prices[less].values, prices[more].values
            if cheap["currency"] == dear["currency"] and cheap["price"] > dear["price"]:
                yield _at(
                    prices[less],
                    "price",
                    f"{less} at {cheap['price']} is above {more} at {dear['price']}",
                    "check both rows against their sources",
                )


def _gaps(catalog: Catalog, day: date) -> Iterator[Finding]:
    """A machine has a price by the hour or a note that says why not; tiers begin at 0."""
    for prices in _prices_by_purchase(catalog, day).values():
        if Purchase.ON_DEMAND not in prices and not any(
            entry.values["note"] for entry in prices.values()
        ):
            yield _at(
                next(iter(prices.values())),
                "purchase",
                "no price on demand",
                "add one, or say in the note why there is none",
            )
    starts: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in _current(_book(catalog, schema.SERVICES), day):
        row = entry.values
        starts.setdefault((row["seller"], row["region"], row["service"]), []).append(entry)
    for tiers in starts.values():
        first = min(tiers, key=lambda tier: tier.values["tier_from_units"] or 0)
        if first.values["tier_from_units"]:
            yield _at(
                first,
                "tier_from_units",
                f"the first tier begins at {first.values['tier_from_units']}",
                "add the tier that begins at 0, with price 0 if it is free",
            )


def _sources(catalog: Catalog, _day: date) -> Iterator[Finding]:
    """A source names something that one could look up."""
    for table in schema.BY_NAME.values():
        for entry in catalog.rows(table.name):
            if entry.values["source"].strip(" .").lower() in NO_SOURCE:
                problem = f"'{entry.values['source']}' is no source"
                yield _at(entry, "source", problem, "name the page, file or person")


def _hardware(catalog: Catalog, day: date) -> Iterator[Finding]:
    """Machines hold accelerators we know, with the memory they have; servers power them all."""
    known = catalog.accelerators
    for table in (schema.INSTANCES, schema.ONPREM):
        for entry in _current(_book(catalog, table), day):
            row = entry.values
            name = row["accelerator"]
            if name is None:
                continue
            if name not in known:
                yield _at(entry, "accelerator", f"'{name}' is not in hardware.csv", "add it there")
                continue
            memory, listed = row.get("accelerator_memory_gib"), known[name].memory_gib
            if memory and listed and abs(float(memory) / listed - 1) > MEMORY_TOLERANCE:
                yield _at(
                    entry,
                    "accelerator_memory_gib",
                    f"{memory} GiB, but hardware.csv gives {name} {listed:g} GiB",
                    "correct one of them",
                )
            power_kw, board_w = row.get("power_kw"), known[name].peak_w
            boards_kw = (board_w or 0) * (row["accelerator_count"] or 0) / WATTS_PER_KILOWATT
            if power_kw and float(power_kw) < boards_kw * (1 - MEMORY_TOLERANCE):
                yield _at(
                    entry,
                    "power_kw",
                    f"{power_kw} kW, but its accelerators alone may draw {boards_kw:g} kW",
                    "correct the power, the count or hardware.csv",
                )


def _same_shape_everywhere(catalog: Catalog, _day: date) -> Iterator[Finding]:
    """One instance type of a seller is the same machine in every region."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry in catalog.rows(schema.INSTANCES.name):
        row = entry.values
        first = seen.setdefault((row["seller"], row["instance_type"]), entry)
        for name in ("accelerator", "accelerator_count", "vcpus"):
            here, there = row[name], first.values[name]
            if here is not None and there is not None and here != there:
                yield _at(
                    entry, name, f"{here}, but {there} in line {first.line}", "correct one of them"
                )


def _currencies(catalog: Catalog, _day: date) -> Iterator[Finding]:
    """Every currency in use has a rate."""
    rated = {entry.values["currency"] for entry in catalog.rows(schema.CURRENCY.name)} | {"USD"}
    for table in schema.BY_NAME.values():
        for entry in catalog.rows(table.name):
            currency = entry.values.get("currency")
            if currency is not None and currency not in rated:
                yield _at(entry, "currency", f"no rate for {currency}", "add it to currency.csv")


def _age(catalog: Catalog, day: date) -> Iterator[Finding]:
    """Prices that nobody has looked at for a while."""
    for table in _PRICED:
        for entry in _current(_book(catalog, table), day):
            days = (day - entry.values["checked_on"]).days
            if days > OLD_AFTER_DAYS:
                yield _at(entry, "checked_on", f"{days} days old", "check the price again")


def _jumps(catalog: Catalog, day: date) -> Iterator[Finding]:
    """Prices that moved a lot from one row to the next."""
    for table in _PRICED:
        for rows in _book(catalog, table).entries.values():
            listed = [row for row in rows if not row.negotiated and row.start <= day]
            for before, after in pairwise(listed):
                old, new = _price(before), _price(after)
                if old and new is not None and abs(new / old - 1) > JUMP:
                    problem = f"{old} to {new} ({new / old - 1:+.0%})"
                    yield _at(after, "price", problem, "make sure that both rows mean the same")


def _price(entry: Entry) -> Decimal | None:
    for name in ("price", "value", "hourly_price", "discount"):
        price: Decimal | None = entry.values.get(name)
        if price is not None:
            return price
    return None


def _places(catalog: Catalog, _day: date) -> Iterator[Finding]:
    """Clouds with named regions: each lies on a grid we know, else energy cannot be estimated."""
    mapped = {
        (entry.values["seller"], entry.values["region"])
        for entry in catalog.rows(schema.REGIONS.name)
    }
    sellers = {seller for seller, _ in mapped}
    seen = set()
    for entry in catalog.rows(schema.INSTANCES.name):
        place = (entry.values["seller"], entry.values["region"])
        if place[0] in sellers and place not in mapped and place not in seen:
            seen.add(place)
            problem = f"{place[0]}/{place[1]} is not in regions.csv"
            yield _at(entry, "region", problem, "say there on which grid it lies")


def _expired(catalog: Catalog, day: date) -> Iterator[Finding]:
    """Discounts and contracts that have run out."""
    for table, name in ((schema.DISCOUNTS, "valid_until"), (schema.CONTRACTS, "expires_on")):
        for entry in catalog.rows(table.name):
            end = entry.values[name]
            if end is not None and end < day:
                yield _at(entry, name, f"ended on {end:%Y-%m-%d}", "renew or remove it")


_ERRORS: tuple[Check, ...] = (
    _order_of_prices,
    _gaps,
    _sources,
    _hardware,
    _same_shape_everywhere,
    _currencies,
)
_WARNINGS: tuple[Check, ...] = (_age, _jumps, _places, _expired)
