"""A vendor's API as those see it who call it: limits, tries, outages, throughput bought ahead.

``run_api`` takes arrivals with their tokens and gives back when each request was answered, and by
whom; a step of a route can stand on it as a plan does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError, MissingFigureError, TcoError
from tco.sim import api_kernel as at
from tco.sim.run import NONE_WHOLE
from tco.units import MINUTES_PER_HOUR, SECONDS_PER_MINUTE

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
CELLS = 8192
"""Equal shares that a law of latency is read at; what is rarer than half of one is cut."""
FIRST_ROOM = 4096
NO_OUTAGES = np.empty((0, 2))
NO_TIME = np.zeros(1)
NO_TIME.setflags(write=False)  # as the tables of laws are: one kernel serves both


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A law of latency by its known quantiles: lognormal pieces between them and beyond."""

    points: tuple[tuple[float, float], ...]
    """Shares and seconds, both rising."""

    def table(self) -> Array:
        """Return its values at the middles of equal shares [s]."""
        return _table(self.points)


@cache
def _table(points: tuple[tuple[float, float], ...]) -> Array:
    if len(points) < 2:  # noqa: PLR2004 - two points make a line
        raise MissingFigureError(
            "a latency of which one quantile is known has no spread to simulate; state two of "
            "p50, p95 and p99"
        )
    normal = NormalDist()
    known = [(normal.inv_cdf(share), math.log(seconds)) for share, seconds in points]
    scores = np.array(_scores())
    found = np.empty(CELLS)
    for (low, begins), (high, ends) in pairwise(known):
        piece = (scores >= low) | (low == known[0][0])
        found[piece] = begins + (scores[piece] - low) * (ends - begins) / (high - low)
    table: Array = np.exp(found)
    table.setflags(write=False)
    return table


