"""Ranges, not points: low, likely and high of every driver become ranges of cost.

All options meet the same draws, so what they share does not blur which of them is cheaper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.ledger.expression import Array, Driver
from tco.rank.view import View

FIRST_DRAWS = 512
"""Enough for a first answer."""
DRAWS = 8192
"""A power of two, for which Sobol points lie most evenly."""
PERCENTILES = (10, 50, 80, 90)
BUDGET_LEVELS = (50, 80, 90)
HIGH_QUANTILE = 0.95
"""``high`` of an estimate is its 95th percentile, ``low`` its 5th."""
SHARE_UNIT = "-"


@dataclass(frozen=True, slots=True)
class Budget:
    """A total that is kept with a stated chance: the likely path and a contingency on top."""

    level: int
    """Percentile of the total."""
    total_usd: float
    contingency_usd: float
    """What the level asks for above the likely path; negative where the likely path lies above."""


@dataclass(frozen=True, slots=True)
class Range:
    """How sure the cost of one option is; None where too many draws lie beyond what is known."""

    total_usd: Mapping[int, float | None]
    """Percentiles of the cost over the horizon."""
    by_month_usd: Mapping[int, tuple[float | None, ...]]
    """Percentiles of each month; they do not add up to those of the total."""
    p_cheapest: float
    expected_regret_usd: float
    """How much dearer than the cheapest it is in the mean of the draws."""
    worst_regret_usd: float
    """The most that it is ever dearer than the cheapest."""
    unknown_share: float
    """Share of draws in which it is asked for more than was simulated; it loses in those."""
    budgets: tuple[Budget, ...]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """The ranges of all options that met the same draws."""

    draws: int
    seed: int
    drivers: tuple[str, ...]
    """What was drawn; everything else was held at its likely value."""
    ranges: Mapping[str, Range]


def values_at(driver: Driver, quantiles: Array) -> Array:
    """Return a driver's values at some quantiles.

    Two halves of normal curves meet at the likely value, which is the median. Each half is as wide
    as its side of the range, so that low and high are the 5th and 95th percentile exactly. A
    range without negative numbers stays so, and a share stays within 0 and 1: what would lie beyond
    lies at the bound.

    >>> from tco.domain.record import Evidence
    >>> price = Driver("price", "USD", 10.0, Evidence.ASSUMED, "made up", 8.0, 14.0)
    >>> values_at(price, np.array([0.05, 0.5, 0.95])).round(9).tolist()
    [8.0, 10.0, 14.0]
    """
    from scipy.special import ndtri  # noqa: PLC0415 - takes half a second; only draws need it

    if driver.low is None or driver.high is None:
        return np.full(quantiles.shape, driver.likely)
    steps = ndtri(quantiles) / ndtri(HIGH_QUANTILE)
    below, above = driver.likely - driver.low, driver.high - driver.likely
    values = driver.likely + np.where(steps < 0, below, above) * steps
    least, most = bounds_of(driver)
    return np.asarray(np.clip(values, least, most))


def bounds_of(driver: Driver) -> tuple[float, float]:
    """Return what a driver cannot lie beyond, as far as its unit and its figures tell.

    >>> from tco.domain.record import Evidence
    >>> bounds_of(Driver("cached", "-", 0.6, Evidence.ASSUMED, "made up", 0.3, 0.8))
    (0.0, 1.0)
    """
    lowest = driver.likely if driver.low is None else driver.low
    highest = driver.likely if driver.high is None else driver.high
    least = 0.0 if lowest >= 0 else -np.inf
    is_share = driver.unit == SHARE_UNIT and lowest >= 0 and highest <= 1
    return least, 1.0 if is_share else np.inf


def drawn(drivers: Iterable[Driver], count: int, *, seed: int) -> dict[str, Array]:
    """Draw every driver that has a range; draw 0 is the likely case and no draw at all.

    Sobol points fill the space evenly. Each driver's points are turned round a circle by an angle
    that follows from the seed and its name, and drivers take the dimensions in the order given: one
    more driver at the end leaves the draws of all others as they were.

    Returns:
        Values by driver name, each of shape (1 + count,); empty if nothing has a range.
    """
    ranged = [driver for driver in drivers if driver.low is not None]
    if not ranged:
        return {}
    from scipy.stats.qmc import Sobol  # noqa: PLC0415 - takes a second; only draws need it

    bits = max(1, int(np.ceil(np.log2(count))))
    points = Sobol(len(ranged), scramble=False).random_base2(bits)[:count]
    half_step = 0.5 / 2**bits
    found = {}
    for number, driver in enumerate(ranged):
        turned = (points[:, number] + _angle(seed, driver.name)) % 1.0
        quantiles = np.clip(turned, half_step, 1.0 - half_step)
        found[driver.name] = np.concatenate(([driver.likely], values_at(driver, quantiles)))
    return found


def _angle(seed: int, name: str) -> float:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def uncertainty(view: View, *, draws: int, seed: int) -> Uncertainty:
    """Return the ranges of every option in a view, all against the same draws.

    Args:
        view: The options to compare; who cannot be chosen should not be in it.
        draws: How many; the likely case comes on top and counts in no percentile.
        seed: Seed of the draws.
    """
    if not view.options:
        return Uncertainty(0, seed, (), {})
    table = drawn(view.drivers().values(), draws, seed=seed)
    by_month = view.by_month_usd(table)
    options = list(by_month)
    counted = slice(1, None) if table else slice(None)
    # What lies beyond the simulated volumes is dearer than anything: an option never wins unseen.
    totals = np.array([_or_dearest(by_month[option].sum(axis=1)) for option in options])
    chances, regrets = _compared(totals[:, counted])
    ranges = {}
    for number, option in enumerate(options):
        total = totals[number]
        percentiles = _percentiles(total[counted][:, np.newaxis])
        is_known = np.isfinite(regrets[number])
        ranges[option] = Range(
            total_usd={level: values[0] for level, values in percentiles.items()},
            by_month_usd=_percentiles(_or_dearest(by_month[option][counted])),
            p_cheapest=float(chances[number]),
            expected_regret_usd=float(regrets[number][is_known].mean()),
            worst_regret_usd=float(regrets[number][is_known].max()),
            unknown_share=float(1.0 - is_known.mean()),
            budgets=_budgets(percentiles, float(total[0])),
        )
    return Uncertainty(draws if table else 1, seed, tuple(table), ranges)


def _or_dearest(cost_usd: Array) -> Array:
    return np.where(np.isnan(cost_usd), np.inf, cost_usd)


def _percentiles(values: Array) -> dict[int, tuple[float | None, ...]]:
    """Return, for each column, the smallest value that a share of the rows does not exceed."""
    count = values.shape[0]
    places = [max(0, -(-level * count // 100) - 1) for level in PERCENTILES]
    ordered = np.partition(np.ascontiguousarray(values.T), places, axis=1)
    return {
        level: tuple(float(x) if np.isfinite(x) else None for x in ordered[:, place])
        for level, place in zip(PERCENTILES, places, strict=True)
    }


def _compared(totals_usd: Array) -> tuple[Array, Array]:
    """Return how often each option (row) is cheapest, and by how much it is dearer in each draw.

    Amounts that are equal to the cent tie, and a tie is split.
    """
    cents = np.round(totals_usd, 2)
    least = cents.min(axis=0)
    is_cheapest: NDArray[np.bool_] = (cents == least) & np.isfinite(least)
    answered = np.isfinite(least)
    won = is_cheapest[:, answered] / is_cheapest[:, answered].sum(axis=0)
    regrets = np.full(totals_usd.shape, np.inf)
    known = np.isfinite(totals_usd)
    np.subtract(totals_usd, totals_usd.min(axis=0), out=regrets, where=known)
    return won.mean(axis=1) if answered.any() else np.zeros(len(cents)), regrets


def _budgets(
    percentiles: Mapping[int, Sequence[float | None]], likely_usd: float
) -> tuple[Budget, ...]:
    found = []
    for level in BUDGET_LEVELS:
        total = percentiles[level][0]
        if total is not None:
            found.append(Budget(level, total, total - likely_usd))
    return tuple(found)
