"""Continuous batching over LLM replicas as a plain program: each step of each replica.

Shares no code with the package. At one instant, within a nanosecond: steps end and the next begin,
by number of the replica; then patience ends; then requests arrive, by index. Every list is gone
through from the start, every block counted anew at every step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

TIE_S = 1e-9


@dataclass
class Request:
    index: int
    came_s: float
    prompt: int
    output: int
    cached: int = 0
    adapter: int | None = None
    made: int = 0
    read: int = 0
    """Tokens whose keys and values are in memory."""
    piece: int = 0
    decoding: bool = False
    start_s: float | None = None
    first_s: float | None = None
    finish_s: float | None = None
    replica: int = -1
    preempted: int = 0
    fate: str = "waiting"

    @property
    def to_read(self) -> int:
        return self.prompt + self.made


@dataclass
class Step:
    """What a step of a replica has to do."""

    decodes: list[int]
    """Tokens that each of them has read."""
    pieces: list[tuple[int, int]]
    """Tokens read and tokens read before, for each prompt."""
    ending: int
    """Prompts that are read to their end."""


@dataclass
class Replica:
    number: int
    running: list[Request] = field(default_factory=list)
    returned: list[Request] = field(default_factory=list)
    line: list[Request] = field(default_factory=list)
    end_s: float = math.inf
    makes: bool = False
    loaded: list[int] = field(default_factory=list)
    """Adapters, the one used longest ago first."""


@dataclass
class Engine:
    """Replicas and their rules."""

    seconds_of: Callable[[Step], float]
    joules_of: Callable[[Step], float] = lambda _: 0.0
    replicas: int = 1
    sequences: int = 8
    tokens: int = 16
    blocks: int = 10**9
    block_tokens: int = 16
    prefill_first: bool = False
    whole_prompt_fits: bool = True
    routing: str = "one queue"
    limit: int | None = None
    patience_s: float = math.inf
    adapter_slots: int = 0
    swap_s: float = 0.0
    boundaries_s: list[float] = field(default_factory=list)
    steps: int = 0
    joules: float = 0.0
    busy_s: float = 0.0
    swaps: int = 0

    def run(self, requests: Sequence[Request]) -> list[Request]:
        self.machines = [Replica(k) for k in range(self.replicas)]
        self.front: list[Request] = []
        self.turn = 0
        coming = list(requests)
        while True:
            end_s = min(machine.end_s for machine in self.machines)
            leave_s = min((one.came_s for one in self._in_line()), default=math.inf)
            leave_s += self.patience_s
            come_s = coming[0].came_s if coming else math.inf
            if end_s == leave_s == come_s == math.inf:
                return list(requests)
            if end_s <= min(leave_s, come_s) + TIE_S:
                machine = next(m for m in self.machines if m.end_s <= end_s + TIE_S)
                now_s = machine.end_s
                self.boundaries_s.append(now_s)
                self._end(machine, now_s)
                self._begin(machine, now_s)
            elif leave_s <= come_s:
                gone = next(r for r in self._in_line() if r.came_s + self.patience_s == leave_s)
                gone.fate = "abandoned"
                for line in (self.front, *(m.line for m in self.machines)):
                    if gone in line:
                        line.remove(gone)
            else:
                self._arrive(coming.pop(0))

    def _in_line(self) -> list[Request]:
        return self.front + [one for machine in self.machines for one in machine.line]

    def _arrive(self, one: Request) -> None:
        line, candidates = self.front, self.machines
        if self.routing == "round robin":
            machine = self.machines[self.turn % self.replicas]
            self.turn += 1
            line, candidates = machine.line, [machine]
        elif self.routing == "least loaded":
            machine = min(
                self.machines, key=lambda m: len(m.running) + len(m.returned) + len(m.line)
            )
            line, candidates = machine.line, [machine]
        idle = [machine for machine in candidates if not machine.running]
        if self.limit is not None and len(self._in_line()) >= self.limit and not idle:
            one.fate = "dropped"
            return
        line.append(one)
        if idle:
            self._begin(idle[0], one.came_s)

    def _filled(self, tokens: int) -> int:
        return math.ceil(tokens / self.block_tokens)

    def _free(self, machine: Replica) -> int:
        return self.blocks - sum(self._filled(one.read + one.piece) for one in machine.running)

    def _end(self, machine: Replica, now_s: float) -> None:
        for one in list(machine.running):
            if one.decoding and not machine.makes:
                continue
            if not one.decoding and not one.piece:
                continue
            one.read += one.piece
            one.piece = 0
            if one.read < one.to_read:
                continue
            one.decoding = True
            one.made += 1
            if one.first_s is None:
                one.first_s = now_s
            if one.made == one.output:
                one.finish_s, one.fate = now_s, "served"
                one.replica = machine.number
                machine.running.remove(one)

    def _preempt(self, machine: Replica) -> None:
        one = machine.running.pop()
        one.read = one.piece = 0
        one.decoding = False
        one.preempted += 1
        machine.returned.insert(0, one)

    def _grant_decodes(self, machine: Replica) -> bool:
        """Go through the decodes in order, preempting from the end while there is no block."""
        preempted, k = False, 0
        while k < len(machine.running):
            one = machine.running[k]
            if not one.decoding:
                break
            need = self._filled(one.read + 1) - self._filled(one.read)
            if need > self._free(machine):
                self._preempt(machine)
                preempted = True
                continue
            one.piece = 1
            k += 1
        return preempted

    def _begin(self, machine: Replica, now_s: float) -> None:  # noqa: C901, PLR0915 - one step, read from top to bottom
        budget, preempted = self.tokens, False
        if not self.prefill_first:
            preempted = self._grant_decodes(machine)
            budget -= sum(one.decoding for one in machine.running)
        pieces = []
        reading = [one for one in machine.running if not one.decoding]
        if reading and budget > 0:
            [one] = reading
            piece = min(one.to_read - one.read, budget)
            need = self._filled(one.read + piece) - self._filled(one.read)
            if need > self._free(machine):
                self._preempt(machine)
                preempted = True
            else:
                one.piece = piece
                pieces.append(one)
                budget -= piece
        swaps = 0
        while not preempted and budget > 0 and len(machine.running) < self.sequences:
            lines = [machine.returned, machine.line]
            if self.routing == "one queue":
                lines.append(self.front)
            line = next((line for line in lines if line), None)
            if line is None:
                break
            one = line[0]
            cached = min(one.cached, one.to_read - 1)
            piece = min(one.to_read - cached, budget)
            room = one.to_read if self.whole_prompt_fits else cached + piece
            if self._filled(room) > self._free(machine) or not self._has_slot(machine, one):
                break
            line.pop(0)
            swaps += self._load(machine, one)
            one.read, one.piece, one.decoding = cached, piece, False
            if one.start_s is None:
                one.start_s = now_s
            machine.running.append(one)
            pieces.append(one)
            budget -= piece
        machine.makes = not self.prefill_first
        if self.prefill_first and not pieces:
            machine.makes = True
            self._grant_decodes(machine)
        if not machine.running:
            machine.end_s = math.inf
            return
        step = Step(
            [one.read for one in machine.running if one.decoding and machine.makes],
            [(one.piece, one.read) for one in pieces],
            sum(one.read + one.piece == one.to_read for one in pieces),
        )
        took_s = self.seconds_of(step) + swaps * self.swap_s
        machine.end_s = now_s + took_s
        self.busy_s += took_s
        self.joules += self.joules_of(step)
        self.steps += 1
        self.swaps += swaps

    def _has_slot(self, machine: Replica, one: Request) -> bool:
        used = {other.adapter for other in machine.running} - {None}
        return not self.adapter_slots or len(used | ({one.adapter} - {None})) <= self.adapter_slots

    def _load(self, machine: Replica, one: Request) -> int:
        if not self.adapter_slots or one.adapter is None:
            return 0
        used = {other.adapter for other in machine.running}
        is_new = one.adapter not in machine.loaded
        if is_new and len(machine.loaded) == self.adapter_slots:
            machine.loaded.remove(next(a for a in machine.loaded if a not in used))
        if not is_new:
            machine.loaded.remove(one.adapter)
        machine.loaded.append(one.adapter)
        return int(is_new)
