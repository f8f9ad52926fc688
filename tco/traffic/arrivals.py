"""Times at which requests arrive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def poisson_arrivals_s(
    rate_per_s: float, requests: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the arrival times [s] of a Poisson stream from time 0, ``requests`` of them."""
    return np.cumsum(random.exponential(1.0 / rate_per_s, requests))
