"""Several tasks on one option: specialists, adapters on one base, or one model for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tco.domain.deployment import ApiDeployment
from tco.domain.scenario import Candidate
from tco.domain.training_plan import Sharing
from tco.errors import InfeasibleError
from tco.ledger.expression import Expression, Number
from tco.ledger.model import CostLine
from tco.ledger.option import Part


def specialists_of(candidate: Candidate) -> int:
    """Return how many copies of the serving an option runs: one a task for specialists."""
    plan = candidate.lifecycle.training
    if plan is None or plan.tasks is None or plan.tasks.sharing is not Sharing.SPECIALISTS:
        return 1
    return plan.tasks.count


def one_specialist(part: Part, count: int) -> Part:
    """Return the part of one specialist: tasks are alike, each gets its share of the requests.

    Raises:
        InfeasibleError: If specialists would share what is stated once for their vendor's account.
    """
    deployment = part.candidate.deployment
    if isinstance(deployment, ApiDeployment):
        for name in ("limits", "provisioned"):
            if getattr(deployment, name) is not None:
                raise InfeasibleError(
                    f"candidates.{part.name}.deployment.{name} belongs to one account, and whether "
                    f"the {count} specialists of lifecycle.training.tasks share it is not known; "
                    f"leave {name} out, or state each specialist as an option of its own, with its "
                    f"share of them, and join them by an option of kind route"
                )
    return replace(part, volume=part.volume / Number(float(count), "specialists"))


def for_each_specialist(lines: Iterable[CostLine], count: int) -> list[CostLine]:
    """Pay for the serving of one specialist as often as there are specialists."""
    each = Number(float(count), "specialists, each on machines of its own")

    def all_of(one: Expression | None) -> Expression | None:
        return None if one is None else one * each

    return [
        replace(
            line,
            quantity=line.quantity * each,
            volume=all_of(line.volume),
            energy_kwh=all_of(line.energy_kwh),
            embodied_co2e_kg=all_of(line.embodied_co2e_kg),
        )
        for line in lines
    ]
