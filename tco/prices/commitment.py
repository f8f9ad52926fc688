"""How much capacity to commit to, exactly; arrays in, no files.

Think of demand as stacked layers. A layer at height x is busy in those hours in which demand
exceeds x, so upper layers are busy less. Each layer is served in the cheapest way: by the hour
while it is busy, or committed all the time. As busy hours only fall with height, the layers worth
committing lie below one level: the newsvendor quantile, found exactly and not by a fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tco.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

Hours = npt.NDArray[np.float64]
"""Demand of each hour [units, such as instances]."""


@dataclass(frozen=True, slots=True)
class Term:
    """An offer to commit: the price of a committed unit and for how long it is billed."""

    usd_per_hour: float
    """Upfront money spread over the term included, see ``spread_usd_per_hour``."""
    hours: int
    """Length of the term [h]; it is billed to its end even if the plan ends before."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """The best level of one term, and what it brings against buying everything by the hour."""

    level: float
    cost_usd: float
    on_demand_usd: float
    """Cost of the same demand without any commitment."""
    unused_unit_hours: float
    unused_usd: float
    """Price of the committed hours nobody used: waste, and part of ``cost_usd``."""
    break_even_utilisation: float
    """A unit pays off if it is busy in more than this share of its billed hours."""

    @property
    def saving_usd(self) -> float:
        """What the commitment saves; never below 0."""
        return self.on_demand_usd - self.cost_usd


@dataclass(frozen=True, slots=True)
class LayeredCommitment:
    """The best levels of a long term with a chain of short terms on top."""

    long_level: float
    short_levels: tuple[float, ...]
    """Level on top of the long one, one for each period of the short term."""
    cost_usd: float
    on_demand_usd: float
    unused_unit_hours: float
    unused_usd: float

    @property
    def saving_usd(self) -> float:
        """What the commitments save; never below 0."""
        return self.on_demand_usd - self.cost_usd


def spread_usd_per_hour(*, upfront_usd: float, usd_per_hour: float, term_months: int) -> float:
    """Spread upfront money over the hours of its term [USD/h].

    >>> spread_usd_per_hour(upfront_usd=876.0, usd_per_hour=0.5, term_months=12)
    0.6
    """
    return usd_per_hour + upfront_usd / (term_months * HOURS_PER_YEAR / MONTHS_PER_YEAR)


def cash_by_month_usd(
    *, upfront_usd: float, usd_per_hour: float, term_months: int, hours_by_month: Hours
) -> Hours:
    """Return when the money of one committed unit is paid: upfront at once, the rest as it runs.

    After the term nothing is paid: whether to renew is another decision.

    Args:
        upfront_usd: Paid in the first month [USD].
        usd_per_hour: Paid for every hour of the term, used or not [USD/h].
        term_months: Length of the term [months].
        hours_by_month: Calendar hours of the months of the plan [h].

    Returns:
        Payments of the same months [USD].
    """
    running = np.arange(len(hours_by_month)) < term_months
    paid = np.where(running, hours_by_month * usd_per_hour, 0.0)
    paid[:1] += upfront_usd
    return paid


def best_level(
    demand: Hours, *, on_demand_usd_per_hour: float, term: Term, step: float | None = None
) -> Commitment:
    """Return the cheapest level to commit to for an hourly demand.

    The newsvendor rule: commit up to the level that demand exceeds in a share c / p of the billed
    hours, for a committed price c and a price p by the hour. Of equally cheap levels the lowest.

    Args:
        demand: Units wanted in each hour of the plan.
        on_demand_usd_per_hour: Price of a unit by the hour [USD/h].
        term: The offer. Periods follow one another until the plan is covered; the last is billed
            to its end.
        step: Size of the units that can be committed; None = any fraction.
    """
    demand = _checked(demand, on_demand_usd_per_hour, term)
    billed = _billed_hours(len(demand), term)
    price = on_demand_usd_per_hour
    level = _lowest(demand, step, lambda layer: price * layer(demand) <= term.usd_per_hour * billed)
    used = float(np.minimum(demand, level).sum())
    unused = level * billed - used
    return Commitment(
        level=level,
        cost_usd=term.usd_per_hour * level * billed + price * (float(demand.sum()) - used),
        on_demand_usd=price * float(demand.sum()),
        unused_unit_hours=unused,
        unused_usd=term.usd_per_hour * unused,
        break_even_utilisation=term.usd_per_hour / price,
    )


def best_layers(
    demand: Hours,
    *,
    on_demand_usd_per_hour: float,
    long: Term,
    short: Term,
    step: float | None = None,
) -> LayeredCommitment:
    """Return the cheapest mix of a long term, short terms on top of it, and hours bought singly.

    A layer takes the long term if that costs less than serving it period by period in the cheaper
    of the other two ways. That alternative only falls with height, so one level parts the two.

    Args:
        demand: Units wanted in each hour of the plan.
        on_demand_usd_per_hour: Price of a unit by the hour [USD/h].
        long: The long offer, chosen once for the whole plan.
        short: The short offer, chosen anew in each of its periods.
        step: Size of the units that can be committed; None = any fraction.
    """
    demand = _checked(demand, on_demand_usd_per_hour, long, short)
    price = on_demand_usd_per_hour
    periods = [demand[start : start + short.hours] for start in range(0, len(demand), short.hours)]
    short_usd = short.usd_per_hour * short.hours
    long_hours = _billed_hours(len(demand), long)

    def is_not_worth_the_long_term(layer: Layer) -> bool:
        otherwise = sum(min(price * layer(period), short_usd) for period in periods)
        return otherwise <= long.usd_per_hour * long_hours

    long_level = _lowest(demand, step, is_not_worth_the_long_term)

    def top_of(period: Hours) -> float:
        return _lowest(period, step, lambda layer: price * layer(period) <= short_usd)

    tops = [top_of(period) for period in periods]
    short_levels = tuple(max(top - long_level, 0.0) for top in tops)
    used_long = float(np.minimum(demand, long_level).sum())
    used_short = sum(
        float(np.clip(period - long_level, 0.0, level).sum())
        for period, level in zip(periods, short_levels, strict=True)
    )
    unused_long = long_level * long_hours - used_long
    unused_short = sum(short_levels) * short.hours - used_short
    committed_usd = long.usd_per_hour * long_level * long_hours + short_usd * sum(short_levels)
    return LayeredCommitment(
        long_level=long_level,
        short_levels=short_levels,
        cost_usd=committed_usd + price * (float(demand.sum()) - used_long - used_short),
        on_demand_usd=price * float(demand.sum()),
        unused_unit_hours=unused_long + unused_short,
        unused_usd=long.usd_per_hour * unused_long + short.usd_per_hour * unused_short,
    )


@dataclass(frozen=True, slots=True)
class Remainder:
    """What a commitment that already runs is still worth."""

    due_usd: float
    """Payments that are still to come and cannot be avoided."""
    replaces_usd: float
    """What the same used hours would cost bought singly: the most one should pay for it."""
    unused_unit_hours: float

    @property
    def net_usd(self) -> float:
        """Worth of having it rather than not, upfront money that is gone left out."""
        return self.replaces_usd - self.due_usd


def remainder(
    demand: Hours, *, level: float, usd_per_hour: float, on_demand_usd_per_hour: float
) -> Remainder:
    """Value a running commitment over the hours left of its term.

    Args:
        demand: Units wanted in each hour that is left.
        level: Units committed.
        usd_per_hour: What is still paid for each of them, used or not [USD/h]; 0 if paid upfront.
        on_demand_usd_per_hour: Price of an hour bought singly [USD/h].
    """
    used = float(np.minimum(demand, level).sum())
    return Remainder(
        due_usd=usd_per_hour * level * len(demand),
        replaces_usd=on_demand_usd_per_hour * used,
        unused_unit_hours=level * len(demand) - used,
    )


Layer = Callable[[Hours], float]
"""Busy hours of one layer, given the demand of a period."""


def _lowest(demand: Hours, step: float | None, is_enough: Callable[[Layer], bool]) -> float:
    """Return the lowest level from which on the layers above are not worth committing.

    ``is_enough`` looks at the layer that begins at a level; once true it stays true above.
    """
    if step is None:
        levels = np.unique(np.append(demand, 0.0))
        layers = [_thin_layer(level) for level in levels]
    else:
        levels = step * np.arange(int(np.ceil(demand.max(initial=0.0) / step)) + 1)
        layers = [_thick_layer(level, step) for level in levels]
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if is_enough(layers[middle]):
            high = middle
        else:
            low = middle + 1
    return float(levels[low])


def _thin_layer(level: float) -> Layer:
    return lambda demand: float(np.count_nonzero(demand > level))


def _thick_layer(level: float, step: float) -> Layer:
    return lambda demand: float(np.clip((demand - level) / step, 0.0, 1.0).sum())


def _billed_hours(hours: int, term: Term) -> int:
    return -(-hours // term.hours) * term.hours


def _checked(demand: Hours, on_demand_usd_per_hour: float, *terms: Term) -> Hours:
    demand = np.asarray(demand, dtype=np.float64)
    if demand.ndim != 1 or not np.isfinite(demand).all() or (demand < 0).any():
        raise ValueError("demand is one row of numbers, 0 or more, one for each hour")
    if on_demand_usd_per_hour <= 0 or any(t.usd_per_hour < 0 or t.hours < 1 for t in terms):
        raise ValueError("prices by the hour are above 0, terms at least one hour long")
    return demand
