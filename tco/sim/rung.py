"""A fleet at one rate and one speed: simulated stretches of a week, and their mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.sim import kernel_layout as at
from tco.sim.billing import billed_instance_s
from tco.sim.case import Case, Machine
from tco.sim.fleet import Fleet, FleetRecord, FleetRules
from tco.sim.held import covered
from tco.sim.latency_bins import quantile_s
from tco.sim.possible import bounded
from tco.sim.run import NONE_WHOLE, Requests, TokenWork
from tco.sim.sample import Sample, Stretch
from tco.sim.scaling import Static
from tco.sim.static_fleet import STATIC_CAUSES, idle_replicas, whole_replicas
from tco.sim.tally import LOST, REPAIR, REST
from tco.sim.usage import Latency, instance_s_by_hour
from tco.sim.week import JOB, STREAM
from tco.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
SEEDS_APART = 7919
"""Between replications; the stretches of one run have neighbouring seeds."""
ROUNDING = 1e-9
QUANTILES = (0.50, 0.95, 0.99)
SCOPE = "requests of a week of the busiest month"

BUSY = "busy"
BOOTING = "booting"
DRAINING = "draining"
UNALLOCATED = "unallocated capacity"


@dataclass(frozen=True, slots=True)
class Rung:
    """What the fleet uses at one rate and speed, as means over the hours of a week."""

    load_per_s: float
    """Requests at the likely service time that make as much work [1/s]."""
    service_factor: float
    """Service time over its likely value [-]."""
    instances: float
    """Instances paid for [-]."""
    by_cause: dict[str, float]
    """The same instances split: busy, booting, draining, idle by cause, not allocated [-]."""
    latency: Latency | None
    """None where nothing arrives, or nobody waits for what does."""
    queue: Latency | None
    mean_wait_s: float | None
    """Before service, of all who were served [s]."""
    lost_share: float
    """Requests turned away or given up, over all [-]."""
    arrivals_per_s: float
    """Requests that came, as a mean like all others [1/s]; a sample of the rate."""
    requests: int
    served: int
    dropped: int
    abandoned: int
    in_system: int
    started: int
    """Requests taken into a batch, those in service at the end too; or sequences over all steps."""
    batches: int
    simulated_s: float
    ttft: Latency | None = None
    """To the first token of each call; None where answers come whole."""
    tpot: Latency | None = None
    """From one token to the next, on the mean of each call."""
    completion_hours: float | None = None
    """Longest time from the release of a batch job to its last answer [h]."""
    on_demand: float = 0.0
    """Instances bought on demand beside machines that may be taken away, or in their place [-]."""
    taken: int = 0
    """Instances that were held and taken back after a notice."""
    failed: int = 0
    requeued: int = 0
    """How often a request had to wait again because its replica was taken away."""
    covered: tuple[float, ...] = ()
    """Instances at work of each level that could be committed, see ``Case.levels`` [-]."""

    @property
    def rate_per_s(self) -> float:
        """Requests that come [1/s]."""
        return self.load_per_s / self.service_factor

    def at_its_rate(self) -> Rung:
        """Return it with as many requests as its rate asks for, where a sample had some more.

        Busy time goes with the number of requests; what they have too much is idle time.
        """
        busy = self.by_cause[BUSY]
        if self.arrivals_per_s == 0 or busy == 0:
            return self
        idle = {c: n for c, n in self.by_cause.items() if c not in (BUSY, BOOTING, UNALLOCATED)}
        right = min(busy * self.rate_per_s / self.arrivals_per_s, busy + sum(idle.values()))
        more = right - busy
        # What stands between two requests gives first; named causes only where that is not enough.
        rest = max(idle.get(REST, 0.0) - more, 0.0)
        left = more - (idle.get(REST, 0.0) - rest)
        named = sum(n for c, n in idle.items() if c != REST)
        share = 1.0 - left / named if left > 0 and named > 0 else 1.0
        causes = {c: n * share if c in idle else n for c, n in self.by_cause.items()}
        if REST in idle:
            causes[REST] = rest
        return replace(self, by_cause={**causes, BUSY: right})

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Rung:
        """Read it back from plain data."""
        times = {
            name: None if data[name] is None else Latency(**data[name])
            for name in ("latency", "queue", "ttft", "tpot")
        }
        return cls(**{**data, **times, "covered": tuple(data["covered"])})

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)


def simulate(
    case: Case,
    sample: Sample,
    load_per_s: float,
    service_factor: float = 1.0,
    *,
    replications: Sequence[int] = (0,),
) -> Rung:
    """Simulate the stretches of a sample and return their mean.

    Args:
        case: The fleet and its traffic.
        sample: The stretches, with their shares of the time.
        load_per_s: Mean rate at the likely service time [1/s].
        service_factor: Service time over its likely value [-]; the rate falls as it rises.
        replications: Numbers of independent runs, each with arrivals of its own. The same number
            meets the same arrivals in every option of a scenario.
    """
    rate_per_s = load_per_s / service_factor
    runs = [
        run_stretch(case, stretch, rate_per_s, service_factor, replication * SEEDS_APART + number)
        for replication in replications
        for number, stretch in enumerate(sample.stretches)
    ]
    shares = np.array([stretch.share for stretch in sample.stretches] * len(replications))
    return _mean_of(runs, shares / len(replications), case, load_per_s, service_factor)


@dataclass(frozen=True, slots=True)
class StretchRun:
    """One stretch of hours, simulated."""

    stretch: Stretch
    record: FleetRecord
    streamed_s: Array | None
    """Latency of each request outside batch jobs [s]; None where there are no jobs."""
    completion_s: float | None

    def hourly(self, values: Array) -> float:
        """Mean of something in seconds by hour, over the time after the warm-up [-]."""
        counted = values[self.stretch.warm_up_hours :]
        length_s = self.record.simulated_s - self.stretch.warm_up_hours * SECONDS_PER_HOUR
        return float(counted.sum()) / length_s


def run_stretch(
    case: Case, stretch: Stretch, rate_per_s: float, factor: float = 1.0, seed: int = 0
) -> StretchRun:
    """Simulate one stretch of hours.

    Args:
        case: The fleet and its traffic.
        stretch: The hours.
        rate_per_s: Mean rate of the week that they are part of [1/s].
        factor: Service time over its likely value [-].
        seed: Added to the seed of the case.
    """
    traffic = case.traffic
    rates = rate_per_s * np.array(stretch.factors)
    counted = float(rates[stretch.warm_up_hours :].sum()) * SECONDS_PER_HOUR
    releases = traffic.releases(stretch.first_hour, stretch.warm_up_hours, rates.size, counted)
    if traffic.jobs is not None:
        rates = rates * (1.0 - traffic.jobs.share)
    rules = case.rules(factor=factor, first_hour=stretch.first_hour, seed=seed)
    capacity_per_s = case.each_per_s * case.available_share / factor * rules.maximum
    rules = bounded(rules, float(rates.max()), capacity_per_s)
    chunks = traffic.chunks(
        rates,
        length_s=stretch.length_s,
        seed=case.seed + seed,
        first_hour=stretch.first_hour,
        releases=releases,
    )
    until_s, warm_s = rates.size * stretch.length_s, stretch.warm_up_hours * SECONDS_PER_HOUR
    calls = traffic.calls
    if calls is not None and calls.per_request > 1:
        return _run_of_calls(rules, list(chunks), stretch, until_s, warm_s)
    if not releases:
        record = Fleet(rules, chunks, until_s=until_s).run(warm_up_s=warm_s)
        return StretchRun(stretch, record, None, None)
    known = list(chunks)
    came_s = np.concatenate([chunk.arrivals_s for chunk in known])
    ranks = np.concatenate([chunk.ranks for chunk in known])
    fleet = Fleet(rules, known, until_s=until_s, keep_requests=came_s.size)
    record = fleet.run(warm_up_s=warm_s)
    times = record.per_request
    assert times is not None
    # What is not answered by the end has taken at least until then.
    taken_s = np.where(times.finish_s <= until_s, times.finish_s, until_s) - came_s
    is_streamed = (ranks == STREAM) & (came_s >= warm_s) & (times.finish_s <= until_s)
    jobs = traffic.jobs
    assert jobs is not None
    judged = (ranks == JOB) & (came_s <= until_s - jobs.deadline_hours * SECONDS_PER_HOUR)
    completion_s = float(taken_s[judged].max()) if judged.any() else None
    return StretchRun(
        stretch, replace(record, per_request=None), taken_s[is_streamed], completion_s
    )


def _run_of_calls(
    rules: FleetRules, chunks: Sequence[Requests], stretch: Stretch, until_s: float, warm_s: float
) -> StretchRun:
    """Run the calls behind requests; a request takes as long as its calls one after the other."""
    came_s = np.concatenate([np.empty(0), *(chunk.arrivals_s for chunk in chunks)])
    owners = np.concatenate([NONE_WHOLE, *(chunk.owners for chunk in chunks)])
    record = Fleet(rules, chunks, until_s=until_s, keep_requests=came_s.size).run(warm_up_s=warm_s)
    if record.per_request is None:
        return StretchRun(stretch, record, None, None)
    done = record.per_request.finish_s <= until_s
    taken_s = np.where(done, record.per_request.finish_s - came_s, 0.0)
    unanswered = np.bincount(owners, ~done | (came_s < warm_s))
    lasted_s = np.bincount(owners, taken_s)[unanswered == 0]
    return StretchRun(stretch, replace(record, per_request=None), lasted_s, None)


def _mean_of(
    runs: Sequence[StretchRun], shares: Array, case: Case, load_per_s: float, service_factor: float
) -> Rung:
    machine, rules, each = case.machine, case.rules(), case.traffic.events_per_request

    def mean(values: Callable[[FleetRecord], Array]) -> float:
        """Mean of something in replica-seconds an hour, in replicas."""
        return float(np.dot([run.hourly(values(run.record)) for run in runs], shares))

    busy = mean(lambda run: run.hours[:, at.HOUR_BUSY_S]) / rules.slots
    booting = mean(lambda run: run.booting_s)
    in_service = mean(lambda run: run.serving_s + run.draining_s)
    repair, lost = mean(lambda run: run.repair_s), mean(lambda run: run.lost_s)
    idle = max(0.0, in_service - busy)
    by_cause = {BUSY: busy - lost, BOOTING: booting}
    if rules.faults is not None:
        by_cause |= {LOST: lost, REPAIR: repair}
    causes = _idle_causes(runs, shares, rules, mean)
    seen = sum(causes.values())
    for cause, replicas in causes.items():
        # The looks of a rule end a little before the run does; what they saw stands for all of it.
        by_cause[cause] = replicas * idle / seen if seen > 0 else 0.0
    by_cause = {cause: n * machine.share_of_instance for cause, n in by_cause.items()}
    chosen, on_demand = (
        float(np.dot([_billed(run, curve(run.record), machine) for run in runs], shares))
        for curve in (attrgetter("as_chosen_over_time"), attrgetter("on_demand_over_time"))
    )
    paid = chosen + on_demand
    held = (in_service + booting + repair) * machine.share_of_instance
    by_cause[UNALLOCATED] = paid - held if paid - held > ROUNDING else 0.0
    records = [run.record for run in runs]
    arrived_an_hour = mean(lambda run: run.hours[:, at.HOUR_ARRIVED])
    lost_an_hour = mean(lambda run: run.hours[:, at.HOUR_DROPPED] + run.hours[:, at.HOUR_ABANDONED])
    dropped, abandoned = (sum(getattr(r, x) for r in records) for x in ("dropped", "abandoned"))
    done = [run.completion_s for run in runs if run.completion_s is not None]
    return Rung(
        load_per_s=load_per_s,
        service_factor=service_factor,
        instances=sum(by_cause.values()),
        by_cause=by_cause,
        latency=_latency(runs, shares),
        queue=_of_histogram([run.waits for run in records], shares),
        mean_wait_s=_mean_wait_s(records),
        lost_share=lost_an_hour / arrived_an_hour if arrived_an_hour > 0 else 0.0,
        arrivals_per_s=arrived_an_hour / each,
        requests=sum(run.arrived for run in records),
        served=sum(run.served for run in records),
        dropped=dropped,
        abandoned=abandoned,
        in_system=sum(run.waiting + run.in_service + run.in_host for run in records),
        started=int(sum(run.served_together.sum() for run in records)),
        batches=int(sum(run.hours[:, at.HOUR_BATCHES].sum() for run in records)),
        simulated_s=sum(run.simulated_s for run in records),
        ttft=_of_tokens(records, shares, lambda tokens: tokens.first_token_histograms),
        tpot=_of_tokens(records, shares, lambda tokens: tokens.per_token_histograms),
        completion_hours=max(done) / SECONDS_PER_HOUR if done else None,
        on_demand=on_demand,
        taken=sum(run.taken for run in records),
        failed=sum(run.failed for run in records),
        requeued=sum(run.requeued for run in records),
        covered=_covered(runs, shares, case.levels),
    )


def _covered(
    runs: Sequence[StretchRun], shares: Array, levels: tuple[int, ...]
) -> tuple[float, ...]:
    """Return what each level of a commitment would cover, over the hours after the warm-up [-]."""
    by_run = []
    for run in runs:
        held_s = instance_s_by_hour(run.record)
        if run.stretch.length_s == SECONDS_PER_HOUR:
            held = held_s[run.stretch.warm_up_hours :] / SECONDS_PER_HOUR
        else:  # pieces of hours are simulated only where the fleet never changes
            held = np.array([held_s.sum() / run.record.simulated_s])
        by_run.append(covered(held, levels))
    return tuple(np.dot(shares, np.array(by_run)).tolist())


def _of_tokens(
    records: Sequence[FleetRecord], shares: Array, histograms: Callable[[TokenWork], Array]
) -> Latency | None:
    """Quantiles of a time that only answers token by token have."""
    counted = [histograms(run.tokens).sum(axis=0) for run in records if run.tokens is not None]
    return _of_histogram(counted, shares) if len(counted) == len(records) else None


def _mean_wait_s(records: Sequence[FleetRecord]) -> float | None:
    started = sum(float(run.hours[:, at.HOUR_STARTED].sum()) for run in records)
    waited_s = sum(float(run.hours[:, at.HOUR_WAIT_S].sum()) for run in records)
    return waited_s / started if started else None


def _idle_causes(
    runs: Sequence[StretchRun],
    shares: Array,
    rules: FleetRules,
    mean: Callable[[Callable[[FleetRecord], Array]], float],
) -> dict[str, float]:
    """Return idle replicas by cause [-]."""
    if isinstance(rules.rule, Static):
        busy_by_hour = []
        for run in runs:
            counted = run.record.hours[run.stretch.warm_up_hours :, at.HOUR_BUSY_S]
            busy_by_hour.append(counted / rules.slots / run.stretch.length_s)
        return _static_causes(busy_by_hour, shares, rules.maximum)
    names = runs[0].record.idle_causes_s
    return {name: mean(lambda run, cause=name: run.idle_causes_s[cause]) for name in names}  # type: ignore[misc]


def _static_causes(
    busy_replicas: Sequence[Array], shares: Array, replicas: int
) -> dict[str, float]:
    """Split the idle replicas of a static fleet by the need of the busiest hour of all."""
    peak = max(float(whole_replicas(busy).max()) for busy in busy_replicas)
    parts = [
        [part.mean() for part in idle_replicas(busy, replicas, peak)] for busy in busy_replicas
    ]
    means = np.dot(shares, np.array(parts))
    return {name: float(mean) for name, mean in zip(STATIC_CAUSES, means, strict=True)}


def _billed(
    run: StretchRun, held_over_time: Sequence[tuple[float, int]], machine: Machine
) -> float:
    """Return the mean number of instances that are billed after the warm-up [-]."""
    record = run.record
    warm_s = run.stretch.warm_up_hours * SECONDS_PER_HOUR
    before = [held for moment, held in held_over_time if moment <= warm_s]
    curve = [(0.0, before[-1] if before else 0)]
    curve += [(t - warm_s, held) for t, held in held_over_time if t > warm_s]
    length_s = record.simulated_s - warm_s
    billed_s = billed_instance_s(
        curve,
        length_s,
        per_instance=1,
        increment_s=machine.billing_increment_s,
        minimum_s=machine.billing_minimum_s,
    )
    return float(billed_s / length_s)


def _latency(runs: Sequence[StretchRun], shares: Array) -> Latency | None:
    """Return quantiles of the time to an answer, of requests that somebody waits for."""
    streamed = [run.streamed_s for run in runs if run.streamed_s is not None]
    if not streamed:
        return _of_histogram([run.record.histogram for run in runs], shares)
    seconds = np.concatenate(streamed)
    if not seconds.size:
        return None
    p50, p95, p99 = (float(q) * MILLISECONDS_PER_SECOND for q in np.quantile(seconds, QUANTILES))
    left_out = "" if runs[0].record.tokens is not None else ", batch jobs left out"
    return Latency(p50, p95, p99, SCOPE + left_out)


def _of_histogram(histograms: Sequence[Array], shares: Array) -> Latency | None:
    """Return quantiles of times counted in bins, each stretch with its share."""
    together = np.sum([h * share for h, share in zip(histograms, shares, strict=True)], 0)
    if not together.any():
        return None
    p50, p95, p99 = (quantile_s(together, q) * MILLISECONDS_PER_SECOND for q in QUANTILES)
    return Latency(p50, p95, p99, SCOPE)
