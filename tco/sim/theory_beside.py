"""Closed forms beside what was simulated: where one applies, and why none does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tco.sim.case import Case
from tco.sim.llm_curve import LlmCurve
from tco.sim.rung import BUSY
from tco.sim.sizing import Curve
from tco.sim.theory import erlang_b, little, mdc

EVEN = 1e-9
"""A week whose hours differ by no more has one rate."""


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure in closed form and as simulated."""

    figure: str
    unit: str
    form: str
    theory: float
    simulated: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was simulated, as the mean of replications with their standard errors."""

    values: dict[str, float]
    errors: dict[str, float]


def closed_forms(case: Case, rate_per_s: float, found: Figures) -> tuple[list[Beside], list[str]]:
    """Hold the simulated figures against every closed form that applies.

    Args:
        case: The fleet and its traffic.
        rate_per_s: Mean rate [1/s].
        found: ``busy_replicas``, ``wait_s`` and ``lost_share`` as simulated.

    Returns:
        The figures that have a closed form, and for the others the reason why they have none.
    """
    beside: list[Beside] = []
    none: list[str] = []

    def add(figure: str, unit: str, form: str, theory: float) -> None:
        if figure in found.values:
            error = found.errors.get(figure, 0.0)
            beside.append(Beside(figure, unit, form, theory, found.values[figure], error))

    if isinstance(case.curve, LlmCurve):
        return [], ["replicas that make up every step anew have no exact form"]
    queue = case.settings.queue
    seconds = float(case.curve.mean_s[0])
    loses = queue.limit is not None or queue.patience_s is not None
    is_alone = case.rules().batch.max_size == 1
    if not is_alone:
        why = "how long a request keeps a replica busy depends on how many share its batch"
        none.append(f"{BUSY} replicas: {why}")
    elif not loses:
        load = little(rate_per_s, seconds) / case.slots
        add("busy_replicas", "-", "Little's law, rate x service time / served at once", load)
    why_no_wait = _why_no_wait(case, is_alone=is_alone)
    if why_no_wait:
        none.append(f"wait and losses: {why_no_wait}")
        return beside, none
    servers = case.largest_fleet * case.slots
    if queue.limit == 0 and queue.patience_s is None:
        add("lost_share", "-", "Erlang B", erlang_b(rate_per_s * seconds, servers))
    elif loses:
        none.append(
            "wait and losses: a queue limit or patience has a closed form for exponential service "
            "times, and these are constant"
        )
    else:
        add("wait_s", "s", "M/D/c, Crommelin", mdc(rate_per_s, seconds, servers).wait_s)
    return beside, none


def _why_no_wait(case: Case, *, is_alone: bool) -> str:
    """Return why the wait has no closed form; nothing if it has one."""
    traffic = case.traffic
    if case.settings.autoscaler is not None:
        return "the fleet changes its size with the load"
    if float(np.ptp(traffic.week)) > EVEN:
        return "the rate moves with the hours of the week"
    if not case.is_even:
        return "the rate wanders or comes in bursts"
    if traffic.jobs is not None:
        return "batch jobs come all at once"
    if traffic.sizing is not None:
        return "requests of unlike size wait for several replicas, which has no exact form"
    if isinstance(case.curve, Curve) and (case.curve.hands or case.curve.cv):
        return "host work comes first, or service times spread, which has no exact form"
    if not is_alone:
        return "batches that wait for company on few replicas have no exact form"
    return ""
