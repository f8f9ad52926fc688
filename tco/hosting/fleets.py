"""Simulations as tasks: plain data with a key, worked out once, by whichever process is free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import tco
from tco.domain.fleet import FleetSettings
from tco.sim.case import Case
from tco.sim.ladder import Ladder, Reach, climb
from tco.sim.months import SimulatedMonths, simulate_months
from tco.sim.routed import HandedOn, RouteCase, sample_of_route, simulate_route
from tco.sim.rung import simulate
from tco.sim.sample import whole_week
from tco.sim.static_fleet import StaticFleet, simulate_static_fleet
from tco.sim.usage import StaticUsage
from tco.sim.week import Before
from tco.tasks import Kept, Result, digest_of, source_digest, versions_of

Array = NDArray[np.float64]
REQUESTS_A_SECOND = 5e6
"""What the kernel moves, about; only to tell whether other processes are worth starting."""
LLM_REQUESTS_A_SECOND = 1e6
SCALED_LADDER_S = 3.0
"""What the looks of an autoscaler take on a ladder, about."""


@dataclass(frozen=True, slots=True)
class FullUsage:
    """Every request of every month, and the ladder that says what other volumes would take."""

    months: SimulatedMonths
    ladder: Ladder


Usage = StaticUsage | Ladder | FullUsage


def lost_share(usage: Usage) -> float:
    """Return the share of requests of the busiest month that a fleet loses, as simulated [-]."""
    if isinstance(usage, StaticUsage):
        return 0.0
    rung = usage.months.reference if isinstance(usage, FullUsage) else usage.reference
    return rung.lost_share


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated, and where results are kept."""

    kept: Kept
    fidelity: Literal["quick", "full"]


@cache
def _code() -> dict[str, Any]:
    here = Path(tco.__file__).parent
    return {
        "code": [source_digest(here / stage) for stage in ("sim", "traffic")],
        "versions": versions_of(("numpy", "numba")),
    }


def key_of(task: object, **rests_on: Any) -> str:
    """Return the digest of a task: its kind, what it rests on, and the code that does it."""
    return digest_of({"task": type(task).__name__, **_code(), **rests_on})


def of_case(case: Case) -> dict[str, Any]:
    """Return what a case rests on, as plain data."""
    traffic, sizing, calls = case.traffic, case.traffic.sizing, case.traffic.calls

    def plain(record: Any) -> Any:
        return None if record is None else record.model_dump(mode="json")

    return {
        "settings": case.settings.model_dump(mode="json", include=set(FleetSettings.model_fields)),
        "curve": asdict(case.curve),
        "slots": case.slots,
        "machine": asdict(case.machine),
        "week": traffic.week.tolist(),
        "bursts": plain(traffic.bursts),
        "movement": plain(traffic.movement),
        "jobs": plain(traffic.jobs),
        "sizing": None if sizing is None else [sizing.word, plain(sizing.workload)],
        "calls": None
        if calls is None
        else {**asdict(replace(calls, workload=None)), "workload": plain(calls.workload)},  # type: ignore[arg-type]
        "seed": case.seed,
        "goal_s": case.goal_s if math.isfinite(case.goal_s) else None,
        **of_before(traffic.before),
    }


def of_before(before: Before | None) -> dict[str, Any]:
    """Return the steps that requests go through before a fleet, as plain data."""
    if before is None:
        return {}
    assert isinstance(before, HandedOn)
    return {"station": before.station, "route": of_route(before.case)}


def of_route(case: RouteCase) -> dict[str, Any]:
    """Return what a route rests on, as plain data."""
    traffic = case.traffic

    def plain(record: Any) -> Any:
        return None if record is None else record.model_dump(mode="json")

    return {
        "steps": asdict(case.route),
        "fleets": {name: of_case(fleet) for name, fleet in case.fleets.items()},
        "vendors": {name: asdict(law) for name, law in case.vendors.items()},
        "calls": dict(case.calls),
        "week": traffic.week.tolist(),
        "bursts": plain(traffic.bursts),
        "movement": plain(traffic.movement),
        "workload": plain(case.workload),
        "seed": case.seed,
    }


