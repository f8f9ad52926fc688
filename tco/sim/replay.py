"""A recorded trace on a fleet: every request, its times, and what the fleet did for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.domain.fleet import FleetSettings, LlmSettings, ReplayedFleet
from tco.domain.llm_service import LlmService as LlmFigures
from tco.domain.service import BatchService
from tco.errors import InfeasibleError, TcoError
from tco.sim import kernel_layout as at
from tco.sim.billing import billed_instance_s
from tco.sim.fleet import Fleet, FleetRecord, FleetRules, PerRequest, Requests
from tco.sim.llm_curve import service_of_file
from tco.sim.offered import offered, with_engine_columns
from tco.sim.rules import ADAPTERS, idle_watts, rules_of, service_of
from tco.sim.service import Service
from tco.sim.tally import DRAINING
from tco.sim.usage import QUANTILES, instance_s
from tco.traffic import requests as traffic
from tco.units import (
    HOURS_PER_WEEK,
    HOURS_PER_YEAR,
    JOULES_PER_KWH,
    MILLISECONDS_PER_SECOND,
    SECONDS_PER_HOUR,
)

Array = NDArray[np.float64]
WEEK_S = HOURS_PER_WEEK * SECONDS_PER_HOUR
LONGEST_S = 10 * HOURS_PER_YEAR * SECONDS_PER_HOUR
ENOUGH_TO_TELL = 1_000
"""Requests from which on a rate above the capacity is no accident of a short trace."""
STANDARD_ERRORS = 4.0
STATUS = {
    at.STATUS_WAITING: "waiting",
    at.STATUS_SERVED: "served",
    at.STATUS_DROPPED: "dropped",
    at.STATUS_ABANDONED: "abandoned",
}


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a trace; times of requests are those of the trace [s]."""

    arrival_s: Array
    per_request: PerRequest
    """In order of arrival."""
    record: FleetRecord
    notes: tuple[str, ...]
    """What a reader of the figures has to know."""
    output_tokens: Array
    """In order of arrival; empty where the trace has none."""
    has_faults: bool = False
    """Whether machines were taken away, or failed."""


def replay(
    trace: traffic.Requests,
    figures: BatchService | LlmFigures,
    settings: FleetSettings,
    *,
    seed: int = 1,
) -> Replay:
    """Run a trace through a fleet to its last request.

    Time 0 of the trace is Monday 00:00 UTC for schedules, and when the fleet starts; a trace that
    begins weeks later starts it in its own first week.

    Args:
        trace: Requests in order of arrival.
        figures: What a batch takes, or a step of an LLM.
        settings: The fleet.
        seed: Seed of the boot times, and of adapters.

    Raises:
        TcoError: If the trace cannot be replayed.
        InfeasibleError: If the fleet cannot carry it, with the numbers.
    """
    arrival_s = np.asarray(trace.arrival_s, dtype=np.float64)
    _check_times(arrival_s)
    start_s = math.floor(arrival_s[0] / WEEK_S) * WEEK_S
    since_s = arrival_s - start_s if start_s else arrival_s
    if since_s[-1] > LONGEST_S:
        years = since_s[-1] / LONGEST_S * 10
        raise TcoError(
            f"the trace lasts {years:,.0f} years, longer than 10; are its times in seconds?"
        )
    if isinstance(figures, LlmFigures):
        requests, rules = _step_by_step(trace, since_s, figures, settings, seed)
        notes: tuple[str, ...] = ()
    else:
        requests, rules = _in_batches(trace, since_s, figures, settings, seed)
        own_s = requests.own_s
        notes = _check_capacity(rules, since_s, float(own_s.mean()) if own_s.size else 0.0)
    fleet = Fleet(rules, [requests], until_s=float(since_s[-1]), keep_requests=since_s.size)
    record = fleet.run(to_the_last=True)
    times = record.per_request
    assert times is not None
    if start_s:
        times = replace(
            times,
            start_s=times.start_s + start_s,
            first_token_s=times.first_token_s + start_s,
            finish_s=times.finish_s + start_s,
        )
    left = record.waiting + record.in_service + record.in_host
    if left:
        notes += (f"{left:,} requests wait for ever: nothing in this fleet will serve them",)
    return Replay(arrival_s, times, record, notes, requests.output_tokens, settings.has_faults)


