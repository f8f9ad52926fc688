"""What owned machines cost: the money when it is paid, its spread over their life, and rates.

Three views of the same purchase. *Cash*: the price when it is paid, the residual value when the
machine leaves. *Accrual*: the loss of value spread evenly over the accounting life. *Economic
charge*: what a machine loses because newer ones overtake it, whatever the books say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tco.errors import MissingFigureError
from tco.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

Months = npt.NDArray[np.float64]
HOURS_PER_JULIAN_YEAR = 8766.0
"""365.25 days; the economic charge of the Epoch cost model is per such a year."""
ORDERS_OF_MAGNITUDE_PER_YEAR = 0.14
"""How fast accelerators gain performance per dollar, in the same model."""


def capital_recovery_factor(rate_per_year: float, years: float) -> float:
    """Return the even yearly payment that returns 1 spent today with interest.

    The annuity of levelised-cost work: r (1+r)^n / ((1+r)^n - 1), and 1/n without interest.

    >>> capital_recovery_factor(0.0, 4)
    0.25
    >>> round(capital_recovery_factor(0.10, 5), 6)
    0.263797
    """
    if rate_per_year == 0:
        return 1.0 / years
    # expm1 and log1p keep the digits that (1+r)^n - 1 loses at small rates.
    growth = math.expm1(years * math.log1p(rate_per_year))
    return rate_per_year * (growth + 1.0) / growth


def economic_charge_per_year() -> float:
    """Return the share of its value that hardware loses in a year to technical progress.

    The form of the Epoch training cost model: performance per dollar grows by 0.14 orders of
    magnitude a year, so value falls by 0.14 ln 10 of itself.

    >>> round(economic_charge_per_year(), 5)
    0.32236
    """
    return ORDERS_OF_MAGNITUDE_PER_YEAR * math.log(10.0)


def residual_share(age_months: float, points: Sequence[tuple[float, float]]) -> float:
    """Return what share of its price a machine still fetches, between and beyond known points.

    Between points value falls by the same share each month; after the last point it goes on
    falling as before.

    Args:
        age_months: Age [months].
        points: Known (age [months], share of the price), ages rising; new is (0, 1).
    """
    known = [(0.0, 1.0), *points]
    for (start, value), (end, later) in pairwise(known):
        if age_months <= end or (end, later) == known[-1]:
            return float(value * (later / value) ** ((age_months - start) / (end - start)))
    raise MissingFigureError(
        "no residual value is known at any age. "
        "Give at least one, such as the figure residual_share_36_months."
    )


@dataclass(frozen=True, slots=True)
class Asset:
    """A purchase: what was paid, how long the books keep it, and what it fetches in the end."""

    price_usd: float
    life_months: int
    """Accounting life [months]."""
    book_residual_usd: float = 0.0
    """Value left in the books after that life [USD]."""

    def book_value_usd(self, age_months: int) -> float:
        """Return what the books say it is worth at an age [USD]."""
        gone = min(age_months, self.life_months) / self.life_months
        return self.price_usd - (self.price_usd - self.book_residual_usd) * gone


@dataclass(frozen=True, slots=True)
class Schedule:
    """One purchase over the months of a plan, in both views; each row sums to the same."""

    cash_usd: Months
    """Price in the month of purchase; what it fetches, as a credit, in the last month."""
    depreciation_usd: Months
    disposal_usd: Months
    """In the last month: book value less what it fetched. A gain is negative."""

    @property
    def accrual_usd(self) -> Months:
        """Depreciation and the result of the disposal."""
        return self.depreciation_usd + self.disposal_usd


def schedule(asset: Asset, *, bought_month: int, months: int, fetches_usd: float) -> Schedule:
    """Lay a purchase over the months of a plan; it is given up when the plan ends.

    Args:
        asset: The purchase.
        bought_month: Month of the purchase, from 0.
        months: Length of the plan [months].
        fetches_usd: What it is worth on the market at the end of the plan [USD].
    """
    month = np.arange(months)
    age = months - bought_month
    cash = np.zeros(months)
    cash[bought_month] += asset.price_usd
    cash[-1] -= fetches_usd
    in_books = (month >= bought_month) & (month < bought_month + asset.life_months)
    per_month = (asset.price_usd - asset.book_residual_usd) / asset.life_months
    disposal = np.zeros(months)
    disposal[-1] = asset.book_value_usd(age) - fetches_usd
    return Schedule(cash, np.where(in_books, per_month, 0.0), disposal)


@dataclass(frozen=True, slots=True)
class OwnedRate:
    """What an owned accelerator costs an hour, taken apart [USD per accelerator-hour]."""

    capital: float
    network: float
    support: float
    spares: float
    licence: float
    colocation: float
    staff: float
    power: float

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return math.fsum(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class OwnedServer:
    """An owned server and all it needs through a year."""

    price_usd: float
    accelerators: int
    life_years: float
    residual_usd: float = 0.0
    """What it fetches after its life [USD]."""
    rate_per_year: float = 0.0
    """Cost of capital [share/year]."""
    network_share: float = 0.0
    """Network as a share of servers and network together."""
    support_share_per_year: float = 0.0
    """Support contract over the price of the server [share/year]."""
    spares_share: float = 0.0
    """Spare parts and machines over the price of the server."""
    licence_usd_per_accelerator_year: float = 0.0
    colocation_usd_per_kw_month: float = 0.0
    power_kw: float = 0.0
    """Power of the server at full load [kW]."""
    power_load: float = 1.0
    """Average power over full power."""
    pue: float = 1.0
    """Power of the whole site over that of the machines; 1 if colocation already includes it."""
    tariff_usd_per_kwh: float = 0.0
    staff_usd_per_year: float = 0.0
    availability: float = 1.0
    """Share of hours in which the server can work."""


def owned_rate(server: OwnedServer) -> OwnedRate:
    """Return the levelised cost of an hour in which an accelerator is available.

    The form of levelised-cost studies: the price less today's value of the residual becomes an
    even yearly payment (capital recovery factor), running costs are added, and all is divided by
    the hours in which the machine can work. Divide by utilisation for an hour of useful work.
    """
    hours = server.accelerators * HOURS_PER_YEAR * server.availability
    recovery = capital_recovery_factor(server.rate_per_year, server.life_years)
    worth_today = server.residual_usd * (1.0 + server.rate_per_year) ** -server.life_years
    capital_per_year = (server.price_usd - worth_today) * recovery
    return OwnedRate(
        capital=capital_per_year / hours,
        network=network_over_server(server.network_share) * server.price_usd * recovery / hours,
        support=server.support_share_per_year * server.price_usd / hours,
        spares=server.spares_share * server.price_usd * recovery / hours,
        licence=server.licence_usd_per_accelerator_year * server.accelerators / hours,
        colocation=server.colocation_usd_per_kw_month * MONTHS_PER_YEAR * server.power_kw / hours,
        staff=server.staff_usd_per_year / hours,
        power=power_usd_per_hour(
            kw=server.power_kw / server.accelerators,
            load=server.power_load,
            pue=server.pue,
            tariff_usd_per_kwh=server.tariff_usd_per_kwh,
        ),
    )


def network_over_server(network_share: float) -> float:
    """Turn the network's share of the whole into a ratio to the servers.

    >>> round(network_over_server(0.19), 4)
    0.2346
    """
    return network_share / (1.0 - network_share)


def power_usd_per_hour(*, kw: float, load: float, pue: float, tariff_usd_per_kwh: float) -> float:
    """Return the cost of power [USD/h]: nameplate x load x site overhead x tariff."""
    return kw * load * pue * tariff_usd_per_kwh


@dataclass(frozen=True, slots=True)
class EconomicRate:
    """An owned accelerator's hour by economic charge [USD per accelerator-hour]."""

    accelerator: float
    server: float
    network: float
    power: float

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return self.accelerator + self.server + self.network + self.power


