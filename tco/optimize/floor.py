"""The least that a fleet can use and the fastest that it can answer, without simulating it.

A deployment built on such a floor costs no more than it will once it is simulated, and misses no
goal that it would meet then. So what is already too dear or too slow need not be simulated.

- A fleet that never scales has its hours in closed form: its floor is its cost.
- A fleet that scales never holds fewer instances than its smallest number of replicas lie on. Its
  replicas are also busy for as long as the work takes at the best batch, less what a simulated
  sample may hold too little of: five standard errors of its requests, and the work that a stretch
  of hours leaves behind. And an instance is there while any request is served: requests that come
  independently leave no moment without one more often than exp(-rate x shortest time).
- Machines held at the least are cheapest to commit to where they are the same ones all the time:
  what a level costs rises ever slower with the hours in which it is used.
- Machines that are taken away or fail may be none at all.
- No request is answered before the shortest time that a batch takes.
- Whatever else is simulated, such as a function on demand or an API with limits, has no bound. It
  is quick, so it is simulated, and its floor is its cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from tco.hosting.fleets import LadderTask, StaticTask
from tco.sim.case import Case
from tco.sim.ladder import Ladder, Reach, sample_of
from tco.sim.packing import instances_needed
from tco.sim.rung import BUSY, Rung
from tco.sim.sizing import Curve
from tco.sim.static_fleet import check_load
from tco.sim.usage import Latency, StaticUsage
from tco.tasks import Kept, Result, Task
from tco.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

STANDARD_ERRORS = 5.0
LEFT_BEHIND = 0.03
"""Work that a stretch may leave to the next, over its work; so many service times come on top."""
SERVICE_TIMES_LEFT = 10
LOWER_LOAD = 0.25
"""Between the loads of a ladder a line may rest on one with so many of the requests."""
SCOPE = "no request is faster"


@dataclass(frozen=True, slots=True)
class Floors(Kept):
    """Stands in for results of simulations: what no simulation would fall below."""

    simulated: Kept = field(default_factory=Kept)
    """Where the results of what has no bound are kept."""

    def of(self, task: Task) -> Result:
        """Return the floor of a task, or raise ``WantedError`` where only a simulation tells."""
        match task:
            case StaticTask():
                return _static(task).as_data()
            case LadderTask():
                return _ladder(task).as_data()
        return self.simulated.of(task)


def _static(task: StaticTask) -> StaticUsage:
    fleet = task.fleet
    load = check_load(fleet, np.array(task.requests), np.array(task.hours), np.array(task.week))
    return StaticUsage(
        replicas=fleet.replicas,
        instances=fleet.instances,
        instance_share=fleet.instance_share,
        parallel=fleet.parallel,
        seconds=fleet.seconds,
        busiest_load=load,
        latency=_never_faster(fleet.seconds),
        simulated_requests=0,
        idle_shares={"rest": (1.0,) * len(task.requests)},
    )


def _never_faster(seconds: float) -> Latency:
    ms = seconds * MILLISECONDS_PER_SECOND
    return Latency(ms, ms, ms, SCOPE)


def _ladder(task: LadderTask) -> Ladder:
    """Draw the floor over the load, the same for all service times."""
    case, reach = task.case, task.reach
    fastest_s = 0.0  # nobody knows a floor of steps; held machines are one
    if isinstance(case.curve, Curve):
        seconds = case.curve.service().seconds[0, :, 1:]
        fastest_s = float(seconds[:, : case.rules().batch.max_size].min())
    loads, least = _least_instances(case, reach, fastest_s)
    likely = float(np.interp(reach.likely_load_per_s, loads, least))
    return Ladder(
        loads_per_s=tuple(loads),
        factors=reach.factors,
        by_cause={BUSY: tuple(least * len(reach.factors))},
        reference=_rung(reach.likely_load_per_s, likely, fastest_s),
        standard_error=0.0,
        largest_miss=0.0,
        requests=0,
        scope=SCOPE,
        covered={
            level: tuple(min(number, float(level)) for number in least) * len(reach.factors)
            for level in case.levels
        },
        lost=(0.0,) * (len(loads) * len(reach.factors)),
    )


def _least_instances(case: Case, reach: Reach, fastest_s: float) -> tuple[list[float], list[float]]:
    """Return loads [1/s] and the fewest instances there, with straight lines between [-].

    A ladder is simulated at no load, at the likely one and at its top, and has lines between its
    points. What rises ever slower with the load, as the share of time in which somebody is served,
    therefore counts on the lines between those three; what is flat or straight, everywhere.
    """
    held = float(instances_needed(case.rules().minimum, case.machine.per_instance))
    if case.settings.has_faults:
        held = 0.0  # machines that are gone are not paid for
    corners = [0.0, reach.likely_load_per_s, reach.top_per_s]
    counted = _counted_share(case, reach)
    busy = counted * case.machine.share_of_instance / case.each_per_s
    served = [
        counted * float(np.mean(1.0 - np.exp(-load * fastest_s * case.traffic.week)))
        for load in corners
    ]
    loads = set(corners)
    for low, high in pairwise(range(len(corners))):
        run = corners[high] - corners[low]
        slope = (served[high] - served[low]) / run
        start = served[low] - slope * corners[low]
        lines = [(held, 0.0), (0.0, busy), (start, slope)]
        for (one, one_slope), (other, other_slope) in combinations(lines, 2):
            if one_slope != other_slope:
                crossing = (one - other) / (other_slope - one_slope)
                loads |= {crossing} if corners[low] < crossing < corners[high] else set()
    loads |= _where_a_level_fills(case, corners, held, busy, served)
    ordered = sorted(loads)
    least = [max(held, busy * x, float(np.interp(x, corners, served))) for x in ordered]
    return ordered, least


def _where_a_level_fills(
    case: Case, corners: list[float], held: float, busy: float, served: list[float]
) -> set[float]:
    """Return the loads at which the fewest instances fill a level that could be committed."""
    top = corners[-1]
    filled = {level / busy for level in case.levels if busy > 0 and held < level < busy * top}
    for level in case.levels:
        if served[0] < level < served[-1]:
            filled.add(float(np.interp(level, served, corners)))
    return filled


def _counted_share(case: Case, reach: Reach) -> float:
    """Return the share of its work that a sample holds at the least [-].

    None is counted where rates wander or requests are lost: there a sample may hold any number.
    """
    rules, traffic = case.rules(), case.traffic
    loses_none = rules.queue_limit < 0 and rules.patience_s is None
    if not (case.is_even and traffic.jobs is None and loses_none):
        return 0.0
    if not isinstance(case.curve, Curve):
        return 0.0
    requests = LOWER_LOAD * sample_of(case, reach).requests(reach.likely_load_per_s)
    of_class, shares = np.array(case.curve.seconds)[:, -1], np.array(case.curve.shares)
    spread = float(np.dot(shares, of_class**2) / np.dot(shares, of_class) ** 2)
    missing = STANDARD_ERRORS * math.sqrt(spread / requests) if requests > 0 else 1.0
    longest_s = float(case.curve.service().seconds.max())
    left = LEFT_BEHIND + SERVICE_TIMES_LEFT * longest_s / SECONDS_PER_HOUR
    return max(0.0, 1.0 - missing - left)


def _rung(load_per_s: float, instances: float, fastest_s: float) -> Rung:
    none: dict[str, Any] = dict.fromkeys(
        ("requests", "served", "dropped", "abandoned", "in_system", "started", "batches"), 0
    )
    return Rung(
        load_per_s=load_per_s,
        service_factor=1.0,
        instances=instances,
        by_cause={BUSY: instances},
        latency=_never_faster(fastest_s),
        queue=None,
        mean_wait_s=None,
        lost_share=0.0,
        arrivals_per_s=load_per_s,
        simulated_s=0.0,
        **none,
    )
