"""The choice that is never far from the best, over the scenarios of a use case.

A choice is a snapshot, served in each scenario by its cheapest option that meets the goals there;
one that meets them in some scenarios only is no choice. Regret is what it costs more than the best
of a scenario, its ratio what it costs over the best. A mix sends a share of the requests to each of
two options: both are evaluated at their share of the volume, with every cost of their own; what all
options cost alike is paid once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from tco.domain.lifecycle import Lifecycle
from tco.domain.scenario import Scenario
from tco.errors import TcoError
from tco.measure.library import Measurements
from tco.plan import Evaluation, costs_at_volume
from tco.prices import Catalog

Costs = Mapping[str, Mapping[str, float]]
"""Costs by scenario and choice [USD]."""
SHARES = (0.25, 0.5, 0.75)
FEWEST_SCENARIOS = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """One choice held against the best of each scenario."""

    choice: str
    cost_usd: Mapping[str, float]
    regret_usd: Mapping[str, float]
    ratio: Mapping[str, float]
    """Cost over that of the best [-]."""

    @property
    def worst_regret_usd(self) -> float:
        """The most that it costs more than the best of a scenario [USD]."""
        return max(self.regret_usd.values())

    @property
    def worst_ratio(self) -> float:
        """The most that it costs over the best of a scenario [-]."""
        return max(self.ratio.values())

    @property
    def worst_scenario(self) -> str:
        """The scenario in which it is regretted most."""
        return max(self.regret_usd, key=lambda name: self.regret_usd[name])


@dataclass(frozen=True, slots=True)
class Mix:
    """A share of the requests to each of two options, in every scenario."""

    shares: Mapping[str, float]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Robust:
    """Every choice over the scenarios, the least regretted first."""

    scenarios: tuple[str, ...]
    standings: tuple[Standing, ...]
    missing: Mapping[str, tuple[str, ...]]
    """Scenarios in which what is no choice does not meet the goals."""
    mix: Mix | None
    """The least regretted mix, where it beats every single choice."""

    @property
    def least_regret(self) -> Standing | None:
        """The choice with the smallest worst regret."""
        return self.standings[0] if self.standings else None

    @property
    def least_ratio(self) -> Standing | None:
        """The choice that at its worst is the nearest to the best, as a ratio."""
        ranked = sorted(self.standings, key=lambda one: (one.worst_ratio, one.choice))
        return ranked[0] if ranked else None

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return {
            "scenarios": list(self.scenarios),
            "choices": [_standing_data(one) for one in self.standings],
            "missing": {choice: list(names) for choice, names in self.missing.items()},
            "least_regret": self.least_regret.choice if self.least_regret else None,
            "least_ratio": self.least_ratio.choice if self.least_ratio else None,
            "mix": None
            if self.mix is None
            else {"shares": dict(self.mix.shares), **_standing_data(self.mix.standing)},
        }


def _standing_data(one: Standing) -> dict[str, Any]:
    return {
        "choice": one.choice,
        "cost_usd": dict(one.cost_usd),
        "regret_usd": dict(one.regret_usd),
        "ratio": dict(one.ratio),
        "worst_regret_usd": one.worst_regret_usd,
        "worst_ratio": one.worst_ratio,
        "worst_scenario": one.worst_scenario,
    }


def costs_by_snapshot(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, float]]:
    """Return the cost of each snapshot's cheapest option, by scenario [USD]."""
    return {
        found.scenario.name: {
            "+".join(answer.profile.snapshots): answer.money.basis_usd
            for answer in found.ranking.snapshots
            if answer.profile is not None and answer.money is not None
        }
        for found in evaluations
    }


def standings(costs: Costs) -> tuple[Standing, ...]:
    """Hold every choice that all scenarios have against the best, the least regretted first.

    The best of a scenario may be one that is no choice elsewhere: it could be had there.
    """
    best = {name: min(by_choice.values()) for name, by_choice in costs.items() if by_choice}
    if len(best) < len(costs) or not costs:
        return ()
    common = [c for c in next(iter(costs.values())) if all(c in known for known in costs.values())]
    found = [held_against(c, {name: costs[name][c] for name in costs}, best) for c in common]
    return tuple(sorted(found, key=lambda one: (one.worst_regret_usd, one.choice)))


def held_against(
    choice: str, cost_usd: Mapping[str, float], best_usd: Mapping[str, float]
) -> Standing:
    """Return the regrets of a choice."""
    regret = {name: max(0.0, cost_usd[name] - best_usd[name]) for name in best_usd}
    ratio = {name: max(1.0, cost_usd[name] / best_usd[name]) for name in best_usd}
    return Standing(choice, dict(cost_usd), regret, ratio)


