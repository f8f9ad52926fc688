"""What an option takes of people, time and the climate, read off its lines."""

from __future__ import annotations

import numpy as np

from tco.domain.cost import Payee, Phase
from tco.ledger.expression import Array, Driver, Leaf, leaves_of
from tco.ledger.model import CostLine, CostModel
from tco.rank.goals import Work
from tco.sim.ladder import TOLERANCE
from tco.units import MONTHS_PER_YEAR

BEFORE_USE = {Phase.EXPERIMENTATION, Phase.TRAINING, Phase.DATA, Phase.DEPLOYMENT}
SIMULATED = "simulated"
"""How the source of a simulated table begins."""
LABOUR = ("price.people.", "organisation.labour_usd_per_hour.")


def work_of(model: CostModel, *, hours_per_fte_year: float) -> dict[str, Work]:
    """Return what each option takes, by its name.

    Work counts as done before use if its phase comes before it and the months in which it is paid
    begin with the first and end before the last of the plan; what goes on, such as retraining, does
    not delay anything.
    """
    noise = _noise_usd(model)
    carbon = model.totals_co2e_kg()
    months = len(model.months)
    ready: dict[str, int] = {}
    team: dict[str, dict[str, Array]] = {}
    for valued in model.likely:
        line, hours = valued.line, valued.quantity[0]
        if not hours.any():
            continue
        first, last = (int(month) for month in np.flatnonzero(hours)[[0, -1]])
        if line.phase in BEFORE_USE and last + 1 < months and hours[first : last + 1].all():
            ready[line.option] = max(ready.get(line.option, 0), last + 1)
        role = _role(line)
        if role is not None:
            by_role = team.setdefault(line.option, {})
            fte = hours / (hours_per_fte_year / MONTHS_PER_YEAR)
            by_role[role] = by_role.get(role, np.zeros(months)) + fte
    return {
        option: Work(
            co2e_kg=float(carbon[option][0]) if option in carbon else None,
            ready_month=ready.get(option, 0),
            noise_usd=noise.get(option, 0.0),
            team_fte={
                role: round(float(fte.max()), 9) for role, fte in team.get(option, {}).items()
            },
        )
        for option in dict.fromkeys(line.option for line in model.lines)
    }


def _role(line: CostLine) -> str | None:
    """Return whose hours a line pays, if it pays for hours."""
    if line.payee is not Payee.PAYROLL:
        return None
    for leaf in leaves_of(line.unit_price_usd):
        for start in LABOUR:
            if leaf.name.startswith(start):
                return leaf.name.removeprefix(start)
    return None


def _noise_usd(model: CostModel) -> dict[str, float]:
    """Return what simulation leaves open of each option's likely cost [USD].

    A ladder's lines hold within a stated share, so totals closer than that are not told apart.
    """
    noise: dict[str, float] = {}
    for valued in model.likely:
        option = valued.line.option
        if any(_is_simulated(leaf) for leaf in leaves_of(valued.line.quantity)):
            open_usd = TOLERANCE * float(valued.cost_usd.sum())
            noise[option] = noise.get(option, 0.0) + open_usd
    return noise


def _is_simulated(leaf: Leaf) -> bool:
    return not isinstance(leaf, Driver) and leaf.source.startswith(SIMULATED)
