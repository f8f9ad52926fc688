"""Bursts: the rate is multiplied by sources that switch between two levels at random moments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import OnOffBursts, RecordedBursts, TwoStateBursts
from tco.traffic.dispersion import TwoStateRate, two_state_rate
from tco.traffic.rate import PiecewiseRate

Array = NDArray[np.float64]
NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Levels:
    """Two levels of a source with mean 1, and how long it stays on each."""

    high: float
    low: float
    high_mean_s: float
    low_mean_s: float

    @property
    def high_share(self) -> float:
        """Share of time on the high level [-]."""
        return self.high_mean_s / (self.high_mean_s + self.low_mean_s)

    def rate(self, mean_per_s: float) -> TwoStateRate:
        """Describe the rate of one such source [1/s]."""
        return two_state_rate(
            self.high * mean_per_s,
            self.low * mean_per_s,
            1.0 / self.high_mean_s,
            1.0 / self.low_mean_s,
        )


def levels_of(bursts: OnOffBursts | TwoStateBursts) -> Levels:
    """Return the two levels relative to the mean rate.

    >>> levels_of(OnOffBursts(kind="on_off", on_mean_s=10, off_mean_s=30)).high
    4.0
    """
    if isinstance(bursts, OnOffBursts):
        high_mean_s, low_mean_s, ratio = bursts.on_mean_s, bursts.off_mean_s, math.inf
    else:
        high_mean_s, low_mean_s = bursts.high_mean_s, bursts.low_mean_s
        ratio = bursts.high_to_low
    share = high_mean_s / (high_mean_s + low_mean_s)
    high = 1.0 / (share + (1.0 - share) / ratio)
    return Levels(high, high / ratio, high_mean_s, low_mean_s)


def modulated(
    rate: PiecewiseRate,
    bursts: OnOffBursts | TwoStateBursts | RecordedBursts,
    random: np.random.Generator,
) -> PiecewiseRate:
    """Multiply a rate by a recording, or by independent switching sources with their shares.

    A sum of Poisson streams is Poisson with the summed rate, so the sources are added before a
    single arrival is drawn; that is exact and costs nothing per request.
    """
    if isinstance(bursts, RecordedBursts):
        return _played(rate, bursts, random)
    levels = levels_of(bursts)
    first_s, last_s = float(rate.edges_s[0]), float(rate.edges_s[-1])
    times, changes, begin = [], [], 0.0
    for share in bursts.client_shares:
        is_high = bool(random.random() < levels.high_share)
        begin += share * (levels.high if is_high else levels.low)
        switches_s = first_s + _switches_s(levels, last_s - first_s, random, is_high=is_high)
        up = share * (levels.high - levels.low)
        goes_up = (np.arange(switches_s.size) % 2 == 1) == is_high
        times.append(switches_s)
        changes.append(np.where(goes_up, up, -up))
    switched_s = np.concatenate(times)
    order = np.argsort(switched_s, kind="stable")
    factors = begin + np.concatenate(([0.0], np.cumsum(np.concatenate(changes)[order])))
    factors[factors < NOTHING] = 0.0  # rounding of the sum, where all sources are silent
    return rate.modulated(np.concatenate(([first_s], switched_s[order])), factors)


def _switches_s(
    levels: Levels, span_s: float, random: np.random.Generator, *, is_high: bool
) -> Array:
    """Draw the moments [s] at which a source changes its level within a span.

    Stays are memoryless, so the first one needs no correction for being under way.
    """
    means_s = np.array([levels.high_mean_s, levels.low_mean_s])
    if not is_high:
        means_s = means_s[::-1]
    cycles = span_s / float(means_s.sum())
    draws = int(cycles + 6.0 * math.sqrt(cycles)) + 8
    stays = np.zeros(0)
    while stays.sum() <= span_s:
        stays = np.concatenate((stays, (random.exponential(size=(draws, 2)) * means_s).ravel()))
    switches_s = np.cumsum(stays)
    return np.asarray(switches_s[switches_s < span_s])


def _played(
    rate: PiecewiseRate, bursts: RecordedBursts, random: np.random.Generator
) -> PiecewiseRate:
    """Multiply a rate by a recording that starts at another step in each pass."""
    factors = np.array(bursts.factors)
    factors = factors / factors.mean()
    passes = math.ceil(rate.span_s / (bursts.step_s * factors.size))
    shifts = random.integers(factors.size, size=passes)
    played = np.concatenate([np.roll(factors, shift) for shift in shifts])
    edges_s = rate.edges_s[0] + np.arange(played.size) * bursts.step_s
    return rate.modulated(edges_s, played)