@dataclass(frozen=True, slots=True)
class StaticTask:
    """A fleet that never scales, in closed form and with its latency simulated."""

    fleet: StaticFleet
    requests: tuple[float, ...]
    hours: tuple[float, ...]
    week: tuple[float, ...]
    seed: int

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        return key_of(self, **asdict(self))

    @property
    def about_s(self) -> float:
        """A tenth of a second [s]."""
        return 0.1

    def work(self) -> Result:
        """Simulate the busiest week."""
        months = np.array(self.requests), np.array(self.hours)
        week = np.array(self.week)
        return simulate_static_fleet(self.fleet, *months, week, seed=self.seed).as_data()


@dataclass(frozen=True, slots=True)
class LadderTask:
    """A fleet at some loads and service times."""

    case: Case
    reach: Reach

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        return key_of(self, **of_case(self.case), reach=asdict(self.reach))

    @property
    def about_s(self) -> float:
        """Seconds by the number of requests, and for the looks of an autoscaler [s]."""
        looks_s = 0.0 if self.case.settings.autoscaler is None else SCALED_LADDER_S
        per_s = REQUESTS_A_SECOND if self.case.traffic.calls is None else LLM_REQUESTS_A_SECOND
        return looks_s + self.case.most_requests / 2 / per_s

    def work(self) -> Result:
        """Climb the ladder."""
        return climb(self.case, self.reach).as_data()


@dataclass(frozen=True, slots=True)
class MonthsTask:
    """A fleet in every month of a plan, request by request."""

    case: Case
    rates_per_s: tuple[float, ...]
    months: tuple[date, ...]

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        months = [month.isoformat() for month in self.months]
        return key_of(self, **of_case(self.case), rates=self.rates_per_s, months=months)

    @property
    def about_s(self) -> float:
        """A second or so for each month [s]."""
        return float(len(self.months))

    def work(self) -> Result:
        """Simulate all months."""
        return simulate_months(self.case, self.rates_per_s, self.months).as_data()


@dataclass(frozen=True, slots=True)
class WeekTask:
    """One week of the busiest month, hour by hour, several times with other arrivals."""

    case: Case
    rate_per_s: float
    replications: int

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        return key_of(self, **of_case(self.case), rate=self.rate_per_s, runs=self.replications)

    @property
    def about_s(self) -> float:
        """A second for each run [s]."""
        return float(self.replications)

    def work(self) -> Result:
        """Simulate the weeks."""
        sample = whole_week(self.case.traffic.week)
        runs = [
            simulate(self.case, sample, self.rate_per_s, replications=(number,)).as_data()
            for number in range(self.replications)
        ]
        return {"runs": runs}


@dataclass(frozen=True, slots=True)
class RouteTask:
    """A route in the busiest month, every request to its last step; one run or several."""

    case: RouteCase
    rate_per_s: float
    replications: int = 1
    is_whole_week: bool = False
    """Whether every hour is simulated, or as many as stand for all of them."""

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        how = {"runs": self.replications, "whole": self.is_whole_week}
        return key_of(self, **of_route(self.case), rate=self.rate_per_s, **how)

    @property
    def about_s(self) -> float:
        """A second for each run of each step [s]."""
        return float(self.replications * len(self.case.route.steps))

    def work(self) -> Result:
        """Simulate a week."""
        if self.is_whole_week:
            sample = whole_week(self.case.traffic.week)
        else:
            sample = sample_of_route(self.case, self.rate_per_s)
        runs = [
            simulate_route(self.case, sample, self.rate_per_s, replications=(number,)).as_data()
            for number in range(self.replications)
        ]
        return {"runs": runs}


def static_usage(effort: Effort, task: StaticTask) -> StaticUsage:
    """Return the usage of a fleet that never scales."""
    return StaticUsage.from_data(effort.kept.of(task))


def simulated_usage(
    effort: Effort, case: Case, reach: Reach, rates_per_s: Sequence[float], months: Sequence[date]
) -> Ladder | FullUsage:
    """Return the usage of a simulated fleet: a ladder, and in full fidelity every month too."""
    ladder = Ladder.from_data(effort.kept.of(LadderTask(case, reach)))
    if effort.fidelity == "quick":
        return ladder
    every = MonthsTask(case, tuple(float(rate) for rate in rates_per_s), tuple(months))
    return FullUsage(SimulatedMonths.from_data(effort.kept.of(every)), ladder)
