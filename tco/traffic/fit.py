"""A request log becomes a workload block, with what the block reproduces held against the log.

Which burst model is taken is decided by what it must carry: the peaks. The simplest one whose
streams have the log's peak over mean within a quarter is taken; if neither independent requests nor
two levels do, the rate is recorded step by step. Matching the CV of the gaps is no aim: it gave a
capacity twice or a sixth of the true one on published traces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import Bursts, OnOffBursts, RecordedBursts, RequestClass, TwoStateBursts
from tco.domain.workload import Workload
from tco.errors import TcoError
from tco.traffic import fit_rate
from tco.traffic.arrivals import arrivals_s
from tco.traffic.dispersion import gap_cv, unevenness
from tco.traffic.fit_sizes import Way, fit_sizes, lognormal_miss
from tco.traffic.rate import PiecewiseRate
from tco.traffic.requests import Requests
from tco.traffic.traces import RequestLog
from tco.units import HOURS_PER_DAY, HOURS_PER_YEAR, MONTHS_PER_YEAR, SECONDS_PER_HOUR

Array = NDArray[np.float64]
LEAST_REQUESTS = 100
REGULAR = 1e-3
"""Gaps that vary by less than a thousandth are a clock's."""
PEAK_TOLERANCE = 0.25
PEAK_WINDOWS_S = (1.0, 10.0)
SEEDS = 5
MOST_SIMULATED = 2_000_000
HOURS_PER_AVERAGE_MONTH = HOURS_PER_YEAR / MONTHS_PER_YEAR
LATEST_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted workload and what it was fitted to."""

    workload: Workload
    block: dict[str, Any]
    """The workload as plain data, as it stands in a scenario file."""
    rate: PiecewiseRate
    """Rate over the log's own span, slow movement and bursts left out."""
    times_s: Array
    """Arrivals of the log from its first one on [s]."""
    first_hour: float
    """Hour of the week of the first arrival [h]; Monday 00:00 UTC is 0."""
    notes: tuple[str, ...]


def fit_log(log: RequestLog, *, sizes: Way = "quantiles") -> Fit:
    """Fit a workload to a request log.

    Args:
        log: The log, with the moment of time 0 where it has dates; else it begins on a Monday.
        sizes: Which law of sizes to write.
    """
    requests = log.requests
    if requests.count < LEAST_REQUESTS or requests.arrival_s[-1] <= requests.arrival_s[0]:
        raise TcoError(
            f"{log.file}: {requests.count:,} requests over "
            f"{np.ptp(requests.arrival_s):g} s are too few to fit; give at least "
            f"{LEAST_REQUESTS} over some time"
        )
    times_s = requests.arrival_s - requests.arrival_s[0]
    if gap_cv(times_s) < REGULAR:
        step_s = float(times_s[-1]) / (times_s.size - 1)
        raise TcoError(
            f"{log.file}: a row comes every {step_s:g} s exactly, so these are bins of a rate and "
            "no requests; give one row a request, or write the rates as 'profile: {shape: table}'"
        )
    span_s = float(times_s[-1])
    first_hour, notes = _first_hour(log)
    shape, said = fit_rate.week_shape(times_s, first_hour)
    notes = [*log.notes, *notes, said]
    rate = fit_rate.log_rate(shape, times_s.size / span_s, first_hour, span_s)
    name = Path(log.file).name
    source = f"fitted to {name}, {times_s.size:,} requests"
    slow = fit_rate.movement(times_s, rate, source)
    slow_scv = math.expm1(slow.log_sd**2) if slow is not None else 0.0
    bursts, said = _bursts(times_s, rate, slow_scv)
    notes.append(said)
    if isinstance(bursts, RecordedBursts):
        slow = None  # the recording holds it
    block: dict[str, Any] = _volume(times_s, source, notes)
    block["profile"] = _profile(shape)
    if slow is not None:
        block["movement"] = slow.model_dump()
    if bursts is not None:
        block["bursts"] = bursts.model_dump(exclude_defaults=True)
    block |= _sizes(requests, sizes, source, first_hour, notes)
    block["fitted_log"] = {
        "file": name,
        "sha256": log.sha256,
        "requests": times_s.size,
        "span_hours": rounded(span_s / SECONDS_PER_HOUR),
    }
    if log.origin is not None:
        first = log.origin + timedelta(seconds=float(requests.arrival_s[0]))
        block["fitted_log"]["first"] = first.isoformat(timespec="seconds")
    block = _plain(block)
    return Fit(Workload.model_validate(block), block, rate, times_s, first_hour, tuple(notes))


