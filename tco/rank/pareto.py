"""Which options are beaten in everything: cost, latency, quality, carbon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tco.domain.goals import QualityGoal
from tco.rank.goals import Work
from tco.rank.quality import tested_value
from tco.rank.score import Answer

COST, LATENCY, QUALITY, CARBON = "cost", "p95 latency", "quality", "carbon"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an option lies among the others."""

    option: str
    figures: Mapping[str, float]
    """What is known of it; less is better, so quality stands with its sign turned."""
    dominated_by: tuple[str, ...]
    """Options that are no worse in anything and better in something."""
    unknown: tuple[str, ...]
    """What is known of others and not of this one: it is never called dominated in ignorance."""


def pareto(
    answers: Sequence[Answer], goal: QualityGoal | None, work: Mapping[str, Work]
) -> tuple[Place, ...]:
    """Place each option; only figures that some option has are looked at.

    Two options are held against each other in everything that is known of either, so one whose
    latency nobody knows neither beats another in it nor is beaten.
    """
    figures = {answer.option: _figures(answer, goal, work) for answer in answers}
    asked = tuple(dict.fromkeys(name for known in figures.values() for name in known))
    return tuple(
        Place(
            option,
            own,
            tuple(name for name, other in figures.items() if _dominates(other, own)),
            tuple(name for name in asked if name not in own),
        )
        for option, own in figures.items()
    )


def _figures(
    answer: Answer, goal: QualityGoal | None, work: Mapping[str, Work]
) -> dict[str, float]:
    assert answer.profile is not None
    assert answer.money is not None
    found = {COST: answer.money.basis_usd}
    if answer.latency is not None and "p95" in answer.latency.ms:
        found[LATENCY] = answer.latency.ms["p95"]
    quality = quality_of(answer, goal)
    if quality is not None:
        found[QUALITY] = -quality
    carbon = work[answer.option].co2e_kg
    if carbon is not None:
        found[CARBON] = carbon
    return found


def quality_of(answer: Answer, goal: QualityGoal | None) -> float | None:
    """Return the weakest part's figure in the goal's metric, on its test set."""
    if goal is None or answer.profile is None or not answer.profile.facts.quality:
        return None
    values = [tested_value(goal, known) for known in answer.profile.facts.quality]
    known = [value for value in values if value is not None]
    return min(known) if len(known) == len(values) else None


def _dominates(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    if set(one) != set(other):
        return False
    return all(one[name] <= other[name] for name in one) and any(
        one[name] < other[name] for name in one
    )
