"""Weighted criteria: what a team values in a snapshot beside its cost, scored 1 to 5."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.record import Identifier, Record, Share, Text
from tco.domain.snapshot import Score

TOLERANCE = 1e-6
TASK_FIT = "task_fit"
LATENCY = "latency_and_throughput"
MEMORY = "memory"
ECOSYSTEM = "ecosystem"
REPRODUCIBILITY = "reproducibility"
INTERPRETABILITY = "interpretability"


class Profile(StrEnum):
    """Weights that go by a name."""

    SPEED_FIRST = "speed-first"
    ACCURACY_FIRST = "accuracy-first"
    INTERPRETABILITY_FIRST = "interpretability-first"


PROFILES: dict[Profile, dict[str, float]] = {
    Profile.SPEED_FIRST: {
        LATENCY: 0.6, TASK_FIT: 0.2, MEMORY: 0.1, ECOSYSTEM: 0.05, REPRODUCIBILITY: 0.05,
    },
    Profile.ACCURACY_FIRST: {
        TASK_FIT: 0.6, REPRODUCIBILITY: 0.15, ECOSYSTEM: 0.1, LATENCY: 0.1, MEMORY: 0.05,
    },
    Profile.INTERPRETABILITY_FIRST: {
        INTERPRETABILITY: 0.4, TASK_FIT: 0.25, REPRODUCIBILITY: 0.2, ECOSYSTEM: 0.05,
        LATENCY: 0.05, MEMORY: 0.05,
    },
}  # fmt: skip
"""Ours, to start from; only the speed-first share of latency is common ground."""
LEAST_LATENCY_SPEED_FIRST = 0.6


class TypedScore(Record):
    """A score that somebody gives, and why."""

    score: Score
    reason: Text


Cut = Annotated[float, Field(gt=0, le=1e9)]
FourCuts = tuple[Cut, Cut, Cut, Cut]


class CutPoints(Record):
    """Figures at which a computed score falls: up to the first is 5, beyond the last is 1."""

    latency_p95_ms: FourCuts = (50, 200, 1000, 5000)
    requests_per_s: FourCuts = Field(
        default=(1000, 100, 10, 1), description="from the first on is 5, below the last is 1"
    )
    device_memory_gib: FourCuts = (0.5, 4, 24, 80)

    @model_validator(mode="after")
    def _are_ordered(self) -> Self:
        for name in ("latency_p95_ms", "device_memory_gib"):
            cuts = getattr(self, name)
            if list(cuts) != sorted(set(cuts)):
                raise ValueError(f"{name} must rise from cut to cut")
        if list(self.requests_per_s) != sorted(set(self.requests_per_s), reverse=True):
            raise ValueError("requests_per_s must fall from cut to cut")
        return self


class Criteria(Record):
    """What is scored and how much it weighs: a profile, one's own weights, or both."""

    profile: Profile | None = None
    weights: dict[Identifier, Share] = Field(
        default_factory=dict,
        description="weight of each criterion [-], summing to 1; replaces the profile's weights",
    )
    cut_points: CutPoints = CutPoints()

    @property
    def in_force(self) -> dict[str, float]:
        """The weights that count."""
        if self.weights or self.profile is None:
            return dict(self.weights)
        return dict(PROFILES[self.profile])

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        weights = self.in_force
        if not weights:
            raise ValueError("give a profile or weights")
        whole = math.fsum(weights.values())
        if abs(whole - 1) > TOLERANCE:
            raise ValueError(f"the weights add up to {whole:g}, not to 1")
        latency = weights.get(LATENCY, 0.0)
        if self.profile is Profile.SPEED_FIRST and latency < LEAST_LATENCY_SPEED_FIRST - TOLERANCE:
            raise ValueError(
                f"speed-first gives {LATENCY} at least {LEAST_LATENCY_SPEED_FIRST:g}, "
                f"not {latency:g}"
            )
        return self
