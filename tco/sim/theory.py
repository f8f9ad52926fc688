"""Closed forms that simulated queues are held against.

Everything here is exact under its stated assumptions, except what carries ``approximate`` in its
name; those say how far they were found from the exact value. Times are in seconds, rates per
second, ``load`` is the offered work in busy servers (Erlang). Arrivals are Poisson unless said
otherwise. An unstable queue is refused: it has no mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tco.errors import InfeasibleError

Array = NDArray[np.float64]
SMALL = 1e-17
HUGE = 1e250


@dataclass(frozen=True, slots=True)
class QueueMeans:
    """Long-run means of a queue."""

    wait_s: float
    """Mean wait before service of those who are served [s]."""
    queued: float
    """Mean number waiting [-]."""
    in_system: float
    """Mean number waiting or in service [-]."""
    wait_share: float
    """Share of arrivals that wait at all [-]."""


def little(rate_per_s: float, time_s: float) -> float:
    """Return the mean number in a system from the rate through it and the time spent in it.

    >>> round(little(5.5304, 3.282), 2)
    18.15
    """
    return rate_per_s * time_s


def growth_factor(share_per_period: float, periods: float) -> float:
    """Return the factor of compound growth.

    >>> round(growth_factor(0.08, 24), 6)
    6.341181
    """
    return float((1.0 + share_per_period) ** periods)


def stable_utilisation(load: float, servers: float) -> float:
    """Return the utilisation, or refuse a queue that grows for ever."""
    if load >= servers:
        raise InfeasibleError(
            f"capacity below load: {load:g} servers' worth of work is offered to {servers:g}; "
            f"the queue has no mean. At least {math.floor(load) + 1} servers are needed"
        )
    return load / servers


# ---- many servers -------------------------------------------------------------------------------


def erlang_b(load: float, servers: int) -> float:
    """Return the share that a loss system turns away (M/G/c/c) [-].

    >>> round(erlang_b(18.0, 22), 6)
    0.065451
    """
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked


@dataclass(frozen=True, slots=True)
class MultiServer(QueueMeans):
    """M/M/c, first come first served."""

    decay_per_s: float
    """Rate at which the tail of the wait falls [1/s]."""

    def wait_exceeds(self, time_s: float) -> float:
        """Return the share of arrivals that wait longer than a time [-]."""
        return self.wait_share * math.exp(-self.decay_per_s * time_s)

    def wait_quantile_s(self, share: float) -> float:
        """Return the wait that a share of arrivals does not exceed [s]."""
        return max(0.0, math.log(self.wait_share / (1.0 - share)) / self.decay_per_s)


def mmc(arrivals_per_s: float, service_s: float, servers: int) -> MultiServer:
    """M/M/c: exponential service, ``servers`` alike, one queue (Erlang C)."""
    load = arrivals_per_s * service_s
    utilisation = stable_utilisation(load, servers)
    blocked = erlang_b(load, servers)
    waiting = blocked / (1.0 - utilisation * (1.0 - blocked))
    decay_per_s = servers / service_s - arrivals_per_s
    wait_s = waiting / decay_per_s
    queued = arrivals_per_s * wait_s
    return MultiServer(wait_s, queued, queued + load, waiting, decay_per_s)


def birth_death(births_per_s: Array, deaths_per_s: Array) -> Array:
    """Return the long-run share of each state of a birth-death chain [-].

    ``births_per_s[n]`` leads from n to n + 1 and ``deaths_per_s[n]`` back. With a measured curve as
    deaths (n / seconds of a batch of n) this is the oracle of batching with exponential work.
    """
    steps = np.log(births_per_s) - np.log(deaths_per_s)
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True, slots=True)
class LimitedQueue(QueueMeans):
    """M/M/c/K: who finds ``places`` taken is turned away."""

    empty_share: float
    refused_share: float
    served_per_s: float


def mmck(arrivals_per_s: float, service_s: float, servers: int, places: int) -> LimitedQueue:
    """M/M/c/K: at most ``places`` in the system, those in service included."""
    states = np.arange(places + 1)
    deaths = np.minimum(states[1:], servers) / service_s
    shares = birth_death(np.full(places, arrivals_per_s), deaths)
    queued = float(np.sum(np.maximum(states - servers, 0) * shares))
    served_per_s = arrivals_per_s * (1.0 - float(shares[-1]))
    waiting = float(shares[servers:-1].sum()) / (1.0 - float(shares[-1]))
    return LimitedQueue(
        wait_s=queued / served_per_s,
        queued=queued,
        in_system=float(np.sum(states * shares)),
        wait_share=waiting,
        empty_share=float(shares[0]),
        refused_share=float(shares[-1]),
        served_per_s=served_per_s,
    )


@dataclass(frozen=True, slots=True)
class ImpatientQueue(QueueMeans):
    """M/M/c+M: who waits too long leaves. ``wait_s`` is the mean over all, leavers included."""

    abandoned_share: float
    busy: float
    """Mean number of busy servers [-]."""


def erlang_a(
    arrivals_per_s: float, service_s: float, servers: int, patience_s: float
) -> ImpatientQueue:
    """Erlang A: exponential patience of mean ``patience_s``; stable at any load."""
    load = arrivals_per_s * service_s
    slots, pressure = servers * patience_s / service_s, arrivals_per_s * patience_s
    first = term = total = 1.0
    step = 0
    while term > SMALL * total or pressure > slots + step:
        step += 1
        term *= pressure / (slots + step)
        total += term
        if total > HUGE:  # the sum grows like exp(pressure); only its ratio to 1 is wanted
            first, term, total = first / HUGE, term / HUGE, 1.0
    without = first / total  # 1 / A
    blocked = erlang_b(load, servers)
    waiting = blocked / (blocked + (1.0 - blocked) * without)
    utilisation = load / servers
    abandoned = waiting * (without / utilisation + 1.0 - 1.0 / utilisation)
    queued = abandoned * arrivals_per_s * patience_s
    busy = load * (1.0 - abandoned)
    return ImpatientQueue(
        wait_s=queued / arrivals_per_s,
        queued=queued,
        in_system=queued + busy,
        wait_share=waiting,
        abandoned_share=abandoned,
        busy=busy,
    )


# ---- one server, any service time ---------------------------------------------------------------


def mg1(arrivals_per_s: float, service_s: float, service_scv: float) -> QueueMeans:
    """M/G/1, first come first served (Pollaczek and Khinchine).

    Args:
        arrivals_per_s: Arrival rate [1/s].
        service_s: Mean service time [s].
        service_scv: Variance of the service time over its squared mean [-].
    """
    load = stable_utilisation(arrivals_per_s * service_s, 1)
    wait_s = load * service_s * (1.0 + service_scv) / (2.0 * (1.0 - load))
    queued = arrivals_per_s * wait_s
    return QueueMeans(wait_s, queued, queued + load, load)


def processor_sharing_s(arrivals_per_s: float, service_s: float, size_s: float) -> float:
    """M/G/1 with equal sharing: time in system of a job that needs ``size_s`` alone [s].

    >>> round(processor_sharing_s(0.2, 3.0, 3.0), 6)
    7.5
    """
    return size_s / (1.0 - stable_utilisation(arrivals_per_s * service_s, 1))


# ---- many servers, constant service time --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConstantService(QueueMeans):
    """M/D/c, first come first served."""

    arrivals_per_s: float
    service_s: float
    servers: int
    present: Array
    """Long-run share of each number in the system [-]."""

    def wait_within(self, time_s: float) -> float:
        """Return the share of arrivals that wait no longer than a time [-].

        Franx's form (2001): it adds positive terms only, where the textbook series alternates and
        loses all digits after a few service times.
        """
        periods = math.floor(time_s / self.service_s) + 1
        at_most = np.cumsum(self.present)[self.servers :]
        places = periods * self.servers - 1 - np.arange(periods * self.servers)
        within = np.where(
            places < at_most.size, at_most[np.minimum(places, at_most.size - 1)], at_most[-1]
        )
        mean = self.arrivals_per_s * (periods * self.service_s - time_s)
        return min(1.0, float(np.sum(poisson_shares(mean, periods * self.servers) * within)))


def mdc(arrivals_per_s: float, service_s: float, servers: int) -> ConstantService:
    """M/D/c: every service takes ``service_s``.

    Seen every ``service_s``, the number in the system is N' = (N - c)^+ + Poisson(load). Its
    generating function needs the zeros of z^c = exp(load (z - 1)) in the unit disc (Crommelin).
    """
    load = arrivals_per_s * service_s
    utilisation = stable_utilisation(load, servers)
    zeros = _zeros_in_the_disc(utilisation, servers)
    free = servers - load
    idle_share = float((free / np.prod(1.0 - zeros)).real)
    excess = (load**2 - servers * (servers - 1)) / (2.0 * free)
    queued = max(0.0, float(excess + np.sum(1.0 / (1.0 - zeros)).real))
    return ConstantService(
        wait_s=queued / arrivals_per_s,
        queued=queued,
        in_system=queued + load,
        wait_share=1.0 - idle_share,
        arrivals_per_s=arrivals_per_s,
        service_s=service_s,
        servers=servers,
        present=_present(load, servers, zeros),
    )


def _zeros_in_the_disc(utilisation: float, servers: int) -> NDArray[np.complex128]:
    turns = np.exp(2j * np.pi * np.arange(1, servers) / servers)
    zeros = turns * math.exp(-utilisation)
    for _ in range(60):  # the map contracts; Newton on it ends in far fewer steps
        image = turns * np.exp(utilisation * (zeros - 1.0))
        zeros = zeros - (zeros - image) / (1.0 - utilisation * image)
    return np.asarray(zeros)


def _present(load: float, servers: int, zeros: NDArray[np.complex128]) -> Array:
    """Invert the generating function on the unit circle, on enough points for the tail."""
    low, high = servers / load, 2.0 * servers / load  # the tail falls as this zero's powers
    while servers * math.log(high) > load * (high - 1.0):
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        inside = servers * math.log(middle) > load * (middle - 1.0)
        low, high = (middle, high) if inside else (low, middle)
    points = 2 ** math.ceil(math.log2(max(64.0, 4.0 * servers, 40.0 / math.log(low))))
    circle = np.exp(2j * np.pi * np.arange(points) / points)
    arrived = np.exp(load * (circle - 1.0))
    values = np.ones(points, dtype=complex)
    inner = circle[1:]
    values[1:] = arrived[1:] * (servers - load) * (inner - 1.0) / (inner**servers - arrived[1:])
    for zero in zeros:
        values *= (circle - zero) / (1.0 - zero)
    return np.asarray(np.maximum(np.fft.fft(values).real / points, 0.0))


def poisson_shares(mean: float, count: int) -> Array:
    """Return the first ``count`` probabilities of a Poisson law [-]."""
    if mean == 0:
        return np.concatenate(([1.0], np.zeros(count - 1)))
    logs = np.concatenate(([0.0], np.cumsum(np.log(mean / np.arange(1, count)))))
    return np.asarray(np.exp(logs - mean))


def mdc_approximate_wait_s(arrivals_per_s: float, service_s: float, servers: int) -> float:
    """Cosmetatos' wait of M/D/c [s]: APPROXIMATE, see ``COSMETATOS_ERROR``."""
    load = stable_utilisation(arrivals_per_s * service_s, servers)
    bend = (1.0 - load) * (servers - 1) * (math.sqrt(4.0 + 5.0 * servers) - 2.0)
    half = (1.0 + bend / (16.0 * load * servers)) / 2.0
    return half * mmc(arrivals_per_s, service_s, servers).wait_s


COSMETATOS_ERROR = 0.012
"""Largest relative error against the exact value, utilisation 0.5 to 0.99 of 1 to 10 servers."""


def ggc_approximate_wait_s(
    arrivals_per_s: float, service_s: float, servers: int, *, gap_scv: float, service_scv: float
) -> float:
    """Allen and Cunneen's wait of G/G/c [s]: APPROXIMATE, see ``ALLEN_CUNNEEN_ERROR``.

    Exact for M/M/c and M/G/1. Blind to correlation: of no use for on/off traffic.
    """
    return mmc(arrivals_per_s, service_s, servers).wait_s * (gap_scv + service_scv) / 2.0


ALLEN_CUNNEEN_ERROR = 0.10
"""Largest relative error against exact M/D/c, utilisation 0.9 to 0.99 of 1 to 64 servers."""
