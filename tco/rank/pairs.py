"""Questions that people ask by name: small or large, open or proprietary, build or buy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tco.domain.snapshot import Approach, Openness, SizeClass
from tco.rank.score import Answer, OptionKind, OptionProfile, Ranking

FINE_TUNED = {Approach.LORA, Approach.FINE_TUNE, Approach.DISTILLED, Approach.FROM_SCRATCH}

QUESTIONS: dict[str, dict[str, Callable[[OptionProfile], bool]]] = {
    "small or large": {
        "slm": lambda profile: profile.size_class is SizeClass.SLM,
        "llm": lambda profile: profile.size_class is SizeClass.LLM,
    },
    "open or proprietary": {
        "open": lambda profile: profile.openness is Openness.OPEN,
        "proprietary": lambda profile: profile.openness is Openness.PROPRIETARY,
    },
    "build or buy": {
        "build": lambda profile: profile.kind is OptionKind.SELF_HOSTED,
        "buy": lambda profile: profile.kind is OptionKind.API,
    },
    "fine-tune, retrieval or long prompt": {
        "fine-tune": lambda profile: bool(profile.approaches & FINE_TUNED),
        "retrieval": lambda profile: Approach.RETRIEVAL in profile.approaches,
        "long prompt": lambda profile: Approach.PROMPTING in profile.approaches,
    },
}


@dataclass(frozen=True, slots=True)
class Side:
    """The cheapest option that meets the goals, of those that answer a question one way."""

    name: str
    answer: Answer


def sides(ranking: Ranking) -> dict[str, tuple[Side, ...]]:
    """Return, for each question that has two answers here, its sides, the cheaper first."""
    found = {}
    for question, names in QUESTIONS.items():
        cheapest: list[Side] = []
        for answer in ranking.options:
            profile = answer.profile
            assert profile is not None
            taken = {side.name for side in cheapest}
            cheapest += [
                Side(name, answer)
                for name, belongs in names.items()
                if name not in taken and belongs(profile)
            ]
        if len(cheapest) > 1:
            found[question] = tuple(cheapest)
    return found
