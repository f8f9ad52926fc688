"""Goals first: what fails is left out with every reason, what nobody knows is unproven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tco.domain.goals import Custody, Goals, LatencyGoal, QualityGoal
from tco.domain.record import Evidence
from tco.domain.snapshot import Metric
from tco.rank.quality import comparable, tested_value

HOURS_TO_MS = 3.6e6
NEAR = 0.2
"""A goal is missed narrowly up to this share of its bound."""


@dataclass(frozen=True, slots=True)
class LatencyFact:
    """What is known of an option's latency; a quantile that nobody knows is absent."""

    ms: Mapping[str, float]
    evidence: Evidence
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an option beside its cost; None, or None in a list, where nobody knows."""

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
    ttft: LatencyFact | None = None
    availability: float | None = None
    regions: tuple[str | None, ...] = ()
    """Where each part works on data."""
    instances: Mapping[str, int] = field(default_factory=dict)
    """Most instances of each type that it takes at once."""
    device_memory_gib: tuple[float | None, ...] = ()
    package_mb: tuple[float | None, ...] = ()
    fairness: tuple[int | None, ...] = ()
    labelled_examples: tuple[int | None, ...] = ()
    requests_per_s: float | None = None


NO_FACTS = Facts(frozenset(), frozenset(), (), None, None, ())
"""An option of which nothing is known, such as one that cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an option takes of people, time and the climate, read off its lines."""

    co2e_kg: float | None = None
    ready_month: int = 0
    """Month in which the last work ends that comes before its use; 0 where there is none."""
    team_fte: Mapping[str, float] = field(default_factory=dict)
    """Most people of each role that it takes in a month [FTE]."""
    noise_usd: float = 0.0
    """What simulation leaves open of its cost."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A goal that an option fails, and by how much."""

    goal: str
    text: str
    by: float | None = None
    """Share of the bound by which it is missed [-]; None where no number would mend it."""
    relaxed_to: str | None = None
    """The bound that it would meet."""

    @property
    def is_near(self) -> bool:
        """Whether it is missed narrowly."""
        return self.by is not None and self.by <= NEAR


@dataclass(slots=True)
class Verdict:
    """Every goal that an option fails, and every goal on a figure that nobody knows."""

    misses: list[Miss] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """What it fails, in words."""
        return [miss.text for miss in self.misses]

    def fail(self, goal: str, text: str) -> None:
        """Note a goal that no number would mend."""
        self.misses.append(Miss(goal, text))

    def exceed(self, goal: str, text: str, value: float, bound: float, form: str) -> None:
        """Note a figure that lies above its bound."""
        by = value / bound - 1 if bound else None
        over = "" if by is None else f" ({by:.0%} over)"
        self.misses.append(Miss(goal, text + over, by, form.format(value)))

    def fall_short(self, goal: str, text: str, value: float, bound: float) -> None:
        """Note a figure that lies below its bound."""
        self.misses.append(Miss(goal, text, (bound - value) / abs(bound), f"{value:g}"))


def judge(
    goals: Goals,
    facts: Facts,
    total_usd: float,
    work: Work = Work(),
    baseline: Facts | None = None,
) -> Verdict:
    """Hold an option against every goal.

    Args:
        goals: What is asked for.
        facts: What is known of the option.
        total_usd: What it costs over the horizon, nominal.
        work: What it takes beside money.
        baseline: What is known of the option that sets the bar; None for that option itself.
    """
    verdict = Verdict()
    verdict.unproven.extend(facts.open_questions)
    if not facts.accepted_as_it_is:
        _judge_times("latency", "latency", goals.latency_ms, facts.latency, verdict)
        _judge_times("ttft", "time to the first token", goals.ttft_ms, facts.ttft, verdict)
        _judge_completion(goals, facts, verdict)
        _judge_least("availability", goals.availability_at_least, [facts.availability], verdict)
        _judge_where(goals, facts, verdict)
        _judge_size(goals, facts, verdict)
        _judge_least("interpretability", goals.interpretability_at_least,
                     facts.interpretability, verdict, of=" of 5")  # fmt: skip
        _judge_least("fairness", goals.fairness_at_least, facts.fairness, verdict, of=" of 5")
        for floor in goals.floors:
            for known in facts.quality:
                _judge_quality(floor, known, verdict)
        _judge_against_baseline(goals, facts, baseline, verdict)
        _judge_work(goals, facts, work, verdict)
    if goals.budget_usd is not None and total_usd > goals.budget_usd:
        text = f"costs ${total_usd:,.0f}, budget ${goals.budget_usd:,.0f}"
        verdict.exceed("budget", text, total_usd, goals.budget_usd, "${:,.0f}")
    return verdict


def _judge_times(
    goal: str, what: str, bounds: LatencyGoal | None, fact: LatencyFact | None, verdict: Verdict
) -> None:
    if bounds is None:
        return
    known = fact.ms if fact is not None else {}
    for quantile in ("p50", "p95", "p99"):
        bound = getattr(bounds, quantile)
        if bound is None:
            continue
        if quantile not in known:
            verdict.unproven.append(f"its {quantile} {what} is not known, goal {bound:,.0f} ms")
        elif known[quantile] > bound:
            text = f"{quantile} {what} {known[quantile]:,.0f} ms, goal {bound:,.0f} ms"
            verdict.exceed(f"{quantile} {goal}", text, known[quantile], bound, "{:,.0f} ms")


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
        text = f"answers within {hours:g} h, goal {bound:g} h"
        verdict.exceed("completion time", text, hours, bound, "{:g} h")


