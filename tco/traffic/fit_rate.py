"""From arrival times to a rate: weekly shape, growth, slow movement, bursts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import Movement
from tco.traffic.dispersion import WINDOWS_S, smoothed
from tco.traffic.rate import PiecewiseRate
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, HOURS_PER_YEAR, SECONDS_PER_HOUR

Array = NDArray[np.float64]
LEAST_HOURS_OF_DAY = 48.0
"""A log shorter than two days shows no day."""
LEAST_HOURS_OF_WEEK = 2.0 * HOURS_PER_WEEK
LEAST_WEEKS_OF_GROWTH = 8
LEAST_WINDOWS = 8
MOST_STEPS = 20_000
CALM = 0.15
"""An index of dispersion within 15 % of 1 is no burst."""
SLIGHT = 0.05
"""Wandering by less than 5 % moves no capacity."""
NORMAL_95 = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Growth:
    """Yearly growth with its 5th and 95th percentile [-]."""

    likely: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Switching:
    """A rate that switches between two levels of mean 1."""

    high: float
    low: float
    high_mean_s: float
    low_mean_s: float

    @property
    def is_on_off(self) -> bool:
        """Tell whether it falls silent."""
        return self.low == 0


def week_shape(times_s: Array, first_hour: float) -> tuple[Array | None, str]:
    """Return the relative rate of the 168 hours of a week, as fine as the log can tell.

    Args:
        times_s: Sorted arrivals [s] from the first one on.
        first_hour: Hour of the week of the first arrival [h]; Monday 00:00 UTC is 0.

    Returns:
        The shape with mean 1, or none where the log shows no day, and in words what was done.
    """
    span_hours = float(times_s[-1]) / SECONDS_PER_HOUR
    if span_hours < LEAST_HOURS_OF_DAY:
        return None, f"steady: {span_hours:.1f} hours of log show no daily or weekly shape"
    cycle = HOURS_PER_WEEK if span_hours >= LEAST_HOURS_OF_WEEK else HOURS_PER_DAY
    hour = (np.floor(first_hour + times_s / SECONDS_PER_HOUR) % cycle).astype(np.int64)
    counts = np.bincount(hour, minlength=cycle)
    rate = counts / _exposure_hours(first_hour, span_hours, cycle)
    shape = np.tile(rate, HOURS_PER_WEEK // cycle)
    days = span_hours / HOURS_PER_DAY
    if cycle == HOURS_PER_DAY:
        said = f"daily: {days:.1f} days of log show the day, but no two weeks; all days are alike"
    else:
        said = f"daily and weekly: every hour of the week from {days:.1f} days of log"
    return shape / shape.mean(), said


def _exposure_hours(first_hour: float, span_hours: float, cycle: int) -> Array:
    """Return how long the log covers each hour of the cycle [h]."""

    def until(moment: float) -> Array:
        whole, rest = divmod(moment, cycle)
        return np.asarray(whole + np.clip(rest - np.arange(cycle), 0.0, 1.0))

    return np.asarray(until(first_hour + span_hours) - until(first_hour))


def log_rate(
    shape: Array | None, mean_per_s: float, first_hour: float, span_s: float
) -> PiecewiseRate:
    """Return the rate over a log's own span, at a mean rate; time 0 is its first arrival."""
    if shape is None:
        shape = np.ones(HOURS_PER_WEEK)
    hours = math.ceil(first_hour + span_s / SECONDS_PER_HOUR)
    start = math.floor(first_hour)
    edges_s = np.asarray((np.arange(start, hours + 1) - first_hour) * SECONDS_PER_HOUR)
    edges_s[0], edges_s[-1] = 0.0, span_s
    per_s = shape[np.arange(start, hours) % HOURS_PER_WEEK]
    rate = PiecewiseRate(edges_s, per_s)
    return rate.times(mean_per_s / rate.mean_per_s)


