"""What is served is not what is computed: host work and batches of a server, from a closed loop.

In process a model is called back to back. Behind a server each request is received, checked, handed
over and sent off too, a stage of its own before the batches. A closed loop keeps so many requests
in the system; how many are answered a second at each number tells the two stages apart. The
figures are those with which the simulated server, the engine of the plans, answers as many.
What a server waits for company, once it takes up requests, is part of the seconds of any batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tco.domain.measured import Measured, Phase, Point, Served
from tco.domain.service import HostStage
from tco.errors import TcoError
from tco.sim.engine import Span
from tco.sim.queues import Queues
from tco.sim.run import FleetRules, PerRequest, Requests
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, HostWork, Service, linear_service, spread_factors

Array = NDArray[np.float64]
ROUNDS = 60
"""Answers that each client of a simulated loop waits for."""
LEAST_LOADS = 4
"""Three figures are fitted; one more number of clients shows how well."""
TURNS = 30
"""Most steps of a search."""
STRIDE = 0.005
"""By which the logarithm of a figure is moved to see what it does, some percent of the figure:
loops fall into step, so the answers a second are a little uneven."""
LEAST_FREE = 0.05
"""A point that the fit follows wholly says nothing of its error; it counts twenty-fold."""
SEED = 1
QUARTILES_IN_DEVIATIONS = 1.349
"""Third less first quartile of a normal curve, over its standard deviation [-]."""


@dataclass(frozen=True, slots=True)
class Server:
    """The settings of a server that batches."""

    max_batch: int
    hands: int = 1
    """Requests that the host works on at once; 1 is one event loop."""
    workers: int = 1

    def service(self, front_s: float, base_s: float, per_item_s: float, cv: float = 0.0) -> Service:
        """Return what serving takes with given figures [s] and a spread of the batches' time."""
        batches = linear_service(base_s, per_item_s, self.max_batch)
        factors = spread_factors(cv, np.random.default_rng(SEED))
        return replace(batches, front=HostWork(front_s, self.hands), factors=factors)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Answers a second by the number of requests that are always in the system."""

    clients: tuple[int, ...]
    answered_per_s: tuple[float, ...]
    cv: float = 0.0
    """Standard deviation over the mean of a request that is alone [-]."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A simulated closed loop, its first half left out."""

    answered_per_s: float
    latency_s: Array
    mean_batch: float


class _Clients:
    """Clients that each send a request, wait for the answer, and send the next at once."""

    def __init__(self, clients: int, rounds: int) -> None:
        self.sent_s = np.full(clients * rounds, math.inf)
        self._clients, self._sent = clients, 0
        self._is_answered = np.zeros(clients * rounds, dtype=bool)
        self.times: Callable[[], PerRequest] | None = None

    def __iter__(self) -> Iterator[Requests]:
        return self

    def __next__(self) -> Requests:
        """Return what is sent next: whenever all that was sent has joined, a batch is under way.

        The one that ends first decides; no batch that begins later ends before it.
        """
        if self._sent == self.sent_s.size:
            raise StopIteration
        if self._sent == 0:
            return self._send(np.zeros(self._clients))
        assert self.times is not None
        finish_s = np.where(self._is_answered, np.inf, self.times().finish_s)
        answered = finish_s == np.nanmin(finish_s)
        self._is_answered |= answered
        return self._send(finish_s[answered])

    def _send(self, moments_s: Array) -> Requests:
        left = self.sent_s.size - self._sent
        now_s = moments_s[:left]
        self.sent_s[self._sent : self._sent + now_s.size] = now_s
        self._sent += now_s.size
        return Requests(now_s)


def closed_loop(service: Service, server: Server, clients: int, *, rounds: int = ROUNDS) -> Loop:
    """Simulate so many clients that always wait for an answer."""
    rules = FleetRules(
        service,
        BatchRule(server.max_batch),
        rule=Static(server.workers),
        minimum=server.workers,
        maximum=server.workers,
    )
    sending = _Clients(clients, rounds)
    count = clients * rounds
    queues = Queues(rules, sending, Span(math.inf, 1, count))
    sending.times = lambda: queues.times
    for worker in range(server.workers):
        queues.open(worker, 0.0)
    queues.carry(math.inf)
    times = queues.times
    # From the middle on, and until clients begin to stop.
    first, last = count // 2, count - clients
    ends_s = np.sort(times.finish_s)
    in_batch = np.bincount(times.batch)[times.batch[first:last]]
    return Loop(
        answered_per_s=(last - first) / float(ends_s[last] - ends_s[first]),
        latency_s=(times.finish_s - sending.sent_s)[first:last],
        mean_batch=float(1 / np.mean(1 / in_batch)),
    )


