"""The traffic simulation of one option for its own sake: usage and latency, with their errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tco.domain.deployment import RoutedDeployment, SelfHostedDeployment
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError, NotFoundError, TcoError
from tco.hosting.fleets import Effort, MonthsTask, RouteTask, WeekTask
from tco.hosting.host import Arranged, arrange, mean_rates_per_s
from tco.hosting.pools import ONLY_BY_ITSELF
from tco.hosting.routes import routed_option
from tco.ledger.expression import Expression
from tco.ledger.option import Part, likely_months, parts_of_option
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.sim.capacity import check_capacity
from tco.sim.months import SimulatedMonths
from tco.sim.routed import FAULTY_STATES, STATES, RouteUsage, calls_per_request, most_requests
from tco.sim.rung import BOOTING, BUSY, DRAINING, UNALLOCATED, Rung
from tco.sim.tally import LOST, REPAIR
from tco.sim.theory_beside import Beside, Figures, closed_forms
from tco.sim.usage import Latency
from tco.tasks import Task, WantedError
from tco.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

REPLICATIONS = 3
AVERAGED = {"latency_ms", "ttft_ms", "tpot_ms", "queue_ms", "batch_mean", "completion_hours"}
AVERAGED |= {"calls_per_request", "refused_share"}
FAULTS = ("taken", "failed", "requeued")
HELD = (BUSY, BOOTING, DRAINING, UNALLOCATED, LOST, REPAIR)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was simulated of one option."""

    arranged: Arranged
    rate_per_s: float
    """Mean rate of the busiest month [1/s]."""
    rungs: tuple[Rung, ...]
    """One a month in full fidelity; else one a replication of the week."""
    is_full: bool
    months_error: float
    """Standard error of the sum over the months, over it [-]; in full fidelity."""

    def document(self) -> dict[str, Any]:
        """Return the figures as plain data; what does not apply is absent."""
        if self.is_full:
            return self._of(self.rungs)
        return _over([self._of([rung]) for rung in self.rungs], sum, np.mean)

    def standard_errors(self) -> dict[str, Any]:
        """Return the standard error of each figure of the document, from replications."""
        if self.is_full:
            known = self.document()
            return {
                "instance_hours": known["instance_hours"] * self.months_error,
                "replica_hours": {
                    state: hours * self.months_error
                    for state, hours in known["replica_hours"].items()
                },
            }
        runs = [self._of([rung]) for rung in self.rungs]
        return _over(runs, _error_of_the_sum, _error_of_the_mean)

    def theory(self) -> tuple[list[Beside], list[str]]:
        """Return closed forms beside the simulated figures, and why others have none."""
        if self.is_full:
            return [], ["full fidelity runs through months of unlike rates; look at a quick week"]
        share = self.arranged.rented.packing.share_of_instance
        runs = [
            {
                "busy_replicas": rung.by_cause[BUSY] / share,
                "lost_share": rung.lost_share,
                **({} if rung.mean_wait_s is None else {"wait_s": rung.mean_wait_s}),
            }
            for rung in self.rungs
        ]
        figures = Figures(
            _over(runs, np.mean, np.mean), _over(runs, _error_of_the_mean, _error_of_the_mean)
        )
        return closed_forms(self.arranged.case, self.rate_per_s, figures)

    def _of(self, rungs: Sequence[Rung]) -> dict[str, Any]:
        share = self.arranged.rented.packing.share_of_instance

        def hours(instances: Callable[[Rung], float]) -> float:
            return sum(instances(rung) * rung.simulated_s / SECONDS_PER_HOUR for rung in rungs)

        def idle(rung: Rung) -> float:
            return sum(n for cause, n in rung.by_cause.items() if cause not in HELD)

        def of(state: str) -> float:
            return hours(lambda rung: rung.by_cause.get(state, 0.0)) / share

        answer: dict[str, Any] = {
            name: sum(getattr(rung, name) for rung in rungs)
            for name in ("requests", "served", "dropped", "abandoned", "in_system")
        }
        answer["instance_hours"] = hours(lambda rung: rung.instances)
        answer["replica_hours"] = {
            "busy": of(BUSY),
            "idle": hours(idle) / share,
            "booting": of(BOOTING),
            "draining": of(DRAINING),
            "swapping": 0.0,
        }
        if self.arranged.deployment.has_faults:
            lost = {"lost_work": of(LOST), "under_repair": of(REPAIR)}
            answer["replica_hours"] |= lost
            answer["on_demand_instance_hours"] = hours(lambda rung: rung.on_demand)
            answer |= {name: sum(getattr(rung, name) for rung in rungs) for name in FAULTS}
        answer |= _times(rungs)
        batches = sum(rung.batches for rung in rungs)
        if batches:
            answer["batch_mean"] = sum(rung.started for rung in rungs) / batches
        energy = self._energy_kwh(answer)
        if energy is not None:
            answer["energy_kwh"] = energy
        answer["simulated_s"] = sum(rung.simulated_s for rung in rungs)
        return answer

    def _energy_kwh(self, answer: dict[str, Any]) -> float | None:
        """Return the energy at the meter [kWh]: of requests, and of machines that wait."""
        energy = self.arranged.energy
        if energy.kwh_per_request is None or energy.idle_kw_per_instance is None:
            return None
        share = self.arranged.rented.packing.share_of_instance
        spent = answer["replica_hours"]
        busy_h = spent["busy"] * share
        lost = spent.get("lost_work", 0.0) / spent["busy"] if spent["busy"] else 0.0
        off_h = spent.get("under_repair", 0.0) * share
        waiting_h = answer["instance_hours"] - busy_h * (1.0 + lost) - off_h
        busy_kw = energy.busy_kw_per_instance
        return float(
            answer["served"] * (1.0 + lost) * likely_months(energy.kwh_per_request, 1)[0]
            + (0.0 if busy_kw is None else busy_h * (1.0 + lost) * likely_months(busy_kw, 1)[0])
            + waiting_h * likely_months(energy.idle_kw_per_instance, 1)[0]
        )


