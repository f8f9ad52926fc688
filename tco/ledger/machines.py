"""Machines in money: every hour by use and by how it is bought, and commitments to their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tco.domain.cost import COMMITMENT, Behaviour, Kind, Nature, Payee, Phase
from tco.domain.deployment import SelfHostedDeployment
from tco.domain.price import Purchase, Quote
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.ledger.commitments import Committed, Demand, commit
from tco.ledger.expression import Expression, Number, Series, Sum
from tco.ledger.model import LineMaker
from tco.ledger.option import Part
from tco.ledger.tariff import Held, active_months, times, unit_price
from tco.ledger.volume import CALENDAR
from tco.sim.rung import BUSY, UNALLOCATED
from tco.sim.tally import LOST, REPAIR
from tco.units import HOURS_PER_QUOTED_MONTH, hours_in_month

if TYPE_CHECKING:
    from tco.ledger.machine_hours import Hours

ELECTRICITY = "electricity"
"""Seller of power, for discounts and price paths."""
SINGLY = "compute"
"""Start of the keys of hours that the machine itself is bought by."""
ON_DEMAND = "on_demand"
"""Start of the keys of hours on demand, beside machines that are taken away or in their place."""
UNUSED_COMMITMENT = "unused commitment"
"""Cause of committed hours in which no machine works."""


def key_of(cause: str) -> str:
    """Return a cause as part of a key."""
    return cause.replace(" ", "_").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy at the meter; what nobody measured is absent."""

    kwh_per_request: Expression | None
    busy_kw_per_instance: Expression | None
    """Beside that, of an instance all of whose replicas are busy [kW]."""
    idle_kw_per_instance: Expression | None
    """Of an instance whose accelerators all have a model loaded and no work [kW]."""
    co2e_kg_per_kwh: Expression | None


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which hours of machines are bought."""

    key: str
    purchase: Purchase
    price: Expression


class MachineBill:
    """What all lines of one part's machines share."""

    def __init__(
        self,
        make: LineMaker,
        scenario: Scenario,
        part: Part,
        deployment: SelfHostedDeployment,
        quotes: Mapping[Purchase, Quote],
        energy: Energy,
        tariff: Quote | None,
    ) -> None:
        self._make, self._scenario, self._part = make, scenario, part
        self._deployment, self._energy, self._tariff = deployment, energy, tariff
        self._drawn_kwh: list[Expression] = []
        self.volume = part.volume
        self.calendar_hours = Series(
            "calendar.hours_in_month",
            "h",
            tuple(float(hours_in_month(month)) for month in scenario.months),
            Evidence.STATED,
            CALENDAR,
        )
        first, last = part.first_month, part.last_month
        paid = active_months(f"{part.name}.paid", first, last, scenario.horizon_months)
        self.paid_hours = times(self.calendar_hours, [paid])
        chosen = deployment.commitment
        self._singly = self._way(SINGLY, deployment.machine.purchase, quotes)
        self._beside: Way | None = None
        if deployment.interruptions is not None and Purchase.ON_DEMAND in quotes:
            self._beside = self._way(ON_DEMAND, Purchase.ON_DEMAND, quotes)
        self._under: Way | None = None
        if chosen is not None:
            self._under = self._way(COMMITMENT, chosen.purchase, quotes)

    def _way(self, key: str, purchase: Purchase, quotes: Mapping[Purchase, Quote]) -> Way:
        quote = quotes[purchase]
        price = unit_price(
            self._scenario,
            self._deployment.machine.seller,
            f"price.{quote.sku}.{purchase}",
            "USD/instance-hour",
            quote.estimate,
            is_own=quote.negotiated,
            held=Held(self._part.first_month, purchase.term_months),
        )
        return Way(key, purchase, price)

    def name_of(self, cause: str) -> str:
        """Return the name of a simulated figure."""
        return f"usage.{self._make.option}.{self._part.name}.{key_of(cause)}"

    def add_lines(self, hours: Hours, demand: Demand, instances: float) -> None:
        """Add every hour that is paid for, and what is owed when the part ends.

        Args:
            hours: Instance-hours by use.
            demand: The same by month, for whoever decides how much to commit to.
            instances: Instances of a fleet that is bought by the term as a whole.
        """
        chosen = self._deployment.commitment
        if chosen is None or self._under is None:
            for use in hours.uses():
                self._add_singly(use, hours)
            self._add_settlement(self._singly, instances)
            self._add_power()
            return
        committed = commit(
            self._scenario,
            self._part,
            chosen,
            demand,
            singly_usd_per_hour=self._singly.price,
            committed_usd_per_hour=self._under.price,
        )
        share = committed.by_stretch(hours.share_under)
        for use in hours.uses():
            under = committed.by_stretch(partial(hours.under, use))
            above = committed.by_stretch(partial(hours.above, use))
            if under is not None:
                self._add(use, under, self._under, share, hours)
            if above is not None:
                rest = None if share is None else 1.0 - share
                self._add(use, above, self._singly, rest, hours)
        unused = committed.by_stretch(hours.unused)
        if unused is not None:
            self._add_unused(unused, self._under, committed)
        self._add_settlement(self._under, committed.stretches[-1].instances)
        self._add_power()

    def _add_singly(self, use: str, hours: Hours) -> None:
        """Add hours of one use, bought as the machine says, and on demand where it is not there."""
        as_chosen, on_demand = hours.as_chosen(use), hours.on_demand(use)
        if as_chosen is not None:
            share = None if on_demand is None else 1.0 - hours.share_on_demand()
            self._add(use, as_chosen, self._singly, share, hours)
        if on_demand is not None and self._beside is not None:
            self._add(use, on_demand, self._beside, hours.share_on_demand(), hours)

    def _add(
        self,
        use: str,
        quantity: Expression,
        way: Way,
        share: Expression | None,
        hours: Hours,
    ) -> None:
        """Add hours of one use; the energy of work is that of the requests, else of idle boards.

        Args:
            use: Busy, or the cause of not being so.
            quantity: Instance-hours.
            way: How they are bought.
            share: Share of the work that they do [-]; None for all of it.
            hours: Holds how much work was cut off.
        """
        power = self._energy
        energy: Expression | None = None
        if use == BUSY:
            kind, cause, volume = Kind.USED, "", self.volume
            if power.kwh_per_request is not None:
                energy = times(self.volume * power.kwh_per_request, [share])
            if power.busy_kw_per_instance is not None:
                beside = quantity * power.busy_kw_per_instance
                energy = beside if energy is None else energy + beside
        elif use in (LOST, REPAIR):
            kind, cause, volume = Kind.WASTED, use, None
            energy = self._drawn_by(use, quantity, share, hours)
        else:
            kind, cause, volume = Kind.WASTED, use, None
            if use == UNALLOCATED:
                kind = Kind.IDLE
            if power.idle_kw_per_instance is not None:
                energy = quantity * power.idle_kw_per_instance
        if energy is not None:
            self._drawn_kwh.append(energy)
        self._make.add(
            f"{self._part.name}.{way.key}.{key_of(cause) or 'used'}",
            phase=Phase.INFERENCE,
            category="compute",
            item=self._item(way.purchase),
            quantity=quantity,
            unit="instance-hour",
            unit_price_usd=way.price,
            nature=Nature.RUN,
            behaviour=Behaviour.STEP,
            payee=Payee.CLOUD if self._tariff is None else Payee.HARDWARE,
            kind=kind,
            cause=cause,
            volume=volume,
            energy_kwh=energy,
            co2e_kg_per_kwh=None if energy is None else power.co2e_kg_per_kwh,
        )

    def _drawn_by(
        self, use: str, quantity: Expression, share: Expression | None, hours: Hours
    ) -> Expression | None:
        """Return what lost work draws, an hour as much as other work; a repair draws nothing."""
        power = self._energy
        if use == REPAIR:
            return quantity * Number(0.0, "kW under repair")
        if power.kwh_per_request is None:
            return None
        drawn = times(self.volume * power.kwh_per_request, [share]) * hours.lost_over_useful()
        if power.busy_kw_per_instance is None:
            return drawn
        return drawn + quantity * power.busy_kw_per_instance

    def _add_power(self) -> None:
        """Pay for the power of one's own site; a cloud's price has it in it."""
        site = self._deployment.own_site
        if self._tariff is None or site is None:
            return
        price = unit_price(
            self._scenario,
            ELECTRICITY,
            f"price.{self._tariff.sku}",
            "USD/kWh",
            self._tariff.estimate,
            is_own=self._tariff.negotiated,
        )
        self._make.add(
            f"{self._part.name}.power",
            phase=Phase.INFERENCE,
            category="power",
            item=f"power of {site.electricity_region}, at the meter of the site",
            quantity=Sum(tuple(self._drawn_kwh)),
            unit="kWh",
            unit_price_usd=price,
            nature=Nature.RUN,
            behaviour=Behaviour.VARIABLE,
            payee=Payee.OTHER,
        )

    def _item(self, purchase: Purchase) -> str:
        machine = self._deployment.machine
        how = purchase.replace("_", " ")
        return f"{machine.seller} {machine.instance_type}, {machine.region}, {how}"

    def _add_unused(self, quantity: Expression, way: Way, committed: Committed) -> None:
        """Add committed hours that nobody uses."""
        self._make.add(
            f"{self._part.name}.{way.key}.unused",
            phase=Phase.INFERENCE,
            category=COMMITMENT,
            item=f"{self._item(way.purchase)}, not used; {committed.note}",
            quantity=quantity,
            unit="instance-hour",
            unit_price_usd=way.price,
            nature=Nature.RUN,
            behaviour=Behaviour.FIXED,
            payee=Payee.CLOUD,
            kind=Kind.IDLE,
            cause=UNUSED_COMMITMENT,
        )

    def _add_settlement(self, way: Way, instances: float) -> None:
        """Settle a commitment that runs past the end: what remains is owed in full."""
        term, part = way.purchase.term_months, self._part
        if term is None or instances == 0:
            return
        running = part.last_month - part.first_month + 1
        remaining = -running % term
        if remaining == 0:
            return
        at_end = active_months(
            f"{part.name}.settled",
            part.last_month,
            part.last_month,
            self._scenario.horizon_months,
        )
        owed = Number(
            remaining * HOURS_PER_QUOTED_MONTH * instances, "instance-hours still committed"
        )
        self._make.add(
            f"{part.name}.{way.key}.settlement",
            phase=Phase.INFERENCE,
            category=COMMITMENT,
            item=f"{remaining} months of a running {term}-month commitment, settled at the end",
            quantity=times(owed, [at_end]),
            unit="instance-hour",
            unit_price_usd=way.price,
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.CLOUD,
            kind=Kind.IDLE,
            cause=UNUSED_COMMITMENT,
        )
