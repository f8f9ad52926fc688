"""Unit prices as expressions: the quote, one's own discount, what price paths do to it later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tco.domain.price import PricePath
from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import PAYROLL, Scenario
from tco.ledger.expression import Driver, Expression, Power, Series, driver
from tco.prices.paths import drift_for, end_of_sale, months_sold, paths_for
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
        scenario: Its organisation holds negotiated discounts, its price paths move prices.
        seller: Who sells; discounts name sellers.
        name: Name of the driver, such as ``price.openai/gpt-5-mini.input``.
        unit: Unit that one price covers, such as ``USD/Mtok``.
        price_today: The quote with its source.
        is_own: Whether it is already one's own price: a list price's discount is not taken twice.
        held: For how long a price, once agreed, is out of reach of price paths.
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
    if seller == PAYROLL:
        role = f"people.{name.rpartition('.')[2]}"
        return times(price, _drift(scenario, role, held, inflates=True))
    return times(price, _drift(scenario, name.removeprefix("price."), held))


def stated_price(
    scenario: Scenario, name: str, unit: str, usd: Estimate, *, held: Held = Held()
) -> Expression:
    """Return a price that the scenario states, with what its paths and inflation do to it."""
    return times(driver(name, unit, usd), _drift(scenario, name, held, inflates=True))


def _drift(
    scenario: Scenario, thing: str, held: Held, *, inflates: bool = False
) -> Iterator[Expression]:
    """Yield what paths multiply a thing's price by: one drift, all shocks, a successor's price.

    What nobody lists drifts with the firm's inflation where no path says otherwise.
    """
    paths = scenario.price_paths
    agreed = [held.agreed_in(month) for month in range(1, scenario.horizon_months + 1)]
    following = drift_for(thing, paths.values())
    ending = end_of_sale(thing, paths.values())
    inflation = scenario.organisation.inflation_per_year
    if following is None and inflates and inflation is not None:
        name = "organisation.inflation_per_year"
        yield _drifted(name, "the firm's inflation, once a year", inflation, agreed, steps="yearly")
    for name, path in paths.items():
        key, source = f"price_paths.{name}", f"price path '{name}' of the scenario"
        if path is following and path.yearly_change is not None:
            yield _drifted(key, source, path.yearly_change, agreed, steps=path.steps)
        if path in paths_for(thing, [path]):
            for number, shock in enumerate(path.shocks):
                shocked = f"{key}.shocks.{number}"
                yield _jump(shocked, shock.name, shock.change, agreed, shock.month)
        if path is ending and path.successor is not None:
            month = months_sold(path, scenario.start, scenario.horizon_months) + 1
            title = path.successor.title
            yield _jump(f"{key}.successor", title, path.successor.change, agreed, month)


def _drifted(
    key: str, source: str, change: Estimate, agreed: Sequence[int], *, steps: str
) -> Expression:
    years = [(month - 1) / MONTHS_PER_YEAR for month in agreed]
    if steps == "yearly":
        years = [float(math.floor(year)) for year in years]
    since = Series(f"{key}.years", "years", tuple(years), Evidence.STATED, source)
    rate = key if key.startswith("organisation.") else f"{key}.yearly_change"
    return Power(1.0 + driver(rate, "1/year", change), since)


def _jump(
    key: str, title: str, change: Estimate, agreed: Sequence[int], from_month: int
) -> Expression:
    later = tuple(float(month >= from_month) for month in agreed)
    after = Series(f"{key}.month", "-", later, Evidence.STATED, title)
    return 1.0 + driver(f"{key}.change", "-", change) * after


def forced_moves(scenario: Scenario, things: Iterable[str]) -> Iterator[tuple[str, PricePath, int]]:
    """Yield each path that ends the sale of a thing within the plan, and the month of the end."""
    for thing in things:
        path = end_of_sale(thing, scenario.price_paths.values())
        if path is None:
            continue
        sold = months_sold(path, scenario.start, scenario.horizon_months)
        if sold < scenario.horizon_months:
            yield thing, path, sold + 1


def end_of_life(scenario: Scenario, things: Iterable[str]) -> list[str]:
    """Say of each thing that its vendor stops selling it, and nobody has said what serves then."""
    return [
        f"{thing} is sold until {path.ends_on:%Y-%m-%d}, for {month - 1} of the "
        f"{scenario.horizon_months} months; what serves after that is not stated"
        for thing, path, month in forced_moves(scenario, things)
        if path.successor is None
    ]


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
