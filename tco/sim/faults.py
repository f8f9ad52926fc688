"""When machines are gone: drawn for each pool and each machine before anything is served.

What happens to machines does not depend on what they serve. So the same seed takes the same
machines away at the same times at every load and in every option, and a difference between two of
them is no luck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tco.domain.faults import Failures, Interruptions
from tco.units import SECONDS_PER_HOUR

CYCLES_BEFORE = 20
"""Outages that a stream goes back before the start: a run begins as it might at any time."""
POOLS, MACHINES = 1, 2
"""What is drawn, each from streams of its own."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Some instances that are gone for a while."""

    instances: tuple[int, ...]
    notice_s: float
    """From when on they take no more work [s]; what began before the start of a run is negative."""
    gone_s: float
    """When what they still serve is cut off [s]."""
    back_s: float
    """When machines can be started in their place [s]."""
    is_failure: bool = False
    """Failures hit what runs; what a seller takes back, nobody can start meanwhile either."""


class Faults(Protocol):
    """Which instances are gone, and when."""

    @property
    def falls_back(self) -> bool:
        """Whether an instance on demand stands in for one that is gone."""

    @property
    def pays_repair(self) -> bool:
        """Whether an instance is held while it is gone."""

    @property
    def on_demand_instances(self) -> int:
        """First instances of the fleet that are bought on demand, whatever the others are."""

    def outages(self, instances: int) -> Sequence[Iterator[Outage]]:
        """Return streams of outages, each in order of time.

        Args:
            instances: Instances of the fleet at its largest; those that stand in follow them, in
                the same order.
        """


@dataclass(frozen=True, slots=True)
class DrawnFaults:
    """Outages drawn by what a deployment says of its machines."""

    interruptions: Interruptions | None
    failures: Failures | None
    seed: int

    @property
    def falls_back(self) -> bool:
        """Whether an instance on demand stands in for one that is gone."""
        return self.interruptions is not None and self.interruptions.fallback == "on_demand"

    @property
    def pays_repair(self) -> bool:
        """Whether an instance is held while it is under repair."""
        return self.failures is not None and self.failures.is_paid_in_repair

    @property
    def on_demand_instances(self) -> int:
        """First instances that nobody takes back."""
        return 0 if self.interruptions is None else self.interruptions.on_demand_instances

    def outages(self, instances: int) -> Sequence[Iterator[Outage]]:
        """Return a stream for each pool, and one for each machine."""
        streams: list[Iterator[Outage]] = []
        spot = self.interruptions
        if spot is not None and spot.pool.per_hour > 0:
            for pool in range(spot.pools):
                members = tuple(range(spot.on_demand_instances + pool, instances, spot.pools))
                random = np.random.default_rng([self.seed, POOLS, pool])
                if members:
                    streams.append(interruptions(spot, members, random))
        if self.failures is not None:
            for machine in range(instances * (2 if self.falls_back else 1)):
                random = np.random.default_rng([self.seed, MACHINES, machine])
                streams.append(failures(self.failures, machine, random))
        return streams


def interruptions(
    spot: Interruptions, members: tuple[int, ...], random: np.random.Generator
) -> Iterator[Outage]:
    """Yield the times at which a pool is taken back, and those at which it is there again.

    A pool is there for an exponential time. From the moment at which it is gone on, a request for
    machines is made after every wait, and filled by chance.
    """
    figures = spot.pool
    mean_s = SECONDS_PER_HOUR / figures.per_hour
    now_s = -CYCLES_BEFORE * (mean_s + figures.retry_s / figures.filled_share)
    while True:
        notice_s = now_s + float(random.exponential(mean_s))
        gone_s = notice_s + spot.notice_s
        now_s = gone_s + figures.retry_s * int(random.geometric(figures.filled_share))
        if now_s > 0:
            yield Outage(members, notice_s, gone_s, now_s)


def failures(figures: Failures, machine: int, random: np.random.Generator) -> Iterator[Outage]:
    """Yield the failures of one machine, which runs for exponential times between its repairs."""
    mean_s = figures.mean_hours_between * SECONDS_PER_HOUR
    repair = figures.repair
    low_s, likely_s, high_s = (
        hours * SECONDS_PER_HOUR
        for hours in (repair.low_hours, repair.likely_hours, repair.high_hours)
    )
    now_s = -CYCLES_BEFORE * (mean_s + repair.mean_hours * SECONDS_PER_HOUR)
    while True:
        failed_s = now_s + float(random.exponential(mean_s))
        takes_s = likely_s
        if low_s < high_s:
            takes_s = float(random.triangular(low_s, likely_s, high_s))
        now_s = failed_s + takes_s
        if now_s > 0:
            yield Outage((machine,), failed_s, failed_s, now_s, is_failure=True)
