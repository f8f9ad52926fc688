"""Where the service time of a deployment comes from: read this first.

An explicit ``service`` figure of the scenario goes first. Else the five things that choose a
measurement do: snapshot, accelerator, count, runtime and precision. Of those there is a measured
curve, or a published operating point; if neither, a curve is carried over from other hardware. A
curve over the steps of a language model is simulated step by step; adapters rest on their base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tco.domain.curve import ServiceCurve
from tco.domain.deployment import SelfHostedDeployment
from tco.domain.hardware import Instance
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Approach
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
    asked = _asked(part, deployment, instance.accelerator)
    if deployment.service is not None:
        path = f"candidates.{part.name}.deployment.service"
        return _beside_measured(
            stated_service(scenario, deployment.service, path), asked, measurements
        )
    if asked is None:
        raise MissingFigureError(f"snapshot '{part.snapshot.id}' states no precision")
    steps = _step_curve(part, asked, measurements)
    if steps is not None:
        architecture = measurements.architectures[steps.snapshot]
        return steps_service(scenario, part, deployment, instance, steps, architecture)
    if deployment.llm is not None:
        raise MissingFigureError(
            f"the deployment has the limits of an LLM engine (llm), and no step curve of "
            f"{words_of(asked)} is known; measure one with 'tco measure run', or state a service "
            "figure and leave llm out"
        )
    curve = _batch_curve(asked, measurements)
    if curve is None and deployment.batch is None:
        try:
            return point_service(scenario, part, measurements.constant_service(*asked))
        except MissingFigureError as missing:
            curve = _estimated(asked, measurements)
            if curve is None:
                raise missing from None
    if curve is None:
        curve = _estimated(asked, measurements)
    if curve is None:
        raise InfeasibleError(
            f"requests are to be batched, and no curve over the batch size of {words_of(asked)} is "
            "known; measure a sweep over batches with 'tco measure run', or give the deployment a "
            "service figure by batch: base_seconds, seconds_per_item, max_batch"
        )
    largest = 1 if deployment.batch is None else deployment.batch.max_size
    name = name_of(part, curve)
    return curve_service(scenario, name, curve, largest, deployment.inputs_padded_to)


def _asked(part: Part, deployment: SelfHostedDeployment, accelerator: str | None) -> Key | None:
    """Return the five things that choose a measurement; None where the precision is not stated."""
    if part.snapshot.precision is None:
        return None
    return (
        part.snapshot.id,
        accelerator or CPU,
        deployment.accelerators_per_replica,
        deployment.runtime,
        part.snapshot.precision,
    )


def _step_curve(part: Part, asked: Key, measurements: Measurements) -> ServiceCurve | None:
    """Return the step curve of a model, or of the model that its adapters rest on."""
    training = part.snapshot.training
    names = [part.snapshot.id]
    if training.approach is Approach.LORA and training.parent is not None:
        names.append(training.parent)
    for name in names:
        try:
            curve = measurements.curve(name, *asked[1:])
        except MissingFigureError:
            continue
        if curve.kind == "llm" and name in measurements.architectures:
            refuse_classic(part, curve)
            return curve
    return None


def _batch_curve(asked: Key, measurements: Measurements) -> ServiceCurve | None:
    try:
        curve = measurements.curve(*asked)
    except MissingFigureError:
        return None
    return curve if curve.kind == "batch" else None


def _estimated(asked: Key, measurements: Measurements) -> ServiceCurve | None:
    try:
        curve = measurements.estimate(*asked)
    except MissingFigureError:
        return None
    return curve if curve.kind == "batch" else None


def _beside_measured(
    stated: ServiceTime, asked: Key | None, measurements: Measurements
) -> ServiceTime:
    """Say so where a stated figure takes the place of a measured curve."""
    if asked is None or _batch_curve(asked, measurements) is None:
        return stated
    note = f"the scenario's own service figure overrides the measured curve of {words_of(asked)}"
    return replace(stated, notes=(*stated.notes, note))


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
