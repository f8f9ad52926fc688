"""Plans in stages that nobody stated: one option first, the other from the cheapest month on.

A proposal is made for two options whose costs cross. The month is sought on the lines that both
have already: serving costs stay in their month, an option's own lifecycle begins with its stage.
The best month and those beside it are then evaluated as any stated plan is, and what is proposed
is the cheapest of these, if it is cheaper than both options alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tco.domain.cost import Phase
from tco.domain.deployment import StagedDeployment, Switching
from tco.domain.record import Estimate
from tco.domain.scenario import Candidate, Scenario
from tco.ledger.expression import Array
from tco.ledger.leaving import is_plain
from tco.ledger.model import CostLine
from tco.measure.library import Measurements
from tco.plan import Evaluation, evaluate
from tco.prices import Catalog
from tco.rank.breakeven import Crossing
from tco.rank.comparison import Compared
from tco.rank.score import Answer, Status
from tco.rank.view import View

Amount = Callable[[float], str]
"""Writes dollars as people read them."""
Order = tuple[str, str]
"""The option that serves first, and the one that follows."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a switch takes, and where the scenario says so."""

    takes: Switching
    stated_in: str | None
    """None: nobody states what it costs, so the plan is shown before that cost."""


@dataclass(frozen=True, slots=True)
class StagedPlan:
    """Two options one after the other, evaluated, and cheaper than each of them alone."""

    order: Order
    switch_month: int
    """First month in which the second serves."""
    move: Move
    answer: Answer
    cost_usd: float
    alone_usd: Mapping[str, float]
    place: int | None
    """Among the ranked options; None where it meets no goal surely, or its move has no cost."""

    @property
    def saving_usd(self) -> float:
        """What it saves against the cheaper of its options alone [USD]."""
        return min(self.alone_usd.values()) - self.cost_usd

    def candidate(self, scenario: Scenario) -> Candidate:
        """Return it as an option that the scenario may state."""
        return _candidate(scenario, self.order, self.switch_month, self.move)

    def sentence(self, amount: Amount) -> str:
        """Say it in one line."""
        says = f"proposed in stages: {self.answer.title}, {amount(self.cost_usd)}"
        if self.move.stated_in is None:
            says += (
                " before the move: migration cost not stated; it pays while the switch costs less "
                f"than {amount(self.saving_usd)}"
            )
        else:
            cheaper = min(self.alone_usd, key=lambda option: self.alone_usd[option])
            parallel = self.move.takes.parallel_months
            says += (
                f", saves {amount(self.saving_usd)} against {cheaper} alone; migration "
                f"{amount(self.move.takes.migration_usd.likely)} and {parallel} parallel "
                f"month{'' if parallel == 1 else 's'} from {self.move.stated_in}"
            )
        if self.place is not None:
            says += f"; it would be number {self.place}"
        if self.answer.status is not Status.RANKED:
            says += f"; {self.answer.status.value}: {'; '.join(self.answer.reasons)}"
        return says

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        first, then = self.order
        stated = self.move.stated_in is not None
        return {
            "first": first,
            "then": then,
            "switch_month": self.switch_month,
            "cost_usd": self.cost_usd,
            "is_before_migration": not stated,
            "migration_usd": self.move.takes.migration_usd.likely if stated else None,
            "parallel_months": self.move.takes.parallel_months if stated else None,
            "migration_stated_in": self.move.stated_in,
            "alone_usd": dict(self.alone_usd),
            "saving_usd": self.saving_usd,
            "status": self.answer.status.value,
            "reasons": list(self.answer.reasons),
            "place": self.place,
        }


@dataclass(frozen=True, slots=True)
class NoStagedPlan:
    """Two options whose costs cross, and why no plan in stages is proposed for them."""

    options: tuple[str, str]
    reason: str

    def sentence(self, amount: Amount) -> str:
        """Say it in one line."""
        return f"in stages, {' and '.join(self.options)}: {self.reason}"

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return {"options": list(self.options), "none": self.reason}


