"""Snapshots against the scenarios of a use case: place and cost of each, who wins, who fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tco.domain.loading import Library, base_first
from tco.errors import InputError, TcoError
from tco.measure.library import Measurements
from tco.plan import Evaluation, evaluate
from tco.prices import Catalog
from tco.rank.score import Answer, Ranking, Status
from tco.tasks import Watch

SCENARIO_FORMAT = "scenario/1"


@dataclass(frozen=True, slots=True)
class Cell:
    """A snapshot under one scenario, by the option that comes nearest to answering there."""

    place: int | None
    """Among the snapshots; None where none of its options is ranked."""
    answer: Answer
    """Its cheapest ranked option, or what is known of one that is left out."""

    @property
    def word(self) -> str:
        """What became of it, if it has no place."""
        if self.answer.status is Status.UNPROVEN:
            return "unproven"
        return "near miss" if self.answer.is_near_miss else "left out"

    @property
    def cost_usd(self) -> float | None:
        """Its cost on the ranking's basis [USD]; None where it has no price."""
        return None if self.answer.money is None else self.answer.money.basis_usd


Table = dict[str, dict[str, Cell]]
"""Cells by snapshot and scenario; absent where a scenario has no option of a snapshot."""


def by_snapshot_and_scenario(evaluations: Sequence[Evaluation]) -> Table:
    """Set the snapshots against the scenarios, in the order in which they are first ranked."""
    placed = [(found.scenario.name, _placed(found.ranking)) for found in evaluations]
    others = [(found.scenario.name, _left_out(found)) for found in evaluations]
    table: Table = {}
    for name, cells in (*placed, *others):
        for snapshot, cell in cells.items():
            table.setdefault(snapshot, {}).setdefault(name, cell)
    return table


def _placed(ranking: Ranking) -> dict[str, Cell]:
    cells = {}
    for place, answer in enumerate(ranking.snapshots, start=1):
        assert answer.profile is not None
        cells["+".join(answer.profile.snapshots)] = Cell(place, answer)
    return cells


def _left_out(found: Evaluation) -> dict[str, Cell]:
    """Return each snapshot by what may yet be ranked of it: unproven, near, the rest; by cost."""
    ranking = found.ranking
    near = sorted(ranking.near_misses, key=_cost)
    rest = sorted(ranking.excluded, key=_cost)
    cells: dict[str, Cell] = {}
    for answer in (*ranking.unproven, *near, *rest):
        known = answer.profile.snapshots if answer.profile is not None else ()
        candidate = found.scenario.candidates.get(answer.option)
        alone = None if candidate is None else candidate.snapshot
        cells.setdefault("+".join(known) or alone or answer.option, Cell(None, answer))
    return cells


def _cost(answer: Answer) -> float:
    return math.inf if answer.money is None else answer.money.basis_usd


@dataclass(frozen=True, slots=True)
class Across:
    """A plan among the scenarios of its use case, or why nobody looked at them."""

    evaluations: tuple[Evaluation, ...] = ()
    """The plan's own among them, where its file would stand."""
    unread: tuple[tuple[str, str], ...] = ()
    """Scenarios that could not be read or evaluated, and why."""
    is_changed: bool = False
    """Whether the plan is not as its file says."""
    why_not: str = ""


NOT_LOOKED = Across(
    why_not="The other scenarios of the use case were not looked at when this was written."
)
STOPPED = Across(why_not="Evaluating the other scenarios was stopped before it was done.")


def across(
    found: Evaluation,
    library: Library,
    file: Path,
    catalog: Catalog,
    measurements: Measurements,
    *,
    watch: Watch | None = None,
    tell: Callable[[str], None] | None = None,
) -> Across:
    """Evaluate the scenarios beside a plan as their files say, with the plan's own settings.

    Args:
        found: The plan, evaluated.
        library: Reads scenarios.
        file: Where the plan's scenario stands, or would stand.
        catalog: Prices.
        measurements: Measured speed and energy.
        watch: Through which somebody follows and may stop it.
        tell: Is told what is evaluated, before it is.
    """
    settings = replace(found.settings, watch=watch)
    evaluations: dict[str, Evaluation] = {}
    unread: list[tuple[str, str]] = []
    is_changed = False
    for path in _files_beside(library, file):
        try:
            scenario = library.load_scenario(path)
            if scenario.use_case != found.scenario.use_case:
                continue
            if scenario.name == found.scenario.name:
                is_changed = scenario.digest != found.scenario.digest
                evaluations[scenario.name] = found
                continue
            if tell is not None:
                tell(f"evaluating {scenario.id}")
            evaluations[scenario.name] = evaluate(
                scenario, catalog, measurements, settings=settings
            )
        except TcoError as error:
            unread.append((path.stem, str(error)))
    if found.scenario.name not in evaluations:
        evaluations = {found.scenario.name: found, **evaluations}
    return Across(tuple(evaluations.values()), tuple(unread), is_changed)


def _files_beside(library: Library, file: Path) -> list[Path]:
    """Return the scenarios in the folder of one, itself included; other files are passed over."""

    def may_be_one(path: Path) -> bool:
        try:
            data = library.document(path).data
        except InputError:
            return True  # to be named with what is wrong
        return "extends" in data or data.get("format") == SCENARIO_FORMAT

    return base_first(filter(may_be_one, file.parent.glob("*.yaml")))
