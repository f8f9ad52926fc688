"""Plan the total cost of machine-learning models.

Where to read, in order:

1. ``tco.plan``      the whole way in one function, ``evaluate``
2. ``tco.domain``    the words: scenario, snapshot, deployment, workload, lifecycle
3. ``tco.traffic``   a workload becomes arrivals
4. ``tco.sim``       arrivals and machines become usage
5. ``tco.prices``    dated tables become quotes
6. ``tco.ledger``    usage and quotes become lines of cost
7. ``tco.rank``      lines and goals become an order
8. ``tco.cli``       the command line
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from tco.quiet import switch_telemetry_off

switch_telemetry_off()

_HOMES = {
    "Basis": "tco.domain.cost",
    "Catalog": "tco.prices",
    "Evaluation": "tco.plan",
    "Library": "tco.domain.loading",
    "Measurements": "tco.measure.library",
    "Scenario": "tco.domain.scenario",
    "Settings": "tco.plan",
    "Snapshot": "tco.domain.snapshot",
    "TcoError": "tco.errors",
    "evaluate": "tco.plan",
    "load_scenario": "tco.plan",
    "rank": "tco.plan",
    "replay": "tco.sim.replay",
}
"""Public names and where they live; a name is imported when it is first used."""

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the table above is the one list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tco' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


class _Package(ModuleType):
    """Keeps ``tco.rank`` the function, where importing its folder would put the folder in place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