def _first_hour(log: RequestLog) -> tuple[float, list[str]]:
    """Return the hour of the week of the first arrival [h]."""
    begin_hours = float(log.requests.arrival_s[0]) / SECONDS_PER_HOUR
    if log.origin is None:
        return begin_hours % (7 * HOURS_PER_DAY), [
            "no dates in the log: its time 0 is taken as Monday 00:00 UTC"
        ]
    midnight = log.origin.replace(hour=0, minute=0, second=0, microsecond=0)
    since_hours = (log.origin - midnight) / timedelta(hours=1)
    hours = log.origin.weekday() * HOURS_PER_DAY + since_hours + begin_hours
    return hours % (7 * HOURS_PER_DAY), []


def _volume(times_s: Array, source: str, notes: list[str]) -> dict[str, Any]:
    """Return the requests of the first month, at the level the log ends on, and their growth."""
    growth = fit_rate.growth(times_s)
    week_s = 7 * HOURS_PER_DAY * SECONDS_PER_HOUR
    from_s = 0.0
    if growth is not None:
        from_s = float(times_s[-1]) - LATEST_WEEKS * week_s
        notes.append(f"volume: level of the last {LATEST_WEEKS} weeks, growth of all whole weeks")
    count = times_s.size - int(np.searchsorted(times_s, from_s))
    per_hour = count / (float(times_s[-1]) - from_s) * SECONDS_PER_HOUR
    volume: dict[str, Any] = {
        "requests_per_month": {
            "likely": rounded(per_hour * HOURS_PER_AVERAGE_MONTH),
            "source": source,
        }
    }
    if growth is not None:
        volume["growth_per_year"] = {
            "likely": rounded(growth.likely),
            "low": rounded(growth.low),
            "high": rounded(growth.high),
            "source": source,
        }
        return volume
    notes.append("growth: not shown by less than eight weeks; 0 is assumed, state your own")
    volume["growth_per_year"] = {
        "likely": 0.0,
        "low": -0.2,
        "high": 0.5,
        "evidence": "assumed",
        "source": "the log is too short to show growth; state your own",
    }
    return volume


def _profile(shape: Array | None) -> dict[str, Any]:
    if shape is None:
        return {"shape": "steady"}
    rows = shape.reshape(7, HOURS_PER_DAY)
    return {"shape": "table", "days": [[rounded(x, 4) for x in row] for row in rows.tolist()]}


# ---- bursts -------------------------------------------------------------------------------------


def _bursts(times_s: Array, rate: PiecewiseRate, slow_scv: float) -> tuple[Bursts | None, str]:
    """Take the simplest model that has the log's peaks."""
    found = fit_rate.bursts(times_s, rate, slow_scv)
    if found is None:
        return None, "bursts: none, requests are independent of one another"
    model: OnOffBursts | TwoStateBursts
    if found.is_on_off:
        model = OnOffBursts(
            kind="on_off",
            on_mean_s=rounded(found.high_mean_s),
            off_mean_s=rounded(found.low_mean_s),
        )
        said = f"on for {found.high_mean_s:,.3g} s and off for {found.low_mean_s:,.3g} s on average"
    else:
        model = TwoStateBursts(
            kind="two_state",
            high_to_low=rounded(found.high / found.low),
            high_mean_s=rounded(found.high_mean_s),
            low_mean_s=rounded(found.low_mean_s),
        )
        said = (
            f"{found.high:.3g} times the mean rate for {found.high_mean_s:,.3g} s, then "
            f"{found.low:.3g} times for {found.low_mean_s:,.3g} s, on average"
        )
    missed = _missed_peaks(times_s, rate, model)
    if missed is None:
        return model, f"bursts: {said}"
    step_s, factors = fit_rate.recording(times_s, rate)
    recorded = RecordedBursts(
        kind="recorded", step_s=step_s, factors=tuple(rounded(x, 4) for x in factors.tolist())
    )
    return recorded, (
        f"bursts: the rate is recorded in steps of {step_s:g} s, for two levels ({said}) {missed}"
    )


