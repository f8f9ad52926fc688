"""A running server under load: closed loops of rising concurrency, and open loops at given times.

A closed loop keeps so many requests in the system; an open loop sends when a request is due,
answered or not. Both drop the ramp: only a steady window is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tco.domain.measure_job import EndpointJob
from tco.domain.measured import Effort, Phase, Point, Runtime, Spread, Unit
from tco.errors import TcoError
from tco.measure import doubts
from tco.measure.endpoint_client import Answer, EndpointClient
from tco.measure.harness import FULL, Progress, Swept, energy_of_calls, spread_of
from tco.measure.machine import OtherWork
from tco.measure.meter import Meter, NoMeter, WindowEnergy

RAMP_SHARE = 0.2
"""Of a repeat's time, first in a closed loop; what finishes in it is not counted.

The ramp also lasts until every client was answered once: the first of them met no queue.
"""

AWAKE_S = 0.0015
"""Event loops wait in whole milliseconds and round up; that would count as the server's time."""


@dataclass(frozen=True, slots=True)
class Load:
    """How requests are sent."""

    concurrency: int | None = None
    pause_s: float = 0.0
    """From an answer to the client's next request, closed loop."""
    rate_per_s: float | None = None
    arrivals_s: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.concurrency is not None:
            paused = f", {self.pause_s:g} s after the answer before" if self.pause_s else ""
            return f"{self.concurrency} at a time{paused}"
        if self.rate_per_s is not None:
            return f"{self.rate_per_s:g} a second"
        return f"{len(self.arrivals_s)} given arrivals"

    def offered_per_s(self) -> float | None:
        """Return the rate that an open loop asks for [1/s]."""
        if self.arrivals_s:
            return len(self.arrivals_s) / max(self.arrivals_s[-1], 1e-9)
        return self.rate_per_s


@dataclass
class _Run:
    """What one repeat at one load gave."""

    answers: list[Answer]
    window_s: float
    energy: WindowEnergy
    late_s: float = 0.0
    client_share: float = 0.0
    """Of the time, in which the client itself worked."""


