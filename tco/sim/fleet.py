"""A fleet of replicas on SimPy's clock: it scales, boots and drains; the kernel moves the requests.

Everything that decides is a SimPy process. Before anything about the fleet changes, the queues are
carried to that moment.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass, fields
from operator import sub

import numpy as np
import simpy
from numpy.typing import NDArray

from tco.errors import TcoError
from tco.sim import kernel_layout as at
from tco.sim.energy import joules_by_cause
from tco.sim.engine import EngineMaker, Span
from tco.sim.llm_engine import LlmEngine
from tco.sim.llm_service import LlmService
from tco.sim.possible import check_rules
from tco.sim.queues import Queues
from tco.sim.roster import ACTIVE, DRAINING, Roster
from tco.sim.run import FleetRecord, FleetRules, PerRequest, Requests, Seen, Work
from tco.sim.scaling import Observation, Wish
from tco.sim.tally import IdleCauses, ReplicaClock
from tco.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

__all__ = ["Fleet", "FleetRecord", "FleetRules", "PerRequest", "Requests"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
ROUNDING = 1e-6
WAKING_S = 1e-6
"""At one instant control comes before arrivals: who wakes a fleet is seen so much later."""
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
    seen: Seen


class Fleet:
    """One run of a fleet over a stretch of time."""

    def __init__(
        self,
        rules: FleetRules,
        chunks: Iterable[Requests],
        *,
        until_s: float,
        keep_requests: int = 0,
        calendars: Whole | None = None,
        engine: EngineMaker | None = None,
    ) -> None:
        """Set up a run.

        Args:
            rules: How the fleet behaves.
            chunks: Arrivals in order, fetched as they are needed.
            until_s: End of the run [s].
            keep_requests: Requests whose own times are wanted.
            calendars: Rows of the latency histograms by calendar and hour, as of ``usage``.
            engine: Makes what moves the requests; None: what the service needs.
        """
        check_rules(rules)
        hours = max(1, math.ceil(until_s / SECONDS_PER_HOUR - 1e-9))
        self._rules = rules
        self._until_s = until_s
        self._environment = simpy.Environment()
        make = engine or (LlmEngine if isinstance(rules.service, LlmService) else Queues)
        self._engine = make(rules, chunks, Span(until_s, hours, keep_requests, calendars))
        self._clock = ReplicaClock(hours, max(rules.hardware_classes) + 1)
        self._causes = IdleCauses(
            hours, rules.minimum, target=rules.rule.busy_target, spare=rules.spare
        )
        self._roster = Roster(rules, self._environment, self._engine, self._clock, self._causes)
        self._wish = Wish(0, 0)
        self._looked_s = 0.0
        self._before = (0.0, 0.0, 0.0)
        """Replica-seconds serving, draining and busy until the last look [s]."""

    def run(self, *, warm_up_s: float = 0.0, to_the_last: bool = False) -> FleetRecord:
        """Run to the end and return what happened.

        Args:
            warm_up_s: Time whose latencies are not counted; the hours hold it all the same [s].
            to_the_last: Go on after the end until nobody waits and nobody is served, as a replay
                does; a fleet in which nothing happens any more is stopped.
        """
        rules = self._rules
        first = rules.minimum if rules.first is None else rules.first
        counted = max(0, first - rules.spare)
        self._wish = self._with_spare(rules.rule.ask(Observation(0.0, counted, counted, 0.0, 0, 0)))
        if rules.first is None:
            first = self._wish.replicas
        self._roster.begin(self._bounded(first))
        if math.isfinite(rules.rule.interval_s):
            self._environment.process(self._scale())
        if warm_up_s > 0:
            self._run_to(warm_up_s)
            self._engine.forget_latencies()
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
        self._engine.carry(moment_s)

    def _run_to_the_last(self) -> float:
        """Go on from one decision to the next until the last request is done; return that time."""
        engine = self._engine
        end_s = stands_since_s = self._until_s
        while engine.is_at_work(end_s) and end_s - stands_since_s <= LONGEST_STANDSTILL_S:
            before = engine.events
            moment_s = self._environment.peek()
            engine.carry(moment_s)
            if math.isinf(moment_s) or not engine.is_at_work(moment_s):
                return max(end_s, engine.last_s)
            while self._environment.peek() <= moment_s:
                self._environment.step()
            end_s = moment_s
            if engine.events != before or engine.last_s > end_s:
                stands_since_s = end_s
        return end_s

    def _with_spare(self, wish: Wish) -> Wish:
        spare = self._rules.spare
        return Wish(wish.replicas + spare, wish.unsmoothed + spare) if spare else wish

    def _bounded(self, wish: int) -> int:
        return max(self._rules.minimum, min(self._rules.maximum, wish))

    def _scale(self) -> Generator[simpy.Event, None, None]:
        """Look at the fleet at the rule's interval, and act on what the rule asks for."""
        rule, environment = self._rules.rule, self._environment
        number = 1
        while True:
            next_s = self._sleeps_until_s()
            # Nothing is looked at while it sleeps.
            asleep_s = min(max(0.0, next_s), self._until_s)
            number = max(number, math.floor(asleep_s / rule.interval_s))
            # An absolute time, so that the looks do not drift by rounding.
            look_s = number * rule.interval_s
            if rule.wakes_at_once and environment.now <= next_s < look_s:
                look_s = next_s + WAKING_S
            else:
                number += 1
            yield environment.timeout(max(0.0, look_s - environment.now))
            while environment.peek() <= environment.now:
                yield environment.timeout(0)  # who is ready or gone by now is seen so
            now_s = environment.now
            self._engine.carry(now_s)
            stretch = self._look(now_s)
            self._wish = self._with_spare(rule.ask(self._shown(stretch)))
            self._account_idle(stretch)
            self._roster.ask_for(self._bounded(self._wish.replicas))

    def _sleeps_until_s(self) -> float:
        """Return until when there is neither replica nor request [s]; -inf if there is one."""
        seen, engine, roster = self._environment.now, self._engine, self._roster
        is_there = roster.claimed or roster.held
        if not self._rules.rule.sleeps or is_there or engine.observe(seen).waiting:
            return -math.inf
        return engine.next_join_s()

    def _shown(self, stretch: _Stretch) -> Observation:
        """Return what the rule sees: the fleet as if it had no spare replicas, and all the work."""
        spare = self._rules.spare
        ready = self._clock.held(ACTIVE)
        there_s = stretch.serving_s - spare * (stretch.end_s - stretch.start_s)
        busy_s = stretch.serving_s - stretch.idle_s
        return Observation(
            stretch.end_s,
            max(0, self._roster.claimed - spare),
            max(0, ready - spare),
            busy_s / there_s if there_s > 0 else 0.0,
            stretch.seen.waiting,
            stretch.seen.in_service,
            stretch.seen.came,
        )

    def _look(self, now_s: float) -> _Stretch:
        """Return what happened since the last look, and begin a new stretch."""
        self._clock.account(now_s)
        seen = self._engine.observe(now_s)
        until_now = self._clock.total_s(ACTIVE), self._clock.total_s(DRAINING), seen.busy_s
        serving_s, draining_s, spent_s = map(sub, until_now, self._before)
        spent_s -= draining_s - self._causes.drained_s(self._looked_s, now_s)
        idle_s = max(0.0, serving_s - spent_s)
        stretch = _Stretch(self._looked_s, now_s, serving_s, idle_s, seen)
        self._looked_s, self._before = now_s, until_now
        return stretch

    def _account_idle(self, stretch: _Stretch) -> None:
        self._causes.account(
            stretch.start_s, stretch.end_s, stretch.serving_s, stretch.idle_s, self._wish
        )

    def _record(self, end_s: float) -> FleetRecord:
        work = self._engine.finish(end_s)
        spent_s = self._clock.by_hour
        serving_s, booting_s, draining_s, repair_s = spent_s.sum(axis=1)
        idle_s = serving_s + draining_s - work.hours[:, at.HOUR_BUSY_S] / self._rules.slots
        causes_s = self._causes.settle(np.maximum(0.0, idle_s))
        return FleetRecord(
            **{column.name: getattr(work, column.name) for column in fields(Work)},
            serving_s=serving_s,
            booting_s=booting_s,
            draining_s=draining_s,
            repair_s=repair_s,
            idle_causes_s=causes_s,
            joules=joules_by_cause(self._rules, work, spent_s, causes_s),
            simulated_s=end_s,
            peak_replicas=max((held for _, held in self._roster.over_time), default=0),
            replicas_over_time=tuple(self._roster.over_time),
            instances_over_time=self._roster.instances.over_time,
            as_chosen_over_time=self._roster.as_chosen.over_time,
            on_demand_over_time=self._roster.on_demand.over_time,
            taken=self._roster.taken,
            failed=self._roster.failed,
        )

    def _check(self, record: FleetRecord) -> None:
        """Refuse a run in which requests or replica-seconds do not add up."""
        fates = (
            record.served,
            record.dropped,
            record.abandoned,
            record.waiting,
            record.in_service,
            record.in_host,
        )
        busy_s = float(record.hours[:, at.HOUR_BUSY_S].sum()) / self._rules.slots
        held_s = float(record.serving_s.sum() + record.draining_s.sum())
        sums = {
            "requests by fate": (record.arrived, sum(fates)),
            "requests by hour": (record.arrived, record.hours[:, at.HOUR_ARRIVED].sum()),
            "latencies": (record.latencies, record.histogram.sum()),
            "replica-seconds": (held_s, busy_s + self._causes.total_s),
            "busy seconds by hardware": (busy_s, record.busy_by_hardware.sum()),
            "lost and useful work": (busy_s, max(busy_s, float(record.lost_s.sum()))),
        }
        for what, (whole, parts) in sums.items():
            if abs(whole - parts) > ROUNDING * max(1.0, whole):
                raise TcoError(
                    f"the simulation does not add up: {what}, {whole:,.6f} in all and "
                    f"{parts:,.6f} in parts. This is a fault of the planner; please report it."
                )
