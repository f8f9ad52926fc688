"""People in money: loaded rates, roles by month, getting up to speed, on-call, waiting."""

from __future__ import annotations

from tco.domain.cost import Behaviour, Nature, Payee, Phase
from tco.domain.lifecycle import Lifecycle
from tco.domain.people_plan import PeopleItem, RampUp
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.ledger.buying import Buyer
from tco.ledger.expression import Expression, Least, Number, Series, driver
from tco.ledger.tariff import times
from tco.ledger.volume import calendar_hours
from tco.units import HOURS_PER_WEEK, MONTHS_PER_YEAR

A_MONTH = Number(MONTHS_PER_YEAR, "months in a year")


def hours_per_fte_month(scenario: Scenario) -> Expression:
    """Return the hours of a full-time person in a month [h]."""
    yearly = scenario.organisation.hours_per_fte_year
    return driver("organisation.hours_per_fte_year", "h/year", yearly) / A_MONTH


def add_people_lines(buyer: Buyer, lifecycle: Lifecycle) -> None:
    """Add each role's paid hours, on-call, the share of a platform team, and waiting."""
    for name, person in lifecycle.people.items():
        _add_person(buyer, name, person)
    _add_on_call(buyer, lifecycle)
    _add_platform_team(buyer, lifecycle)
    _add_waiting(buyer, lifecycle)


def _add_person(buyer: Buyer, name: str, person: PeopleItem) -> None:
    key = buyer.key(f"people.{name}")
    fte = driver(f"{key}.fte", "FTE", person.fte)
    hours = fte * hours_per_fte_month(buyer.scenario)
    if person.ramp_up is not None:
        hours = hours * (1.0 + _extra(buyer, key, person, person.ramp_up))
    buyer.labour(
        f"people.{name}",
        f"{name.replace('-', ' ')} ({person.role})",
        person.role,
        times(hours, [buyer.active(f"people.{name}", person.months)]),
        phase=person.phase,
        category="people",
    )


def _extra(buyer: Buyer, key: str, person: PeopleItem, ramp: RampUp) -> Expression:
    """Return the extra time of a newcomer by month: from the full extra down to none, evenly."""
    begins = person.months.first + buyer.holder.first_month - 1
    ages = (month - begins + 0.5 for month in range(1, buyer.scenario.horizon_months + 1))
    left = tuple(max(0.0, 1.0 - age / ramp.months) if age > 0 else 0.0 for age in ages)
    path = Series(
        f"{key}.ramp_up.left",
        "-",
        left,
        Evidence.STATED,
        f"even fall over {ramp.months} months, at the middle of each",
    )
    return driver(f"{key}.ramp_up.extra_share_at_start", "-", ramp.extra_share_at_start) * path


def _add_on_call(buyer: Buyer, lifecycle: Lifecycle) -> None:
    duty = lifecycle.on_call
    if duty is None:
        return
    key = buyer.key("on_call")
    weekly = driver(f"{key}.hours_per_week", "h/week", duty.hours_per_week)
    weeks = calendar_hours(buyer.scenario.months) / Number(HOURS_PER_WEEK, "hours in a week")
    buyer.add(
        "on_call",
        f"standing by ({duty.role})",
        phase=Phase.OPERATION,
        category="people",
        quantity=times(weekly * weeks, [buyer.active("on_call", duty.months)]),
        unit="standby-hour",
        unit_price_usd=buyer.holder.shop.person_hour(duty.role)
        * driver(f"{key}.rate_share", "-", duty.rate_share),
        nature=Nature.RUN,
        behaviour=Behaviour.FIXED,
        payee=Payee.PAYROLL,
    )


def _add_platform_team(buyer: Buyer, lifecycle: Lifecycle) -> None:
    team = lifecycle.platform_team
    if team is None:
        return
    key = buyer.key("platform_team")
    fte = driver(f"{key}.fte", "FTE", team.fte)
    models = driver(f"{key}.models_served", "models", team.models_served)
    buyer.labour(
        "platform_team",
        f"share of the platform team ({team.role})",
        team.role,
        times(
            fte / models * hours_per_fte_month(buyer.scenario),
            [buyer.active("platform_team", team.months)],
        ),
        phase=Phase.PLATFORM,
        category="people",
    )


def _add_waiting(buyer: Buyer, lifecycle: Lifecycle) -> None:
    """Charge each month by the part of it that is waited through."""
    waiting = lifecycle.waiting
    if waiting is None:
        return
    key = buyer.key("waiting")
    until = driver(f"{key}.months", "months", waiting.months)
    begins = buyer.holder.first_month
    months = range(1, buyer.scenario.horizon_months + 1)
    before = Series(
        f"{key}.months_before",
        "months",
        tuple(float(max(0, month - begins)) for month in months),
        Evidence.STATED,
        "the scenario's calendar",
    )
    waited = Least((Number(1.0, "whole month"), until - Least((until, before))))
    buyer.add(
        "waiting",
        waiting.title,
        phase=Phase.DEPLOYMENT,
        category="waiting",
        quantity=times(waited, [buyer.whole("waiting")]),
        unit="month",
        unit_price_usd=buyer.stated(f"{key}.usd_per_month", "USD/month", waiting.usd_per_month),
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=Payee.OTHER,
    )
