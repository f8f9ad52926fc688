"""Token prices from the ``genai-prices`` package, off line: one look-up a model, then arithmetic.

The package prices an unknown processing tier silently at the default rate and takes 'now' where no
moment is given. So a tier is accepted only if the package lists it for that model, and every price
is read at a stated moment: noon UTC of the price date. Its updater is never started.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tco.domain.price import Purchase, TokenBand, TokenRates, TokenWindow
from tco.errors import PriceNotFoundError
from tco.prices.discounts import Discount, narrowest

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

PRICED_AT_UTC = 12
"""Hour of the day at which prices are read [h UTC]; some vendors charge more in other hours."""
STANDARD = "standard"
_CONTEXTS: dict[str, tuple[dict[str, str], ...]] = {
    STANDARD: ({},),
    "batch": ({"processing": "batch"},),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"service_tier": "fast"}, {"speed": "fast"}),
}
"""How vendors call each processing tier."""
TIERS = tuple(_CONTEXTS)
_SAME_MODEL_SUFFIX = re.compile(r"(-latest|[-@]\d{4}-?\d{2}-?\d{2})")
_PRICE_KEYS = {
    "input_usd_per_mtok": "input_mtok",
    "cached_input_usd_per_mtok": "cache_read_mtok",
    "cache_write_usd_per_mtok": "cache_write_mtok",
    "output_usd_per_mtok": "output_mtok",
    "reasoning_usd_per_mtok": "output_reasoning_mtok",
}


@lru_cache(maxsize=1)
def package_version() -> str:
    """Return the version of the price package: its data changes with every release."""
    return version("genai-prices")


def resolve(provider: str, model: str, *, on: date, tier: str = STANDARD) -> TokenRates:
    """Read the token prices of one model at noon UTC of a day.

    Raises:
        PriceNotFoundError: If provider, model or tier, or a price at that time, is not listed.
    """
    if tier not in _CONTEXTS:
        raise PriceNotFoundError(
            f"{provider}/{model} tier {tier}", on, [f"{provider}/{model} tier {t}" for t in TIERS]
        )
    info = _find(provider, model, on)
    priced_at = datetime.combine(on, time(PRICED_AT_UTC), UTC)
    context = _context(info, tier, priced_at)
    if context is None:
        offered = [t for t in TIERS if _context(info, t, priced_at) is not None]
        raise PriceNotFoundError(
            f"{provider}/{model} tier {tier}", on, [f"{provider}/{model} tier {t}" for t in offered]
        )
    if not _has_started(info, priced_at):
        raise PriceNotFoundError(f"{provider}/{model}", on, (), earliest=_first_start(info))
    price = info.get_prices(priced_at, context)
    plain = _rates(price, above=None)
    if plain["input_usd_per_mtok"] is None:
        raise PriceNotFoundError(f"{provider}/{model} per token", on, ())
    return TokenRates(
        provider=provider,
        model=model,
        resolved_model=info.id,
        tier=tier,
        input_usd_per_mtok=plain["input_usd_per_mtok"],
        cached_input_usd_per_mtok=plain["cached_input_usd_per_mtok"],
        cache_write_usd_per_mtok=plain["cache_write_usd_per_mtok"],
        output_usd_per_mtok=plain["output_usd_per_mtok"] or Decimal(0),
        charges_output=plain["output_usd_per_mtok"] is not None,
        reasoning_usd_per_mtok=plain["reasoning_usd_per_mtok"],
        bands=tuple(_bands(price)),
        windows=tuple(_windows(info, priced_at, context)),
        source=f"genai-prices {package_version()}",
        priced_at=priced_at,
        checked_on=on,
    )


def with_discount(rates: TokenRates, discounts: Iterable[Discount], *, on: date) -> TokenRates:
    """Take a user's negotiated discount off all token prices of a model, and say so."""
    product = (rates.provider, "*", rates.resolved_model)
    discount = narrowest(product, Purchase.ON_DEMAND, on, discounts)
    if discount is None:
        return rates
    keep = 1 - discount.discount
    return rates.model_copy(
        update={
            **_scaled(rates, keep),
            "bands": tuple(band.model_copy(update=_scaled(band, keep)) for band in rates.bands),
            "windows": tuple(each.model_copy(update=_scaled(each, keep)) for each in rates.windows),
            "negotiated": True,
            "label": f"{discount.label} ({discount.discount:.1%} off list)",
        }
    )


