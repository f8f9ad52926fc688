"""Prices over the months of a plan, as multipliers of today's price."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
import numpy.typing as npt

from tco.domain.price import PricePath
from tco.domain.record import Estimate
from tco.units import MONTHS_PER_YEAR, month_start

Corner = Literal["low", "likely", "high"]
CORNERS: tuple[Corner, ...] = ("low", "likely", "high")


def paths_for(name: str, paths: Iterable[PricePath]) -> list[PricePath]:
    """Return the paths that name a thing; the shocks of all of them reach it."""
    return [path for path in paths if _fit(name, path) is not None]


def drift_for(name: str, paths: Iterable[PricePath]) -> PricePath | None:
    """Return the path whose drift a thing follows: of those that name it, the narrowest."""
    fitting = [path for path in paths_for(name, paths) if path.yearly_change is not None]
    return max(fitting, key=lambda path: _fit(name, path) or 0, default=None)


def end_of_sale(name: str, paths: Iterable[PricePath]) -> PricePath | None:
    """Return the path that ends the sale of a thing first, None where none does."""
    ending = [path for path in paths_for(name, paths) if path.ends_on is not None]
    return min(ending, key=lambda path: path.ends_on or date.max, default=None)


def _fit(name: str, path: PricePath) -> int | None:
    """Return how narrowly a path names a thing, None where it does not."""
    fitting = (p for p in path.applies_to if fnmatchcase(name, p))
    return max((len(pattern.replace("*", "")) for pattern in fitting), default=None)


def multipliers(path: PricePath, months: int) -> npt.NDArray[np.float64]:
    """Return what today's price is multiplied by, one row a corner, one column a month.

    The first month has today's price unless a shock falls in it. Drift compounds: after ``k``
    months it is ``(1 + yearly_change) ** (k / 12)``, or with whole years where it moves in steps.

    Args:
        path: The drift and the shocks.
        months: Length of the plan [months].

    Returns:
        Array of shape (3, months) in the order low, likely, high.
    """
    return np.stack([multiplier(path, months, corner) for corner in CORNERS])


def multiplier(path: PricePath, months: int, corner: Corner) -> npt.NDArray[np.float64]:
    """Return one corner of ``multipliers``."""
    month = np.arange(months, dtype=np.float64)
    years = month / MONTHS_PER_YEAR
    if path.steps == "yearly":
        years = np.floor(years)
    drift = 0.0 if path.yearly_change is None else _at(path.yearly_change, corner)
    factor = (1.0 + drift) ** years
    for shock in path.shocks:
        factor = np.where(
            month >= shock.month - 1, factor * (1.0 + _at(shock.change, corner)), factor
        )
    return np.asarray(factor, dtype=np.float64)


def _at(estimate: Estimate, corner: Corner) -> float:
    value: float | None = getattr(estimate, corner)
    return estimate.likely if value is None else value


def months_sold(path: PricePath, first_month: date, months: int) -> int:
    """Return for how many whole months of the plan the vendor still sells.

    >>> months_sold(PricePath(ends_on=date(2027, 3, 15)), date(2027, 1, 1), 36)
    2
    """
    if path.ends_on is None:
        return months
    return sum(month_start(first_month, k + 1) <= path.ends_on for k in range(months))
