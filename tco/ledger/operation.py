"""Keeping a model good: tools, labels, evaluation sets, incidents, audits, versions, the end."""

from __future__ import annotations

from dataclasses import replace

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.operation import (
    EvaluationSet,
    Incidents,
    KeptVersions,
    Licence,
    Operation,
    Recurring,
    Tool,
)
from tco.domain.record import Evidence
from tco.ledger.buying import ONE, Buyer
from tco.ledger.expression import Expression, Number, Series, driver
from tco.ledger.model import CostLine
from tco.ledger.retraining import add_retraining_lines
from tco.ledger.tariff import times
from tco.units import REQUESTS_PER_THOUSAND

A_MONTH = Number(1.0, "month")
THOUSAND = Number(REQUESTS_PER_THOUSAND, "requests in a thousand")
OLD_VERSION = "old version kept"


def add_operation_lines(buyer: Buyer, plan: Operation) -> None:
    """Add the lines of everything that the plan states."""
    for name, tool in plan.tools.items():
        _add_tool(buyer, f"operation.tools.{name}", tool)
    if plan.production_labels is not None:
        name = "operation.production_labels"
        buyer.labels(
            name,
            "labels from production",
            plan.production_labels,
            phase=Phase.OPERATION,
            when=buyer.whole(name),
        )
    for name, known in plan.evaluation_sets.items():
        _add_evaluation_set(buyer, f"operation.evaluation_sets.{name}", name, known)
    for severity, incidents in plan.incidents.items():
        _add_incidents(buyer, f"operation.incidents.{severity}", severity.upper(), incidents)
    for name, audit in plan.audits.items():
        _add_audit(buyer, f"operation.audits.{name}", audit)
    for name, licence in plan.licences.items():
        _add_licence(buyer, f"operation.licences.{name}", licence)
    releases: tuple[int, ...] = ()
    if plan.retraining is not None:
        releases = add_retraining_lines(buyer, plan.retraining)
    if plan.versions is not None:
        _add_versions(buyer, plan.versions, releases)
    if plan.retirement is not None:
        name = "operation.retirement"
        end = buyer.on(name, (buyer.holder.last_month,))
        buyer.work(
            name,
            "retirement",
            plan.retirement,
            phase=Phase.RETIREMENT,
            category="retirement",
            when=end,
        )


def _add_tool(buyer: Buyer, name: str, tool: Tool) -> None:
    key, months = buyer.key(name), buyer.active(name, tool.months)
    if tool.price is not None:
        volume = None
        if tool.units_per_month is not None:
            units: Expression = driver(f"{key}.units_per_month", "units", tool.units_per_month)
        else:
            assert tool.units_per_1k_requests is not None
            volume = times(buyer.holder.volume, [months])
            each = driver(f"{key}.units_per_1k_requests", "units", tool.units_per_1k_requests)
            units = each * buyer.holder.volume / THOUSAND
        buyer.service(
            name,
            tool.title,
            tool.price,
            times(units, [months]),
            phase=Phase.OPERATION,
            category="monitoring",
            unit=tool.unit or "",
            payee=tool.payee,
            volume=volume,
        )
    elif tool.share_of_serving is not None:
        share = driver(f"{key}.share_of_serving", "-", tool.share_of_serving)
        for line in buyer.serving_lines():
            _add_share(buyer, name, tool, line, times(share, [months]))
    else:
        assert tool.usd_per_month is not None
        buyer.add(
            name,
            tool.title,
            phase=Phase.OPERATION,
            category="monitoring",
            quantity=times(A_MONTH, [months]),
            unit="month",
            unit_price_usd=buyer.stated(f"{key}.usd_per_month", "USD/month", tool.usd_per_month),
            nature=Nature.RUN,
            behaviour=Behaviour.FIXED,
            payee=tool.payee,
        )


