"""What a monthly budget buys: the largest volume, and at today's volume the best quality.

A budget counts as its sum over the horizon, against whole bills; a plan that grows may spend less
in its early months and more in its late ones. Only options that meet every other goal count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tco.domain.goals import QualityGoal
from tco.rank.breakeven import CLOSE, CostAt, largest_volume
from tco.rank.pareto import quality_of
from tco.rank.score import Answer, Ranking
from tco.rank.words import amount

ANY = "any option"


@dataclass(frozen=True, slots=True)
class Volume:
    """The largest volume that a budget buys, and what ends it there."""

    option: str
    """The cheapest that carries it."""
    factor: float
    """Over today's volume [-]."""
    requests_per_month: float
    cost_usd: float
    just_above_usd: float | None
    """Least cost of a thousandth more volume; None where no option carries that."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The best tested quality among the options that a budget buys at today's volume."""

    option: str
    metric: str
    value: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Bought:
    """The answers for one budget; what it does not buy is absent, with the reason."""

    usd_per_month: float
    horizon_months: int
    volume: Volume | None
    quality: Quality | None
    no_quality: str

    def sentences(self, say: Callable[[float], str]) -> tuple[str, ...]:
        """Say both in one line each.

        Args:
            say: Writes dollars as people read them.
        """
        buys = f"{say(self.usd_per_month)} a month over {self.horizon_months} months buys"
        return (f"{buys} {self._volume(say)}", f"{buys} {self._quality(say)}")

    def _volume(self, say: Callable[[float], str]) -> str:
        found = self.volume
        if found is None:
            return "not even a thousandth of today's volume"
        whole = self.usd_per_month * self.horizon_months
        above = "more costs more"
        if found.just_above_usd is None:
            above = "no option carries more as it is described"
        elif found.just_above_usd <= whole:
            above = "no larger volume was tried"
        return (
            f"{amount(found.requests_per_month)} requests a month, {amount(found.factor)} times "
            f"today's, with {found.option} ({say(found.cost_usd / self.horizon_months)} a month; "
            f"{above})"
        )

    def _quality(self, say: Callable[[float], str]) -> str:
        found = self.quality
        if found is None:
            return f"no quality that can be told: {self.no_quality}"
        return (
            f"at today's volume {found.metric} {found.value:g} with {found.option} "
            f"({say(found.cost_usd / self.horizon_months)} a month)"
        )

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        volume, quality = self.volume, self.quality
        return {
            "usd_per_month": self.usd_per_month,
            "horizon_months": self.horizon_months,
            "largest_volume": None
            if volume is None
            else {
                "option": volume.option,
                "factor": volume.factor,
                "requests_per_month": volume.requests_per_month,
                "cost_usd": volume.cost_usd,
                "just_above_usd": volume.just_above_usd,
            },
            "best_quality": {"none": self.no_quality}
            if quality is None
            else {
                "option": quality.option,
                "metric": quality.metric,
                "value": quality.value,
                "cost_usd": quality.cost_usd,
            },
        }


def bought(
    ranking: Ranking,
    goal: QualityGoal | None,
    usd_per_month: float,
    horizon_months: int,
    requests: float,
    cost_at: CostAt,
) -> Bought:
    """Work out what a budget buys.

    Args:
        ranking: The stated options, at today's volume.
        goal: Which quality figures may be compared; None: none.
        usd_per_month: The budget, on average over the horizon [USD].
        horizon_months: Months of the plan.
        requests: Requests over the horizon at today's volume, likely case [-].
        cost_at: Evaluates the plan at multiples of today's volume.
    """
    whole_usd = usd_per_month * horizon_months
    quality, why_not = _best_quality(ranking, goal, whole_usd, cost_at(1.0))
    return Bought(
        usd_per_month,
        horizon_months,
        _largest(whole_usd, requests / horizon_months, cost_at),
        quality,
        why_not,
    )


def _largest(whole_usd: float, requests_per_month: float, cost_at: CostAt) -> Volume | None:
    def cheapest_at(factor: float) -> dict[str, float]:
        costs = cost_at(factor)
        return {ANY: min(costs.values())} if costs else {}

    factor = largest_volume(cheapest_at, ANY, whole_usd)
    if factor is None:
        return None
    costs = cost_at(factor)
    option = min(costs, key=lambda name: round(costs[name], 2))
    return Volume(
        option,
        factor,
        requests_per_month * factor,
        costs[option],
        cheapest_at(factor * (1 + CLOSE)).get(ANY),
    )


def _best_quality(
    ranking: Ranking, goal: QualityGoal | None, whole_usd: float, costs: Mapping[str, float]
) -> tuple[Quality | None, str]:
    """Return the best, the cheaper of two that are as good, or why there is none."""
    if goal is None:
        return None, "the scenario has no quality goal, which says what figures may be compared"
    affordable = {name: usd for name, usd in costs.items() if usd <= whole_usd}
    if not affordable:
        return None, "no option that meets the other goals costs so little at today's volume"
    known: list[tuple[float, float, Answer]] = []
    for answer in (*ranking.options, *ranking.excluded):
        value = quality_of(answer, goal)
        if answer.option in affordable and value is not None:
            known.append((value, affordable[answer.option], answer))
    if not known:
        return None, f"no option that it buys has a figure for {goal.metric} on {goal.test_set}"
    value, usd, best = max(known, key=lambda one: (one[0], -one[1]))
    return Quality(best.option, f"{goal.metric} on {goal.test_set}", value, usd), ""
