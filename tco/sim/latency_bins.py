"""Bins that times are counted in, narrow enough to read quantiles from: 64 to each doubling.

The bin of a time is read off its float: the exponent and the first bits of the fraction, one more
for each bin.
"""

from __future__ import annotations

import numpy as np

from tco.sim.compiled import compiled

LEAST_S, MOST_S = 2.0**-20, 2.0**20
"""What is shorter or longer has a bin at its end; a microsecond and twelve days."""
FRACTION_BITS = 6
DROPPED_BITS = 52 - FRACTION_BITS


def _leading_bits(seconds: float) -> int:
    return int(np.float64(seconds).view(np.int64)) >> DROPPED_BITS


_BELOW = _leading_bits(LEAST_S) - 1
BINS = _leading_bits(MOST_S) - _BELOW + 1
_LAST = BINS - 1
EDGES_S = (np.arange(_BELOW + 1, _BELOW + BINS) << DROPPED_BITS).view(np.float64)
"""Bin k starts at edge k - 1 and ends before edge k."""


@compiled
def bin_of(seconds: float) -> int:
    """Return the bin that a time is counted in."""
    place = int(np.float64(seconds).view(np.int64) >> DROPPED_BITS) - _BELOW
    return min(max(place, 0), _LAST)


def middle_s(place: int) -> float:
    """Return the middle of a bin [s]; a time in it is off by less than 0.8 %."""
    if place == 0:
        return LEAST_S
    return float(EDGES_S[place - 1 : place + 1].mean())


def quantile_s(histogram: np.typing.NDArray[np.float64], share: float) -> float:
    """Return a quantile of times counted in the bins [s]: the middle of its bin."""
    reached = np.cumsum(histogram)
    return middle_s(int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))))