@dataclass
class EndpointHarness:
    """The settings of a run against a server."""

    effort: Effort = FULL
    meter: Meter = field(default_factory=NoMeter)
    tell: Callable[[Progress], None] = lambda _progress: None

    def sweep(self, job: EndpointJob) -> Swept:
        """Measure every load of a job.

        Raises:
            TcoError: When the server answers nothing.
        """
        loads = [
            Load(concurrency=c, pause_s=job.pause_alone_s if c == 1 else 0.0)
            for c in job.concurrency or ()
        ]
        if job.open_loop is not None:
            loads += [Load(rate_per_s=rate) for rate in job.open_loop.rates_per_s]
            if job.open_loop.arrivals_s:
                loads.append(Load(arrivals_s=job.open_loop.arrivals_s))
        runs: list[tuple[Load, list[_Run]]] = [(load, []) for load in loads]
        began = OtherWork.now()
        notes: list[str] = []
        interrupted = False
        try:
            self._passes(job, runs)
        except KeyboardInterrupt:
            interrupted = True
            notes.append("stopped by hand")
        points = [self._point(load, found) for load, found in runs if found]
        if not points:
            raise TcoError("nothing was measured: " + "; ".join(notes))
        others = began.others_processors() if job.hardware is not None else None
        return Swept(points, None, notes, doubts.of_sweep(points, others), interrupted, others)

    def _passes(self, job: EndpointJob, runs: Sequence[tuple[Load, list[_Run]]]) -> None:
        total, done, began_s = len(runs) * self.effort.repeats, 0, time.perf_counter()
        for repeat in range(self.effort.repeats):
            # Every second pass goes back, so that a machine that drifts disturbs all loads alike.
            for load, found in runs[:: -1 if repeat % 2 else 1]:
                left_s = (time.perf_counter() - began_s) / done * (total - done) if done else None
                self.tell(Progress(done, total, str(load), left_s))
                run_s, worked_s = time.perf_counter(), time.thread_time()
                run = asyncio.run(self._run(job, load, seed=job.seed + repeat))
                worked_s, run_s = time.thread_time() - worked_s, time.perf_counter() - run_s
                run.client_share = worked_s / run_s
                found.append(run)
                done += 1
        self.tell(Progress(done, total, "", 0.0))

    async def _run(self, job: EndpointJob, load: Load, *, seed: int) -> _Run:
        async with EndpointClient(job) as client:
            first = await client.ask()  # also opens a connection
            if first.error is not None:
                raise TcoError(f"{job.url} does not answer: {first.error}")
            if load.concurrency is not None:
                return await self._closed(client, load.concurrency, load.pause_s)
            return await self._open(client, self._due_s(load, seed))

    def _due_s(self, load: Load, seed: int) -> np.ndarray:
        """Return when requests are due: as given, or a Poisson stream long enough."""
        if load.arrivals_s:
            return np.array(load.arrivals_s)
        assert load.rate_per_s is not None
        repeats = self.effort.repeats
        wanted = max(
            self.effort.least_inferences / repeats,
            load.rate_per_s * self.effort.least_seconds / repeats,
        )
        most = load.rate_per_s * self.effort.most_seconds / repeats
        count = max(2, round(min(wanted, most)))
        return np.cumsum(np.random.default_rng(seed).exponential(1 / load.rate_per_s, count))

    async def _closed(self, client: EndpointClient, concurrency: int, pause_s: float) -> _Run:
        repeats = self.effort.repeats
        least_s = self.effort.least_seconds / repeats
        most_s = self.effort.most_seconds / repeats
        least = -(-self.effort.least_inferences // repeats)
        answers: list[Answer] = []
        answered = [0] * concurrency
        began_s = time.perf_counter()
        over = asyncio.Event()

        async def one_after_the_other(number: int) -> None:
            while not over.is_set():
                answers.append(await client.ask())
                answered[number] += 1
                if pause_s:
                    await _until(time.perf_counter() + pause_s)

        async with asyncio.TaskGroup() as group:
            for number in range(concurrency):
                group.create_task(one_after_the_other(number))
            await asyncio.sleep(RAMP_SHARE * least_s)
            while not all(answered) and time.perf_counter() - began_s < most_s / 2:
                await asyncio.sleep(least_s / 20)
            from_s, before = time.perf_counter(), len(answers)
            self.meter.start()
            while True:
                await asyncio.sleep(least_s / 20)
                now_s = time.perf_counter()
                enough = len(answers) - before >= least and now_s - from_s >= least_s
                if enough or now_s - began_s >= most_s:
                    break
            until_s = time.perf_counter()
            energy = self.meter.stop()
            over.set()
        counted = [a for a in answers if from_s < a.finished_s <= until_s]
        return _Run(counted, until_s - from_s, energy)

    async def _open(self, client: EndpointClient, due_s: np.ndarray) -> _Run:
        began_s = time.perf_counter()
        pending: list[asyncio.Task[Answer]] = []
        self.meter.start()
        for due in due_s:
            await _until(began_s + due)
            pending.append(asyncio.create_task(client.ask(began_s + float(due))))
        answers = list(await asyncio.gather(*pending))
        energy = self.meter.stop()
        late_s = float(np.quantile([a.sent_s - a.due_s for a in answers], 0.99))
        return _Run(answers, float(due_s[-1]), energy, late_s)

    def _point(self, load: Load, runs: Sequence[_Run]) -> Point:
        good = [[a for a in run.answers if a.error is None] for run in runs]
        failed = sum(len(run.answers) for run in runs) - sum(map(len, good))
        if not any(good):
            if not failed:
                waited_s = sum(run.window_s for run in runs)
                raise TcoError(
                    f"at {load} no answer came in {waited_s:.2g} s of counting: measure without "
                    "--quick, ask for shorter answers, or pause less"
                )
            reason = next(a.error for run in runs for a in run.answers if a.error is not None)
            raise TcoError(f"at {load} every request failed: {reason}")
        kept = [(answers, run) for answers, run in zip(good, runs, strict=True) if answers]
        seconds = spread_of([np.array([a.seconds for a in answers]) for answers, _ in kept])
        rates = [_rate(answers, run, load) for answers, run in kept]
        rate = float(np.median(rates))
        energy, withheld = energy_of_calls(
            [run.energy for _, run in kept], [len(answers) for answers, _ in kept]
        )
        if load.pause_s:
            energy, withheld = (
                None,
                "the client pauses, and joules of a server that stands idle are not of its answers",
            )
        told = [a for answers, _ in kept for a in answers]
        telling = doubts.of_point(seconds, len(told), len(kept), self.effort)
        telling += self._load_doubts(load, seconds, rate, runs)
        telling += [f"{failed} requests failed"] if failed else []
        if load.concurrency is None:
            telling = [text for text in telling if "middle half" not in text]  # queues do spread
        return Point(
            phase=Phase.REQUEST,
            concurrency=load.concurrency,
            pause_s=load.pause_s or None,
            offered_per_s=load.offered_per_s(),
            input_tokens=_mean([a.input_tokens for a in told]),
            output_tokens=_mean([a.output_tokens for a in told]),
            seconds=seconds,
            ttft_s=_spread([a.ttft_s for a in told]),
            tpot_s=_spread([a.tpot_s for a in told]),
            throughput_per_s=rate,
            throughput_unit=Unit.REQUESTS,
            completed=len(told),
            failed=failed,
            window_s=sum(run.window_s for _, run in kept),
            energy=energy,
            energy_withheld=withheld,
            doubts=tuple(telling),
        )

    def _load_doubts(
        self, load: Load, seconds: Spread, rate: float, runs: Sequence[_Run]
    ) -> list[str]:
        found = doubts.of_client(max(run.client_share for run in runs))
        if load.concurrency is not None:
            assert seconds.mean is not None
            return found + doubts.of_little(load.concurrency, rate, seconds.mean + load.pause_s)
        offered = float(np.median([len(run.answers) / run.window_s for run in runs]))
        return found + doubts.of_open_loop(offered, rate, max(run.late_s for run in runs))


async def _until(moment_s: float) -> None:
    """Wait for a moment of the clock; its last part awake, since sleep comes back late."""
    asleep_s = moment_s - time.perf_counter() - AWAKE_S
    if asleep_s > 0:
        await asyncio.sleep(asleep_s)
    while time.perf_counter() < moment_s:
        await asyncio.sleep(0)  # answers that come meanwhile are taken


def _rate(answers: Sequence[Answer], run: _Run, load: Load) -> float:
    """Count completions a second: in the steady window, or until the last of an open loop."""
    if load.concurrency is not None:
        return len(answers) / run.window_s
    ends_s = max(a.finished_s for a in answers) - min(a.due_s for a in answers)
    drain_s = float(np.median([a.seconds for a in answers]))
    return len(answers) / max(run.window_s, ends_s - drain_s)


def _mean(values: Sequence[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    mean = float(np.mean(known)) if known else 0.0
    return mean if mean > 0 else None


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = np.array([value for value in values if value is not None])
    return spread_of([known]) if len(known) else None


def runtime_of(job: EndpointJob) -> Runtime:
    """Describe the server as the job does."""
    return Runtime(name=job.runtime, version=job.runtime_version, mode=job.api)
