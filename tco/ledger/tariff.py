"""Unit prices as expressions: the quote, one's own discount, and what events do to it later."""

from __future__ import annotations

from collections.abc import Iterable

from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.ledger.expression import Driver, Expression, Series, driver


def unit_price(
    scenario: Scenario, seller: str, name: str, unit: str, list_price: Estimate
) -> Expression:
    """Return a unit price over the months [USD per unit].

    Args:
        scenario: Its organisation holds negotiated discounts, its events change prices.
        seller: Who sells; discounts and events name sellers.
        name: Name of the driver, such as ``price.openai/gpt-5-mini.input``.
        unit: Unit that one price covers, such as ``USD/Mtok``.
        list_price: The quote with its source.
    """
    price: Expression = driver(name, unit, list_price)
    discount = scenario.organisation.negotiated_discounts.get(seller)
    if discount is not None:
        share = Driver(
            f"organisation.negotiated_discounts.{seller}",
            "-",
            discount.share,
            Evidence.STATED,
            f"negotiated: {discount.source}",
        )
        price = price * (1.0 - share)
    for event_name, event in scenario.price_events.items():
        if seller in event.sellers:
            start = event.from_month - 1
            later = tuple(float(k >= start) for k in range(scenario.horizon_months))
            path = f"price_events.{event_name}"
            after = Series(f"{path}.from_month", "-", later, Evidence.STATED, event.title)
            price = price * (1.0 + (driver(f"{path}.factor", "-", event.factor) - 1.0) * after)
    return price


def active_months(name: str, first: int, last: int, horizon_months: int) -> Series | None:
    """Return 1 in the months from ``first`` to ``last`` and 0 elsewhere; None where that is all."""
    if first <= 1 and last >= horizon_months:
        return None
    values = tuple(float(first <= month <= last) for month in range(1, horizon_months + 1))
    return Series(name, "-", values, Evidence.STATED, f"months {first} to {last} of the scenario")


def times(expression: Expression, factors: Iterable[Expression | None]) -> Expression:
    """Multiply by those factors that are given."""
    for factor in factors:
        if factor is not None:
            expression = expression * factor
    return expression
