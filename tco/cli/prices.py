"""``tco prices``: look prices up, list them, audit them, and read new ones from the clouds.

Answers go to stdout, messages to stderr. Exit status: 0 done, 1 the audit found an error, 2 bad
input; errors are put into words by the root command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import options_of, print_json, say
from tco.data import user_overlay
from tco.errors import Finding, InputError, NotFoundError

if TYPE_CHECKING:
    from tco.domain.price import ExchangeRate, TokenRates
    from tco.prices import Catalog
    from tco.prices.lookup import Offer
    from tco.prices.overlay import Change

app = typer.Typer(name="prices", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
On = Annotated[
    str | None, typer.Option("--on", help="price date, year-month-day", show_default="the newest")
]
MOST_LINES = 20
"""How many findings of one kind a person wants to read; ``--all`` shows the rest."""


def _day(text: str | None, option: str, otherwise: date) -> date:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"'{text}' is not a date"
        raise InputError(
            [Finding("command line", None, option, problem, "write 2026-07-20")]
        ) from None


def _table(header: list[str], rows: list[list[str]]) -> None:
    """Print columns; those that hold numbers stand to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    numeric = [
        bool(rows) and all(row[i][:1].isdigit() or row[i] == "unknown" for row in rows)
        for i in range(len(header))
    ]
    for row in [header, *rows]:
        cells = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        typer.echo("  ".join(cells).rstrip())


