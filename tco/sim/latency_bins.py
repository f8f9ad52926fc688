"""Logarithmic bins that times are counted in, narrow enough to read quantiles from."""

from __future__ import annotations

import math

import numpy as np

from tco.sim.compiled import compiled

LEAST_S = 1e-6
BIN_RATIO = 1.015
"""A quantile read at the middle of its bin is off by less than 0.75 %."""
BINS = 1 + math.ceil(math.log(1e12) / math.log(BIN_RATIO))

# The bin of a time is looked up by the leading bits of its float: its exponent and seven bits more
# make cells that are narrower than a bin, so that at most one edge lies in each. What is less than
# the first cell is in the bin of that cell's start, what is more has a cell of its own: no branch.
EDGES_S = np.append(LEAST_S * BIN_RATIO ** np.arange(BINS - 1), math.inf)
CELL_BITS = 45
FIRST_CELL = int(np.float64(LEAST_S).view(np.int64)) >> CELL_BITS
_LAST_CELL = int(EDGES_S[-2].view(np.int64)) >> CELL_BITS
_STARTS_S = (np.arange(FIRST_CELL + 1, _LAST_CELL + 1) << CELL_BITS).view(np.float64)
_BIN_OF_START = np.searchsorted(EDGES_S, _STARTS_S, side="right")
BIN_OF_CELL = np.concatenate(([0], _BIN_OF_START, [BINS - 1]))
EDGE_OF_CELL_S = np.append(EDGES_S[np.append(0, _BIN_OF_START)], math.nan)
EDGE_OF_CELL_S[0] = math.nextafter(LEAST_S, 1.0)
"""Where the bin of a cell's start ends; beside the bin, so that neither waits for the other."""
CELLS = BIN_OF_CELL.size


@compiled
def bin_of(seconds: float) -> int:
    """Return the bin that a time is counted in."""
    cell = int(np.float64(seconds).view(np.int64) >> CELL_BITS) - FIRST_CELL
    cell = min(max(cell, 0), CELLS - 1)
    return int(BIN_OF_CELL[cell]) + int(seconds >= EDGE_OF_CELL_S[cell])


def quantile_s(histogram: np.typing.NDArray[np.float64], share: float) -> float:
    """Return a quantile of times counted in the bins [s]: the middle of its bin."""
    reached = np.cumsum(histogram)
    place = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return LEAST_S if place == 0 else float(LEAST_S * BIN_RATIO ** (place - 0.5))