def simulate_option(
    scenario: Scenario,
    option: str,
    requests: Expression,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
) -> Simulation | RouteSimulation:
    """Simulate a week of an option's busiest month, or in full fidelity every month.

    A route is simulated end to end, each step on what the steps before hand on.

    Args:
        scenario: Holds the option and its traffic.
        option: Name of an option on own machines.
        requests: Requests of each month [1/month].
        catalog: Machines and their prices.
        measurements: Operating points.
        effort: Fidelity, and where results are kept.
    """
    if option not in scenario.candidates:
        known = list(scenario.candidates)
        action = f"The options of {scenario.id}: {', '.join(known)}."
        raise NotFoundError("option", option, known, action)
    if isinstance(scenario.candidates[option].deployment, RoutedDeployment):
        return _simulate_route(scenario, option, requests, catalog, measurements, effort)
    part = _only_part(scenario, option, requests)
    arranged = arrange(scenario, part, catalog, measurements)
    if arranged.deployment.pool is not None:
        raise InfeasibleError(ONLY_BY_ITSELF.format(part.name))
    rates = mean_rates_per_s(scenario, part)
    busiest = int(np.argmax(rates))
    rate = float(rates[busiest])
    check_capacity(arranged.case, rate, busiest + 1)
    if effort.fidelity == "full":
        task: Task = MonthsTask(arranged.case, tuple(rates.tolist()), scenario.months)
        found = SimulatedMonths.from_data(worked_out(effort, task))
        error = found.standard_error_of_the_sum
        return Simulation(arranged, rate, found.rungs, is_full=True, months_error=error)
    each = arranged.case.traffic.events_per_request
    otherwise = "--fidelity full simulates every month"
    _check_budget(rate * each, arranged.case.most_requests, otherwise)
    runs = worked_out(effort, WeekTask(arranged.case, rate, REPLICATIONS))["runs"]
    rungs = tuple(Rung.from_data(run) for run in runs)
    return Simulation(arranged, rate, rungs, is_full=False, months_error=0.0)


def _check_budget(rate_per_s: float, most: int, otherwise: str) -> None:
    """Refuse weeks that hold more calls than quick fidelity simulates."""
    expected = rate_per_s * HOURS_PER_WEEK * SECONDS_PER_HOUR * REPLICATIONS
    if expected > most:
        raise InfeasibleError(
            f"{REPLICATIONS} weeks of the busiest month hold {expected:,.0f} requests, and quick "
            f"fidelity simulates {most:,}; {otherwise}"
        )


def worked_out(effort: Effort, task: Task) -> dict[str, Any]:
    """Return the result of a task; work it out if nobody has."""
    try:
        return effort.kept.of(task)
    except WantedError:
        effort.kept.work_out([task])
        return effort.kept.of(task)


