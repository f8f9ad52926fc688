"""What serving takes: seconds and joules of a batch, by hardware, size class and batch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError

Array = NDArray[np.float64]


def _no_factors() -> Array:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class HostWork:
    """Work of the host for each request, done by some hands, first come first served."""

    seconds: float
    parallel: int
    """Requests that are worked on at once."""
    factors: Array = field(default_factory=_no_factors)
    """Factors on the seconds, taken in turn: their spread [-]; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Service:
    """The batch stage of a service curve, and the host work around it.

    ``seconds`` and ``joules`` have the shape (hardware classes, size classes, largest batch + 1);
    place 0 of the last axis is not used.
    """

    seconds: Array
    joules: Array
    factors: Array = field(default_factory=_no_factors)
    """Factors on the service time, taken in turn: its spread [-]; empty if it has none."""
    front: HostWork | None = None
    """Before a request can be batched; one stage for the whole fleet."""
    back: HostWork | None = None
    """After its batch, before it is answered; hands of their own."""

    @property
    def has_joules(self) -> bool:
        """Whether the energy of batches is known."""
        return bool(self.joules.any())

    @property
    def kinds(self) -> int:
        """Kinds of hardware that the seconds are known on."""
        return int(self.seconds.shape[0])

    @property
    def largest_batch(self) -> int:
        """The largest batch that the curve covers."""
        return int(self.seconds.shape[2]) - 1


def service_table(seconds: Array, joules: Array | None = None) -> Service:
    """Make a service of one hardware and one size class from seconds by batch [s]."""
    table = np.zeros((1, 1, seconds.size + 1))
    table[0, 0, 1:] = seconds
    energy = np.zeros_like(table)
    if joules is not None:
        energy[0, 0, 1:] = joules
    return Service(table, energy)


def linear_service(base_s: float, per_item_s: float, max_batch: int) -> Service:
    """Make a service whose batch of n takes ``base_s + n * per_item_s`` [s].

    >>> float(linear_service(0.5, 0.25, 4).seconds[0, 0, 4])
    1.5
    """
    return service_table(base_s + per_item_s * np.arange(1.0, max_batch + 1.0, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class BatchRule:
    """When a batch starts."""

    max_size: int = 1
    max_wait_s: float = 0.0
    preferred_sizes: tuple[int, ...] = ()

    def sizes(self, service: Service) -> NDArray[np.int64]:
        """Return the preferred sizes, ascending, the largest last; refuse what was not measured."""
        if self.max_size > service.largest_batch:
            raise InfeasibleError(
                f"batches of up to {self.max_size} are asked for and the service curve covers "
                f"{service.largest_batch}"
            )
        sizes = sorted({size for size in self.preferred_sizes if size < self.max_size})
        return np.array([*sizes, self.max_size], dtype=np.int64)


SPREAD_DRAWS = 8191
"""Factors drawn for a spread; a prime, so that they do not keep step with anything."""


def spread_factors(cv: float, random: np.random.Generator) -> Array:
    """Draw lognormal factors of a coefficient of variation whose mean is exactly one [-].

    >>> spread_factors(0.0, np.random.default_rng(1)).size
    0
    """
    if cv == 0:
        return _no_factors()
    sigma = math.sqrt(math.log1p(cv * cv))
    factors = random.lognormal(-sigma * sigma / 2, sigma, SPREAD_DRAWS)
    return np.asarray(factors / factors.mean())
