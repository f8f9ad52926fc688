"""What moves the answer: the drivers that swing a cost most, and the values that flip the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tco.ledger.expression import Array, Driver
from tco.rank.search import first_changes, narrowed
from tco.rank.uncertainty import SHARE_UNIT, bounds_of
from tco.rank.view import View
from tco.rank.words import amount, in_words

STEPS_AWAY = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2, 3, 5, 9, 19, 49, 99)
"""How far from today a driver is tried, as shares of it; below, down to nothing."""
RATE_UNIT = "1/year"
LEAST_RATE, RATE_STEP = -0.99, 0.25
SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Swing:
    """What one driver does to one option's cost, from its low to its high."""

    driver: Driver
    at_low_usd: float | None
    """None where that lies beyond what was simulated."""
    at_high_usd: float | None

    @property
    def width_usd(self) -> float:
        """Distance between the two [USD]; 0 if one of them is not known."""
        if self.at_low_usd is None or self.at_high_usd is None:
            return 0.0
        return abs(self.at_high_usd - self.at_low_usd)


@dataclass(frozen=True, slots=True)
class Flip:
    """The value of a driver at which another option becomes the cheapest."""

    driver: Driver
    value: float
    winner: str
    """Who is cheapest from there on."""
    is_verified: bool
    """Whether today's winner still leads just before the value, and no longer just after it."""

    @property
    def change(self) -> float | None:
        """Distance from today over today's value [-]; None where that is 0."""
        likely = self.driver.likely
        return (self.value - likely) / abs(likely) if likely else None

    @property
    def is_within_range(self) -> bool:
        """Whether the value lies between the driver's low and high."""
        low, high = self.driver.low, self.driver.high
        return low is not None and high is not None and low <= self.value <= high

    @property
    def distance(self) -> tuple[bool, float]:
        """Order by nearness: what its own range holds comes first, then the share of today."""
        likely, value = self.driver.likely, self.value
        if self.is_within_range:
            end = self.driver.high if value > likely else self.driver.low
            assert end is not None
            return False, abs((value - likely) / (end - likely)) if end != likely else 0.0
        return True, abs(self.change) if self.change is not None else np.inf


def tornado(view: View, option: str) -> tuple[Swing, ...]:
    """Return what each driver with a range does to an option's cost, the widest first.

    One driver is moved at a time; all others stay at their likely value.
    """
    alone = view.of(option)
    ranged = [driver for driver in alone.drivers().values() if driver.low is not None]
    if not ranged:
        return ()
    ends = np.array([[driver.low, driver.high] for driver in ranged], dtype=np.float64)
    totals = _one_at_a_time(alone, ranged, ends)[option]
    swings = [
        Swing(driver, _known(low), _known(high))
        for driver, (low, high) in zip(ranged, totals, strict=True)
    ]
    return tuple(sorted(swings, key=lambda swing: (-swing.width_usd, swing.driver.name)))


def flips(view: View, winner: str) -> tuple[Flip, ...]:
    """Return, for each driver and direction, the nearest value that flips the answer.

    Each value is found by evaluating the cost model, and verified just before and after it. A
    driver is followed up to a hundred times its value, down to nothing, and as far as the
    simulated volumes reach.

    Args:
        view: The options that can be chosen.
        winner: The cheapest of them today.

    Returns:
        The nearest first.
    """
    rivals = [option for option in view.options if option != winner]
    if not rivals:
        return ()
    sides = [
        (driver, points)
        for driver in view.drivers().values()
        for points in _sides(driver)
        if len(points) > 1
    ]
    if not sides:
        return ()
    drivers = [driver for driver, _ in sides]
    width = max(len(points) for _, points in sides)
    # Short rows repeat their last point: nothing can change there.
    points = np.array([[*row, *[row[-1]] * (width - len(row))] for _, row in sides])

    def lead_at(these: Sequence[Driver], where: Array) -> Array:
        totals = _one_at_a_time(view, these, where)
        return _least([totals[rival] for rival in rivals]) - totals[winner]

    before, after = first_changes(lead_at(drivers, points), points)
    flipping = [number for number in range(len(sides)) if not np.isnan(after[number])]
    if not flipping:
        return ()
    chosen = [drivers[number] for number in flipping]
    before, after = narrowed(
        lambda where: lead_at(chosen, where), before[flipping], after[flipping]
    )
    ends = np.stack((before, after), axis=1)
    totals = _one_at_a_time(view, chosen, ends)
    holds, fails = (_least([totals[rival] for rival in rivals]) - totals[winner]).T
    found = []
    for number, driver in enumerate(chosen):
        first = min(rivals, key=lambda rival: _or_dearest(totals[rival][number, 1]))
        is_verified = bool(holds[number] >= 0 > fails[number])
        found.append(Flip(driver, float(after[number]), first, is_verified))
    return tuple(sorted(found, key=lambda flip: (flip.distance, flip.driver.name)))