@dataclass(frozen=True, slots=True)
class RouteSimulation:
    """What was simulated of a route, one figure a replication of the week."""

    runs: tuple[RouteUsage, ...]

    def document(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return _over([_of_route(run) for run in self.runs], sum, np.mean)

    def standard_errors(self) -> dict[str, Any]:
        """Return the standard error of each figure of the document, from replications."""
        runs = [_of_route(run) for run in self.runs]
        return _over(runs, _error_of_the_sum, _error_of_the_mean)

    def theory(self) -> tuple[list[Beside], list[str]]:
        """Return no closed form, and why."""
        return [], ["the steps of a route meet what others hand on; look at one of them alone"]


def _of_route(run: RouteUsage) -> dict[str, Any]:
    fates = ("requests", "served", "dropped", "abandoned", "in_system")
    answer: dict[str, Any] = {name: getattr(run, name) for name in fates}
    answer["instance_hours"] = sum(station.instance_hours for station in run.stations)
    held = [station.replica_hours for station in run.stations]
    answer["replica_hours"] = {
        state: sum(hours.get(state, 0.0) for hours in held)
        for state in STATES + FAULTY_STATES
        if state in STATES or any(state in hours for hours in held)
    }
    if run.latency is not None:
        answer["latency_ms"] = _quantiles(run.latency)
    answer["steps"] = {
        step.step: {
            "calls_per_request": step.calls_per_request,
            "refused_share": step.refused_share,
            **({} if step.latency is None else {"latency_ms": _quantiles(step.latency)}),
        }
        for step in run.steps
    }
    answer["stations"] = {
        station.station: {
            "instance_hours": station.instance_hours,
            "replica_hours": station.replica_hours,
        }
        for station in run.stations
    }
    answer["simulated_s"] = run.simulated_s
    return answer


def _quantiles(times: Latency) -> dict[str, float]:
    return {"p50": times.p50_ms, "p95": times.p95_ms, "p99": times.p99_ms}


def _simulate_route(
    scenario: Scenario,
    option: str,
    requests: Expression,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
) -> RouteSimulation:
    if effort.fidelity == "full":
        raise TcoError(
            "a route is simulated over weeks of its busiest month, not over every month; leave "
            "--fidelity full out, or simulate one of its steps"
        )
    parts, _ = parts_of_option(scenario, option, requests)
    known = measurements.with_hardware(catalog.accelerators)
    found = routed_option(scenario, option, parts, requests, catalog, known)
    if isinstance(found, str):
        raise TcoError(f"{option} cannot be simulated end to end: {found}")
    each = max(1.0, calls_per_request(found.case))
    _check_budget(found.rate_per_s * each, most_requests(found.case), "simulate one of its steps")
    task = RouteTask(found.case, found.rate_per_s, REPLICATIONS, is_whole_week=True)
    runs = worked_out(effort, task)["runs"]
    return RouteSimulation(tuple(RouteUsage.from_data(run) for run in runs))


def _only_part(scenario: Scenario, option: str, requests: Expression) -> Part:
    parts, _ = parts_of_option(scenario, option, requests)
    own = [p for p in parts if isinstance(p.candidate.deployment, SelfHostedDeployment)]
    named = [part for part in own if part.name == option]
    if named:  # whatever else serves while it is being made ready
        return named[0]
    if len(parts) > 1:
        steps = ", ".join(part.name for part in own) or "none of them on own machines"
        raise TcoError(f"{option} is made of other options; simulate one of them: {steps}")
    if not own:
        raise TcoError(f"{option} is served by a vendor; there is no fleet of ours to simulate")
    return parts[0]


def _leaves(document: dict[str, Any]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found |= {(name, *path): number for path, number in _leaves(value).items()}
        else:
            found[name,] = value
    return found


def _times(rungs: Sequence[Rung]) -> dict[str, Any]:
    """Return how long answers take in the busiest of some stretches."""
    worst = max(rungs, key=lambda rung: rung.load_per_s)
    known = {"latency_ms": worst.latency, "ttft_ms": worst.ttft, "tpot_ms": worst.tpot}
    answer: dict[str, Any] = {
        name: _quantiles(times)
        for name, times in {**known, "queue_ms": worst.queue}.items()
        if times is not None
    }
    if worst.completion_hours is not None:
        answer["completion_hours"] = worst.completion_hours
    return answer


def _over(
    documents: list[dict[str, Any]],
    add: Callable[[list[float]], float],
    average: Callable[[list[float]], float],
) -> dict[str, Any]:
    """Bring the runs together: amounts added, times and ratios averaged."""
    leaves = [_leaves(document) for document in documents]
    answer: dict[str, Any] = {}
    for path in leaves[0]:
        if all(path in other for other in leaves):
            place = answer
            for name in path[:-1]:
                place = place.setdefault(name, {})
            values = [other[path] for other in leaves]
            found = add(values) if AVERAGED.isdisjoint(path) else average(values)
            place[path[-1]] = found if isinstance(found, int) else float(found)
    return answer


def _error_of_the_mean(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _error_of_the_sum(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) * math.sqrt(len(values))