def best_mix(
    own_usd: Mapping[float, Costs],
    shared_usd: Mapping[str, float],
    best_usd: Mapping[str, float],
    to_beat_usd: float,
    budget_usd: Mapping[str, float] | None = None,
) -> Mix | None:
    """Return the mix of two options with the smallest worst regret, if it is below a bound.

    Args:
        own_usd: Costs by share of the volume, scenario and option, without what all cost alike.
        shared_usd: What all options cost alike, by scenario.
        best_usd: Cost of the best single choice, by scenario.
        to_beat_usd: Worst regret of the best single choice.
        budget_usd: The most that may be spent, by scenario; absent: any sum.
    """
    found: Mix | None = None
    for share in own_usd:
        rest = 1.0 - share
        if share > rest or rest not in own_usd:
            continue  # the other way round is another order of the two
        options = list(dict.fromkeys(o for costs in own_usd[share].values() for o in costs))
        for first, second in permutations(options, 2):
            if any(
                first not in own_usd[share][name] or second not in own_usd[rest][name]
                for name in best_usd
            ):
                continue
            cost = {
                name: own_usd[share][name][first] + own_usd[rest][name][second] + shared_usd[name]
                for name in best_usd
            }
            if any(cost[name] > most for name, most in (budget_usd or {}).items()):
                continue
            standing = held_against(f"{first}+{second}", cost, best_usd)
            bound = to_beat_usd if found is None else found.standing.worst_regret_usd
            if standing.worst_regret_usd < bound:
                found = Mix({first: share, second: rest}, standing)
    return found


def check_scenarios(scenarios: Sequence[Scenario]) -> None:
    """Refuse scenarios that have nothing in common, or are too few to compare."""
    names = {scenario.name for scenario in scenarios}
    if len(names) < FEWEST_SCENARIOS or len({scenario.use_case for scenario in scenarios}) > 1:
        raise TcoError("name two scenarios or more of one use case, or the use case itself")
    if len(names) < len(scenarios):
        raise TcoError("a scenario is named twice, or two have the same name; name each once")


def robust(
    evaluations: Sequence[Evaluation], catalog: Catalog, measurements: Measurements
) -> Robust:
    """Compare the choices of a use case over its scenarios, and propose a mix that beats them.

    Args:
        evaluations: One for each scenario, all of one use case.
        catalog: Prices.
        measurements: What was measured.
    """
    check_scenarios([found.scenario for found in evaluations])
    names = tuple(found.scenario.name for found in evaluations)
    costs = costs_by_snapshot(evaluations)
    ordered = standings(costs)
    choices = dict.fromkeys(choice for known in costs.values() for choice in known)
    missing = {
        choice: tuple(name for name in names if choice not in costs[name])
        for choice in choices
        if any(choice not in costs[name] for name in names)
    }
    mix = None
    if ordered and ordered[0].worst_regret_usd > 0:
        best = {name: min(costs[name].values()) for name in names}
        own = _own_costs(evaluations, catalog, measurements)
        shared = {
            found.scenario.name: _shared_usd(found, own[1.0][found.scenario.name])
            for found in evaluations
        }
        own.pop(1.0)
        budget = {
            found.scenario.name: found.scenario.goals.budget_usd
            for found in evaluations
            if found.scenario.goals.budget_usd is not None
        }
        mix = best_mix(own, shared, best, ordered[0].worst_regret_usd, budget)
    return Robust(names, ordered, missing, mix)


def _own_costs(
    evaluations: Sequence[Evaluation], catalog: Catalog, measurements: Measurements
) -> dict[float, dict[str, dict[str, float]]]:
    """Evaluate all options at shares of the volume, without what all of them cost alike."""
    return {
        share: {
            found.scenario.name: costs_at_volume(
                _without_shared(found), share, catalog, measurements
            )
            for found in evaluations
        }
        for share in (*SHARES, 1.0)
    }


def _without_shared(found: Evaluation) -> Evaluation:
    """Return an evaluation of the same question in which nothing is paid for by all options."""
    return replace(found, scenario=found.scenario.model_copy(update={"lifecycle": Lifecycle()}))


def _shared_usd(found: Evaluation, own_usd: Mapping[str, float]) -> float:
    """Return what all options cost alike: the difference that leaving it out makes."""
    for answer in found.ranking.options:
        if answer.option in own_usd and answer.money is not None:
            return answer.money.basis_usd - own_usd[answer.option]
    return 0.0
