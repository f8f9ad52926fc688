"""Replicas that are taken away and come back, as a plain SimPy model; shares no code.

One line, first come first served, batches up to a size, whoever is free with the lowest number
first. A machine holds one replica. On notice it takes no more; when it is gone, those whom it still
serves go back to where they stood in the line. A machine on demand may stand in for it meanwhile:
it has a number of its own, behind all others.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import simpy
from simpy.events import Event

from tests.oracles.instants import act_at, event_at

READY, BOOTING, LEAVING, AWAY = "ready", "booting", "leaving", "away"
END, CONTROL, IMPATIENCE, ARRIVAL = range(4)


@dataclass
class Loss:
    machines: tuple[int, ...]
    notice_s: float
    gone_s: float
    back_s: float


@dataclass
class Machine:
    number: int
    state: str = AWAY
    losses: int = 0
    """Reasons for which it cannot be had."""
    batch: list[int] | None = None
    began_s: float = 0.0
    since_s: float = 0.0
    spent_s: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys((READY, BOOTING, LEAVING), 0.0)
    )


@dataclass
class SpotFleet:
    seconds: Sequence[float]
    """Of a batch of one, of two, ... [s]; the longest batch is their number."""
    replicas: int
    boot_s: float
    falls_back: bool
    until_s: float
    patience_s: float | None = None

    def run(self, arrivals_s: Sequence[float], streams: Sequence[Sequence[Loss]]) -> None:
        self.env = simpy.Environment()
        self.arrivals_s = arrivals_s
        self.start_s: list[float | None] = [None for _ in arrivals_s]
        self.finish_s: list[float | None] = [None for _ in arrivals_s]
        self.gave_up: set[int] = set()
        self.line: list[int] = []
        self.lost_s, self.requeued, self.taken = 0.0, 0, 0
        self.machines = [Machine(n) for n in range(self.replicas * (2 if self.falls_back else 1))]
        for machine in self.machines[: self.replicas]:
            self.become(machine, READY)
        for stream in streams:
            self.env.process(self.losses(stream))
        for request, moment_s in enumerate(arrivals_s):
            self.at(moment_s, ARRIVAL, lambda request=request: self.arrive(request))
        self.env.run(until=self.until_s)
        for machine in self.machines:
            self.become(machine, machine.state)

    def at(self, moment_s: float, priority: int, act) -> None:
        """Do something at a moment; of what happens at one instant the lowest priority is first."""
        act_at(self.env, moment_s, priority, act)

    def wait(self, moment_s: float) -> Generator[Event, None, None]:
        yield event_at(self.env, moment_s, CONTROL)

    def become(self, machine: Machine, state: str) -> None:
        now_s = self.env.now
        if machine.state != AWAY:
            machine.spent_s[machine.state] += now_s - machine.since_s
        machine.state, machine.since_s = state, now_s

    # ---- requests --------------------------------------------------------------------------------

    def arrive(self, request: int) -> None:
        self.line.append(request)
        if self.patience_s is not None:
            moment_s = self.env.now + self.patience_s
            self.at(moment_s, IMPATIENCE, lambda: self.lose_patience(request))
        self.serve()

    def lose_patience(self, request: int) -> None:
        if request in self.line:
            self.line.remove(request)
            self.gave_up.add(request)

    def serve(self) -> None:
        for machine in self.machines:
            if machine.state == READY and machine.batch is None and self.line:
                machine.batch = self.line[: len(self.seconds)]
                machine.began_s = self.env.now
                del self.line[: len(machine.batch)]
                for request in machine.batch:
                    self.start_s[request] = self.env.now
                ends_s = self.env.now + self.seconds[len(machine.batch) - 1]
                batch = machine.batch
                self.at(ends_s, END, lambda m=machine, b=batch: self.end(m, b))

    def end(self, machine: Machine, batch: list[int]) -> None:
        if machine.batch is not batch:
            return  # it was cut off
        machine.batch = None
        for request in batch:
            self.finish_s[request] = self.env.now
        self.serve()

    def leave(self, machine: Machine, ends_s: float) -> Generator[Event, None, None]:
        yield from self.wait(ends_s)
        if machine.state == LEAVING and machine.batch is None:
            self.become(machine, AWAY)
            self.fill(machine.number % self.replicas)

    # ---- machines --------------------------------------------------------------------------------

    def losses(self, stream: Sequence[Loss]) -> Generator[Event, None, None]:
        for loss in stream:
            machines = [self.machines[n] for n in loss.machines]
            yield from self.wait(loss.notice_s)
            for machine in machines:
                machine.losses += 1
                self.taken += machine.state != AWAY
                self.let_go(machine)
            for machine in machines:
                self.fill(machine.number % self.replicas)
            if loss.gone_s > loss.notice_s:
                yield from self.wait(loss.gone_s)
            for machine in machines:
                if machine.state == LEAVING:
                    self.cut_off(machine)
            for machine in machines:
                self.fill(machine.number % self.replicas)
            self.serve()
            yield from self.wait(loss.back_s)
            for machine in machines:
                machine.losses -= 1
            for machine in machines:
                self.fill(machine.number % self.replicas)

    def let_go(self, machine: Machine) -> None:
        if machine.state == BOOTING or (machine.state == READY and machine.batch is None):
            self.become(machine, AWAY)
        elif machine.state == READY and machine.batch is not None:
            self.become(machine, LEAVING)
            ends_s = machine.began_s + self.seconds[len(machine.batch) - 1]
            self.env.process(self.leave(machine, ends_s))

    def cut_off(self, machine: Machine) -> None:
        now_s = self.env.now
        self.become(machine, AWAY)
        if machine.batch is None:
            return
        self.lost_s += now_s - machine.began_s
        self.requeued += len(machine.batch)
        for request in machine.batch:
            self.start_s[request] = None
            if self.patience_s is not None and self.arrivals_s[request] + self.patience_s < now_s:
                self.at(now_s, IMPATIENCE, lambda request=request: self.lose_patience(request))
        self.line = sorted([*self.line, *machine.batch])
        machine.batch = None

    def fill(self, place: int) -> None:
        """Start the machine of a place, or the one that stands in for it."""
        for machine in self.machines[place :: self.replicas]:
            if machine.losses == 0:
                if machine.state == AWAY:
                    self.env.process(self.boot(machine))
                return

    def boot(self, machine: Machine) -> Generator[Event, None, None]:
        self.become(machine, BOOTING)
        since_s = self.env.now
        yield from self.wait(since_s + self.boot_s)
        if machine.state == BOOTING and machine.since_s == since_s:
            self.become(machine, READY)
            for other in self.machines[machine.number % self.replicas :: self.replicas]:
                if other is not machine:
                    self.let_go(other)
            self.serve()
