"""Cells on this machine: in this process, or in the one pool of worker processes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from tco.errors import TcoError
from tco.sweep.answer import LOST, Job, answer
from tco.sweep.ground import Ground
from tco.tasks import Loan, Pool, Result, borrowed, the_pool


@dataclass(frozen=True, slots=True)
class CellTask:
    """One cell as a task of the pool."""

    job: Job
    loan: str

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        return self.job.key

    @property
    def about_s(self) -> float:
        """A tenth of a second, and more where it simulates [s]."""
        return 0.1

    def work(self) -> Result:
        """Evaluate the cell on what this worker was lent."""
        return answer(borrowed(self.loan), self.job)


@dataclass(frozen=True, slots=True)
class Local:
    """Works cells out on this machine."""

    ground: Ground
    workers: int | None = None
    """How many processes; None: one a core."""

    @property
    def shares(self) -> bool:
        """Whether cells are worked out side by side."""
        return (self.workers or the_pool().size) > 1

    @property
    def says(self) -> str:
        """Where cells are worked out, in words."""
        count = self.workers or the_pool().size
        return "this process" if count == 1 else f"{count} processes on this machine"

    def run(self, jobs: Iterator[Job | None]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its outcome, as it ends."""
        if not self.shares:
            for job in jobs:
                assert job is not None
                yield job, answer(self.ground, job)
            return
        pool = the_pool() if self.workers is None else Pool(self.workers)
        try:
            yield from self._in(pool, jobs)
        finally:
            if self.workers is not None:
                pool.close()

    def close(self) -> None:
        """Leave nothing: processes of its own have ended with their jobs."""

    def _in(self, pool: Pool, jobs: Iterator[Job | None]) -> Iterator[tuple[Job, Result]]:
        handed: list[Job | None] = []
        loan = Loan(secrets.token_hex(8), self.ground)

        def tasks() -> Iterator[CellTask | None]:
            for job in jobs:
                if job is not None:
                    handed.append(job)
                yield None if job is None else CellTask(job, loan.key)

        for number, outcome in pool.run(tasks(), loan=loan):
            job, handed[number] = handed[number], None
            assert job is not None
            # A cell answers for itself; an error here is one of the worker that was at it.
            yield job, {LOST: str(outcome)} if isinstance(outcome, TcoError) else outcome
