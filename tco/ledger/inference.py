"""Serving in money: the tokens of an API."""

from __future__ import annotations

from decimal import Decimal

from tco.domain.cost import Behaviour, Nature, Payee, Phase
from tco.domain.deployment import ApiDeployment
from tco.domain.price import TokenBand, TokenRates
from tco.domain.record import Estimate
from tco.domain.scenario import Scenario
from tco.errors import MissingFigureError
from tco.ledger.expression import Number
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.tariff import unit_price
from tco.ledger.volume import TokensPerRequest, tokens_per_request
from tco.units import TOKENS_PER_MTOK

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
