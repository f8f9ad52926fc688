"""What would recover waste: read ``search`` first."""

from tco.recover.measures import Measure
from tco.recover.search import (
    CauseRecovery,
    Change,
    Recovery,
    Trial,
    Verdict,
    cheapest_that_wastes,
    recover,
)

__all__ = [
    "CauseRecovery",
    "Change",
    "Measure",
    "Recovery",
    "Trial",
    "Verdict",
    "cheapest_that_wastes",
    "recover",
]