def _missed_peaks(times_s: Array, rate: PiecewiseRate, model: Bursts) -> str | None:
    """Say by how much a model's peaks are off, if they are off by more than a quarter."""
    span_s = min(rate.span_s, MOST_SIMULATED / rate.mean_per_s)
    flat = PiecewiseRate(np.array([0.0, span_s]), np.array([rate.mean_per_s]))
    # Peaks about the shape: the log's clock is turned so that its shape is flat.
    moments = np.interp(times_s, rate.edges_s, rate.expected_until()) / rate.mean_per_s
    own = _peaks(moments[moments < span_s])
    drawn = [_peaks(arrivals_s(flat, np.random.default_rng(s), model)) for s in range(SEEDS)]
    for window_s, peak in own.items():
        mean = float(np.mean([peaks.get(window_s, 0.0) for peaks in drawn]))
        if abs(mean / peak - 1.0) > PEAK_TOLERANCE:
            return f"would peak at {mean:.3g} times the mean over {window_s:g} s, not {peak:.3g}"
    return None


def _peaks(times_s: Array) -> dict[float, float]:
    return {found.window_s: found.peak_to_mean for found in unevenness(times_s, PEAK_WINDOWS_S)}


# ---- sizes --------------------------------------------------------------------------------------


def _sizes(
    requests: Requests, way: Way, source: str, first_hour: float, notes: list[str]
) -> dict[str, Any]:
    if requests.input_tokens is None or requests.output_tokens is None:
        notes.append("sizes: the log has no input and output tokens")
        return {}
    inputs, outputs = (
        np.asarray(column, dtype=np.float64)
        for column in (requests.input_tokens, requests.output_tokens)
    )
    for name, column in (("input", inputs), ("output", outputs)):
        miss = lognormal_miss(column)
        if miss is not None:
            notes.append(f"sizes: a plain lognormal would miss the mean {name} by {miss:+.0%}")
    block: dict[str, Any] = {
        "tokens": {
            "input": {"likely": rounded(float(inputs.mean())), "source": source},
            "output": {"likely": rounded(float(outputs.mean())), "source": source},
            "cached_input_share": {
                "likely": 0.0,
                "low": 0.0,
                "high": 0.5,
                "evidence": "assumed",
                "source": "a log does not tell what a prompt cache holds; 0 is the dear side",
            },
        }
    }
    if requests.kind is None or len(requests.classes) == 1:
        block["sizes"] = fit_sizes(way, inputs, outputs).model_dump(exclude_none=True)
        return block
    times_s = requests.arrival_s - requests.arrival_s[0]
    shows_hours = times_s[-1] >= fit_rate.LEAST_HOURS_OF_DAY * SECONDS_PER_HOUR
    block["classes"] = {}
    for number, name in enumerate(requests.classes):
        mine = requests.kind == number
        made = RequestClass(
            share=rounded(float(np.mean(mine))), sizes=fit_sizes(way, inputs[mine], outputs[mine])
        ).model_dump(exclude_none=True)
        if shows_hours:
            made["by_hour"] = _by_hour(times_s, first_hour, mine)
        block["classes"][_identifier(name, block["classes"])] = made
    return block


def _by_hour(times_s: Array, first_hour: float, mine: NDArray[np.bool_]) -> list[float]:
    """Return the share of a class among the requests of each UTC hour of the day."""
    hour = np.floor(first_hour + times_s / SECONDS_PER_HOUR).astype(np.int64) % HOURS_PER_DAY
    everything = np.bincount(hour, minlength=HOURS_PER_DAY)
    share = np.bincount(hour[mine], minlength=HOURS_PER_DAY) / np.maximum(everything, 1)
    return [rounded(value) for value in share.tolist()]


def _identifier(name: str, taken: dict[str, Any]) -> str:
    """Return a name in small letters, digits and dashes that is not taken."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
    plain = plain[:60] or "class"
    return plain if plain not in taken else f"{plain}-{len(taken) + 1}"


def rounded(value: float, digits: int = 7) -> float:
    """Round to significant digits.

    >>> rounded(1234.56789, 3)
    1230.0
    """
    return float(f"{value:.{digits}g}")


def _plain(value: Any) -> Any:
    """Turn tuples into lists and enumerations into text, as a file holds them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
