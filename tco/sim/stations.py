"""What serves the steps of a route: fleets and vendors' APIs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.sim import api_kernel as api
from tco.sim import kernel_layout as at
from tco.sim.api import ApiRules, run_api
from tco.sim.fleet import Fleet
from tco.sim.line_kernel import host_stage
from tco.sim.routes import Outcome
from tco.sim.run import FleetRules, Requests

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
class ApiStation:
    """A vendor's API, with its limits and tries; routes with outages have no latency in plans."""

    rules: ApiRules
    tokens: tuple[float, float, float]
    """Fresh, cached and output tokens of a call."""
    seed: int

    def calls(self, arrivals_s: Array) -> Requests:
        """Return one call a request."""
        return Requests(arrivals_s)

    def serve(self, calls: Requests) -> Outcome:
        """Make every call until it is answered or given up."""
        found = run_api(self.rules, calls.arrivals_s, np.array([self.tokens]), seed=self.seed)
        is_lost = found.fates == api.LOST
        status = np.where(is_lost, at.STATUS_DROPPED, at.STATUS_SERVED)
        return Outcome(status, found.finish_s)
