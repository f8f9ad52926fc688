"""Times at which requests arrive.

All streams are made in expected requests instead of seconds: there the rate is one, and a table of
the expected requests before each moment leads back to seconds. For a rate that is constant between
edges that is thinning without the throwing away: exact, and linear in the requests kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import GammaGaps, OnOffBursts, RecordedBursts, TwoStateBursts
from tco.traffic.bursts import modulated
from tco.traffic.rate import PiecewiseRate

Array = NDArray[np.float64]
Bursts = OnOffBursts | TwoStateBursts | GammaGaps | RecordedBursts
BLOCK = 1 << 18
"""Requests drawn at once: small enough to stay in the processor's cache."""


def poisson_arrivals_s(
    rate_per_s: float, requests: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the arrival times [s] of a Poisson stream from time 0, ``requests`` of them."""
    return np.cumsum(random.exponential(1.0 / rate_per_s, requests))


def arrivals_s(
    rate: PiecewiseRate, random: np.random.Generator, bursts: Bursts | None = None
) -> Array:
    """Draw sorted arrival times [s] over a rate; a Poisson stream unless bursts are given."""
    blocks = list(arrival_blocks_s(rate, random, bursts))
    return np.concatenate(blocks) if blocks else np.zeros(0)


def arrival_blocks_s(
    rate: PiecewiseRate,
    random: np.random.Generator,
    bursts: Bursts | None = None,
    *,
    block: int = BLOCK,
) -> Iterator[Array]:
    """Draw the same arrivals as ``arrivals_s`` in blocks, so that memory does not grow with them.

    Gamma gaps of several clients are the exception: their streams are merged in memory.
    """
    if isinstance(bursts, GammaGaps):
        yield from _gamma_blocks_s(rate, bursts, random, block)
        return
    if bursts is not None:
        rate = modulated(rate, bursts, random)
    yield from _blocks_s(rate, random, 1.0, block)


def merged_s(streams: Sequence[Array]) -> tuple[Array, NDArray[np.intp]]:
    """Merge sorted streams; ties keep the order of the streams.

    Returns:
        The sorted times [s], and the stream that each came from.
    """
    times_s = np.concatenate(streams)
    source = np.repeat(np.arange(len(streams)), [stream.size for stream in streams])
    order = np.argsort(times_s, kind="stable")
    return times_s[order], source[order]


def _gamma_blocks_s(
    rate: PiecewiseRate, bursts: GammaGaps, random: np.random.Generator, block: int
) -> Iterator[Array]:
    if len(bursts.client_shares) == 1:
        yield from _blocks_s(rate, random, bursts.gap_cv, block)
        return
    streams = [
        part
        for share in bursts.client_shares
        for part in _blocks_s(rate.times(share), random, bursts.gap_cv, block)
    ]
    yield merged_s(streams)[0] if streams else np.zeros(0)


def _blocks_s(
    rate: PiecewiseRate, random: np.random.Generator, gap_cv: float, block: int
) -> Iterator[Array]:
    """Draw gaps of mean 1 and carry them to seconds, a block at a time."""
    until = rate.expected_until()
    block = min(block, int(until[-1] + 6.0 * gap_cv * math.sqrt(until[-1])) + 16)
    shape = gap_cv**-2
    clock = float(random.exponential())
    if gap_cv != 1:  # a stationary stream is met somewhere inside a gap, in a long one more often
        clock = float(random.uniform() * random.gamma(shape + 1.0) / shape)
    first = np.array([clock])
    while clock < until[-1]:
        gaps = random.exponential(size=block) if gap_cv == 1 else random.gamma(shape, size=block)
        if gap_cv != 1:
            gaps /= shape
        moments = np.concatenate((first, clock + np.cumsum(gaps)))
        clock, first = float(moments[-1]), moments[:0]
        if clock >= until[-1]:
            moments = moments[: np.searchsorted(moments, until[-1])]
        if moments.size:
            yield _in_seconds(moments, rate, until)


def _in_seconds(moments: Array, rate: PiecewiseRate, until: Array) -> Array:
    """Carry sorted moments, counted in expected requests, to seconds."""
    low = int(np.searchsorted(until, moments[0], side="right")) - 1
    high = int(np.searchsorted(until, moments[-1], side="right"))
    ends = np.searchsorted(moments, until[low + 1 : high], side="left")
    counts = np.diff(np.concatenate(([0], ends, [moments.size])))
    here = slice(low, high)
    filled = counts > 0
    counts = counts[filled]
    starts = until[here][filled]
    per_s, edges_s = rate.per_s[here][filled], rate.edges_s[here][filled]
    times_s = moments - np.repeat(starts, counts)
    times_s /= np.repeat(per_s, counts)
    times_s += np.repeat(edges_s, counts)
    # A time may round past the end of its piece, by one unit in the last place.
    return np.asarray(np.maximum.accumulate(times_s))
