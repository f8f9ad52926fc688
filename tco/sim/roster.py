"""Who is there: replicas that start, serve, take no more work, and are gone.

A fleet has places, as many as it may have replicas. Each has a replica of its own, and where
machines on demand stand in for those that are gone, a second one. Before anything changes, the
queues are carried to that moment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import chain

import simpy

from tco.sim.engine import Engine
from tco.sim.faults import Outage
from tco.sim.packing import Instances, instances_needed
from tco.sim.run import FleetRules
from tco.sim.tally import IdleCauses, ReplicaClock

ACTIVE, BOOTING, DRAINING, REPAIR, OFF = range(5)


class Roster:
    """The replicas of one run."""

    def __init__(
        self,
        rules: FleetRules,
        environment: simpy.Environment,
        engine: Engine,
        clock: ReplicaClock,
        causes: IdleCauses,
    ) -> None:
        each = rules.replicas_per_instance
        self._rules, self._environment, self._engine = rules, environment, engine
        self._clock, self._causes = clock, causes
        self._hardware = rules.hardware_classes
        self._first_stand_in = rules.stand_ins_from
        self._has_stand_ins = rules.places > rules.maximum
        self._state = [OFF] * rules.places
        self._stays = [0] * rules.places
        """How often each replica has changed its state."""
        self._wanted = [False] * rules.maximum
        self._gone = [0] * instances_needed(rules.places, each)
        """Reasons for which each instance is gone."""
        self.claimed = 0
        """Places that are asked for: their replicas are there, on their way, or gone."""
        self.held = 0
        self.over_time: list[tuple[float, int]] = []
        """Moments [s] and the replicas held from then on."""
        self.instances = Instances(each)
        """All that are held; where some may be taken away, those and the ones on demand too."""
        self.on_demand = Instances(each)
        self.as_chosen = self.instances if rules.faults is None else Instances(each)
        self.taken = self.failed = 0
        """Instances that were held and taken back, or failed."""

    def begin(self, replicas: int) -> None:
        """Start with so many replicas in service; let outages happen from now on."""
        if self._rules.faults is not None:
            for outages in self._rules.faults.outages(self._rules.instances):
                self._expect(outages)
        for place in range(replicas):
            self._claim(place, at_once=True)

    def ask_for(self, wanted: int) -> None:
        """Start replicas, or give some no more work, until as many are there or on their way."""
        places = range(self._rules.maximum)
        if wanted > self.claimed:
            off = [p for p in places if not self._wanted[p] and self._state[p] == OFF]
            for place in off[: wanted - self.claimed]:
                self._claim(place)
        elif wanted < self.claimed:
            # Those that are not there yet go first, then the highest numbers: low ones fill
            # instances.
            for state in (OFF, BOOTING, ACTIVE):
                for place in reversed(places):
                    if self.claimed > wanted and self._wanted[place] and self._at(place) == state:
                        self._wanted[place] = False
                        self.claimed -= 1
                        for replica in self._replicas_of(place):
                            self._retire(replica)

    # ---- places, and the replicas that fill them -------------------------------------------------

    def _replicas_of(self, place: int) -> tuple[int, ...]:
        """Return the replica of a place, then the one that stands in while it is gone."""
        return (place, self._first_stand_in + place) if self._has_stand_ins else (place,)

    def _place_of(self, replica: int) -> int:
        return replica if replica < self._rules.maximum else replica - self._first_stand_in

    def _at(self, place: int) -> int:
        """Return whether a place is active, booting, or off as far as new work goes."""
        best = min(self._state[replica] for replica in self._replicas_of(place))
        return best if best in (ACTIVE, BOOTING) else OFF

    def _claim(self, place: int, *, at_once: bool = False) -> None:
        self._wanted[place] = True
        self.claimed += 1
        self._fill(place, at_once=at_once)

    def _fill(self, place: int, *, at_once: bool = False) -> None:
        """Start the replica of a place that is asked for, or the one that stands in for it."""
        for replica in self._replicas_of(place):
            is_off = self._state[replica] == OFF
            if not self._gone[replica // self._rules.replicas_per_instance]:
                if is_off and at_once:
                    self._set(replica, ACTIVE)
                elif is_off:
                    self._environment.process(self._boot(replica))
                return
            faults = self._rules.faults
            if is_off and faults is not None and faults.pays_repair:
                self._set(replica, REPAIR)

    def _boot(self, replica: int) -> Generator[simpy.Event, None, None]:
        self._set(replica, BOOTING)
        stay = self._stays[replica]
        yield self._environment.timeout(self._rules.boot_s())
        # It may have been given up meanwhile, and started anew.
        if self._stays[replica] == stay:
            self._engine.carry(self._environment.now)
            self._set(replica, ACTIVE)
            for other in self._replicas_of(self._place_of(replica)):
                if other != replica:
                    self._retire(other)

    def _retire(self, replica: int) -> None:
        """Give a replica no more work; it is gone when what it serves is done."""
        now_s, state = self._environment.now, self._state[replica]
        if state == ACTIVE:
            free_s = self._engine.close(replica, now_s)
            ends_s = float(free_s.max())
            if ends_s > now_s:
                self._set(replica, DRAINING)
                self._causes.drain(replica, free_s.tolist(), ends_s, slots=free_s.size)
                self._environment.process(self._drain(replica, ends_s))
                return
        if state in (ACTIVE, BOOTING, REPAIR):
            self._set(replica, OFF)

    def _drain(self, replica: int, ends_s: float) -> Generator[simpy.Event, None, None]:
        stay, place = self._stays[replica], self._place_of(replica)
        yield self._environment.timeout(ends_s - self._environment.now)
        if self._stays[replica] == stay:
            self._set(replica, OFF)
            if self._wanted[place] and self._at(place) == OFF:
                self._fill(place)

    # ---- instances that are gone -----------------------------------------------------------------

    def _expect(self, outages: Iterator[Outage]) -> None:
        """Let a stream of outages happen; one that has begun before the start is there already."""
        first = next(outages, None)
        if first is None:
            return
        if first.notice_s <= 0:
            for instance in first.instances:
                self._gone[instance] += 1
        self._environment.process(self._suffer(chain((first,), outages)))

    def _suffer(self, outages: Iterator[Outage]) -> Generator[simpy.Event, None, None]:
        for outage in outages:
            replicas = self._lying_on(outage.instances)
            if outage.notice_s > 0:
                yield from self._wait_until(outage.notice_s)
                if outage.is_failure and all(self._state[r] == OFF for r in replicas):
                    yield from self._wait_until(outage.back_s)
                    continue
                self._engine.carry(self._environment.now)
                self._give_notice(outage, replicas)
                if outage.gone_s > self._environment.now:
                    yield from self._wait_until(outage.gone_s)
                    self._engine.carry(self._environment.now)
                self._cut_off(replicas)
            yield from self._wait_until(outage.back_s)
            self._bring_back(outage, replicas)

    def _wait_until(self, moment_s: float) -> Generator[simpy.Event, None, None]:
        yield self._environment.timeout(max(0.0, moment_s - self._environment.now))

    def _lying_on(self, instances: Iterable[int]) -> list[int]:
        """Return the replicas that there are places for on some instances."""
        each, rules = self._rules.replicas_per_instance, self._rules
        return [
            replica
            for instance in instances
            for replica in range(instance * each, (instance + 1) * each)
            if replica < rules.maximum or self._first_stand_in <= replica < rules.places
        ]

    def _give_notice(self, outage: Outage, replicas: list[int]) -> None:
        """Give replicas no more work; start what stands in for them."""
        each = self._rules.replicas_per_instance
        held = len({replica // each for replica in replicas if self._state[replica] != OFF})
        if outage.is_failure:
            self.failed += held
        else:
            self.taken += held
        for instance in outage.instances:
            self._gone[instance] += 1
        for replica in replicas:
            self._retire(replica)
        self._fill_again(replicas)

    def _cut_off(self, replicas: list[int]) -> None:
        """Take replicas away, with what they still serve."""
        cut = [replica for replica in replicas if self._state[replica] == DRAINING]
        if cut:
            self._engine.evict(cut, self._environment.now)
        for replica in cut:
            self._causes.cut(replica, self._environment.now)
            self._set(replica, OFF)
        self._fill_again(replicas)

    def _bring_back(self, outage: Outage, replicas: list[int]) -> None:
        for instance in outage.instances:
            self._gone[instance] -= 1
        for replica in replicas:
            if self._state[replica] == REPAIR:
                self._set(replica, OFF)
        self._fill_again(replicas)

    def _fill_again(self, replicas: list[int]) -> None:
        for replica in replicas:
            place = self._place_of(replica)
            if self._wanted[place]:
                self._fill(place)

    def _set(self, replica: int, state: int) -> None:
        now_s = self._environment.now
        self._clock.account(now_s)
        before, kind = self._state[replica], self._hardware[replica]
        if before != OFF:
            self._clock.change(before, kind, -1)
        if state != OFF:
            self._clock.change(state, kind, 1)
        self._state[replica] = state
        self._stays[replica] += 1
        if state == ACTIVE:
            self._engine.open(replica, now_s)
        if (before == OFF) != (state == OFF):
            self.held += 1 if before == OFF else -1
            self.over_time.append((now_s, self.held))
            self.instances.change(replica, now_s, is_held=state != OFF)
            faults = self._rules.faults
            if faults is not None:
                base = faults.on_demand_instances * self._rules.replicas_per_instance
                is_on_demand = replica < base or replica >= self._first_stand_in
                bought = self.on_demand if is_on_demand else self.as_chosen
                bought.change(replica, now_s, is_held=state != OFF)
