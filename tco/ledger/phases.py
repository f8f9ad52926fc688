"""The phases of a model's life around its serving: one call a phase, one file a phase."""

from __future__ import annotations

from dataclasses import dataclass

from tco.domain.lifecycle import Lifecycle
from tco.domain.scenario import Scenario
from tco.ledger.expression import Expression
from tco.ledger.model import LineMaker
from tco.ledger.option import Part
from tco.prices import Catalog


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose lifecycle it is: where it stands in the file, its months, and what it serves."""

    path: str
    """Key path of the lifecycle, the start of every line's key."""
    first_month: int
    """Month of the horizon that the lifecycle counts as its month 1."""
    last_month: int
    volume: Expression
    """Requests a month that the holder answers, over the whole horizon."""
    part: Part | None = None
    """The option with its snapshot; None for what all options share, and for routes."""


def add_phase_lines(
    make: LineMaker,
    scenario: Scenario,
    lifecycle: Lifecycle,
    catalog: Catalog,
    holder: Holder,
) -> None:
    """Add the lines of every phase block that a lifecycle has."""
