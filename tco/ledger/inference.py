"""Serving in money: tokens of an API, hours of rented machines."""

from __future__ import annotations

import math
from decimal import Decimal

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.deployment import ApiDeployment, SelfHostedDeployment
from tco.domain.price import Purchase, Quote, TokenBand, TokenRates
from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.errors import MissingFigureError
from tco.ledger.expression import Expression, Least, Lookup, Number, Series
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.tariff import Held, active_months, times, unit_price
from tco.ledger.volume import CALENDAR, TokensPerRequest, tokens_per_request
from tco.sim.ladder import BUSY, UNALLOCATED, Ladder
from tco.sim.months import SimulatedMonths
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


def add_static_lines(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    quote: Quote,
    usage: StaticUsage,
    seconds: Expression,
) -> None:
    """Add the hours of a static fleet, split into used, wasted by cause, and not allocated."""
    bill = _MachineBill(make, scenario, part, deployment, quote)
    hours = bill.paid_hours
    share = Number(usage.instance_share, "share of an instance that one replica is given")
    allocated = Number(usage.replicas, "replicas") * share * hours
    served_at_once = Number(
        SECONDS_PER_HOUR * usage.parallel, "seconds an hour x parallel requests"
    )
    used = Least((part.volume * seconds / served_at_once * share, allocated))
    bill.add(used, Kind.USED, volume=part.volume)
    for cause, shares in usage.idle_shares.items():
        if any(shares):
            split = Series(
                f"usage.{make.option}.{part.name}.{_key(cause)}",
                "-",
                shares,
                Evidence.ESTIMATED,
                "split of idle time over the hours of the week, at likely volume",
            )
            bill.add((allocated - used) * split, Kind.WASTED, cause)
    unallocated = usage.instances - usage.replicas * usage.instance_share
    if not math.isclose(unallocated, 0, abs_tol=1e-9):
        room = Number(unallocated, "instances paid for and not given to a replica")
        bill.add(room * hours, Kind.IDLE, UNALLOCATED)
    _add_settlement(make, scenario, part, quote.purchase, usage.instances, bill.price)


def add_simulated_lines(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    quote: Quote,
    usage: Ladder | SimulatedMonths,
) -> None:
    """Add the hours of a simulated fleet, off a ladder at each month's rate or month by month."""
    bill = _MachineBill(make, scenario, part, deployment, quote)
    rate = part.volume / (bill.calendar_hours * Number(SECONDS_PER_HOUR, "seconds an hour"))
    for cause in usage.causes():
        instances = usage.instances(cause)
        if not any(instances):
            continue
        name = f"usage.{make.option}.{part.name}.{_key(cause)}"
        read: Expression
        if isinstance(usage, Ladder):
            source = f"simulated: {usage.requests:,} requests at {len(usage.rungs)} rates"
            rates = usage.rates_per_s
            read = Lookup(name, "instances", rate, rates, instances, Evidence.ESTIMATED, source)
        else:
            source = f"simulated: all {usage.requests:,} requests"
            read = Series(name, "instances", instances, Evidence.ESTIMATED, source)
        if cause == BUSY:
            bill.add(read * bill.paid_hours, Kind.USED, volume=part.volume)
        else:
            kind = Kind.IDLE if cause == UNALLOCATED else Kind.WASTED
            bill.add(read * bill.paid_hours, kind, cause)


def _key(cause: str) -> str:
    return cause.replace(" ", "_").replace("-", "_")


class _MachineBill:
    """What all lines of one part's machines share."""

    def __init__(
        self,
        make: LineMaker,
        scenario: Scenario,
        part: Part,
        deployment: SelfHostedDeployment,
        quote: Quote,
    ) -> None:
        self._make, self._part = make, part
        machine = deployment.machine
        self._item = (
            f"{machine.seller} {machine.instance_type}, {machine.region}, "
            f"{machine.purchase.replace('_', ' ')}"
        )
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

    def add(
        self, quantity: Expression, kind: Kind, cause: str = "", volume: Expression | None = None
    ) -> None:
        """Add hours of one kind and cause."""
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
        )


def _add_settlement(
    make: LineMaker,
    scenario: Scenario,
    part: Part,
    purchase: Purchase,
    instances: int,
    price: Expression,
) -> None:
    """Settle a commitment that runs past the end: what remains is owed in full."""
    term = purchase.term_months
    if term is None:
        return
    running = part.last_month - part.first_month + 1
    remaining = -running % term
    if remaining == 0:
        return
    at_end = active_months(
        f"{part.name}.settled", part.last_month, part.last_month, scenario.horizon_months
    )
    owed = Number(remaining * HOURS_PER_QUOTED_MONTH * instances, "instance-hours still committed")
    make.add(
        f"{part.name}.compute.settlement",
        phase=Phase.INFERENCE,
        category="commitment",
        item=f"{remaining} months of a running {term}-month commitment, settled at the end",
        quantity=times(owed, [at_end]),
        unit="instance-hour",
        unit_price_usd=price,
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=Payee.CLOUD,
        kind=Kind.IDLE,
        cause="unused commitment",
    )
