"""Functions on demand in money: calls, memory-time by what it was for, what is kept warm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tco.domain.cost import Behaviour, Kind, Phase
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.domain.serverless import ServerlessDeployment
from tco.errors import MissingFigureError
from tco.ledger.catalogued import Shop
from tco.ledger.expression import Difference, Expression, Lookup, Number, Series, driver
from tco.ledger.model import LineMaker, Step
from tco.ledger.option import Part
from tco.ledger.tariff import active_months, times
from tco.ledger.volume import CALENDAR
from tco.prices import Catalog
from tco.sim.function_loads import FunctionUsage
from tco.units import SECONDS_PER_HOUR, hours_in_month

CALL_UNITS = {"1M requests": 1e6, "1M invocations": 1e6, "1M executions": 1e6}
MEMORY_UNITS = ("GB-second", "GiB-second")
"""What clouds call a GB of function memory is a GiB."""
COLD_START, KEPT_WARM = "cold start", "kept warm"
HOUR_S = Number(SECONDS_PER_HOUR, "seconds an hour")


class FunctionBill:
    """What all lines of one function share."""

    def __init__(
        self,
        make: LineMaker,
        scenario: Scenario,
        part: Part,
        deployment: ServerlessDeployment,
        catalog: Catalog,
        usage: FunctionUsage,
    ) -> None:
        self._make, self._part, self._deployment = make, part, deployment
        self._shop, self._usage = Shop(scenario, catalog), usage
        hours: Expression = Series(
            "calendar.hours_in_month",
            "h",
            tuple(float(hours_in_month(month)) for month in scenario.months),
            Evidence.STATED,
            CALENDAR,
        )
        self._rate_per_s = part.volume / (hours * HOUR_S)
        first, last = part.first_month, part.last_month
        paid = active_months(f"{part.name}.paid", first, last, scenario.horizon_months)
        self._paid_s = times(hours * HOUR_S, [paid])
        self._key = f"candidates.{part.name}.deployment"
        self._memory = Number(deployment.memory_gib, "GiB an instance is given")

    def add(self) -> None:
        """Add every line of the function."""
        deployment, prices = self._deployment, self._deployment.prices
        served = self._part.volume * Difference(
            Number(1.0, "all requests"), self._read("refused_share", self._usage.refused_share)
        )
        if prices.calls is not None:
            unit = self._unit(prices.calls, tuple(CALL_UNITS))
            calls = served / Number(CALL_UNITS[unit], "calls in a unit")
            self._add("calls", prices.calls, unit, [(calls, Kind.NONE, "")], calls)
        used = served * self._billed_s() * self._memory
        uses = [(used, Kind.USED, "")]
        if deployment.bills_cold_start:
            cold = served * self._read("cold_share", self._usage.cold_share)
            starting = driver(f"{self._key}.cold_start", "s", deployment.cold_start)
            uses.append((cold * starting * self._memory, Kind.WASTED, COLD_START))
        if deployment.bills_idle:
            idle = self._read("idle_instances", self._usage.idle_instances)
            uses.append((idle * self._paid_s * self._memory, Kind.WASTED, KEPT_WARM))
        unit = self._unit(prices.duration, MEMORY_UNITS)
        self._add("duration", prices.duration, unit, uses, used)
        if prices.provisioned is not None and deployment.provisioned:
            busy = self._read("provisioned_busy", self._usage.provisioned_busy)
            kept = Number(deployment.provisioned, "provisioned instances") * self._paid_s
            working = busy * self._paid_s
            unit = self._unit(prices.provisioned, MEMORY_UNITS)
            split = [
                (working * self._memory, Kind.USED, ""),
                ((kept - working) * self._memory, Kind.IDLE, KEPT_WARM),
            ]
            self._add("provisioned", prices.provisioned, unit, split, None)

    def _billed_s(self) -> Expression:
        """Return the billed duration of a call [s/request]: its seconds, rounded up."""
        seconds = driver(f"{self._key}.seconds", "s/request", self._deployment.seconds)
        step = self._deployment.billed_increment_s
        billed_s = math.ceil(seconds.likely / step - 1e-9) * step
        rounding_s = billed_s - seconds.likely
        if rounding_s < step * 1e-6:
            return seconds
        return seconds + Number(rounding_s, "s rounded up to the billed increment")

    def _read(self, name: str, values: Sequence[float]) -> Expression:
        usage = self._usage
        return Lookup(
            f"usage.{self._make.option}.{self._part.name}.{name}",
            "instances" if "share" not in name else "-",
            self._rate_per_s,
            usage.loads_per_s,
            tuple(values),
            Evidence.ESTIMATED,
            f"simulated: {usage.requests:,} requests at {len(usage.loads_per_s)} loads",
        )

    def _unit(self, service: str, known: Sequence[str]) -> str:
        scenario, deployment = self._shop.scenario, self._deployment
        tiers = self._shop.catalog.service(
            deployment.seller, service, on=scenario.price_date, region=deployment.region
        )
        unit = tiers[0].quote.unit
        if unit not in known:
            raise MissingFigureError(
                f"{deployment.seller} sells {service} by the {unit}; a function needs a price by "
                f"{' or '.join(known)}. Name another service under deployment.prices"
            )
        return unit

    def _add(
        self,
        name: str,
        service: str,
        unit: str,
        uses: Sequence[tuple[Expression, Kind, str]],
        volume: Expression | None,
    ) -> None:
        """Add what is used of a service, one line a use and tier; together they climb the tiers."""
        deployment = self._deployment
        before: list[Step] = []
        total: Expression | None = None
        for quantity, kind, cause in uses:
            total = quantity if total is None else total + quantity
            steps = list(
                self._shop.service(deployment.seller, deployment.region, service, unit, total)
            )
            own = [
                replace(step, quantity=step.quantity - before[number].quantity) if before else step
                for number, step in enumerate(steps)
            ]
            self._make.add_steps(
                f"{self._part.name}.serverless.{name}.{cause.replace(' ', '_') or 'used'}",
                own,
                item=f"{deployment.seller} {service}",
                phase=Phase.INFERENCE,
                category="serverless",
                unit=unit,
                behaviour=Behaviour.FIXED if volume is None else Behaviour.VARIABLE,
                kind=kind,
                cause=cause,
                volume=volume if kind in (Kind.NONE, Kind.USED) else None,
            )
            before = steps
