"""Parts on rented machines: what serving takes, the fleet simulated, the lines of what it uses."""

from tco.hosting.fleets import Effort, FullUsage, Usage, lost_share
from tco.hosting.host import Hosted, host
from tco.hosting.simulation import Simulation, simulate_option

__all__ = [
    "Effort",
    "FullUsage",
    "Hosted",
    "Simulation",
    "Usage",
    "host",
    "lost_share",
    "simulate_option",
]
