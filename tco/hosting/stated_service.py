"""Service figures that a scenario states: seconds of a request, or of a batch by its size."""

from __future__ import annotations

import math

import numpy as np

from tco.domain.deployment import ServiceFigure
from tco.domain.record import Estimate, worse
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.hosting.request_time import ServiceTime, factor_of, is_unlike, sized
from tco.ledger.expression import Driver, Expression, Sum, driver
from tco.ledger.option import likely_months
from tco.sim.sizing import Word

SAME_SHAPE = 0.01
"""Two ranges that agree within one percent are one error of the whole curve."""


def stated_service(scenario: Scenario, stated: ServiceFigure, path: str) -> ServiceTime:
    """Return what serving takes by a figure of the scenario, found under a path of it."""
    following = _following(scenario, stated, path)
    if stated.max_batch is None:
        assert stated.parallel is not None
        seconds = _seconds_of_one(stated, path)
        one = np.array([float(likely_months(seconds, 1)[0])])
        curve, sizing = sized(scenario, np.zeros(1), one, following)
        return ServiceTime(curve, stated.parallel, seconds, factor_of(seconds), sizing)
    assert stated.base_seconds is not None
    assert stated.seconds_per_item is not None
    base, item = stated.base_seconds, stated.seconds_per_item
    items = np.arange(1.0, stated.max_batch + 1.0) * item.likely
    curve, sizing = sized(scenario, np.full(items.size, base.likely), items, following)
    return ServiceTime(curve, 1, None, _curve_error(path, base, item), sizing)


def _seconds_of_one(stated: ServiceFigure, path: str) -> Expression:
    """Return the seconds of a request: as stated, or of all its steps in one replica [s]."""
    if stated.seconds is not None:
        return driver(f"{path}.seconds", "s/request", stated.seconds)
    assert stated.seconds_by_step is not None
    steps = stated.seconds_by_step.items()
    return Sum(
        tuple(driver(f"{path}.seconds_by_step.{name}", "s/request", one) for name, one in steps)
    )


def _following(scenario: Scenario, stated: ServiceFigure, path: str) -> Word | None:
    """Return which tokens a stated figure follows; a workload of unlike sizes has to be told."""
    if not is_unlike(scenario):
        return None
    if stated.seconds_follow is None:
        raise InfeasibleError(
            f"the requests are of unlike size, and {path} does not say whether its seconds follow "
            "it; add seconds_follow: input_tokens, output_tokens or nothing"
        )
    words: dict[str, Word | None] = {"input_tokens": "input", "output_tokens": "output"}
    return words.get(stated.seconds_follow)


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
