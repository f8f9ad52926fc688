"""A decision as a file: what was chosen, on which evidence, and when to look again."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from tco.domain.cost import Basis
from tco.domain.record import Record, Text

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Inputs(Record):
    """What the answer rests on; the same digests give the same answer."""

    scenario_digest: Digest
    catalog_digest: Digest
    measurements_digest: Digest
    product_version: Text
    basis: Basis
    fidelity: Literal["quick", "full"]
    seed: int


class Standing(Record):
    """One ranked option on the day of the decision."""

    option: Text
    title: Text
    rank: int
    cost_usd: float
    cost_per_1k_usd: float
    p10_usd: float | None = None
    p90_usd: float | None = None
    p_cheapest: float
    evidence_shares: dict[str, float]
    """Share of the cost by grade of evidence [-]."""
    weighted_score: float | None = None


class FlipValue(Record):
    """The value of a figure at which another option becomes the cheapest."""

    driver: Text
    unit: Text
    likely: float
    value: float
    winner: Text

    def is_reached(self, now: float) -> bool:
        """Tell whether the figure has moved from its value of that day to the flip or beyond."""
        return now >= self.value if self.value > self.likely else now <= self.value


class Decision(Record):
    """A choice with everything needed to check it, or to know when it is out of date."""

    format: Literal["decision/1"] = "decision/1"
    scenario: Text
    question: Text
    decided_on: date
    decided_by: Text
    why: Text
    review_on: date
    choice: Text
    runner_up: Text | None = Field(default=None, description="the cheapest that was not chosen")
    inputs: Inputs
    horizon_months: int
    standings: tuple[Standing, ...]
    left_out: dict[str, tuple[Text, ...]] = Field(
        default_factory=dict, description="options that failed a goal or are unproven, with reasons"
    )
    goals: dict[str, Any] = Field(default_factory=dict, description="what every option had to meet")
    criteria_weights: dict[str, float] = Field(default_factory=dict)
    flips: tuple[FlipValue, ...] = ()
    flip_sentences: tuple[Text, ...] = ()
    caveats: tuple[Text, ...] = ()
    plan: dict[str, Any] = Field(description="the whole scenario, so that it can be run again")

    def standing(self, option: str) -> Standing:
        """Return where an option stood."""
        return next(one for one in self.standings if one.option == option)
