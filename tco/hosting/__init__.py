"""Parts on rented machines: what serving takes, the fleet simulated, the lines of what it uses."""

from tco.hosting.fleets import Effort, Usage
from tco.hosting.host import Hosted, host

__all__ = ["Effort", "Hosted", "Usage", "host"]
