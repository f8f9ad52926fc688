"""Which phases each option prices, which it does not and why, and which nobody speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from tco.domain.cost import Phase
from tco.domain.coverage import Unpriced
from tco.domain.scenario import Scenario
from tco.ledger import book
from tco.ledger.gaps import stated_phases


class State(StrEnum):
    """How a phase stands for an option."""

    PRICED = "priced"
    NONE = "none"
    ELSEWHERE = "included elsewhere"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Covered:
    """One option in one phase."""

    option: str
    phase: Phase
    state: State
    usd: float
    reason: str = ""


def coverage(scenario: Scenario, rows: pd.DataFrame) -> tuple[Covered, ...]:
    """Hold each option's rows against each phase; what runs today is one bill for all of them."""
    found = []
    for option in dict.fromkeys(rows["option"]):
        own = rows[rows["option"] == option]
        for phase in Phase:
            here = own[own["phase"] == phase]
            if not here.empty:
                usd = book.total_usd(here)
                found.append(Covered(option, phase, State.PRICED, usd))
            elif option not in scenario.candidates:
                why = "the bill of what runs today"
                found.append(Covered(option, phase, State.ELSEWHERE, 0.0, why))
            else:
                found.append(_unpriced(option, phase, stated_phases(scenario, option).get(phase)))
    return tuple(found)


def _unpriced(option: str, phase: Phase, stated: Unpriced | None) -> Covered:
    if stated is None:
        return Covered(option, phase, State.SILENT, 0.0)
    if stated.none is not None:
        return Covered(option, phase, State.NONE, 0.0, stated.none)
    return Covered(option, phase, State.ELSEWHERE, 0.0, stated.included_in or "")
