"""What moved a total from one evaluation to another: causes whose parts sum to the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from tco.domain.cost import COMMITMENT, Kind, Payee, Phase
from tco.ledger.expression import Array, Valuation
from tco.ledger.machines import SINGLY
from tco.ledger.model import CostLine, CostModel, cost_usd, value_line

Key = tuple[str, int]
ANSWERING = ("tokens", "compute", COMMITMENT, "incumbent")
"""Categories of what answers requests; whatever else is paid for serving stands around it."""


class Mover(StrEnum):
    """Why a cost changed, in the order in which a bridge is read."""

    VOLUME = "volume"
    TOKENS = "tokens"
    MIX = "mix"
    UNIT_PRICE = "unit price"
    UTILISATION = "utilisation"
    PEOPLE = "people"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Bridge:
    """Old total, what moved it, new total [USD]."""

    old_option: str
    new_option: str
    old_usd: float
    new_usd: float
    parts_usd: Mapping[Mover, float]


@dataclass(frozen=True, slots=True)
class _Row:
    """What a key stands for: a line, or one use of machines however its hours are bought."""

    line: CostLine
    quantity: Array
    cost: Array
    volume: Array | None

    @property
    def price(self) -> Array:
        """Price of a unit, over all ways of buying it [USD per unit]."""
        none = np.zeros_like(self.cost)
        return np.asarray(np.divide(self.cost, self.quantity, out=none, where=self.quantity != 0))


def bridge(old: CostModel, old_option: str, new: CostModel, new_option: str) -> Bridge:
    """Explain the difference between two options' totals.

    Lines are matched by key; where a key comes twice, as in stages that return to an option, by its
    turn. One use of machines is one line, whether its hours are bought singly or under a
    commitment: moving them from one to the other is unit price. For a line in both, the change of
    quantity is taken at the old price and the change of price at the new quantity. A change of
    quantity is volume as far as requests grew at the old quantity a request; what is left is tokens
    for token lines, utilisation for capacity that serves, and other elsewhere. A line that is in
    one alone is mix if it answers requests, unless the same machines serve in both: then it is
    utilisation. Labour is people throughout.
    """
    months = max(len(old.months), len(new.months))
    before, after = _rows(old, old_option, months), _rows(new, new_option, months)
    in_both = _fleets(before) & _fleets(after)
    parts = dict.fromkeys(Mover, 0.0)
    for key in dict.fromkeys((*before, *after)):
        for mover, amount in _moved(before.get(key), after.get(key), in_both).items():
            parts[mover] += amount
    return Bridge(old_option, new_option, _total(before), _total(after), parts)


def _rows(model: CostModel, option: str, months: int) -> dict[Key, _Row]:
    """Return rows by key and turn; a shorter horizon is filled up with months of nothing."""
    valuation = Valuation()
    found: dict[Key, _Row] = {}
    turns: Counter[str] = Counter()
    width = len(model.months)

    def padded(values: Array) -> Array:
        return np.pad(np.broadcast_to(values, (width,)), (0, months - width))

    for line in model.lines:
        if line.option != option:
            continue
        key = (_use_of(line), turns[line.key])
        turns[line.key] += 1
        valued = value_line(line, valuation, width)
        row = _Row(
            line,
            padded(valued.quantity[0]),
            padded(valued.cost_usd[0]),
            None if line.volume is None else padded(valuation.of(line.volume)[0]),
        )
        found[key] = _together(found[key], row) if key in found else row
    return found


def _together(one: _Row, other: _Row) -> _Row:
    return replace(one, quantity=one.quantity + other.quantity, cost=one.cost + other.cost)


def _fleets(rows: Mapping[Key, _Row]) -> set[str]:
    """Return the parts whose machines serve."""
    return {
        fleet
        for (key, _), row in rows.items()
        if (fleet := _fleet_of(key)) is not None and row.cost.any()
    }


def _fleet_of(key: str) -> str | None:
    part, between, _ = key.rpartition(f".{SINGLY}.")
    return part if between else None


def _total(rows: Mapping[Key, _Row]) -> float:
    return float(sum(row.cost.sum() for row in rows.values()))


def _moved(first: _Row | None, second: _Row | None, in_both: set[str]) -> dict[Mover, float]:
    known = second or first
    assert known is not None
    line = known.line
    difference = (0.0 if second is None else float(second.cost.sum())) - (
        0.0 if first is None else float(first.cost.sum())
    )
    if line.payee is Payee.PAYROLL:
        return {Mover.PEOPLE: difference}
    if first is None or second is None:
        return {_alone(line, in_both): difference}
    price = np.where(first.quantity != 0, first.price, second.price)
    by_quantity = float(np.sum(cost_usd(second.quantity - first.quantity, price)))
    by_volume = 0.0
    if first.volume is not None and second.volume is not None:
        # A month that had no requests takes the new quantity a request: there is no old one.
        had_any = first.volume > 0
        a_request = np.divide(
            np.where(had_any, first.quantity, second.quantity),
            np.where(had_any, first.volume, second.volume),
            out=np.zeros_like(first.quantity),
            where=had_any | (second.volume > 0),
        )
        more = a_request * (second.volume - first.volume)
        by_volume = float(np.sum(cost_usd(more, price)))
    return {
        Mover.VOLUME: by_volume,
        _rest(line): by_quantity - by_volume,
        Mover.UNIT_PRICE: difference - by_quantity,
    }


def _alone(line: CostLine, in_both: set[str]) -> Mover:
    """Return why a line is in one alone."""
    if line.phase is not Phase.INFERENCE or line.category not in ANSWERING:
        return Mover.OTHER
    return Mover.UTILISATION if _fleet_of(_use_of(line)) in in_both else Mover.MIX


def _use_of(line: CostLine) -> str:
    """Return the key of a line, the same for hours of one use however they are bought."""
    return line.key.replace(f".{COMMITMENT}.", f".{SINGLY}.")


def _rest(line: CostLine) -> Mover:
    """Return what moves a quantity beside the volume."""
    if line.phase is not Phase.INFERENCE:
        return Mover.OTHER
    if line.category == "tokens":
        return Mover.TOKENS
    return Mover.OTHER if line.kind is Kind.NONE else Mover.UTILISATION
