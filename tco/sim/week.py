"""A week of traffic as the fleet takes it in: chunk by chunk, the same for every option."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tco.sim.fleet import Requests

Array = NDArray[np.float64]


def poisson_hours(rate_per_s: Array, *, length_s: float, seed: int) -> Iterator[Requests]:
    """Yield Poisson arrivals hour by hour.

    Args:
        rate_per_s: Rate in each hour [1/s].
        length_s: Length of the stretch that stands for each hour [s]; 3,600 for the whole of it.
        seed: Seed; an hour's arrivals depend on it and on the hour alone.
    """
    for hour, rate in enumerate(rate_per_s):
        random = np.random.default_rng([seed, hour])
        count = random.poisson(rate * length_s)
        arrivals = np.sort(random.random(count))
        yield Requests((hour + arrivals) * length_s)
