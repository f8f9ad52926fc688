"""The traffic of a fleet's run, chunk by chunk, the same for every option."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import BatchJobs, Movement
from tco.sim.run import Requests
from tco.sim.sizing import Sizing
from tco.traffic.arrivals import Bursts, arrival_blocks_s
from tco.traffic.rate import PiecewiseRate, movement_factors
from tco.traffic.requests import requests_by_hour
from tco.traffic.sessions import CallShape, call_stream
from tco.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR

Array = NDArray[np.float64]
STREAM, JOB = 0, 1
"""Priority classes: requests of a batch job wait behind those that people wait for."""


@dataclass(frozen=True, slots=True)
class Release:
    """A batch job: when it is handed over from the start of the run [s], and how many requests."""

    moment_s: float
    requests: int


class Before(Protocol):
    """The steps of a route that requests go through before they come to a fleet."""

    def hand_on(
        self, rate_per_s: Array, *, length_s: float, seed: int, first_hour: int
    ) -> Requests:
        """Return the calls that come, in order of time, if they come at a rate as a mean."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """When requests come: the shape of a week, and how they crowd around it."""

    week: Array
    """Rate of each hour of the week over the mean rate [-]."""
    bursts: Bursts | None = None
    movement: Movement | None = None
    jobs: BatchJobs | None = None
    sizing: Sizing | None = None
    """Sorts requests into classes of size; None where all are alike."""
    calls: CallShape | None = None
    """Calls of a language model behind each request; None where tokens do not matter."""
    before: Before | None = None
    """Where calls come from a route; None where requests come by themselves."""

    @property
    def is_plain(self) -> bool:
        """Whether requests are all alike and come independently at the rates of the week."""
        alike = self.sizing is None and self.calls is None
        return self.is_even and self.jobs is None and alike

    @property
    def events_per_request(self) -> float:
        """Arrivals at the fleet behind a request: calls of a model where tools are used [-]."""
        return 1.0 if self.calls is None else self.calls.per_request

    @property
    def is_even(self) -> bool:
        """Whether the rates of the week are all that moves requests."""
        return self.bursts is None and self.movement is None

    def chunks(
        self,
        rate_per_s: Array,
        *,
        length_s: float,
        seed: int,
        first_hour: int = 0,
        releases: tuple[Release, ...] = (),
    ) -> Iterator[Requests]:
        """Yield the arrivals of some hours in order.

        Args:
            rate_per_s: Rate in each hour, before bursts and movement, without batch jobs [1/s].
            length_s: Length of the stretch that stands for each hour [s]; 3,600 for all of it.
            seed: Seed; the same rates and seed give the same arrivals.
            first_hour: Hour of the week in which the run begins.
            releases: Batch jobs handed over during the run.
        """
        if self.before is not None:
            yield self.before.hand_on(
                rate_per_s, length_s=length_s, seed=seed, first_hour=first_hour
            )
            return
        moving, coming, sizing = np.random.default_rng(seed).spawn(3)
        rates = rate_per_s
        if self.movement is not None:
            rates = rates * movement_factors(self.movement, rates.size, moving)
        edges_s = np.arange(rates.size + 1, dtype=np.float64) * length_s
        blocks = arrival_blocks_s(PiecewiseRate(edges_s, rates), coming, self.bursts)
        yield from self._dressed(blocks, length_s, first_hour, sizing, releases)

    def dressed(
        self, arrivals_s: Array, *, length_s: float, seed: int, first_hour: int
    ) -> Requests:
        """Return requests that come at given moments, with what this fleet looks at of them [s].

        The sizes of a request are its own: a fleet later on a route sees the same ones.
        """
        sizing = np.random.default_rng(seed).spawn(3)[2]
        chunks = list(self._dressed(iter([arrivals_s]), length_s, first_hour, sizing, ()))
        if not chunks:
            return Requests(arrivals_s)
        columns = [column.name for column in fields(Requests)]
        return Requests(*(np.concatenate([getattr(c, name) for c in chunks]) for name in columns))

    def _dressed(
        self,
        blocks: Iterator[Array],
        length_s: float,
        first_hour: int,
        sizing: np.random.Generator,
        releases: tuple[Release, ...],
    ) -> Iterator[Requests]:
        hours_s = (np.arange(HOURS_PER_WEEK + 1.0)) * SECONDS_PER_HOUR
        by_hour = requests_by_hour(PiecewiseRate(hours_s, self.week))
        if self.calls is not None:
            day_s = first_hour % HOURS_PER_DAY * SECONDS_PER_HOUR
            timed = ((block, day_s + block / length_s * SECONDS_PER_HOUR) for block in blocks)
            for calls in call_stream(self.calls, timed, by_hour, sizing):
                yield Requests(
                    calls.arrivals_s,
                    input_tokens=calls.input_tokens.astype(np.float64),
                    output_tokens=calls.output_tokens.astype(np.float64),
                    cached_tokens=calls.cached_tokens.astype(np.float64),
                    adapters=calls.adapters,
                    owners=calls.owners,
                )
            return
        for arrivals_s, ranks in _with_jobs(blocks, releases):
            sizes = np.empty(0, dtype=np.int64)
            if self.sizing is not None:
                clock_s = (first_hour % HOURS_PER_DAY + arrivals_s / length_s) * SECONDS_PER_HOUR
                sizes = self.sizing.classes_of(clock_s, by_hour, sizing)
            yield Requests(arrivals_s, ranks=ranks, sizes=sizes)

    def releases(
        self, first_hour: int, warm_up_hours: int, hours: int, requests: float
    ) -> tuple[Release, ...]:
        """Return the batch jobs of a run.

        Args:
            first_hour: Hour of the week in which the run begins.
            warm_up_hours: Hours at its start that are not counted.
            hours: All its hours.
            requests: Expected requests of the counted hours, streamed and in jobs [-].
        """
        if self.jobs is None:
            return ()
        clock = first_hour + np.arange(hours)
        weekday = clock // HOURS_PER_DAY % (HOURS_PER_WEEK // HOURS_PER_DAY)
        is_one = (clock % HOURS_PER_DAY == self.jobs.start_hour_utc) & np.isin(
            weekday, self.jobs.weekdays
        )
        counted = int(is_one[warm_up_hours:].sum())
        if counted == 0:
            return ()
        moments = np.flatnonzero(is_one)
        each = requests * self.jobs.share / counted
        whole = np.diff(np.round(each * np.arange(moments.size + 1))).astype(int)
        return tuple(
            Release(float(hour) * SECONDS_PER_HOUR, int(count))
            for hour, count in zip(moments, whole, strict=True)
        )


def _with_jobs(
    blocks: Iterator[Array], releases: tuple[Release, ...]
) -> Iterator[tuple[Array, NDArray[np.int64]]]:
    """Put batch jobs between the arrivals of a stream; without jobs there are no ranks."""
    if not releases:
        for block in blocks:
            yield block, np.empty(0, dtype=np.int64)
        return
    left = list(releases)
    for block in blocks:
        due = [job for job in left if job.moment_s <= block[-1]]
        left = left[len(due) :]
        yield _merged(block, due)
    if left:
        yield _merged(np.empty(0), left)


def _merged(block: Array, due: list[Release]) -> tuple[Array, NDArray[np.int64]]:
    counts = [job.requests for job in due]
    released_s = np.repeat([job.moment_s for job in due], counts)
    times_s = np.concatenate((block, released_s))
    ranks = np.concatenate((np.full(block.size, STREAM), np.full(released_s.size, JOB)))
    order = np.argsort(times_s, kind="stable")
    return times_s[order], ranks[order].astype(np.int64)
