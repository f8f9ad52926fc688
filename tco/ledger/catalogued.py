"""What the catalogue sells, as unit prices of a scenario: one method a kind of thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tco.domain.machine import MachineChoice
from tco.domain.measured import Measured
from tco.domain.price import Quote
from tco.domain.scenario import PAYROLL, Scenario
from tco.domain.work import PricedService
from tco.errors import InfeasibleError, MissingFigureError
from tco.ledger.expression import Driver, Expression, Least, Number, driver
from tco.ledger.model import Step
from tco.ledger.tariff import unit_price
from tco.prices import Catalog


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """What a million tokens of a model cost; cached ones at the full price where no other is."""

    fresh_input: Expression
    cached_input: Expression
    output: Expression


@dataclass(frozen=True, slots=True)
class Shop:
    """The catalogue on the price date of a scenario, with its discounts, events and paths."""

    scenario: Scenario
    catalog: Catalog
    trainings: Mapping[str, Measured] = field(default_factory=dict)
    """Measured training steps by id, for jobs that name one; other work needs none."""

    def machine_hour(self, machine: MachineChoice) -> Expression:
        """Price of an hour of an instance, for work that comes and goes [USD/instance-hour]."""
        if machine.purchase.term_months is not None:
            raise InfeasibleError(
                f"{machine.instance_type} is committed for {machine.purchase.term_months} months "
                "here, and work that ends does not fill a commitment; choose on_demand or spot"
            )
        quote = self.catalog.compute(
            machine.seller,
            machine.region,
            machine.instance_type,
            on=self.scenario.price_date,
            purchase=machine.purchase,
        )
        name = f"price.{quote.sku}.{machine.purchase}"
        return self._quoted(machine.seller, name, "USD/instance-hour", quote)

    def service(
        self, seller: str, region: str, service: str, unit: str, quantity: Expression
    ) -> Iterator[Step]:
        """Split a month's quantity over the tiers of a service's price.

        Raises:
            MissingFigureError: If the service is sold by another unit.
        """
        tiers = self.catalog.service(seller, service, on=self.scenario.price_date, region=region)
        starts = [float(tier.from_units) for tier in tiers]
        for tier, start, end in zip(tiers, starts, [*starts[1:], None], strict=True):
            if tier.quote.unit != unit:
                raise MissingFigureError(
                    f"{seller} sells {service} by the {tier.quote.unit}, not by the {unit}; "
                    "name another service"
                )
            name = f"price.{tier.quote.sku}" + (f".from_{start:g}" if start else "")
            price = self._quoted(seller, name, f"USD/{unit}", tier.quote)
            within = quantity if end is None else Least((quantity, _edge(end)))
            if start:
                within = within - Least((quantity, _edge(start)))
            yield Step(within, price, start)

    def unit_of(self, service: PricedService) -> str:
        """Return the unit by which a service is sold."""
        on = self.scenario.price_date
        [first, *_] = self.catalog.service(
            service.seller, service.service, on=on, region=service.region
        )
        return first.quote.unit

    def person_hour(self, role: str) -> Expression:
        """Price of an hour of a person: the firm's own where it states one [USD/h]."""
        own = self.scenario.organisation.labour_usd_per_hour.get(role)
        if own is not None:
            name = f"organisation.labour_usd_per_hour.{role}"
            return unit_price(self.scenario, PAYROLL, name, "USD/h", own, is_own=True)
        quote = self.catalog.person(role, on=self.scenario.price_date)
        return self._quoted(PAYROLL, f"price.people.{role}", "USD/h", quote)

    def label(self, task: str, seller: str) -> Expression:
        """Price of one label by one person [USD/label]."""
        quote = self.catalog.labelling(task, seller, on=self.scenario.price_date)
        if quote.unit != "label":
            raise MissingFigureError(f"{seller} sells {task} by the {quote.unit}, not by the label")
        return self._quoted(seller, f"price.labelling.{task}.{seller}", "USD/label", quote)

    def tokens(self, provider: str, model: str, tier: str, input_tokens: float) -> TokenPrices:
        """Prices of the tokens of requests of some length [USD/Mtok].

        Raises:
            MissingFigureError: If requests of that length, or at some hours, have other prices.
        """
        rates = self.catalog.tokens(provider, model, on=self.scenario.price_date, tier=tier)
        longest = min((band.above_input_tokens for band in rates.bands), default=None)
        if rates.windows or (longest is not None and input_tokens > longest):
            why = "at some hours of the day" if rates.windows else f"above {longest:,} input tokens"
            raise MissingFigureError(
                f"{provider}/{model} has another price {why}, which is not weighed here; choose "
                "another model or shorter requests"
            )

        def price(kind: str, usd: Decimal) -> Expression:
            name = f"price.{provider}/{model}.{tier}.{kind}"
            own = rates.negotiated
            found = rates.estimate(usd)
            return unit_price(self.scenario, provider, name, "USD/Mtok", found, is_own=own)

        fresh = price("fresh_input", rates.input_usd_per_mtok)
        cached = rates.cached_input_usd_per_mtok
        return TokenPrices(
            fresh,
            fresh if cached is None else price("cached_input", cached),
            price("output", rates.output_usd_per_mtok),
        )

    def figure(self, name: str, unit: str) -> Driver:
        """Return a planning figure of the catalogue."""
        return driver(
            f"figure.{name}", unit, self.catalog.figure(name, on=self.scenario.price_date)
        )

    def _quoted(self, seller: str, name: str, unit: str, quote: Quote) -> Expression:
        return unit_price(
            self.scenario, seller, name, unit, quote.estimate, is_own=quote.negotiated
        )


def _edge(units: float) -> Number:
    return Number(units, "units at which the next step of the price begins")
