"""The cheapest option against its rivals by name: where each pair costs the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tco.ledger.expression import Driver
from tco.rank.breakeven import (
    CostAt,
    Crossing,
    NoCrossing,
    machine_prices,
    month_crossing,
    price_crossing,
    token_prices,
    utilisation,
    volume_crossing,
)
from tco.rank.outlook import Outlook
from tco.rank.pairs import sides
from tco.rank.score import Answer
from tco.rank.words import amount


@dataclass(frozen=True, slots=True)
class Point:
    """One quantity by which two options were compared, and where they cross."""

    what: str
    found: Crossing | NoCrossing
    today: float | None = None
    """Today's value, where there is one value."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two options, one question, and every way in which they could cost the same."""

    question: str
    cheaper: str
    dearer: str
    titles: tuple[str, str]
    horizon_months: int
    month: int | None
    """Month by whose end the one that was cheaper to begin with has cost more."""
    utilisation: float | None
    """Busy share of the dearer option's machine bill [-]."""
    points: tuple[Point, ...]

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        parts = [_words(point) for point in self.points]
        if self.month is None:
            parts.append(f"month: never within the {self.horizon_months} months")
        else:
            parts.append(f"month: {self.month}")
        cheaper, dearer = self.titles
        return f"{self.question}: {cheaper} before {dearer}. Break-even by " + "; ".join(parts)

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        document: dict[str, Any] = {
            "question": self.question,
            "cheaper": self.cheaper,
            "dearer": self.dearer,
            "month": self.month,
            "utilisation_of_dearer": self.utilisation,
        }
        for point in self.points:
            if isinstance(point.found, NoCrossing):
                document[point.what] = {"none": point.found.reason}
                continue
            document[point.what] = {"factor": point.found.factor}
            if point.today is not None:
                document[point.what] |= {
                    "value": point.today * point.found.factor,
                    "today": point.today,
                    "unit": point.unit,
                }
        return document


def compared(outlook: Outlook, requests: float, at_volume: CostAt | None) -> tuple[Compared, ...]:
    """Answer each question whose two sides are ranked, each pair once.

    Args:
        outlook: The ranking and what stands around it.
        requests: Requests over the horizon, likely case [-].
        at_volume: Evaluates the plan at other volumes; None: that is not asked for.
    """
    found: dict[frozenset[str], Compared] = {}
    for question, (first, second, *_) in sides(outlook.ranking).items():
        pair = frozenset((first.answer.option, second.answer.option))
        if len(pair) > 1 and pair not in found:
            found[pair] = compared_pair(
                question, first.answer, second.answer, outlook, requests, at_volume
            )
    return tuple(found.values())


def compared_pair(
    question: str,
    cheaper: Answer,
    dearer: Answer,
    outlook: Outlook,
    requests: float,
    at_volume: CostAt | None,
) -> Compared:
    """Compare two ranked options in every way; see ``compared`` for the rest."""
    one, other = cheaper.option, dearer.option
    months = outlook.scenario.horizon_months
    points = list(_price_points(outlook, one, other))
    if at_volume is not None:
        crossing = volume_crossing(at_volume, one, other)
        points.insert(0, Point("volume", crossing, requests / months, "requests a month"))
    return Compared(
        question,
        one,
        other,
        (cheaper.title, dearer.title),
        months,
        month_crossing(outlook.view, one, other),
        utilisation(outlook.view, other),
        tuple(points),
    )


def _price_points(outlook: Outlook, one: str, other: str) -> Sequence[Point]:
    found = []
    for option in (one, other):
        prices = {
            f"token price of {option}": token_prices(outlook.view, option),
            f"machine price of {option}": machine_prices(outlook.view, option),
        }
        for what, drivers in prices.items():
            if drivers:
                crossing = price_crossing(outlook.view, one, other, drivers)
                found.append(Point(what, crossing, *_single(drivers)))
    return found


def _single(drivers: Sequence[Driver]) -> tuple[float | None, str]:
    """Return today's value and unit, where one price alone moves."""
    return (drivers[0].likely, drivers[0].unit) if len(drivers) == 1 else (None, "")


def _words(point: Point) -> str:
    if isinstance(point.found, NoCrossing):
        return f"{point.what}: none, {point.found.reason}"
    if point.today is None:
        return f"{point.what}: {amount(point.found.factor)} times today's"
    there = amount(point.today * point.found.factor)
    return f"{point.what}: {there} {point.unit} (today {amount(point.today)})"
