"""Scores from 1 to 5, computed from figures where there are any, and their weighted mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tco.domain.criteria import INTERPRETABILITY, LATENCY, MEMORY, Criteria, CutPoints, TypedScore
from tco.rank.goals import Facts

BEST = 5


@dataclass(frozen=True, slots=True)
class Scored:
    """One criterion's score and where it comes from."""

    score: int
    reason: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The scores of one option."""

    scores: Mapping[str, Scored]
    unscored: tuple[str, ...]
    """Criteria with weight that nobody has scored."""
    weighted: float | None
    """Weighted mean [1 to 5]; None while a criterion is unscored."""


def scorecard(criteria: Criteria, facts: Facts, typed: Mapping[str, TypedScore]) -> Scorecard:
    """Score an option by every criterion that has weight.

    A figure decides where there is one; a typed score of the same criterion does not overrule it.
    """
    computed = _computed(criteria.cut_points, facts)
    scores = {}
    for name in criteria.in_force:
        if name in computed:
            scores[name] = computed[name]
        elif name in typed:
            scores[name] = Scored(typed[name].score, typed[name].reason)
    unscored = tuple(
        name for name, weight in criteria.in_force.items() if weight and name not in scores
    )
    weighted = None
    if not unscored:
        weighted = sum(
            weight * scores[name].score for name, weight in criteria.in_force.items() if weight
        )
    return Scorecard(scores, unscored, weighted)


def _computed(cuts: CutPoints, facts: Facts) -> dict[str, Scored]:
    found = {}
    speed = []
    if facts.latency is not None and "p95" in facts.latency.ms:
        speed.append(_cut("p95 latency", "ms", facts.latency.ms["p95"], cuts.latency_p95_ms))
    if facts.requests_per_s is not None:
        inverse = [-cut for cut in cuts.requests_per_s]
        scored = _cut("throughput", "requests/s", -facts.requests_per_s, inverse)
        speed.append(scored)
    if speed:
        found[LATENCY] = min(speed, key=lambda scored: scored.score)
    memory = [figure for figure in facts.device_memory_gib if figure is not None]
    if memory and len(memory) == len(facts.device_memory_gib):
        found[MEMORY] = _cut("device memory", "GiB", max(memory), cuts.device_memory_gib)
    judged = [score for score in facts.interpretability if score is not None]
    if judged and len(judged) == len(facts.interpretability):
        found[INTERPRETABILITY] = Scored(min(judged), "a reviewer's score of the snapshot")
    return found


def _cut(what: str, unit: str, figure: float, cuts: Sequence[float]) -> Scored:
    """Take a point off for each cut that a figure lies beyond."""
    score = BEST - sum(figure > cut for cut in cuts)
    shown = ", ".join(f"{abs(cut):g}" for cut in cuts)
    return Scored(score, f"{what} {abs(figure):,.4g} {unit}; cut points {shown}")