def sweep_of(measured: Measured) -> Sweep:
    """Return the closed loop of a measured server, or say why it is none.

    Raises:
        TcoError: If too few numbers of clients were measured.
    """
    points = sorted(
        (
            point
            for point in measured.points
            if point.phase is Phase.REQUEST
            and point.concurrency is not None
            and point.concurrency == int(point.concurrency)
            and point.throughput_per_s is not None
        ),
        key=lambda point: point.concurrency or 0,
    )
    if len(points) < LEAST_LOADS:
        raise TcoError(
            f"{measured.id} holds {len(points)} points of a closed loop with answers a second, and "
            f"telling host work from batches takes {LEAST_LOADS} or more: measure the server with "
            "'tco measure run' and 'concurrency: [1, 2, 4, 8, 16, 32]'"
        )
    alone = points[0].seconds
    cv = 0.0
    if alone.iqr is not None and alone.median is not None and points[0].concurrency == 1:
        cv = alone.iqr / QUARTILES_IN_DEVIATIONS / alone.median
    return Sweep(
        tuple(int(point.concurrency or 0) for point in points),
        tuple(map(_answered_per_s, points)),
        cv,
    )


def _answered_per_s(point: Point) -> float:
    """Return the answers a second while somebody waits for one."""
    if point.pause_s is not None:
        assert point.concurrency is not None
        assert point.seconds.mean is not None
        return point.concurrency / point.seconds.mean
    return point.throughput_per_s or 0.0


def fit_served(sweep: Sweep, server: Server) -> Served:
    """Find the host seconds a request and the line of the batches behind a closed loop.

    Raises:
        TcoError: If there are too few numbers of clients, or none is as large as a batch may be.
    """
    if len(sweep.clients) < LEAST_LOADS:
        raise TcoError(f"{len(sweep.clients)} numbers of clients; three figures take {LEAST_LOADS}")
    if max(sweep.clients) < 2 * server.max_batch * server.workers:
        raise TcoError(
            f"at most {max(sweep.clients)} clients were measured, and batches of "
            f"{server.max_batch} are full only from {2 * server.max_batch * server.workers} on: "
            "measure more clients, so that the loop shows what the server can do at most"
        )
    figures, misses, left_out = _search(sweep, server)
    front_s, base_s, per_item_s = figures.tolist()
    return Served(
        front_end=HostStage(seconds=front_s, parallel=server.hands),
        base_s=base_s,
        per_item_s=per_item_s,
        cv=sweep.cv,
        max_batch=server.max_batch,
        workers=server.workers,
        clients=sweep.clients,
        in_sample_error=float(np.abs(misses).mean()),
        left_out_error=float(np.abs(left_out).mean()),
    )


def _first_guess(sweep: Sweep, server: Server) -> tuple[float, float, float]:
    """Guess from both ends: all of it for one client, full batches for the most."""
    alone_s = sweep.clients[0] / sweep.answered_per_s[0]
    each_s = server.workers / max(sweep.answered_per_s)
    per_item_s = 0.8 * min(each_s, alone_s)
    rest_s = max(alone_s - per_item_s, 0.1 * alone_s)
    return 0.5 * rest_s, 0.5 * rest_s, per_item_s


def _misses(figures: Array, sweep: Sweep, server: Server) -> Array:
    """Return simulated over seen answers a second, less one, by number of clients [-]."""
    front_s, base_s, per_item_s = figures.tolist()
    service = server.service(front_s, base_s, per_item_s, sweep.cv)
    told = [closed_loop(service, server, clients).answered_per_s for clients in sweep.clients]
    return np.asarray(np.array(told) / np.array(sweep.answered_per_s) - 1)


def _search(sweep: Sweep, server: Server) -> tuple[Array, Array, Array]:
    """Move the figures until the squared misses are least; they stay above nothing.

    Returns:
        The figures, the misses, and the misses of points left out: what each point pulls the fit
        towards itself is taken off by the slopes at the end.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415 - takes half a second to load

    def misses(logarithms: Array) -> Array:
        return _misses(np.exp(logarithms), sweep, server)

    start = np.log(np.array(_first_guess(sweep, server)))
    stride = np.full(start.size, STRIDE)
    found = least_squares(misses, start, diff_step=stride, max_nfev=TURNS)
    slopes = np.asarray(found.jac)
    pulled = np.diag(slopes @ np.linalg.pinv(slopes))
    return np.exp(found.x), found.fun, found.fun / np.maximum(1 - pulled, LEAST_FREE)
