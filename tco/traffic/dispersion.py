"""How uneven a stream is: index of dispersion of counts, measured and in closed form.

The index is the variance over the mean of the counts in windows of one length; 1 is Poisson. The
CV of the gaps tells little: a stream may have a tame CV and still double its rate for minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WINDOWS_S = (1.0, 10.0, 60.0, 300.0)
LEAST_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Unevenness:
    """What counts in windows of one length say."""

    window_s: float
    index: float
    """Variance over mean of the counts [-]."""
    peak_to_mean: float
    """Largest count over the mean [-]."""


def window_counts(times_s: Array, window_s: float) -> Array:
    """Count arrivals in each whole window from the first arrival to the last."""
    since = times_s - times_s[0]
    windows = int(since[-1] // window_s)
    place = np.floor(since / window_s).astype(np.int64)
    return np.bincount(place[place < windows], minlength=windows).astype(float)


def unevenness(times_s: Array, windows_s: tuple[float, ...] = WINDOWS_S) -> list[Unevenness]:
    """Measure sorted arrival times over several windows; windows too long for them are left out."""
    found = []
    for window_s in windows_s:
        counts = window_counts(times_s, window_s) if times_s.size else np.zeros(0)
        if counts.size >= LEAST_WINDOWS and counts.any():
            mean = float(counts.mean())
            found.append(
                Unevenness(window_s, float(counts.var(ddof=1)) / mean, float(counts.max()) / mean)
            )
    return found


def gap_cv(times_s: Array) -> float:
    """Return the standard deviation of the gaps over their mean [-]."""
    gaps = np.diff(times_s)
    return float(gaps.std() / gaps.mean())


def smoothed(rate_per_s: float, window_s: float) -> float:
    """Return the share of a rate's variance that is left in means over a window [-].

    For a rate whose correlation falls as exp(-rate_per_s x time): 2 (x - 1 + exp(-x)) / x^2.
    """
    x = rate_per_s * window_s
    if x < 1e-4:  # noqa: PLR2004 - below it the closed form cancels
        return 1.0 - x / 3.0
    return 2.0 * (x + math.expm1(-x)) / x**2


def modulated_dispersion(
    mean_per_s: float, rate_scv: float, decay_per_s: float, window_s: float
) -> float:
    """Return the index of dispersion [-] of a Poisson stream whose rate wanders.

    Args:
        mean_per_s: Mean rate [1/s].
        rate_scv: Variance of the rate over its squared mean [-].
        decay_per_s: Rate at which the correlation of the rate falls [1/s].
        window_s: Length of the counting window [s].
    """
    return 1.0 + mean_per_s * window_s * rate_scv * smoothed(decay_per_s, window_s)


@dataclass(frozen=True, slots=True)
class TwoStateRate:
    """Mean, squared variation and decay of a rate that changes between two values."""

    mean_per_s: float
    scv: float
    decay_per_s: float

    def dispersion(self, window_s: float) -> float:
        """Return the index of dispersion of the counts in a window [-]."""
        return modulated_dispersion(self.mean_per_s, self.scv, self.decay_per_s, window_s)

    @property
    def dispersion_limit(self) -> float:
        """Index of dispersion over long windows [-]."""
        return 1.0 + 2.0 * self.mean_per_s * self.scv / self.decay_per_s


def two_state_rate(
    high_per_s: float, low_per_s: float, leave_high_per_s: float, leave_low_per_s: float
) -> TwoStateRate:
    """Describe a two-state MMPP by its rates and how often each state is left [1/s].

    >>> rate = two_state_rate(20, 2, 0.05, 0.02)
    >>> round(rate.mean_per_s, 6), round(rate.dispersion_limit, 6), round(rate.dispersion(60), 6)
    (7.142857, 265.489796, 203.460363)
    """
    decay = leave_high_per_s + leave_low_per_s
    high_share = leave_low_per_s / decay
    mean = high_per_s * high_share + low_per_s * (1.0 - high_share)
    variance = (high_per_s - low_per_s) ** 2 * high_share * (1.0 - high_share)
    return TwoStateRate(mean, variance / mean**2, decay)


def gamma_dispersion_limit(gap_cv: float) -> float:
    """Return the index of dispersion of a renewal stream over long windows [-]: its CV squared.

    >>> gamma_dispersion_limit(2.0)
    4.0
    """
    return gap_cv**2


def hawkes_dispersion(branching: float, decay_per_s: float, window_s: float) -> float:
    """Return the index of dispersion [-] of a self-exciting stream with exponential memory.

    >>> round(hawkes_dispersion(0.6, 2.0, 50.0), 6)
    6.11875
    """
    limit = 1.0 / (1.0 - branching) ** 2
    x = decay_per_s * (1.0 - branching) * window_s
    return limit * (1.0 + branching * (2.0 - branching) * math.expm1(-x) / x)
