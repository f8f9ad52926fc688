"""Whether a fleet at its largest serves what its busiest hour brings."""

from __future__ import annotations

import math

from tco.errors import InfeasibleError
from tco.sim.case import Case
from tco.units import SECONDS_PER_HOUR


def check_capacity(case: Case, rate_per_s: float, month: int) -> None:
    """Refuse a fleet whose largest size serves less than the busiest hour brings.

    Batch jobs may wait, so with them it is the mean of the week that has to be served, and the
    busiest hour of what does not wait.

    Args:
        case: The fleet and its traffic.
        rate_per_s: Mean rate of the busiest month [1/s].
        month: Its number, from 1 on.
    """
    jobs, peak = case.traffic.jobs, float(case.traffic.week.max())
    streamed = rate_per_s * peak * (1.0 - jobs.share if jobs is not None else 1.0)
    each, largest = case.each_per_s * case.available_share, case.largest_fleet
    away = 1.0 - case.available_share
    though = f", gone for {away:.1%} of the time," if away > 0 else ""
    for what, offered in (("busiest hour", streamed), ("mean hour", rate_per_s)):
        capacity = each * largest
        if offered >= capacity:
            need = math.floor(offered / each) + 1
            growth = (offered - capacity) * SECONDS_PER_HOUR
            raise InfeasibleError(
                f"capacity below load: the {what} of month {month} brings {offered:,.4g} "
                f"requests/s and {largest} replicas{though} "
                f"serve {capacity:,.4g} at most; the queue would "
                f"grow by {growth:,.0f} requests an hour. At least {need} replicas are needed"
            )
