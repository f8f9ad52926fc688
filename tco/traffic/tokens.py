"""How large requests are: pairs of input and output tokens whose means are kept.

A fitted law that misses the mean is a cost error of the same size: a plain lognormal was 17 % short
to 35 % over on published traces. So every law here carries its means, and draws keep them: a size
between two whole numbers is rounded up with the chance that keeps the mean.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import ROUNDING, MixturePart, MixtureSizes, QuantileSizes, RowSizes
from tco.errors import TcoError

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]
Sizes = RowSizes | QuantileSizes | MixtureSizes


def draw_sizes(sizes: Sizes, count: int, random: np.random.Generator) -> tuple[Tokens, Tokens]:
    """Draw the input and output tokens of ``count`` requests, each pair as one."""
    match sizes:
        case RowSizes():
            rows = np.array(sizes.rows, dtype=np.int64)
            chosen = rows[random.integers(len(rows), size=count)]
            return chosen[:, 0].copy(), chosen[:, 1].copy()
        case QuantileSizes():
            first, second = _ranks(sizes.rank_correlation, count, random)
            found = (
                _from_table(sizes.shares, sizes.input_tokens, sizes.input_mean, first),
                _from_table(sizes.shares, sizes.output_tokens, sizes.output_mean, second),
            )
        case MixtureSizes():
            found = _from_mixture(sizes, count, random)
    return in_whole_tokens(found[0], random), in_whole_tokens(found[1], random)


def capped(
    inputs: Tokens,
    outputs: Tokens,
    *,
    context_tokens: int | None = None,
    input_cap_tokens: int | None = None,
    output_cap_tokens: int | None = None,
) -> tuple[Tokens, Tokens, float]:
    """Cut requests to what a model takes; the answer goes first, the prompt gets what is left.

    Returns:
        Input tokens, output tokens, and the share of requests that was cut [-]: their means fall.
    """
    cut_outputs, cut_inputs = outputs, inputs
    if output_cap_tokens is not None:
        cut_outputs = np.minimum(cut_outputs, output_cap_tokens)
    if input_cap_tokens is not None:
        cut_inputs = np.minimum(cut_inputs, input_cap_tokens)
    if context_tokens is not None:
        cut_outputs = np.minimum(cut_outputs, context_tokens)
        cut_inputs = np.minimum(cut_inputs, context_tokens - cut_outputs)
    cut = (cut_inputs != inputs) | (cut_outputs != outputs)
    return cut_inputs, cut_outputs, float(cut.mean()) if cut.size else 0.0


def in_whole_tokens(tokens: Array, random: np.random.Generator) -> Tokens:
    """Round each size up or down at random so that the mean stays."""
    return np.floor(tokens + random.random(tokens.size)).astype(np.int64)


# ---- quantile tables ----------------------------------------------------------------------------

_GRID = np.linspace(-8.0, 8.0, 8001)
_NORMAL = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in _GRID])


def _ranks(correlation: float, count: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Draw two uniform ranks with Spearman's correlation, through two normal variables."""
    if correlation == 0:
        return random.random(count), random.random(count)
    pearson = 2.0 * math.sin(math.pi * correlation / 6.0)
    first = random.standard_normal(count)
    second = pearson * first + math.sqrt(1.0 - pearson**2) * random.standard_normal(count)
    return np.interp(first, _GRID, _NORMAL), np.interp(second, _GRID, _NORMAL)


def bend(shares: Array, values: Array, mean: float) -> float:
    """Return the power to which lines between quantiles are bent so that their mean is right.

    Within a piece the value is low + (high - low) u^k, whose mean is low + (high - low) / (k + 1).
    """
    widths, heights = np.diff(shares), np.diff(values)
    full = float(np.sum(widths * heights))
    if full <= ROUNDING * mean:  # never varies
        return 1.0
    return full / (mean - float(np.sum(widths * values[:-1]))) - 1.0


def _from_table(
    shares: tuple[float, ...], values: tuple[float, ...], mean: float, ranks: Array
) -> Array:
    steps, heights = np.array(shares), np.array(values)
    power = bend(steps, heights, mean)
    piece = np.clip(np.searchsorted(steps, ranks, side="right") - 1, 0, steps.size - 2)
    inside = (ranks - steps[piece]) / np.diff(steps)[piece]
    return np.asarray(heights[piece] + np.diff(heights)[piece] * inside**power)


# ---- mixtures -----------------------------------------------------------------------------------


def _from_mixture(
    sizes: MixtureSizes, count: int, random: np.random.Generator
) -> tuple[Array, Array]:
    weights = np.array([part.weight for part in sizes.parts])
    part = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], random.random(count), "right")
    correlation = np.array([part.correlation for part in sizes.parts])[part]
    first, own = random.standard_normal((2, count))
    second = correlation * first + np.sqrt(1.0 - correlation**2) * own
    return (
        _lognormal(sizes, "input", sizes.input_cap_tokens, part, first),
        _lognormal(sizes, "output", sizes.output_cap_tokens, part, second),
    )


def _lognormal(
    sizes: MixtureSizes, name: str, cap: float | None, part: NDArray[np.intp], normal: Array
) -> Array:
    means = np.array([getattr(each, f"{name}_mean") for each in sizes.parts])
    sigma = np.array([log_sd(getattr(each, f"{name}_cv")) for each in sizes.parts])
    if cap is not None:
        means = means * stretch_under_cap(sizes.parts, name, cap)
    drawn = means[part] * np.exp(sigma[part] * normal - sigma[part] ** 2 / 2.0)
    return np.asarray(drawn if cap is None else np.minimum(drawn, cap))


def log_sd(cv: float) -> float:
    """Return the standard deviation of the logarithm of a lognormal law from its CV [-]."""
    return math.sqrt(math.log1p(cv**2))


def stretch_under_cap(parts: tuple[MixturePart, ...], name: str, cap: float) -> float:
    """Return the factor on all means after which the mean below the cap is what it should be."""

    def mean(factor: float) -> float:
        return sum(
            part.weight
            * _mean_below(factor * getattr(part, f"{name}_mean"), getattr(part, f"{name}_cv"), cap)
            for part in parts
        )

    target = sum(part.weight * getattr(part, f"{name}_mean") for part in parts)
    low, high = 1.0, 2.0
    while mean(high) < target:
        high *= 2.0
        if high > 1e12:  # noqa: PLR2004 - parts of mean 0 keep the rest from getting there
            raise TcoError(
                f"no stretch gives a mean {name} of {target:g} tokens under a cap of {cap:g}; "
                "raise the cap or lower the mean"
            )
    for _ in range(80):
        middle = (low + high) / 2.0
        low, high = (middle, high) if mean(middle) < target else (low, middle)
    return (low + high) / 2.0


def _mean_below(mean: float, cv: float, cap: float) -> float:
    """Return the mean of the lesser of a lognormal value and a cap."""
    if cv == 0 or mean == 0:
        return min(mean, cap)
    sigma = log_sd(cv)
    place = (math.log(cap / mean) + sigma**2 / 2.0) / sigma
    return mean * _normal(place - sigma) + cap * _normal(-place)


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2.0))