Proposal = StagedPlan | NoStagedPlan


def staged_plans(
    found: Evaluation,
    pairs: Sequence[Compared],
    catalog: Catalog,
    measurements: Measurements,
) -> tuple[Proposal, ...]:
    """Propose a plan in stages for each pair of options whose costs cross.

    Args:
        found: The evaluation of the stated options.
        pairs: Options that were compared, with where they cross.
        catalog: Prices.
        measurements: What was measured.
    """

    def evaluated(candidates: Mapping[str, Candidate]) -> dict[str, Answer]:
        stated = found.scenario.candidates
        scenario = found.scenario.model_copy(update={"candidates": {**stated, **candidates}})
        ranking = evaluate(scenario, catalog, measurements, settings=found.settings).ranking
        everyone = (*ranking.options, *ranking.unproven, *ranking.excluded)
        return {answer.option: answer for answer in everyone if answer.option in candidates}

    return tuple(
        _proposal(found, (pair.cheaper, pair.dearer), evaluated) for pair in pairs if _cross(pair)
    )


def _cross(pair: Compared) -> bool:
    by_volume = any(p.what == "volume" and isinstance(p.found, Crossing) for p in pair.points)
    return pair.month is not None or by_volume


def _proposal(
    found: Evaluation,
    pair: tuple[str, str],
    evaluated: Callable[[Mapping[str, Candidate]], dict[str, Answer]],
) -> Proposal:
    scenario = found.scenario
    for option in pair:
        if not is_plain(scenario, option):
            return NoStagedPlan(pair, f"{option} has steps of its own, and a stage has none")
    alone = {
        a.option: a.money.basis_usd for a in found.ranking.options if a.money and a.option in pair
    }
    plans: list[StagedPlan] = []
    reasons: list[str] = []
    for order in (pair, pair[::-1]):
        month = likely_month(found, order, move_between(scenario, *order).takes.parallel_months)
        if month is None:
            reasons.append(f"no month of the plan is left to switch from {order[0]} to {order[1]}")
            continue
        plan = _cheapest_near(found, order, month, alone, evaluated)
        if isinstance(plan, str):
            reasons.append(plan)
        else:
            plans.append(plan)
    cheaper = [plan for plan in plans if round(plan.saving_usd, 2) > 0]
    if cheaper:
        # A plan whose move nobody priced does not displace one whose move is priced.
        return min(cheaper, key=lambda plan: (plan.move.stated_in is None, plan.cost_usd))
    if not plans:
        return NoStagedPlan(pair, "; ".join(dict.fromkeys(reasons)))
    nearest = min(plans, key=lambda plan: plan.cost_usd)
    return NoStagedPlan(
        pair,
        f"no month to switch was found that beats one of them alone; the nearest, "
        f"{nearest.order[1]} after {nearest.order[0]} from month {nearest.switch_month}, "
        f"costs {-nearest.saving_usd / min(alone.values()):.1%} more",
    )


def move_between(scenario: Scenario, first: str, then: str) -> Move:
    """Return what a switch takes: as a plan of the scenario says, its default, or its own work."""
    for option, candidate in scenario.candidates.items():
        deployment = candidate.deployment
        if isinstance(deployment, StagedDeployment):
            stages = [stage.option for stage in deployment.stages]
            if stages == [first, then]:
                return Move(deployment, f"candidates.{option}.deployment")
    if scenario.staging is not None:
        return Move(scenario.staging, "staging")
    lifecycle = scenario.candidates[then].lifecycle
    nothing_more = Switching(
        migration_usd=Estimate(likely=0.0, source="no work beside that of the option itself"),
        parallel_months=0,
    )
    phases = {item.phase for item in lifecycle.people.values()}
    phases |= {item.phase for item in lifecycle.one_off.values()}
    if lifecycle.deployment_work is not None or Phase.DEPLOYMENT in phases:
        return Move(nothing_more, f"the deployment work of {then}, which is in the sum already")
    return Move(nothing_more, None)


