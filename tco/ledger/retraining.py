"""Training again: when quality, the calendar or the cost of waiting asks for it, and what it takes.

A draw of the rates moves how often a drifting model is retrained in proportion; the months stay
those of the likely case. The cost-optimal interval is a decision taken on likely values.
"""

from __future__ import annotations

import math

from tco.domain.cost import Nature, Phase
from tco.domain.operation import CostOptimal, Drift, Retraining
from tco.errors import InfeasibleError
from tco.ledger.buying import Buyer
from tco.ledger.expression import Expression, driver
from tco.ledger.model import CostLine, CostModel, LineMaker
from tco.ledger.option import likely_months

NAME = "operation.retraining"
PIECES = {
    "new_data": "retraining: new data",
    "hosted": "retraining: vendor's tuning",
    "evaluation": "retraining: evaluation",
    "release": "retraining: release",
}
"""Pieces of work by their key in the file."""


def add_retraining_lines(buyer: Buyer, plan: Retraining) -> tuple[int, ...]:
    """Add what each retraining takes, and return the months of the horizon in which one is due."""
    frequency: Expression | None = None
    if plan.calendar is not None:
        interval = plan.calendar.every_months
    elif plan.drift is not None:
        interval, frequency = _before_the_floor(buyer, plan.drift)
    else:
        assert plan.cost_optimal is not None
        interval = cost_optimal_months(one_retraining_usd(buyer, plan), plan.cost_optimal)
    first = buyer.holder.first_month + interval
    due = tuple(range(first, buyer.holder.last_month + 1, interval))
    when: Expression = buyer.on(NAME, due)
    if frequency is not None:
        when = when * frequency
    _add_one(buyer, plan, when)
    return due


def _before_the_floor(buyer: Buyer, drift: Drift) -> tuple[int, Expression]:
    """Return the whole months until the floor, and how often draws retrain over the likely case."""
    key = buyer.key(f"{NAME}.drift")
    room = driver(f"{key}.quality_at_release", "-", drift.quality_at_release) - driver(
        f"{key}.floor", "-", drift.floor
    )
    a_month = driver(f"{key}.loss_per_month", "1/month", drift.loss_per_month) / room
    likely = float(likely_months(a_month, 1)[0])
    # A hair above keeps 0.06 / 0.02 at three months, which floats make 2.9999.
    months = math.floor(1.0 / likely + 1e-9)
    if months < 1:
        raise InfeasibleError(
            f"quality falls from {drift.quality_at_release.likely:g} below "
            f"{drift.floor.likely:g} within a month, so no monthly retraining keeps it; "
            "check loss_per_month"
        )
    return months, a_month / likely


def cost_optimal_months(retraining_usd: float, rule: CostOptimal) -> int:
    """Return the interval at which waiting and retraining cost the least together [months].

    A loss that grows by k dollars a month, each month, has cost k t^2 / 2 after t months. With C
    for one retraining, (C + k t^2 / 2) / t is least at t = sqrt(2 C / k).

    >>> cost_optimal_months(1800.0, CostOptimal(loss_usd_per_month2=100))
    6
    """
    return max(1, round(math.sqrt(2.0 * retraining_usd / rule.loss_usd_per_month2.likely)))


def one_retraining_usd(buyer: Buyer, plan: Retraining) -> float:
    """Return what one retraining would cost in the holder's first month, likely case [USD]."""
    alone = Buyer(LineMaker(buyer.make.option, buyer.make.snapshot), buyer.holder)
    _add_one(alone, plan, alone.on(NAME, (buyer.holder.first_month,)))
    lines: list[CostLine] = alone.make.lines
    totals = CostModel(buyer.scenario.months, tuple(lines)).totals_usd()
    return float(totals[buyer.make.option][0])


def _add_one(buyer: Buyer, plan: Retraining, when: Expression) -> None:
    for piece, title in PIECES.items():
        work = getattr(plan, piece)
        if work is not None:
            buyer.work(
                f"{NAME}.{piece}",
                title,
                work,
                phase=Phase.OPERATION,
                category="retraining",
                when=when,
                nature=Nature.RUN,
            )
    if plan.new_labels is not None:
        buyer.labels(
            f"{NAME}.new_labels",
            "retraining: new labels",
            plan.new_labels,
            phase=Phase.OPERATION,
            when=when,
        )
    if plan.compute is not None:
        name = f"{NAME}.compute"
        hours = driver(buyer.key(f"{name}.instance_hours"), "h", plan.compute.instance_hours)
        buyer.machine(
            name,
            "retraining: training run",
            plan.compute.machine,
            hours * when,
            phase=Phase.OPERATION,
        )
