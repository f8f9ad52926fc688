"""What serves the steps of a route: fleets, vendors' models, and several steps in one replica."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError
from tco.sim import kernel_layout as at
from tco.sim.fleet import Fleet
from tco.sim.line_kernel import host_stage
from tco.sim.routes import Outcome
from tco.sim.run import FleetRules, Requests
from tco.sim.service import Service

Array = NDArray[np.float64]


def _as_they_come(arrivals_s: Array) -> Requests:
    """One call a request, all alike."""
    return Requests(arrivals_s)


@dataclass(frozen=True, slots=True)
class FleetStation:
    """Replicas of one's own."""

    rules: Callable[[], FleetRules]
    """Makes the rules of a run; autoscalers remember, so each run needs its own."""
    until_s: float
    """How long the fleet is held at least [s]; beyond it until the last call is done."""
    seen: Callable[[Array], Requests] = _as_they_come
    """The calls of requests that enter the route at given moments [s]."""

    def calls(self, arrivals_s: Array) -> Requests:
        """Return the calls of requests as if all came here when they enter the route."""
        return self.seen(arrivals_s)

    def serve(self, calls: Requests) -> Outcome:
        """Run the fleet on its calls to the last."""
        rules, count = self.rules(), calls.arrivals_s.size
        until_s = max(self.until_s, float(calls.arrivals_s[-1])) if count else self.until_s
        fleet = Fleet(rules, [calls], until_s=until_s, keep_requests=count)
        record = fleet.run(to_the_last=True)
        times = record.per_request
        if times is None:
            return Outcome(np.empty(0, dtype=np.int64), np.empty(0), record)
        ends_s = times.finish_s
        if record.dropped or record.abandoned:
            gone = (times.status == at.STATUS_DROPPED) | (times.status == at.STATUS_ABANDONED)
            ends_s = np.where(gone, _gives_up_s(rules, calls, times.status), ends_s)
        return Outcome(times.status, ends_s, record, times.first_token_s)


def _gives_up_s(rules: FleetRules, calls: Requests, status: NDArray[np.int64]) -> Array:
    """Return when each call would be turned away or give up: as it joins, or its patience later."""
    front, joins_s = rules.service.front, calls.arrivals_s
    if front is not None:
        hands_s = np.full(front.parallel, -math.inf)
        joins_s = host_stage(joins_s, 0, front.seconds, front.factors, hands_s)
    patience_s = np.full(joins_s.size, math.inf if rules.patience_s is None else rules.patience_s)
    if calls.patience_s.size:
        patience_s = np.where(np.isnan(calls.patience_s), patience_s, calls.patience_s)
    return np.where(status == at.STATUS_ABANDONED, joins_s + patience_s, joins_s)


@dataclass(frozen=True, slots=True)
class DelayStation:
    """A vendor's model: each call takes so long, whatever else comes."""

    seconds: Callable[[int], Array]
    """Draws the time to the answer of so many calls [s]."""

    def calls(self, arrivals_s: Array) -> Requests:
        """Return one call a request."""
        return _as_they_come(arrivals_s)

    def serve(self, calls: Requests) -> Outcome:
        """Answer every call after its delay."""
        count = calls.arrivals_s.size
        status = np.full(count, at.STATUS_SERVED)
        return Outcome(status, calls.arrivals_s + self.seconds(count))


def in_one_replica(services: Sequence[Service]) -> Service:
    """Return the service of a monolith: its steps one after the other, in one replica.

    Args:
        services: What a batch takes at each step; all of its requests go through all steps.

    Raises:
        InfeasibleError: If the sum of the steps would not be what they take together.
    """
    first = services[0]
    for service in services:
        if service.factors.size or service.front is not None or service.back is not None:
            raise InfeasibleError(
                "steps in one replica are added up batch by batch, and one of them has a spread or "
                "host work of its own; state their time together as measured"
            )
        if service.seconds.shape[:2] != first.seconds.shape[:2]:
            raise InfeasibleError(
                "steps in one replica run on the same hardware for the same sizes of requests; "
                "give each figures for all of them"
            )
    largest = min(service.seconds.shape[2] for service in services)
    return Service(
        np.sum([service.seconds[:, :, :largest] for service in services], axis=0),
        np.sum([service.joules[:, :, :largest] for service in services], axis=0),
    )
