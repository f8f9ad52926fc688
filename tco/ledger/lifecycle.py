"""One-off and monthly items, what assets fetch at the end, the work of switching, today's bill."""

from __future__ import annotations

from tco.domain.cost import Behaviour, Flow, Nature, Payee, Phase
from tco.domain.lifecycle import Lifecycle, MonthlyItem, OneOffItem
from tco.domain.record import Estimate, Evidence, worse
from tco.domain.scenario import Incumbent, Scenario
from tco.ledger.buying import ONE, Buyer
from tco.ledger.expression import Driver, Expression, Number, driver
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, Switch
from tco.ledger.tariff import Held, active_months, forced_moves, stated_price, times
from tco.prices.onprem import residual_share
from tco.prices.paths import CORNERS

RESIDUAL_AGES = (12, 24, 36)
"""Ages at which the price tables know what hardware fetches [months]."""
FOREVER = 10_000
"""Months for which a price once paid does not change any more."""


def add_item_lines(buyer: Buyer, lifecycle: Lifecycle) -> None:
    """Add a line for each one-off and monthly item, and for what each asset fetches at the end."""
    for name, once in lifecycle.one_off.items():
        month = once.month + buyer.holder.first_month - 1
        if month <= buyer.holder.last_month:
            _add_one_off(buyer, f"one_off.{name}", once, month)
    for name, monthly in lifecycle.monthly.items():
        _add_monthly(buyer, f"monthly.{name}", monthly)


def _add_one_off(buyer: Buyer, name: str, once: OneOffItem, month: int) -> None:
    key = buyer.key(name)
    bought = active_months(key, month, month, buyer.scenario.horizon_months)
    buyer.add(
        name,
        once.title,
        phase=once.phase,
        category="one-off",
        quantity=times(ONE, [bought]),
        unit="item",
        unit_price_usd=buyer.stated(f"{key}.usd", "USD", once.usd),
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=once.payee,
        flow=once.flow,
        life_months=once.life_months,
    )
    if once.flow is Flow.CAPEX:
        _add_residual(buyer, name, once, month)


def _add_residual(buyer: Buyer, name: str, asset: OneOffItem, month: int) -> None:
    """Credit what an asset fetches when the plan ends; nothing where it cannot be sold."""
    horizon, key = buyer.scenario.horizon_months, buyer.key(name)
    share = asset.residual_share
    if share is None:
        if asset.payee is not Payee.HARDWARE:
            return
        share = market_share(buyer, horizon - month + 1)
    paid = stated_price(buyer.scenario, f"{key}.usd", "USD", asset.usd, held=Held(month, FOREVER))
    fetched = driver(f"{key}.residual_share", "-", share)
    buyer.add(
        f"{name}.residual",
        f"{asset.title}: residual value at the end of the plan",
        phase=asset.phase,
        category="residual value",
        quantity=times(ONE, [active_months(f"{key}.end", horizon, horizon, horizon)]),
        unit="item",
        unit_price_usd=paid * fetched * Number(-1.0, "a credit"),
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=asset.payee,
        flow=Flow.CREDIT,
    )


def market_share(buyer: Buyer, age_months: int) -> Estimate:
    """Return the share of its price that hardware fetches, between the ages that are known."""
    on = buyer.scenario.price_date
    known = [
        (float(age), buyer.holder.shop.catalog.figure(f"residual_share_{age}_months", on=on))
        for age in RESIDUAL_AGES
    ]

    def at(corner: str) -> float:
        points = []
        for age, figure in known:
            value = getattr(figure, corner)
            points.append((age, figure.likely if value is None else value))
        return residual_share(age_months, points)

    low, likely, high = (at(corner) for corner in CORNERS)
    sources = dict.fromkeys(figure.source or "" for _, figure in known)
    return Estimate(
        likely=likely,
        low=low,
        high=high,
        evidence=worse(Evidence.ESTIMATED, *(figure.evidence for _, figure in known)),
        source=f"market value at {age_months} months, from {'; '.join(sources)}",
        checked_on=min((x.checked_on for _, x in known if x.checked_on is not None), default=None),
    )


def _add_monthly(buyer: Buyer, name: str, monthly: MonthlyItem) -> None:
    key = buyer.key(name)
    buyer.add(
        name,
        monthly.title,
        phase=monthly.phase,
        category="monthly",
        quantity=times(Number(1.0, "month"), [buyer.active(name, monthly.months)]),
        unit="month",
        unit_price_usd=buyer.stated(f"{key}.usd_per_month", "USD/month", monthly.usd_per_month),
        nature=Nature.RUN,
        behaviour=Behaviour.FIXED,
        payee=monthly.payee,
    )


def add_switch_lines(
    make: LineMaker, scenario: Scenario, switches: tuple[Switch, ...], migration_usd: Expression
) -> None:
    """Add the cost of each switch between stages."""
    for switch in switches:
        key = f"migration.{switch.to}"
        at = active_months(key, switch.month, switch.month, scenario.horizon_months)
        make.add(
            key,
            phase=Phase.DEPLOYMENT,
            category="migration",
            item=f"switch to {switch.to}",
            quantity=times(ONE, [at]),
            unit="item",
            unit_price_usd=migration_usd,
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.OTHER,
        )


def add_forced_moves(make: LineMaker, scenario: Scenario, part: Part, thing: str) -> None:
    """Add the work of moving where a vendor stops selling what a part rests on."""
    for _, path, month in forced_moves(scenario, [thing]):
        [name] = [key for key, known in scenario.price_paths.items() if known is path]
        if path.successor is None or not part.first_month <= month <= part.last_month:
            continue
        key = f"price_paths.{name}.successor"
        at = active_months(f"{key}.moved", month, month, scenario.horizon_months)
        make.add(
            f"{part.name}.{key}",
            phase=Phase.DEPLOYMENT,
            category="migration",
            item=f"forced move from {thing} to {path.successor.title}",
            quantity=times(ONE, [at]),
            unit="item",
            unit_price_usd=stated_price(
                scenario, f"{key}.migration_usd", "USD", path.successor.migration_usd
            ),
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.OTHER,
        )


def add_incumbent_lines(make: LineMaker, incumbent: Incumbent, requests: Expression) -> None:
    """Carry last month's bill on: its fixed part each month, the rest with the requests."""
    bill = driver("incumbent.last_month_bill_usd", "USD", incumbent.last_month_bill_usd)
    fixed = Driver(
        "incumbent.fixed_share", "-", incumbent.fixed_share, Evidence.STATED, incumbent.source
    )
    served = Number(incumbent.last_month_requests, "requests of last month")
    parts: dict[str, tuple[Expression, str, Expression, Behaviour, Expression | None]] = {
        "fixed": (Number(1.0, "month"), "month", bill * fixed, Behaviour.FIXED, None),
        "variable": (
            requests,
            "request",
            bill * (1.0 - fixed) / served,
            Behaviour.VARIABLE,
            requests,
        ),
    }
    for name, (quantity, unit, price, behaviour, volume) in parts.items():
        make.add(
            f"incumbent.{name}",
            phase=Phase.INFERENCE,
            category="incumbent",
            item=f"{incumbent.title}, {name} part of its bill",
            quantity=quantity,
            unit=unit,
            unit_price_usd=price,
            nature=Nature.RUN,
            behaviour=behaviour,
            payee=Payee.OTHER,
            volume=volume,
        )
