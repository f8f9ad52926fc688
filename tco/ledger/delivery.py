"""What stands around serving in money: network, balancers, weights, logs, spare copies."""

from __future__ import annotations

import numpy as np

from tco.domain.cost import Kind, Phase
from tco.domain.delivery import Delivery, Egress, Logs, Metered, Standing, Weights
from tco.domain.record import Evidence
from tco.ledger.buying import Buyer
from tco.ledger.deployment_work import add_side_fleet
from tco.ledger.expression import Expression, Number, Series, driver
from tco.ledger.option import likely_months
from tco.ledger.tariff import active_months, times
from tco.ledger.volume import calendar_hours
from tco.units import KB_PER_GB, REQUESTS_PER_THOUSAND

FAILOVER = "failover copy"
"""Cause of machines that wait for another zone or region to fail."""
THOUSAND = Number(REQUESTS_PER_THOUSAND, "requests in a thousand")
PER_GB = Number(KB_PER_GB, "kB in a GB")


def add_delivery_lines(buyer: Buyer, plan: Delivery) -> None:
    """Add the lines of everything that the plan states, for as long as the holder serves."""
    for name, metered in plan.metered.items():
        _add_metered(buyer, f"delivery.metered.{name}", metered)
    for name, standing in plan.standing.items():
        _add_standing(buyer, f"delivery.standing.{name}", standing)
    for name, egress in plan.egress.items():
        _add_egress(buyer, f"delivery.egress.{name}", name, egress)
    for name, weights in plan.weights.items():
        _add_weights(buyer, f"delivery.weights.{name}", name, weights)
    for name, logs in plan.logs.items():
        _add_logs(buyer, f"delivery.logs.{name}", name, logs)
    for name, fleet in plan.failover.items():
        add_side_fleet(
            buyer,
            f"delivery.failover.{name}",
            f"warm copy: {name}",
            fleet,
            phase=Phase.INFERENCE,
            kind=Kind.WASTED,
            cause=FAILOVER,
        )


def _serving(buyer: Buyer, name: str) -> Expression | None:
    """Return 1 in the months in which the holder serves; None where that is all."""
    holder = buyer.holder
    first = holder.first_month if holder.part is None else holder.part.first_month
    return active_months(
        f"{buyer.key(name)}.months", first, holder.last_month, holder.horizon_months
    )


def _add_metered(buyer: Buyer, name: str, metered: Metered) -> None:
    each = driver(
        f"{buyer.key(name)}.units_per_1k_requests", "units", metered.units_per_1k_requests
    )
    buyer.service(
        name,
        metered.title,
        metered.price,
        each * buyer.holder.volume / THOUSAND,
        phase=Phase.INFERENCE,
        category="service",
        unit=buyer.holder.shop.unit_of(metered.price),
        volume=buyer.holder.volume,
    )


def _add_standing(buyer: Buyer, name: str, standing: Standing) -> None:
    count = driver(f"{buyer.key(name)}.count", "items", standing.count)
    hours = count * calendar_hours(buyer.scenario.months)
    buyer.service(
        name,
        standing.title,
        standing.price,
        times(hours, [_serving(buyer, name)]),
        phase=Phase.INFERENCE,
        category="service",
        unit="hour",
    )


def _add_egress(buyer: Buyer, name: str, title: str, egress: Egress) -> None:
    each = driver(f"{buyer.key(name)}.kb_per_request", "kB/request", egress.kb_per_request)
    buyer.service(
        name,
        f"egress of {title}",
        egress.price,
        buyer.holder.volume * each / PER_GB,
        phase=Phase.INFERENCE,
        category="egress",
        unit="GB",
        volume=buyer.holder.volume,
    )


def _add_weights(buyer: Buyer, name: str, title: str, weights: Weights) -> None:
    gb = driver(f"{buyer.key(name)}.gb", "GB", weights.gb)
    copies = driver(f"{buyer.key(name)}.copies", "copies", weights.copies)
    buyer.service(
        name,
        f"weights, {title}",
        weights.storage,
        times(gb * copies, [_serving(buyer, name)]),
        phase=Phase.INFERENCE,
        category="storage",
        unit="GB-month",
    )


def _add_logs(buyer: Buyer, name: str, title: str, logs: Logs) -> None:
    key, volume = buyer.key(name), buyer.holder.volume
    share = driver(f"{key}.logged_share", "-", logs.logged_share)
    each = share * driver(f"{key}.kb_per_request", "kB/request", logs.kb_per_request) / PER_GB
    if logs.ingestion is not None:
        buyer.service(
            f"{name}.ingestion",
            f"logs taken in, {title}",
            logs.ingestion,
            volume * each,
            phase=Phase.INFERENCE,
            category="logs",
            unit="GB",
            volume=volume,
        )
    if logs.storage is not None:
        buyer.service(
            f"{name}.storage",
            f"logs kept, {title}",
            logs.storage,
            volume * _kept(buyer, key, logs.kept_months) * each,
            phase=Phase.INFERENCE,
            category="storage",
            unit="GB-month",
            volume=volume,
        )


def _kept(buyer: Buyer, key: str, kept_months: int) -> Series:
    """Return the requests whose logs are kept over those of the month itself, likely case [-].

    Logs of earlier months lie beside the month's own; where volume is uncertain, all months of a
    draw are off by nearly the same factor.
    """
    likely = likely_months(buyer.holder.volume, buyer.holder.horizon_months)
    kept = np.convolve(likely, np.ones(kept_months))[: likely.size]
    ratio = np.divide(kept, likely, out=np.zeros_like(kept), where=likely > 0)
    return Series(
        f"{key}.kept",
        "-",
        tuple(ratio.tolist()),
        Evidence.ESTIMATED,
        f"months of logs that lie there when each is kept for {kept_months}, at likely volume",
    )
