"""Closed forms of batching, cold starts and a load that moves with the day.

As in ``theory``: exact under the stated assumptions, Poisson arrivals, seconds, rates per second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tco.sim.theory import SMALL, poisson_shares, stable_utilisation


@dataclass(frozen=True, slots=True)
class BulkService:
    """M/M^[a,b]/1: waits for ``a``, takes up to ``b`` at once."""

    ratio: float
    constant: float
    idle_share: float
    queued: float
    wait_s: float
    mean_batch: float


def bulk_service(arrivals_per_s: float, batch_s: float, least: int, most: int) -> BulkService:
    """Neuts' general bulk service rule; a batch takes an exponential ``batch_s``, of any size."""
    lam, mu = arrivals_per_s, 1.0 / batch_s
    stable_utilisation(lam / mu, most)
    ratio = 0.0
    for _ in range(200):  # convex and falling from the left: Newton approaches from below
        value = mu * ratio ** (most + 1) - (lam + mu) * ratio + lam
        step = value / (mu * (most + 1) * ratio**most - (lam + mu))
        ratio -= step
        if abs(step) < SMALL:
            break
    left = 1.0 - ratio
    constant = left / (1.0 + lam**-1 * mu * (least - ratio * (1.0 - ratio**least) / left))
    waiting = np.arange(least)
    idle = mu / lam * constant * (1.0 - ratio ** (waiting + 1.0)) / left
    idle_share = float(idle.sum())
    queued = constant * ratio / left**2 + float(np.sum(waiting * idle))
    return BulkService(
        ratio, constant, idle_share, queued, queued / lam, lam / (mu * (1.0 - idle_share))
    )


@dataclass(frozen=True, slots=True)
class TimedBatches:
    """Batches that leave when full, or a time after their first request."""

    mean_batch: float
    wait_s: float
    full_share: float
    batches_per_s: float


def timed_batches(arrivals_per_s: float, most_wait_s: float, most: int) -> TimedBatches:
    """Form batches for ample servers: up to ``most``, at latest ``most_wait_s`` after the first."""
    tail = 1.0 - np.cumsum(poisson_shares(arrivals_per_s * most_wait_s, most))
    beyond = tail[: most - 1]  # P(N > k), k = 0 .. most - 2
    mean_batch = 1.0 + float(beyond.sum())
    ranks = np.arange(1, most)
    return TimedBatches(
        mean_batch=mean_batch,
        wait_s=float(np.sum(ranks * beyond)) / (arrivals_per_s * mean_batch),
        full_share=float(tail[most - 2]) if most > 1 else 1.0,
        batches_per_s=arrivals_per_s / mean_batch,
    )


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One server that boots when work meets it switched off."""

    wait_s: float
    cold_share: float
    """Share of requests that cause a boot [-]."""
    warm_gap_share: float
    """Share of quiet spells that outlast the keep-alive [-]."""
    powered_share: float
    """Share of time in which the server is on: booting, serving or kept alive [-]."""


def cold_start(
    arrivals_per_s: float,
    service_s: float,
    service_scv: float,
    boot_s: float,
    keep_alive_s: float = 0.0,
) -> ColdStart:
    """M/G/1 that is switched off ``keep_alive_s`` after it falls idle and boots for ``boot_s``."""
    lam = arrivals_per_s
    load = stable_utilisation(lam * service_s, 1)
    off = math.exp(-lam * keep_alive_s)
    boot, boot_squared = off * boot_s, off * boot_s**2
    second_moment = service_s**2 * (1.0 + service_scv)
    return ColdStart(
        wait_s=lam * second_moment / (2.0 * (1.0 - load))
        + (2.0 * boot + lam * boot_squared) / (2.0 * (1.0 + lam * boot)),
        cold_share=off * (1.0 - load) / (1.0 + lam * boot),
        warm_gap_share=off,
        powered_share=1.0 - (off / lam) / (1.0 / lam + (boot + service_s) / (1.0 - load)),
    )


@dataclass(frozen=True, slots=True)
class DailyBusy:
    """Busy servers under a rate b + A sin(g t), when there are always enough of them."""

    mean: float
    amplitude: float
    lag: float
    """How long the peak of busy servers comes after the peak of the rate [unit of the period]."""
    turn: float

    def at(self, time: float) -> float:
        """Return the mean number of busy servers at a time."""
        return self.mean + self.amplitude * math.sin(self.turn * (time - self.lag))

    @property
    def peak(self) -> float:
        """Mean number of busy servers at the busiest moment."""
        return self.mean + self.amplitude


def daily_busy(
    mean_rate: float, rate_amplitude: float, period: float, service_rate: float
) -> DailyBusy:
    """Mt/M/infinity with a sinusoidal rate; all arguments in one unit of time, which is free."""
    turn = 2.0 * math.pi / period
    return DailyBusy(
        mean=mean_rate / service_rate,
        amplitude=rate_amplitude / math.hypot(service_rate, turn),
        lag=math.atan2(turn, service_rate) / turn,
        turn=turn,
    )