def _add_share(buyer: Buyer, name: str, tool: Tool, line: CostLine, share: Expression) -> None:
    """Charge a share of what a serving line costs: its quantity at so much of its price."""
    buyer.make.lines.append(
        replace(
            line,
            key=f"{buyer.key(name)}.{line.key}",
            item=f"{tool.title}: {line.item}",
            unit_price_usd=line.unit_price_usd * share,
            phase=Phase.OPERATION,
            category="monitoring",
            kind=Kind.NONE,
            cause="",
            payee=tool.payee,
            energy_kwh=None,
            co2e_kg_per_kwh=None,
            embodied_co2e_kg=None,
        )
    )


def _add_evaluation_set(buyer: Buyer, name: str, title: str, known: EvaluationSet) -> None:
    buyer.labels(
        name,
        f"evaluation set {title.replace('-', ' ')}",
        known.labels,
        phase=Phase.OPERATION,
        when=buyer.every(name, known.first_month, known.every_months),
        nature=Nature.ONE_OFF if known.every_months is None else Nature.RUN,
    )


def _add_incidents(buyer: Buyer, name: str, severity: str, known: Incidents) -> None:
    key = buyer.key(name)
    hours = (
        driver(f"{key}.per_month", "incidents/month", known.per_month)
        * driver(f"{key}.hours", "h", known.hours)
        * driver(f"{key}.people", "people", known.people)
    )
    buyer.labour(
        name,
        f"{severity} incidents ({known.role})",
        known.role,
        times(hours, [buyer.whole(name)]),
        phase=Phase.OPERATION,
        category="incidents",
    )


def _add_audit(buyer: Buyer, name: str, audit: Recurring) -> None:
    when = None
    if audit.every_months is not None:
        when = buyer.every(name, audit.work.month, audit.every_months)
    buyer.work(
        name,
        audit.title,
        audit.work,
        phase=Phase.GOVERNANCE,
        category="governance",
        when=when,
        nature=Nature.ONE_OFF if when is None else Nature.RUN,
    )


def _add_licence(buyer: Buyer, name: str, licence: Licence) -> None:
    buyer.add(
        name,
        licence.title,
        phase=Phase.GOVERNANCE,
        category="licences",
        quantity=times(A_MONTH, [buyer.active(name, licence.months)]),
        unit="month",
        unit_price_usd=buyer.stated(
            f"{buyer.key(name)}.usd_per_month", "USD/month", licence.usd_per_month
        ),
        nature=Nature.RUN,
        behaviour=Behaviour.FIXED,
        payee=Payee.OTHER,
    )


def _add_versions(buyer: Buyer, kept: KeptVersions, releases: tuple[int, ...]) -> None:
    """Store the release in use and older ones, the oldest leaving when there are too many.

    Tiers of a price count all that is stored; then each version takes its share.
    """
    name = "operation.versions"
    held, in_use = [], []
    for month in range(1, buyer.scenario.horizon_months + 1):
        inside = buyer.holder.first_month <= month <= buyer.holder.last_month
        count = min(1 + sum(release <= month for release in releases), kept.most)
        held.append(float(count) if inside else 0.0)
        in_use.append(1.0 / count)
    key = buyer.key(name)
    source = f"the first and {len(releases)} later releases, at most {kept.most} kept"
    versions = Series(f"{key}.held", "versions", tuple(held), Evidence.STATED, source)
    newest = Series(f"{key}.in_use", "-", tuple(in_use), Evidence.STATED, source)
    stored = driver(f"{key}.gb_each", "GB", kept.gb_each) * versions * ONE
    at = kept.storage
    shares = {Kind.USED: ("in use", newest), Kind.IDLE: ("kept", 1.0 - newest)}
    for kind, (word, share) in shares.items():
        buyer.make.add_steps(
            f"{key}.{kind}",
            buyer.holder.shop.service(at.seller, at.region, at.service, "GB-month", stored),
            share=share,
            item=f"model versions {word}, {at.seller} {at.service}",
            phase=Phase.OPERATION,
            category="storage",
            unit="GB-month",
            kind=kind,
            cause=OLD_VERSION if kind is Kind.IDLE else "",
        )
