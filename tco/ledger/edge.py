"""Models on devices in money: devices by use, electricity, updates, management."""

from __future__ import annotations

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.edge import EdgeDeployment, ModelUpdates, OwnDevices
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.ledger.catalogued import Shop
from tco.ledger.expression import Expression, Least, Number, Series, driver
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.tariff import active_months, stated_price, times
from tco.ledger.volume import CALENDAR
from tco.prices import Catalog
from tco.units import (
    JOULES_PER_KWH,
    MONTHS_PER_YEAR,
    SECONDS_PER_HOUR,
    WATTS_PER_KILOWATT,
    hours_in_month,
)

WAITING = "devices wait"
HOUR_S = Number(SECONDS_PER_HOUR, "seconds an hour")
IN_A_KWH = Number(JOULES_PER_KWH, "joules in a kilowatt-hour")
IN_A_KW = Number(WATTS_PER_KILOWATT, "watts in a kilowatt")


def add_edge_lines(
    make: LineMaker, scenario: Scenario, part: Part, deployment: EdgeDeployment, catalog: Catalog
) -> None:
    """Add the lines of a model on devices.

    Raises:
        InfeasibleError: If the devices together have less time than the requests take.
    """
    _EdgeBill(make, scenario, part, deployment, catalog).add()


class _EdgeBill:
    """What all lines of one part's devices share."""

    def __init__(
        self,
        make: LineMaker,
        scenario: Scenario,
        part: Part,
        deployment: EdgeDeployment,
        catalog: Catalog,
    ) -> None:
        self._make, self._scenario, self._part = make, scenario, part
        self._deployment, self._shop = deployment, Shop(scenario, catalog)
        self._key = f"candidates.{part.name}.deployment"
        first, last = part.first_month, part.last_month
        self._active = active_months(f"{part.name}.paid", first, last, scenario.horizon_months)
        hours = tuple(float(hours_in_month(month)) for month in scenario.months)
        self._hours = Series("calendar.hours_in_month", "h", hours, Evidence.STATED, CALENDAR)
        self._devices = driver(f"{self._key}.devices", "devices", deployment.devices)
        seconds = driver(f"{self._key}.seconds", "s/request", deployment.seconds)
        self._busy_h = part.volume * seconds / HOUR_S
        self._there_h = times(self._devices * self._hours, [self._active])

    def add(self) -> None:
        """Add every line."""
        deployment = self._deployment
        self._check_time()
        if deployment.own is not None:
            self._add_devices(deployment.own)
            self._add_electricity(deployment.own)
        if deployment.updates is not None:
            self._add_updates(deployment.updates)
        fee = deployment.management_usd_per_device_month
        if fee is not None:
            name = f"{self._key}.management_usd_per_device_month"
            self._line(
                "management",
                "device management",
                times(self._devices * Number(1.0, "month"), [self._active]),
                "device-month",
                stated_price(self._scenario, name, "USD/device-month", fee),
            )

    def _check_time(self) -> None:
        months = self._scenario.horizon_months
        busy, there = likely_months(self._busy_h, months), likely_months(self._there_h, months)
        for month in range(self._part.first_month, self._part.last_month + 1):
            taken, have = float(busy[month - 1]), float(there[month - 1])
            if taken >= have:
                raise InfeasibleError(
                    f"the requests of month {month} take {taken:,.0f} device-hours and "
                    f"{self._deployment.devices.likely:,.0f} devices have {have:,.0f}; the backlog "
                    f"would grow by {taken - have:,.0f} device-hours a month"
                )

    def _add_devices(self, own: OwnDevices) -> None:
        """Add the months of the devices, split into work and waiting."""
        here = f"{self._key}.own"
        share = driver(f"{here}.cost_share", "-", own.cost_share)
        life = Number(own.life_months, "months of life")
        price = (
            stated_price(self._scenario, f"{here}.device_usd", "USD/device", own.device_usd) / life
        )
        used = Least((self._busy_h, self._there_h)) / self._hours
        waiting = self._there_h / self._hours - used
        for quantity, kind, cause in (
            (used, Kind.USED, ""),
            (waiting, Kind.IDLE, WAITING),
        ):
            name = "devices.waiting" if cause else "devices.used"
            months = quantity * share
            self._line(name, "own devices", months, "device-month", price, kind=kind, cause=cause)

    def _add_electricity(self, own: OwnDevices) -> None:
        here = f"{self._key}.own"
        price = stated_price(self._scenario, f"{here}.usd_per_kwh", "USD/kWh", own.usd_per_kwh)
        joules = self._deployment.joules
        assert joules is not None
        of_work = self._part.volume * driver(f"{self._key}.joules", "J/request", joules) / IN_A_KWH
        idle_kw = driver(f"{here}.idle_w", "W", own.idle_w) / IN_A_KW
        share = driver(f"{here}.cost_share", "-", own.cost_share)
        waiting_h = self._there_h - Least((self._busy_h, self._there_h))
        self._line(
            "electricity.used",
            "electricity of own devices",
            of_work,
            "kWh",
            price,
            kind=Kind.USED,
            energy_kwh=of_work,
        )
        idle = waiting_h * idle_kw * share
        self._line(
            "electricity.waiting",
            "electricity of own devices",
            idle,
            "kWh",
            price,
            kind=Kind.IDLE,
            cause=WAITING,
            energy_kwh=idle,
        )

    def _add_updates(self, updates: ModelUpdates) -> None:
        """Add the bytes that every release sends to every device."""
        here = f"{self._key}.updates"
        size = driver(f"{here}.size_gb", "GB", updates.size_gb)
        releases = driver(f"{here}.releases_per_year", "1/year", updates.releases_per_year)
        sent = self._devices * size * releases / Number(MONTHS_PER_YEAR, "months a year")
        sold = updates.egress
        quantity = times(sent, [self._active])
        self._make.add_steps(
            f"{self._part.name}.edge.updates",
            self._shop.service(sold.seller, sold.region, sold.service, "GB", quantity),
            item=f"model updates to devices, {sold.seller} {sold.service}",
            phase=Phase.INFERENCE,
            category="egress",
            unit="GB",
        )

    def _line(  # noqa: PLR0913 - one keyword for each column that differs
        self,
        name: str,
        item: str,
        quantity: Expression,
        unit: str,
        price: Expression,
        *,
        kind: Kind = Kind.NONE,
        cause: str = "",
        category: str = "edge",
        payee: Payee = Payee.OTHER,
        energy_kwh: Expression | None = None,
    ) -> None:
        self._make.add(
            f"{self._part.name}.edge.{name}",
            phase=Phase.INFERENCE,
            category=category,
            item=item,
            quantity=quantity,
            unit=unit,
            unit_price_usd=price,
            nature=Nature.RUN,
            behaviour=Behaviour.VARIABLE if name.endswith(".used") else Behaviour.FIXED,
            payee=Payee.HARDWARE if name.startswith("devices") else payee,
            kind=kind,
            cause=cause,
            volume=self._part.volume if name.endswith(".used") else None,
            energy_kwh=energy_kwh,
        )
