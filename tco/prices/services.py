"""Prices of things sold by the piece: tiers, functions, contracts with a floor, credits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tco.domain.price import PriceTier
from tco.units import SECONDS_PER_HOUR

Months = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TierShare:
    """How many units fall into one step of a tiered price."""

    tier: PriceTier
    units: float


def split_by_tier(tiers: Sequence[PriceTier], units: float) -> tuple[TierShare, ...]:
    """Split a month's quantity over the steps of its price; steps that get nothing are left out.

    Each unit pays the price of the step it falls into, as clouds bill egress and function time.
    """
    starts = [float(tier.from_units) for tier in tiers]
    ends = [*starts[1:], float("inf")]
    return tuple(
        TierShare(tier, min(units, end) - start)
        for tier, start, end in zip(tiers, starts, ends, strict=True)
        if units > start
    )


def average_usd(tiers: Sequence[PriceTier], units: float) -> float:
    """Return the average price of one unit at a month's quantity [USD]; the first step's at 0."""
    if units <= 0:
        return float(tiers[0].quote.usd)
    shares = split_by_tier(tiers, units)
    return sum(share.units * float(share.tier.quote.usd) for share in shares) / units


def serverless_usd_per_request(
    *, memory_gib: float, billed_s: float, usd_per_gib_s: float, usd_per_request: float
) -> float:
    """Return the price of one call of a serverless function [USD].

    What AWS calls a GB is 2^30 bytes here, so memory is in GiB.

    Args:
        memory_gib: Memory that the function is given, used or not [GiB].
        billed_s: Billed duration of the call [s].
        usd_per_gib_s: Price of memory-time [USD/GiB-s].
        usd_per_request: Price of the call itself [USD].
    """
    return memory_gib * billed_s * usd_per_gib_s + usd_per_request


def provisioned_usd_per_hour(*, instances: float, memory_gib: float, usd_per_gib_s: float) -> float:
    """Return what an hour of functions kept warm costs, called or not [USD/h].

    Args:
        instances: How many are kept warm.
        memory_gib: Memory of each [GiB].
        usd_per_gib_s: Price of memory-time kept warm [USD/GiB-s].
    """
    return instances * memory_gib * SECONDS_PER_HOUR * usd_per_gib_s


def shortfall_usd(spend_usd: Months, *, least_usd: float, period_months: int) -> Months:
    """Return what a minimum-spend contract charges on top of what was spent.

    Each period is settled in its last month; a period that the plan cuts short is settled in the
    plan's last month, in full: nobody is let off because a plan ends.

    Args:
        spend_usd: Spend that counts towards the minimum, by month [USD].
        least_usd: Minimum of a period [USD].
        period_months: Length of a period [months].
    """
    top_up = np.zeros(len(spend_usd))
    for start in range(0, len(spend_usd), period_months):
        spent = spend_usd[start : start + period_months]
        top_up[start + len(spent) - 1] = max(least_usd - float(spent.sum()), 0.0)
    return top_up


@dataclass(frozen=True, slots=True)
class Credit:
    """Money of a vendor's programme that pays bills until it expires."""

    usd: float
    first_month: int
    """First month in which it can be used, from 0."""
    end_month: int
    """First month in which it no longer can."""


def credits_used_usd(spend_usd: Months, credits: Sequence[Credit]) -> tuple[Months, float]:
    """Return by month what credits pay, and what of them expires unused [USD].

    The credit that expires first is spent first, which wastes least.

    Args:
        spend_usd: Bills that credits may pay, by month [USD].
        credits: What there is.
    """
    used = np.zeros(len(spend_usd))
    left = 0.0
    for credit in sorted(credits, key=lambda each: each.end_month):
        balance = credit.usd
        for month in range(max(credit.first_month, 0), min(credit.end_month, len(spend_usd))):
            pays = min(balance, float(spend_usd[month]) - float(used[month]))
            used[month] += pays
            balance -= pays
        left += balance
    return used, left


def provisioned_units(
    *, tokens_per_minute: float, tokens_per_minute_per_unit: float, least_units: int, unit_step: int
) -> int:
    """Return how many throughput units must be bought for a peak rate.

    >>> provisioned_units(
    ...     tokens_per_minute=90_000, tokens_per_minute_per_unit=2_500, least_units=15, unit_step=5
    ... )
    40
    """
    needed = -(-tokens_per_minute // tokens_per_minute_per_unit)
    return max(int(-(-needed // unit_step)) * unit_step, least_units)
