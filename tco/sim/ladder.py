"""From a week to years: what a fleet uses an hour, simulated at some loads and read between them.

A ladder has two axes. The first is the load: the rate times the service time over its likely value,
so that two points of equal load offer equal work. The second is the service time over its likely
value: errors of a curve and ranges of sizes enter through it. Every month of a plan and every
uncertain draw reads its machines from the straight lines between the simulated points.

Along the load, points are set closer until a simulated one lies within one percent of its line.
At other service times the same work needs nearly the same machines: there fewer loads are
simulated, and between them it is the difference from the likely service time that is read off a
line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tco.sim.case import Case
from tco.sim.rung import BUSY, UNALLOCATED, Rung, simulate
from tco.sim.sample import RUNS_EXPECTED, Sample, sample_week
from tco.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]
Name = TypeVar("Name", str, int)
TOLERANCE = 0.01
MOST_LOADS = 17
MOST_FACTORS = 5
REPLICATIONS = 3
"""Runs behind a standard error."""
BEYOND = 1.3
"""The ladder reaches this far above the P95 of the load and beside the range of the service time,
for questions of break-even and for draws outside P5 to P95."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a ladder has to cover."""

    likely_load_per_s: float
    """Rate of the busiest month, likely case [1/s]."""
    high_load_per_s: float
    """Rate times service factor in the busiest month when all volumes and sizes are high [1/s]."""
    low_factor: float = 1.0
    high_factor: float = 1.0

    @property
    def top_per_s(self) -> float:
        """The highest load that is simulated [1/s]."""
        return max(self.likely_load_per_s, self.high_load_per_s) * BEYOND

    @property
    def factors(self) -> tuple[float, ...]:
        """Service factors to begin with; one where the service time has no range."""
        if self.low_factor == self.high_factor == 1.0:
            return (1.0,)
        return (self.low_factor / BEYOND, 1.0, self.high_factor * BEYOND)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Machines by cause on a grid of loads and service factors."""

    loads_per_s: tuple[float, ...]
    factors: tuple[float, ...]
    by_cause: dict[str, tuple[float, ...]]
    """Instances of one use: the row of loads for the first factor, then for the next [-]."""
    reference: Rung
    """The busiest month at likely values."""
    standard_error: float
    """Of the reference's instances, from replications, over the instances [-]."""
    largest_miss: float
    """How far the worst point that was tried lay from its line, over its instances [-]."""
    requests: int
    """Requests simulated in all."""
    scope: str
    """Which hours stand for a week, in words."""
    covered: dict[int, tuple[float, ...]]
    """Instances at work of each level that could be committed, over the same grid [-]."""
    lost: tuple[float, ...] = ()
    """Share of the requests turned away or given up, over the same grid [-]."""
    on_demand: tuple[float, ...] = ()
    """Instances on demand beside machines that may be taken away, over the same grid [-]."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures has to know."""

    def causes(self) -> tuple[str, ...]:
        """Return everything that instances were used for, busy first."""
        return tuple(self.by_cause)

    def instances(self, cause: str) -> tuple[float, ...]:
        """Return the mean instances of one use over the grid [-]."""
        return self.by_cause[cause]

    def total(self) -> Array:
        """Return all instances over the grid, service factors as rows [-]."""
        rows = np.array(list(self.by_cause.values())).sum(axis=0)
        return np.asarray(rows.reshape(len(self.factors), len(self.loads_per_s)))

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "reference": self.reference.as_data(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Ladder:
        """Read it back."""
        causes = {cause: tuple(values) for cause, values in data["by_cause"].items()}
        known = {
            **data,
            "by_cause": causes,
            "covered": {int(level): tuple(values) for level, values in data["covered"].items()},
            "reference": Rung.from_data(data["reference"]),
            **{
                name: tuple(data[name])
                for name in ("loads_per_s", "factors", "lost", "on_demand", "notes")
            },
        }
        return cls(**known)


@dataclass(slots=True)
class _Climb:
    """The points simulated so far, and what is left of the budget."""

    case: Case
    sample: Sample
    rungs: dict[tuple[float, float], Rung] = field(default_factory=dict)
    most_requests: float = 0.0
    requests: int = 0
    missed: float = 0.0

    def at(self, load: float, factor: float) -> Rung:
        """Return a point, simulated if it is not there."""
        if load == 0:
            factor = 1.0  # without requests their service time does not matter
        key = (load, factor)
        if key not in self.rungs:
            # Where rates wander by themselves, one run is a bad witness.
            runs = (0,) if self.case.is_even else tuple(range(REPLICATIONS))
            found = simulate(self.case, self.sample, load, factor, replications=runs)
            # Rates that wander are what they are; elsewhere a sample's luck is taken out.
            is_even = self.case.is_even and not found.lost_share
            self.rungs[key] = found.at_its_rate() if is_even else found
            self.requests += self.rungs[key].requests
        return self.rungs[key]

    def affords(self, load: float, factor: float, *, again: bool = False) -> bool:
        """Tell whether the budget holds one more point, or another run of a known one."""
        traffic = self.case.traffic
        runs = 1 if self.case.is_even or again else REPLICATIONS
        expected = self.sample.requests(load / factor) * runs * traffic.events_per_request
        is_known = not again and ((load, factor) in self.rungs or load == 0)
        return is_known or self.requests + expected <= self.most_requests


def _off(found: Rung, line: Mapping[str, float]) -> float:
    """Return how far a point lies from its line, over its instances [-].

    What is paid for has to be right, and what of it works, waits, and was never given to anybody;
    why machines wait is a finer split than a line holds.
    """
    off = [found.instances - sum(line.values())]
    off += [found.by_cause.get(kind, 0.0) - line.get(kind, 0.0) for kind in (BUSY, UNALLOCATED)]
    return max(map(abs, off)) / found.instances if found.instances > 0 else 0.0


def _arrivals_of_a_point(case: Case) -> float:
    """Return what is simulated for each request: its calls, in each of the runs of a point [-]."""
    return case.traffic.events_per_request * (1 if case.is_even else REPLICATIONS)


def sample_of(case: Case, reach: Reach) -> Sample:
    """Return the stretches of a week that stand for all of it."""
    traffic, rules = case.traffic, case.rules()
    scaler = case.settings.autoscaler
    return sample_week(
        traffic.week,
        reach.top_per_s * _arrivals_of_a_point(case),
        service_s=float(case.curve.mean_s.max()),
        is_scaled=rules.minimum != rules.maximum or scaler is not None or rules.faults is not None,
        by_hour=getattr(scaler, "replicas_by_hour", ()),
        has_jobs=traffic.jobs is not None,
        most_requests=case.most_requests,
    )


def climb(case: Case, reach: Reach) -> Ladder:
    """Simulate the fleet at as many points as it takes for straight lines to hold within 1 %.

    Args:
        case: The fleet and its traffic.
        reach: What the ladder has to cover.
    """
    sample = sample_of(case, reach)
    # Where whole hours take more than they should, the same number of runs is allowed.
    needed = sample.requests(reach.top_per_s) * _arrivals_of_a_point(case) * RUNS_EXPECTED / 2
    work = _Climb(case, sample, most_requests=max(case.most_requests, needed))
    likely = reach.likely_load_per_s
    reference = work.at(likely, 1.0)
    again = [reference]
    for number in range(REPLICATIONS, 2 * REPLICATIONS - 1):
        if not work.affords(likely, 1.0, again=True):
            break
        run = simulate(case, sample, likely, replications=(number,))
        work.requests += run.requests
        again.append(run)
    loads = _loads(work, reach)
    factors = _factors(work, reach)
    levels = case.levels
    by_cause = _grid(work, reach, loads, factors, lambda rung: rung.by_cause)
    covered = _grid(
        work, reach, loads, factors, lambda rung: dict(zip(levels, rung.covered, strict=True))
    )
    lost = _grid(work, reach, loads, factors, lambda rung: {"lost": rung.lost_share})
    on_demand: tuple[float, ...] = ()
    if case.settings.interruptions is not None:
        grid = _grid(work, reach, loads, factors, lambda rung: {"on demand": rung.on_demand})
        [on_demand] = grid.values()
    return Ladder(
        loads_per_s=tuple(loads),
        factors=tuple(factors),
        by_cause=by_cause,
        reference=reference,
        standard_error=_standard_error(again),
        largest_miss=work.missed,
        requests=work.requests,
        scope=sample.scope,
        covered=covered,
        lost=lost["lost"],
        on_demand=on_demand,
        notes=_notes(work, reach),
    )


def _standard_error(runs: list[Rung]) -> float:
    """Return the standard error of one run's instances, or of those on demand, over them [-]."""
    mean = float(np.mean([run.instances for run in runs]))
    if len(runs) == 1 or mean == 0:
        return 0.0
    held, on_demand = ([getattr(x, n) for x in runs] for n in ("instances", "on_demand"))
    return max(float(np.std(held, ddof=1)), float(np.std(on_demand, ddof=1))) / mean


def _notes(work: _Climb, reach: Reach) -> tuple[str, ...]:
    case, notes = work.case, []
    capacity = case.each_per_s * case.largest_fleet / float(case.traffic.week.max())
    if capacity < reach.top_per_s and case.traffic.jobs is None:
        notes.append(
            f"above {capacity / reach.likely_load_per_s:.2f} times the work of the busiest month "
            "the fleet at its largest falls behind in the busiest hour"
        )
    if case.settings.has_faults:
        seen = work.at(reach.likely_load_per_s, 1.0)
        notes.append(
            f"in {seen.simulated_s / SECONDS_PER_HOUR:,.0f} hours of the busiest month "
            f"{seen.taken:,} machines were taken back and {seen.failed:,} failed; "
            f"{seen.requeued:,} requests had to wait again"
        )
    if work.missed:
        notes.append(
            f"the {work.most_requests:,.0f} requests or {MOST_LOADS} loads of quick fidelity do "
            f"not bring every point within {TOLERANCE:.0%} of its line; the worst was "
            + (f"{work.missed:.1%} off" if math.isfinite(work.missed) else "not tried")
        )
    return tuple(notes)


def _line(low: Rung, high: Rung, load: float) -> dict[str, float]:
    """Return the causes on the straight line between two points of one service factor."""
    share = (load - low.load_per_s) / (high.load_per_s - low.load_per_s)
    causes = dict.fromkeys((*low.by_cause, *high.by_cause))
    return {
        cause: (1 - share) * low.by_cause.get(cause, 0.0) + share * high.by_cause.get(cause, 0.0)
        for cause in causes
    }


def _loads(work: _Climb, reach: Reach) -> list[float]:
    """Simulate loads at the likely service time until a straight line holds between any two."""
    loads = [0.0, reach.likely_load_per_s, reach.top_per_s]
    for load in loads:
        work.at(load, 1.0)
    spans = [(math.inf, low, high) for low, high in pairwise(loads)]
    while spans and len(loads) < MOST_LOADS:
        # First where a straight line was worst, then where it is longest.
        spans.sort(key=lambda span: (span[0], span[2] - span[1]))
        off, low, high = spans.pop()
        middle = (low + high) / 2
        if not work.affords(middle, 1.0):
            work.missed = max(work.missed, off)
            continue
        line = _line(work.at(low, 1.0), work.at(high, 1.0), middle)
        off = _off(work.at(middle, 1.0), line)
        loads.append(middle)
        if off > TOLERANCE:
            spans += [(off, low, middle), (off, middle, high)]
    work.missed = max([work.missed, *(off for off, _, _ in spans)])
    return sorted(loads)


def _anchors(reach: Reach) -> tuple[float, ...]:
    """Return the loads that are simulated at every service factor."""
    return (0.0, reach.likely_load_per_s / 2, reach.likely_load_per_s, reach.top_per_s)


def _factors(work: _Climb, reach: Reach) -> list[float]:
    """Simulate service factors at the busiest month's load until a straight line holds."""
    factors = list(reach.factors)
    spans = list(pairwise(factors))
    likely = reach.likely_load_per_s
    while spans and len(factors) < MOST_FACTORS:
        low, high = spans.pop(0)
        middle = (low + high) / 2
        if not work.affords(likely, middle):
            continue
        first, last = work.at(likely, low).by_cause, work.at(likely, high).by_cause
        line = {c: (first.get(c, 0.0) + last.get(c, 0.0)) / 2 for c in (*first, *last)}
        if _off(work.at(likely, middle), line) > TOLERANCE:
            factors.append(middle)
            spans += [(low, middle), (middle, high)]
    return sorted(factors)


def _grid(
    work: _Climb,
    reach: Reach,
    loads: list[float],
    factors: list[float],
    of: Callable[[Rung], Mapping[Name, float]],
) -> dict[Name, tuple[float, ...]]:
    """Fill the grid: simulated at the likely service time, elsewhere by what differs from it."""
    names = tuple(dict.fromkeys(name for rung in work.rungs.values() for name in of(rung)))
    base = {n: np.array([of(work.at(x, 1.0)).get(n, 0.0) for x in loads]) for n in names}
    rows = []
    for factor in factors:
        if factor == 1.0:
            rows.append(base)
            continue
        # What a service time does in the busiest month is simulated whatever has been spent.
        always = (0.0, reach.likely_load_per_s)
        anchors = [x for x in _anchors(reach) if x in always or work.affords(x, factor)]
        row = {}
        for name in names:
            differs = [
                of(work.at(x, factor)).get(name, 0.0) - float(np.interp(x, loads, base[name]))
                for x in anchors
            ]
            there = base[name] + np.interp(loads, anchors, differs)
            row[name] = np.maximum(0.0, there)
        rows.append(row)
    return {name: tuple(float(value) for row in rows for value in row[name]) for name in names}
