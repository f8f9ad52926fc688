"""The fitted workload against its log: the same figures from the data and from drawn requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tco.traffic.arrivals import arrivals_s
from tco.traffic.dispersion import WINDOWS_S, gap_cv, unevenness
from tco.traffic.fit import Fit
from tco.traffic.fit_sizes import rank_correlation
from tco.traffic.rate import PiecewiseRate, movement_factors
from tco.traffic.requests import Requests, requests_by_hour, sized
from tco.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]
SEEDS = 8
MOST_SIMULATED = 500_000
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of the log beside the mean and spread of drawn streams."""

    name: str
    unit: str
    log: float
    fit: float
    low: float
    high: float
    """Smallest and largest of the drawn streams."""

    @property
    def difference(self) -> float | None:
        """Fit over log, less one [-]; none where the log has 0."""
        return self.fit / self.log - 1.0 if self.log else None


def check_fit(fit: Fit, requests: Requests, *, seed: int = 0) -> list[Check]:
    """Draw the log's span again several times and hold each figure against the log's.

    Args:
        fit: What ``fit_log`` returned.
        requests: The log.
        seed: Seed of the draws.
    """
    own = _figures(
        Requests(fit.times_s, requests.input_tokens, requests.output_tokens, requests.kind)
    )
    drawn = [_figures(_drawn(fit, random)) for random in np.random.default_rng(seed).spawn(SEEDS)]
    checks = []
    for (name, unit), value in own.items():
        found = [figures[name, unit] for figures in drawn if (name, unit) in figures]
        if found:
            mean = float(np.mean(found))
            checks.append(Check(name, unit, value, mean, min(found), max(found)))
    return checks


def _drawn(fit: Fit, random: np.random.Generator) -> Requests:
    """Draw the log's span, or its beginning where that is millions of requests."""
    moving, coming, sizing = random.spawn(3)
    rate = fit.rate
    workload = fit.workload
    if rate.expected > MOST_SIMULATED:
        rate = _beginning(rate, MOST_SIMULATED)
    if workload.movement is not None:
        hours = int(np.ceil(rate.span_s / SECONDS_PER_HOUR))
        edges_s = np.arange(hours, dtype=np.float64) * SECONDS_PER_HOUR
        rate = rate.modulated(edges_s, movement_factors(workload.movement, hours, moving))
    times_s = arrivals_s(rate, coming, workload.bursts)
    first_s = fit.first_hour * SECONDS_PER_HOUR
    by_hour = requests_by_hour(fit.rate, first_s=first_s)
    drawn = sized(workload, times_s + first_s, by_hour, sizing)
    return replace(drawn, arrival_s=times_s)


def _beginning(rate: PiecewiseRate, requests: float) -> PiecewiseRate:
    until = rate.expected_until()
    pieces = int(np.searchsorted(until, requests))
    return PiecewiseRate(rate.edges_s[: pieces + 1], rate.per_s[:pieces])


def _figures(requests: Requests) -> dict[tuple[str, str], float]:
    """Return the figures of a stream by name and unit."""
    times_s = requests.arrival_s
    if times_s.size < 2:  # noqa: PLR2004 - one arrival has no gap
        return {}
    found = {
        ("requests", "1/s"): times_s.size / float(times_s[-1]),
        ("gaps, CV", "-"): gap_cv(times_s),
    }
    windows = unevenness(times_s, WINDOWS_S)
    found |= {(f"dispersion in {w.window_s:g} s", "-"): w.index for w in windows}
    found |= {(f"peak over mean in {w.window_s:g} s", "-"): w.peak_to_mean for w in windows}
    inputs, outputs = requests.input_tokens, requests.output_tokens
    if inputs is None or outputs is None:
        return found
    for name, tokens in (("input", inputs), ("output", outputs)):
        found[f"{name}, mean", "tokens"] = float(tokens.mean())
        for share in (50, 90, 99):
            found[f"{name}, p{share}", "tokens"] = float(np.percentile(tokens, share))
        by_minute = np.bincount((times_s // MINUTE_S).astype(np.int64), tokens)[:-1]
        if by_minute.size and by_minute.any():
            peak = float(by_minute.max() / by_minute.mean())
            found[f"{name}, peak over mean in 60 s", "-"] = peak
    found["input with output, rank correlation", "-"] = rank_correlation(
        inputs.astype(np.float64), outputs.astype(np.float64)
    )
    return found
