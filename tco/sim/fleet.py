"""A fleet of replicas on SimPy's clock: it scales, boots and drains; the kernel moves the requests.

Everything that decides is a SimPy process. Before anything about the fleet changes, the queues are
carried to that moment.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from operator import sub

import numpy as np
import simpy
from numpy.typing import NDArray

from tco.errors import TcoError
from tco.sim import batch_kernel as kernel
from tco.sim.queues import Queues
from tco.sim.run import FleetRecord, FleetRules, PerRequest, Requests
from tco.sim.scaling import Observation, Wish
from tco.sim.tally import IdleCauses, ReplicaClock
from tco.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

__all__ = ["Fleet", "FleetRecord", "FleetRules", "PerRequest", "Requests"]

Array = NDArray[np.float64]
ACTIVE, BOOTING, DRAINING, OFF = range(4)
ROUNDING = 1e-6
LONGEST_STANDSTILL_S = 4 * HOURS_PER_WEEK * SECONDS_PER_HOUR
"""Longer than any schedule, boot or limit on waiting: who still waits then, waits for ever."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What was seen between two looks."""

    start_s: float
    end_s: float
    serving_s: float
    """Replica-seconds in service; replicas that drain are no longer asked how busy they are [s]."""
    idle_s: float
    waiting: int
    in_service: int


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
        hours = max(1, math.ceil(until_s / SECONDS_PER_HOUR - 1e-9))
        self._rules = rules
        self._until_s = until_s
        self._environment = simpy.Environment()
        self._queues = Queues(rules, chunks, hours=hours, keep_requests=keep_requests)
        self._clock = ReplicaClock(hours)
        self._causes = IdleCauses(hours, rules.minimum, target=rules.rule.busy_target)
        self._state = [OFF] * rules.maximum
        self._boots = [0] * rules.maximum
        self._held = [0, 0, 0]
        self._wish = Wish(0, 0)
        self._looked_s = 0.0
        self._before = (0.0, 0.0, 0.0)
        """Replica-seconds serving, draining and busy until the last look [s]."""
        self._curve: list[tuple[float, int]] = []
        self._peak = 0

    def run(self, *, warm_up_s: float = 0.0, to_the_last: bool = False) -> FleetRecord:
        """Run to the end and return what happened.

        Args:
            warm_up_s: Time whose latencies are not counted; the hours hold it all the same [s].
            to_the_last: Go on after the end until nobody waits and nobody is served, as a replay
                does; a fleet in which nothing happens any more is stopped.
        """
        rules = self._rules
        first = rules.minimum if rules.first is None else rules.first
        self._wish = rules.rule.ask(Observation(0.0, first, first, 0.0, 0, 0))
        if rules.first is None:
            first = self._wish.replicas
        for replica in range(self._bounded(first)):
            self._set(replica, ACTIVE)
        if math.isfinite(rules.rule.interval_s):
            self._environment.process(self._scale())
        if warm_up_s > 0:
            self._run_to(warm_up_s)
            self._queues.forget_latencies()
        self._run_to(self._until_s)
        end_s = self._run_to_the_last() if to_the_last else self._until_s
        if end_s > self._looked_s:
            self._account_idle(self._look(end_s))
        record = self._record(end_s)
        self._check(record)
        return record

    def _run_to(self, moment_s: float) -> None:
        if moment_s > self._environment.now:
            self._environment.run(until=moment_s)
        self._queues.carry(moment_s)

    def _run_to_the_last(self) -> float:
        """Go on from one decision to the next until the last request is done; return that time."""
        queues = self._queues
        end_s = stands_since_s = self._until_s
        while queues.is_at_work(end_s) and end_s - stands_since_s <= LONGEST_STANDSTILL_S:
            before = queues.counters.copy()
            moment_s = self._environment.peek()
            queues.carry(moment_s)
            if math.isinf(moment_s) or not queues.is_at_work(moment_s):
                return max(end_s, queues.happened_s, float(queues.free_s.max()))
            while self._environment.peek() <= moment_s:
                self._environment.step()
            end_s = moment_s
            if (before != queues.counters).any() or (queues.free_s > end_s).any():
                stands_since_s = end_s
        return end_s

    def _bounded(self, wish: int) -> int:
        return max(self._rules.minimum, min(self._rules.maximum, wish))

    def _scale(self) -> Generator[simpy.Event, None, None]:
        """Look at the fleet at the rule's interval, and act on what the rule asks for."""
        rule, environment = self._rules.rule, self._environment
        number = 0
        while True:
            number += 1
            # An absolute time, so that the looks do not drift by rounding.
            yield environment.timeout(max(0.0, number * rule.interval_s - environment.now))
            while environment.peek() <= environment.now:
                yield environment.timeout(0)  # who is ready or gone by now is seen so
            now_s = environment.now
            self._queues.carry(now_s)
            seen = self._look(now_s)
            ready, booting = self._held[ACTIVE], self._held[BOOTING]
            share = 1.0 - seen.idle_s / seen.serving_s if seen.serving_s > 0 else 0.0
            self._wish = rule.ask(
                Observation(now_s, ready + booting, ready, share, seen.waiting, seen.in_service)
            )
            self._account_idle(seen)
            self._act(self._wish, ready + booting)

    def _look(self, now_s: float) -> _Stretch:
        """Return what happened since the last look, and begin a new stretch."""
        self._clock.account(now_s)
        busy_s, waiting, in_service = self._queues.observe(now_s)
        until_now = (self._clock.total[ACTIVE], self._clock.total[DRAINING], busy_s)
        serving_s, draining_s, spent_s = map(sub, until_now, self._before)
        spent_s -= draining_s - self._causes.drained_s(self._looked_s, now_s)
        seen = _Stretch(
            self._looked_s, now_s, serving_s, max(0.0, serving_s - spent_s), waiting, in_service
        )
        self._looked_s, self._before = now_s, until_now
        return seen

    def _account_idle(self, seen: _Stretch) -> None:
        self._causes.account(seen.start_s, seen.end_s, seen.serving_s, seen.idle_s, self._wish)

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
        self._boots[replica] += 1
        number = self._boots[replica]
        yield self._environment.timeout(self._rules.boot_s())
        # It may have been given up meanwhile, and started anew.
        if self._state[replica] == BOOTING and self._boots[replica] == number:
            self._queues.carry(self._environment.now)
            self._set(replica, ACTIVE)

    def _retire(self, replica: int) -> None:
        """Give a replica no more work; it is gone when what it serves is done."""
        now_s = self._environment.now
        free_s = np.maximum(self._queues.free_s[self._queues.slots_of(replica)], now_s)
        ends_s = float(free_s.max())
        if self._state[replica] == ACTIVE and ends_s > now_s:
            self._set(replica, DRAINING)
            self._causes.drain(free_s.tolist(), ends_s, slots=self._rules.slots)
            self._environment.process(self._drain(replica, ends_s))
        else:
            self._set(replica, OFF)

    def _drain(self, replica: int, ends_s: float) -> Generator[simpy.Event, None, None]:
        yield self._environment.timeout(ends_s - self._environment.now)
        self._set(replica, OFF)

    def _set(self, replica: int, state: int) -> None:
        now_s = self._environment.now
        self._clock.account(now_s)
        before = self._state[replica]
        if before != OFF:
            self._held[before] -= 1
        if state != OFF:
            self._held[state] += 1
        self._state[replica] = state
        slots = self._queues.slots_of(replica)
        self._queues.takes[slots] = int(state == ACTIVE)
        if state == ACTIVE:
            self._queues.free_s[slots] = now_s
        self._clock.hold(self._held)
        held = sum(self._held)
        self._peak = max(self._peak, held)
        self._curve.append((now_s, held))

    def _record(self, end_s: float) -> FleetRecord:
        queues = self._queues
        ahead = queues.free_s > end_s
        in_service = int(queues.in_batch[ahead].sum())
        # What batches still have ahead of them at the end lies in the last hour.
        queues.hours[-1, kernel.HOUR_BUSY_S] -= float((queues.free_s[ahead] - end_s).sum())
        serving_s, booting_s, draining_s = self._clock.by_hour
        idle_s = serving_s + draining_s - queues.hours[:, kernel.HOUR_BUSY_S] / self._rules.slots
        return FleetRecord(
            hours=queues.hours,
            serving_s=serving_s,
            booting_s=booting_s,
            draining_s=draining_s,
            idle_causes_s=self._causes.settle(np.maximum(0.0, idle_s)),
            histogram=queues.histogram,
            waits=queues.waits,
            arrived=int(queues.counters[kernel.ARRIVED]),
            served=int(queues.counters[kernel.STARTED]) - in_service,
            dropped=int(queues.counters[kernel.DROPPED]),
            abandoned=int(queues.counters[kernel.ABANDONED]),
            waiting=int(queues.count.sum()),
            in_service=in_service,
            simulated_s=end_s,
            peak_replicas=self._peak,
            replicas_over_time=tuple(self._curve),
            per_request=queues.per_request if queues.per_request.status.size else None,
        )

    def _check(self, record: FleetRecord) -> None:
        """Refuse a run in which requests or replica-seconds do not add up."""
        fates = record.served, record.dropped, record.abandoned, record.waiting, record.in_service
        busy_s = float(record.hours[:, kernel.HOUR_BUSY_S].sum()) / self._rules.slots
        sums = {
            "requests by fate": (record.arrived, sum(fates)),
            "requests by hour": (record.arrived, record.hours[:, kernel.HOUR_ARRIVED].sum()),
            "latencies": (self._queues.latencies_expected, record.histogram.sum()),
            "replica-seconds": (
                float(record.serving_s.sum() + record.draining_s.sum()),
                busy_s + self._causes.total_s,
            ),
        }
        for what, (whole, parts) in sums.items():
            if abs(whole - parts) > ROUNDING * max(1.0, whole):
                raise TcoError(
                    f"the simulation does not add up: {what}, {whole:,.6f} in all and "
                    f"{parts:,.6f} in parts. This is a fault of the planner; please report it."
                )
