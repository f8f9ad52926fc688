"""One published operating point, read as a constant service time."""

from __future__ import annotations

import numpy as np

from tco.domain.measured import EnergyScope
from tco.domain.measurement import ConstantService
from tco.domain.record import Evidence, worse
from tco.domain.scenario import Scenario
from tco.hosting.request_time import Joules, ServiceTime, factor_of, is_unlike, sized
from tco.ledger.expression import Driver, Expression, Number, driver
from tco.ledger.option import Part, likely_months
from tco.ledger.volume import tokens_per_request
from tco.sim.sizing import Word, constant_curve

SAME_SIZE = 0.25
"""A measured point stands for requests whose size is within a quarter of what it was taken at."""


def point_service(scenario: Scenario, part: Part, row: ConstantService) -> ServiceTime:
    """Return the seconds of a measured operating point, carried to the size of our requests."""
    snapshot = part.snapshot
    name = f"measurement.{snapshot.id}.{row.accelerator}.{row.accelerator_count}.{row.runtime}"
    source = f"{row.source} ({row.as_of or 'undated'}, checked {row.checked_on})"
    size, measured, word = _size(scenario, part, row)
    if size is None:
        seconds: Expression = Driver(
            f"{name}.seconds",
            "s/request",
            row.seconds,
            row.evidence,
            source,
            checked_on=row.checked_on,
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
            checked_on=row.checked_on,
        )
    likely_s = float(likely_months(seconds, 1)[0])
    curve, sizing = constant_curve(likely_s), None
    if is_unlike(scenario) and word is not None:
        fixed_s = 0.0
        if word == "output":
            tokens = tokens_per_request(scenario.workload, snapshot)
            thought = float(likely_months(tokens.reasoning, 1)[0])
            answered = float(likely_months(tokens.output, 1)[0])
            fixed_s = likely_s * thought / (thought + answered)
        least = measured if word == "input" else 0.0
        fixed, following = np.array([fixed_s]), np.array([likely_s - fixed_s])
        curve, sizing = sized(scenario, fixed, following, word, least)
    return ServiceTime(
        curve,
        row.parallel,
        seconds,
        factor_of(seconds),
        sizing,
        row.shows_latency,
        _joules(
            row, name, source, None if size is None else size / Number(measured, f"{word} tokens")
        ),
    )


def _joules(
    row: ConstantService, name: str, source: str, relative_size: Expression | None
) -> Joules | None:
    if row.energy_j_per_request is None:
        return None
    known = Driver(
        f"{name}.energy_j_per_request",
        "J/request",
        row.energy_j_per_request,
        worse(row.evidence, Evidence.ESTIMATED),
        f"{source}, {row.energy_scope}, at full batch",
        checked_on=row.checked_on,
    )
    return Joules(known if relative_size is None else known * relative_size, EnergyScope.BOARD)


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
