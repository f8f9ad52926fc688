"""Functions on demand as plain objects: who is warm, who goes, who starts cold. Shares no code."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Instance:
    since_s: float
    busy_until_s: list[float]
    provisioned: bool = False
    spells: list[tuple[float, float]] = field(default_factory=list)

    def last_s(self) -> float:
        return max(self.busy_until_s)

    def lives(self, now_s: float, keep_alive_s: float) -> bool:
        return self.provisioned or now_s < self.last_s() + keep_alive_s


@dataclass
class Functions:
    cold_start_s: float
    keep_alive_s: float
    per_instance: int = 1
    provisioned: int = 0
    most: int = 1000
    waits: bool = False

    def run(self, requests: list[tuple[float, float]], until_s: float) -> list[float | None]:
        self.cold = 0
        self.all = [
            Instance(0.0, [0.0] * self.per_instance, provisioned=True)
            for _ in range(self.provisioned)
        ]
        starts: list[float | None] = []
        for came_s, takes_s in requests:
            here = [one for one in self.all if one.lives(came_s, self.keep_alive_s)]
            free = [one for one in here if min(one.busy_until_s) <= came_s]
            start_s: float | None = came_s
            if any(one.provisioned for one in free):
                chosen = next(one for one in free if one.provisioned)
            elif free:
                chosen = max(free, key=Instance.last_s)
            elif len(here) < self.most:
                start_s = came_s + self.cold_start_s
                chosen = Instance(came_s, [start_s] * self.per_instance)
                self.all.append(chosen)
                self.cold += 1
            elif self.waits:
                chosen = min(here, key=lambda one: min(one.busy_until_s))
                start_s = min(chosen.busy_until_s)
            else:
                starts.append(None)
                continue
            assert start_s is not None
            starts.append(start_s)
            place = chosen.busy_until_s.index(min(chosen.busy_until_s))
            chosen.busy_until_s[place] = start_s + takes_s
            chosen.spells.append((start_s, start_s + takes_s))
        ends = [
            max(one.last_s(), min(one.last_s() + self.keep_alive_s, until_s))
            if not one.provisioned
            else max(one.last_s(), until_s)
            for one in self.all
        ]
        self.held_s = sum(end - one.since_s for one, end in zip(self.all, ends, strict=True))
        return starts

    def active_s(self) -> float:
        total = 0.0
        for one in self.all:
            reached_s = 0.0
            for start_s, end_s in sorted(one.spells):
                total += max(0.0, end_s - max(start_s, reached_s))
                reached_s = max(reached_s, end_s)
        return total
