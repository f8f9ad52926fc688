"""Serving in money: tokens of an API, hours of rented machines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.deployment import ApiDeployment, SelfHostedDeployment
from tco.domain.price import Quote, TokenBand, TokenRates
from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.errors import MissingFigureError
from tco.ledger.expression import Array, Expression, Least, Lookup, Number, Series
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.tariff import Held, active_months, times, unit_price
from tco.ledger.volume import CALENDAR, TokensPerRequest, tokens_per_request
from tco.sim.ladder import Ladder
from tco.sim.months import SimulatedMonths
from tco.sim.rung import BUSY, UNALLOCATED
from tco.sim.usage import StaticUsage
from tco.units import HOURS_PER_QUOTED_MONTH, SECONDS_PER_HOUR, TOKENS_PER_MTOK, hours_in_month

PER_MTOK = Number(TOKENS_PER_MTOK, "tokens in a million")


def add_api_lines(
    make: LineMaker, scenario: Scenario, part: Part, deployment: ApiDeployment, rates: TokenRates
) -> None:
    """Add one line a kind of token: fresh input, cached input, output, reasoning."""
    if rates.windows:
        raise MissingFigureError(
            f"{rates.provider}/{rates.model} costs more at some hours of the day, and the plan "
            "does not weigh hours yet; choose a model with one price all day"
        )
    tokens = tokens_per_request(scenario.workload, part.snapshot)
    band = _band(rates, tokens)
    cached_price = band.cached_input_usd_per_mtok
    own_reasoning_price = band.reasoning_usd_per_mtok
    kinds = {
        "fresh input": (tokens.fresh_input, band.input_usd_per_mtok),
        "cached input": (
            tokens.cached_input,
            band.input_usd_per_mtok if cached_price is None else cached_price,
        ),
        "output": (tokens.output, band.output_usd_per_mtok),
        "reasoning": (
            tokens.reasoning,
            band.output_usd_per_mtok if own_reasoning_price is None else own_reasoning_price,
        ),
    }
    if not rates.charges_output:
        del kinds["output"], kinds["reasoning"]
    for name, (count, usd) in kinds.items():
        if usd is None:
            raise MissingFigureError(
                f"{rates.provider} lists no price for {name} tokens of {rates.model}"
            )
        billed_as = name
        if name == "reasoning" and own_reasoning_price is None:
            billed_as = "output"
        if name == "cached input" and cached_price is None:
            billed_as = "fresh input"
        make.add(
            f"{part.name}.tokens.{name.replace(' ', '_')}",
            phase=Phase.INFERENCE,
            category="tokens",
            item=f"{name} tokens, {deployment.provider}/{deployment.model} {deployment.tier}",
            quantity=part.volume * count / PER_MTOK,
            unit="Mtok",
            unit_price_usd=unit_price(
                scenario,
                deployment.provider,
                f"price.{deployment.provider}/{deployment.model}.{deployment.tier}."
                f"{billed_as.replace(' ', '_')}",
                "USD/Mtok",
                Estimate(likely=float(usd), evidence=rates.evidence, source=rates.reference),
                is_own=rates.negotiated,
            ),
            nature=Nature.RUN,
            behaviour=Behaviour.VARIABLE,
            payee=Payee.API_VENDOR,
            volume=part.volume,
        )


def _band(rates: TokenRates, tokens: TokensPerRequest) -> TokenBand:
    """Return the prices for model calls of the likely length; a long one pays more throughout."""
    of_a_call = (tokens.fresh_input + tokens.cached_input) / tokens.calls
    own_input = float(likely_months(of_a_call, 1)[0])
    longest = TokenBand(
        above_input_tokens=0,
        input_usd_per_mtok=rates.input_usd_per_mtok,
        cached_input_usd_per_mtok=rates.cached_input_usd_per_mtok,
        cache_write_usd_per_mtok=rates.cache_write_usd_per_mtok,
        output_usd_per_mtok=rates.output_usd_per_mtok if rates.charges_output else Decimal(0),
        reasoning_usd_per_mtok=rates.reasoning_usd_per_mtok,
    )
    for band in rates.bands:
        if own_input > band.above_input_tokens >= longest.above_input_tokens:
            longest = band
    return longest


def add_static_lines(bill: MachineBill, usage: StaticUsage, seconds: Expression) -> None:
    """Add the hours of a static fleet, split into used, wasted by cause, and not allocated."""
    hours, volume = bill.paid_hours, bill.volume
    share = Number(usage.instance_share, "share of an instance that one replica is given")
    allocated = Number(usage.replicas, "replicas") * share * hours
    served_at_once = Number(
        SECONDS_PER_HOUR * usage.parallel, "seconds an hour x parallel requests"
    )
    used = Least((volume * seconds / served_at_once * share, allocated))
    bill.add_used(used)
    for cause, shares in usage.idle_shares.items():
        if any(shares):
            split = Series(
                bill.name_of(cause),
                "-",
                shares,
                Evidence.ESTIMATED,
                "split of idle time over the hours of the week, at likely volume",
            )
            bill.add_idle((allocated - used) * split, Kind.WASTED, cause)
    unallocated = usage.instances - usage.replicas * usage.instance_share
    if not math.isclose(unallocated, 0, abs_tol=1e-9):
        room = Number(unallocated, "instances paid for and not given to a replica")
        bill.add_idle(room * hours, Kind.IDLE, UNALLOCATED)
    bill.add_settlement(usage.instances)


def add_simulated_lines(
    bill: MachineBill,
    ladder: Ladder,
    factor: Expression | None,
    months: SimulatedMonths | None,
    rates_per_s: Array,
) -> None:
    """Add the hours of a simulated fleet, off a ladder at each month's load.

    Args:
        bill: What all lines of the machines share.
        ladder: Machines by load and service time.
        factor: Service time over its likely value [-]; None where it has no range.
        months: Every month simulated in full: likely machines, from which the ladder's lines lead
            to other volumes and service times.
        rates_per_s: Likely rate of each month [1/s].
    """
    rate = bill.volume / (bill.calendar_hours * Number(SECONDS_PER_HOUR, "seconds an hour"))
    load = rate if factor is None else rate * factor
    row = ladder.factors.index(1.0) * len(ladder.loads_per_s)
    source = (
        f"simulated: {ladder.requests:,} requests at {len(ladder.loads_per_s)} loads"
        + (f" and {len(ladder.factors)} service times" if factor is not None else "")
        + f", {ladder.scope}"
        + "".join(f"; {note}" for note in ladder.notes)
    )
    every = ladder.causes() if months is None else (*ladder.causes(), *months.causes())
    for cause in dict.fromkeys(every):
        values = ladder.by_cause.get(cause, (0.0,) * len(ladder.loads_per_s) * len(ladder.factors))
        full = (0.0,) if months is None else months.instances(cause)
        if not any(values) and not any(full):
            continue
        at_likely = values[row : row + len(ladder.loads_per_s)]
        read: Expression = Lookup(
            bill.name_of(cause),
            "instances",
            load,
            ladder.loads_per_s,
            at_likely if factor is None else values,
            Evidence.ESTIMATED,
            source,
            factor,
            () if factor is None else ladder.factors,
        )
        if months is not None:
            likely = np.interp(rates_per_s, ladder.loads_per_s, at_likely)
            read = _in_full(bill, cause, read, months, likely)
        quantity = read * bill.paid_hours
        if cause == BUSY:
            bill.add_used(quantity)
        else:
            bill.add_idle(quantity, Kind.IDLE if cause == UNALLOCATED else Kind.WASTED, cause)
    bill.add_settlement(ladder.reference.instances)


def _in_full(
    bill: MachineBill, cause: str, read: Expression, months: SimulatedMonths, likely: Array
) -> Expression:
    """Put the months themselves in the place of what the ladder says of them at likely values."""
    name = bill.name_of(cause)
    full = Series(
        f"{name}.in_full",
        "instances",
        months.instances(cause),
        Evidence.ESTIMATED,
        f"simulated: all {months.requests:,} requests",
    )
    ladder = Series(
        f"{name}.on_the_ladder",
        "instances",
        tuple(likely.tolist()),
        Evidence.ESTIMATED,
        "the ladder at likely values, which the full simulation takes the place of",
    )
    return full + (read - ladder)


def _key(cause: str) -> str:
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


class MachineBill:
    """What all lines of one part's machines share."""

    def __init__(
        self,
        make: LineMaker,
        scenario: Scenario,
        part: Part,
        deployment: SelfHostedDeployment,
        quote: Quote,
        energy: Energy,
    ) -> None:
        self._make, self._scenario, self._part = make, scenario, part
        self._energy = energy
        machine = deployment.machine
        self._purchase = machine.purchase
        self._item = (
            f"{machine.seller} {machine.instance_type}, {machine.region}, "
            f"{machine.purchase.replace('_', ' ')}"
        )
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
        self.price = unit_price(
            scenario,
            machine.seller,
            f"price.{quote.sku}.{machine.purchase}",
            "USD/instance-hour",
            quote.estimate,
            is_own=quote.negotiated,
            held=Held(first, machine.purchase.term_months),
        )

    def name_of(self, cause: str) -> str:
        """Return the name of a simulated figure."""
        return f"usage.{self._make.option}.{self._part.name}.{_key(cause)}"

    def add_used(self, quantity: Expression) -> None:
        """Add the hours in which machines work; their energy is that of the requests."""
        energy = None
        if self._energy.kwh_per_request is not None:
            energy = self.volume * self._energy.kwh_per_request
            if self._energy.busy_kw_per_instance is not None:
                energy = energy + quantity * self._energy.busy_kw_per_instance
        self._add(quantity, Kind.USED, "", energy, self.volume)

    def add_idle(self, quantity: Expression, kind: Kind, cause: str) -> None:
        """Add hours in which machines wait, at the power of boards that have nothing to do."""
        idle_kw = self._energy.idle_kw_per_instance
        energy = None if idle_kw is None else quantity * idle_kw
        self._add(quantity, kind, cause, energy, None)

    def _add(
        self,
        quantity: Expression,
        kind: Kind,
        cause: str,
        energy_kwh: Expression | None,
        volume: Expression | None,
    ) -> None:
        self._make.add(
            f"{self._part.name}.compute.{_key(cause) or 'used'}",
            phase=Phase.INFERENCE,
            category="compute",
            item=self._item,
            quantity=quantity,
            unit="instance-hour",
            unit_price_usd=self.price,
            nature=Nature.RUN,
            behaviour=Behaviour.STEP,
            payee=Payee.CLOUD,
            kind=kind,
            cause=cause,
            volume=volume,
            energy_kwh=energy_kwh,
            co2e_kg_per_kwh=None if energy_kwh is None else self._energy.co2e_kg_per_kwh,
        )

    def add_settlement(self, instances: float) -> None:
        """Settle a commitment that runs past the end: what remains is owed in full."""
        term, part = self._purchase.term_months, self._part
        if term is None:
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
            f"{part.name}.compute.settlement",
            phase=Phase.INFERENCE,
            category="commitment",
            item=f"{remaining} months of a running {term}-month commitment, settled at the end",
            quantity=times(owed, [at_end]),
            unit="instance-hour",
            unit_price_usd=self.price,
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.CLOUD,
            kind=Kind.IDLE,
            cause="unused commitment",
        )
