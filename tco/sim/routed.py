"""A route of a plan: its traffic, fleets and vendors, simulated over sampled hours of a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tco.domain.fleet import ScheduleAutoscaler
from tco.domain.workload import Workload
from tco.sim import kernel_layout as at
from tco.sim.api import ApiRules
from tco.sim.case import Case
from tco.sim.possible import bounded
from tco.sim.routes import Outcome, Route, RouteRun, Station, run_route
from tco.sim.run import FleetRecord, FleetRules, Requests
from tco.sim.rung import SEEDS_APART
from tco.sim.sample import MOST_REQUESTS, Sample, sample_week
from tco.sim.stations import ApiStation, FleetStation
from tco.sim.tally import BOOTING, BUSY, DRAINING
from tco.sim.usage import QUANTILES, Latency, instance_s
from tco.sim.week import Traffic
from tco.traffic.rate import PiecewiseRate
from tco.traffic.requests import requests_by_hour, sized
from tco.units import (
    HOURS_PER_DAY,
    HOURS_PER_WEEK,
    MILLISECONDS_PER_SECOND,
    SECONDS_PER_HOUR,
)

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
SCOPE = "requests of a week of the busiest month, from the first step to the last"
STATES = (BUSY, "idle", BOOTING, DRAINING)
FAULTY_STATES = ("lost_work", "under_repair")
"""Beside them where machines fail or are taken away."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's API as a step calls it."""

    rules: ApiRules
    tokens: tuple[float, float, float]
    """Fresh, cached and output tokens of a call."""


@dataclass(frozen=True, slots=True)
class RouteCase:
    """A route and its traffic as plain data: all that a simulated hour rests on."""

    route: Route
    fleets: Mapping[str, Case]
    """Stations of one's own, at likely values."""
    vendors: Mapping[str, Vendor]
    """Stations of others."""
    calls: Mapping[str, float]
    """Calls that a request makes at each station as a mean [-]."""
    traffic: Traffic
    """When requests enter: nothing of their sizes, which each station sees for itself."""
    seed: int
    workload: Workload | None = None
    """Says of which class requests are; None where it does not matter."""

    def run(
        self,
        rate_per_s: Array,
        *,
        length_s: float,
        seed: int,
        first_hour: int,
        recorded: str | None = None,
    ) -> RouteRun:
        """Simulate some hours.

        Args:
            rate_per_s: Rate at which requests enter in each hour [1/s].
            length_s: Length of the stretch that stands for each hour [s].
            seed: Seed; the same rates and seed let the same requests enter.
            first_hour: Hour of the week in which the run begins.
            recorded: Station at which nothing is done but to record what comes; those behind it are
                left out.
        """
        span = _Hours(rate_per_s, length_s, seed, first_hour)
        chunks = self.traffic.chunks(
            rate_per_s, length_s=length_s, seed=seed, first_hour=first_hour
        )
        arrivals_s = np.concatenate([np.empty(0), *(chunk.arrivals_s for chunk in chunks)])
        route = self.route if recorded is None else self.route.up_to(recorded)
        stations = {name: self._station(name, span) for name in route.stations}
        if recorded is not None:
            stations[recorded] = _Recorder(stations[recorded])
        classes = None if self.workload is None else self._classes(arrivals_s, span)
        return run_route(route, stations, arrivals_s, seed=seed, classes=classes)

    def _station(self, name: str, span: _Hours) -> Station:
        if name in self.vendors:
            vendor = self.vendors[name]
            return ApiStation(vendor.rules, vendor.tokens, span.seed + crc32(name.encode()))
        case = self.fleets[name]
        until_s = span.rate_per_s.size * span.length_s
        return FleetStation(
            lambda: self._rules(name, span),
            until_s,
            lambda arrivals_s: case.traffic.dressed(
                arrivals_s, length_s=span.length_s, seed=span.seed, first_hour=span.first_hour
            ),
        )

    def _rules(self, name: str, span: _Hours) -> FleetRules:
        case = self.fleets[name]
        rules = case.rules(first_hour=span.first_hour, seed=span.seed - case.seed)
        most_per_s = float(span.rate_per_s.max()) * self.calls[name]
        return bounded(rules, most_per_s, case.each_per_s * rules.maximum)

    def _classes(self, arrivals_s: Array, span: _Hours) -> Whole:
        """Return the class of each request, as the fleets that look at sizes draw it too."""
        assert self.workload is not None
        sizing = np.random.default_rng(span.seed).spawn(3)[2]
        hours_s = np.arange(HOURS_PER_WEEK + 1.0) * SECONDS_PER_HOUR
        by_hour = requests_by_hour(PiecewiseRate(hours_s, self.traffic.week))
        clock_s = (span.first_hour % HOURS_PER_DAY + arrivals_s / span.length_s) * SECONDS_PER_HOUR
        drawn = sized(self.workload, clock_s, by_hour, sizing)
        assert drawn.kind is not None
        return drawn.kind.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Hours:
    rate_per_s: Array
    length_s: float
    seed: int
    first_hour: int


