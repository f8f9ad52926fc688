"""A vendor's API call by call, in exact fractions and plain objects. Shares no code."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

MASK = (1 << 64) - 1
NEVER = Fraction(10) ** 30


def luck(seed: int, request: int, call: int, tried: int, stream: int) -> Fraction:
    """The number of a draw, scrambled: splitmix64 at that place of its stream."""
    number = ((request * 32 + tried) * 256 + call) * 4 + stream
    mixed = (seed + (number + 1) * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return Fraction((mixed ^ (mixed >> 31)) >> 11, 1 << 53)


@dataclass
class Bucket:
    per_s: Fraction
    size: Fraction
    wants: Callable[[int], Fraction]
    """What a call takes, by its row of tokens."""
    held: Fraction = Fraction(0)
    seen_s: Fraction = Fraction(0)

    def at(self, now_s: Fraction) -> Fraction:
        return min(self.size, self.held + self.per_s * (now_s - self.seen_s))

    def ready_s(self, now_s: Fraction, row: int) -> Fraction:
        wanted = self.wants(row)
        if wanted > self.size:
            return NEVER
        return now_s + max(Fraction(0), wanted - self.at(now_s)) / self.per_s

    def take(self, now_s: Fraction, row: int) -> None:
        self.held, self.seen_s = self.at(now_s) - self.wants(row), now_s


@dataclass
class Vendor:
    limits: list[Bucket]
    bought: Bucket | None = None
    passes_on: bool = True
    queue_s: Fraction = Fraction(0)
    tries: int = 1
    wait_s: Callable[[int, int, int], Fraction] = lambda request, call, tried: Fraction(0)
    honours_retry_after: bool = False
    takes_s: Callable[[int, int, int], Fraction] = lambda request, call, tried: Fraction(0)
    timeout_s: Fraction | None = None
    outages_s: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    error_s: Fraction = Fraction(0)
    elsewhere_s: Callable[[int], Fraction] | None = None
    bills_failed: bool = False
    bills_timed_out: bool = False

    def run(self, came_s: list[Fraction], calls: list[int]) -> list[tuple[str, Fraction]]:
        """Return the fate of each request and when it was settled."""
        self.billed: list[tuple[str, int]] = []
        """Who was paid, and for which row; provisioned throughput when it was taken."""
        self.turned_away = self.failed = self.timed_out = 0
        rows, total = [], 0
        for count in calls:
            rows.append(total)
            total += count
        begin_s = came_s[0] if came_s else Fraction(0)
        for bucket in [*self.limits, *([self.bought] if self.bought else [])]:
            bucket.held, bucket.seen_s = bucket.size, begin_s
        # At one moment the request that came first goes first.
        todo = [(moment, number, 0, 0, False) for number, moment in enumerate(came_s)]
        heapq.heapify(todo)
        settled: dict[int, tuple[str, Fraction]] = {}
        while todo:
            now_s, number, call, tried, fallen = heapq.heappop(todo)
            row = rows[number] + call
            seller, begins_s, ready_s = self._through(now_s, row)
            done_s, failed_s = self._answer(seller, begins_s, row, (number, call, tried))
            if failed_s is not None and tried + 1 < self.tries:
                again_s = failed_s + self.wait_s(number, call, tried)
                if seller is None and self.honours_retry_after and ready_s < NEVER:
                    again_s = max(again_s, ready_s)
                heapq.heappush(todo, (again_s, number, call, tried + 1, fallen))
                continue
            if failed_s is not None and self.elsewhere_s is None:
                settled[number] = ("lost", failed_s)
                continue
            if failed_s is not None:
                assert self.elsewhere_s is not None
                seller, fallen = "elsewhere", True
                done_s = failed_s + self.elsewhere_s(number)
            assert seller is not None
            if seller != "provisioned":
                self.billed.append((seller, row))
            if call + 1 < calls[number]:
                heapq.heappush(todo, (done_s, number, call + 1, 0, fallen))
            else:
                settled[number] = ("fell over" if fallen else "served", done_s)
        return [settled[number] for number in range(len(came_s))]

    def _answer(
        self, seller: str | None, begins_s: Fraction, row: int, place: tuple[int, int, int]
    ) -> tuple[Fraction, Fraction | None]:
        """Return when a call is answered, or has failed."""
        if seller is None:
            self.turned_away += 1
            return NEVER, begins_s
        if any(begin <= begins_s < end for begin, end in self.outages_s):
            self.failed += 1
            if self.bills_failed and seller != "provisioned":
                self.billed.append((seller, row))
            return NEVER, begins_s + self.error_s
        takes_s = self.takes_s(*place)
        if self.timeout_s is None or takes_s <= self.timeout_s:
            return begins_s + takes_s, None
        self.timed_out += 1
        if self.bills_timed_out and seller != "provisioned":
            self.billed.append((seller, row))
        return NEVER, begins_s + self.timeout_s

    def _through(self, now_s: Fraction, row: int) -> tuple[str | None, Fraction, Fraction]:
        """Return who takes a call, when it begins, and when it could if nobody does."""
        ready_s = NEVER
        if self.bought is not None:
            ready_s = self.bought.ready_s(now_s, row)
            if ready_s <= now_s:
                self.bought.take(now_s, row)
                self.billed.append(("provisioned", row))
                return "provisioned", now_s, now_s
            if not self.passes_on:
                return None, now_s, ready_s
        from_s = max([now_s, *(bucket.seen_s for bucket in self.limits)])
        ready_s = max([from_s, *(bucket.ready_s(from_s, row) for bucket in self.limits)])
        if ready_s - now_s > self.queue_s:
            return None, now_s, ready_s
        for bucket in self.limits:
            bucket.take(ready_s, row)
        return "by token", ready_s, ready_s
