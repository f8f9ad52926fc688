"""One part behind a vendor's API: in closed form where nothing gets in the way, else simulated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tco.domain.api import ApiLimits, ApiRetry, CompletionFigures, ProvisionedThroughput
from tco.domain.deployment import ApiDeployment
from tco.domain.latency import LatencyFigures
from tco.domain.record import Evidence, worse
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.hosting.fleets import Effort, key_of
from tco.hosting.host import MOST_LOST, mean_rates_per_s
from tco.hosting.service_time import extremes
from tco.ledger.inference import ApiBill
from tco.ledger.model import LineMaker
from tco.ledger.option import Part, likely_months
from tco.ledger.volume import TokensPerRequest, cache_hits, tokens_per_request
from tco.prices import Catalog
from tco.rank.goals import LatencyFact
from tco.sim.api import ApiRules, Limit, Quantiles, Retry, check_limits
from tco.sim.api_batches import BatchRules, Completion, completion
from tco.sim.api_loads import ApiCase, ApiLoad, ApiUsage, Outages, api_usage
from tco.sim.usage import Latency
from tco.sim.week import Traffic
from tco.tasks import Result
from tco.traffic.profile import week_of
from tco.traffic.sessions import CallShape
from tco.units import (
    HOURS_PER_QUOTED_MONTH,
    MILLISECONDS_PER_SECOND,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    hours_in_month,
)

ROOM = 1.3
"""Loads are simulated up to so much more than the P95 of the busiest month."""
SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class ApiTask:
    """An API at the loads of a plan."""

    case: ApiCase
    top_per_s: float
    busiest_per_s: float

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        case, traffic = self.case, self.case.traffic
        calls = traffic.calls

        def plain(record: Any) -> Any:
            return None if record is None else record.model_dump(mode="json")

        return key_of(
            self,
            rules=asdict(case.rules),
            tokens=case.tokens,
            outages=None if case.outages is None else asdict(case.outages),
            week=traffic.week.tolist(),
            bursts=plain(traffic.bursts),
            movement=plain(traffic.movement),
            calls=None
            if calls is None
            else {
                **{name: getattr(calls, name) for name in calls.__slots__ if name != "workload"},
                "workload": plain(calls.workload),
            },
            rates=(self.top_per_s, self.busiest_per_s),
            seed=case.seed,
            goal_s=case.goal_s,
        )

    @property
    def about_s(self) -> float:
        """A second or so [s]."""
        return 1.0

    def work(self) -> Result:
        """Simulate a week at each load."""
        rates = {"top_per_s": self.top_per_s, "busiest_per_s": self.busiest_per_s}
        return api_usage(self.case, **rates).as_data()


@dataclass(frozen=True, slots=True)
class HostedApi:
    """What is known of a part behind an API."""

    latency: LatencyFact | None
    ttft: LatencyFact | None = None
    completion_hours: float | None = None
    open_questions: tuple[str, ...] = ()


def host_api(
    make: LineMaker, scenario: Scenario, part: Part, catalog: Catalog, effort: Effort
) -> HostedApi:
    """Add the lines of what an API bills; simulate it where limits, outages or the like are stated.

    Raises:
        WantedError: If its simulation has not been worked out yet.
        InfeasibleError: If a limit lies below the mean load of the busiest month.
    """
    deployment = part.candidate.deployment
    assert isinstance(deployment, ApiDeployment)
    on, other = scenario.price_date, deployment.fall_over
    provider, model, tier = deployment.provider, deployment.model, deployment.tier
    rates = catalog.tokens(provider, model, on=on, tier=tier)
    bill = ApiBill(make, scenario, part, deployment, rates)
    if deployment.batches is not None:
        return _host_batches(bill, scenario, deployment)
    if not deployment.is_simulated:
        bill.add()
        return HostedApi(stated_latency(deployment.latency_ms), None, deployment.completion_hours)
    task = api_task(scenario, part)
    busiest = int(np.argmax(mean_rates_per_s(scenario, part)))
    case = task.case
    check_limits(
        case.rules,
        task.busiest_per_s * case.traffic.events_per_request,
        np.array(case.tokens),
        month=busiest + 1,
        hours=float(hours_in_month(scenario.months[busiest])),
    )
    usage = ApiUsage.from_data(effort.kept.of(task))
    elsewhere = None
    if other is not None:
        elsewhere = catalog.tokens(other.provider, other.model, on=on, tier=other.tier)
    bill.add_simulated(usage, elsewhere)
    return _known(deployment, usage)


def _known(deployment: ApiDeployment, usage: ApiUsage) -> HostedApi:
    load = usage.busiest
    questions: tuple[str, ...] = ()
    if load.lost_share > MOST_LOST:
        questions = (
            f"{load.lost_share:.1%} of the requests of the busiest month are lost after the last "
            "try, and nobody has said what a lost request costs",
        )
    token = deployment.token_latency_ms
    figures = (deployment.latency_ms,) if token is None else (token.ttft, token.per_output_token)
    given = [each for each in figures if each is not None]
    if deployment.fall_over is not None:
        given.append(deployment.fall_over.latency_ms)
    how = f"simulated, {load.requests:,} requests: {_in_words(load)}"

    def fact(found: Latency | None) -> LatencyFact | None:
        if found is None:
            return None
        ms = {"p50": found.p50_ms, "p95": found.p95_ms, "p99": found.p99_ms}
        grade = worse(Evidence.ESTIMATED, *(each.evidence for each in given))
        sources = dict.fromkeys(each.source for each in given)
        return LatencyFact(ms, grade, "; ".join((how, *sources)))

    return HostedApi(fact(load.latency), fact(load.ttft), deployment.completion_hours, questions)


def _in_words(load: ApiLoad) -> str:
    """Say what got in the way of calls in the busiest month."""
    told = {
        "tries turned away by limits": load.turned_away_share,
        "tries that met an outage": load.failed_share,
        "tries given up": load.timed_out_share,
        "requests answered by the other vendor": load.fell_over_share,
        "requests lost": load.lost_share,
    }
    parts = [f"{share:.2%} of {what}" if what else "" for what, share in told.items() if share]
    goal = "" if load.within_goal is None else f"; {load.within_goal:.1%} within the goal"
    waits_s = load.queued_s + load.backed_off_s
    return (
        f"{load.tries_per_call:.3f} tries a call, {waits_s:.3g} s waited on the mean"
        + "".join(f", {part}" for part in parts)
        + goal
    )


def stated_latency(latency: LatencyFigures | None) -> LatencyFact | None:
    """Return latency as somebody states it."""
    if latency is None:
        return None
    given = {name: getattr(latency, name) for name in SHARES}
    known = {name: ms for name, ms in given.items() if ms is not None}
    return LatencyFact(known, latency.evidence, latency.source)


# ---- the scenario's words become rules -----------------------------------------------------------


def api_task(scenario: Scenario, part: Part) -> ApiTask:
    """Return the simulation that a part behind an API asks for."""
    deployment, workload = part.candidate.deployment, scenario.workload
    assert isinstance(deployment, ApiDeployment)
    if workload.batch_jobs is not None:
        raise InfeasibleError(
            "an API with limits or outages is simulated for requests that come by themselves, and "
            "the workload has batch jobs; leave them out, or leave out limits and outages"
        )
    hits = cache_hits(part.name, deployment.prompt_cache)
    tokens = tokens_per_request(workload, part.snapshot, hits)
    each = _likely(tokens)
    calls = _call_shape(scenario, part, each)
    rates = mean_rates_per_s(scenario, part)
    hours = np.array([hours_in_month(month) for month in scenario.months], dtype=np.float64)
    volumes = extremes({"volume": part.volume}, scenario.horizon_months)["volume"]
    top = float((volumes / (hours * SECONDS_PER_HOUR)).max())
    goal = scenario.goals.latency_ms
    goal_ms = None if goal is None else goal.p95
    case = ApiCase(
        api_rules(deployment),
        _of_a_call(each),
        Traffic(week_of(workload.profile), workload.bursts, workload.movement, calls=calls),
        _outages(deployment),
        scenario.seed,
        None if goal_ms is None else goal_ms / MILLISECONDS_PER_SECOND,
    )
    return ApiTask(case, max(top, float(rates.max())) * ROOM, float(rates.max()))


def _likely(tokens: TokensPerRequest) -> dict[str, float]:
    """Return the likely calls of a request, and its fresh, cached and output tokens."""
    found = {
        "calls": tokens.calls,
        "fresh": tokens.fresh_input,
        "cached": tokens.cached_input,
        "output": tokens.output + tokens.reasoning,
    }
    return {name: float(likely_months(value, 1)[0]) for name, value in found.items()}


def _of_a_call(each: dict[str, float]) -> tuple[float, float, float]:
    fresh, cached, output = (each[kind] / each["calls"] for kind in ("fresh", "cached", "output"))
    return fresh, cached, output


def _call_shape(scenario: Scenario, part: Part, each: dict[str, float]) -> CallShape | None:
    """Return how requests become calls; None where every call is the mean one."""
    workload, own = scenario.workload, part.snapshot.tokens
    if workload.sizes is None and workload.classes is None and workload.sessions is None:
        return None
    assert own is not None
    return CallShape(
        workload,
        own.input_token_factor.likely,
        own.output_token_factor.likely,
        own.reasoning_tokens.likely,
        each["cached"] / (each["fresh"] + each["cached"]),
        0.0,
    )


def _outages(deployment: ApiDeployment) -> Outages | None:
    if deployment.outages is None:
        return None
    per_s = deployment.outages.per_month.likely / (HOURS_PER_QUOTED_MONTH * SECONDS_PER_HOUR)
    return Outages(per_s, deployment.outages.minutes.likely * SECONDS_PER_MINUTE)


def api_rules(deployment: ApiDeployment) -> ApiRules:
    """Return how an API answers and is called, in the words of the simulation."""
    latency, per_token = _law(deployment.latency_ms), None
    if deployment.token_latency_ms is not None:
        latency = _law(deployment.token_latency_ms.ttft)
        per_token = _law(deployment.token_latency_ms.per_output_token)
    limits, outages, other = deployment.limits, deployment.outages, deployment.fall_over
    bought = deployment.provisioned
    return ApiRules(
        limits=() if limits is None else _limits(limits),
        queue_s=0.0 if limits is None else limits.queue_s,
        retry=Retry() if deployment.retry is None else _retry(deployment.retry),
        latency=latency,
        per_token=per_token,
        provisioned=None if bought is None else _bought(bought),
        passes_on=bought is None or bought.above == "pay_as_you_go",
        error_after_s=0.0 if outages is None else outages.error_after_s,
        bills_failed=outages is not None and outages.bills_failed,
        falls_over=other is not None,
        elsewhere=None if other is None else _law(other.latency_ms),
    )


def _law(figures: LatencyFigures | None) -> Quantiles | None:
    if figures is None:
        return None
    given = {share: getattr(figures, name) for name, share in SHARES.items()}
    return Quantiles(
        tuple((s, ms / MILLISECONDS_PER_SECOND) for s, ms in given.items() if ms is not None)
    )


def _limits(limits: ApiLimits) -> tuple[Limit, ...]:
    cached = 1.0 if limits.cached_input_counts else 0.0
    weights = {
        "input tokens": (limits.input_tokens_per_minute, (0.0, 1.0, cached, 0.0)),
        "output tokens": (limits.output_tokens_per_minute, (0.0, 0.0, 0.0, 1.0)),
        "tokens": (limits.tokens_per_minute, (0.0, 1.0, cached, 1.0)),
    }
    burst = limits.burst_s / SECONDS_PER_MINUTE
    found = [
        Limit(what, per_minute, per_minute * burst, *each)
        for what, (per_minute, each) in weights.items()
        if per_minute is not None
    ]
    per_minute = limits.requests_per_minute
    if per_minute is None:
        return tuple(found)
    size = limits.burst_requests or max(1.0, per_minute * burst)
    return (Limit("calls", per_minute, size, per_call=1.0), *found)


def _bought(bought: ProvisionedThroughput) -> Limit:
    per_minute = bought.units * bought.tokens_per_minute_per_unit.likely
    return Limit(
        "tokens of the provisioned throughput",
        per_minute,
        per_minute * bought.burst_s / SECONDS_PER_MINUTE,
        per_fresh=1.0,
        per_cached=bought.cached_token_weight,
        per_output=bought.output_token_weight,
    )


def _retry(retry: ApiRetry) -> Retry:
    return Retry(
        tries=retry.tries,
        first_wait_s=retry.first_wait_s,
        wait_factor=retry.wait_factor,
        longest_wait_s=retry.longest_wait_s,
        jitter_share=retry.jitter_share,
        honours_retry_after=retry.honours_retry_after,
        timeout_s=retry.timeout_s,
        bills_timed_out=bool(retry.bills_timed_out),
    )


# ---- batches ------------------------------------------------------------------------------------


def _host_batches(bill: ApiBill, scenario: Scenario, deployment: ApiDeployment) -> HostedApi:
    batch = deployment.batches
    assert batch is not None
    rules = BatchRules(
        batch.submit_every_hours * SECONDS_PER_HOUR,
        _completion_law(batch.answered_after_hours),
        batch.window_hours * SECONDS_PER_HOUR,
        batch.expired == "sent_again",
    )
    found = completion(rules, week_of(scenario.workload.profile), scenario.seed)
    bill.add_batches(answered_share=1.0 - found.lost_share)
    return HostedApi(None, None, found.p99_hours, _questions_of_batches(found))


def _questions_of_batches(found: Completion) -> tuple[str, ...]:
    if found.lost_share <= MOST_LOST:
        return ()
    return (
        f"{found.lost_share:.1%} of the requests are in batches that expire and are not sent again",
    )


def _completion_law(figures: CompletionFigures) -> Quantiles:
    given = {share: getattr(figures, name) for name, share in SHARES.items()}
    return Quantiles(tuple((s, h * SECONDS_PER_HOUR) for s, h in given.items() if h is not None))
