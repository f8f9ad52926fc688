"""A fleet of replicas on SimPy's clock: it scales, boots and drains; the kernel moves the requests.

Everything that decides is a SimPy process. Before anything about the fleet changes, the queues are
carried to that moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import simpy
from numpy.typing import NDArray

from tco.sim import batch_kernel as kernel
from tco.sim.scaling import Observation, Rule, Wish
from tco.sim.service import BatchRule, Service, front_end_departures_s
from tco.sim.tally import IdleCauses, ReplicaClock
from tco.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NOTHING = np.empty(0)
NONE_WHOLE = np.empty(0, dtype=np.int64)
FIRST_RING = 256
ACTIVE, BOOTING, DRAINING, OFF = range(4)
SHORTEST_STEP_S = 1e-3


@dataclass(frozen=True, slots=True)
class Requests:
    """Some arrivals in order of time; the other columns are empty where all are alike."""

    arrivals_s: Array
    ranks: Whole = field(default_factory=lambda: NONE_WHOLE)
    sizes: Whole = field(default_factory=lambda: NONE_WHOLE)
    patience_s: Array = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class FleetRules:
    """How a fleet behaves."""

    service: Service
    batch: BatchRule
    rule: Rule
    minimum: int
    maximum: int
    first: int | None = None
    """Replicas at the start; None: what the rule asks for."""
    slots: int = 1
    """Requests or batches that one replica serves at once."""
    boot_s: Callable[[], float] = lambda: 0.0
    """Draws the time from the wish for a replica to its first request [s]."""
    queue_limit: int = -1
    patience_s: float | None = None
    """Time after which every waiting request gives up [s]; None: never."""
    goal_s: float = math.inf
    """Latency that requests are counted as late against [s]."""


@dataclass(frozen=True, slots=True)
class PerRequest:
    """Times of each request [s]; nan where it was not served."""

    start_s: Array
    finish_s: Array
    batch: Whole
    status: Whole


@dataclass(frozen=True, slots=True)
class FleetRecord:
    """What happened, by hour since the start."""

    hours: Array
    """Columns as in the kernel: requests by fate, batches, busy slot-seconds, joules, waiting."""
    serving_s: Array
    """Replica-seconds in service by hour, busy or not [s]."""
    booting_s: Array
    draining_s: Array
    idle_causes_s: dict[str, Array]
    histogram: Array
    waits: Array
    arrived: int
    served: int
    dropped: int
    abandoned: int
    waiting: int
    in_service: int
    simulated_s: float
    peak_replicas: int
    replicas_over_time: tuple[tuple[float, int], ...]
    per_request: PerRequest | None


class Fleet:
    """One run of a fleet over a stretch of time."""

    def __init__(
        self,
        rules: FleetRules,
        chunks: Iterable[Requests],
        *,
        until_s: float,
        keep_requests: int = 0,
    ) -> None:
        self._rules = rules
        self._chunks: Iterator[Requests] = iter(chunks)
        self._until_s = until_s
        self._environment = simpy.Environment()
        places = rules.maximum * rules.slots
        self._free_s = np.full(places, -math.inf)
        self._takes = np.zeros(places, dtype=np.int64)
        self._hardware = np.zeros(places, dtype=np.int64)
        self._in_batch = np.zeros(places, dtype=np.int64)
        self._state = [OFF] * rules.maximum
        self._ring = np.empty((kernel.CLASSES, FIRST_RING, 4))
        self._head = np.zeros(kernel.CLASSES, dtype=np.int64)
        self._count = np.zeros(kernel.CLASSES, dtype=np.int64)
        self._counters = np.zeros(kernel.COUNTERS, dtype=np.int64)
        hours = max(1, math.ceil(until_s / SECONDS_PER_HOUR - 1e-9))
        self._hours = np.zeros((hours, kernel.HOUR_COLUMNS))
        self._histogram = np.zeros(kernel.BINS)
        self._waits = np.zeros(kernel.BINS)
        self._sizes = rules.batch.sizes(rules.service)
        self._front_end_free_s = np.full(rules.service.front_end_parallel, -math.inf)
        self._clock = ReplicaClock(hours)
        self._causes = IdleCauses(hours, rules.minimum, target=_target(rules.rule))
        self._held = [0, 0, 0]
        self._chunk = Requests(NOTHING)
        self._position = 0
        self._first_index = 0
        self._more = True
        self._some_leave = False
        self._out = PerRequest(
            np.full(keep_requests, np.nan),
            np.full(keep_requests, np.nan),
            np.full(keep_requests, -1, dtype=np.int64),
            np.zeros(keep_requests, dtype=np.int64),
        )
        self._curve: list[tuple[float, int]] = []
        self._peak = 0

    def run(self, *, warm_up_s: float = 0.0, to_the_last: bool = False) -> FleetRecord:
        """Run to the end and return what happened.

        Args:
            warm_up_s: Time whose latencies are not counted; the hours hold it all the same [s].
            to_the_last: Go on after the end until nobody waits and nobody is served, as a replay
                does; a fleet that cannot get there within the time it has run so far is stopped.
        """
        rules = self._rules
        wish = rules.rule.ask(Observation(0.0, 0, 0, 0.0, 0, 0)).replicas
        for replica in range(self._bounded(wish if rules.first is None else rules.first)):
            self._set(replica, ACTIVE)
        if math.isfinite(rules.rule.interval_s):
            self._environment.process(self._scale())
        self._run_to(warm_up_s)
        self._histogram[:] = 0
        self._waits[:] = 0
        end_s = self._until_s
        self._run_to(end_s)
        if to_the_last:
            most_s = 2 * end_s + SECONDS_PER_HOUR
            while self._is_at_work(end_s) and end_s < most_s:
                latest_s = float(self._free_s.max())
                step_s = latest_s - end_s if latest_s > end_s else SECONDS_PER_MINUTE
                end_s += max(step_s, SHORTEST_STEP_S)
                self._run_to(end_s)
        self._clock.account(end_s)
        return self._record(end_s)

    def _run_to(self, moment_s: float) -> None:
        if moment_s > self._environment.now:
            self._environment.run(until=moment_s)
        self._carry(moment_s)

    def _is_at_work(self, now_s: float) -> bool:
        return bool(self._count.sum()) or bool((self._free_s > now_s).any())

    def _bounded(self, wish: int) -> int:
        return max(self._rules.minimum, min(self._rules.maximum, wish))

    def _scale(self) -> Generator[simpy.Event, None, None]:
        """Look at the fleet at the rule's interval, and act on what the rule asks for."""
        rule = self._rules.rule
        looked_s, busy_before = 0.0, 0.0
        number = 0
        while True:
            number += 1
            # An absolute time, so that the looks do not drift by rounding.
            next_s = number * rule.interval_s
            yield self._environment.timeout(max(0.0, next_s - self._environment.now))
            now_s = self._environment.now
            self._carry(now_s)
            begun_s, waiting, in_service = kernel.observe(
                now_s, self._hours, self._free_s, self._in_batch, self._count
            )
            busy = begun_s / self._rules.slots
            ready, booting = self._held[ACTIVE], self._held[BOOTING]
            spent = busy - busy_before
            share = spent / (ready * (now_s - looked_s)) if ready else 0.0
            current = ready + booting
            seen = Observation(now_s, current, ready, share, waiting, in_service)
            wish = rule.ask(seen)
            self._causes.account(looked_s, now_s, ready, spent, wish)
            self._act(wish, current)
            looked_s, busy_before = now_s, busy

    def _act(self, wish: Wish, current: int) -> None:
        wanted = self._bounded(wish.replicas)
        if wanted > current:
            off = [replica for replica, state in enumerate(self._state) if state == OFF]
            for replica in off[: wanted - current]:
                self._environment.process(self._boot(replica))
        elif wanted < current:
            # Those that still boot go first, then the highest numbers: low ones fill instances.
            for state in (BOOTING, ACTIVE):
                for replica in range(len(self._state) - 1, -1, -1):
                    if current > wanted and self._state[replica] == state:
                        self._retire(replica)
                        current -= 1

    def _boot(self, replica: int) -> Generator[simpy.Event, None, None]:
        self._set(replica, BOOTING)
        yield self._environment.timeout(self._rules.boot_s())
        if self._state[replica] == BOOTING:
            self._carry(self._environment.now)
            self._set(replica, ACTIVE)

    def _retire(self, replica: int) -> None:
        """Give a replica no more work; it is gone when what it serves is done."""
        ends_s = float(self._slots_of(self._free_s, replica).max())
        if self._state[replica] == ACTIVE and ends_s > self._environment.now:
            self._set(replica, DRAINING)
            self._environment.process(self._drain(replica, ends_s))
        else:
            self._set(replica, OFF)

    def _drain(self, replica: int, ends_s: float) -> Generator[simpy.Event, None, None]:
        yield self._environment.timeout(ends_s - self._environment.now)
        self._set(replica, OFF)

    def _slots_of(self, values: Array, replica: int) -> Array:
        return values[replica * self._rules.slots : (replica + 1) * self._rules.slots]

    def _set(self, replica: int, state: int) -> None:
        now_s = self._environment.now
        self._clock.account(now_s)
        before = self._state[replica]
        if before != OFF:
            self._held[before] -= 1
        if state != OFF:
            self._held[state] += 1
        self._state[replica] = state
        first = replica * self._rules.slots
        self._takes[first : first + self._rules.slots] = int(state == ACTIVE)
        if state == ACTIVE:
            self._free_s[first : first + self._rules.slots] = now_s
        self._clock.hold(*self._held)
        held = sum(self._held)
        self._peak = max(self._peak, held)
        self._curve.append((now_s, held))

    def _carry(self, until_s: float) -> None:
        """Carry the queues to a moment, fetching arrivals as they are needed."""
        while True:
            done = self._position >= self._chunk.arrivals_s.size
            if done and self._more:
                self._fetch()
                continue
            self._advance(until_s)
            if self._position < self._chunk.arrivals_s.size or not self._more:
                return

    def _fetch(self) -> None:
        self._first_index += self._chunk.arrivals_s.size
        self._position = 0
        chunk = next(self._chunks, None)
        if chunk is None:
            self._more = False
            self._chunk = Requests(NOTHING)
            return
        service = self._rules.service
        left_s = front_end_departures_s(
            chunk.arrivals_s,
            service.front_end_s,
            service.front_end_parallel,
            self._front_end_free_s,
        )
        patience_s = chunk.patience_s
        if self._rules.patience_s is not None and not patience_s.size:
            patience_s = np.full(left_s.size, self._rules.patience_s)
        self._some_leave = self._some_leave or patience_s.size > 0
        self._chunk = Requests(left_s, chunk.ranks, chunk.sizes, patience_s)

    def _advance(self, until_s: float) -> None:
        rules, chunk = self._rules, self._chunk
        # Without arrivals in hand beyond this chunk, its last one bounds what is known.
        if self._more and chunk.arrivals_s.size:
            until_s = min(until_s, float(np.nextafter(chunk.arrivals_s[-1], math.inf)))
        self._position, self._ring = kernel.advance(
            until_s,
            chunk.arrivals_s,
            chunk.ranks,
            chunk.sizes,
            chunk.patience_s,
            self._some_leave,
            self._position,
            self._first_index,
            rules.service.seconds,
            rules.service.joules,
            rules.service.factors,
            self._sizes,
            rules.batch.max_wait_s,
            rules.queue_limit,
            rules.goal_s,
            self._free_s,
            self._takes,
            self._hardware,
            self._in_batch,
            self._ring,
            self._head,
            self._count,
            self._counters,
            self._hours,
            self._histogram,
            self._waits,
            self._out.start_s,
            self._out.finish_s,
            self._out.batch,
            self._out.status,
        )

    def _record(self, end_s: float) -> FleetRecord:
        counters = self._counters
        ahead = self._free_s > end_s
        in_service = int(self._in_batch[ahead].sum())
        return FleetRecord(
            hours=self._hours,
            serving_s=self._clock.by_hour[ACTIVE],
            booting_s=self._clock.by_hour[BOOTING],
            draining_s=self._clock.by_hour[DRAINING],
            idle_causes_s=self._causes.by_hour,
            histogram=self._histogram,
            waits=self._waits,
            arrived=int(counters[kernel.ARRIVED]),
            served=int(counters[kernel.STARTED]) - in_service,
            dropped=int(counters[kernel.DROPPED]),
            abandoned=int(counters[kernel.ABANDONED]),
            waiting=int(self._count.sum()),
            in_service=in_service,
            simulated_s=end_s,
            peak_replicas=self._peak,
            replicas_over_time=tuple(self._curve),
            per_request=self._out if self._out.status.size else None,
        )


def _target(rule: Rule) -> float:
    """Return the busy share that a rule aims at; one where it aims at none."""
    return float(getattr(rule, "target", 1.0)) if type(rule).__name__ == "Hpa" else 1.0