@dataclass(frozen=True, slots=True)
class _Recorder:
    """In place of a station: sees calls as it would, and answers at once."""

    station: Station

    def calls(self, arrivals_s: Array) -> Requests:
        """Return the calls of requests as the station would see them."""
        return self.station.calls(arrivals_s)

    def serve(self, calls: Requests) -> Outcome:
        """Answer every call as it comes."""
        return Outcome(np.full(calls.arrivals_s.size, at.STATUS_SERVED), calls.arrivals_s)


@dataclass(frozen=True, slots=True)
class HandedOn:
    """What comes to one station of a route: the recorded moments at which others hand on."""

    case: RouteCase
    station: str

    def hand_on(
        self, rate_per_s: Array, *, length_s: float, seed: int, first_hour: int
    ) -> Requests:
        """Return the calls that come, in order of time, if they come at a rate as a mean."""
        entering = rate_per_s / self.case.calls[self.station]
        found = self.case.run(
            entering, length_s=length_s, seed=seed, first_hour=first_hour, recorded=self.station
        )
        return found.stations[self.station].calls


# ---- what a plan wants to know -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepUsage:
    """What one step of a route did."""

    step: str
    station: str
    calls_per_request: float
    """Calls that came, over the requests that entered [-]."""
    refused_share: float
    """Of the requests that came here [-]."""
    latency: Latency | None
    """From the moment it begins to its last answer; None where none was answered."""


@dataclass(frozen=True, slots=True)
class StationUsage:
    """What one fleet of a route held over the simulated time."""

    station: str
    instance_hours: float
    replica_hours: dict[str, float]
    """By state."""


@dataclass(frozen=True, slots=True)
class RouteUsage:
    """How a route answers, end to end and step by step, and what its fleets held."""

    latency: Latency | None
    steps: tuple[StepUsage, ...]
    stations: tuple[StationUsage, ...]
    simulated_s: float
    requests: int
    served: int
    dropped: int
    abandoned: int
    in_system: int
    lost_share: float
    """Requests turned away or given up, over all, each stretch with its share [-]."""

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> RouteUsage:
        """Read it back."""
        steps = tuple(
            StepUsage(**{**step, "latency": _latency_of(step["latency"])}) for step in data["steps"]
        )
        stations = tuple(StationUsage(**station) for station in data["stations"])
        times = {"latency": _latency_of(data["latency"]), "steps": steps, "stations": stations}
        return cls(**{**data, **times})


def _latency_of(data: Mapping[str, Any] | None) -> Latency | None:
    return None if data is None else Latency(**data)


@dataclass(slots=True)
class _Seen:
    """Times with the weight of what they stand for."""

    seconds: list[Array] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)

    def add(self, seconds: Array, weight: float) -> None:
        self.seconds.append(seconds)
        self.weights.append(np.full(seconds.size, weight))

    def latency(self, scope: str) -> Latency | None:
        seconds = np.concatenate(self.seconds)
        if not seconds.size:
            return None
        order = np.argsort(seconds, kind="stable")
        reached = np.cumsum(np.concatenate(self.weights)[order])
        places = np.searchsorted(reached, np.array(list(QUANTILES.values())) * reached[-1])
        p50, p95, p99 = (seconds[order][places] * MILLISECONDS_PER_SECOND).tolist()
        return Latency(p50, p95, p99, scope)


@dataclass(slots=True)
class _Held:
    """What a fleet held, summed over its runs."""

    instance_s: float = 0.0
    spent_s: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Case) -> _Held:
        states = STATES + (FAULTY_STATES if fleet.settings.has_faults else ())
        return cls(spent_s=dict.fromkeys(states, 0.0))

    def add(self, record: FleetRecord | None) -> None:
        assert record is not None
        causes_s = {cause: float(part.sum()) for cause, part in record.idle_causes_s.items()}
        draining_s = causes_s.pop(DRAINING)
        served_s = float(record.serving_s.sum() + record.draining_s.sum())
        idle_s = sum(causes_s.values())
        self.instance_s += instance_s(record)
        lost_s = float(record.lost_s.sum())
        self.spent_s[BUSY] += served_s - idle_s - draining_s - lost_s
        self.spent_s["idle"] += idle_s
        self.spent_s[BOOTING] += float(record.booting_s.sum())
        self.spent_s[DRAINING] += draining_s
        if "lost_work" in self.spent_s:
            self.spent_s["lost_work"] += lost_s
            self.spent_s["under_repair"] += float(record.repair_s.sum())

    def usage(self, station: str) -> StationUsage:
        hours = {state: seconds / SECONDS_PER_HOUR for state, seconds in self.spent_s.items()}
        return StationUsage(station, self.instance_s / SECONDS_PER_HOUR, hours)


