"""Least squares of what planners rely on: positive coefficients, relative errors, points left out.

Every point counts by its relative miss: a batch of 1 that is 10 % off costs as much as one of 256.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tco.domain.curve import LEAST_FOR_ERROR, Accuracy, Line

Array = NDArray[np.float64]

LEAST_FOR_KNEE = 6
ROUNDING = 1e-6
"""A gain smaller than this is an accident of floating point."""


def positive_fit(columns: Array, seen: Array) -> Array:
    """Return coefficients of 0 or more with the least relative squares.

    All subsets of the few columns are tried, so that the optimum is exact.

    >>> positive_fit(np.array([[1.0, 1.0], [1.0, 3.0]]), np.array([3.0, 7.0])).round(9).tolist()
    [1.0, 2.0]
    """
    width = columns.shape[1]
    relative = columns / seen[:, None]
    best, least = np.zeros(width), np.inf
    for size in range(1, width + 1):
        for chosen in combinations(range(width), size):
            found = np.linalg.lstsq(relative[:, chosen], np.ones(seen.size), rcond=None)[0]
            miss = float(np.sum((relative[:, chosen] @ found - 1) ** 2))
            if bool(np.all(found >= 0)) and miss < least:
                best, least = np.zeros(width), miss
                best[list(chosen)] = found
    return best


def straight(numbers: Array, seen: Array) -> Line:
    """Fit base + slope x number; one number alone is read in proportion: batching gains nothing."""
    if np.unique(numbers).size == 1:
        return Line(base=0.0, slope=float(np.mean(seen) / numbers[0]))
    base, slope = positive_fit(np.column_stack([np.ones_like(numbers), numbers]), seen)
    return Line(base=float(base), slope=float(slope))


def bent(numbers: Array, seen: Array) -> Line:
    """Fit two straight parts that meet at one of the inner numbers."""
    best, least = straight(numbers, seen), np.inf
    for knee in np.unique(numbers)[1:-1]:
        before, after = np.minimum(numbers, knee), np.maximum(numbers - knee, 0.0)
        found = positive_fit(np.column_stack([np.ones_like(numbers), before, after]), seen)
        line = Line(
            base=float(found[0]),
            slope=float(found[1]),
            knee=float(knee),
            slope_after=float(found[2]),
        )
        miss = float(np.sum((line.at(numbers) / seen - 1) ** 2))
        if miss < least:
            best, least = line, miss
    return best


def left_out(fit: Callable[[Array, Array], Line], numbers: Array, seen: Array) -> Array:
    """Return |foretold / seen - 1| of every point, each number left out in turn."""
    misses = np.empty(seen.size)
    for number in np.unique(numbers):
        out = numbers == number
        misses[out] = np.abs(fit(numbers[~out], seen[~out]).at(numbers[out]) / seen[out] - 1)
    return misses


def fit_line(numbers: Array, seen: Array) -> tuple[Line, Accuracy]:
    """Fit a line, bent where six points or more foretell one another better that way."""
    line, misses = best_line(numbers, seen)
    return line, Accuracy(
        numbers=tuple(float(number) for number in np.unique(numbers)),
        in_sample_error=float(np.mean(np.abs(line.at(numbers) / seen - 1))),
        left_out_error=None if misses is None else float(np.mean(misses)),
    )


def best_line(numbers: Array, seen: Array) -> tuple[Line, Array | None]:
    """Return the line of choice, and its misses of points left out where there are enough."""
    distinct = np.unique(numbers).size
    if distinct < LEAST_FOR_ERROR:
        return straight(numbers, seen), None
    misses = left_out(straight, numbers, seen)
    if distinct >= LEAST_FOR_KNEE:
        with_knee = left_out(bent, numbers, seen)
        if float(np.mean(with_knee)) < float(np.mean(misses)) - ROUNDING:
            return bent(numbers, seen), with_knee
    return straight(numbers, seen), misses
