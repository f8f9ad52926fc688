"""From pairs of input and output tokens to a law of sizes that keeps their means."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import MEAN_TOLERANCE, MixturePart, MixtureSizes, QuantileSizes, RowSizes
from tco.errors import TcoError

Array = NDArray[np.float64]
Way = Literal["quantiles", "rows", "mixture"]
SHARES = np.concatenate(
    ([0, 0.01, 0.02], np.arange(1, 19) / 20, [0.925, 0.95, 0.975, 0.99, 0.995, 0.999, 1])
)
ROWS = 1_000
TRIES = 400
PARTS = 3
ROUNDS = 80
MOST_FITTED = 20_000


def fit_sizes(way: Way, inputs: Array, outputs: Array) -> QuantileSizes | RowSizes | MixtureSizes:
    """Fit one of the laws; each reproduces the mean input and output tokens."""
    match way:
        case "quantiles":
            return fit_quantiles(inputs, outputs)
        case "rows":
            return fit_rows(inputs, outputs)
        case "mixture":
            return fit_mixture(inputs, outputs)


def fit_quantiles(inputs: Array, outputs: Array) -> QuantileSizes:
    """Take 28 quantiles of each column, both means, and the rank correlation between them."""
    tables = []
    for values in (inputs, outputs):
        table = np.quantile(values, SHARES, method="inverted_cdf")
        tables.append(tuple(float(value) for value in table))
    return QuantileSizes(
        kind="quantiles",
        shares=tuple(float(share) for share in SHARES),
        input_tokens=tables[0],
        output_tokens=tables[1],
        input_mean=_within(float(np.mean(inputs)), tables[0]),
        output_mean=_within(float(np.mean(outputs)), tables[1]),
        rank_correlation=round(min(0.99, max(-0.99, rank_correlation(inputs, outputs))), 4),
    )


def _within(mean: float, table: tuple[float, ...]) -> float:
    """Keep a mean inside what the quantiles allow, were the log of a few rows only."""
    widths, values = np.diff(SHARES), np.array(table)
    least, most = float(widths @ values[:-1]), float(widths @ values[1:])
    margin = 1e-9 * (most - least)
    return min(max(mean, least + margin), most - margin)


def fit_rows(inputs: Array, outputs: Array) -> RowSizes:
    """Choose up to 1,000 real rows, spread evenly over the sizes, whose means are the log's."""
    order = np.lexsort((outputs, inputs + outputs))
    rows = np.column_stack((inputs, outputs)).astype(np.int64)[order]
    if len(rows) <= ROWS:
        return _rows(rows)
    means = rows.mean(axis=0)
    random = np.random.default_rng(0)
    edges = np.linspace(0, len(rows), ROWS + 1)
    best, miss = rows[:ROWS], math.inf
    for _ in range(TRIES):
        places = np.floor(edges[:-1] + random.random(ROWS) * np.diff(edges)).astype(np.int64)
        found = rows[places]
        off = float(np.max(np.abs(found.mean(axis=0) - means) / np.maximum(means, 1e-12)))
        if off < miss:
            best, miss = found, off
    if miss > MEAN_TOLERANCE:
        raise TcoError(
            f"no {ROWS:,} rows of this log come closer to its mean sizes than {miss:.1%}: a few "
            "very large requests carry the mean. Fit quantiles instead"
        )
    return _rows(best)


def _rows(rows: NDArray[np.int64]) -> RowSizes:
    return RowSizes(kind="rows", rows=tuple((int(i), int(o)) for i, o in rows))


def fit_mixture(inputs: Array, outputs: Array) -> MixtureSizes:
    """Fit three lognormal components to both columns, then scale them to the log's means.

    Expectation and maximisation on the logarithms. A lognormal law fitted by its logarithms misses
    the mean; scaling the components mends that and leaves their shape.
    """
    if np.any(inputs <= 0) or np.any(outputs <= 0):
        raise TcoError("sizes of 0 tokens have no logarithm; fit quantiles or rows instead")
    means = float(np.mean(inputs)), float(np.mean(outputs))
    step = max(1, math.ceil(inputs.size / MOST_FITTED))
    logs = np.log(np.column_stack((inputs, outputs)))[::step]
    weights, centres, spreads = _expectation_maximisation(logs)
    variances = spreads[:, [0, 1], [0, 1]]
    weights = np.round(weights, 6)
    weights[0] += 1.0 - weights.sum()
    part_means = np.exp(centres + variances / 2.0)
    part_means *= np.array(means) / (weights @ part_means)
    cvs = np.sqrt(np.expm1(variances))
    links = spreads[:, 0, 1] / np.sqrt(variances.prod(axis=1))
    return MixtureSizes(
        kind="mixture",
        parts=tuple(
            MixturePart(
                weight=float(weights[k]),
                input_mean=float(part_means[k, 0]),
                input_cv=float(cvs[k, 0]),
                output_mean=float(part_means[k, 1]),
                output_cv=float(cvs[k, 1]),
                correlation=float(np.clip(links[k], -0.999, 0.999)),
            )
            for k in range(len(weights))
        ),
    )


def _expectation_maximisation(logs: Array) -> tuple[Array, Array, Array]:
    """Fit normal components with their own covariances; small ones fall away."""
    floor = np.eye(2) * (1e-4 + 1e-3 * logs.var(axis=0).mean())
    thirds = np.array_split(logs[np.argsort(logs.sum(axis=1), kind="stable")], PARTS)
    weights = np.full(PARTS, 1.0 / PARTS)
    centres = np.array([third.mean(axis=0) for third in thirds])
    spreads = np.array([np.cov(logs.T) + floor] * PARTS)
    for _ in range(ROUNDS):
        off = logs[:, None, :] - centres
        solved = np.einsum("nki,kij,nkj->nk", off, np.linalg.inv(spreads), off)
        scores = np.log(weights) - 0.5 * (solved + np.log(np.linalg.det(spreads)))
        scores -= scores.max(axis=1, keepdims=True)
        belongs = np.exp(scores)
        belongs /= belongs.sum(axis=1, keepdims=True)
        mass = belongs.sum(axis=0) + 1e-9
        weights = mass / mass.sum()
        centres = (belongs.T @ logs) / mass[:, None]
        off = logs[:, None, :] - centres
        spreads = np.einsum("nk,nki,nkj->kij", belongs, off, off) / mass[:, None, None] + floor
    kept = weights > 1e-4  # noqa: PLR2004 - below that a component holds no request
    return weights[kept] / weights[kept].sum(), centres[kept], spreads[kept]


def lognormal_miss(values: Array) -> float | None:
    """Return how far a plain lognormal law fitted to the logarithms misses the mean [-].

    >>> lognormal_miss(np.array([1.0, 1.0, 1.0, 100.0]))
    -0.10...
    """
    if np.any(values <= 0):
        return None
    logs = np.log(values)
    return math.exp(float(logs.mean()) + float(logs.var()) / 2.0) / float(np.mean(values)) - 1.0


def rank_correlation(first: Array, second: Array) -> float:
    """Return Spearman's rank correlation, ties at their middle rank [-]; 0 where nothing varies."""
    ranks = [_ranks(values) for values in (first, second)]
    spreads = [float(rank.std()) for rank in ranks]
    if min(spreads) == 0:
        return 0.0
    centred = [rank - rank.mean() for rank in ranks]
    return float(np.mean(centred[0] * centred[1])) / (spreads[0] * spreads[1])


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[place])
