"""Replicas that many models share, as a plain SimPy model: one event for each thing that happens.

Shares no code with the package. At one instant services end before requests come; then whoever came
first is served first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import simpy

from tests.oracles.instants import act_at

END, COME = range(2)


@dataclass
class Replica:
    number: int
    free: bool = True
    models: OrderedDict[int, int] = field(default_factory=OrderedDict)
    """Loaded models with their size, the one used longest ago first."""


@dataclass
class Pool:
    replicas: int
    budget: int
    sizes: Sequence[int]
    load_s: Sequence[float]

    def run(self, arrivals_s, models, service_s):
        self.environment = simpy.Environment()
        self.machines = [Replica(number) for number in range(self.replicas)]
        self.models, self.service_s = models, service_s
        self.line: list[int] = []
        self.found: list[dict[str, float]] = [{} for _ in arrivals_s]
        for request, at_s in enumerate(arrivals_s):
            self._at(at_s, COME, lambda r=request: self._come(r))
        self.environment.run()
        return self.found

    def _at(self, at_s, order, action):
        act_at(self.environment, at_s, order, action)

    def _come(self, request):
        self.line.append(request)
        self._serve_what_can()

    def _serve_what_can(self):
        while self.line and any(machine.free for machine in self.machines):
            self._serve(self.line.pop(0))

    def _serve(self, request):
        model = self.models[request]
        free = [machine for machine in self.machines if machine.free]
        holding = [machine for machine in free if model in machine.models]
        machine = holding[0] if holding else max(free, key=lambda m: (self._room(m), -m.number))
        takes_s, evicted = 0.0, []
        if model not in machine.models:
            while self._room(machine) < self.sizes[model]:
                evicted.append(machine.models.popitem(last=False)[0])
            takes_s = self.load_s[model]
            machine.models[model] = self.sizes[model]
        machine.models.move_to_end(model)
        machine.free = False
        start_s = self.environment.now + takes_s
        finish_s = start_s + self.service_s[request]
        self.found[request] = {
            "start_s": start_s,
            "finish_s": finish_s,
            "swapped": takes_s > 0,
            "replica": machine.number,
        }
        self._at(finish_s, END, lambda: self._end(machine))

    def _room(self, machine):
        return self.budget - sum(machine.models.values())

    def _end(self, machine):
        machine.free = True
        # Everything that ends now has ended before anybody is served.
        self._at(self.environment.now, END, self._serve_what_can)
