"""A platform in money: its fees, what it is assumed to save, what it must save to pay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.platform import Effects, Platform
from tco.ledger.buying import ONE, Buyer
from tco.ledger.expression import Expression, Number, driver
from tco.ledger.model import CostLine, CostModel
from tco.ledger.tariff import times
from tco.units import REQUESTS_PER_THOUSAND

EFFECTS = tuple(Effects.model_fields)
"""Names of the effects that a platform may be assumed to have."""
DEVELOPMENT = (Phase.EXPERIMENTATION, Phase.TRAINING)
A_MONTH = Number(1.0, "month")
THOUSAND = Number(REQUESTS_PER_THOUSAND, "requests in a thousand")


def add_platform_lines(buyer: Buyer, platform: Platform) -> None:
    """Add every fee of the platform, and the work of setting it up and keeping it."""
    active = buyer.active("platform", platform.months)
    month = times(A_MONTH, [active])
    if platform.subscription_usd_per_month is not None:
        price = buyer.stated(
            buyer.key("platform.subscription_usd_per_month"),
            "USD/month",
            platform.subscription_usd_per_month,
        )
        _add_fee(buyer, "subscription", platform, month, "month", price)
    if platform.seats is not None:
        key = buyer.key("platform.seats")
        seats = driver(f"{key}.count", "seats", platform.seats.count) * month
        price = buyer.stated(
            f"{key}.usd_per_seat_month", "USD/seat-month", platform.seats.usd_per_seat_month
        )
        _add_fee(buyer, "seats", platform, seats, "seat-month", price)
    if platform.usd_per_1k_requests is not None:
        volume = times(buyer.holder.volume, [active])
        price = buyer.stated(
            buyer.key("platform.usd_per_1k_requests"),
            "USD/1,000 requests",
            platform.usd_per_1k_requests,
        )
        unit = "1,000 requests"
        _add_fee(buyer, "use", platform, volume / THOUSAND, unit, price, volume=volume)
    if platform.usd_per_instance_hour is not None:
        _add_surcharge(buyer, platform, active)
    works = {"set_up": platform.set_up, "upkeep": platform.upkeep}
    for name, work in works.items():
        if work is not None:
            buyer.work(
                f"platform.{name}",
                f"{platform.title}: {name.replace('_', '-')}",
                work,
                phase=Phase.PLATFORM,
                category="platform",
                when=None if name == "set_up" else ONE * month,
                nature=Nature.ONE_OFF if name == "set_up" else Nature.RUN,
            )


def _add_fee(
    buyer: Buyer,
    name: str,
    platform: Platform,
    quantity: Expression,
    unit: str,
    price: Expression,
    *,
    volume: Expression | None = None,
) -> None:
    buyer.add(
        f"platform.{name}",
        f"{platform.title}: {name}",
        phase=Phase.PLATFORM,
        category="platform",
        quantity=quantity,
        unit=unit,
        unit_price_usd=price,
        nature=Nature.RUN,
        behaviour=Behaviour.FIXED if volume is None else Behaviour.VARIABLE,
        payee=platform.payee,
        volume=volume,
    )


def _add_surcharge(buyer: Buyer, platform: Platform, active: Expression | None) -> None:
    """Charge a fee on top of each machine hour that serves."""
    assert platform.usd_per_instance_hour is not None
    price = buyer.stated(
        buyer.key("platform.usd_per_instance_hour"),
        "USD/instance-hour",
        platform.usd_per_instance_hour,
    )
    for line in buyer.serving_lines():
        if line.unit == "instance-hour":
            _add_fee(
                buyer,
                f"surcharge.{line.key}",
                platform,
                times(line.quantity, [active]),
                line.unit,
                price,
            )


# ---- what it is assumed to save ---------------------------------------------------------------


def effect_on(line: CostLine) -> str | None:
    """Return which effect makes a line smaller; None where no platform helps."""
    if line.phase is Phase.PLATFORM:
        return None
    if line.category == "incidents":
        return "fewer_outages"
    if line.payee is Payee.PAYROLL:
        return "less_labour"
    if line.phase in DEVELOPMENT and line.kind is Kind.WASTED:
        return "fewer_wasted_runs"
    if line.kind in (Kind.WASTED, Kind.IDLE) and line.draws_power:
        return "less_idle"
    return None


def with_effects(lines: list[CostLine], buyer: Buyer, platform: Platform) -> list[CostLine]:
    """Return the lines as they are where the platform does what it is assumed to do."""
    active = buyer.active("platform", platform.months)
    left: dict[str, Expression] = {}
    for name in EFFECTS:
        assumed = getattr(platform.effects, name)
        if assumed is not None:
            saved = driver(buyer.key(f"platform.effects.{name}"), "-", assumed)
            left[name] = 1.0 - times(saved, [active])
    return [_made_smaller(line, left.get(effect_on(line) or "")) for line in lines]


def _made_smaller(line: CostLine, left: Expression | None) -> CostLine:
    if left is None:
        return line
    return replace(
        line,
        quantity=line.quantity * left,
        energy_kwh=None if line.energy_kwh is None else line.energy_kwh * left,
        embodied_co2e_kg=None if line.embodied_co2e_kg is None else line.embodied_co2e_kg * left,
    )


# ---- what it must save ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balance:
    """What a platform costs, saves, and would have to save."""

    option: str
    fee_usd: float
    saved_usd: float
    """At the assumed effects, all together [USD]."""
    needed: Mapping[str, float]
    """The share that each effect alone must reach to pay the fee; above 1 it never can."""
    needed_of_assumed: float | None
    """Factor on all assumed effects together that pays the fee; None where none is assumed."""


def balances(model: CostModel) -> Iterator[Balance]:
    """Hold the fee of each option's platform against what it saves."""
    for option in dict.fromkeys(line.option for line in model.lines):
        own = model.of([option])
        fee = sum(
            float(valued.cost_usd[0].sum())
            for valued in own.valued()
            if valued.line.category == "platform"
        )
        if fee > 0:
            yield _balance(own, option, fee)


def _balance(own: CostModel, option: str, fee_usd: float) -> Balance:
    """Work out costs without the effects by drawing them as zero."""
    zero = np.zeros(1)
    names = [name for name in own.drivers() if ".platform.effects." in name]
    without = own.valued(dict.fromkeys(names, zero))
    base = dict.fromkeys(EFFECTS, 0.0)
    for valued in without:
        effect = effect_on(valued.line)
        if effect is not None:
            base[effect] += float(valued.cost_usd[0].sum())
    whole = sum(float(valued.cost_usd[0].sum()) for valued in without)
    saved = whole - float(own.totals_usd()[option][0])
    return Balance(
        option,
        fee_usd,
        saved,
        {name: fee_usd / usd for name, usd in base.items() if usd > 0},
        fee_usd / saved if saved > 0 else None,
    )
