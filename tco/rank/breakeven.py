"""Where two options cost the same: by volume, month, utilisation, token price and GPU price.

All of them compare whole bills. A volume beyond what was simulated is evaluated anew, never read
off beyond the ends of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tco.domain.cost import Kind, Phase
from tco.ledger.expression import Array, Driver, leaves_of
from tco.ledger.model import CostLine
from tco.rank.search import first_changes, narrowed
from tco.rank.view import View

CostAt = Callable[[float], Mapping[str, float]]
"""Costs by option at a multiple of today's volume; who cannot carry that volume is absent."""
FACTORS_UP = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0, 1000.0)
FACTORS_DOWN = tuple(1 / factor for factor in FACTORS_UP)
CLOSE = 1e-3
"""Volumes are found within a thousandth: they rest on simulations that are no closer."""
MOST_STEPS = 40
CAPACITY = (Kind.USED, Kind.WASTED, Kind.IDLE)


@dataclass(frozen=True, slots=True)
class Crossing:
    """The point at which the order of two options changes, nearest to today."""

    cheaper_today: str
    cheaper_beyond: str
    factor: float
    """Over today's value [-]."""


@dataclass(frozen=True, slots=True)
class NoCrossing:
    """Why two options do not cross, and how far that was looked for."""

    reason: str


def price_crossing(
    view: View, first: str, second: str, drivers: Sequence[Driver]
) -> Crossing | NoCrossing:
    """Move some prices together until two options cost the same.

    Args:
        view: Holds both options.
        first: One option.
        second: The other.
        drivers: What moves, such as all prices of one API, or the rate of one machine.
    """
    both = view.of(first, second)
    cheaper, dearer = _in_order(both.totals_usd({}), first, second)
    points = np.array([FACTORS_UP, (*FACTORS_DOWN[:-1], 0.0)])

    def lead_at(factors: Array) -> Array:
        draws = {driver.name: factors.ravel() * driver.likely for driver in drivers}
        totals = both.totals_usd(draws)
        return (totals[dearer] - totals[cheaper]).reshape(factors.shape)

    before, after = first_changes(lead_at(points), points)
    hit = ~np.isnan(after)
    if not hit.any():
        return NoCrossing(f"no price from nothing to {FACTORS_UP[-1]:,.0f} times today's does it")
    _, ends = narrowed(lead_at, before[hit], after[hit])
    nearest = min(ends, key=lambda factor: abs(np.log(max(factor, 1e-12))))
    return Crossing(cheaper, dearer, float(nearest))


def token_prices(view: View, option: str) -> tuple[Driver, ...]:
    """Return the prices of tokens that an option pays."""
    return _prices(view, option, lambda line: line.category == "tokens")


def machine_prices(view: View, option: str) -> tuple[Driver, ...]:
    """Return the rates of machines that an option serves from."""
    return _prices(
        view, option, lambda line: line.phase is Phase.INFERENCE and line.kind in CAPACITY
    )


def month_crossing(view: View, first: str, second: str) -> int | None:
    """Return the month by whose end the cheaper to begin with has cost more; None if none."""
    by_month = view.of(first, second).by_month_usd({})
    ahead = np.cumsum(by_month[first][0] - by_month[second][0])
    begins = np.sign(ahead[np.flatnonzero(ahead)[0]]) if ahead.any() else 0.0
    passed = np.flatnonzero(np.sign(ahead) == -begins) if begins else np.empty(0, dtype=int)
    return int(passed[0]) + 1 if passed.size else None