@app.command("list")
def list_rows(
    context: typer.Context,
    table: Annotated[
        str | None, typer.Argument(help="table to list; none lists the tables")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the tables, or the rows of one."""
    from tco.prices.schema import BY_NAME

    catalog = options_of(context).catalog
    if table is None:
        tables = [
            {"table": name, "rows": len(rows), "newest": max(r.values["checked_on"] for r in rows)}
            for name in BY_NAME
            if (rows := catalog.rows(name))
        ]
        if as_json:
            print_json({"schema": "tco/prices-list/1", "digest": catalog.digest, "tables": tables})
            return
        _table(["table", "rows", "newest check"], [[str(v) for v in t.values()] for t in tables])
        return
    entries = [
        {name: value for name, value in entry.values.items() if value is not None}
        | {"file": entry.file, "line": entry.line}
        for entry in catalog.rows(table)
    ]
    if as_json:
        print_json({"schema": "tco/prices-list/1", "table": table, "rows": entries})
        return
    shown = [
        name
        for name in BY_NAME[table].column_names
        if name not in ("source", "note", "evidence") and any(name in entry for entry in entries)
    ]
    _table(shown, [[str(entry.get(name, "")) for name in shown] for entry in entries])
    say(f"{len(entries)} rows; --json also prints sources, notes and lines")


@app.command()
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="h100, g6.xlarge, openai/gpt-5, ml_engineer, egress, ...")
    ],
    region: Annotated[str | None, typer.Option(help="only sellers that serve this region")] = None,
    on: On = None,
    currency: Annotated[str, typer.Option(help="USD, EUR or GBP; machines only")] = "USD",
    as_json: AsJson = False,
) -> None:
    """Compare what sellers ask for a machine, a model's tokens or a role, with dates."""
    from tco.prices.lookup import offers

    catalog = options_of(context).catalog
    day = _day(on, "--on", catalog.as_of)
    if name in catalog.roles:
        quote = catalog.person(name, on=day)
        _show_one(
            {"role": name, "usd_per_hour": quote.usd, "low_usd": quote.low_usd,
             "high_usd": quote.high_usd, "evidence": quote.evidence, "source": quote.reference},
            day, as_json=as_json,
        )  # fmt: skip
        return
    try:
        found = offers(catalog, name, on=day, region=region)
    except NotFoundError:
        _show_other(catalog, name, day, region, as_json=as_json)
        return
    rate = catalog.exchange_rate(currency, on=day)
    if as_json:
        print_json(
            {"schema": "tco/prices-show/1", "price_date": day, "currency": currency,
             "exchange_rate": rate.reference,
             "offers": [_offer_document(offer, rate) for offer in found]}
        )  # fmt: skip
        return
    _table(
        ["seller", "region", "machine", "accelerators", "on demand", "spot", "1 year", "3 years",
         "checked"],
        [_offer_row(offer, rate) for offer in found],
    )  # fmt: skip
    say(f"{currency} per accelerator-hour (per machine where it has none), prices of {day}")
    if currency != "USD":
        say(rate.reference)


def _offer_row(offer: Offer, rate: ExchangeRate) -> list[str]:
    from tco.domain.price import Purchase
    from tco.prices.currency import from_usd

    instance = offer.instance
    prices = [offer.usd_per_accelerator_hour(purchase) for purchase in Purchase]
    oldest = min(quote.checked_on for quote in offer.quotes.values())
    labels = {quote.label for quote in offer.quotes.values() if quote.label}
    return [
        instance.seller,
        instance.region,
        instance.instance_type,
        f"{instance.accelerator_count} x {instance.accelerator}" if instance.accelerator else "-",
        *("unknown" if usd is None else f"{from_usd(usd, rate):.4f}" for usd in prices),
        f"{oldest}{''.join(f' ({label})' for label in sorted(labels))}",
    ]


def _offer_document(offer: Offer, rate: ExchangeRate) -> dict[str, Any]:
    from tco.prices.currency import from_usd
    from tco.prices.lookup import per_accelerator_usd

    prices = {}
    for purchase, quote in offer.quotes.items():
        per_hour = from_usd(float(quote.usd), rate)
        prices[purchase.value] = {
            "per_hour": per_hour,
            "per_accelerator_hour": per_accelerator_usd(per_hour, offer.instance.accelerator_count),
            "checked_on": quote.checked_on,
            "first_observed": quote.first_observed,
            "negotiated": quote.negotiated,
            "evidence": quote.evidence,
            "source": quote.reference,
        }
    return {**offer.instance.model_dump(exclude_none=True), "prices": prices}


def _show_other(
    catalog: Catalog, name: str, day: date, region: str | None, *, as_json: bool
) -> None:
    """Show a model's tokens or a service, once no machine is called that."""
    from tco.prices.lookup import services

    provider, _, model = name.partition("/")
    if model:
        _show_tokens(catalog.tokens(provider, model, on=day), day, as_json=as_json)
        return
    found = services(catalog, name, on=day, region=region)
    if as_json:
        document = [
            {"service": tier.quote.sku, "from_units": float(tier.from_units),
             "usd": float(tier.quote.usd), "unit": tier.quote.unit,
             "checked_on": tier.quote.checked_on, "source": tier.quote.reference}
            for tier in found
        ]  # fmt: skip
        print_json({"schema": "tco/prices-show/1", "price_date": day, "services": document})
        return
    _table(
        ["service", "from units", "USD", "per", "checked"],
        [
            [tier.quote.sku, f"{tier.from_units:f}", f"{tier.quote.usd:f}", tier.quote.unit,
             str(tier.quote.checked_on)]
            for tier in found
        ],
    )  # fmt: skip


def _show_one(fields: dict[str, Any], day: date, *, as_json: bool) -> None:
    known = {key: value for key, value in fields.items() if value is not None}
    if as_json:
        print_json({"schema": "tco/prices-show/1", "price_date": day, **known})
        return
    for key, value in known.items():
        typer.echo(f"{key}: {value}")


def _show_tokens(rates: TokenRates, day: date, *, as_json: bool) -> None:
    if as_json:
        document = rates.model_dump(mode="json", exclude_none=True)
        print_json({"schema": "tco/prices-show/1", "price_date": day, "tokens": document})
        return
    prices = {
        "input": rates.input_usd_per_mtok,
        "cached input": rates.cached_input_usd_per_mtok,
        "cache write": rates.cache_write_usd_per_mtok,
        "output": rates.output_usd_per_mtok if rates.charges_output else None,
    }
    for name, price in prices.items():
        typer.echo(f"{name}: {'no such price' if price is None else f'{price} USD per million'}")
    for band in rates.bands:
        typer.echo(
            f"above {band.above_input_tokens} input tokens: input {band.input_usd_per_mtok}, "
            f"output {band.output_usd_per_mtok}"
        )
    for window in rates.windows:
        typer.echo(
            f"{window.from_utc:%H:%M} to {window.to_utc:%H:%M} UTC: input "
            f"{window.input_usd_per_mtok}, output {window.output_usd_per_mtok}"
        )
    say(rates.reference)


@app.command()
def audit(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option(help="day to judge by", show_default="the newest check")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="show every warning")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what cannot be right, and for what has grown old."""
    from tco.prices.audit import audit as audit_of

    catalog = options_of(context).catalog
    found = audit_of(catalog, as_of=_day(as_of, "--as-of", catalog.as_of))
    if as_json:
        print_json(
            {"schema": "tco/prices-audit/1", "as_of": found.as_of, "passed": found.passed,
             "errors": [_finding_document(f) for f in found.errors],
             "warnings": [_finding_document(f) for f in found.warnings]}
        )  # fmt: skip
    else:
        for finding in found.errors:
            typer.echo(f"error: {finding}")
        for finding in found.warnings if everything else found.warnings[:MOST_LINES]:
            typer.echo(f"warning: {finding}")
        counts = Counter(Path(finding.file).name for finding in found.warnings)
        tally = ", ".join(f"{name} {count}" for name, count in counts.most_common())
        say(
            f"{len(found.errors)} errors, {len(found.warnings)} warnings as of {found.as_of}"
            + (f" ({tally})" if tally else "")
            + ("" if everything or len(found.warnings) <= MOST_LINES else "; --all shows them all")
        )
    if not found.passed:
        raise typer.Exit(1)


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.key,
        "problem": finding.problem,
        "action": finding.action,
    }


@app.command()
def refresh(
    context: typer.Context,
    cloud: Annotated[str, typer.Argument(help="aws or azure")],
    region: Annotated[str, typer.Option(help="region to ask for")],
    instance_type: Annotated[
        list[str] | None,
        typer.Option(help="may be repeated", show_default="all that the tables know there"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show changes, write nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Read list prices from a cloud's price API into your own dated rows, showing what changed."""
    from tco.prices import refresh as reading
    from tco.prices.readings import Wanted

    catalog = options_of(context).catalog
    machines = reading.machines_of(catalog, cloud, region, instance_type)
    outcome = reading.refresh(
        catalog,
        Wanted(region, machines, datetime.now(UTC).date()),
        reading.source_for(cloud, region),
        folder=None if dry_run else user_overlay(),
        retry=reading.patient(say),
        show=_ignore_changes if as_json else _show_changes,
    )
    if as_json:
        print_json(
            {"schema": "tco/prices-refresh/1", "cloud": cloud, "region": region,
             "complete": outcome.complete, "written": [str(path) for path in outcome.written],
             "changes": [
                 {"sku": c.sku, "old": c.old, "new": c.new, "change": c.share}
                 for c in outcome.changes
             ]}
        )  # fmt: skip
    say(outcome.summary)
    if not outcome.complete:
        raise typer.Exit(1)


def _show_changes(changes: Sequence[Change]) -> None:
    rows = [
        [
            change.sku,
            "unknown" if change.old is None else str(change.old),
            str(change.new),
            "new" if change.share is None else f"{change.share:+.1%}",
        ]
        for change in changes
    ]
    _table(["sku", "old", "new", "change"], rows)


def _ignore_changes(_changes: Sequence[Change]) -> None:
    """Say nothing before the one JSON document."""
