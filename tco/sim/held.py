"""Machines held hour by hour, told as what each level of a commitment would cover."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_LEVELS = 64
"""Levels that are weighed; of a larger fleet several machines at a time."""


def levels_up_to(instances: int) -> tuple[int, ...]:
    """Return the numbers of machines that can be committed, 0 first.

    >>> levels_up_to(3)
    (0, 1, 2, 3)
    >>> levels_up_to(640)[:3]
    (0, 10, 20)
    """
    step = max(1, math.ceil(instances / MOST_LEVELS))
    return tuple(range(0, instances + step, step))


def covered(held_by_hour: Array, levels: tuple[int, ...]) -> Array:
    """Return how many machines of each level work in the mean hour: the lesser of held and level.

    >>> covered(np.array([1.0, 3.0]), (0, 1, 2, 3)).tolist()
    [0.0, 1.0, 1.5, 2.0]
    """
    return np.asarray(np.minimum(held_by_hour[:, np.newaxis], np.array(levels)).mean(axis=0))


def demand_by_hour(covered_by_level: Array, levels: tuple[int, ...], hours: int) -> Array:
    """Return the hours of a month in falling order of their demand [machines].

    The inverse of ``covered``: a layer between two levels is busy for as long as the upper level
    covers more than the lower one.

    >>> demand_by_hour(np.array([0.0, 1.0, 1.5, 2.0]), (0, 1, 2, 3), 2).tolist()
    [3.0, 1.0]
    """
    steps = np.diff(np.array(levels, dtype=np.float64))
    busy_hours = np.diff(covered_by_level) / steps * hours
    layers = np.clip(busy_hours - np.arange(hours)[:, np.newaxis], 0.0, 1.0)
    return np.asarray(layers @ steps)