def _judge_least(
    what: str,
    least: float | None,
    figures: Sequence[float | None],
    verdict: Verdict,
    *,
    of: str = "",
) -> None:
    """Hold the weakest part against a floor."""
    if least is None:
        return
    known = [figure for figure in figures if figure is not None]
    if known and min(known) < least:
        text = f"{what} {min(known):g}{of}, goal at least {least:g}"
        verdict.fall_short(what, text, min(known), least)
    elif len(known) < len(figures) or not figures:
        unknown = f"nobody has scored its {what}" if of else f"its {what} is not known"
        verdict.unproven.append(f"{unknown}, goal at least {least:g}{of}")


def _judge_where(goals: Goals, facts: Facts, verdict: Verdict) -> None:
    if goals.custody is not None:
        _judge_listed("custody", "data would go to {}; allowed: {}", facts.custody,
                      goals.custody, verdict)  # fmt: skip
    if goals.licences is not None:
        _judge_listed("licence", "licence {} is not on the list: {}", facts.licences,
                      goals.licences, verdict)  # fmt: skip
    if goals.regions is not None:
        known = [region for region in facts.regions if region is not None]
        text = "data would be worked on in {}; allowed: {}"
        _judge_listed("region", text, known, goals.regions, verdict)
        if len(known) < len(facts.regions):
            verdict.unproven.append("nobody has stated in which regions its vendor works on data")
    if goals.instance_types is not None:
        text = "runs on {}; allowed: {}"
        _judge_listed("machine", text, facts.instances, goals.instance_types, verdict)
    for instance_type, quota in goals.instance_quota.items():
        wanted = facts.instances.get(instance_type, 0)
        if wanted > quota:
            text = f"takes {wanted} {instance_type}, quota {quota}"
            verdict.exceed(f"quota of {instance_type}", text, wanted, quota, "{:,.0f}")


def _judge_listed(
    goal: str,
    text: str,
    given: frozenset[str] | Sequence[str] | Mapping[str, int],
    allowed: Sequence[str],
    verdict: Verdict,
) -> None:
    outside = sorted(set(given) - set(allowed))
    if outside:
        verdict.fail(goal, text.format(", ".join(outside), ", ".join(allowed)))


def _judge_size(goals: Goals, facts: Facts, verdict: Verdict) -> None:
    memory, package = facts.device_memory_gib, facts.package_mb
    _judge_most("device memory", "GiB", goals.device_memory_gib_at_most, memory, verdict)
    _judge_most("package size", "MB", goals.package_mb_at_most, package, verdict)
    examples = facts.labelled_examples
    _judge_most("need of labelled examples", "", goals.labelled_examples_at_hand, examples, verdict)


def _judge_most(
    what: str, unit: str, most: float | None, figures: Sequence[float | None], verdict: Verdict
) -> None:
    """Hold the largest part against a cap."""
    if most is None:
        return
    known = [figure for figure in figures if figure is not None]
    bound = f"{most:,.4g} {unit}".rstrip()
    if known and max(known) > most:
        text = f"{what} {max(known):,.4g} {unit}".rstrip() + f", goal at most {bound}"
        verdict.exceed(what, text, max(known), most, ("{:,.4g} " + unit).rstrip())
    elif len(known) < len(figures) or not figures:
        verdict.unproven.append(f"its {what} is not known, goal at most {bound}")


def _judge_quality(goal: QualityGoal, known: Sequence[Metric], verdict: Verdict) -> None:
    name = f"{goal.metric} on {goal.test_set}"
    value = tested_value(goal, known)
    if value is None:
        verdict.unproven.append(f"{comparable(goal, known).why}, goal at least {goal.at_least:g}")
    elif value < goal.at_least:
        text = f"{name} is {value:g}, goal at least {goal.at_least:g}"
        text += f" ({goal.at_least - value:.3g} short)"
        verdict.fall_short(name, text, value, goal.at_least)


def _judge_against_baseline(
    goals: Goals, facts: Facts, baseline: Facts | None, verdict: Verdict
) -> None:
    """Leave out what does not beat the baseline by the margin asked for."""
    if goals.baseline is None or goals.quality is None or baseline is None:
        return
    bars = [tested_value(goals.quality, known) for known in baseline.quality]
    own = [tested_value(goals.quality, known) for known in facts.quality]
    name = goals.baseline.option
    if not bars or None in bars or not own or None in own:
        whose = f"the baseline {name}" if not bars or None in bars else "it"
        verdict.unproven.append(
            f"whether it beats the baseline is not known: no {goals.quality.metric} of {whose}"
        )
        return
    bar = min(value for value in bars if value is not None)
    value = min(value for value in own if value is not None)
    least = bar + abs(bar) * goals.baseline.better_by
    if value < least:
        text = f"{goals.quality.metric} {value:g} does not beat the baseline {name} ({bar:g})"
        text += f" by {goals.baseline.better_by:.0%}: it takes {least:g}"
        verdict.fall_short("baseline", text, value, least)


def _judge_work(goals: Goals, facts: Facts, work: Work, verdict: Verdict) -> None:
    _judge_most("carbon", "kg", goals.co2e_kg_at_most, [work.co2e_kg], verdict)
    deadline = goals.ready_by_month
    if deadline is not None and work.ready_month > deadline:
        text = f"its work before use ends in month {work.ready_month}, deadline month {deadline}"
        verdict.exceed("deadline", text, work.ready_month, deadline, "month {:g}")
    if goals.team_fte is not None:
        for role, wanted in work.team_fte.items():
            at_hand = goals.team_fte.get(role)
            if at_hand is None:
                verdict.fail("skills", f"takes {wanted:.2g} FTE of {role}; the team has none")
            elif wanted > at_hand:
                text = f"takes {wanted:.2g} FTE of {role}, the team has {at_hand:g}"
                verdict.exceed(f"team of {role}", text, wanted, at_hand, "{:.2g} FTE")
