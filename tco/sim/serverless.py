"""Functions that a vendor runs on demand: an instance for each request, kept alive for the next.

A request goes to a warm instance, the one used last first, so that the others may go; instances
provisioned for good before all others. Where none is free a new one starts cold, up to the cap;
beyond it a request is refused, or waits for the instance that is free first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError, TcoError
from tco.sim.compiled import compiled
from tco.sim.run import NOTHING

Array = NDArray[np.float64]

# Columns of an instance: since when it is there, and when its last request is done.
SINCE_S, UNTIL_S = range(2)
NEVER = -1.0
# Places in the sums.
SERVED, COLD, REFUSED, REQUEST_S, ACTIVE_S, COLD_S, HELD_S, PROVISIONED_ACTIVE_S = range(8)
SUMS = 8
ROUNDING = 1e-6
FIRST_ROOM = 1024


@dataclass(frozen=True, slots=True)
class FunctionRules:
    """How a vendor runs a function."""

    cold_start_s: float
    keep_alive_s: float
    """Time without a request after which an instance goes [s]."""
    per_instance: int = 1
    """Requests that an instance serves at once."""
    provisioned: int = 0
    """Instances that are kept warm whatever comes."""
    most_instances: int = 1000
    waits: bool = False
    """Whether a request waits when all instances are busy; else it is refused."""


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """What a run of a function used; times in instance-seconds unless they say otherwise."""

    arrived: int
    served: int
    cold_starts: int
    refused: int
    request_s: float
    """Time in which requests were served, each for itself [s]."""
    active_s: float
    """Time in which instances served one request or more [s]."""
    cold_s: float
    """Time in which instances started [s]."""
    held_s: float
    """Time in which instances were there, provisioned ones included [s]."""
    provisioned_active_s: float
    """The part of the active time that provisioned instances served [s]."""
    peak_instances: int
    simulated_s: float
    latencies_s: Array
    """From arrival to answer, of each request served, in order of arrival [s]."""
    start_s: Array = field(default_factory=lambda: NOTHING)
    """When each request was begun [s]; nan where it was refused."""

    @property
    def idle_s(self) -> float:
        """Time in which instances were there and did nothing [s]."""
        return self.held_s - self.active_s - self.cold_s


def since(whole: FunctionRecord, before: FunctionRecord) -> FunctionRecord:
    """Return a run without its beginning, which was run for itself with the same arrivals."""
    summed = (
        "arrived",
        "served",
        "cold_starts",
        "refused",
        "request_s",
        "active_s",
        "cold_s",
        "held_s",
        "provisioned_active_s",
        "simulated_s",
    )
    rest = {name: getattr(whole, name) - getattr(before, name) for name in summed}
    return replace(
        whole,
        **rest,
        latencies_s=whole.latencies_s[before.served :],
        start_s=whole.start_s[before.arrived :],
    )


def check_function(rules: FunctionRules, arrivals_per_s: float, service_s: float) -> None:
    """Refuse a function whose cap lies below the mean load, with the numbers."""
    if rules.provisioned > rules.most_instances:
        raise InfeasibleError(
            f"{rules.provisioned} instances are provisioned and {rules.most_instances} are allowed "
            "at most; raise the cap or provision fewer"
        )
    busy, places = arrivals_per_s * service_s, rules.most_instances * rules.per_instance
    if busy >= places:
        short = (busy - places) / service_s * 3600.0
        fate = "the queue would grow by" if rules.waits else "it would refuse"
        raise InfeasibleError(
            f"the cap lies below the load: {arrivals_per_s:,.4g} requests/s of {service_s:g} s "
            f"keep {busy:,.4g} places busy and {rules.most_instances} instances have {places}; "
            f"{fate} {short:,.0f} requests an hour. At least "
            f"{math.floor(busy / rules.per_instance) + 1} instances are needed"
        )


def run_function(
    rules: FunctionRules,
    chunks: Iterable[tuple[Array, Array]],
    *,
    until_s: float,
) -> FunctionRecord:
    """Serve every request that comes before the end.

    Args:
        rules: How the vendor runs the function.
        chunks: Arrivals in order [s], and how long each takes once begun [s].
        until_s: End of the run [s]; what is begun before it is served to its end.
    """
    room = min(rules.most_instances, FIRST_ROOM)
    instances, places_s = _empty(room, rules.per_instance)
    instances[: rules.provisioned] = (0.0, 0.0)
    places_s[: rules.provisioned] = 0.0
    sums = np.zeros(SUMS)
    used = peak = rules.provisioned
    starts: list[Array] = [NOTHING]
    latencies: list[Array] = [NOTHING]
    for arrivals_s, takes_s in chunks:
        inside = arrivals_s < until_s
        came_s, service_s = arrivals_s[inside], takes_s[inside]
        start_s, alive = np.full(came_s.size, np.nan), np.zeros(1, dtype=np.int64)
        alive[0], position = peak, 0
        while position < came_s.size:
            position, used = _serve(
                came_s,
                service_s,
                position,
                used,
                rules.cold_start_s,
                rules.keep_alive_s,
                rules.provisioned,
                rules.most_instances,
                rules.waits,
                instances,
                places_s,
                sums,
                start_s,
                alive,
            )
            if position < came_s.size:
                more = _empty(min(rules.most_instances - room, room), rules.per_instance)
                instances = np.concatenate((instances, more[0]))
                places_s = np.concatenate((places_s, more[1]))
                room = instances.shape[0]
        peak = int(alive[0])
        starts.append(start_s)
        done = ~np.isnan(start_s)
        latencies.append((start_s + service_s - came_s)[done])
    held_s = sums[HELD_S]
    for number in range(used):
        since_s, last_s = instances[number]
        if since_s != NEVER:
            ends_s = last_s + rules.keep_alive_s if number >= rules.provisioned else math.inf
            held_s += max(last_s, min(ends_s, until_s)) - since_s
    start_all_s = np.concatenate(starts)
    record = FunctionRecord(
        arrived=start_all_s.size,
        served=int(sums[SERVED]),
        cold_starts=int(sums[COLD]),
        refused=int(sums[REFUSED]),
        request_s=float(sums[REQUEST_S]),
        active_s=float(sums[ACTIVE_S]),
        cold_s=float(sums[COLD_S]),
        held_s=float(held_s),
        provisioned_active_s=float(sums[PROVISIONED_ACTIVE_S]),
        peak_instances=peak,
        simulated_s=until_s,
        latencies_s=np.concatenate(latencies),
        start_s=start_all_s,
    )
    _check(record)
    return record


def _empty(instances: int, per_instance: int) -> tuple[Array, Array]:
    return np.full((instances, 2), NEVER), np.full((instances, per_instance), NEVER)


@compiled
def _serve(  # noqa: PLR0913, PLR0917, PLR0912, PLR0915, C901 - one compiled loop over requests
    came_s: Array,
    service_s: Array,
    position: int,
    used: int,
    cold_start_s: float,
    keep_alive_s: float,
    provisioned: int,
    most: int,
    waits: bool,  # noqa: FBT001 - compiled code takes its arguments by position
    instances: Array,
    places_s: Array,
    sums: Array,
    start_s: Array,
    peak: NDArray[np.int64],
) -> tuple[int, int]:
    """Serve requests until the last, or until there is no room for another instance."""
    slots = places_s.shape[1]
    while position < came_s.shape[0]:
        now_s = came_s[position]
        warm, warm_place, gone, alive = -1, 0, -1, provisioned
        for k in range(used):
            last_s = instances[k, UNTIL_S]
            if k >= provisioned:
                if instances[k, SINCE_S] != NEVER and now_s >= last_s + keep_alive_s:
                    sums[HELD_S] += last_s + keep_alive_s - instances[k, SINCE_S]
                    instances[k, SINCE_S] = NEVER
                if instances[k, SINCE_S] == NEVER:
                    if gone < 0:
                        gone = k
                    continue
                alive += 1
            if warm >= 0 and (warm < provisioned or last_s <= instances[warm, UNTIL_S]):
                continue
            for place in range(slots):
                if places_s[k, place] <= now_s:
                    warm, warm_place = k, place
                    break
        begins_s = now_s
        if warm < 0 and alive < most:
            if gone < 0:
                if used == instances.shape[0]:
                    return position, used
                gone, used = used, used + 1
            begins_s = now_s + cold_start_s
            instances[gone, SINCE_S], instances[gone, UNTIL_S] = now_s, begins_s
            for place in range(slots):
                places_s[gone, place] = begins_s
            sums[COLD] += 1
            sums[COLD_S] += cold_start_s
            warm, warm_place, alive = gone, 0, alive + 1
        elif warm < 0:
            if not waits:
                sums[REFUSED] += 1
                position += 1
                continue
            begins_s = math.inf
            for k in range(used):
                if k >= provisioned and instances[k, SINCE_S] == NEVER:
                    continue
                for place in range(slots):
                    if places_s[k, place] < begins_s:
                        begins_s, warm, warm_place = places_s[k, place], k, place
        ends_s = begins_s + service_s[position]
        active_s = max(0.0, ends_s - max(begins_s, instances[warm, UNTIL_S]))
        sums[ACTIVE_S] += active_s
        if warm < provisioned:
            sums[PROVISIONED_ACTIVE_S] += active_s
        instances[warm, UNTIL_S] = max(instances[warm, UNTIL_S], ends_s)
        places_s[warm, warm_place] = ends_s
        start_s[position] = begins_s
        sums[SERVED] += 1
        sums[REQUEST_S] += service_s[position]
        peak[0] = max(peak[0], alive)
        position += 1
    return position, used


def _check(record: FunctionRecord) -> None:
    """Refuse a run in which requests or instance-seconds do not add up."""
    sums = {
        "requests by fate": (record.arrived, record.served + record.refused),
        "latencies": (record.served, record.latencies_s.size),
        "idle instance-seconds": (max(0.0, record.idle_s), record.idle_s),
        "active seconds of requests": (
            max(record.active_s, record.request_s),
            record.request_s,
        ),
    }
    for what, (whole, parts) in sums.items():
        if abs(whole - parts) > ROUNDING * max(1.0, record.held_s):
            raise TcoError(
                f"the simulation does not add up: {what}, {whole:,.6f} and {parts:,.6f}. This is a "
                "fault of the planner; please report it."
            )