def flip_sentences(found: Iterable[Flip], titles: Mapping[str, str]) -> tuple[str, ...]:
    """Say in plain words what would flip the answer, one sentence for each of the nearest.

    Args:
        found: Flip values, the nearest first.
        titles: Names of options as people know them.
    """
    nearest: dict[str, Flip] = {}
    for flip in found:
        if flip.is_verified:
            nearest.setdefault(flip.driver.name, flip)
    return tuple(flip_sentence(flip, titles) for flip in list(nearest.values())[:SENTENCES])


def flip_sentence(flip: Flip, titles: Mapping[str, str]) -> str:
    """Say at which value of a driver another option becomes the cheapest."""
    driver = flip.driver
    word = "rises" if flip.value > driver.likely else "falls"
    change = flip.change
    how_far = "" if change is None else f", {abs(change):.0%} from today"
    if change is not None and abs(change) < 0.01:  # noqa: PLR2004 - one percent reads as 0 %
        how_far = ", under 1% from today"
    place = ""
    if driver.low is not None and driver.high is not None:
        place = "; within its range" if flip.is_within_range else "; outside its range"
        place += f" of {amount(driver.low)} to {amount(driver.high)}"
    unit = "" if driver.unit == SHARE_UNIT else f" {driver.unit}"
    return (
        f"{titles.get(flip.winner, flip.winner)} becomes the cheapest if {in_words(driver.name)} "
        f"{word} from {amount(driver.likely)} to {amount(flip.value)}{unit}{how_far}{place}"
    )


def _sides(driver: Driver) -> Iterable[tuple[float, ...]]:
    """Yield the points at which a driver is tried above today's value and below it, from there."""
    least, most = bounds_of(driver)
    likely = driver.likely
    if driver.unit == RATE_UNIT:
        above = [likely + RATE_STEP * number for number in range(1, 17)]
        below = [likely - RATE_STEP * number for number in range(1, 8)]
        least = LEAST_RATE
    else:
        # From nothing, a step is as long as the range, or one unit where there is none.
        size = abs(likely) or driver.high or 1.0
        above = [likely + size * step for step in STEPS_AWAY]
        below = [likely - size * step for step in STEPS_AWAY if step <= 1]
    yield _within(likely, above, least, most)
    yield _within(likely, below, least, most)


def _within(likely: float, points: Sequence[float], least: float, most: float) -> tuple[float, ...]:
    """Return the points up to a bound, and the bound itself where they would pass it."""
    inside = [float(np.clip(point, least, most)) for point in points]
    return tuple(dict.fromkeys((likely, *inside)))


def _one_at_a_time(view: View, drivers: Sequence[Driver], values: Array) -> dict[str, Array]:
    """Return each option's cost with one driver moved (rows) to each of its values (columns)."""
    rows, columns = values.shape
    names = {driver.name: driver.likely for driver in drivers}
    draws = {name: np.full(values.shape, likely) for name, likely in names.items()}
    for number, driver in enumerate(drivers):
        draws[driver.name][number] = values[number]
    totals = view.totals_usd({name: table.ravel() for name, table in draws.items()})
    return {option: total.reshape(rows, columns) for option, total in totals.items()}


def _least(totals: Sequence[Array]) -> Array:
    """Return the least that is known in each place."""
    known = np.fmin.reduce(totals)
    return np.asarray(known)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _or_dearest(value: float) -> float:
    return np.inf if np.isnan(value) else float(value)
