"""Reading list prices from a cloud into a user's own rows: read, compare, show, then write."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tco.domain.hardware import Instance
from tco.errors import NotFoundError, PriceSourceError
from tco.prices.catalog import Catalog
from tco.prices.overlay import PRICE_COLUMNS, Change, NewRow, add_rows, compare
from tco.prices.readings import Found, PriceSource, Wanted
from tco.prices.retry import Retry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a refresh found and did."""

    changes: tuple[Change, ...]
    written: tuple[Path, ...]
    complete: bool
    summary: str


def refresh(
    catalog: Catalog,
    wanted: Wanted,
    source: PriceSource,
    *,
    folder: Path | None,
    retry: Retry,
    show: Callable[[Sequence[Change]], None],
) -> Outcome:
    """Read prices, show what changed, then write them as dated rows.

    If the service fails or a person stops it midway, what was read so far is kept: every row
    stands for itself. The tables change only in the last step.

    Args:
        catalog: Prices as they are known now.
        wanted: What to ask for.
        source: Where to ask.
        folder: The user's own tables; None = a dry run, nothing is written.
        retry: How to wait when the service is busy.
        show: Told of the changes before anything is written.

    Raises:
        PriceSourceError: If the service fails before it has given a single price.
    """
    found: list[Found] = []
    stopped = ""
    try:
        found.extend(source.rows(wanted, retry))
    except PriceSourceError as error:
        if not found:
            raise
        stopped = str(error)
    except KeyboardInterrupt:
        stopped = "stopped by hand"
    unpriced = sum(not _is_priced(row) for _, row in found)
    found = [(table, row) for table, row in found if _is_priced(row)]
    changes: list[Change] = []
    written: list[Path] = []
    by_table = {table.name: table for table, _ in found}
    rows = {name: [row for table, row in found if table.name == name] for name in by_table}
    for name, table in by_table.items():
        changes += compare(catalog, table, rows[name])
    show(changes)
    if folder is not None:
        written = [add_rows(folder, table, rows[name]) for name, table in by_table.items()]
    moved = sum(change.share != 0 for change in changes)
    summary = f"{len(changes)} prices read, {moved} new or changed; " + (
        f"written to {', '.join(map(str, written))}" if written else "nothing written"
    )
    if unpriced:
        summary = f"{summary}; {unpriced} listed at 0 left out, as 0 means not sold"
    if stopped:
        summary = f"{summary}. Not complete: {stopped}"
    return Outcome(tuple(changes), tuple(written), not stopped, summary)


def machines_of(
    catalog: Catalog, seller: str, region: str, names: Sequence[str] | None
) -> tuple[Instance, ...]:
    """Return the machines to ask for: those named, or all that the tables know in the region.

    A machine may be known from another region of the seller: it is the same one.

    Raises:
        NotFoundError: If a machine is unknown, or the tables know none in the region.
    """
    known = {each.instance_type: each for each in catalog.instances if each.seller == seller}
    here = [each for each in catalog.instances if (each.seller, each.region) == (seller, region)]
    if not names:
        if not here:
            regions = {each.region for each in known.values()}
            raise NotFoundError(
                f"machine of {seller} in region", region, regions, "Name some: --instance-type."
            )
        return tuple(here)
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"{seller} machine", name, known,
                "Price APIs do not say what a machine is made of: add it to instances.csv.",
            )  # fmt: skip
    return tuple(known[name] for name in names)


def _is_priced(row: NewRow) -> bool:
    """Tell a price from a 0 that means 'not sold like that'; free tiers of services are prices."""
    return "service" in row or any(Decimal(row.get(name) or 0) for name in PRICE_COLUMNS)


def source_for(cloud: str, region: str) -> PriceSource:
    """Return the adapter of a cloud.

    Raises:
        NotFoundError: If there is none.
    """
    # Each adapter brings its own network client, which is loaded only when it is asked for.
    if cloud == "aws":
        from tco.prices.fetch_aws import AwsPrices, aws_clients  # noqa: PLC0415

        return AwsPrices(aws_clients(region))
    if cloud == "azure":
        from tco.prices.fetch_azure import AzurePrices  # noqa: PLC0415

        return AzurePrices()
    raise NotFoundError(
        "price API", cloud, ("aws", "azure"), "Prices can be read from aws or azure."
    )


def patient(tell: Callable[[str], None]) -> Retry:
    """Return the way to wait outside of tests: by the clock."""
    return Retry(sleep=time.sleep, tell=tell)
