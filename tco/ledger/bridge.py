"""What moved a total from one evaluation to another: causes whose parts sum to the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tco.domain.cost import Payee, Phase
from tco.ledger.expression import Array, Valuation
from tco.ledger.model import CostModel, ValuedLine, cost_usd, value_line

Key = tuple[str, int]


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
class _Months:
    """One line's numbers by month; all zero where the line does not exist."""

    quantity: Array
    price: Array
    volume: Array | None


def bridge(old: CostModel, old_option: str, new: CostModel, new_option: str) -> Bridge:
    """Explain the difference between two options' totals.

    Lines are matched by key; where a key comes twice, as in stages that return to an option, by its
    turn. For a line in both, the change of quantity is taken at the old price
    and the change of price at the new quantity. A change of quantity is volume as far as requests
    grew at the old quantity a request; what is left is tokens for token lines, utilisation for
    capacity that serves, and other elsewhere. A line that is in one alone is mix if it serves
    requests. Labour is people throughout.
    """
    months = max(len(old.months), len(new.months))
    before, after = _valued(old, old_option), _valued(new, new_option)
    parts = dict.fromkeys(Mover, 0.0)
    for key in dict.fromkeys((*before, *after)):
        first, second = before.get(key), after.get(key)
        for mover, amount in _moved(first, second, months).items():
            parts[mover] += amount
    return Bridge(old_option, new_option, _total(before), _total(after), parts)


def _valued(model: CostModel, option: str) -> dict[Key, tuple[ValuedLine, Array | None]]:
    valuation = Valuation()
    found: dict[Key, tuple[ValuedLine, Array | None]] = {}
    turns: Counter[str] = Counter()
    for line in model.lines:
        if line.option == option:
            volume = None if line.volume is None else valuation.of(line.volume)[0]
            key = (line.key, turns[line.key])
            found[key] = (value_line(line, valuation, len(model.months)), volume)
            turns[line.key] += 1
    return found


def _total(lines: Mapping[Key, tuple[ValuedLine, Array | None]]) -> float:
    return float(sum(valued.cost_usd[0].sum() for valued, _ in lines.values()))


def _moved(
    first: tuple[ValuedLine, Array | None] | None,
    second: tuple[ValuedLine, Array | None] | None,
    months: int,
) -> dict[Mover, float]:
    known = second or first
    assert known is not None
    line = known[0].line
    before, after = _padded(first, months), _padded(second, months)
    difference = float(
        np.sum(cost_usd(after.quantity, after.price) - cost_usd(before.quantity, before.price))
    )
    if line.payee is Payee.PAYROLL:
        return {Mover.PEOPLE: difference}
    serves = line.phase is Phase.INFERENCE
    if first is None or second is None:
        return {Mover.MIX if serves else Mover.OTHER: difference}
    by_price = float(np.sum(cost_usd(after.quantity, after.price - before.price)))
    by_quantity = difference - by_price
    by_volume = 0.0
    if before.volume is not None and after.volume is not None:
        # A month that had no requests takes the new quantity a request: there is no old one.
        had_any = before.volume > 0
        a_request = np.divide(
            np.where(had_any, before.quantity, after.quantity),
            np.where(had_any, before.volume, after.volume),
            out=np.zeros_like(before.quantity),
            where=had_any | (after.volume > 0),
        )
        more = a_request * (after.volume - before.volume)
        by_volume = float(np.sum(cost_usd(more, before.price)))
    rest = Mover.OTHER
    if serves:
        rest = Mover.TOKENS if line.category == "tokens" else Mover.UTILISATION
    return {
        Mover.VOLUME: by_volume,
        rest: by_quantity - by_volume,
        Mover.UNIT_PRICE: by_price,
    }


def _padded(found: tuple[ValuedLine, Array | None] | None, months: int) -> _Months:
    """Fill a shorter horizon with months of zero quantity."""
    if found is None:
        return _Months(np.zeros(months), np.zeros(months), None)
    valued, volume = found
    missing = (0, months - valued.quantity.shape[1])
    width = valued.quantity.shape[1]
    return _Months(
        np.pad(valued.quantity[0], missing),
        np.pad(valued.unit_price_usd[0], missing, mode="edge"),
        None if volume is None else np.pad(np.broadcast_to(volume, (width,)), missing),
    )
