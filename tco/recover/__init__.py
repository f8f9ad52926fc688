"""What would recover waste: read ``search`` first."""

from tco.recover.measures import Measure
from tco.recover.search import CauseRecovery, Change, Recovery, Trial, Verdict, recover

__all__ = ["CauseRecovery", "Change", "Measure", "Recovery", "Trial", "Verdict", "recover"]
