"""``tco views``: one option's cost by time, kind of money, unit, user, and as a product."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.context import deliver, option_named, options_of, print_json

if TYPE_CHECKING:
    from tco.plan import Evaluation


def add_to(app: typer.Typer) -> None:
    """Add the command to the root."""
    app.command()(views)


def views(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="'use-case/scenario', or a file")],
    option: Annotated[
        str | None, typer.Option(help="which option", show_default="the cheapest")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Show an option's cost in several views.

    In cash, accrual and today's money; capex and opex, one-off and run, fixed and variable, by
    payee; per 1,000 requests, per million tokens, per user and per right answer; by team and
    product; as a product with its profit and loss; with what its faults cost the business.
    """
    options = options_of(context)
    [found] = options.evaluations(scenario)
    document = views_document(found, option_named(found, option))
    if as_json:
        print_json(document)
    else:
        deliver(_text(document), None)


def views_document(found: Evaluation, option: str) -> dict[str, Any]:
    """Write every view that the scenario has figures for; what it has none for is absent."""
    from tco.ledger.finance import levelised_cost_per_1k_usd
    from tco.ledger.option import likely_months
    from tco.ledger.views import bases_usd, by_fiscal_year, show_back_usd, splits_usd

    scenario = found.scenario
    rows = found.ledger[found.ledger["option"] == option]
    rate = scenario.organisation.discount_rate_per_year.likely
    requests = likely_months(found.requests, scenario.horizon_months)
    start_month = scenario.organisation.fiscal_year_start_month
    bases = {basis.value: usd for basis, usd in bases_usd(rows, scenario.months, rate).items()}
    document: dict[str, Any] = {
        "schema": "tco/views/1",
        "scenario": scenario.id,
        "option": option,
        "months": [f"{month:%Y-%m}" for month in scenario.months],
        "basis_usd": {
            "total": {name: float(usd.sum()) for name, usd in bases.items()},
            "by_fiscal_year": by_fiscal_year(bases, scenario.months, start_month),
            "by_month": {name: usd.tolist() for name, usd in bases.items()},
        },
        "split_usd": splits_usd(rows),
        "levelised_cost_per_1k_usd": levelised_cost_per_1k_usd(
            rows, scenario.months, requests, rate
        ),
        "unit_cost_usd": _unit_costs(found, option, bases["accrual"], requests),
    }
    business = scenario.business
    if business is not None:
        if business.show_back is not None:
            document["show_back_usd"] = show_back_usd(rows, business.show_back)
        document |= _business(found, option, start_month)
    return document


def _unit_costs(
    found: Evaluation, option: str, cost_usd: Any, requests: Any
) -> dict[str, dict[str, Any]]:
    """Return accrued cost over each unit that is known, over the horizon and by month."""
    from tco.ledger.business import right_share
    from tco.ledger.option import likely_months
    from tco.ledger.views import per_unit_usd
    from tco.ledger.volume import active_users, reference_tokens
    from tco.units import REQUESTS_PER_THOUSAND, TOKENS_PER_MTOK

    scenario, months = found.scenario, found.scenario.horizon_months
    units: dict[str, tuple[Any, float]] = {"1,000 requests": (requests, REQUESTS_PER_THOUSAND)}
    tokens = reference_tokens(scenario.workload)
    if tokens is not None:
        units["million tokens"] = (requests * likely_months(tokens, months), TOKENS_PER_MTOK)
    users = active_users(scenario.workload, months)
    if users is not None:
        units["user and month"] = (likely_months(users, months), 1.0)
    right = right_share(scenario, option, found.requests)
    if not isinstance(right, str):
        units["right answer"] = (requests * likely_months(right, months), 1.0)
    return {
        f"per {name}": {
            "over_the_horizon": float(cost_usd.sum() * of / count.sum()),
            "by_month": [
                None if math.isnan(usd) else usd
                for usd in per_unit_usd(cost_usd, count, of).tolist()
            ],
        }
        for name, (count, of) in units.items()
    }


