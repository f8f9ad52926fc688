"""Getting a model into production: work, fleets that run beside it, cluster fees, the way back."""

from __future__ import annotations

from tco.domain.cost import Kind, Nature, Phase
from tco.domain.deployment import SelfHostedDeployment
from tco.domain.deployment_work import ControlPlane, DeploymentWork, ParallelRun
from tco.domain.machine import MachineChoice
from tco.domain.price import Purchase
from tco.domain.work import ColdCopy, SideFleet
from tco.errors import MissingFigureError
from tco.ledger.buying import Buyer
from tco.ledger.expression import driver
from tco.ledger.lifecycle import add_incumbent_lines
from tco.ledger.model import CostLine, LineMaker
from tco.ledger.tariff import times
from tco.ledger.volume import calendar_hours

PIECES = {
    "integration": "integration",
    "ci_cd": "build and release pipeline",
    "security": "security review",
    "optimisation": "optimisation and conversion",
    "load_tests": "load tests",
}
"""Pieces of work by their key in the file."""


def add_deployment_lines(buyer: Buyer, plan: DeploymentWork) -> None:
    """Add the lines of every part of the deployment that the plan states."""
    for piece, title in PIECES.items():
        work = getattr(plan, piece)
        if work is not None:
            name = f"deployment_work.{piece}"
            buyer.work(name, title, work, phase=Phase.DEPLOYMENT, category="deployment work")
    _add_parallel_run(buyer, "shadow", plan.shadow)
    _add_parallel_run(buyer, "canary", plan.canary)
    for name, fleet in plan.fleets.items():
        add_side_fleet(buyer, f"deployment_work.fleets.{name}", f"{name} fleet", fleet)
    if plan.control_plane is not None:
        _add_control_plane(buyer, plan.control_plane)
    _add_node_overhead(buyer, plan)
    if plan.warm_rollback is not None:
        name = "deployment_work.warm_rollback"
        add_side_fleet(buyer, name, "previous snapshot, kept warm", plan.warm_rollback)
    _add_cold_copy(buyer, plan.cold_rollback)


def _add_node_overhead(buyer: Buyer, plan: DeploymentWork) -> None:
    """Pay for what the cluster itself takes of each machine that serves."""
    if plan.node_overhead_share is None:
        return
    key = "deployment_work.node_overhead_share"
    share = driver(buyer.key(key), "-", plan.node_overhead_share)
    for line in buyer.serving_lines():
        if line.category == "compute":
            buyer.repeat(
                key,
                "the cluster's own services",
                line,
                share,
                phase=Phase.DEPLOYMENT,
                category="cluster",
                kind=Kind.SHARED,
                cause="",
            )


def _add_parallel_run(buyer: Buyer, name: str, run: ParallelRun | None) -> None:
    """Pay a share of another fleet for the months in which both run."""
    if run is None:
        return
    key = f"deployment_work.{name}"
    share = driver(buyer.key(f"{key}.share"), "-", run.share)
    both = times(share, [buyer.active(key, run.months)])
    for line in _beside(buyer, run):
        buyer.repeat(
            key, f"{name} phase", line, both, phase=Phase.DEPLOYMENT, nature=Nature.ONE_OFF
        )


def _beside(buyer: Buyer, run: ParallelRun) -> tuple[CostLine, ...]:
    if run.beside == "itself":
        return buyer.serving_lines()
    incumbent = buyer.scenario.incumbent
    if incumbent is None:
        raise MissingFigureError(
            "a parallel run beside the incumbent needs one; state what runs today under "
            "'incumbent:', or write beside: itself"
        )
    today = LineMaker(buyer.make.option, buyer.make.snapshot)
    add_incumbent_lines(today, incumbent, buyer.holder.volume)
    return tuple(today.lines)


def add_side_fleet(
    buyer: Buyer,
    name: str,
    item: str,
    fleet: SideFleet,
    *,
    phase: Phase = Phase.DEPLOYMENT,
    kind: Kind = Kind.USED,
    cause: str = "",
) -> None:
    """Add the hours of instances beside those that serve, bought on demand."""
    key = buyer.key(name)
    instances = driver(f"{key}.instances", "instances", fleet.instances)
    share = driver(f"{key}.hours_share", "-", fleet.hours_share)
    hours = instances * share * calendar_hours(buyer.scenario.months)
    machine = fleet.machine or _own_machine(buyer, item)
    buyer.machine(
        name,
        item,
        machine,
        times(hours, [buyer.active(name, fleet.months)]),
        phase=phase,
        kind=kind,
        cause=cause,
    )


def _own_machine(buyer: Buyer, item: str) -> MachineChoice:
    part = buyer.holder.part
    deployment = part.candidate.deployment if part is not None else None
    if not isinstance(deployment, SelfHostedDeployment):
        raise MissingFigureError(
            f"{item}: {buyer.holder.path} serves on no machine of its own to copy; state 'machine'"
        )
    return deployment.machine.model_copy(update={"purchase": Purchase.ON_DEMAND})


def _add_control_plane(buyer: Buyer, plane: ControlPlane) -> None:
    name = "deployment_work.control_plane"
    key = buyer.key(name)
    clusters = driver(f"{key}.clusters", "clusters", plane.clusters)
    share = driver(f"{key}.share", "-", plane.share)
    hours = clusters * share * calendar_hours(buyer.scenario.months)
    buyer.service(
        name,
        "control plane",
        plane.price,
        times(hours, [buyer.whole(name)]),
        phase=Phase.DEPLOYMENT,
        category="cluster",
        unit="hour",
    )


def _add_cold_copy(buyer: Buyer, copy: ColdCopy | None) -> None:
    if copy is None:
        return
    name = "deployment_work.cold_rollback"
    gb = driver(buyer.key(f"{name}.gb"), "GB", copy.gb)
    buyer.service(
        name,
        "previous snapshot, kept in storage",
        copy.storage,
        times(gb, [buyer.active(name, copy.months)]),
        phase=Phase.DEPLOYMENT,
        category="storage",
        unit="GB-month",
    )
