"""Batches handed to a vendor: how long requests wait to be handed over, and then for the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.sim.api import Quantiles
from tco.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]
REQUESTS = 200_000
"""Requests of a week that are looked at, spread over it as it spreads them."""
QUANTILES = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class BatchRules:
    """How requests are gathered, and how the vendor answers them."""

    submit_every_s: float
    answered_after: Quantiles
    window_s: float
    """A batch that takes longer expires [s]."""
    sends_again: bool


@dataclass(frozen=True, slots=True)
class Completion:
    """When requests are answered."""

    p50_hours: float
    p95_hours: float
    p99_hours: float
    lost_share: float
    """Requests whose batch expired and was not sent again [-]."""
    sent_per_request: float
    """How often a request is handed over [-]."""


def completion(rules: BatchRules, week: Array, seed: int) -> Completion:
    """Work out when the requests of a week are answered.

    Args:
        rules: How requests are gathered and answered.
        week: Rate of each hour of the week, in any unit.
        seed: Seed of how long batches take.
    """
    edges_s = np.arange(week.size + 1) * SECONDS_PER_HOUR
    reached = np.concatenate(([0.0], np.cumsum(week) / week.sum()))
    came_s = np.interp((np.arange(REQUESTS) + 0.5) / REQUESTS, reached, edges_s)
    handed_s = np.ceil(came_s / rules.submit_every_s) * rules.submit_every_s
    taken_s, sent = handed_s - came_s, np.ones(REQUESTS)
    random, table = np.random.default_rng(seed), rules.answered_after.table()
    left = np.arange(REQUESTS)
    lost = np.zeros(REQUESTS, dtype=bool)
    while left.size:
        answered_s = table[random.integers(table.size, size=left.size)]
        expired = answered_s > rules.window_s
        taken_s[left] += np.minimum(answered_s, rules.window_s)
        left = left[expired]
        if not rules.sends_again:
            lost[left] = True
            break
        sent[left] += 1.0
    p50, p95, p99 = np.quantile(taken_s[~lost], QUANTILES) / SECONDS_PER_HOUR
    return Completion(float(p50), float(p95), float(p99), float(lost.mean()), float(sent.mean()))
