"""Full fidelity: every request of every month, on the month's own calendar."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.sim.case import Case
from tco.sim.rung import Rung, simulate
from tco.sim.sample import Sample, Stretch
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, hours_in_month

Array = NDArray[np.float64]
REPLICATIONS = 3


@dataclass(frozen=True, slots=True)
class SimulatedMonths:
    """What the fleet used in each month."""

    rungs: tuple[Rung, ...]
    standard_error: float
    """Of the busiest month's instances, from replications, over the instances [-]."""

    def causes(self) -> tuple[str, ...]:
        """Return everything that instances were used for, busy first."""
        return tuple(dict.fromkeys(cause for rung in self.rungs for cause in rung.by_cause))

    def instances(self, cause: str) -> tuple[float, ...]:
        """Return the mean instances of one use in each month [-]."""
        return tuple(rung.by_cause.get(cause, 0.0) for rung in self.rungs)

    def on_demand(self) -> tuple[float, ...]:
        """Return the instances bought on demand beside those that may be taken, by month [-]."""
        return tuple(rung.on_demand for rung in self.rungs)

    def covered(self, place: int) -> tuple[float, ...]:
        """Return the instances at work of one level, by its place among the levels, by month."""
        return tuple(rung.covered[place] for rung in self.rungs)

    @property
    def requests(self) -> int:
        """Requests simulated in all."""
        return sum(rung.requests for rung in self.rungs)

    @property
    def reference(self) -> Rung:
        """The busiest month."""
        return max(self.rungs, key=lambda rung: rung.load_per_s)

    @property
    def standard_error_of_the_sum(self) -> float:
        """Of the machines of all months, over their sum [-]; months are drawn independently."""
        parts = np.array([rung.instances * rung.simulated_s for rung in self.rungs])
        return self.standard_error * math.sqrt(float((parts**2).sum())) / float(parts.sum())

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return {
            "rungs": [rung.as_data() for rung in self.rungs],
            "standard_error": self.standard_error,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> SimulatedMonths:
        """Read it back."""
        rungs = tuple(Rung.from_data(rung) for rung in data["rungs"])
        return cls(rungs, data["standard_error"])


def simulate_months(
    case: Case, rates_per_s: Sequence[float], months: Sequence[date]
) -> SimulatedMonths:
    """Simulate every month of the plan in full, and the busiest one again for its error.

    Args:
        case: The fleet and its traffic.
        rates_per_s: Mean rate of each month [1/s].
        months: First day of each month.
    """
    samples = [month_in_full(case, month) for month in months]
    rungs = tuple(
        simulate(case, sample, rate, replications=(number + 1,))
        for number, (sample, rate) in enumerate(zip(samples, rates_per_s, strict=True))
    )
    busiest = int(np.argmax(rates_per_s))
    again = [
        simulate(
            case,
            samples[busiest],
            rates_per_s[busiest],
            replications=(len(months) + 1 + number,),
        ).instances
        for number in range(REPLICATIONS - 1)
    ]
    values = [rungs[busiest].instances, *again]
    return SimulatedMonths(rungs, float(np.std(values, ddof=1) / np.mean(values)))


def month_in_full(case: Case, month: date) -> Sample:
    """Take every hour of a month, its requests being given and only their hours the week's."""
    first = month.weekday() * HOURS_PER_DAY
    hours = np.arange(hours_in_month(month)) + first
    shape = case.traffic.week[hours % HOURS_PER_WEEK]
    factors = tuple((shape / shape.mean()).tolist())
    return Sample((Stretch(first, factors, 0, 1.0),), f"all hours of {month:%Y-%m}")
