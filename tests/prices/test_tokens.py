"""Token prices: the package's figures, none of its silent defaults."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version

import numpy as np
import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from tco.errors import MissingFigureError, PriceNotFoundError
from tco.prices import Catalog, tokens
from tco.prices.requests import at_hour, request_usd
from tests.prices.conftest import DAY, SHIPPED

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_prices_say_where_and_when_they_were_read():
    rates = tokens.resolve("openai", "gpt-5", on=DAY)
    assert rates.input_usd_per_mtok == Decimal("1.25")
    assert rates.cached_input_usd_per_mtok == Decimal("0.125")
    assert rates.cache_write_usd_per_mtok is None
    assert rates.output_usd_per_mtok == 10
    assert rates.priced_at == NOON
    said = (
        f"genai-prices {version('genai-prices')}, openai/gpt-5 standard, as priced 2026-11-21 12:00"
    )
    assert said in rates.reference


@pytest.mark.parametrize(
    ("model", "tier", "context"),
    [
        ("gpt-5", "batch", {"processing": "batch"}),
        ("gpt-5", "flex", {"service_tier": "flex"}),
        ("gpt-5", "priority", {"service_tier": "priority"}),
        ("gpt-5", "standard", {}),
    ],
)
def test_a_tier_costs_what_the_package_says(model, tier, context):
    rates = tokens.resolve("openai", model, on=DAY, tier=tier)
    usage = Usage(input_tokens=1_000_000, cache_read_tokens=400_000, output_tokens=300_000)
    theirs = calc_price(
        usage, model, provider_id="openai", genai_request_timestamp=NOON, price_context=context
    )
    ours = request_usd(rates, input_tokens=1e6, cached_input_tokens=4e5, output_tokens=3e5)
    assert ours == pytest.approx(float(theirs.total_price), rel=1e-12)


def test_anthropics_fast_tier_goes_by_another_name():
    models = ("claude-opus-4-8", "claude-opus-5-5", "claude-fable-5-2")
    offered = []
    for model in models:
        try:
            offered.append(tokens.resolve("anthropic", model, on=DAY, tier="fast"))
        except PriceNotFoundError:
            continue
    assert offered
    for rates in offered:
        standard = tokens.resolve("anthropic", rates.model, on=DAY)
        assert rates.output_usd_per_mtok > standard.output_usd_per_mtok


def test_history_is_priced_as_it_was():
    assert tokens.resolve("openai", "o3", on=date(2025, 5, 1)).output_usd_per_mtok == 40
    assert tokens.resolve("openai", "o3", on=DAY).output_usd_per_mtok == 8


@given(size=st.integers(0, 400_000), cached=st.floats(0, 1), output=st.integers(0, 20_000))
def test_a_long_request_pays_the_bands_price_for_all_of_it(size, cached, output):
    rates = tokens.resolve("google", "gemini-2.5-pro", on=DAY)
    hit = int(size * cached)
    usage = Usage(input_tokens=size, cache_read_tokens=hit, output_tokens=output)
    theirs = calc_price(usage, "gemini-2.5-pro", provider_id="google", genai_request_timestamp=NOON)
    ours = request_usd(rates, input_tokens=size, cached_input_tokens=hit, output_tokens=output)
    assert ours == pytest.approx(float(theirs.total_price), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("size", "price"), [(200_000, "1.25"), (200_001, "2.5")])
def test_a_band_begins_above_its_start(size, price):
    rates = tokens.resolve("google", "gemini-2.5-pro", on=DAY)
    usd = request_usd(rates, input_tokens=size, output_tokens=0)
    assert usd == pytest.approx(size * float(price) / 1e6)


@pytest.mark.parametrize("hour", range(24))
def test_every_hour_of_the_day_costs_what_the_package_says(hour):
    rates = at_hour(tokens.resolve("deepseek", "deepseek-v4-pro", on=DAY), time(hour, 30))
    theirs = calc_price(
        Usage(input_tokens=1_000_000, output_tokens=0),
        "deepseek-v4-pro",
        provider_id="deepseek",
        genai_request_timestamp=NOON.replace(hour=hour, minute=30),
    )
    assert float(rates.input_usd_per_mtok) == pytest.approx(float(theirs.total_price))


def test_the_hour_does_not_matter_to_most():
    rates = tokens.resolve("openai", "gpt-5", on=DAY)
    assert at_hour(rates, time(3)) is rates


@pytest.mark.parametrize(
    ("provider", "model", "tier", "message"),
    [
        ("openia", "gpt-5", "standard", "Near it: openai/gpt-5"),
        ("openai", "gpt-5-mni", "standard", "Near it: openai/gpt-5-mini"),
        ("openai", "gpt-5-ultra-2", "standard", "no price for 'openai/gpt-5-ultra-2'"),
        ("openai", "gpt-5", "bulk", "openai/gpt-5 tier batch"),
        ("openai", "text-embedding-3-small", "batch", "tier standard"),
        ("openai", "tts-1", "standard", "openai/tts-1 per token"),
    ],
)
def test_what_the_package_would_price_at_a_default_is_refused(provider, model, tier, message):
    with pytest.raises(PriceNotFoundError, match=message):
        tokens.resolve(provider, model, on=DAY, tier=tier)


def test_a_date_before_the_first_price_is_refused(monkeypatch):
    from genai_prices.types import (
        ClauseEquals,
        ConditionalPrice,
        ModelInfo,
        ModelPrice,
        StartDateConstraint,
    )

    first = StartDateConstraint(start_date=date(2026, 1, 1))
    info = ModelInfo(
        id="x",
        match=ClauseEquals(equals="x"),
        prices=[ConditionalPrice(constraint=first, prices=ModelPrice())],
    )
    assert not tokens._has_started(info, datetime(2025, 12, 31, 12, tzinfo=UTC))
    assert tokens._has_started(info, datetime(2026, 1, 1, 12, tzinfo=UTC))
    monkeypatch.setattr(tokens, "_find", lambda *_: info)
    with pytest.raises(PriceNotFoundError, match="earliest price is of 2026-01-01"):
        tokens.resolve("x", "x", on=date(2025, 12, 31))


def test_a_dated_name_stands_for_its_model():
    assert tokens.resolve("openai", "gpt-5-2025-08-07", on=DAY).resolved_model == "gpt-5"


def test_our_own_row_goes_before_the_package(shipped):
    rates = shipped.tokens("openai", "text-embedding-3-small", on=DAY, tier="batch")
    assert rates.input_usd_per_mtok == Decimal("0.01")
    assert not rates.charges_output
    assert "litellm 1.109.1" in rates.reference
    early = date(2024, 1, 1)
    with pytest.raises(PriceNotFoundError):
        shipped.tokens("openai", "text-embedding-3-small", on=early, tier="batch")


def test_a_private_model_can_be_priced_by_its_owner(overlay):
    mine = overlay(
        "token_overrides",
        "provider,model,tier,input_usd_per_mtok,output_usd_per_mtok,valid_from,checked_on,source,"
        "evidence,negotiated,label",
        "house,private-1,standard,0.4,1.6,2026-01-01,2026-01-01,internal list,stated,yes,transfer",
    )
    rates = Catalog.load(SHIPPED, overlays=[mine]).tokens("house", "private-1", on=DAY)
    assert (rates.negotiated, rates.label) == (True, "transfer")
    assert rates.reference.startswith("transfer: internal list")


def test_a_price_is_read_once(shipped):
    assert shipped.tokens("openai", "gpt-5", on=DAY) is shipped.tokens("openai", "gpt-5", on=DAY)


def test_many_requests_at_once_equal_one_by_one():
    rates = tokens.resolve("google", "gemini-2.5-pro", on=DAY)
    sizes = np.array([10, 200_000, 200_001, 350_000])
    together = request_usd(rates, input_tokens=sizes, output_tokens=100)
    singly = [float(request_usd(rates, input_tokens=size, output_tokens=100)) for size in sizes]
    assert together == pytest.approx(singly)


def test_what_has_no_price_of_its_own_costs_as_the_rest():
    rates = tokens.resolve("openai", "gpt-5-2025-08-07", on=DAY).model_copy(
        update={"cached_input_usd_per_mtok": None}
    )
    plain = request_usd(rates, input_tokens=1000, output_tokens=100)
    fancy = request_usd(
        rates, input_tokens=1000, cached_input_tokens=300, cache_write_tokens=200,
        output_tokens=60, reasoning_tokens=40,
    )  # fmt: skip
    assert fancy == pytest.approx(float(plain))


def test_reasoning_may_have_a_price_of_its_own():
    rates = tokens.resolve("perplexity", "sonar-deep-research", on=DAY)
    assert rates.reasoning_usd_per_mtok is not None
    usd = request_usd(rates, input_tokens=0, output_tokens=0, reasoning_tokens=1e6)
    assert usd == pytest.approx(float(rates.reasoning_usd_per_mtok))


def test_a_model_without_an_output_price_gives_no_answers():
    rates = tokens.resolve("openai", "text-embedding-3-small", on=DAY)
    assert request_usd(rates, input_tokens=1e6, output_tokens=0) == pytest.approx(0.02)
    with pytest.raises(MissingFigureError, match="has no output price"):
        request_usd(rates, input_tokens=10, output_tokens=1)


@pytest.mark.parametrize(
    "counts", [{"input_tokens": -1}, {"input_tokens": 5, "cached_input_tokens": 6}]
)
def test_token_counts_that_are_none_are_refused(counts):
    rates = tokens.resolve("openai", "gpt-5", on=DAY)
    with pytest.raises(ValueError, match="part of the input"):
        request_usd(rates, output_tokens=0, **counts)