def simulate_route(
    case: RouteCase, sample: Sample, rate_per_s: float, *, replications: Sequence[int] = (0,)
) -> RouteUsage:
    """Simulate the stretches of a sample, every request of them to its last step.

    Args:
        case: The route and its traffic.
        sample: The stretches, with their shares of the time.
        rate_per_s: Mean rate of the week that they are part of [1/s].
        replications: Numbers of independent runs; the same number lets the same requests enter as
            in every other option of the scenario.
    """
    whole, by_step = _Seen(), {step.name: _Seen() for step in case.route.steps}
    fates, weighted = np.zeros(4, dtype=np.int64), np.zeros(4)
    held = {name: _Held.of(fleet) for name, fleet in case.fleets.items()}
    simulated_s = 0.0
    visits = {step.name: np.zeros(4) for step in case.route.steps}
    for replication in replications:
        for number, stretch in enumerate(sample.stretches):
            found = case.run(
                rate_per_s * np.array(stretch.factors),
                length_s=stretch.length_s,
                seed=case.seed + replication * SEEDS_APART + number,
                first_hour=stretch.first_hour,
            )
            simulated_s += stretch.hours * stretch.length_s
            for name, known in held.items():
                known.add(found.stations[name].outcome.record)
            counted = found.arrivals_s >= stretch.warm_up_hours * SECONDS_PER_HOUR
            fate = np.bincount(found.status[counted], minlength=4)
            fates += fate
            weighted += stretch.share * fate
            done = counted & (found.status == at.STATUS_SERVED)
            whole.add((found.ends_s - found.arrivals_s)[done], stretch.share)
            for name, run in found.steps.items():
                done = counted & run.answered
                by_step[name].add((run.settled_s - run.begins_s)[done], stretch.share)
                came, lost = (counted & mask for mask in (run.visited, run.refused))
                seen = np.array([came.sum(), lost.sum(), run.calls, counted.size])
                visits[name] += stretch.share * seen
    requests = int(fates.sum())
    lost_weight = float(weighted[at.STATUS_DROPPED] + weighted[at.STATUS_ABANDONED])
    steps = []
    for step in case.route.steps:
        reached, refused, calls, entered = visits[step.name].tolist()
        scope = f"requests at step {step.name}"
        steps.append(
            StepUsage(
                step.name,
                step.station,
                calls / entered if entered else 0.0,
                refused / reached if reached else 0.0,
                by_step[step.name].latency(scope),
            )
        )
    return RouteUsage(
        whole.latency(SCOPE),
        tuple(steps),
        tuple(known.usage(name) for name, known in held.items()),
        simulated_s,
        requests,
        served=int(fates[at.STATUS_SERVED]),
        dropped=int(fates[at.STATUS_DROPPED]),
        abandoned=int(fates[at.STATUS_ABANDONED]),
        in_system=int(fates[at.STATUS_WAITING]),
        lost_share=lost_weight / float(weighted.sum()) if requests else 0.0,
    )


def sample_of_route(case: RouteCase, rate_per_s: float) -> Sample:
    """Return the stretches of a week that stand for all of it, by what its fleets need."""
    fleets = case.fleets.values()
    scalers = [fleet.settings.autoscaler for fleet in fleets]
    schedules = [s.replicas_by_hour for s in scalers if isinstance(s, ScheduleAutoscaler)]
    # One number for each hour that differs where any schedule does.
    by_hour = sum(np.resize(s, HOURS_PER_WEEK) * 10**6**k for k, s in enumerate(schedules))
    taken_s = [float(fleet.curve.mean_s.max()) for fleet in fleets]
    return sample_week(
        case.traffic.week,
        rate_per_s * max(calls_per_request(case), 1.0),
        service_s=max(taken_s, default=0.0),
        is_scaled=any(
            fleet.settings.autoscaler is not None or fleet.settings.has_faults for fleet in fleets
        ),
        by_hour=tuple(by_hour.tolist()) if schedules else (),
        most_requests=most_requests(case),
    )


def calls_per_request(case: RouteCase) -> float:
    """Return the calls of all fleets that stand behind a request as a mean [-]."""
    fleets = case.fleets.items()
    return sum(case.calls[name] * fleet.traffic.events_per_request for name, fleet in fleets)


def most_requests(case: RouteCase) -> int:
    """Return the calls that quick fidelity should do with."""
    return min((fleet.most_requests for fleet in case.fleets.values()), default=MOST_REQUESTS)
