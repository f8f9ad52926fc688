"""Parts on rented machines: what serving takes, the fleet simulated, the lines of what it uses."""

from tco.hosting.fleets import Effort, Usage
from tco.hosting.host import Hosted, host
from tco.hosting.simulation import Simulation, simulate_option

__all__ = ["Effort", "Hosted", "Simulation", "Usage", "host", "simulate_option"]
