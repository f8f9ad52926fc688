"""Unit prices as expressions: the quote, one's own discount, and what events do to it later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.ledger.expression import Driver, Expression, Power, Series, driver
from tco.prices.paths import months_sold, path_for
from tco.units import MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Held:
    """Months for which a commitment holds its price; without a term the price is today's."""

    first_month: int = 1
    term_months: int | None = None

    def agreed_in(self, month: int) -> int:
        """Return the month in which the price of a month was agreed.

        >>> Held(3, 12).agreed_in(14), Held(3, 12).agreed_in(15), Held().agreed_in(14)
        (3, 15, 14)
        """
        if self.term_months is None or month < self.first_month:
            return month
        return month - (month - self.first_month) % self.term_months


def unit_price(
    scenario: Scenario,
    seller: str,
    name: str,
    unit: str,
    price_today: Estimate,
    *,
    is_own: bool = False,
    held: Held = Held(),
) -> Expression:
    """Return a unit price over the months [USD per unit].

    Args:
        scenario: Its organisation holds negotiated discounts, its events change prices.
        seller: Who sells; discounts and events name sellers.
        name: Name of the driver, such as ``price.openai/gpt-5-mini.input``.
        unit: Unit that one price covers, such as ``USD/Mtok``.
        price_today: The quote with its source.
        is_own: Whether it is already one's own price: a list price's discount is not taken twice.
        held: For how long a price, once agreed, is out of reach of price events.
    """
    price: Expression = driver(name, unit, price_today)
    discount = scenario.organisation.negotiated_discounts.get(seller)
    if discount is not None and not is_own:
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
            months = range(1, scenario.horizon_months + 1)
            later = tuple(float(held.agreed_in(month) >= event.from_month) for month in months)
            path = f"price_events.{event_name}"
            after = Series(f"{path}.from_month", "-", later, Evidence.STATED, event.title)
            price = price * (1.0 + (driver(f"{path}.factor", "-", event.factor) - 1.0) * after)
    return times(price, _drift(scenario, name.removeprefix("price."), held))


def _drift(scenario: Scenario, thing: str, held: Held) -> Iterator[Expression]:
    """Yield what the narrowest price path that names a thing multiplies its price by."""
    found = path_for(thing, scenario.price_paths.values())
    for path_name, path in scenario.price_paths.items():
        if path is not found:
            continue
        months = range(1, scenario.horizon_months + 1)
        agreed = [held.agreed_in(month) for month in months]
        years = [(month - 1) / MONTHS_PER_YEAR for month in agreed]
        if path.steps == "yearly":
            years = [float(math.floor(year)) for year in years]
        key, source = f"price_paths.{path_name}", f"price path '{path_name}' of the scenario"
        since = Series(f"{key}.years", "years", tuple(years), Evidence.STATED, source)
        change = driver(f"{key}.yearly_change", "1/year", path.yearly_change)
        if path.yearly_change.likely or path.yearly_change.low is not None:
            yield Power(1.0 + change, since)
        for number, shock in enumerate(path.shocks):
            later = tuple(float(month >= shock.month) for month in agreed)
            after = Series(f"{key}.shocks.{number}.month", "-", later, Evidence.STATED, shock.name)
            yield 1.0 + driver(f"{key}.shocks.{number}.change", "-", shock.change) * after


def end_of_life(scenario: Scenario, things: Iterable[str]) -> list[str]:
    """Say of each thing that its vendor stops selling it before the plan ends."""
    found = []
    for thing in things:
        path = path_for(thing, scenario.price_paths.values())
        if path is None or path.ends_on is None:
            continue
        sold = months_sold(path, scenario.start, scenario.horizon_months)
        if sold < scenario.horizon_months:
            found.append(
                f"{thing} is sold until {path.ends_on:%Y-%m-%d}, for {sold} of the "
                f"{scenario.horizon_months} months; what serves after that is not stated"
            )
    return found


def active_months(name: str, first: int, last: int, horizon_months: int) -> Series | None:
    """Return 1 in the months from ``first`` to ``last`` and 0 elsewhere; None where that is all."""
    if first <= 1 and last >= horizon_months:
        return None
    values = tuple(float(first <= month <= last) for month in range(1, horizon_months + 1))
    when = f"month {first}" if first == last else f"months {first} to {last}"
    return Series(name, "-", values, Evidence.STATED, f"{when} of the scenario")


def times(expression: Expression, factors: Iterable[Expression | None]) -> Expression:
    """Multiply by those factors that are given."""
    for factor in factors:
        if factor is not None:
            expression = expression * factor
    return expression