def _business(found: Evaluation, option: str, start_month: int) -> dict[str, Any]:
    """Write value and faults, as far as they are asked for."""
    from tco.ledger import book
    from tco.ledger.business import LOST, OUTAGES, VALUE, WRONG, beside
    from tco.ledger.views import by_fiscal_year, profit_and_loss

    scenario = found.scenario
    rows = found.ledger[found.ledger["option"] == option]
    stands = beside(scenario, option, found.requests, _lost(found, option))
    document: dict[str, Any] = {}
    value = stands.by_month_usd(VALUE)
    if value is not None:
        book_of = profit_and_loss(rows, scenario.months, value)
        names = ("value", "serving", "margin", "running", "one_off", "profit")
        months = {name: getattr(book_of, name) for name in names}
        document["profit_and_loss_usd"] = {
            "total": {name: float(values.sum()) for name, values in months.items()},
            "by_fiscal_year": by_fiscal_year(months, scenario.months, start_month),
            "by_month": {name: values.tolist() for name, values in months.items()},
        }
    business = scenario.business
    if business is not None and business.impact is not None:
        tco = book.total_usd(rows)
        parts = {name: stands.by_month_usd(name) for name in (WRONG, LOST, OUTAGES)}
        document["business_impact"] = {
            "tco_usd": tco,
            "parts_usd": {name: float(usd.sum()) for name, usd in parts.items() if usd is not None},
            "not_known": dict(stands.unknown),
        }
        if stands.impact_usd is not None:
            document["business_impact"]["tco_and_impact_usd"] = tco + stands.impact_usd
    return document


def _lost(found: Evaluation, option: str) -> float | None:
    """Return the share of requests that one fleet loses; None where something else answers."""
    from tco.hosting import lost_share

    candidate = found.scenario.candidates.get(option)
    if candidate is None or candidate.deployment.kind != "self_hosted":
        return None
    return lost_share(found.usage[option][0]) if found.usage[option] else None


# ---- on the screen ------------------------------------------------------------------------------


def _text(document: dict[str, Any]) -> str:
    lines = [f"{document['scenario']}: {document['option']}"]
    lines += _table("by fiscal year, USD", document["basis_usd"])
    for column, words in document["split_usd"].items():
        told = ", ".join(f"{word} {_usd(usd)}" for word, usd in words.items())
        lines.append(f"{column:<10} {told}")
    lines += [
        "",
        f"levelised cost per 1,000 requests: {_price(document['levelised_cost_per_1k_usd'])}",
    ]
    for name, cost in document["unit_cost_usd"].items():
        known = [usd for usd in cost["by_month"] if usd is not None]
        lines.append(
            f"{name}: {_price(cost['over_the_horizon'])} over the horizon, {_price(known[0])} in "
            f"the first month, {_price(known[-1])} in the last"
        )
    for way, shares in document.get("show_back_usd", {}).items():
        lines.append(f"{way}: " + ", ".join(f"{name} {_usd(usd)}" for name, usd in shares.items()))
    if "profit_and_loss_usd" in document:
        lines += _table("as a product, USD", document["profit_and_loss_usd"])
    if "business_impact" in document:
        lines += _impact(document["business_impact"])
    return "\n".join(lines)


def _table(title: str, figures: dict[str, Any]) -> list[str]:
    columns = list(figures["total"])
    years = figures["by_fiscal_year"]
    head = f"{title:<22}" + "".join(f"{name.replace('_', '-'):>16}" for name in columns)
    rows = [
        f"{f'FY{year}':<22}" + "".join(f"{_usd(row[name]):>16}" for name in columns)
        for year, row in years.items()
    ]
    total = f"{'total':<22}" + "".join(f"{_usd(figures['total'][n]):>16}" for n in columns)
    return ["", head, *rows, total, ""]


def _impact(found: dict[str, Any]) -> list[str]:
    lines = [f"TCO: {_usd(found['tco_usd'])}"]
    lines += [f"  {name}: {_usd(usd)}" for name, usd in found["parts_usd"].items()]
    lines += [f"  {name}: not known, {why}" for name, why in found["not_known"].items()]
    if "tco_and_impact_usd" in found:
        lines.append(f"TCO + impact: {_usd(found['tco_and_impact_usd'])}")
    return lines


def _price(usd: float) -> str:
    """Write a unit cost: to the cent, and small ones to four digits."""
    return f"${usd:,.2f}" if abs(usd) >= 1 else f"${usd:.4g}"


def _usd(usd: float) -> str:
    return f"{'-' if usd < 0 else ''}${abs(usd):,.2f}"
