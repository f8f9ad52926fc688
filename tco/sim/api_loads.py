"""A vendor's API at the loads of a plan: what is billed, lost and waited for, read between them.

Requests of the sampled hours of a week are called one by one. Outages are rare and a week holds
few or none, so each stretch of hours runs twice: undisturbed, and with outages set closely enough
to be seen. Any figure is then the mixture of both in which the API is down as often as stated.
Lower loads are not simulated once one was found at which no limit is felt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.sim import api_kernel as at
from tco.sim.api import NO_OUTAGES, ApiRules, ApiRun, run_api
from tco.sim.run import NONE_WHOLE, Requests
from tco.sim.sample import Sample, Stretch, sample_week
from tco.sim.usage import Latency
from tco.sim.week import Traffic
from tco.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
QUANTILES = (0.50, 0.95, 0.99)
MOST_LOADS = 10
ENOUGH_CALLS = 600_000
ENOUGH_DRAWN_CALLS = 200_000
"""The same where tokens and calls are drawn for each request, which takes longer."""
SHORTEST_HOUR_S = 600.0
MEMORIES_AN_HOUR = 5.0
"""A shortened hour is at least so many times as long as what came before matters."""
ANY_NUMBER = 10**15
TOLERANCE = 0.005
"""How far a share at a simulated load may lie from the line between its neighbours [-]."""
OUTAGE_SHARE = 0.125
"""Of the time, in the runs that hold outages; more where they are stated to be more."""
KINDS = ("fresh", "cached", "output")
SEEDS_APART = 7919


@dataclass(frozen=True, slots=True)
class Outages:
    """How often calls fail for how long."""

    per_second: float
    lasting_s: float

    @property
    def share(self) -> float:
        """Share of the time [-]."""
        return self.per_second * self.lasting_s


@dataclass(frozen=True, slots=True)
class ApiCase:
    """An API and its traffic as plain data: all that a simulated week rests on."""

    rules: ApiRules
    tokens: tuple[float, float, float]
    """Fresh, cached and output tokens of a call on the mean; unused where calls are drawn."""
    traffic: Traffic
    outages: Outages | None
    seed: int
    goal_s: float | None = None
    """Time within which the goal wants 95 % of the requests answered [s]."""


@dataclass(frozen=True, slots=True)
class ApiLoad:
    """What an API does at one load; shares are of what the requests ask for."""

    billed: dict[str, float]
    """Tokens billed over tokens asked for, by kind of token and who is paid [-]; of provisioned
    throughput, tokens that it took."""
    lost_share: float
    fell_over_share: float
    tries_per_call: float
    turned_away_share: float
    """Tries turned away by limits, over all tries [-]."""
    failed_share: float
    """Tries that met an outage [-]."""
    timed_out_share: float
    queued_s: float
    """Held back for limits, on the mean of all requests [s]."""
    backed_off_s: float
    """Between tries, on the mean of all requests [s]."""
    latency: Latency | None
    ttft: Latency | None
    within_goal: float | None
    """Share of all requests that were answered within the goal [-]."""
    requests: int
    feels_no_limit: bool

    def figures(self) -> list[float]:
        """Return what has to lie on a line between two loads."""
        return [*self.billed.values(), self.lost_share, self.fell_over_share]


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """What an API bills and loses, by load."""

    loads_per_s: tuple[float, ...]
    billed: dict[str, tuple[float, ...]]
    busiest: ApiLoad
    """At the likely rate of the busiest month."""
    requests: int
    scope: str

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ApiUsage:
        """Read it back from plain data."""
        busiest = dict(data["busiest"])
        for name in ("latency", "ttft"):
            busiest[name] = None if busiest[name] is None else Latency(**busiest[name])
        return cls(
            **{
                **data,
                "loads_per_s": tuple(data["loads_per_s"]),
                "billed": {name: tuple(values) for name, values in data["billed"].items()},
                "busiest": ApiLoad(**busiest),
            }
        )


def api_usage(case: ApiCase, *, top_per_s: float, busiest_per_s: float) -> ApiUsage:
    """Simulate an API at as many loads as it takes for straight lines to hold.

    Args:
        case: The API and its traffic.
        top_per_s: Mean rate that the loads reach up to [requests/s].
        busiest_per_s: Mean rate of the busiest month [requests/s].
    """
    sample = sample_of(case, top_per_s)
    known: dict[float, ApiLoad] = {}
    simulated: list[ApiLoad] = []

    def at_load(load_per_s: float) -> ApiLoad:
        if load_per_s not in known:
            quiet = [load for load in known if load > load_per_s and known[load].feels_no_limit]
            if quiet:  # where no limit is felt at a higher load, none is felt at this one
                known[load_per_s] = known[min(quiet)]
            else:
                known[load_per_s] = simulate_load(
                    case, sample, load_per_s, is_timed=not known or load_per_s == busiest_per_s
                )
                simulated.append(known[load_per_s])
        return known[load_per_s]

    lowest = busiest_per_s / 16.0
    loads = sorted({lowest, busiest_per_s, top_per_s})
    for load in reversed(loads):
        at_load(load)
    spans = [(math.inf, low, high) for low, high in pairwise(loads)]
    while spans and len(loads) < MOST_LOADS:
        # First where a straight line was worst.
        spans.sort(key=lambda span: span[0])
        _, low, high = spans.pop()
        middle = (low + high) / 2.0
        line = (np.array(at_load(low).figures()) + at_load(high).figures()) / 2.0
        off = np.abs(line - at_load(middle).figures()).max()
        loads.append(middle)
        if off > TOLERANCE:
            spans += [(off, low, middle), (off, middle, high)]
    loads = sorted(loads)
    found = [known[load] for load in loads]
    # Below the lowest load nothing changes: a share of nothing is as that of a little.
    rungs = [found[0], *found]
    return ApiUsage(
        loads_per_s=(0.0, *loads),
        billed={name: tuple(rung.billed[name] for rung in rungs) for name in found[0].billed},
        busiest=known[busiest_per_s],
        requests=sum(rung.requests for rung in simulated),
        scope=sample.scope,
    )


def sample_of(case: ApiCase, top_per_s: float) -> Sample:
    """Take each kind of day of the week, its hours shortened where they hold many calls.

    A bucket, a queue and waits between tries remember some minutes: an hour at one rate need not
    be whole to show what it does, as long as it is long beside that.
    """
    traffic, rules = case.traffic, case.rules
    days = sample_week(traffic.week, top_per_s, service_s=1.0, most_requests=ANY_NUMBER)
    enough = ENOUGH_CALLS if traffic.calls is None else ENOUGH_DRAWN_CALLS
    calls_at_one_a_second = days.requests(1.0) * traffic.events_per_request
    fitting_s = enough / (top_per_s * calls_at_one_a_second) * SECONDS_PER_HOUR
    least_s = max(SHORTEST_HOUR_S, MEMORIES_AN_HOUR * rules.memory_s)
    length_s = min(SECONDS_PER_HOUR, max(fitting_s, least_s))
    stretches = tuple(replace(stretch, length_s=length_s) for stretch in days.stretches)
    cut = "" if length_s == SECONDS_PER_HOUR else f", {length_s:,.0f} s of each hour"
    return Sample(stretches, days.scope + cut)


def simulate_load(
    case: ApiCase, sample: Sample, load_per_s: float, *, is_timed: bool = True
) -> ApiLoad:
    """Simulate an API at one mean rate.

    Args:
        case: The API and its traffic.
        sample: The hours that stand for a week.
        load_per_s: Mean rate of the week [requests/s].
        is_timed: Whether quantiles of latency are wanted.
    """
    runs: list[_Weighted] = []
    for number, stretch in enumerate(sample.stretches):
        called = _calls_of(case, stretch, load_per_s, case.seed + number)
        runs += _runs_of(case, stretch, called, case.seed + number)
    return _mean_of(case, runs, is_timed=is_timed)


@dataclass(frozen=True, slots=True)
class _Called:
    """Requests of a stretch and their calls."""

    came_s: Array
    tokens: Array
    first_call: Whole

    def asked(self, count_from_s: float) -> Array:
        """Return fresh, cached and output tokens, and calls, of requests from a moment on."""
        first = int(np.searchsorted(self.came_s, count_from_s))
        skipped = int(self.first_call[first]) if self.first_call.size else first
        calls = (int(self.first_call[-1]) if self.first_call.size else self.came_s.size) - skipped
        if self.tokens.shape[0] == 1:
            return np.append(self.tokens[0] * calls, calls)
        return np.append(self.tokens[skipped:].sum(axis=0), calls)


@dataclass(frozen=True, slots=True)
class _Weighted:
    """A run, what was asked of it, and the share of all time it stands for over its own."""

    run: ApiRun
    asked: Array
    counted_s: float
    weight: float


def _calls_of(case: ApiCase, stretch: Stretch, load_per_s: float, seed: int) -> _Called:
    rates = load_per_s * np.array(stretch.factors)
    drawn = case.traffic.chunks(
        rates, length_s=stretch.length_s, seed=seed, first_hour=stretch.first_hour
    )
    if case.traffic.calls is None:
        came_s = np.concatenate([np.empty(0), *(chunk.arrivals_s for chunk in drawn)])
        return _Called(came_s, np.array([case.tokens]), NONE_WHOLE)
    return _by_request(list(drawn))


def _by_request(chunks: list[Requests]) -> _Called:
    """Put the calls of each request one after the other."""
    owners = np.concatenate([NONE_WHOLE, *(chunk.owners for chunk in chunks)])
    order = np.argsort(owners, kind="stable")

    def column(name: str) -> Array:
        values = np.concatenate([np.empty(0), *(getattr(chunk, name) for chunk in chunks)])
        return np.asarray(values[order])

    came_s, cached = column("arrivals_s"), column("cached_tokens")
    tokens = np.column_stack((column("input_tokens") - cached, cached, column("output_tokens")))
    first = np.flatnonzero(np.diff(owners[order], prepend=-1))
    first_call = np.append(first, owners.size).astype(np.int64)
    return _Called(came_s[first], tokens, first_call)


def _runs_of(case: ApiCase, stretch: Stretch, called: _Called, seed: int) -> list[_Weighted]:
    """Run a stretch undisturbed, and with outages if there are any."""
    warm_s = stretch.warm_up_hours * stretch.length_s
    until_s = stretch.hours * stretch.length_s
    asked, counted_s = called.asked(warm_s), until_s - warm_s

    def run(outages_s: Array, share: float) -> _Weighted:
        found = run_api(
            case.rules,
            called.came_s,
            called.tokens,
            seed=case.seed,
            first_call=called.first_call,
            outages_s=outages_s,
            count_from_s=warm_s,
        )
        return _Weighted(found, asked, counted_s, stretch.share * share / counted_s)

    if case.outages is None:
        return [run(NO_OUTAGES, 1.0)]
    outages_s = placed_outages_s(case.outages, warm_s, until_s, np.random.default_rng(seed))
    there = float((outages_s[:, 1] - outages_s[:, 0]).sum()) / counted_s
    share = case.outages.share / there
    return [run(NO_OUTAGES, 1.0 - share), run(outages_s, share)]


def placed_outages_s(
    outages: Outages, from_s: float, until_s: float, random: np.random.Generator
) -> Array:
    """Set outages into a stretch, one in each of equal parts, closer than they come.

    Returns:
        Begin and end of each [s]; one that is longer than its part fills it.
    """
    length_s = until_s - from_s
    most = length_s / outages.lasting_s
    count = max(1, math.ceil(outages.share * most), int(OUTAGE_SHARE * most))
    part_s = length_s / count
    lasting_s = min(outages.lasting_s, part_s)
    begins_s = from_s + part_s * np.arange(count) + random.random(count) * (part_s - lasting_s)
    return np.column_stack((begins_s, begins_s + lasting_s))


def _mean_of(case: ApiCase, runs: list[_Weighted], *, is_timed: bool) -> ApiLoad:
    weights = np.array([each.weight for each in runs])
    asked = np.einsum("r,rk->k", weights, np.array([each.asked for each in runs]))
    billed = np.einsum("r,rsk->sk", weights, np.array([each.run.billed for each in runs]))
    counts = np.einsum("r,rc->c", weights, np.array([each.run.counts for each in runs]))
    fates = {
        fate: float(weights @ [each.run.of_fate(fate) for each in runs])
        for fate in (at.SERVED, at.FELL_OVER, at.LOST)
    }
    requests = sum(fates.values())

    def share(part: float, whole: float) -> float:
        return float(part / whole) if whole > 0 else 0.0

    sellers = {
        at.PAID_BY_TOKEN: "by_token",
        at.PROVISIONED: "provisioned",
        at.FALLBACK: "elsewhere",
    }
    felt = counts[at.TURNED_AWAY] > 0 or counts[at.QUEUED_S] > 0
    passed_on = case.rules.provisioned is not None and billed[at.PAID_BY_TOKEN, at.CALLS] > 0
    answered = [(each, each.run.is_counted & (each.run.fates != at.LOST)) for each in runs]
    taken_s = [(each.run.finish_s - each.run.came_s)[which] for each, which in answered]
    opened_s = [(each.run.first_word_s - each.run.came_s)[which] for each, which in answered]
    is_known = is_timed and case.rules.latency is not None
    by_tokens = is_timed and case.rules.per_token is not None
    within = None
    if case.goal_s is not None and is_known:
        in_time = [np.count_nonzero(seconds <= case.goal_s) for seconds in taken_s]
        within = share(float(weights @ in_time), requests)
    return ApiLoad(
        billed={
            f"{kind}_{name}": share(billed[seller, number], asked[number])
            for seller, name in sellers.items()
            for number, kind in enumerate(KINDS)
        },
        lost_share=share(fates[at.LOST], requests),
        fell_over_share=share(fates[at.FELL_OVER], requests),
        tries_per_call=share(counts[at.MADE], asked[at.CALLS]),
        turned_away_share=share(counts[at.TURNED_AWAY], counts[at.MADE]),
        failed_share=share(counts[at.FAILED], counts[at.MADE]),
        timed_out_share=share(counts[at.TIMED_OUT], counts[at.MADE]),
        queued_s=share(counts[at.QUEUED_S], requests),
        backed_off_s=share(counts[at.BACKED_OFF_S], requests),
        latency=_latency(taken_s, weights) if is_known else None,
        ttft=_latency(opened_s, weights) if by_tokens else None,
        within_goal=within,
        requests=sum(int(each.run.is_counted.sum()) for each in runs),
        feels_no_limit=not felt and not passed_on,
    )


def _latency(seconds: list[Array], weights: Array) -> Latency | None:
    """Return quantiles of times of which each run's have a weight of their own."""
    together = np.concatenate(seconds)
    if not together.size:
        return None
    each = np.repeat(weights, [part.size for part in seconds])
    order = np.argsort(together)
    reached = np.cumsum(each[order])
    places = np.searchsorted(reached, np.array(QUANTILES) * reached[-1] * (1 - 1e-12))
    p50, p95, p99 = (together[order][places] * MILLISECONDS_PER_SECOND).tolist()
    return Latency(p50, p95, p99, "requests of a week of the busiest month")
