"""A measured curve of batches: seconds, joules and their error, at the size of our requests."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tco.domain.curve import ServiceCurve
from tco.domain.record import Estimate, Evidence, worse
from tco.domain.scenario import Scenario
from tco.hosting.request_time import Joules, ServiceTime, is_unlike
from tco.ledger.expression import Driver, Expression, Lookup, Number, driver
from tco.ledger.option import Part
from tco.measure.curve import ONLY_IN_PROCESS
from tco.sim.sizing import Curve, Sizing, size_classes

P95_OVER_MEAN_MISS = 1.645 * math.sqrt(math.pi / 2)
"""P95 of a normal error over the mean of its absolute value [-]."""
BEYOND_SIZES = 64.0
"""A table over the input size reaches so far beyond the largest size that is known [-]."""


def name_of(part: Part, known: ServiceCurve) -> str:
    """Name the figures that a part takes off a curve: what it asks of it is its own."""
    on = f"{known.accelerator}.{known.accelerator_count}.{known.runtime}"
    return f"measurement.{part.name}.{known.snapshot}.{on}"


def curve_service(
    scenario: Scenario, name: str, known: ServiceCurve, largest_batch: int, padded_to: float | None
) -> ServiceTime:
    """Return what serving takes by a measured curve.

    Args:
        scenario: Holds the sizes of requests.
        name: What the figures taken off it are called.
        known: The curve.
        largest_batch: The most requests that share a batch [-].
        padded_to: Tokens or pixels that all inputs are padded to; None: as long as the workload's
            input tokens are.
    """
    asked = _asked_size(scenario, known) if padded_to is None else None
    size = padded_to if asked is None else asked.likely
    curve, sizing, largest_size = _by_batch(known, largest_batch, size), None, size
    if asked is not None and is_unlike(scenario):
        curve, sizing, largest_size = _by_class(scenario, known, largest_batch)
    curve = _with_host(curve, known)
    error = _error(f"{name}.curve_error", known, largest_batch, largest_size)
    seconds = _seconds(name, known, largest_batch, size, asked)
    factor: Expression = error
    if isinstance(seconds, Lookup):
        likely_s = float(known.table(largest_batch, size)[0][-1])
        factor = error * (seconds / Number(likely_s, "likely seconds"))
    return ServiceTime(
        curve,
        1,
        seconds * error if largest_batch == 1 and not curve.hands and not curve.cv else None,
        factor,
        sizing,
        joules=_joules(name, known, largest_batch, size),
        notes=notes_of(known),
    )


def notes_of(known: ServiceCurve) -> tuple[str, ...]:
    """Return what must stand beside the figures of a curve: how it was carried over, what lacks."""
    assert known.batch is not None
    notes = []
    if any(size.accuracy.transfer_error is not None for size in known.batch.sizes):
        notes.append(known.sources[0])
    if ONLY_IN_PROCESS in known.notes:
        notes.append(ONLY_IN_PROCESS)
    return tuple(notes)


def _asked_size(scenario: Scenario, known: ServiceCurve) -> Estimate | None:
    """Return the input tokens of a request, where the curve knows sizes and requests have any."""
    tokens = scenario.workload.tokens
    assert known.batch is not None
    if tokens is None or known.batch.sizes[-1].input_size is None:
        return None
    return tokens.input


def _by_batch(known: ServiceCurve, largest_batch: int, size: float | None) -> Curve:
    return Curve.of(known.table(largest_batch, size)[0])


def _with_host(curve: Curve, known: ServiceCurve) -> Curve:
    """Add the host work of each request and the spread of batches, where a server showed them."""
    front = known.front_end
    assert known.batch is not None
    if front is None:
        return curve
    return replace(curve, host_s=front.seconds, hands=front.parallel, cv=known.batch.cv)


def _by_class(
    scenario: Scenario, known: ServiceCurve, largest_batch: int
) -> tuple[Curve, Sizing, float]:
    """Return the curve of requests of unlike size, and the largest size among them."""
    found = size_classes(scenario.workload, "input")
    rows = [known.table(largest_batch, max(float(size), 1.0))[0] for size in found.tokens]
    largest = float(found.tokens[found.shares > 0].max())
    return Curve.of(np.array(rows), found.shares), found.sizing, largest


def _error(name: str, known: ServiceCurve, largest_batch: int, size: float | None) -> Driver:
    """Return the factor by which all seconds of a curve may miss, with its range and grade.

    The worst among the batches that may come: the ladder of simulated weeks has one axis for the
    speed of a fleet, and none for the shape of its curve.
    """
    miss = max(known.relative_error(batch, size) for batch in (1, largest_batch))
    evidence = worse(*(known.grade(batch, size) for batch in range(1, largest_batch + 1)))
    high = 1 + P95_OVER_MEAN_MISS * miss
    source = f"{_source(known)}; expected to miss by {miss:.1%}"
    if evidence is not known.evidence:
        low_batch, high_batch = known.range
        source += (
            f"; batches of 1 to {largest_batch}{'' if size is None else f' of size {size:,.0f}'} "
            f"lie outside the measured ones, {low_batch:g} to {high_batch:g}"
        )
    return Driver(name, "-", 1.0, evidence, source, 1 / high, high, known.checked_on)


def _source(known: ServiceCurve) -> str:
    return "; ".join(dict.fromkeys((*known.sources, *notes_of(known))))


def _seconds(
    name: str,
    known: ServiceCurve,
    largest_batch: int,
    size: float | None,
    asked: Estimate | None,
) -> Driver | Lookup:
    """Return the seconds of the largest batch: a number, or a table over an uncertain size."""
    assert known.batch is not None
    unit = "s/request" if largest_batch == 1 else "s/batch"
    if asked is None or asked.low is None or asked.high is None or size is None:
        likely_s = float(known.table(largest_batch, size)[0][-1])
        grade = known.grade(largest_batch, size)
        return Driver(
            f"{name}.seconds",
            unit,
            likely_s,
            grade,
            _source(known),
            checked_on=known.checked_on,
        )
    measured = [curve.input_size for curve in known.batch.sizes if curve.input_size is not None]
    # Straight between these: constant up to the smallest, in proportion beyond the largest.
    sizes = [0.0, *measured, max(measured[-1], asked.high) * BEYOND_SIZES]
    values = [float(known.table(largest_batch, at)[0][-1]) for at in sizes]
    grade = known.grade(largest_batch, asked.high)
    tokens = driver("workload.tokens.input", "tokens", asked)
    name = f"{name}.seconds_by_size"
    return Lookup(name, unit, tokens, tuple(sizes), tuple(values), grade, _source(known))


def _joules(
    name: str, known: ServiceCurve, largest_batch: int, size: float | None
) -> Joules | None:
    """Return the energy of serving: where seconds and joules of a batch are both lines, exactly.

    A batch of n takes a + b n seconds and e + f n joules. So all batches together take their busy
    seconds times e / a, and f - b e / a for each request, however large each of them was.
    """
    seconds, joules = known.table(largest_batch, size)
    miss = known.joules_error(largest_batch, size)
    if joules is None or miss is None or known.energy_scope is None:
        return None
    high = 1 + P95_OVER_MEAN_MISS * miss
    grade = worse(known.energy_evidence or Evidence.ESTIMATED, known.grade(largest_batch, size))
    source = f"{_source(known)}; scope: {known.energy_scope.value}"

    def figure(word: str, unit: str, value: float) -> Expression:
        return error * Driver(
            f"{name}.{word}", unit, value, grade, source, checked_on=known.checked_on
        )

    error = Driver(
        f"{name}.energy_error",
        "-",
        1.0,
        grade,
        f"{source}; expected to miss by {miss:.1%}",
        1 / high,
        high,
        known.checked_on,
    )
    if largest_batch == 1:
        return Joules(figure("energy_j", "J/request", float(joules[0])), known.energy_scope)
    batches = np.arange(1.0, largest_batch + 1.0)
    columns = np.column_stack([seconds, batches]) / joules[:, np.newaxis]
    watts, each_j = np.linalg.lstsq(columns, np.ones(batches.size), rcond=None)[0]
    return Joules(
        figure("energy_j_beside_busy_time", "J/request", float(each_j)),
        known.energy_scope,
        figure("busy_w", "W", float(watts)),
    )
