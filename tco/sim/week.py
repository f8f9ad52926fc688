"""The traffic of a fleet's run, chunk by chunk, the same for every option."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import Movement
from tco.sim.fleet import Requests
from tco.traffic.arrivals import Bursts, arrival_blocks_s
from tco.traffic.rate import PiecewiseRate, movement_factors

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Traffic:
    """When requests come: the shape of a week, and how they crowd around it."""

    week: Array
    """Rate of each hour of the week over the mean rate [-]."""
    bursts: Bursts | None = None
    movement: Movement | None = None

    @property
    def is_plain(self) -> bool:
        """Whether requests come independently of one another at the rates of the week."""
        return self.bursts is None and self.movement is None

    def chunks(self, rate_per_s: Array, *, length_s: float, seed: int) -> Iterator[Requests]:
        """Yield the arrivals of some hours in order.

        Args:
            rate_per_s: Rate in each hour, before bursts and movement [1/s].
            length_s: Length of the stretch that stands for each hour [s]; 3,600 for all of it.
            seed: Seed; the same rates and seed give the same arrivals.
        """
        moving, coming = np.random.default_rng(seed).spawn(2)
        rates = rate_per_s
        if self.movement is not None:
            rates = rates * movement_factors(self.movement, rates.size, moving)
        edges_s = np.arange(rates.size + 1, dtype=np.float64) * length_s
        for block in arrival_blocks_s(PiecewiseRate(edges_s, rates), coming, self.bursts):
            yield Requests(block)
