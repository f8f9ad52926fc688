"""How a phase buys: people's hours, sums of money, services, labels, machine hours, as lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.machine import MachineChoice
from tco.domain.months import Months
from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.domain.work import LabelPurchase, PricedService, Work
from tco.ledger.expression import Expression, Number, Series, driver
from tco.ledger.holder import Holder
from tco.ledger.model import CostLine, LineMaker
from tco.ledger.tariff import stated_price, times

ONE = Number(1.0, "once")


@dataclass(frozen=True, slots=True)
class Buyer:
    """Adds lines for one holder of a lifecycle; keys begin with the holder's path."""

    make: LineMaker
    holder: Holder

    @property
    def scenario(self) -> Scenario:
        """The plan."""
        return self.holder.shop.scenario

    def key(self, name: str) -> str:
        """Return the whole key of a line."""
        return f"{self.holder.path}.{name}"

    # ---- months --------------------------------------------------------------------------------

    def active(self, name: str, months: Months) -> Expression | None:
        """Return 1 in the holder's months of a stretch, 0 elsewhere; None where that is all."""
        return self.holder.each_month(self.key(name), months)

    def whole(self, name: str) -> Expression | None:
        """Return 1 in the holder's months."""
        return self.active(name, Months())

    def every(self, name: str, first: int, every_months: int | None) -> Series:
        """Return 1 in the holder's month ``first`` and every so many months after it."""
        begins = self.holder.first_month - 1
        step = every_months or self.scenario.horizon_months
        return self.on(name, range(first + begins, self.holder.last_month + 1, step))

    def on(self, name: str, months: range | tuple[int, ...]) -> Series:
        """Return 1 in some months of the horizon."""
        values = tuple(float(k + 1 in months) for k in range(self.scenario.horizon_months))
        shown = ", ".join(str(month) for month in months) or "none"
        return Series(
            f"{self.key(name)}.months",
            "-",
            values,
            Evidence.STATED,
            f"months of the scenario: {shown}",
        )

    # ---- lines ---------------------------------------------------------------------------------

    def add(self, name: str, item: str, **columns: Any) -> None:
        """Add one line under the holder's path."""
        self.make.add(self.key(name), item=item, **columns)

    def stated(self, key: str, unit: str, usd: Estimate) -> Expression:
        """Return a price that the scenario states."""
        return stated_price(self.scenario, key, unit, usd)

    def labour(
        self,
        name: str,
        item: str,
        role: str,
        hours: Expression,
        *,
        phase: Phase,
        category: str,
        nature: Nature = Nature.RUN,
    ) -> None:
        """Add hours of one's own people."""
        self.add(
            name,
            item,
            phase=phase,
            category=category,
            quantity=hours,
            unit="person-hour",
            unit_price_usd=self.holder.shop.person_hour(role),
            nature=nature,
            behaviour=Behaviour.FIXED,
            payee=Payee.PAYROLL,
        )

    def work(
        self,
        name: str,
        item: str,
        work: Work,
        *,
        phase: Phase,
        category: str,
        when: Expression | None = None,
        nature: Nature = Nature.ONE_OFF,
    ) -> None:
        """Add a piece of work: in its own months, or each time that ``when`` says."""
        done = self._spread(name, work) if when is None else when
        key = self.key(name)
        if work.hours is not None:
            assert work.role is not None
            hours = driver(f"{key}.hours", "h", work.hours)
            self.labour(
                name,
                f"{item} ({work.role})",
                work.role,
                hours * done,
                phase=phase,
                category=category,
                nature=nature,
            )
        if work.usd is not None:
            self.add(
                f"{name}.bought",
                f"{item}, bought",
                phase=phase,
                category=category,
                quantity=ONE * done,
                unit="item",
                unit_price_usd=self.stated(f"{key}.usd", "USD", work.usd),
                nature=nature,
                behaviour=Behaviour.FIXED,
                payee=work.payee,
            )

    def _spread(self, name: str, work: Work) -> Expression:
        """Spread work evenly; what would fall after the holder's last month is done in it."""
        begins = self.holder.first_month - 1
        months = [
            min(month + begins, self.holder.last_month)
            for month in range(work.month, work.month + work.over_months)
        ]
        if work.month + begins > self.holder.last_month:
            months = []
        horizon = range(1, self.scenario.horizon_months + 1)
        shares = tuple(months.count(month) / work.over_months for month in horizon)
        text = f"month {work.month} of the option, over {work.over_months}"
        return Series(f"{self.key(name)}.months", "-", shares, Evidence.STATED, text)

    def labels(
        self,
        name: str,
        item: str,
        labels: LabelPurchase,
        *,
        phase: Phase,
        when: Expression | None,
        nature: Nature = Nature.RUN,
    ) -> None:
        """Add items x votes at the price of a label."""
        key = self.key(name)
        count = driver(f"{key}.items", "items", labels.items)
        votes = driver(f"{key}.votes", "labels/item", labels.votes)
        if labels.usd_per_label is not None:
            price = self.stated(f"{key}.usd_per_label", "USD/label", labels.usd_per_label)
        else:
            assert labels.task is not None
            assert labels.seller is not None
            price = self.holder.shop.label(labels.task, labels.seller)
        self.add(
            name,
            item,
            phase=phase,
            category="labels",
            quantity=times(count * votes, [when]),
            unit="label",
            unit_price_usd=price,
            nature=nature,
            behaviour=Behaviour.FIXED,
            payee=Payee.OTHER,
        )

    def service(  # noqa: PLR0913 - one keyword for each column that differs
        self,
        name: str,
        item: str,
        bought: PricedService,
        quantity: Expression,
        *,
        phase: Phase,
        category: str,
        unit: str,
        payee: Payee = Payee.CLOUD,
        volume: Expression | None = None,
    ) -> None:
        """Add units of a listed service, one line a tier of its price."""
        self.make.add_steps(
            self.key(name),
            self.holder.shop.service(bought.seller, bought.region, bought.service, unit, quantity),
            item=f"{item}, {bought.seller} {bought.service}",
            phase=phase,
            category=category,
            unit=unit,
            behaviour=Behaviour.FIXED if volume is None else Behaviour.VARIABLE,
            payee=payee,
            volume=volume,
        )

    def machine(
        self,
        name: str,
        item: str,
        machine: MachineChoice,
        hours: Expression,
        *,
        phase: Phase,
        nature: Nature = Nature.RUN,
        kind: Kind = Kind.USED,
        cause: str = "",
    ) -> None:
        """Add instance hours, used for the purpose that the item names unless it says not."""
        self.add(
            name,
            f"{item}, {machine.seller} {machine.instance_type}",
            phase=phase,
            category="compute",
            quantity=hours,
            unit="instance-hour",
            unit_price_usd=self.holder.shop.machine_hour(machine),
            nature=nature,
            behaviour=Behaviour.STEP,
            payee=Payee.CLOUD,
            kind=kind,
            cause=cause,
        )

    # ---- serving -------------------------------------------------------------------------------

    def serving_lines(self) -> tuple[CostLine, ...]:
        """Return the lines that answer requests, of the parts that the holder stands for."""
        return tuple(
            line
            for line in self.make.lines
            if line.phase is Phase.INFERENCE and line.nature is Nature.RUN
        )

    def repeat(
        self,
        name: str,
        item: str,
        line: CostLine,
        factor: Expression,
        **columns: Any,
    ) -> None:
        """Add a line once more, its quantity and energy times a factor."""
        energy = None if line.energy_kwh is None else line.energy_kwh * factor
        embodied = None if line.embodied_co2e_kg is None else line.embodied_co2e_kg * factor
        again = replace(
            line,
            key=f"{self.key(name)}.{line.key}",
            item=f"{item}: {line.item}",
            quantity=line.quantity * factor,
            volume=None if line.volume is None else line.volume * factor,
            energy_kwh=energy,
            embodied_co2e_kg=embodied,
        )
        self.make.lines.append(replace(again, **columns))