def _in_batches(
    trace: traffic.Requests,
    since_s: Array,
    figures: BatchService,
    settings: FleetSettings,
    seed: int,
) -> tuple[Requests, FleetRules]:
    if settings.llm is not None:
        raise InfeasibleError(
            "the deployment has the limits of an LLM engine (llm) and the service file says what a "
            "batch takes; give a service of kind llm, or leave llm out"
        )
    replayed = settings if isinstance(settings, ReplayedFleet) else None
    first = replayed.queue.served_first if replayed else ()
    requests = offered(trace, since_s, figures=figures, served_first=first)
    kinds = [part.name for part in replayed.hardware] if replayed else []
    rules = rules_of(
        settings,
        service_of(figures, kinds, seed=seed),
        seed=seed,
        idle_w=idle_watts(figures, kinds),
        replicas_per_instance=replayed.replicas_per_instance if replayed else 1,
    )
    assert isinstance(rules.service, Service)
    rules.batch.sizes(rules.service)  # refuses batches that the service does not cover
    return requests, rules


def _step_by_step(
    trace: traffic.Requests,
    since_s: Array,
    figures: LlmFigures,
    settings: FleetSettings,
    seed: int,
) -> tuple[Requests, FleetRules]:
    replayed = settings if isinstance(settings, ReplayedFleet) else None
    limits = settings.llm or LlmSettings()
    requests = with_engine_columns(
        offered(trace, since_s, served_first=replayed.queue.served_first if replayed else ()),
        limits.prefix_cache_share or 0.0,
        0 if limits.adapters is None else limits.adapters.count,
        np.random.default_rng([seed, ADAPTERS]),
    )
    rules = rules_of(
        settings,
        service_of_file(figures, settings.llm),
        seed=seed,
        idle_w=() if figures.idle_w is None else (figures.idle_w,),
        replicas_per_instance=replayed.replicas_per_instance if replayed else 1,
    )
    return requests, rules


def document(found: Replay) -> dict[str, Any]:
    """Return the figures of a replay as plain data; what does not apply is absent."""
    record, times = found.record, found.per_request
    served = times.status == at.STATUS_SERVED
    causes = {name: float(part.sum()) for name, part in record.idle_causes_s.items()}
    draining_s = causes.pop(DRAINING)
    idle_s = sum(causes.values())
    held_s, lost_s = float((record.serving_s + record.draining_s).sum()), float(record.lost_s.sum())
    answer: dict[str, Any] = {
        "requests": record.arrived,
        "served": record.served,
        "dropped": record.dropped,
        "abandoned": record.abandoned,
        "in_system": record.waiting + record.in_service + record.in_host,
        "instance_hours": instance_s(record) / SECONDS_PER_HOUR,
        "replica_hours": {
            "busy": max(0.0, held_s - idle_s - draining_s - lost_s) / SECONDS_PER_HOUR,
            "idle": idle_s / SECONDS_PER_HOUR,
            "booting": float(record.booting_s.sum()) / SECONDS_PER_HOUR,
            "draining": draining_s / SECONDS_PER_HOUR,
        },
    }
    if found.has_faults:
        answer["replica_hours"]["lost_work"] = lost_s / SECONDS_PER_HOUR
        answer["replica_hours"]["under_repair"] = float(record.repair_s.sum()) / SECONDS_PER_HOUR
        answer["on_demand_instance_hours"] = (
            billed_instance_s(
                record.on_demand_over_time,
                record.simulated_s,
                per_instance=1,
                increment_s=None,
                minimum_s=None,
            )
            / SECONDS_PER_HOUR
        )
        answer |= {name: getattr(record, name) for name in ("taken", "failed", "requeued")}
    if served.any():
        arrived_s = found.arrival_s[served]
        answer["latency_ms"] = _spread_ms(times.finish_s[served] - arrived_s)
        if record.tokens is not None:
            answer |= _token_times_ms(found, served)
        answer["queue_ms"] = _spread_ms(times.start_s[served] - arrived_s)
        batches = record.hours[:, at.HOUR_BATCHES].sum()
        answer["batch_mean"] = float(record.served_together.sum() / batches)
    if record.tokens is not None:
        answer["preempted"] = int(record.tokens.preempted.sum())
    if record.joules:
        kwh = {use: float(part.sum()) / JOULES_PER_KWH for use, part in record.joules.items()}
        answer["energy_kwh"] = sum(kwh.values())
        if len(kwh) > 1:
            answer["energy_by_use_kwh"] = kwh
    answer["simulated_s"] = record.simulated_s
    return answer


