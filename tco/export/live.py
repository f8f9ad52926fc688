"""Which assumptions of a workbook are live: changing them gives what a new evaluation would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tco.domain.cost import COMMITMENT
from tco.domain.deployment import SelfHostedDeployment, StagedDeployment
from tco.domain.lifecycle import Lifecycle
from tco.domain.scenario import Scenario
from tco.domain.serverless import ServerlessDeployment
from tco.ledger.expression import Driver, Expression, Lookup, Valuation, leaves_of
from tco.ledger.machines import SINGLY
from tco.ledger.model import CostModel
from tco.plan import Evaluation
from tco.sim.usage import StaticUsage

SIZES = ("workload.tokens.", "workload.sessions.", "snapshots.")
"""Drivers of how large requests are."""
VOLUME = (
    "workload.requests_per_month",
    "workload.volume_drivers.",
    "workload.growth_per_year",
)
SPEED = ("measurement.", "curve.")
SPEED_INSIDE = (".deployment.service", ".deployment.llm.")
DRIFT = ".operation.retraining.drift."
"""Decides in which months a model is trained again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an assumption may move: both ends count; None where nothing limits it."""

    low: float | None
    high: float | None


def is_live(driver: Driver, scenario: Scenario) -> bool:
    """Tell whether changing it moves money alone, and no simulation.

    Speed decides the simulation, and so does the size of requests where machines of one's own
    serve them; the rate at which quality is lost decides the months of retraining. Those are fixed
    in the workbook.
    """
    name = driver.name
    if name.startswith(SPEED) or DRIFT in name or any(word in name for word in SPEED_INSIDE):
        return False
    if name in _of_functions(scenario):
        return False
    hosts = any(
        isinstance(candidate.deployment, SelfHostedDeployment)
        for candidate in scenario.candidates.values()
    )
    return not (hosts and name.startswith(SIZES))


def _of_functions(scenario: Scenario) -> set[str]:
    """Return the drivers of the speed of functions on demand."""
    return {
        f"candidates.{name}.deployment.{word}"
        for name, candidate in scenario.candidates.items()
        if isinstance(candidate.deployment, ServerlessDeployment)
        for word in ("seconds", "cold_start", "keep_alive")
    }


def decides(model: CostModel, scenario: Scenario) -> set[str]:
    """Return the names of the drivers on which a plan decides how much, or when.

    How many machines to commit to follows from their prices, and a cost-optimal interval from what
    one retraining costs. At other prices a new plan would decide anew, which no formula does.
    """
    fleets: list[str] = []
    for name, candidate in scenario.candidates.items():
        deployment = candidate.deployment
        chosen = deployment.commitment if isinstance(deployment, SelfHostedDeployment) else None
        if chosen is not None and chosen.instances == "cheapest":
            fleets += [f"{name}.{SINGLY}.", f"{name}.{COMMITMENT}."]
    lifecycles = {f"candidates.{name}.": x.lifecycle for name, x in scenario.candidates.items()}
    retrained = tuple(
        f"{path}lifecycle.operation.retraining."
        for path, lifecycle in {"": scenario.lifecycle, **lifecycles}.items()
        if _is_retrained_at_best_cost(lifecycle)
    )
    rests_on: list[Expression] = []
    for line in model.lines:
        if line.key.startswith(tuple(fleets)):
            rests_on.append(line.unit_price_usd)
        if line.key.startswith(retrained):
            rests_on += [line.quantity, line.unit_price_usd]
    leaves = (leaf for expression in rests_on for leaf in leaves_of(expression))
    return {leaf.name for leaf in leaves if isinstance(leaf, Driver)}


def _is_retrained_at_best_cost(lifecycle: Lifecycle) -> bool:
    plan = None if lifecycle.operation is None else lifecycle.operation.retraining
    return plan is not None and plan.cost_optimal is not None


def limits_of(driver: Driver, found: Evaluation, headroom: float) -> Limits:
    """Return how far a live assumption may move.

    Args:
        driver: The assumption.
        found: The plan: tables of its lines say nothing beyond their ends, and where stages follow
            one another as the volume grows, it tells in which months.
        headroom: The most that every volume may grow before a fixed fleet is full, as a factor;
            infinite where there is none.
    """
    name = driver.name
    is_share = name.endswith(("share", "escalate")) or ".negotiated_discounts." in name
    low, high = (None, None) if driver.likely < 0 else (0.0, 1.0 if is_share else None)
    if name.endswith(("growth_per_year", "discount_rate_per_year", "change")):
        low = -0.99
    if not name.startswith(VOLUME):
        return Limits(low, high)
    least, most = _simulated_range(driver, found, -np.inf if low is None else low)
    if driver.likely > 0 and not name.endswith("growth_per_year"):
        most = min(most, driver.likely * headroom)
    if np.isfinite(most):
        high = most if high is None else min(high, most)
    return Limits(least if np.isfinite(least) else None, high)


def _simulated_range(driver: Driver, found: Evaluation, lowest: float) -> tuple[float, float]:
    """Return the values of a driver for which no table ends and no switch of stages moves."""
    tables = [table for table in _tables(found.model) if _rests_on(table.argument, driver)]
    levels = _switches_at(found.scenario) if _rests_on(found.requests, driver) else ()
    if not tables and not levels:
        return lowest, np.inf
    months = _months_of_switches(found, Valuation(), levels)

    def is_inside(value: float) -> bool:
        valuation = Valuation({driver.name: np.array([value])})
        for table in tables:
            at = valuation.of(table.argument)
            if (at < table.points[0]).any() or (at > table.points[-1]).any():
                return False
        return _months_of_switches(found, valuation, levels) == months

    span = abs(driver.likely) or 1.0
    below = lowest if np.isfinite(lowest) else driver.likely - span
    above = driver.likely + 15 * span
    return _edge(is_inside, driver.likely, below), _edge(is_inside, driver.likely, above)


def _switches_at(scenario: Scenario) -> tuple[float, ...]:
    """Return the volumes at which some option goes on to its next stage [1/month]."""
    return tuple(
        stage.when_requests_per_month_reach
        for candidate in scenario.candidates.values()
        if isinstance(candidate.deployment, StagedDeployment)
        for stage in candidate.deployment.stages
        if stage.when_requests_per_month_reach is not None
    )


def _months_of_switches(
    found: Evaluation, valuation: Valuation, levels: Sequence[float]
) -> list[int]:
    """Return how many months pass before the requests first reach each level."""
    requests = np.broadcast_to(valuation.of(found.requests), (1, len(found.model.months)))[0]
    reached = [np.flatnonzero(requests >= level) for level in levels]
    return [int(months[0]) if months.size else requests.size for months in reached]


def _edge(
    is_inside: Callable[[float], bool], likely: float, outside: float, steps: int = 40
) -> float:
    """Find by halving how far a value may move from the likely one towards another."""
    inside = likely
    if is_inside(outside):
        return outside
    for _ in range(steps):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_inside(middle) else (inside, middle)
    return inside


def _tables(model: CostModel) -> Iterator[Lookup]:
    seen: set[int] = set()
    for line in model.lines:
        for expression in line.expressions:
            for leaf in leaves_of(expression):
                if isinstance(leaf, Lookup) and id(leaf) not in seen:
                    seen.add(id(leaf))
                    yield leaf


def _rests_on(expression: Expression, driver: Driver) -> bool:
    return any(leaf.name == driver.name for leaf in leaves_of(expression))


def headroom(busiest_loads: Iterable[float]) -> float:
    """Return the factor by which volume may grow before the fullest fixed fleet is full.

    >>> headroom([0.5, 0.8]), headroom([])
    (1.25, inf)
    """
    fullest = max(busiest_loads, default=0.0)
    return 1.0 / fullest if fullest > 0 else np.inf


def live_ranges(found: Evaluation) -> dict[str, Limits | None]:
    """Return the limits of each live driver by name; None for those that are fixed."""
    fixed = decides(found.model, found.scenario)
    if any(_tables(found.model)):  # simulated at the sizes of today
        fixed |= {name for name in found.model.drivers() if name.startswith(SIZES)}
    room = headroom(
        usage.busiest_load
        for usages in found.usage.values()
        for usage in usages
        if isinstance(usage, StaticUsage)
    )
    return {
        name: limits_of(driver, found, room)
        if is_live(driver, found.scenario) and name not in fixed
        else None
        for name, driver in found.model.drivers().items()
    }
