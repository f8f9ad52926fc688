"""Waste by name: what became of capacity that was paid for, and why part of it did not work.

Every amount is a sum over rows of the ledger, so used + wasted + idle + shared is what was paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from tco.domain.cost import COMMITMENT, Kind
from tco.domain.experiments import EXPERIMENT_RUNS, TRAINING_RUN
from tco.ledger import book


class Family(StrEnum):
    """What kind of capacity a cause belongs to."""

    FLEET = "fleet"
    COMMITMENT = "commitment"
    RUNS = "runs"
    DEVELOPMENT = "development machines"
    STORAGE = "storage"


FAMILIES = {
    COMMITMENT: Family.COMMITMENT,
    EXPERIMENT_RUNS: Family.RUNS,
    TRAINING_RUN: Family.RUNS,
    Family.DEVELOPMENT.value: Family.DEVELOPMENT,
    Family.STORAGE.value: Family.STORAGE,
}
"""Families by category of row; machines of every other category form fleets."""


@dataclass(frozen=True, slots=True)
class Waste:
    """What one cause takes over the horizon."""

    cause: str
    family: Family
    kind: Kind
    usd: float


@dataclass(frozen=True, slots=True)
class CapacityUse:
    """What became of the capacity that one option pays for [USD, nominal]."""

    option: str
    paid_usd: float
    used_usd: float
    wasted_usd: float
    idle_usd: float
    shared_usd: float
    wastes: tuple[Waste, ...]
    """Everything wasted or idle by name, the dearest first."""

    @property
    def lost_usd(self) -> float:
        """What did not work: wasted and idle [USD]."""
        return self.wasted_usd + self.idle_usd

    @property
    def lost_share(self) -> float | None:
        """Part of the capacity paid for that did not work [-]; None where none is paid for."""
        return self.lost_usd / self.paid_usd if self.paid_usd else None

    def by_cause_usd(self) -> dict[str, float]:
        """Return what each cause takes [USD]; one that several kinds of capacity have is summed."""
        found: dict[str, float] = {}
        for waste in self.wastes:
            found[waste.cause] = found.get(waste.cause, 0.0) + waste.usd
        return found


def capacity_use(rows: pd.DataFrame, option: str) -> CapacityUse:
    """Sum up what one option's capacity did."""
    own = rows[rows["option"] == option]
    kinds = {kind: book.total_usd(own[own["kind"] == kind]) for kind in book.CAPACITY_KINDS}
    lost = own[own["kind"].isin([Kind.WASTED, Kind.IDLE])]
    return CapacityUse(
        option,
        paid_usd=book.capacity_usd(own),
        used_usd=kinds[Kind.USED],
        wasted_usd=kinds[Kind.WASTED],
        idle_usd=kinds[Kind.IDLE],
        shared_usd=kinds[Kind.SHARED],
        wastes=_wastes(lost),
    )


def _wastes(lost: pd.DataFrame) -> tuple[Waste, ...]:
    found: dict[tuple[str, Family, Kind], float] = {}
    summed = book.totals(lost, ["cause", "category", "kind"])
    for row in summed.to_dict("records"):
        name = (row["cause"], FAMILIES.get(row["category"], Family.FLEET), Kind(row["kind"]))
        found[name] = found.get(name, 0.0) + row["cost_usd"]
    wastes = (Waste(*name, usd) for name, usd in found.items())
    return tuple(sorted(wastes, key=lambda waste: (-waste.usd, waste.cause, waste.family)))


def capacity_by_option(rows: pd.DataFrame) -> dict[str, CapacityUse]:
    """Return what became of the capacity of every option that pays for some."""
    used = {option: capacity_use(rows, option) for option in dict.fromkeys(rows["option"])}
    return {option: use for option, use in used.items() if use.paid_usd}
