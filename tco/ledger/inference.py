"""Serving in money: the tokens of an API, and the throughput bought ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tco.domain.api import ProvisionedThroughput
from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.deployment import ApiDeployment
from tco.domain.price import TokenBand, TokenRates
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.errors import MissingFigureError
from tco.ledger.expression import Expression, Least, Lookup, Number, Sum, driver
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.tariff import active_months, stated_price, times, unit_price
from tco.ledger.volume import TokensPerRequest, cache_hits, calendar_hours, tokens_per_request
from tco.sim.api_loads import ApiUsage
from tco.units import MINUTES_PER_HOUR, SECONDS_PER_HOUR, TOKENS_PER_MTOK

PER_MTOK = Number(TOKENS_PER_MTOK, "tokens in a million")
HOUR_S = Number(SECONDS_PER_HOUR, "seconds an hour")
NOT_ASKED_FOR = "provisioned and not asked for"
KINDS = ("fresh input", "cached input", "output", "reasoning")


@dataclass(frozen=True, slots=True)
class Billed:
    """Tokens that are billed for each that requests ask for, tries and losses included [-]."""

    fresh_input: Expression
    cached_input: Expression
    output: Expression

    def of(self, kind: str) -> Expression:
        """Return the figure of a kind of token; hidden tokens are output."""
        return {KINDS[0]: self.fresh_input, KINDS[1]: self.cached_input}.get(kind, self.output)


class ApiBill:
    """What all lines of one part behind an API share."""

    def __init__(
        self,
        make: LineMaker,
        scenario: Scenario,
        part: Part,
        deployment: ApiDeployment,
        rates: TokenRates,
    ) -> None:
        self._make, self._scenario, self._part = make, scenario, part
        self._deployment, self._rates = deployment, rates
        hits = cache_hits(part.name, deployment.prompt_cache)
        self._tokens = tokens_per_request(scenario.workload, part.snapshot, hits)
        self._hours = calendar_hours(scenario.months)

    def add(self) -> None:
        """Add the tokens of every request, each billed once."""
        self._add_tokens(self._rates, None)

    def add_batches(self, answered_share: float) -> None:
        """Add the tokens of requests in batches that are answered."""
        share = Number(answered_share, "requests in batches that do not expire")
        billed = None if answered_share == 1.0 else Billed(share, share, share)
        self._add_tokens(self._rates, billed)

    def add_simulated(self, usage: ApiUsage, elsewhere: TokenRates | None) -> None:
        """Add what is billed by token, by the vendor that calls fall over to, and by the hour."""
        self._add_tokens(self._rates, self._billed(usage, "by_token"))
        if elsewhere is not None:
            self._add_tokens(elsewhere, self._billed(usage, "elsewhere"), falls_over=True)
        if self._deployment.provisioned is not None:
            self._add_provisioned(self._deployment.provisioned, usage)

    def _billed(self, usage: ApiUsage, seller: str) -> Billed:
        names = (f"{kind}_{seller}" for kind in ("fresh", "cached", "output"))
        return Billed(*(self._read(f"billed.{n}", usage.billed[n], usage) for n in names))

    def _read(self, name: str, values: Sequence[float], usage: ApiUsage) -> Lookup:
        return Lookup(
            f"usage.{self._make.option}.{self._part.name}.{name}",
            "-",
            self._part.volume / (self._hours * HOUR_S),
            usage.loads_per_s,
            tuple(values),
            Evidence.ESTIMATED,
            f"simulated: {usage.requests:,} requests at {len(usage.loads_per_s) - 1} loads, "
            f"{usage.scope}",
        )

    def _add_tokens(
        self, rates: TokenRates, billed: Billed | None, *, falls_over: bool = False
    ) -> None:
        """Add one line a kind of token: fresh input, cached input, output, reasoning."""
        if rates.windows:
            raise MissingFigureError(
                f"{rates.provider}/{rates.model} costs more at some hours of the day, and the plan "
                "does not weigh hours yet; choose a model with one price all day"
            )
        tokens, band = self._tokens, _band(rates, self._tokens)
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
            asked = self._part.volume * count / PER_MTOK
            sold_as = f"{rates.provider}/{rates.model}"
            self._make.add(
                f"{self._part.name}.{'elsewhere' if falls_over else 'tokens'}."
                f"{name.replace(' ', '_')}",
                phase=Phase.INFERENCE,
                category="tokens",
                item=f"{name} tokens, {sold_as} {rates.tier}"
                + (", fallen over to" if falls_over else ""),
                quantity=asked if billed is None else asked * billed.of(name),
                unit="Mtok",
                unit_price_usd=unit_price(
                    self._scenario,
                    rates.provider,
                    f"price.{sold_as}.{rates.tier}.{billed_as.replace(' ', '_')}",
                    "USD/Mtok",
                    rates.estimate(usd),
                    is_own=rates.negotiated,
                ),
                nature=Nature.RUN,
                behaviour=Behaviour.VARIABLE,
                payee=Payee.API_VENDOR,
                volume=self._part.volume,
            )

    def _add_provisioned(self, bought: ProvisionedThroughput, usage: ApiUsage) -> None:
        """Add the hours of the units, split into what calls took of them and the rest."""
        part, horizon = self._part, self._scenario.horizon_months
        key = f"candidates.{part.name}.deployment.provisioned"
        paid = active_months(f"{part.name}.paid", part.first_month, part.last_month, horizon)
        hours = times(Number(bought.units, "units") * self._hours, [paid])
        price = stated_price(
            self._scenario, f"{key}.usd_per_unit_hour", "USD/unit-h", bought.usd_per_unit_hour
        )
        used = Least((self._taken(key, bought, usage), hours))
        for quantity, kind, cause in (
            (used, Kind.USED, ""),
            (hours - used, Kind.IDLE, NOT_ASKED_FOR),
        ):
            self._make.add(
                f"{part.name}.provisioned.{'idle' if cause else 'used'}",
                phase=Phase.INFERENCE,
                category="provisioned throughput",
                item=f"provisioned throughput, {self._deployment.provider}/"
                f"{self._deployment.model}",
                quantity=quantity,
                unit="unit-hour",
                unit_price_usd=price,
                nature=Nature.RUN,
                behaviour=Behaviour.FIXED,
                payee=Payee.API_VENDOR,
                kind=kind,
                cause=cause,
            )

    def _taken(self, key: str, bought: ProvisionedThroughput, usage: ApiUsage) -> Expression:
        """Return the hours of units that calls fill [unit-hours]."""
        tokens, taken = self._tokens, self._billed(usage, "provisioned")
        weights = {
            "fresh input": (tokens.fresh_input, 1.0),
            "cached input": (tokens.cached_input, bought.cached_token_weight),
            "output": (tokens.output + tokens.reasoning, bought.output_token_weight),
        }
        of_a_request = Sum(
            tuple(
                count * taken.of(kind) * Number(weight, f"input tokens that one of {kind} counts")
                for kind, (count, weight) in weights.items()
            )
        )
        per_minute = driver(
            f"{key}.tokens_per_minute_per_unit", "tokens/min", bought.tokens_per_minute_per_unit
        )
        minutes = Number(MINUTES_PER_HOUR, "minutes an hour")
        return self._part.volume * of_a_request / (per_minute * minutes)


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
