"""Closed forms of waiting lines, from the textbooks, and intervals to hold simulations to them."""

import math
from collections.abc import Sequence
from itertools import count
from statistics import fmean, stdev

T_999 = {20: 3.883}
"""Student's t for a two-sided 99.9 % interval, by number of replications."""


def fixed_service_wait_s(rate_per_s: float, service_s: float, places: int) -> float:
    """Mean wait of M/D/c: the queue, seen once a service time, is a random walk (Spitzer 1956)."""
    queued = 0.0
    for steps in count(1):
        term = _excess(steps * rate_per_s * service_s, steps * places) / steps
        queued += term
        if term < 1e-12:
            return queued / rate_per_s
    raise AssertionError("the count never ends")


def _excess(mean: float, threshold: int) -> float:
    """Expected excess of a Poisson count over a threshold above its mean."""
    k = threshold + 1
    chance = math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1))
    excess = 0.0
    while chance > 1e-18:
        excess += (k - threshold) * chance
        k += 1
        chance *= mean / k
    return excess


def interval(means: Sequence[float]) -> tuple[float, float]:
    """99.9 % interval of the mean of independent replications: the middle, and half its width."""
    return fmean(means), T_999[len(means)] * stdev(means) / math.sqrt(len(means))