@cache
def _scores() -> tuple[float, ...]:
    normal = NormalDist()
    return tuple(normal.inv_cdf((cell + 0.5) / CELLS) for cell in range(CELLS))


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket that refills evenly, and what a call takes of it."""

    what: str
    """What it counts, in words."""
    per_minute: float
    size: float
    per_call: float = 0.0
    per_fresh: float = 0.0
    per_cached: float = 0.0
    per_output: float = 0.0

    def takes(self, tokens: Array) -> Array:
        """Return what calls take of it; tokens are fresh, cached and output, a row a call."""
        weights = np.array((self.per_fresh, self.per_cached, self.per_output))
        return np.asarray(self.per_call + tokens @ weights)


@dataclass(frozen=True, slots=True)
class Retry:
    """What a caller does with a call that was turned away, failed or took too long."""

    tries: int = 1
    first_wait_s: float = 0.0
    wait_factor: float = 2.0
    longest_wait_s: float = 0.0
    jitter_share: float = 0.0
    honours_retry_after: bool = False
    timeout_s: float | None = None
    bills_timed_out: bool = False


@dataclass(frozen=True, slots=True)
class ApiRules:
    """How a vendor answers, and how it is called."""

    limits: tuple[Limit, ...] = ()
    queue_s: float = 0.0
    retry: Retry = Retry()
    latency: Quantiles | None = None
    """Of a whole request; or to the first token of a call, where there is a pace."""
    per_token: Quantiles | None = None
    provisioned: Limit | None = None
    passes_on: bool = True
    """Whether calls above the provisioned throughput are paid by token; else turned away."""
    error_after_s: float = 0.0
    bills_failed: bool = False
    falls_over: bool = False
    elsewhere: Quantiles | None = None
    """Latency of whole requests at the vendor that calls fall over to."""

    @property
    def memory_s(self) -> float:
        """How long what has come matters, about: buckets, the queue, waits between tries [s]."""
        buckets = [*self.limits, *((self.provisioned,) if self.provisioned else ())]
        filling_s = [limit.size / limit.per_minute * SECONDS_PER_MINUTE for limit in buckets]
        retry = self.retry
        waits_s = [
            min(retry.first_wait_s * retry.wait_factor**tried, retry.longest_wait_s)
            for tried in range(retry.tries - 1)
        ]
        return float(max([0.0, *filling_s]) + self.queue_s + sum(waits_s))


@dataclass(frozen=True, slots=True)
class ApiRun:
    """What became of requests: of each for itself, and summed from a moment on."""

    came_s: Array
    finish_s: Array
    """Answered, or given up [s]; takes no time where the latency is not known."""
    first_word_s: Array
    """First token of the last call [s]; nan where nobody knows."""
    fates: NDArray[np.int8]
    """``SERVED``, ``FELL_OVER`` or ``LOST`` of the kernel."""
    billed: Array
    """Fresh, cached and output tokens, and calls, by who is paid."""
    counts: Array
    count_from_s: float = 0.0

    @property
    def is_counted(self) -> NDArray[np.bool_]:
        """Which requests are in the sums."""
        return self.came_s >= self.count_from_s

    def of_fate(self, fate: int) -> int:
        """Return how many of the counted requests had a fate."""
        return int(np.count_nonzero((self.fates == fate) & self.is_counted))

    @property
    def was_undisturbed(self) -> bool:
        """Whether no limit, outage or time-out touched any counted call."""
        touched = (at.TURNED_AWAY, at.FAILED, at.TIMED_OUT, at.QUEUED_S)
        return not any(self.counts[place] for place in touched)


def run_api(
    rules: ApiRules,
    came_s: Array,
    tokens: Array,
    *,
    seed: int,
    first_call: Whole = NONE_WHOLE,
    outages_s: Array = NO_OUTAGES,
    count_from_s: float = 0.0,
) -> ApiRun:
    """Make the calls of requests, each until it is answered or given up.

    Args:
        rules: How the vendor answers, and how it is called.
        came_s: When requests come, in order [s].
        tokens: Fresh input, cached input and output tokens of each call, or one row for all.
        seed: Seed of latencies and jitter; a request meets the same luck under all rules.
        first_call: Where the calls of each request begin in ``tokens``, and where the last ends;
            empty where each request is one call. Calls of one request follow one another.
        outages_s: Begin and end of each outage, in order, apart from one another [s].
        count_from_s: Requests that come before are served, and not summed [s].
    """
    _check_input(rules, came_s, tokens, first_call)
    every = (rules.provisioned, *rules.limits) if rules.provisioned else rules.limits
    limits = np.array([_columns(limit) for limit in every]).reshape(-1, at.LIMIT_COLUMNS)
    settings, switches = _settings(rules, count_from_s), _switches(rules)
    base_s, pace_s, elsewhere_s = (
        NO_TIME if law is None else law.table()
        for law in (rules.latency, rules.per_token, rules.elsewhere)
    )
    begins_ns = at.whole_ns(float(came_s[0])) if came_s.size else 0
    seen_ns, levels = np.full(2, begins_ns), limits[:, at.SIZE].copy()
    places = np.zeros(2, dtype=np.int64)
    heap = np.empty((FIRST_ROOM, at.HEAP_COLUMNS), dtype=np.int64)
    finish_s, first_word_s = np.full(came_s.size, np.nan), np.full(came_s.size, np.nan)
    fates = np.full(came_s.size, -1, dtype=np.int8)
    billed, counts = np.zeros((at.SELLERS, at.BILLED_COLUMNS)), np.zeros(at.COUNTS)
    while not at.advance(
        came_s, first_call, tokens, limits, settings, switches, outages_s,
        base_s, pace_s, elsewhere_s, seed, seen_ns, levels, places, heap,
        finish_s, first_word_s, fates, billed, counts,
    ):  # fmt: skip
        heap = np.concatenate((heap, np.empty_like(heap)))
    run = ApiRun(came_s, finish_s, first_word_s, fates, billed, counts, count_from_s)
    _check(run, first_call)
    return run


def _columns(limit: Limit) -> tuple[float, ...]:
    per_s = limit.per_minute / SECONDS_PER_MINUTE
    taken = (limit.per_call, limit.per_fresh, limit.per_cached, limit.per_output)
    return (per_s, limit.size, *taken)


def _settings(rules: ApiRules, count_from_s: float) -> Array:
    retry, settings = rules.retry, np.zeros(at.SETTINGS)
    settings[at.TRIES] = retry.tries
    settings[at.FIRST_WAIT_S] = retry.first_wait_s
    settings[at.WAIT_FACTOR] = retry.wait_factor
    settings[at.LONGEST_WAIT_S] = retry.longest_wait_s
    settings[at.JITTER_SHARE] = retry.jitter_share
    settings[at.TIMEOUT_S] = math.inf if retry.timeout_s is None else retry.timeout_s
    settings[at.QUEUE_S] = rules.queue_s
    settings[at.ERROR_S] = rules.error_after_s
    settings[at.COUNT_FROM_S] = count_from_s
    return settings


def _switches(rules: ApiRules) -> Whole:
    switches = np.zeros(at.SWITCHES, dtype=np.int64)
    switches[at.HAS_PROVISIONED] = rules.provisioned is not None
    switches[at.PASSES_ON] = rules.passes_on
    switches[at.HONOURS_RETRY_AFTER] = rules.retry.honours_retry_after
    switches[at.BILLS_FAILED] = rules.bills_failed
    switches[at.BILLS_TIMED_OUT] = rules.retry.bills_timed_out
    switches[at.FALLS_OVER] = rules.falls_over
    switches[at.BY_TOKENS] = rules.per_token is not None
    return switches


def _check_input(rules: ApiRules, came_s: Array, tokens: Array, first_call: Whole) -> None:
    calls = int(first_call[-1]) if first_call.size else came_s.size
    longest = int(np.diff(first_call).max(initial=0)) if first_call.size else 1
    if longest > at.MOST_CALLS or rules.retry.tries > at.MOST_TRIES:
        raise InfeasibleError(
            f"a request of {longest} calls, each tried {rules.retry.tries} times, is more than is "
            f"simulated: {at.MOST_CALLS} calls and {at.MOST_TRIES} tries"
        )
    if tokens.shape[0] not in {1, calls}:
        raise TcoError(f"{calls} calls come with tokens of {tokens.shape[0]}; a row is needed each")


def _check(run: ApiRun, first_call: Whole) -> None:
    """Refuse a run in which requests or calls do not add up."""
    answered = float(run.billed[:, at.CALLS].sum())
    fates = sum(run.of_fate(fate) for fate in (at.SERVED, at.FELL_OVER, at.LOST))
    unsettled = int(np.count_nonzero(np.isnan(run.finish_s)))
    wrong = fates != int(run.is_counted.sum()) or unsettled or (run.finish_s < run.came_s).any()
    single = not first_call.size and answered < run.of_fate(at.SERVED)
    if wrong or single:
        raise TcoError(
            f"the simulation does not add up: {run.came_s.size:,} requests, {fates:,} fates, "
            f"{unsettled:,} never settled. This is a fault of the planner; please report it."
        )


def check_limits(
    rules: ApiRules, calls_per_s: float, tokens: Array, *, month: int, hours: float
) -> None:
    """Refuse limits below the mean load, or too small for a single call, with the numbers.

    Args:
        rules: With its limits.
        calls_per_s: Mean rate of the busiest month [1/s].
        tokens: Fresh, cached and output tokens of a mean call.
        month: The busiest month.
        hours: How long it is [h].
    """
    bought = rules.provisioned
    share_left = 1.0
    if bought is not None:
        wanted = float(bought.takes(tokens)) * calls_per_s * SECONDS_PER_MINUTE
        share_left = max(0.0, 1.0 - bought.per_minute / wanted) if wanted else 0.0
    for limit in (bought, *rules.limits):
        if limit is None:
            continue
        each = float(limit.takes(tokens))
        if each > limit.size:
            raise InfeasibleError(
                f"a mean call takes {each:,.6g} {limit.what} and at most {limit.size:,.6g} may "
                "come at once: it would never be let through. A larger burst is needed"
            )
        if limit is bought and rules.passes_on:
            continue  # what it does not hold is paid by token
        share = 1.0 if limit is bought else share_left
        per_minute = each * calls_per_s * share * SECONDS_PER_MINUTE
        if per_minute < limit.per_minute or rules.falls_over:
            continue
        behind = (per_minute - limit.per_minute) / each * MINUTES_PER_HOUR
        raise InfeasibleError(
            f"the limit lies below the mean load: the calls of month {month}, {calls_per_s:,.4g} a "
            f"second, take {per_minute:,.0f} {limit.what} a minute and {limit.per_minute:,.0f} are "
            f"let through; the backlog would grow by {behind:,.0f} calls an hour, to "
            f"{behind * hours:,.0f} by the end of the month. More than {per_minute:,.0f} a minute "
            "are needed, or another vendor that calls fall over to"
        )
