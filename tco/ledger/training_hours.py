"""How long a training job runs, whether it fits, and how machines compare for it.

Operations by token and parameter: 6 to train (2 forward, 4 backward), 4 for LoRA (the gradients of
the frozen weights are left out), 2 to read only. Bytes by parameter of mixed-precision training
with Adam: 2 weights, 2 gradients, 4 master weights, 8 moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tco.domain.hardware import Accelerator, Instance
from tco.domain.machine import MachineChoice
from tco.domain.measured import Measured
from tco.domain.record import Evidence
from tco.domain.snapshot import Snapshot
from tco.domain.training_plan import ComputeJob, Length, Method, TokenCount
from tco.errors import InfeasibleError, MissingFigureError, TcoError
from tco.ledger.expression import Driver, Expression, Number, driver
from tco.ledger.measured_training import MeasuredStep, measured_rate
from tco.ledger.option import likely_months
from tco.prices import Catalog
from tco.units import BYTES_PER_GIB, FLOP_PER_TFLOP, SECONDS_PER_HOUR

OPERATIONS_PER_PARAMETER_TOKEN = {Method.TRAIN: 6.0, Method.LORA: 4.0, Method.FORWARD: 2.0}
TRAINED_BYTES_PER_PARAMETER = 16.0
BITS_PER_BYTE = 8
PER_HOUR = Number(SECONDS_PER_HOUR, "seconds in an hour")


@dataclass(frozen=True, slots=True)
class Site:
    """The machines of a job as the catalogue knows them."""

    instance: Instance
    accelerator: Accelerator | None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.instance.instance_type


def site_of(machine: MachineChoice, catalog: Catalog) -> Site:
    """Look a machine up."""
    instance = catalog.instance(machine.seller, machine.region, machine.instance_type)
    name = instance.accelerator
    return Site(instance, None if name is None else catalog.accelerator(name))


def tokens_of(data: TokenCount, path: str) -> Expression:
    """Return the tokens that a job works through, all epochs together [tokens]."""
    if data.tokens is not None:
        return driver(f"{path}.tokens", "tokens", data.tokens)
    assert data.rows is not None
    assert data.epochs is not None
    rows = driver(f"{path}.rows", "rows", data.rows)
    epochs = driver(f"{path}.epochs", "-", data.epochs)
    if data.tokens_per_row is not None:
        length = driver(f"{path}.tokens_per_row", "tokens/row", data.tokens_per_row)
    else:
        assert data.sequence_tokens is not None
        length = driver(f"{path}.sequence_tokens", "tokens/row", data.sequence_tokens)
    return epochs * rows * length


def _row_tokens(data: TokenCount) -> float | None:
    """Return how long an example is, filled up or on its own; None where tokens are a total."""
    length = data.sequence_tokens if data.tokens_per_row is None else data.tokens_per_row
    return None if length is None else length.likely


def parameters_of(job: ComputeJob, snapshot: Snapshot | None, path: str) -> Expression:
    """Return the active parameters of what runs: the job's own figure, else the snapshot's."""
    if job.parameters is not None:
        return driver(f"{path}.parameters", "parameters", job.parameters)
    known = None if snapshot is None else snapshot.active_parameters or snapshot.parameters
    if snapshot is None or known is None:
        raise MissingFigureError(
            f"{path}.parameters is missing, and no snapshot tells how large the model is"
        )
    name = f"snapshots.{snapshot.id}.parameters"
    return Driver(name, "parameters", known, Evidence.STATED, f"record of {snapshot.id}")


def work_hours(
    job: ComputeJob,
    snapshot: Snapshot | None,
    site: Site,
    path: str,
    trainings: Mapping[str, Measured],
) -> Expression:
    """Return the hours of machines that the training itself takes [instance-hours]."""
    length, here = job.length, f"{path}.length"
    if length.instance_hours is not None:
        return driver(f"{here}.instance_hours", "instance-hours", length.instance_hours)
    if length.measured is not None:
        assert length.data is not None
        asked = MeasuredStep(snapshot, job.method, site.instance, _row_tokens(length.data), here)
        rate = measured_rate(length.measured, asked, trainings)
        return tokens_of(length.data, f"{here}.data") / rate / PER_HOUR
    count = Number(_accelerators(site, path), f"accelerators of a {site.name}")
    if length.accelerator_hours is not None:
        hours = driver(f"{here}.accelerator_hours", "accelerator-hours", length.accelerator_hours)
        return hours / count
    assert length.data is not None
    tokens = tokens_of(length.data, f"{here}.data")
    if length.tokens_per_s_per_accelerator is not None:
        rate = driver(
            f"{here}.tokens_per_s_per_accelerator",
            "tokens/s",
            length.tokens_per_s_per_accelerator,
        )
        return tokens / rate / PER_HOUR / count
    operations = Number(
        OPERATIONS_PER_PARAMETER_TOKEN[job.method],
        f"operations by parameter and token, {job.method}",
    )
    parameters = parameters_of(job, snapshot, path)
    return (
        operations * parameters * tokens / _useful_flop_per_s(length, site, here) / PER_HOUR / count
    )


def _useful_flop_per_s(length: Length, site: Site, path: str) -> Expression:
    """Return what one accelerator does of use [operations/s]: its peak x the share reached."""
    accelerator = site.accelerator
    assert accelerator is not None
    assert length.model_flops_utilisation is not None
    peak = accelerator.peak_tflops.get(length.precision)
    if peak is None:
        known = ", ".join(accelerator.peak_tflops) or "none"
        raise MissingFigureError(
            f"{accelerator.name} has no peak in {length.precision}; those known: {known}. "
            f"State another precision, or {path}.accelerator_hours"
        )
    share = driver(f"{path}.model_flops_utilisation", "-", length.model_flops_utilisation)
    top = Driver(
        f"hardware.{accelerator.name}.{length.precision}_tflops",
        "TFLOP/s",
        peak,
        accelerator.evidence,
        accelerator.source,
        checked_on=accelerator.checked_on,
    )
    return top * Number(FLOP_PER_TFLOP, "operations in a tera-operation") * share


def _accelerators(site: Site, path: str) -> float:
    count = site.instance.accelerator_count
    if count == 0:
        raise MissingFigureError(
            f"{site.name} has no accelerator, and no peak is known for its processors; state "
            f"{path}.length.instance_hours"
        )
    return float(count)


def needed_gib(job: ComputeJob, snapshot: Snapshot | None, path: str) -> float | None:
    """Return the memory that a job certainly takes [GiB], spread over all its accelerators.

    None where nobody says how large the model is and the hours do not need it.
    """
    total = _total_parameters(job, snapshot)
    if total is None:
        return None
    weights = total * job.base_weight_bits / BITS_PER_BYTE
    if job.method is Method.TRAIN:
        weights = total * TRAINED_BYTES_PER_PARAMETER
    if job.trained_parameters is not None:
        weights += job.trained_parameters.likely * TRAINED_BYTES_PER_PARAMETER
    return weights / BYTES_PER_GIB + (job.activations_gib or 0.0)


def _total_parameters(job: ComputeJob, snapshot: Snapshot | None) -> float | None:
    """All weights lie in memory, those that a token does not use too."""
    if job.parameters is not None:
        return job.parameters.likely
    return None if snapshot is None else snapshot.parameters


def refuse_what_does_not_fit(
    job: ComputeJob, snapshot: Snapshot | None, site: Site, path: str
) -> None:
    """Raise with the numbers where the model and its optimiser exceed the memory of all cards."""
    needed = needed_gib(job, snapshot, path)
    instance = site.instance
    each = instance.accelerator_memory_gib
    if site.accelerator is not None and each is None:
        each = site.accelerator.memory_gib
    cards = instance.accelerator_count * job.machines
    if site.accelerator is None:
        each, cards = instance.memory_gib, job.machines
    if needed is None or each is None or needed <= each * cards:
        return
    raise InfeasibleError(
        f"{path} does not fit: weights, gradients and optimiser take {needed:,.1f} GiB by method "
        f"'{job.method}', and {job.machines} x {site.name} have {cards} x {each:,.2f} = "
        f"{each * cards:,.1f} GiB. Take more or larger machines, or LoRA"
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """One machine for a job: likely hours with evaluation and restarts, or why it cannot be."""

    machine: MachineChoice
    instance_hours: float | None
    wall_hours: float | None
    refused: str | None = None


def choices(
    job: ComputeJob,
    snapshot: Snapshot | None,
    catalog: Catalog,
    path: str,
    trainings: Mapping[str, Measured],
) -> tuple[Choice, ...]:
    """Work the job out on its own machine and on those it is compared with."""
    return tuple(
        _choice(job, machine, snapshot, catalog, path, trainings)
        for machine in (job.machine, *job.compare_with)
    )


def _choice(
    job: ComputeJob,
    machine: MachineChoice,
    snapshot: Snapshot | None,
    catalog: Catalog,
    path: str,
    trainings: Mapping[str, Measured],
) -> Choice:
    is_own = machine == job.machine
    if job.length.data is None and not is_own:
        says = "its hours are stated for another machine and say nothing about this one"
        return Choice(machine, None, None, says)
    if job.length.tokens_per_s_per_accelerator is not None and not is_own:
        return Choice(machine, None, None, "the rate was measured on another machine")
    try:
        site = site_of(machine, catalog)
        refuse_what_does_not_fit(job, snapshot, site, path)
        hours = float(likely_months(work_hours(job, snapshot, site, path, trainings), 1)[0])
    except TcoError as error:
        return Choice(machine, None, None, str(error))
    paid = hours * (1 + job.evaluation_share.likely + job.restart_share.likely)
    return Choice(machine, paid, paid / job.machines)
