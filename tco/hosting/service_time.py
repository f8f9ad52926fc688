"""Where the service time of a deployment comes from: read this first.

An explicit ``service`` figure of the scenario goes first. Else the five things that choose a
measurement do: snapshot, accelerator, count, runtime and precision. Of those there is a measured
curve, or a published operating point; if neither, a curve is carried over from other hardware. What
nobody measured as itself is served as the model whose shape it has, and adapters rest on their
base. A curve over the steps of a language model is simulated step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tco.domain.curve import ServiceCurve
from tco.domain.deployment import SelfHostedDeployment
from tco.domain.hardware import Instance
from tco.domain.measurement import ConstantService
from tco.domain.record import Evidence, worse
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError, MissingFigureError
from tco.hosting.measured_curve import curve_service, name_of
from tco.hosting.measured_point import point_service
from tco.hosting.measured_steps import refuse_classic, steps_service
from tco.hosting.request_time import ServiceTime
from tco.hosting.stated_service import stated_service
from tco.ledger.expression import Driver, Expression, Valuation, leaves_of
from tco.ledger.option import Part
from tco.measure.library import CPU, Key, Measurements
from tco.measure.published import words_of

Array = NDArray[np.float64]


def service_time(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    instance: Instance,
    measurements: Measurements,
) -> ServiceTime:
    """Return what serving takes: the stated figure, or else what was measured."""
    keys = _keys(part, deployment, instance.accelerator)
    if deployment.service is not None:
        path = f"candidates.{part.name}.deployment.service"
        return _beside_measured(
            stated_service(scenario, deployment.service, path), keys, measurements
        )
    if not keys:
        raise MissingFigureError(f"snapshot '{part.snapshot.id}' states no precision")
    known = _known(part, deployment, keys, measurements)
    if isinstance(known, ConstantService):
        return point_service(scenario, part, known)
    if known.kind == "llm":
        refuse_classic(part, known)
        architecture = measurements.architectures[known.snapshot]
        return steps_service(scenario, part, deployment, instance, known, architecture)
    largest = 1 if deployment.batch is None else deployment.batch.max_size
    name = name_of(part, known)
    return curve_service(scenario, name, known, largest, deployment.inputs_padded_to)


def _keys(part: Part, deployment: SelfHostedDeployment, accelerator: str | None) -> tuple[Key, ...]:
    """Return the five things that choose a measurement, for each model that it may be served as.

    There are none where the precision is not stated.
    """
    precision = part.snapshot.precision
    if precision is None:
        return ()
    count = deployment.accelerators_per_replica
    return tuple(
        (name, accelerator or CPU, count, deployment.runtime, precision)
        for name in part.snapshot.measured_as
    )


def _known(
    part: Part,
    deployment: SelfHostedDeployment,
    keys: tuple[Key, ...],
    measurements: Measurements,
) -> ServiceCurve | ConstantService:
    """Return the curve or point of the first model that has any; else a curve carried over."""
    curve = _curve(measurements.curve, part, deployment, keys, measurements)
    if curve is not None:
        return curve
    missing = None
    if deployment.llm is None and deployment.batch is None:
        for key in keys:
            try:
                return _point(part, measurements.constant_service(*key))
            except MissingFigureError as error:
                missing = missing or error
    curve = _curve(measurements.estimate, part, deployment, keys, measurements)
    if curve is not None:
        return curve
    if missing is not None:
        raise missing from None
    if deployment.llm is not None:
        raise MissingFigureError(
            f"the deployment has the limits of an LLM engine (llm), and no step curve of "
            f"{words_of(keys[0])} is known; measure one with 'tco measure run', or state a service "
            "figure and leave llm out"
        )
    raise InfeasibleError(
        f"requests are to be batched, and no curve over the batch size of {words_of(keys[0])} is "
        "known; measure a sweep over batches with 'tco measure run', or give the deployment a "
        "service figure by batch: base_seconds, seconds_per_item, max_batch"
    )


def _curve(
    find: Callable[..., ServiceCurve],
    part: Part,
    deployment: SelfHostedDeployment,
    keys: tuple[Key, ...],
    measurements: Measurements,
) -> ServiceCurve | None:
    """Return the first curve that is found and can be simulated; None if there is none."""
    for key in keys:
        try:
            curve = find(*key)
        except MissingFigureError:
            continue
        if curve.kind == "llm":
            fits = curve.snapshot in measurements.architectures
        else:
            fits = deployment.llm is None
        if fits:
            evidence, source = _served_as(part, curve.snapshot, curve.evidence)
            return curve.model_copy(
                update={"evidence": evidence, "sources": (*curve.sources, *source)}
            )
    return None


def _point(part: Part, row: ConstantService) -> ConstantService:
    evidence, source = _served_as(part, row.snapshot, row.evidence)
    return row.model_copy(update={"evidence": evidence, "source": "; ".join((row.source, *source))})


def _served_as(part: Part, measured: str, evidence: Evidence) -> tuple[Evidence, tuple[str, ...]]:
    """Return the grade of a figure of a model of the same shape, and what must be said of it.

    That the shapes agree is what the snapshot's owner states.
    """
    if measured == part.snapshot.id or measured != part.snapshot.same_shape_as:
        return evidence, ()
    says = f"measured on {measured}, whose layers and widths {part.snapshot.id} has"
    return worse(evidence, Evidence.STATED), (says,)


def _beside_measured(
    stated: ServiceTime, keys: tuple[Key, ...], measurements: Measurements
) -> ServiceTime:
    """Say so where a stated figure takes the place of a measured curve."""
    for key in keys:
        try:
            curve = measurements.curve(*key)
        except MissingFigureError:
            continue
        if curve.kind == "batch":
            note = "the scenario's own service figure overrides the measured curve of "
            return replace(stated, notes=(*stated.notes, note + words_of(key)))
    return stated


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
