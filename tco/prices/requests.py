"""The price of a request from the price of its tokens, for many requests at once."""

from __future__ import annotations

from datetime import time

import numpy as np
import numpy.typing as npt

from tco.domain.price import TokenBand, TokenRates
from tco.errors import MissingFigureError
from tco.units import TOKENS_PER_MTOK

Tokens = npt.ArrayLike
Usd = npt.NDArray[np.float64]


def request_usd(
    rates: TokenRates,
    *,
    input_tokens: Tokens,
    output_tokens: Tokens,
    cached_input_tokens: Tokens = 0,
    cache_write_tokens: Tokens = 0,
    reasoning_tokens: Tokens = 0,
) -> Usd:
    """Return the price of each request [USD].

    A request longer than a band's start pays that band's prices for all of its tokens, as vendors
    bill it. Where a vendor has no price of its own for cached or written tokens they cost as much
    as any input; where it has none for reasoning they cost as much as output.

    Args:
        rates: Prices of the model.
        input_tokens: All input of a request, the cached and the written included.
        output_tokens: Tokens of the answer, without reasoning.
        cached_input_tokens: Part of the input read from the vendor's cache.
        cache_write_tokens: Part of the input written to the vendor's cache.
        reasoning_tokens: Tokens that the model spends on thinking.

    Raises:
        MissingFigureError: If an answer is wanted of a model that has no output price.
        ValueError: If a count is negative, or more input is cached than there is.
    """
    whole, answer, cached, written, thought = np.broadcast_arrays(
        *(
            np.asarray(each, dtype=np.float64)
            for each in (
                input_tokens, output_tokens, cached_input_tokens, cache_write_tokens,
                reasoning_tokens,
            )
        )
    )  # fmt: skip
    plain = whole - cached - written
    if min(each.min(initial=0) for each in (plain, answer, cached, written, thought)) < 0:
        raise ValueError("token counts are 0 or more, cached and written ones part of the input")
    if not rates.charges_output and (answer + thought).max(initial=0) > 0:
        raise MissingFigureError(
            f"{rates.provider}/{rates.model} has no output price: it returns no tokens. "
            "Set its output tokens to 0, or choose a model that answers."
        )
    steps: list[TokenRates | TokenBand] = [rates, *rates.bands]
    prices = np.stack([_prices(step) for step in steps])
    starts = np.array([band.above_input_tokens for band in rates.bands], dtype=np.float64)
    band = np.searchsorted(starts, whole, side="left")
    tokens = np.stack([plain, cached, written, answer, thought], axis=-1)
    return np.asarray((tokens * prices[band]).sum(axis=-1) / TOKENS_PER_MTOK)


def _prices(step: TokenRates | TokenBand) -> Usd:
    """Return prices of plain, cached, written, answered and thought tokens [USD per million]."""
    full = step.input_usd_per_mtok
    answer = step.output_usd_per_mtok
    row = (
        full,
        full if step.cached_input_usd_per_mtok is None else step.cached_input_usd_per_mtok,
        full if step.cache_write_usd_per_mtok is None else step.cache_write_usd_per_mtok,
        answer,
        answer if step.reasoning_usd_per_mtok is None else step.reasoning_usd_per_mtok,
    )
    return np.array([0.0 if price is None else float(price) for price in row])


def at_hour(rates: TokenRates, moment: time) -> TokenRates:
    """Return the prices that hold at a time of day (UTC), or the same."""
    for window in rates.windows:
        start, end = window.from_utc, window.to_utc
        inside = start <= moment < end if start < end else moment >= start or moment < end
        if inside:
            prices = window.model_dump(exclude={"from_utc", "to_utc"}, exclude_none=True)
            return rates.model_copy(
                update={**prices, "priced_at": rates.priced_at.replace(
                    hour=moment.hour, minute=moment.minute
                )}
            )  # fmt: skip
    return rates
