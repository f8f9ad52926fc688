"""Requests of unlike size: sorted into classes, and what a batch of each class takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tco.domain.workload import Workload
from tco.sim.service import HostWork, Service, spread_factors
from tco.traffic.requests import sized, week_requests

Array = NDArray[np.float64]
Word = Literal["input", "output"]
SAMPLE = 50_000
SAMPLE_SEED = 20261121
CLASS_RATIO = 1.1
"""Sizes within a tenth of each other share a class; a class stands at the mean of its requests."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds of a batch, from batch 1 on, for each class of sizes.

    A batch takes as long as its largest request makes it.
    """

    seconds: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...] = (1.0,)
    """Share of the requests in each class [-]."""
    host_s: float = 0.0
    """Host work of each request before it can be batched [s]."""
    hands: int = 0
    """Requests that the host of one replica works on at once; 0 where that stage is not known."""
    cv: float = 0.0
    """Standard deviation of a batch's seconds over their mean [-]."""

    @classmethod
    def of(cls, seconds: Array, shares: Array | None = None) -> Curve:
        """Make it of seconds by batch [s], in one row a class where requests are unlike."""
        rows = np.atleast_2d(seconds)
        return cls(
            tuple(map(tuple, rows.tolist())), (1.0,) if shares is None else tuple(shares.tolist())
        )

    def service(self, factor: float = 1.0, *, replicas: int = 1) -> Service:
        """Return the service with every time multiplied by a factor.

        The hosts of all replicas work off one line, as those behind one balancer nearly do.
        """
        known = np.array(self.seconds)
        seconds = np.zeros((1, known.shape[0], known.shape[1] + 1))
        seconds[0, :, 1:] = known * factor
        front = HostWork(self.host_s * factor, self.hands * replicas) if self.hands else None
        factors = spread_factors(self.cv, np.random.default_rng(SAMPLE_SEED))
        return Service(seconds, np.zeros_like(seconds), factors, front)

    def most_per_s(self, largest_batch: int) -> float:
        """Return the most requests that one replica serves, one batch at a time [1/s]."""
        seconds = self.mean_s[:largest_batch]
        batches = float((np.arange(1, seconds.size + 1) / seconds).max())
        return min(batches, self.hands / self.host_s) if self.host_s else batches

    @property
    def mean_s(self) -> Array:
        """Mean seconds by batch over the classes [s]: a batch of unlike requests takes no less."""
        return np.asarray(np.dot(self.shares, np.array(self.seconds)))


def constant_curve(seconds: float) -> Curve:
    """Return the curve of requests served one at a time, all alike."""
    return Curve(((seconds,),))


@dataclass(frozen=True, slots=True)
class Sizing:
    """How requests are sorted into classes by their tokens."""

    workload: Workload
    word: Word
    edges: tuple[float, ...]
    """Least tokens of every class but the first."""

    def classes_of(
        self, times_s: Array, by_hour: Array, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw the class of requests that come at given times from a midnight on [s]."""
        drawn = sized(self.workload, times_s, by_hour, random)
        tokens = drawn.input_tokens if self.word == "input" else drawn.output_tokens
        assert tokens is not None
        return np.searchsorted(np.array(self.edges), tokens, side="right").astype(np.int64)


@dataclass(frozen=True, slots=True)
class SizeClasses:
    """The classes of a workload: how to sort into them, their mean tokens and their shares."""

    sizing: Sizing
    tokens: Array
    shares: Array


def size_classes(workload: Workload, word: Word) -> SizeClasses:
    """Sort the sizes of a workload into classes; their mean is that of the workload."""
    drawn = week_requests(workload, SAMPLE, np.random.default_rng(SAMPLE_SEED))
    found = drawn.input_tokens if word == "input" else drawn.output_tokens
    assert found is not None
    assert workload.tokens is not None
    tokens = found.astype(np.float64)
    positive = tokens[tokens > 0]
    least, most = (positive.min(), positive.max()) if positive.size else (1.0, 1.0)
    count = max(1, int(np.ceil(np.log(most / least) / np.log(CLASS_RATIO))))
    edges = least * CLASS_RATIO ** np.arange(count)
    place = np.searchsorted(edges, tokens, side="right")
    counts = np.bincount(place, minlength=edges.size + 1)
    sums = np.bincount(place, tokens, minlength=edges.size + 1)
    middles = np.concatenate(([0.0], edges * np.sqrt(CLASS_RATIO)))
    means = np.divide(sums, counts, out=middles, where=counts > 0)
    stated = workload.tokens.input if word == "input" else workload.tokens.output
    # A sample misses the mean by a trifle; it is what is priced, so it is kept.
    means *= stated.likely / float(tokens.mean()) if tokens.any() else 1.0
    sizing = Sizing(workload, word, tuple(edges.tolist()))
    return SizeClasses(sizing, means, counts / counts.sum())
