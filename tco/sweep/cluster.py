"""Cells on a Dask cluster: the one module that knows Dask.

The cluster is asked to do the same jobs as the pool of this machine, each under the digest of its
cell. What cells rest on is one task of its own, so that a worker that joins later gets it from
another, and so that it is made anew should all who have it be lost. Dask gives the tasks of a lost
worker to others; what comes back is written down here.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tco.errors import TcoError
from tco.sweep.answer import LOST, Job, answer
from tco.sweep.ground import Ground, differences, here
from tco.tasks import Result

try:
    import distributed
except ImportError:
    distributed = None  # type: ignore[assignment]

CONNECT_S, FIRST_WORKER_S, LOOK_S = 10.0, 60.0, 1.0
AHEAD = 8
"""Jobs that each thread of the cluster has waiting, so that none idles while results travel."""
BEGUN_ANEW = {"lost", "pending"}
"""The worker that had the result died before it was fetched: Dask has others work it out again."""
_ADDRESS = re.compile(r"(tcp|tls)://[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5}")
SERVERS = ("distributed", "distributed.client", "distributed.core", "distributed.comm")
BY_HAND = "docs/operations.md says how to start one"


@dataclass(slots=True)
class Cluster:
    """Works cells out on the workers of a scheduler."""

    ground: Ground
    address: str
    _client: Any
    _open: dict[str, tuple[Job, Any]] = field(default_factory=dict)
    _ended: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    _count: int = 0

    @classmethod
    def at(cls, address: str, ground: Ground) -> Cluster:
        """Connect to a scheduler, and make sure that its workers are like this machine.

        Raises:
            TcoError: If it cannot be reached, has no worker, or one with other versions.
        """
        if distributed is None:
            raise TcoError(
                "--cluster needs Dask; install it with 'pip install tco-planner[cluster]'"
            )
        if not _ADDRESS.fullmatch(address):
            raise TcoError(f"'{address}' is no address of a scheduler; write tcp://host:8786")
        for name in SERVERS:  # what goes wrong is said here, in our words
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            client: Any = distributed.Client(  # type: ignore[no-untyped-call]
                address, timeout=CONNECT_S, set_as_default=False, name="tco-sweep"
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise TcoError(
                f"no Dask scheduler answers at {address} ({str(error).splitlines()[0][:200]}). "
                f"Check the address, or start one: {BY_HAND}."
            ) from None
        cluster = cls(ground, address, client)
        try:
            cluster._check_workers()
        except BaseException:
            cluster.close()
            raise
        return cluster

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER_S)
            told: Mapping[str, Any] = self._client.run(here, on_error="return")
        except TimeoutError:
            raise TcoError(
                f"the scheduler at {self.address} has no worker, {FIRST_WORKER_S:g} s after it was "
                f"asked; {BY_HAND}"
            ) from None
        except OSError as error:
            raise TcoError(f"the workers of {self.address} do not answer ({error})") from None
        strange = [f"{worker}: {why}" for worker, why in _strangers(self.ground.code, told)]
        if strange:
            raise TcoError(
                "no cell was begun, for these workers are not like this machine, and their results "
                "would not be the same:\n" + "\n".join(strange) + "\nInstall the same versions "
                "there and start them again, or take them out of the cluster."
            )

    @property
    def shares(self) -> bool:
        """Always: other workers may join at any time."""
        return True

    @property
    def says(self) -> str:
        """Where cells are worked out, in words."""
        threads = self._threads
        return f"{len(threads)} workers, {sum(threads.values())} threads, of {self.address}"

    @property
    def _threads(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self._client.nthreads()
        return found

    def close(self) -> None:
        """Leave the cluster; what it was asked for and has not done is forgotten."""
        self._client.close()

    def run(self, jobs: Iterator[Job | None]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its outcome, as it ends."""
        try:
            ground = self._client.submit(_held, self.ground, key=f"ground-{id(self)}", pure=False)
            room = AHEAD * max(1, sum(self._threads.values()))
            while True:
                while len(self._open) < room and (job := next(jobs, None)) is not None:
                    self._submit(job, ground)
                if not self._open:
                    return
                yield from self._results()
                room = AHEAD * max(1, sum(self._threads.values()))
        except (OSError, asyncio.CancelledError) as error:
            raise self._gone() from error

    def _submit(self, job: Job, ground: Any) -> None:
        self._count += 1
        name = f"cell-{job.key[:16]}-{self._count}"
        self._await(name, job, self._client.submit(answer, ground, job, key=name, pure=False))

    def _await(self, name: str, job: Job, future: Any) -> None:
        self._open[name] = job, future
        future.add_done_callback(lambda _: self._ended.put(name))

    def _results(self) -> Iterator[tuple[Job, Result]]:
        """Wait for jobs to end, and fetch all that have, at once."""
        names = [self._next_ended()]
        while not self._ended.empty():
            names.append(self._ended.get())
        ended = [(name, *self._open.pop(name)) for name in names]
        good = [(name, future) for name, _, future in ended if future.status == "finished"]
        fetched = self._client.gather([future for _, future in good])
        found = dict(zip((name for name, _ in good), fetched, strict=True))
        for name, job, future in ended:
            if name in found:
                yield job, found[name]
            elif future.status == "error":
                yield job, {LOST: _lost(future.exception())}
            elif future.status in BEGUN_ANEW:
                self._await(name, job, future)
            else:
                raise self._gone()

    def _next_ended(self) -> str:
        while True:
            try:
                return self._ended.get(timeout=LOOK_S)
            except queue.Empty:
                if self._client.status not in ("running", "connecting"):
                    raise self._gone() from None

    def _gone(self) -> TcoError:
        return TcoError(
            f"the scheduler at {self.address} has gone. What came back before is kept: start it "
            "again and run again with --resume."
        )


def _held(ground: Ground) -> Ground:
    """Be what the cells rest on, as a task that workers pass on to one another."""
    return ground


def _strangers(ours: Mapping[str, str], told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for worker, versions in sorted(told.items()):
        if isinstance(versions, BaseException):
            yield worker, f"has no planner that knows sweeps ({type(versions).__name__})"
        elif different := differences(ours, versions):
            yield worker, ", ".join(different)


def _lost(error: BaseException | None) -> str:
    if type(error).__name__ == "KilledWorker":
        return (
            "it ended several workers one after the other, perhaps for want of memory; try a "
            "smaller volume, or workers with more"
        )
    return f"it failed on the cluster ({type(error).__name__}: {error})"
