"""What it would cost to leave an option at the end of each month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tco.domain.cost import COMMITMENT, Flow, Nature, Phase
from tco.domain.deployment import ComposedDeployment, SelfHostedDeployment
from tco.domain.scenario import Scenario
from tco.ledger.expression import Array
from tco.ledger.machines import SINGLY
from tco.ledger.model import CostModel, ValuedLine
from tco.units import HOURS_PER_QUOTED_MONTH, hours_in_month


@dataclass(frozen=True, slots=True)
class Exit:
    """Cost of leaving at the end of each month [USD], of shape (months,)."""

    option: str
    commitment_usd: Array
    """What is still owed for running commitments."""
    assets_usd: Array
    """Book value of what was bought, less what it fetches."""
    migration_usd: Array | None
    """Work and fees; None where nobody has stated them."""


def exit_costs(scenario: Scenario, model: CostModel, option: str) -> Exit:
    """Work out, month by month, what leaving a plain option would cost, likely case."""
    valued = model.of([option]).valued()
    stated = scenario.candidates[option].lifecycle.exit_usd
    return Exit(
        option,
        _owed(scenario, option, valued),
        _assets(valued, len(model.months)),
        None if stated is None else np.full(len(model.months), stated.likely),
    )


def _owed(scenario: Scenario, option: str, valued: list[ValuedLine]) -> Array:
    """Return the hours still committed at the price of the month."""
    months = scenario.horizon_months
    deployment = scenario.candidates[option].deployment
    if not isinstance(deployment, SelfHostedDeployment):
        return np.zeros(months)
    under = deployment.commitment
    purchase = deployment.machine.purchase if under is None else under.purchase
    term = purchase.term_months
    if term is None:
        return np.zeros(months)
    way = SINGLY if under is None else COMMITMENT
    hourly = np.zeros(months)
    hours = np.array([hours_in_month(month) for month in scenario.months], dtype=np.float64)
    for line in valued:
        is_bound = line.line.key.startswith(f"{option}.{way}.") and line.line.nature is Nature.RUN
        if line.line.phase is Phase.INFERENCE and is_bound:
            hourly += line.cost_usd[0] / hours
    remaining = -np.arange(1, months + 1) % term
    return np.asarray(hourly * remaining * HOURS_PER_QUOTED_MONTH)


def _assets(valued: list[ValuedLine], months: int) -> Array:
    """Return book value less resale; between purchase and end resale falls by the same share."""
    lost = np.zeros(months)
    fetched = {
        line.line.key: line.cost_usd[0].sum() for line in valued if line.line.flow is Flow.CREDIT
    }
    for line in valued:
        if line.line.flow is not Flow.CAPEX:
            continue
        assert line.line.life_months is not None
        [bought] = np.flatnonzero(line.cost_usd[0])
        paid = float(line.cost_usd[0, bought])
        ages = np.arange(1, months - bought + 1)
        book = paid * np.maximum(0.0, 1.0 - ages / line.line.life_months)
        share = -fetched.get(f"{line.line.key}.residual", 0.0) / paid
        lost[bought:] += book - paid * share ** (ages / ages[-1])
    return lost


def is_plain(scenario: Scenario, option: str) -> bool:
    """Tell whether an option is not made of others; those are left part by part."""
    deployment = scenario.candidates[option].deployment
    return not isinstance(deployment, ComposedDeployment)
