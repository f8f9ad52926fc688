"""Full fidelity: every request of every month, on the month's own calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.sim.fleet import FleetRules
from tco.sim.ladder import Machine, Rung, rung_of_days
from tco.sim.week import Traffic
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, hours_in_month

Array = NDArray[np.float64]
SEEDS_APART = 1000


@dataclass(frozen=True, slots=True)
class SimulatedMonths:
    """What the fleet used in each month."""

    rungs: tuple[Rung, ...]

    def causes(self) -> tuple[str, ...]:
        """Return everything that instances were used for, busy first."""
        return tuple(dict.fromkeys(cause for rung in self.rungs for cause in rung.by_cause))

    def instances(self, cause: str) -> tuple[float, ...]:
        """Return the mean instances of one use in each month [-]."""
        return tuple(rung.by_cause.get(cause, 0.0) for rung in self.rungs)

    @property
    def requests(self) -> int:
        """Requests simulated in all."""
        return sum(rung.requests for rung in self.rungs)

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> SimulatedMonths:
        """Read it back."""
        return cls(tuple(Rung.from_data(rung) for rung in data["rungs"]))


def simulate_months(
    rules: Callable[[], FleetRules],
    machine: Machine,
    traffic: Traffic,
    rates_per_s: Array,
    months: Sequence[date],
    *,
    seed: int,
) -> SimulatedMonths:
    """Simulate every month of the plan in full.

    Args:
        rules: Makes fresh rules for each run; autoscalers remember.
        machine: Packing and billing.
        traffic: When requests come.
        rates_per_s: Mean rate of each month [1/s].
        months: First day of each month.
        seed: Seed of the arrivals, the same for every option.
    """
    rungs = []
    for number, (month, rate) in enumerate(zip(months, rates_per_s, strict=True)):
        hours = np.arange(hours_in_month(month)) + month.weekday() * HOURS_PER_DAY
        shape = traffic.week[hours % HOURS_PER_WEEK]
        # A month's requests are given; its weekends decide only when they come.
        shape = shape / shape.mean()
        rungs.append(
            rung_of_days(
                rules,
                machine,
                traffic,
                [shape],
                [1.0],
                rate_per_s=float(rate),
                seed=seed + SEEDS_APART * (number + 1),
            )
        )
    return SimulatedMonths(tuple(rungs))
