"""The cheapest deployments of an option that meet its goals, found without trying them all.

Every deployment has a floor (``floor.py``): what it costs at the least, and goals that it misses
whatever a simulation says. Those are left out; the others are simulated in the order of their
floors, until no floor lies below the cheapest that was found. So the answer is that of trying them
all. Fleets that never scale come first: their cost is known beforehand, and they take little time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tco.domain.cost import Basis
from tco.errors import TcoError
from tco.hosting import Effort
from tco.optimize.choice import Choice
from tco.optimize.floor import Floors
from tco.optimize.space import Space, space_of
from tco.optimize.trial import Question, Trial, tried
from tco.rank.goals import NO_FACTS, Facts
from tco.sim.usage import StaticUsage
from tco.tasks import Kept, WantedError, the_pool

RUNNERS_UP = 3
A_WORKER = 2
"""Simulations for each worker before the best so far is looked at again."""
NEAREST_TRIED = 6
"""Of deployments that miss a goal whatever happens, so many are simulated to say by how much."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come."""

    option: str
    done: int
    """Deployments that are evaluated or ruled out."""
    of: int
    best: Trial | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the deployments of a space."""

    deployments: int
    evaluated: int
    too_dear: int
    """Not simulated: at the least they cost more than what was found."""
    missing_goals: int
    """Not simulated: they miss a goal whatever a simulation says."""
    refused: int
    """Cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found for one option."""

    option: str
    written: Trial | None
    """The deployment as it is written; None where it cannot be evaluated."""
    cheapest: tuple[Trial, ...]
    """The cheapest that meets the goals, and the next of those that were evaluated."""
    nearest: Trial | None
    """Where none meets the goals: the one that misses them least; None where no number would do."""
    refusals: dict[str, int]
    """Why deployments cannot be evaluated, and how many."""
    counts: Counts
    not_tried: tuple[str, ...]

    @property
    def best(self) -> Trial | None:
        """The cheapest deployment that meets every goal."""
        return self.cheapest[0] if self.cheapest else None

    @property
    def saving_usd(self) -> float | None:
        """What the best costs less than what is written; None where one of them has no cost."""
        if self.best is None or self.written is None:
            return None
        return self.written.cost_usd - self.best.cost_usd


def _untold(_: Progress) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Search:
    """The state of a search: what is known so far of each deployment."""

    question: Question
    effort: Effort
    space: Space
    tell: Callable[[Progress], None] = _untold
    trials: dict[int, Trial] = field(default_factory=dict)
    floors: dict[int, Trial] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    bar: Facts | None = None

    def run(self) -> Found:
        """Search to the end."""
        self.bar = self._bar()
        self._find_floors()
        self._evaluate([self.space.choices[0]])
        hopeful = [floor for floor in self.floors.values() if floor.is_feasible]
        hopeful.sort(key=_least_place)
        fixed = [floor for floor in hopeful if _is_exact(floor)]
        self._try_in_order(fixed, wanted=1 + RUNNERS_UP)
        self._try_in_order(hopeful, wanted=1)
        return self._found()

    def _try_in_order(self, floors: Sequence[Trial], *, wanted: int) -> None:
        """Simulate deployments until so many are found that no other can cost less."""
        step = A_WORKER * the_pool().size
        waiting = list(floors)
        while waiting:
            best = self._best
            # A floor in the same place is no better: of two that cost the same the first is taken.
            bound = best[wanted - 1].place if len(best) >= wanted else (float("inf"), 0)
            waiting = [
                floor
                for floor in waiting
                if _least_place(floor) < bound and floor.choice.number not in self.trials
            ]
            self._evaluate([floor.choice for floor in waiting[:step]])
            waiting = waiting[step:]
            self._say(len(waiting))

    @property
    def _best(self) -> list[Trial]:
        meets = [trial for trial in self.trials.values() if trial.is_feasible]
        return sorted(meets, key=lambda trial: trial.place)

    def _say(self, left: int) -> None:
        best, whole = self._best, len(self.space.choices)
        self.tell(Progress(self.question.option, whole - left, whole, best[0] if best else None))

    def _find_floors(self) -> None:
        scenario = self.question.scenario
        # How much of a machine's power goes with its work has no floor here, so carbon has none.
        # Levels to commit to are found at mean nominal prices: with others they need not be best.
        unbound = {"co2e_kg_at_most": None}
        nominal = self.question.basis is not Basis.PRESENT_VALUE and not scenario.price_paths
        goals = scenario.goals.model_copy(
            update=unbound if nominal else unbound | {"budget_usd": None}
        )
        question = replace(self.question, scenario=scenario.model_copy(update={"goals": goals}))
        floors = Effort(Floors(simulated=self.effort.kept), "quick")

        def find(choice: Choice) -> None:
            floor = tried(question, choice, floors, self.bar)
            if not nominal and not _is_exact(floor) and _commits(choice):
                floor = replace(floor, cost_usd=0.0)
            self.floors[choice.number] = floor

        self._for_each(self.space.choices, find)

    def _evaluate(self, choices: Sequence[Choice]) -> None:
        def evaluate(choice: Choice) -> None:
            self.trials[choice.number] = tried(self.question, choice, self.effort, self.bar)

        self._for_each(choices, evaluate)

    def _for_each(self, choices: Sequence[Choice], look: Callable[[Choice], None]) -> None:
        """Look at deployments; simulations that are missing are worked out side by side."""
        left = list(choices)
        while left:
            wanted, again = [], []
            for choice in left:
                try:
                    look(choice)
                except WantedError as missing:
                    wanted.append(missing.task)
                    again.append(choice)
                except TcoError as error:
                    self.refusals[choice.number] = str(error)
            self.effort.kept.work_out(wanted)
            left = again

    def _bar(self) -> Facts | None:
        """Return what is known of the option that sets the bar; nothing if it has no evaluation."""
        while True:
            try:
                return self.question.bar(self.effort)
            except WantedError as missing:
                self.effort.kept.work_out([missing.task])
            except TcoError:
                return NO_FACTS

    def _nearest(self) -> Trial | None:
        """Return what misses the goals least; what cannot meet them is simulated to say so."""
        hopeless = [f for n, f in self.floors.items() if f.misses and n not in self.trials]
        hopeless.sort(key=lambda floor: (floor.widest_miss, floor.place))
        self._evaluate([floor.choice for floor in hopeless[:NEAREST_TRIED]])
        near = [trial for trial in self.trials.values() if trial.widest_miss < float("inf")]
        return min(near, key=lambda trial: (trial.widest_miss, trial.place), default=None)

    def _found(self) -> Found:
        best = self._best
        nearest = None if best else self._nearest()
        missing = sum(not f.is_feasible for n, f in self.floors.items() if n not in self.trials)
        counts = Counts(
            deployments=len(self.space.choices),
            evaluated=len(self.trials),
            too_dear=len(self.space.choices) - len(self.trials) - missing - len(self.refusals),
            missing_goals=missing,
            refused=len(self.refusals),
        )
        why: dict[str, int] = {}
        for text in self.refusals.values():
            why[text] = why.get(text, 0) + 1
        written = self.trials.get(0)
        return Found(
            self.question.option,
            written,
            tuple(best[: 1 + RUNNERS_UP]),
            nearest,
            dict(sorted(why.items(), key=lambda item: -item[1])),
            counts,
            self.space.not_tried,
        )


def _is_exact(floor: Trial) -> bool:
    """Tell whether a floor is the cost itself, and what simulates it is quick."""
    return all(isinstance(usage, StaticUsage) for usage in floor.usage)


def _commits(choice: Choice) -> bool:
    return getattr(choice.deployment, "commitment", None) is not None


def _least_place(floor: Trial) -> tuple[float, int]:
    """Return the first place that a deployment could take; never later than the one it takes."""
    least_usd = floor.cost_usd - ROUNDING * abs(floor.cost_usd)
    return round(least_usd, 2), floor.choice.number


def cheapest(
    question: Question,
    kept: Kept,
    *,
    tell: Callable[[Progress], None] = _untold,
) -> Found:
    """Find the cheapest deployments of an option that meet its goals.

    Args:
        question: The option and what its cost rests on.
        kept: Where simulated results are kept.
        tell: Is told of the best so far.
    """
    return Search(question, Effort(kept, "quick"), space_of(question), tell).run()