def likely_month(found: Evaluation, order: Order, parallel_months: int) -> int | None:
    """Return the month to switch in at the least cost, by the lines of the two options alone."""
    first, then = order
    horizon = found.scenario.horizon_months
    lead_first, lead_then = (_lead_months(found.scenario, option) for option in order)
    months = range(max(lead_first + 2, lead_then + 1), horizon + 1)
    if not months:
        return None
    own = f"candidates.{then}.lifecycle."
    before = _by_month(found.outlook.view, first, lambda line: True)
    serving = _by_month(found.outlook.view, then, lambda line: not line.key.startswith(own))
    living = _by_month(found.outlook.view, then, lambda line: line.key.startswith(own))

    def cost_usd(month: int) -> float:
        """Sum the first's months, the second's serving from its month, its life from its start."""
        until = month - 1 + parallel_months
        shift = month - 1 - lead_then
        parts = (before[:until], serving[month - 1 :], living[: horizon - shift])
        return float(sum(part.sum() for part in parts))

    return min(months, key=cost_usd)


def _by_month(view: View, option: str, counts: Callable[[CostLine], bool]) -> Array:
    """Return an option's cost by month [USD], without what all options cost alike."""
    model = view.model.of([option])
    lines = tuple(x for x in model.lines if counts(x) and not x.key.startswith("lifecycle."))
    part = replace(view, model=replace(model, lines=lines))
    return part.by_month_usd({})[option][0] if lines else np.zeros(len(model.months))


def _lead_months(scenario: Scenario, option: str) -> int:
    training = scenario.candidates[option].lifecycle.training
    return 0 if training is None else training.lead_months


def _cheapest_near(
    found: Evaluation,
    order: Order,
    month: int,
    alone_usd: Mapping[str, float],
    evaluated: Callable[[Mapping[str, Candidate]], dict[str, Answer]],
) -> StagedPlan | str:
    """Evaluate a month and those beside it, and go on while the cheapest lies at the edge."""
    scenario = found.scenario
    move = move_between(scenario, *order)
    known: dict[int, Answer] = {}
    costs: dict[int, float] = {}
    best = month
    while True:
        near = [k for k in (best - 1, best, best + 1) if 1 < k <= scenario.horizon_months]
        missing = {k: _candidate(scenario, order, k, move) for k in near if k not in known}
        if not missing:
            break
        names = {k: f"proposed-{order[0]}-then-{order[1]}-from-month-{k}" for k in missing}
        answers = evaluated({names[k]: candidate for k, candidate in missing.items()})
        known |= {k: answers[names[k]] for k in missing}
        costs |= {k: a.money.basis_usd for k, a in known.items() if a.money is not None}
        if not costs:
            return "; ".join(known[month].reasons)
        best = min(costs, key=lambda k: (round(costs[k], 2), k))
    answer, cost = known[best], costs[best]
    place = None
    if answer.status is Status.RANKED and move.stated_in is not None:
        rivals = [a.money.basis_usd for a in found.ranking.options if a.money is not None]
        place = 1 + sum(round(usd, 2) <= round(cost, 2) for usd in rivals)
    return StagedPlan(order, best, move, answer, cost, dict(alone_usd), place)


def _candidate(scenario: Scenario, order: Order, month: int, move: Move) -> Candidate:
    first, then = order
    titles = [scenario.candidates[option].title for option in order]
    return Candidate.model_validate(
        {
            "title": f"{titles[0]}, then {titles[1]} from month {month}",
            "deployment": {
                "kind": "staged",
                "stages": [{"option": first}, {"option": then, "from_month": month}],
                "migration_usd": move.takes.migration_usd,
                "parallel_months": move.takes.parallel_months,
            },
        }
    )
