"""One cell evaluated: the way a worker does it, whichever engine it works for.

What a cell lacks is simulated once for all cells: a worker that meets a simulation which it was not
told to work out says so and lets the cell go. Whoever hands out the cells sees to it that one of
them works it out and the others are given the result.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tco.domain.sweep import OPTION_COLUMNS
from tco.errors import InfeasibleError, TcoError
from tco.plan import Evaluation, Settings, evaluate
from tco.rank.score import Answer
from tco.sweep.cells import Cell
from tco.sweep.ground import Ground, differences, here
from tco.sweep.keys import changed
from tco.tasks import Kept, Result, Task, outcome_of, user_cache

MOST_AT_HAND = 2_000
"""Simulations that a worker keeps in memory; the others lie on its disk."""
ROWS, REFUSED, WANTED, OTHER_CODE = "rows", "refused", "wanted", "other_code"
LOST = "lost"
"""Why a cell has no answer that would hold: trouble of a machine, or a fault of the planner."""
FRESH, TOOK_S = "fresh", "took_s"
MONEY = OPTION_COLUMNS[OPTION_COLUMNS.index("tco_usd") : OPTION_COLUMNS.index("latency_p95_ms")]


@dataclass(frozen=True, slots=True)
class Job:
    """A cell to be evaluated, with simulations that others have worked out."""

    key: str
    """Digest of the cell and all that it rests on."""
    cell: Cell
    given: Mapping[str, Result] = field(default_factory=dict)
    may: frozenset[str] | None = frozenset()
    """Simulations that it may work out itself; None: any."""


class AskedError(Exception):
    """Simulations are lacking that somebody else works out."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        super().__init__(f"{len(keys)} simulations are lacking")


@dataclass(frozen=True, slots=True)
class KeptForCell(Kept):
    """Results for one cell: what is lacking is worked out here if this cell may, else asked for."""

    may: frozenset[str] | None = None
    fresh: dict[str, Result] = field(default_factory=dict)
    """What was worked out for this cell, in a form that travels."""

    def of(self, task: Task) -> Result:
        """Return the result of a task and keep it at hand."""
        found = Kept.of(self, task)
        self._here[task.key] = found
        return found

    def take(self, key: str, packed: Result) -> None:
        """Take in what somebody else has worked out."""
        refused = packed.get(REFUSED)
        self._here[key] = InfeasibleError(str(refused)) if refused is not None else packed["found"]

    def work_out(self, tasks: Sequence[Task]) -> None:
        """Work out tasks one after the other."""
        asked = []
        for key, task in {task.key: task for task in tasks}.items():
            if self.may is not None and key not in self.may:
                asked.append(key)
                continue
            outcome = outcome_of(task)
            self._keep(key, outcome)
            if isinstance(outcome, TcoError):
                self.fresh[key] = {REFUSED: str(outcome)}
            else:
                self.fresh[key] = {"found": outcome}
        if asked:
            raise AskedError(asked)


@cache
def _at_hand() -> dict[str, Result | TcoError]:
    """Return the simulations that this process has in memory."""
    return {}


def answer(ground: Ground, job: Job) -> Result:
    """Evaluate a cell; whatever is wrong with its scenario is its answer.

    Returns:
        ``rows`` (one an option, ordered as ``OPTION_COLUMNS``), or ``refused`` with the reason, or
        ``lost`` where the reason is not the cell's own, or ``wanted`` with the simulations it
        lacks, or ``other_code`` where this process is not like the one that asks; ``fresh``, the
        simulations that were worked out; ``took_s``.
    """
    strange = differences(ground.code, here())
    if strange:
        return {OTHER_CODE: strange}
    at_hand = _at_hand()
    if len(at_hand) > MOST_AT_HAND:
        at_hand.clear()
    kept = KeptForCell(user_cache(), None, at_hand, job.may)
    for key, packed in job.given.items():
        kept.take(key, packed)
    began_s = time.perf_counter()
    outcome = _tried(ground, job, kept)
    return {**outcome, FRESH: kept.fresh, TOOK_S: time.perf_counter() - began_s}


def _tried(ground: Ground, job: Job, kept: KeptForCell) -> Result:
    try:
        scenario = changed(ground.scenarios[job.cell.scenario], job.cell)
        settings = Settings(basis=ground.basis, fidelity=ground.fidelity, kept=kept)
        found = evaluate(scenario, ground.catalog, ground.measurements, settings=settings)
        return {ROWS: rows_of(found)}
    except AskedError as asked:
        return {WANTED: asked.keys}
    except TcoError as error:
        return {REFUSED: str(error)}
    except Exception as error:  # a fault in one cell must not end the others
        return {LOST: f"a fault of the planner itself ({type(error).__name__}: {error})"}


def rows_of(found: Evaluation) -> list[list[Any]]:
    """Return a row for each option, those that are ranked first."""
    ranking = found.ranking
    return [_row(one) for one in (*ranking.options, *ranking.unproven, *ranking.excluded)]


def _row(one: Answer) -> list[Any]:
    profile, money = one.profile, one.money
    figures = [None] * len(MONEY) if money is None else [getattr(money, name) for name in MONEY]
    latency = one.latency
    return [
        one.option,
        None if profile is None else "+".join(profile.snapshots),
        None if profile is None else profile.kind.value,
        None if profile is None or profile.openness is None else profile.openness.value,
        None if profile is None or profile.size_class is None else profile.size_class.value,
        one.status.value,
        one.rank,
        None if money is None else _known(money.basis_usd),
        *map(_known, figures),
        None if latency is None else _known(latency.ms.get("p95")),
        "; ".join(one.reasons) or None,
    ]


def _known(figure: float | None) -> float | None:
    """Return a figure that is one; a cost that no number bounds is not known."""
    return None if figure is None or not math.isfinite(figure) else float(figure)
