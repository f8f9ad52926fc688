"""What stands around a ranking: ranges, what would flip it, who is beaten, what quality costs.

Each part is worked out when it is first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tco.domain.scenario import Scenario
from tco.rank.criteria import Scorecard, scorecard
from tco.rank.goals import Work
from tco.rank.pareto import Place, pareto, quality_of
from tco.rank.score import Ranking
from tco.rank.sensitivity import Flip, Swing, flip_sentences, flips, tornado
from tco.rank.uncertainty import Uncertainty, uncertainty
from tco.rank.view import View

POINTS = 100.0
"""A point of quality is a hundredth."""


@dataclass(frozen=True, slots=True)
class PointPrice:
    """What a point of quality costs more, against another option."""

    against: str
    usd_per_point: float
    points: float


@dataclass(frozen=True)
class Outlook:
    """The questions that follow on a ranking; only ranked options are compared."""

    scenario: Scenario
    ranking: Ranking
    view: View
    """The costs of all ranked options."""
    work: Mapping[str, Work]
    draws: int

    @property
    def winner(self) -> str | None:
        """The cheapest option that meets every goal."""
        return self.ranking.options[0].option if self.ranking.options else None

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Ranges, the chance of being cheapest, regret, budgets."""
        return uncertainty(self.view, draws=self.draws, seed=self.scenario.seed)

    @cached_property
    def tornado(self) -> tuple[Swing, ...]:
        """What swings the cost of the cheapest option."""
        return tornado(self.view, self.winner) if self.winner is not None else ()

    @cached_property
    def flips(self) -> tuple[Flip, ...]:
        """The value of each driver at which another option becomes the cheapest."""
        return flips(self.view, self.winner) if self.winner is not None else ()

    @property
    def flip_sentences(self) -> tuple[str, ...]:
        """The nearest three in plain words."""
        titles = {answer.option: answer.title for answer in self.ranking.options}
        return flip_sentences(self.flips, titles)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Who is beaten in everything, and by whom."""
        return pareto(self.ranking.options, self.scenario.goals.quality, self.work)

    @cached_property
    def scorecards(self) -> dict[str, Scorecard]:
        """Weighted scores by option; empty where the scenario weighs no criteria."""
        criteria = self.scenario.criteria
        if criteria is None:
            return {}
        return {
            answer.option: scorecard(
                criteria,
                answer.profile.facts,
                self.scenario.candidates[answer.option].scores,
            )
            for answer in self.ranking.options
            if answer.profile is not None and answer.option in self.scenario.candidates
        }

    @cached_property
    def point_prices(self) -> dict[str, PointPrice]:
        """What a point of quality costs more, by option, against the baseline or the cheapest."""
        goal = self.scenario.goals.quality
        baseline = self.scenario.goals.baseline
        name = self.winner if baseline is None else baseline.option
        known = {answer.option: answer for answer in self.ranking.options}
        if name not in known:
            return {}
        base = known[name]
        base_quality = quality_of(base, goal)
        found = {}
        for answer in self.ranking.options:
            quality = quality_of(answer, goal)
            if quality is None or base_quality is None or quality <= base_quality:
                continue
            assert answer.money is not None
            assert base.money is not None
            points = (quality - base_quality) * POINTS
            extra = answer.money.basis_usd - base.money.basis_usd
            found[answer.option] = PointPrice(base.option, extra / points, points)
        return found
