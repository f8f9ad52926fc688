"""People, one-off and monthly items, the work of switching, and what runs today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from tco.domain.cost import Behaviour, Nature, Payee, Phase
from tco.domain.lifecycle import Lifecycle
from tco.domain.months import Months
from tco.domain.price import Quote
from tco.domain.record import Evidence
from tco.domain.scenario import PAYROLL, Incumbent, Scenario
from tco.ledger.expression import Driver, Expression, Number, driver
from tco.ledger.model import LineMaker
from tco.ledger.option import Switch
from tco.ledger.tariff import active_months, times, unit_price
from tco.units import MONTHS_PER_YEAR

ONE = Number(1.0, "once")
PersonQuote = Callable[[str, date], Quote]


def add_lifecycle_lines(
    make: LineMaker,
    scenario: Scenario,
    lifecycle: Lifecycle,
    person_quote: PersonQuote,
    *,
    path: str,
    first_month: int = 1,
    last_month: int | None = None,
) -> None:
    """Add a line for each item; months count from the first month of the part they belong to."""
    last = last_month or scenario.horizon_months

    def months(item: Months, name: str) -> Expression | None:
        start = item.first + first_month - 1
        end = last if item.last is None else min(last, item.last + first_month - 1)
        return active_months(f"{name}.months", start, end, scenario.horizon_months)

    for name, person in lifecycle.people.items():
        key = f"{path}.people.{name}"
        hours = driver(
            "organisation.hours_per_fte_year", "h/year", scenario.organisation.hours_per_fte_year
        )
        a_month = Number(MONTHS_PER_YEAR, "months in a year")
        fte = driver(f"{key}.fte", "FTE", person.fte)
        make.add(
            key,
            phase=person.phase,
            category="people",
            item=f"{name.replace('-', ' ')} ({person.role})",
            quantity=times(fte * hours / a_month, [months(person.months, key)]),
            unit="person-hour",
            unit_price_usd=_labour_rate(scenario, person.role, person_quote),
            nature=Nature.RUN,
            behaviour=Behaviour.FIXED,
            payee=Payee.PAYROLL,
        )
    for name, once in lifecycle.one_off.items():
        key = f"{path}.one_off.{name}"
        month = once.month + first_month - 1
        if month > last:
            continue
        make.add(
            key,
            phase=once.phase,
            category="one-off",
            item=once.title,
            quantity=times(ONE, [active_months(key, month, month, scenario.horizon_months)]),
            unit="item",
            unit_price_usd=driver(f"{key}.usd", "USD", once.usd),
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=once.payee,
            flow=once.flow,
            life_months=once.life_months,
        )
    for name, monthly in lifecycle.monthly.items():
        key = f"{path}.monthly.{name}"
        make.add(
            key,
            phase=monthly.phase,
            category="monthly",
            item=monthly.title,
            quantity=times(Number(1.0, "month"), [months(monthly.months, key)]),
            unit="month",
            unit_price_usd=driver(f"{key}.usd_per_month", "USD/month", monthly.usd_per_month),
            nature=Nature.RUN,
            behaviour=Behaviour.FIXED,
            payee=monthly.payee,
        )


def _labour_rate(scenario: Scenario, role: str, person_quote: PersonQuote) -> Expression:
    """Return the firm's own rate where it states one, else a published one; events move both."""
    own = scenario.organisation.labour_usd_per_hour.get(role)
    if own is not None:
        name = f"organisation.labour_usd_per_hour.{role}"
        return unit_price(scenario, PAYROLL, name, "USD/h", own, is_own=True)
    quote = person_quote(role, scenario.price_date)
    name = f"price.people.{role}"
    return unit_price(scenario, PAYROLL, name, "USD/h", quote.estimate, is_own=quote.negotiated)


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
