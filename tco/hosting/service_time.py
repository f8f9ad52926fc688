"""What one request takes of a replica: seconds with their range, unlike sizes, joules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.domain.deployment import SelfHostedDeployment, ServiceFigure
from tco.domain.measurement import ConstantService
from tco.domain.record import Estimate, Evidence, worse
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError, MissingFigureError
from tco.ledger.expression import Driver, Expression, Number, Ratio, Valuation, driver, leaves_of
from tco.ledger.option import Part, likely_months
from tco.ledger.volume import tokens_per_request
from tco.measure.library import Measurements
from tco.sim.sizing import Curve, Sizing, Word, constant_curve, size_classes

Array = NDArray[np.float64]
SAME_SIZE = 0.25
"""A measured point stands for requests whose size is within a quarter of what it was taken at."""
SAME_SHAPE = 0.01
"""Two ranges that agree within one percent are one error of the whole curve."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """What a request takes of a replica."""

    curve: Curve
    """At likely values."""
    slots: int
    """Batches that one replica serves at once."""
    seconds: Expression | None
    """Of a request that is served alone [s]; None where requests are served in batches."""
    factor: Expression | None
    """Seconds over their likely value [-]; None where they have no range."""
    sizing: Sizing | None = None
    shows_latency: bool = True
    board_j: Expression | None = None
    """Energy of a request at the accelerator boards [J]; None where nobody measured it."""


def service_time(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    accelerator: str | None,
    measurements: Measurements,
) -> ServiceTime:
    """Return what serving takes: the stated figure, or else the measured one."""
    stated = deployment.service
    if stated is None:
        return _measured(scenario, part, deployment, accelerator, measurements)
    path = f"candidates.{part.name}.deployment.service"
    following = _following(scenario, stated, path)
    if stated.max_batch is None:
        assert stated.seconds is not None
        assert stated.parallel is not None
        seconds = driver(f"{path}.seconds", "s/request", stated.seconds)
        curve, sizing = _sized(scenario, (0.0,), (stated.seconds.likely,), following)
        return ServiceTime(curve, stated.parallel, seconds, _factor(seconds), sizing)
    assert stated.base_seconds is not None
    assert stated.seconds_per_item is not None
    base, item = stated.base_seconds, stated.seconds_per_item
    items = np.arange(1.0, stated.max_batch + 1.0) * item.likely
    curve, sizing = _sized(
        scenario, tuple([base.likely] * stated.max_batch), tuple(items.tolist()), following
    )
    return ServiceTime(curve, 1, None, _curve_error(path, base, item), sizing)


def _following(scenario: Scenario, stated: ServiceFigure, path: str) -> Word | None:
    """Return which tokens a stated figure follows; a workload of unlike sizes has to be told."""
    workload = scenario.workload
    if workload.sizes is None and workload.classes is None:
        return None
    if stated.seconds_follow is None:
        raise InfeasibleError(
            f"the requests are of unlike size, and {path} does not say whether its seconds follow "
            "it; add seconds_follow: input_tokens, output_tokens or nothing"
        )
    words: dict[str, Word | None] = {"input_tokens": "input", "output_tokens": "output"}
    return words.get(stated.seconds_follow)


def _sized(
    scenario: Scenario,
    fixed_s: tuple[float, ...],
    following_s: tuple[float, ...],
    word: Word | None,
    least_tokens: float = 0.0,
) -> tuple[Curve, Sizing | None]:
    """Return the curve of requests of unlike size, where there are any.

    Args:
        scenario: Holds the sizes.
        fixed_s: Seconds by batch whatever the size [s].
        following_s: Seconds by batch that follow the size, at the mean size [s].
        word: Tokens that they follow; None: no request is unlike another.
        least_tokens: Smaller requests take as long as one of so many tokens.
    """
    workload = scenario.workload
    if word is None:
        together = tuple(a + b for a, b in zip(fixed_s, following_s, strict=True))
        return Curve(together, tuple([0.0] * len(together))), None
    assert workload.tokens is not None
    stated = workload.tokens.input if word == "input" else workload.tokens.output
    found = size_classes(workload, word)
    nominal = max(stated.likely, least_tokens)
    if nominal == 0:
        raise InfeasibleError(f"the seconds follow {word} tokens, and requests have none")
    relative = np.maximum(found.tokens, least_tokens) / nominal
    curve = Curve(fixed_s, following_s, tuple(relative.tolist()), tuple(found.shares.tolist()))
    return curve, found.sizing


def _factor(seconds: Expression) -> Expression | None:
    """Return seconds over their likely value; None where nothing in them has a range."""
    if not any(isinstance(leaf, Driver) and leaf.low is not None for leaf in leaves_of(seconds)):
        return None
    return Ratio(seconds, Number(float(likely_months(seconds, 1)[0]), "likely seconds"))


def _curve_error(path: str, base: Estimate, item: Estimate) -> Expression | None:
    """Return the common error of a line over the batch size, or refuse two of them.

    The ladder of simulated weeks has one axis for the speed of a fleet, and none for the shape of
    its curve.
    """
    known = [part for part in (base, item) if part.low is not None and part.high is not None]
    if not known:
        return None
    shapes = [(part.low / part.likely, part.high / part.likely) for part in known]  # type: ignore[operator]
    alike = all(
        math.isclose(mine, other, rel_tol=SAME_SHAPE)
        for shape in shapes
        for mine, other in zip(shape, shapes[0], strict=True)
    )
    if len(known) == 1 or not alike:
        raise InfeasibleError(
            f"{path}: base_seconds and seconds_per_item have ranges of unlike width, which bend "
            "the curve; load and service time are the two physical ranges that the simulation "
            "reads from its ladder. Give both the same low / likely and high / likely, or neither "
            "a range"
        )
    low, high = shapes[0]
    source = "; ".join(dict.fromkeys(part.source or "stated in the scenario" for part in known))
    evidence = worse(*(part.evidence for part in known))
    return Driver(f"{path}.curve_error", "-", 1.0, evidence, source, low, high)


def _measured(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    accelerator: str | None,
    measurements: Measurements,
) -> ServiceTime:
    """Return the seconds of a measured operating point, carried to the size of our requests."""
    snapshot = part.snapshot
    if snapshot.precision is None:
        raise MissingFigureError(f"snapshot '{snapshot.id}' states no precision")
    row = measurements.constant_service(
        snapshot.id,
        accelerator or "CPU",
        deployment.accelerators_per_replica,
        deployment.runtime,
        snapshot.precision,
    )
    name = f"measurement.{snapshot.id}.{row.accelerator}.{row.accelerator_count}.{row.runtime}"
    source = f"{row.source} ({row.as_of or 'undated'}, checked {row.checked_on})"
    size, measured, word = _size(scenario, part, row)
    unlike = scenario.workload.sizes is not None or scenario.workload.classes is not None
    if size is None:
        seconds: Expression = Driver(
            f"{name}.seconds", "s/request", row.seconds, row.evidence, source
        )
    else:
        likely = float(likely_months(size, 1)[0])
        same_size = abs(likely / measured - 1) <= SAME_SIZE
        seconds = size * Driver(
            f"{name}.seconds_per_{word}_token",
            "s/token",
            row.seconds / measured,
            row.evidence if same_size else worse(row.evidence, Evidence.ESTIMATED),
            source if same_size else f"{source}, scaled from {measured:,.0f} {word} tokens",
        )
    likely_s = float(likely_months(seconds, 1)[0])
    curve, sizing = constant_curve(likely_s), None
    if unlike and word is not None:
        fixed_s = 0.0
        if word == "output":
            tokens = tokens_per_request(scenario.workload, snapshot)
            thought = float(likely_months(tokens.reasoning, 1)[0])
            answered = float(likely_months(tokens.output, 1)[0])
            fixed_s = likely_s * thought / (thought + answered)
        least = measured if word == "input" else 0.0
        curve, sizing = _sized(scenario, (fixed_s,), (likely_s - fixed_s,), word, least)
    joules = None
    if row.energy_j_per_request is not None:
        known = Driver(
            f"{name}.energy_j_per_request",
            "J/request",
            row.energy_j_per_request,
            worse(row.evidence, Evidence.ESTIMATED),
            f"{source}, {row.energy_scope}, at full batch",
        )
        joules = known if size is None else known * (size / Number(measured, f"{word} tokens"))
    return ServiceTime(
        curve, row.parallel, seconds, _factor(seconds), sizing, row.shows_latency, joules
    )


def _size(
    scenario: Scenario, part: Part, row: ConstantService
) -> tuple[Expression | None, float, Word | None]:
    """Return the size that the seconds of a row follow, what it was measured at, and its word.

    Shorter inputs than those measured were filled up there, and take as long.
    """
    if row.output_tokens:
        tokens = tokens_per_request(scenario.workload, part.snapshot)
        return tokens.output + tokens.reasoning, row.output_tokens, "output"
    tokens_in = scenario.workload.tokens
    if row.input_tokens and tokens_in is not None:
        if tokens_in.input.likely > row.input_tokens:
            asked = driver("workload.tokens.input", "tokens", tokens_in.input)
            return asked, row.input_tokens, "input"
        return None, row.input_tokens, "input"
    return None, 1.0, None


def extremes(expressions: Mapping[str, Expression], horizon_months: int) -> dict[str, Array]:
    """Return each expression at likely, all-low and all-high drivers, of shape (3, months)."""
    draws: dict[str, Array] = {}
    for expression in expressions.values():
        for leaf in leaves_of(expression):
            if isinstance(leaf, Driver) and leaf.low is not None and leaf.high is not None:
                draws[leaf.name] = np.array([leaf.likely, leaf.low, leaf.high])
    valuation = Valuation(draws)
    return {
        name: np.broadcast_to(valuation.of(expression), (3, horizon_months))
        for name, expression in expressions.items()
    }
