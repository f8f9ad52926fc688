"""What one request takes of a replica, as the simulation and the bill need it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.domain.measured import EnergyScope
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.ledger.expression import Driver, Expression, Number, Ratio, leaves_of
from tco.ledger.option import likely_months
from tco.sim.llm_curve import LlmCurve
from tco.sim.sizing import Curve, Sizing, Word, size_classes
from tco.traffic.sessions import CallShape

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Joules:
    """Energy of serving: so much for each request, and so many watts while a replica is busy."""

    per_request_j: Expression
    scope: EnergyScope
    busy_w: Expression | None = None
    """Of one replica; None where a request takes the same whatever shares its batch."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """What a request takes of a replica."""

    curve: Curve | LlmCurve
    """At likely values."""
    slots: int
    """Batches that one replica serves at once."""
    seconds: Expression | None
    """Of a request that is served alone [s]; None where requests are served in batches, or where
    that is not all that serving takes."""
    factor: Expression | None
    """Seconds over their likely value [-]; None where they have no range."""
    sizing: Sizing | None = None
    shows_latency: bool = True
    joules: Joules | None = None
    """None where nobody measured them."""
    notes: tuple[str, ...] = ()
    """What a reader of the latency has to know."""
    calls: CallShape | None = None
    """Calls behind a request of a model that is simulated step by step."""


def is_unlike(scenario: Scenario) -> bool:
    """Tell whether requests are of unlike size."""
    return scenario.workload.sizes is not None or scenario.workload.classes is not None


def sized(
    scenario: Scenario,
    fixed_s: Array,
    following_s: Array,
    word: Word | None,
    least_tokens: float = 0.0,
) -> tuple[Curve, Sizing | None]:
    """Return the curve of seconds that follow the size of requests in proportion, where any do.

    Args:
        scenario: Holds the sizes.
        fixed_s: Seconds by batch whatever the size [s].
        following_s: Seconds by batch that follow the size, at the mean size [s].
        word: Tokens that they follow; None: no request is unlike another.
        least_tokens: Smaller requests take as long as one of so many tokens.
    """
    workload = scenario.workload
    if word is None:
        return Curve.of(fixed_s + following_s), None
    assert workload.tokens is not None
    stated = workload.tokens.input if word == "input" else workload.tokens.output
    found = size_classes(workload, word)
    nominal = max(stated.likely, least_tokens)
    if nominal == 0:
        raise InfeasibleError(f"the seconds follow {word} tokens, and requests have none")
    relative = np.maximum(found.tokens, least_tokens) / nominal
    return Curve.of(fixed_s + following_s * relative[:, np.newaxis], found.shares), found.sizing


def factor_of(seconds: Expression) -> Expression | None:
    """Return seconds over their likely value; None where nothing in them has a range."""
    if not any(isinstance(leaf, Driver) and leaf.low is not None for leaf in leaves_of(seconds)):
        return None
    return Ratio(seconds, Number(float(likely_months(seconds, 1)[0]), "likely seconds"))
