"""A fleet that scales, on the plain model of batching: replicas are objects, sums are lists.

Shares no code with the package. Shares of time are fractions, so that a whole ratio is whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracles.batching import CONTROL, LOOK, NOBODY_READY, Server

SLACK = Fraction(1, 10**9)
"""A ratio this near to a whole number is that number."""


STATES = ("active", "booting", "draining", "off")


@dataclass
class Replica:
    state: str = "off"
    since_s: float = 0.0
    boots: int = 0
    batch: tuple[float, float] | None = None
    spent_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STATES, 0.0))


@dataclass
class Rule:
    """Kubernetes' rule on the busy share, or so many requests a replica."""

    target: Fraction
    minimum: int
    maximum: int
    interval_s: float
    down_window_s: float
    by_queue: bool = False
    asked: list[tuple[float, int]] = field(default_factory=list)
    grown: list[tuple[float, int]] = field(default_factory=list)

    def wanted(self, now_s: float, current: int, ready: int, share: Fraction, present: int) -> int:
        if self.by_queue:
            wish = _up(Fraction(present) / self.target)
            if current and abs(Fraction(present) / (self.target * current) - 1) <= _TENTH:
                wish = current
        else:
            wish = self._by_share(current, ready, share)
        self.asked.append((now_s, wish))
        if wish < current:
            recent = [n for at_s, n in self.asked if at_s > now_s - self.down_window_s]
            wish = min(current, max([*recent, wish]))
        before = current - sum(n for at_s, n in self.grown if at_s > now_s - 15)
        wish = min(wish, max(current, 2 * before, before + 4))
        wish = max(self.minimum, min(self.maximum, wish))
        if wish > current:
            self.grown.append((now_s, wish - current))
        return wish

    def _by_share(self, current: int, ready: int, share: Fraction) -> int:
        if ready == 0:
            return current
        ratio = share / self.target
        if ratio > 1 and ready < current:  # those that boot count as idle
            ratio = ratio * ready / current
            if ratio - 1 <= _TENTH:
                return current
            return _up(ratio * current)
        if abs(ratio - 1) <= _TENTH:
            return current
        return _up(ratio * ready)


_TENTH = Fraction(1, 10) + SLACK


def _up(value: Fraction) -> int:
    return math.ceil(value - SLACK)


@dataclass
class ScaledFleet(Server):
    """``replicas`` of the server are those at the start."""

    rule: Rule | None = None
    """Its bounds are those without the spare replicas."""
    spare: int = 0
    boot_s: float = 0.0
    until_s: float = 0.0

    def run(self, arrivals_s):
        assert self.rule is not None
        self.machines = [Replica() for _ in range(self.rule.maximum + self.spare)]
        self.work: list[tuple[int, float, float]] = []
        first, self.replicas = self.replicas, self.rule.maximum + self.spare
        self.looked_s = 0.0
        self._at(0.0, CONTROL, lambda: self._begin(first))
        step = 1
        while step * self.rule.interval_s < self.until_s:
            self._at(step * self.rule.interval_s, LOOK, self._look)
            step += 1
        outcomes = super().run(arrivals_s)
        for machine in self.machines:
            self._turn(machine, machine.state, self.until_s)
        return outcomes

    def _begin(self, first: int) -> None:
        self.free = [False] * len(self.machines)
        self.ready = []
        for number in range(first):
            self._activate(number)

    def _turn(self, machine: Replica, state: str, now_s: float | None = None) -> None:
        now_s = self.environment.now if now_s is None else now_s
        machine.spent_s[machine.state] += now_s - machine.since_s
        machine.state, machine.since_s = state, now_s

    def _activate(self, number: int) -> None:
        self._turn(self.machines[number], "active")
        self.free[number] = True
        self.ready = sorted([*self.ready, number])
        if len(self.ready) == 1:
            self._move_on(NOBODY_READY)
        self._start_what_can()

    def _serve(self, batch: list[int], number: int) -> None:
        super()._serve(batch, number)
        start_s, end_s = (self.outcomes[batch[0]].start_s, self.outcomes[batch[0]].finish_s)
        assert start_s is not None
        assert end_s is not None
        self.machines[number].batch = (start_s, end_s)
        self.work.append((number, start_s, end_s))

    def _give_back(self, replica: int) -> None:
        machine = self.machines[replica]
        machine.batch = None
        if machine.state == "draining":
            self._turn(machine, "off")
        else:
            self.free[replica] = True

    def _share(self) -> tuple[Fraction, Fraction]:
        """Seconds since the last look that active replicas were there, and that they were busy."""
        now_s = Fraction(self.environment.now)
        there, busy = Fraction(0), Fraction(0)
        for number, machine in enumerate(self.machines):
            if machine.state != "active":
                continue
            since = max(Fraction(self.looked_s), Fraction(machine.since_s))
            there += now_s - since
            for which, start_s, end_s in self.work:
                if which == number and end_s > since:
                    part = min(now_s, Fraction(end_s)) - max(since, Fraction(start_s))
                    busy += max(Fraction(0), part)
        return there, busy

    def _look(self) -> None:
        assert self.rule is not None
        now_s = self.environment.now
        there, busy = self._share()
        states = [machine.state for machine in self.machines]
        current = states.count("active") + states.count("booting")
        in_service = sum(len(batch) for batch in self.served_at.values())
        waiting = sum(len(queue) for queue in self.lines.values())
        there -= self.spare * (Fraction(now_s) - Fraction(self.looked_s))
        share = busy / there if there > 0 else Fraction(0)
        wanted = self.rule.wanted(
            now_s,
            max(0, current - self.spare),
            max(0, states.count("active") - self.spare),
            share,
            waiting + in_service,
        )
        wanted += self.spare
        self.looked_s = now_s
        for number in [k for k, state in enumerate(states) if state == "off"]:
            if current < wanted:
                self._boot(number)
                current += 1
        for leaving in ("booting", "active"):
            for number in reversed(range(len(states))):
                if current > wanted and states[number] == leaving:
                    self._retire(number)
                    current -= 1
        self._start_what_can()

    def _boot(self, number: int) -> None:
        machine = self.machines[number]
        self._turn(machine, "booting")
        machine.boots += 1
        turn = machine.boots

        def ready() -> None:
            if machine.state == "booting" and machine.boots == turn:
                self._activate(number)

        self._at(self.environment.now + self.boot_s, CONTROL, ready)

    def _retire(self, number: int) -> None:
        machine = self.machines[number]
        self.free[number] = False
        if number in self.ready:
            self.ready.remove(number)
            if self.discipline:
                self._move_on(number)
        self._turn(machine, "off" if machine.batch is None else "draining")
