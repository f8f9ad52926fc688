"""A vendor's API call by call, in exact fractions and plain objects. Shares no code.

Moments are whole nanoseconds: whatever makes one is rounded to the nearest as it is made.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

MASK = (1 << 64) - 1
NEVER_NS = 10**30


def whole_ns(seconds: Fraction) -> int:
    """The nearest nanosecond."""
    return math.floor(seconds * 10**9 + Fraction(1, 2))


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
    seen_ns: int = 0

    def at(self, now_ns: int) -> Fraction:
        refilled = self.per_s * Fraction(now_ns - self.seen_ns, 10**9)
        return min(self.size, self.held + refilled)

    def ready_ns(self, now_ns: int, row: int) -> int:
        wanted = self.wants(row)
        if wanted > self.size:
            return NEVER_NS
        return now_ns + whole_ns(max(Fraction(0), wanted - self.at(now_ns)) / self.per_s)

    def take(self, now_ns: int, row: int) -> None:
        self.held, self.seen_ns = self.at(now_ns) - self.wants(row), now_ns


@dataclass
class Vendor:
    """Times of its rules in seconds; the moments of a run in nanoseconds."""

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

    def run(self, came_s: list[Fraction], calls: list[int]) -> list[tuple[str, int]]:
        """Return the fate of each request and when it was settled [ns]."""
        self.billed: list[tuple[str, int]] = []
        """Who was paid, and for which row; provisioned throughput when it was taken."""
        self.turned_away = self.failed = self.timed_out = 0
        rows, total = [], 0
        for count in calls:
            rows.append(total)
            total += count
        came_ns = [whole_ns(moment) for moment in came_s]
        for bucket in [*self.limits, *([self.bought] if self.bought else [])]:
            bucket.held, bucket.seen_ns = bucket.size, min(came_ns, default=0)
        # At one moment the request that came first goes first.
        todo = [(moment, number, 0, 0, False) for number, moment in enumerate(came_ns)]
        heapq.heapify(todo)
        settled: dict[int, tuple[str, int]] = {}
        while todo:
            now_ns, number, call, tried, fallen = heapq.heappop(todo)
            row = rows[number] + call
            seller, begins_ns, ready_ns = self._through(now_ns, row)
            done_ns, failed_ns = self._answer(seller, begins_ns, row, (number, call, tried))
            if failed_ns is not None and tried + 1 < self.tries:
                again_ns = failed_ns + whole_ns(self.wait_s(number, call, tried))
                if seller is None and self.honours_retry_after and ready_ns < NEVER_NS:
                    again_ns = max(again_ns, ready_ns)
                heapq.heappush(todo, (again_ns, number, call, tried + 1, fallen))
                continue
            if failed_ns is not None and self.elsewhere_s is None:
                settled[number] = ("lost", failed_ns)
                continue
            if failed_ns is not None:
                assert self.elsewhere_s is not None
                seller, fallen = "elsewhere", True
                done_ns = failed_ns + whole_ns(self.elsewhere_s(number))
            assert seller is not None
            if seller != "provisioned":
                self.billed.append((seller, row))
            if call + 1 < calls[number]:
                heapq.heappush(todo, (done_ns, number, call + 1, 0, fallen))
            else:
                settled[number] = ("fell over" if fallen else "served", done_ns)
        return [settled[number] for number in range(len(came_s))]

    def _answer(
        self, seller: str | None, begins_ns: int, row: int, place: tuple[int, int, int]
    ) -> tuple[int, int | None]:
        """Return when a call is answered, or has failed."""
        if seller is None:
            self.turned_away += 1
            return NEVER_NS, begins_ns
        if any(whole_ns(begin) <= begins_ns < whole_ns(end) for begin, end in self.outages_s):
            self.failed += 1
            if self.bills_failed and seller != "provisioned":
                self.billed.append((seller, row))
            return NEVER_NS, begins_ns + whole_ns(self.error_s)
        takes_ns = whole_ns(self.takes_s(*place))
        if self.timeout_s is None or takes_ns <= whole_ns(self.timeout_s):
            return begins_ns + takes_ns, None
        self.timed_out += 1
        if self.bills_timed_out and seller != "provisioned":
            self.billed.append((seller, row))
        return NEVER_NS, begins_ns + whole_ns(self.timeout_s)

    def _through(self, now_ns: int, row: int) -> tuple[str | None, int, int]:
        """Return who takes a call, when it begins, and when it could if nobody does."""
        ready_ns = NEVER_NS
        if self.bought is not None:
            ready_ns = self.bought.ready_ns(now_ns, row)
            if ready_ns <= now_ns:
                self.bought.take(now_ns, row)
                self.billed.append(("provisioned", row))
                return "provisioned", now_ns, now_ns
            if not self.passes_on:
                return None, now_ns, ready_ns
        from_ns = max([now_ns, *(bucket.seen_ns for bucket in self.limits)])
        ready_ns = max([from_ns, *(bucket.ready_ns(from_ns, row) for bucket in self.limits)])
        if ready_ns - now_ns > whole_ns(self.queue_s):
            return None, now_ns, ready_ns
        for bucket in self.limits:
            bucket.take(ready_ns, row)
        return "by token", ready_ns, ready_ns