def growth(times_s: Array) -> Growth | None:
    """Fit a straight line to the logarithm of whole weeks; none where the log has too few."""
    week_s = HOURS_PER_WEEK * SECONDS_PER_HOUR
    weeks = int(times_s[-1] // week_s)
    if weeks < LEAST_WEEKS_OF_GROWTH:
        return None
    counts = np.bincount((times_s // week_s).astype(np.int64), minlength=weeks)[:weeks]
    here = np.flatnonzero(counts)
    if here.size < LEAST_WEEKS_OF_GROWTH:
        return None
    logs, place = np.log(counts[here]), here - here.mean()
    slope = float(place @ logs / (place @ place))
    rest = logs - logs.mean() - slope * place
    freedom = here.size - 2
    error = math.sqrt(float(rest @ rest) / freedom / float(place @ place))
    z = NORMAL_95  # Student's quantile from the normal one (Cornish and Fisher)
    reach = error * (
        z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / 96 / freedom**2
    )
    weeks_per_year = HOURS_PER_YEAR / HOURS_PER_WEEK
    likely, low, high = (
        min(99.0, math.expm1(min(50.0, step * weeks_per_year)))
        for step in (slope, slope - reach, slope + reach)
    )
    return Growth(likely, max(-0.99, low), high)


# ---- what is left when the shape is taken out ---------------------------------------------------


def excess(times_s: Array, rate: PiecewiseRate, window_s: float) -> float | None:
    """Return the squared variation of the rate about its shape, in means over a window [-].

    The counts in a window vary by their mean even if nothing moves; what they vary beyond it is
    the movement of the rate: sum of (N - expected)^2 - N over sum of expected^2.
    """
    windows = int(rate.span_s // window_s)
    if windows < LEAST_WINDOWS:
        return None
    edges_s = np.arange(windows + 1) * window_s
    counts = np.diff(np.searchsorted(times_s, edges_s))
    expected = np.diff(np.interp(edges_s, rate.edges_s, rate.expected_until()))
    return float(np.sum((counts - expected) ** 2 - counts) / np.sum(expected**2))


def movement(times_s: Array, rate: PiecewiseRate, source: str) -> Movement | None:
    """Fit slow wandering from hour to hour; none where hours do not hang together."""
    hours = int(rate.span_s // SECONDS_PER_HOUR)
    if hours < 3 * HOURS_PER_DAY:
        return None
    edges_s = np.arange(hours + 1) * SECONDS_PER_HOUR
    counts = np.diff(np.searchsorted(times_s, edges_s))
    expected = np.diff(np.interp(edges_s, rate.edges_s, rate.expected_until()))
    off = counts - expected
    weight = float(np.sum(expected**2))
    variation = float(np.sum(off**2 - counts)) / weight
    shared = float(np.sum(off[1:] * off[:-1])) / float(np.sum(expected[1:] * expected[:-1]))
    noise = math.sqrt(2.0 * float(np.sum(expected**2)) / weight**2)
    if variation < max(4.0 * noise, SLIGHT**2) or shared < 0.2 * variation:
        return None
    decay = min(shared / variation, 0.999)
    return Movement(
        log_sd=round(min(3.0, math.sqrt(math.log1p(variation))), 4),
        correlation_hours=round(-1.0 / math.log(decay), 3),
        source=source,
    )


def bursts(times_s: Array, rate: PiecewiseRate, slow_scv: float) -> Switching | None:
    """Fit a rate that switches between two levels to the dispersion over several windows.

    Two numbers, the squared variation and the decay of its correlation, follow from how the
    dispersion grows with the window; the third, how rare the high level is, from the lopsidedness
    of short counts. Levels that would be negative become silence: on and off.

    Args:
        times_s: Sorted arrivals [s] from the first one on.
        rate: Rate without bursts.
        slow_scv: Squared variation that slow movement explains already [-].
    """
    mean = rate.mean_per_s
    windows = [window_s for window_s in WINDOWS_S if rate.span_s >= LEAST_WINDOWS * window_s]
    found = [(excess(times_s, rate, window_s) or 0.0) - slow_scv for window_s in windows]
    indices = [1.0 + mean * w * max(x, 0.0) for w, x in zip(windows, found, strict=True)]
    # The error of an index from n windows is about its size times sqrt(2 / n).
    noises = [4.0 * math.sqrt(2.0 * w / rate.span_s) for w in windows]
    if all(index < 1.0 + max(CALM, noise) for index, noise in zip(indices, noises, strict=True)):
        return None
    scv, decay_per_s = _closest(mean, windows, indices, rate.span_s)
    most = 1.0 / (1.0 + scv)
    share = min(most, _share_by_lopsidedness(times_s, rate, windows[0], scv))
    if share > 0.9 * most:
        share = most
    step = math.sqrt(scv)
    low = max(0.0, 1.0 - step * math.sqrt(share / (1.0 - share)))
    return Switching(
        high=(1.0 - (1.0 - share) * low) / share,
        low=low if low > 1e-9 else 0.0,  # noqa: PLR2004 - rounding
        high_mean_s=1.0 / ((1.0 - share) * decay_per_s),
        low_mean_s=1.0 / (share * decay_per_s),
    )


def recording(times_s: Array, rate: PiecewiseRate) -> tuple[float, Array]:
    """Return the rate about its shape step by step: what no two levels can say.

    Returns:
        Length of a step [s], a whole number of seconds, and the factor of each step with mean 1.
    """
    step_s = max(1.0, math.ceil(rate.span_s / MOST_STEPS))
    edges_s = np.arange(int(rate.span_s // step_s) + 1) * step_s
    counts = np.diff(np.searchsorted(times_s, edges_s))
    expected = np.diff(np.interp(edges_s, rate.edges_s, rate.expected_until()))
    factors = np.divide(counts, expected, out=np.zeros(counts.size), where=expected > 0)
    return step_s, factors / factors.mean()


def _closest(
    mean: float, windows: list[float], indices: list[float], span_s: float
) -> tuple[float, float]:
    """Search squared variation and decay that come closest to the indices, in logarithms."""
    target = np.log(indices)
    best = (math.inf, 1.0, 1.0)
    for decay in np.geomspace(1.0 / span_s, 10.0 / windows[0], 121):
        share = np.array([mean * w * smoothed(float(decay), w) for w in windows])
        scvs = np.geomspace(1e-5, 1e4, 361)
        misses = ((np.log1p(np.outer(scvs, share)) - target) ** 2).sum(axis=1)
        place = int(np.argmin(misses))
        if misses[place] < best[0]:
            best = (float(misses[place]), float(scvs[place]), float(decay))
    return best[1], best[2]


def _share_by_lopsidedness(
    times_s: Array, rate: PiecewiseRate, window_s: float, scv: float
) -> float:
    """Return the share of time on the high level that gives the third moment of short counts.

    E[N(N-1)(N-2)] of a count is the third moment of its expectation, free of Poisson noise.
    """
    edges_s = np.arange(int(rate.span_s // window_s) + 1) * window_s
    counts = np.diff(np.searchsorted(times_s, edges_s)).astype(float)
    mean = counts.mean()
    third = float(np.mean(counts * (counts - 1) * (counts - 2))) / mean**3
    second = float(np.mean(counts * (counts - 1))) / mean**2
    spread = max(second - 1.0, 1e-9)
    skew = (third - 3.0 * second + 2.0) / min(spread, max(scv, 1e-9)) ** 1.5
    return float(min(0.999, max(0.001, 0.5 * (1.0 - skew / math.sqrt(4.0 + skew**2)))))
