"""Goals first: what fails is left out with every reason, what nobody knows is unproven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tco.domain.record import Evidence
from tco.domain.scenario import Custody, Goals, QualityGoal
from tco.domain.snapshot import Metric

HOURS_TO_MS = 3.6e6


@dataclass(frozen=True, slots=True)
class LatencyFact:
    """What is known of an option's latency; a quantile that nobody knows is absent."""

    ms: Mapping[str, float]
    evidence: Evidence
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an option beside its cost."""

    custody: frozenset[Custody]
    licences: frozenset[str]
    interpretability: tuple[int | None, ...]
    latency: LatencyFact | None
    completion_hours: float | None
    quality: tuple[tuple[Metric, ...], ...]
    """Figures of each part that answers requests; every part must meet the floor."""
    open_questions: tuple[str, ...] = ()
    """What keeps an option from being proven whatever the goals are."""
    accepted_as_it_is: bool = False
    """True for what runs today: it is held against the budget alone."""


@dataclass(slots=True)
class Verdict:
    """Every goal that an option fails, and every goal on a figure that nobody knows."""

    failed: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)


def judge(goals: Goals, facts: Facts, total_usd: float) -> Verdict:
    """Hold an option against every goal."""
    verdict = Verdict()
    verdict.unproven.extend(facts.open_questions)
    if not facts.accepted_as_it_is:
        _judge_latency(goals, facts, verdict)
        _judge_completion(goals, facts, verdict)
        _judge_what_it_is(goals, facts, verdict)
        if goals.quality is not None:
            for known in facts.quality:
                _judge_quality(goals.quality, known, verdict)
    if goals.budget_usd is not None and total_usd > goals.budget_usd:
        over = total_usd / goals.budget_usd - 1
        verdict.failed.append(
            f"costs ${total_usd:,.0f}, budget ${goals.budget_usd:,.0f} ({over:.0%} over)"
        )
    return verdict


def _judge_what_it_is(goals: Goals, facts: Facts, verdict: Verdict) -> None:
    if goals.custody is not None:
        outside = sorted(facts.custody - set(goals.custody))
        if outside:
            verdict.failed.append(
                f"data would go to {', '.join(outside)}; allowed: {', '.join(goals.custody)}"
            )
    if goals.licences is not None:
        foreign = sorted(facts.licences - set(goals.licences))
        if foreign:
            verdict.failed.append(
                f"licence {', '.join(foreign)} is not on the list: {', '.join(goals.licences)}"
            )
    least = goals.interpretability_at_least
    if least is not None:
        known = [score for score in facts.interpretability if score is not None]
        if any(score < least for score in known):
            verdict.failed.append(f"interpretability {min(known)} of 5, goal at least {least}")
        elif len(known) < len(facts.interpretability):
            verdict.unproven.append("nobody has scored its interpretability")


def _judge_latency(goals: Goals, facts: Facts, verdict: Verdict) -> None:
    if goals.latency_ms is None:
        return
    known = facts.latency.ms if facts.latency is not None else {}
    for quantile in ("p50", "p95", "p99"):
        bound = getattr(goals.latency_ms, quantile)
        if bound is None:
            continue
        if quantile not in known:
            verdict.unproven.append(f"its {quantile} latency is not known, goal {bound:,.0f} ms")
        elif known[quantile] > bound:
            over = known[quantile] / bound - 1
            verdict.failed.append(
                f"{quantile} latency {known[quantile]:,.0f} ms, goal {bound:,.0f} ms "
                f"({over:.0%} over)"
            )


def _judge_completion(goals: Goals, facts: Facts, verdict: Verdict) -> None:
    bound = goals.completion_hours
    if bound is None:
        return
    hours = facts.completion_hours
    if hours is None and facts.latency is not None and "p99" in facts.latency.ms:
        hours = facts.latency.ms["p99"] / HOURS_TO_MS
    if hours is None:
        verdict.unproven.append(f"its completion time is not known, goal {bound:g} h")
    elif hours > bound:
        verdict.failed.append(f"answers within {hours:g} h, goal {bound:g} h")


def _judge_quality(goal: QualityGoal, known: tuple[Metric, ...], verdict: Verdict) -> None:
    name = f"{goal.metric} on {goal.test_set}"
    same = [
        metric
        for metric in known
        if metric.name == goal.metric
        and metric.task == goal.task
        and metric.test_set == goal.test_set
        and metric.test_set_digest == goal.test_set_digest
    ]
    tested = [metric for metric in same if metric.split == "test"]
    if not tested:
        why = "only a validation figure" if same else "no figure"
        verdict.unproven.append(f"{why} for {name}, goal at least {goal.at_least:g}")
        return
    value = min(metric.value for metric in tested)
    if value < goal.at_least:
        verdict.failed.append(
            f"{name} is {value:g}, goal at least {goal.at_least:g} "
            f"({goal.at_least - value:.3g} short)"
        )
