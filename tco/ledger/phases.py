"""The phases of a model's life around its serving: one call a phase, one file a phase."""

from __future__ import annotations

from tco.domain.lifecycle import Lifecycle
from tco.ledger.buying import Buyer
from tco.ledger.data_work import add_data_lines
from tco.ledger.delivery import add_delivery_lines
from tco.ledger.deployment_work import add_deployment_lines
from tco.ledger.experimentation import add_experiment_lines
from tco.ledger.holder import Holder
from tco.ledger.lifecycle import add_item_lines
from tco.ledger.model import LineMaker
from tco.ledger.operation import add_operation_lines
from tco.ledger.people import add_people_lines
from tco.ledger.platform import add_platform_lines, with_effects
from tco.ledger.training import add_training_lines


def add_phase_lines(make: LineMaker, lifecycle: Lifecycle, holder: Holder) -> None:
    """Add the lines of every phase block that a lifecycle has."""
    buyer = Buyer(make, holder)
    add_people_lines(buyer, lifecycle)
    add_item_lines(buyer, lifecycle)
    if lifecycle.experiments is not None:
        add_experiment_lines(make, lifecycle.experiments, lifecycle.training, holder)
    if lifecycle.training is not None:
        add_training_lines(make, lifecycle.training, holder)
    if lifecycle.data is not None:
        add_data_lines(make, lifecycle.data, holder)
    if lifecycle.deployment_work is not None:
        add_deployment_lines(buyer, lifecycle.deployment_work)
    if lifecycle.delivery is not None:
        add_delivery_lines(buyer, lifecycle.delivery)
    if lifecycle.operation is not None:
        add_operation_lines(buyer, lifecycle.operation)
    if lifecycle.platform is not None:
        add_platform_lines(buyer, lifecycle.platform)
        make.lines = with_effects(make.lines, buyer, lifecycle.platform)