def _scaled(rates: TokenRates | TokenBand | TokenWindow, keep: Decimal) -> dict[str, Decimal]:
    prices = {name: getattr(rates, name) for name in _PRICE_KEYS}
    return {name: price * keep for name, price in prices.items() if price is not None}


def _find(provider: str, model: str, on: date) -> ModelInfo:
    # Its tables take a third of a second to import: only those who price tokens pay that.
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    providers = {each.id: each for each in get_snapshot().providers}
    if provider not in providers:
        raise PriceNotFoundError(
            f"{provider}/{model}", on, [f"{each}/{model}" for each in providers]
        )
    found = providers[provider].find_model(model.lower(), all_providers=list(providers.values()))
    if found is None or not _means(model.lower(), found):
        known = [f"{provider}/{each.id}" for each in providers[provider].models]
        raise PriceNotFoundError(f"{provider}/{model}", on, known)
    return found


def _means(model: str, found: ModelInfo) -> bool:
    """Tell a name from a misspelling: the package also matches names that merely begin alike."""
    names = {found.id.lower(), *_exact_names(found.match)}
    return model in names or any(
        model.startswith(name) and _SAME_MODEL_SUFFIX.fullmatch(model[len(name) :])
        for name in names
    )


def _exact_names(clause: Any) -> Iterator[str]:
    if hasattr(clause, "equals"):
        yield clause.equals.lower()
    for part in getattr(clause, "or_", ()):
        yield from _exact_names(part)


def _context(info: ModelInfo, tier: str, at: datetime) -> dict[str, str] | None:
    """Return how this vendor calls the tier, None where the model is not sold so."""
    if tier == STANDARD:
        return {}
    for context in _CONTEXTS[tier]:
        for variant in info.price_variants or ():
            if variant.when == context and (
                variant.constraint is None or variant.constraint.active(at)
            ):
                return context
    return None


def _has_started(info: ModelInfo, at: datetime) -> bool:
    if not isinstance(info.prices, list):
        return True
    return any(each.constraint is None or each.constraint.active(at) for each in info.prices)


def _first_start(info: ModelInfo) -> date | None:
    starts = (getattr(each.constraint, "start_date", None) for each in _conditional(info))
    return min((start for start in starts if start is not None), default=None)


def _conditional(info: ModelInfo) -> list[Any]:
    return list(info.prices) if isinstance(info.prices, list) else []


def _rates(price: ModelPrice, *, above: int | None) -> dict[str, Decimal | None]:
    """Return our names with the prices of requests that have more than ``above`` input tokens."""
    return {name: _at(getattr(price, key), above) for name, key in _PRICE_KEYS.items()}


def _at(price: Any, above: int | None) -> Decimal | None:
    if price is None or isinstance(price, Decimal):
        return price
    reached = [step.price for step in price.tiers if above is not None and step.start <= above]
    chosen: Decimal = reached[-1] if reached else price.base
    return chosen


def _bands(price: ModelPrice) -> Iterator[TokenBand]:
    starts = {
        step.start
        for key in _PRICE_KEYS.values()
        for step in getattr(getattr(price, key), "tiers", ())
    }
    for start in sorted(starts):
        yield TokenBand(above_input_tokens=start, **_rates(price, above=start))


def _windows(info: ModelInfo, at: datetime, context: dict[str, str]) -> Iterator[TokenWindow]:
    """Walk through the day from one change of price to the next."""
    edges = set()
    for each in _conditional(info):
        start, end = (getattr(each.constraint, name, None) for name in ("start_time", "end_time"))
        if start is not None and end is not None:
            edges |= {start.replace(tzinfo=None), end.replace(tzinfo=None)}
    ordered = sorted(edges)
    for start, end in zip(ordered, ordered[1:] + ordered[:1], strict=True):
        moment = datetime.combine(at.date(), start, UTC)
        rates = _rates(info.get_prices(moment, context), above=None)
        yield TokenWindow(from_utc=start, to_utc=end, **rates)
