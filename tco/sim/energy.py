"""Joules of a fleet: busy from the service curve, everything else from idle watts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tco.sim import kernel_layout as at
from tco.sim.run import FleetRules, Work
from tco.sim.tally import BOOTING, BUSY

Array = NDArray[np.float64]


def joules_by_cause(
    rules: FleetRules, work: Work, spent_s: Array, idle_causes_s: dict[str, Array]
) -> dict[str, Array]:
    """Return energy by hour: busy, booting, and idle by cause [J]; what is unknown is absent.

    The joules of a batch hold all that its slot draws while it runs. Replicas of unlike hardware
    draw unlike power when idle; a cause is given the mean of those that are idle in its hour.

    Args:
        rules: Holds idle watts by hardware class.
        work: Holds busy time by hardware class.
        spent_s: Replica-seconds serving, booting, draining and under repair, in which nothing is
            drawn, by hardware class and hour [s].
        idle_causes_s: Idle replica-seconds by cause and hour [s].
    """
    joules = {}
    if rules.service.has_joules:
        joules[BUSY] = work.hours[:, at.HOUR_JOULES]
    if not rules.idle_w:
        return joules
    watts = np.array(rules.idle_w[: spent_s.shape[1]])
    serving_s, booting_s, draining_s, _ = spent_s
    joules[BOOTING] = watts @ booting_s
    busy_s = np.zeros_like(serving_s)
    busy_s[: work.busy_by_hardware.shape[1]] = work.busy_by_hardware.T[: busy_s.shape[0]]
    idle_s = np.maximum(0.0, serving_s + draining_s - busy_s)
    all_s = idle_s.sum(axis=0)
    mean_w = np.divide(watts @ idle_s, all_s, out=np.zeros_like(all_s), where=all_s > 0)
    return joules | {cause: part_s * mean_w for cause, part_s in idle_causes_s.items()}