def volume_crossing(cost_at: CostAt, first: str, second: str) -> Crossing | NoCrossing:
    """Scale the volume until two options cost the same, evaluating the plan at each step.

    Args:
        cost_at: Evaluates the plan at a multiple of today's volume.
        first: One option.
        second: The other.
    """
    today = cost_at(1.0)
    if first not in today or second not in today:
        return NoCrossing("one of them is not evaluated at today's volume")
    cheaper, dearer = _in_order({name: np.array([usd]) for name, usd in today.items()},
                                first, second)  # fmt: skip
    found: list[float] = []
    ends: list[str] = []
    for factors in (FACTORS_UP, FACTORS_DOWN):
        before = factors[0]
        for factor in factors[1:]:
            lead = _lead(cost_at(factor), cheaper, dearer)
            if lead is None:
                ends.append(f"looked for up to {before:g} times today's volume, beyond which one "
                            "of them cannot carry it as it is described")  # fmt: skip
                break
            if lead < 0:
                found.append(_narrowed(cost_at, cheaper, dearer, (before, factor)))
                break
            before = factor
        else:
            ends.append(f"looked for up to {before:g} times today's volume")
    if not found:
        return NoCrossing("; ".join(dict.fromkeys(ends)))
    return Crossing(cheaper, dearer, min(found, key=lambda factor: abs(np.log(factor))))


def largest_volume(cost_at: CostAt, option: str, budget_usd: float) -> float | None:
    """Return the largest multiple of today's volume that an option serves for a budget.

    None where even a thousandth of today's volume costs more.
    """

    def fits(factor: float) -> bool:
        cost = cost_at(factor).get(option)
        return cost is not None and cost <= budget_usd

    if not fits(1.0):
        too_large = 1.0
        for factor in FACTORS_DOWN[1:]:
            if fits(factor):
                return _largest_between(fits, factor, too_large)
            too_large = factor
        return None
    largest = 1.0
    for factor in FACTORS_UP[1:]:
        if not fits(factor):
            return _largest_between(fits, largest, factor)
        largest = factor
    return largest


def utilisation(view: View, option: str) -> float | None:
    """Return the share of the machine bill that is busy, likely case; None without machines."""
    months = len(view.model.months)
    used = whole = 0.0
    for line, cost in view.of(option).model.costs():
        if line.kind in CAPACITY:
            usd = float(np.broadcast_to(cost, (1, months)).sum())
            whole += usd
            used += usd if line.kind is Kind.USED else 0.0
    return used / whole if whole else None


def _prices(view: View, option: str, is_wanted: Callable[[CostLine], bool]) -> tuple[Driver, ...]:
    found = {
        leaf.name: leaf
        for line in view.of(option).model.lines
        if is_wanted(line)
        for leaf in leaves_of(line.unit_price_usd)
        if isinstance(leaf, Driver) and leaf.name.startswith("price.")
    }
    return tuple(found.values())


def _in_order(totals: Mapping[str, Array], first: str, second: str) -> tuple[str, str]:
    """Return the cheaper and the dearer of two options."""
    return (first, second) if totals[first][0] <= totals[second][0] else (second, first)


def _lead(costs: Mapping[str, float], cheaper: str, dearer: str) -> float | None:
    if cheaper not in costs or dearer not in costs:
        return None
    return costs[dearer] - costs[cheaper]


def _narrowed(cost_at: CostAt, cheaper: str, dearer: str, ends: tuple[float, float]) -> float:
    """Return where a lead is lost: by false position, which costs that follow volume end soon.

    The end that stays put counts half the next time (the Illinois rule), so that it moves too.
    """
    (low, high), weights = ends, [1.0, 1.0]
    leads = [_lead(cost_at(end), cheaper, dearer) for end in ends]
    middle = high
    for _ in range(MOST_STEPS):
        if leads[0] is None or leads[1] is None or abs(high / low - 1) < CLOSE:
            break
        first, second = leads[0] * weights[0], leads[1] * weights[1]
        before, middle = middle, low + (high - low) * first / (first - second)
        if abs(middle / before - 1) < CLOSE / 10:
            break
        lead = _lead(cost_at(middle), cheaper, dearer)
        if lead is not None and lead >= 0:
            low, leads[0], weights = middle, lead, [1.0, weights[1] / 2]
        else:
            high, leads[1], weights = middle, lead, [weights[0] / 2, 1.0]
    return middle


def _largest_between(fits: Callable[[float], bool], low: float, too_large: float) -> float:
    for _ in range(MOST_STEPS):
        if np.log(too_large / low) < CLOSE:
            break
        middle = float(np.sqrt(low * too_large))
        if fits(middle):
            low = middle
        else:
            too_large = middle
    return low
