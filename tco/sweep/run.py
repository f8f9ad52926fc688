"""A sweep from its first cell to its last: one way, whatever works the cells out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from tco.errors import TcoError
from tco.sweep.agenda import Agenda
from tco.sweep.answer import FRESH, LOST, OTHER_CODE, REFUSED, TOOK_S, Job
from tco.sweep.folder import ResultFolder
from tco.sweep.question import Question
from tco.sweep.table import Work
from tco.tasks import Result


class Engine(Protocol):
    """What works cells out."""

    @property
    def shares(self) -> bool:
        """Whether cells are worked out side by side."""

    @property
    def says(self) -> str:
        """Where cells are worked out, in words."""

    def run(self, jobs: Iterator[Job | None]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its outcome, as it ends; None: another has to end first."""

    def close(self) -> None:
        """Leave what it works with."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When no further cell is begun."""

    most_s: float | None = None
    most_cells: int | None = None


@dataclass(slots=True)
class Progress:
    """How far a sweep has come."""

    of: int
    done: int
    """Those of earlier runs included."""
    refused: int
    lost: int = 0
    """Cells of this run that another try may answer; none of them counts as done."""
    lost_to: str | None = None
    """Why the last of them was lost."""
    done_now: int = 0
    elapsed_s: float = 0.0
    simulations: int = 0

    @property
    def cells_per_s(self) -> float | None:
        """Rate of this run; None before the first cell."""
        return self.done_now / self.elapsed_s if self.done_now and self.elapsed_s else None

    @property
    def left_s(self) -> float | None:
        """Time left at that rate [s]."""
        rate = self.cells_per_s
        return None if rate is None else (self.of - self.done) / rate


def run_sweep(
    question: Question,
    folder: ResultFolder,
    engine: Engine,
    *,
    budget: Budget | None = None,
    tell: Callable[[Progress], None] | None = None,
) -> Progress:
    """Evaluate the cells that a folder lacks; stopped at any moment, what is done is kept.

    Args:
        question: The cells, and what they rest on.
        folder: Where results go, and which cells lie there already.
        engine: What works them out.
        budget: When to end before all are done.
        tell: Is told how far it is, after each cell.
    """
    budget = budget or Budget()
    began_s = time.monotonic()
    progress = Progress(len(question.cells), len(folder.done), folder.refused)
    before = folder.work
    left = _in_order(question, folder.done)
    begun = 0

    def fresh() -> Iterator[Job]:
        nonlocal begun
        for job in left:
            begun += 1
            yield job

    def is_open() -> bool:
        in_time = budget.most_s is None or time.monotonic() - began_s < budget.most_s
        return in_time and (budget.most_cells is None or begun < budget.most_cells)

    agenda = Agenda(fresh(), is_open, engine.shares)
    worked_s = 0.0
    try:
        with closing(_outcomes(engine, agenda)) as outcomes:
            for job, outcome in outcomes:
                worked_s += 0.0 if LOST in outcome else outcome.get(TOOK_S, 0.0)
                progress.elapsed_s = time.monotonic() - began_s
                progress.simulations += len(outcome.get(FRESH, ()))
                found = agenda.take(job, outcome)
                if found is not None and LOST in found:
                    progress.lost += 1
                    progress.lost_to = found[LOST]
                elif found is not None:
                    progress.done += 1
                    progress.done_now += 1
                    progress.refused += REFUSED in found
                    folder.work = Work(
                        cells=before.cells + progress.done_now,
                        cells_s=before.cells_s + worked_s,
                        simulations=before.simulations + progress.simulations,
                    )
                    folder.add(question.done(job.cell, found))
                if tell is not None:
                    tell(progress)
    finally:
        folder.write()
    progress.elapsed_s = time.monotonic() - began_s
    return progress


def _outcomes(engine: Engine, agenda: Agenda) -> Generator[tuple[Job, Result]]:
    for job, outcome in engine.run(agenda.jobs()):
        if OTHER_CODE in outcome:
            raise TcoError(
                f"a worker is not like this machine ({'; '.join(outcome[OTHER_CODE])}), so its "
                "results would not be the same. Nothing of it was kept: install the same versions "
                "there, and run again with --resume."
            )
        yield job, outcome


def _in_order(question: Question, done: set[str]) -> list[Job]:
    """Return the cells to do in an order like chance, always the same.

    So what is there when a sweep is stopped covers the whole space, and cells that need the same
    simulations seldom come together.
    """
    cells = [(question.keys[cell.number], cell) for cell in question.cells]
    return [Job(key, cell) for key, cell in sorted(cells, key=_by_key) if key not in done]


def _by_key(pair: tuple[str, object]) -> str:
    return pair[0]