def _token_times_ms(found: Replay, served: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Return times to the first token, and from one to the next where there is more than one."""
    times = found.per_request
    answer = {"ttft_ms": _spread_ms((times.first_token_s - found.arrival_s)[served])}
    several = served & (found.output_tokens > 1)
    if several.any():
        span_s = (times.finish_s - times.first_token_s)[several]
        answer["tpot_ms"] = _spread_ms(span_s / (found.output_tokens[several] - 1))
    return answer


def columns(found: Replay) -> Mapping[str, NDArray[Any]]:
    """Return one value a request, in order of arrival; NaN and -1 where it was not served."""
    times = found.per_request
    words = np.array([STATUS[code] for code in sorted(STATUS)])
    return {
        "arrival_s": found.arrival_s,
        "start_s": times.start_s,
        "first_token_s": times.first_token_s
        if times.first_token_s.size
        else np.full(times.start_s.size, np.nan),
        "finish_s": times.finish_s,
        "batch": times.batch,
        "status": words[times.status],
    }


def _spread_ms(seconds: Array) -> dict[str, float]:
    values = np.quantile(seconds, list(QUANTILES.values())) * MILLISECONDS_PER_SECOND
    spread = dict(zip(QUANTILES, values.tolist(), strict=True))
    return {**spread, "mean": float(seconds.mean()) * MILLISECONDS_PER_SECOND}


def _check_times(arrival_s: Array) -> None:
    if not arrival_s.size:
        raise TcoError("the trace has no request; there is nothing to replay")
    wrong = np.flatnonzero(~(np.isfinite(arrival_s) & (arrival_s >= 0)))
    if wrong.size:
        row = int(wrong[0])
        raise TcoError(
            f"request {row} of the trace arrives at {arrival_s[row]}; "
            "count seconds from the start, from 0 on"
        )
    if (np.diff(arrival_s) < 0).any():
        raise TcoError("the requests of the trace are not in order of arrival; sort them first")


def _check_capacity(rules: FleetRules, arrival_s: Array, own_s: float) -> tuple[str, ...]:
    """Refuse a fleet whose queue would grow for ever; say so where the trace is too short to tell.

    A queue with a limit, or one that people leave, is stable at any load.
    """
    span_s = float(arrival_s[-1] - arrival_s[0])
    if span_s <= 0:
        return ()
    rate = (arrival_s.size - 1) / span_s
    assert isinstance(rules.service, Service)
    sizes = np.arange(1, rules.batch.max_size + 1)
    seconds = rules.service.seconds[:, 0, 1 : rules.batch.max_size + 1] + own_s
    by_kind = (sizes / seconds).max(axis=1) if seconds.min() > 0 else np.full(1, math.inf)
    each = float(by_kind[list(rules.hardware or (0,))].mean()) * rules.slots
    stages = []
    if rules.queue_limit < 0 and rules.patience_s is None:
        stages.append(("replicas", rules.maximum, each))
    for what, work in (("front", rules.service.front), ("back", rules.service.back)):
        if work is not None and work.seconds > 0:
            stages.append((f"places of the {what} end", work.parallel, 1 / work.seconds))
    notes = []
    for what, number, per_s in stages:
        capacity = number * per_s
        if rate < capacity:
            continue
        need = math.floor(rate / per_s) + 1
        text = (
            f"capacity below load: the trace brings {rate:,.4g} requests/s and {number:,} {what} "
            f"serve {capacity:,.4g} at most; "
        )
        backlog = (rate - capacity) * SECONDS_PER_HOUR
        growth = f"the queue grows by {backlog:,.0f} requests an hour"
        surely = rate * (1 - STANDARD_ERRORS / math.sqrt(arrival_s.size)) > capacity
        if surely and arrival_s.size >= ENOUGH_TO_TELL:
            raise InfeasibleError(
                f"{text}{growth}. At least {need:,} {what} are needed, "
                "or a queue limit, or patience that ends"
            )
        notes.append(f"{text}{growth} while it lasts, and is worked off after its end")
    return tuple(notes)
