"""What distilling, pruning and quantising cost, what serving they buy, and when that pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tco.domain.record import Evidence
from tco.domain.training_plan import TrainingPlan
from tco.ledger.model import CostModel
from tco.units import REQUESTS_PER_THOUSAND


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step: its price, serving before and after it, and the requests that pay for it."""

    title: str
    cost_usd: float
    usd_per_1k_before: float
    usd_per_1k_after: float
    evidence: Evidence
    """Grade of the gain; assumed where nobody measured it."""
    break_even_requests: float | None
    """None where the step saves nothing."""
    break_even_low: float | None = None
    break_even_high: float | None = None


def job_costs_usd(model: CostModel, option: str, path: str) -> dict[str, float]:
    """Return what each job of a training block costs over the horizon [USD], likely case."""
    start = f"{path}.jobs."
    costs: dict[str, float] = {}
    for valued in model.of([option]).valued():
        if valued.line.key.startswith(start):
            job = valued.line.key.removeprefix(start).partition(".")[0]
            costs[job] = costs.get(job, 0.0) + float(valued.cost_usd[0].sum())
    return costs


def chain(
    plan: TrainingPlan, costs_usd: Mapping[str, float], serving_usd_per_1k: float
) -> tuple[ChainStep, ...]:
    """Return the steps in their order, worked back from what serving costs after the last one.

    Args:
        plan: Its steps say by what factor each changes the cost of serving.
        costs_usd: What each job costs [USD].
        serving_usd_per_1k: What the option as it is planned pays to serve 1,000 requests [USD].
    """
    steps: list[ChainStep] = []
    after = serving_usd_per_1k
    for step in reversed(plan.compression):
        factor = step.serving_factor
        cost = sum(costs_usd.get(job, 0.0) for job in step.jobs)
        steps.append(
            ChainStep(
                step.title,
                cost,
                after / factor.likely,
                after,
                factor.evidence,
                _pays_after(cost, after, factor.likely),
                _pays_after(cost, after, factor.low),
                _pays_after(cost, after, factor.high),
            )
        )
        after /= factor.likely
    return tuple(reversed(steps))


def _pays_after(cost_usd: float, usd_per_1k_after: float, factor: float | None) -> float | None:
    """Return the requests whose saving makes up for the cost of a step.

    >>> _pays_after(100.0, 1.0, 0.5)
    100000.0
    """
    if factor is None or not 0 < factor < 1 or usd_per_1k_after <= 0:
        return None
    saved_usd_per_1k = usd_per_1k_after / factor - usd_per_1k_after
    return cost_usd / saved_usd_per_1k * REQUESTS_PER_THOUSAND