def economic_rate(
    *,
    accelerator_usd: float,
    server_over_accelerator: float,
    network_share: float,
    power_usd: float,
) -> EconomicRate:
    """Return the hourly cost of an accelerator from its loss of value, not from the books.

    The form of the Epoch training cost model (arXiv 2405.21015): the value at the start of the
    accelerator with its share of the server, times the yearly economic charge, over the hours of
    a year; the network comes on top in proportion.

    Args:
        accelerator_usd: Value of the accelerator alone at the start [USD].
        server_over_accelerator: Value with its share of the server over that [-].
        network_share: Network's share of the cost of accelerators, servers and network.
        power_usd: Cost of power [USD/h].
    """
    charge_per_hour = economic_charge_per_year() / HOURS_PER_JULIAN_YEAR
    accelerator = accelerator_usd * charge_per_hour
    with_server = accelerator * server_over_accelerator
    return EconomicRate(
        accelerator=accelerator,
        server=with_server - accelerator,
        network=with_server * network_over_server(network_share),
        power=power_usd,
    )


def break_even_hours(
    *, price_usd: float, rent_usd_per_hour: float, run_usd_per_hour: float
) -> float:
    """Return after how many hours of use buying is cheaper than renting [h].

    The form of vendors' papers such as Lenovo LP2225: price over (rent less own running cost).
    It leaves out staff, network and the building unless they are in ``run_usd_per_hour``.
    Infinite where running alone costs as much as renting.
    """
    saved = rent_usd_per_hour - run_usd_per_hour
    return price_usd / saved if saved > 0 else math.inf
