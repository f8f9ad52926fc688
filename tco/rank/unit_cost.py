"""Cost of a unit that people can picture: a thousand requests, a million tokens, a user a month."""

from __future__ import annotations

from enum import StrEnum

from tco.domain.scenario import Scenario
from tco.rank.score import Money
from tco.units import TOKENS_PER_MILLION


class UnitOfCost(StrEnum):
    """What a cost is divided by."""

    REQUESTS = "per 1,000 requests"
    TOKENS = "per 1M tokens"
    USERS = "per user and month"


def units_of(scenario: Scenario) -> tuple[UnitOfCost, ...]:
    """Return the units that a scenario's workload can tell."""
    workload = scenario.workload
    known = {
        UnitOfCost.REQUESTS: True,
        UnitOfCost.TOKENS: workload.tokens is not None
        and workload.tokens.input.likely + workload.tokens.output.likely > 0,
        UnitOfCost.USERS: workload.volume_drivers is not None
        and workload.volume_drivers.users.likely > 0,
    }
    return tuple(unit for unit in UnitOfCost if known[unit])


def unit_cost_usd(scenario: Scenario, requests: float, money: Money, unit: UnitOfCost) -> float:
    """Return a total over its units [USD].

    Tokens are reference tokens, in and out, the same for every option; users are those of the
    first month.

    Args:
        scenario: Says how large a request is, and who sends them.
        requests: Requests answered over the horizon [-].
        money: The figures of one option.
        unit: One of ``units_of``.
    """
    if unit is UnitOfCost.REQUESTS:
        return money.cost_per_1k_usd
    if unit is UnitOfCost.TOKENS:
        tokens = scenario.workload.tokens
        assert tokens is not None
        each = tokens.input.likely + tokens.output.likely
        return money.tco_usd / (requests * each / TOKENS_PER_MILLION)
    drivers = scenario.workload.volume_drivers
    assert drivers is not None
    return money.tco_usd / (drivers.users.likely * scenario.horizon_months)
