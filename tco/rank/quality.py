"""Which quality figures may be compared, and what to be wary of in those that may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tco.domain.goals import QualityGoal
from tco.domain.snapshot import Metric

VALIDATION, TEST = "validation", "test"


@dataclass(frozen=True, slots=True)
class Comparable:
    """Figures on a goal's own test set, or why there is none."""

    metrics: tuple[Metric, ...]
    why: str


def comparable(goal: QualityGoal, known: Sequence[Metric]) -> Comparable:
    """Return the test figures for the same metric, task and test set as a goal's."""
    name = f"{goal.metric} on {goal.test_set}"
    named = [metric for metric in known if metric.name == goal.metric]
    same = [
        metric
        for metric in named
        if (metric.task, metric.test_set, metric.test_set_digest)
        == (goal.task, goal.test_set, goal.test_set_digest)
    ]
    tested = tuple(metric for metric in same if metric.split == TEST)
    if tested:
        return Comparable(tested, "")
    if same:
        return Comparable((), f"only a validation figure for {name}")
    if not named:
        return Comparable((), f"no figure for {name}")
    other = named[0]
    if (other.task, other.test_set) == (goal.task, goal.test_set):
        return Comparable((), f"not comparable: its {name} was taken on other contents of the set")
    return Comparable((), f"not comparable: its {goal.metric} is of {other.task}, {other.test_set}")


def tested_value(goal: QualityGoal, known: Sequence[Metric]) -> float | None:
    """Return the weakest comparable test figure; None if there is none."""
    found = comparable(goal, known).metrics
    return min((metric.value for metric in found), default=None)


def warnings(known: Sequence[Metric]) -> tuple[str, ...]:
    """Say what to be wary of: overfitting, and scores on public sets.

    A test figure below the interval of its validation figure is flagged; where validation has no
    interval, the test figure's own must lie below it.
    """
    found = []
    for metric in known:
        if metric.is_public_benchmark:
            found.append(
                f"{metric.name} {metric.value:g} is a public benchmark score ({metric.test_set}), "
                "not one on your own task"
            )
        if metric.split != TEST:
            continue
        for before in known:
            if (before.split, before.name, before.task) != (VALIDATION, metric.name, metric.task):
                continue
            floor = before.low if before.low is not None else before.value
            ceiling = metric.value if before.low is not None else metric.high
            if ceiling is not None and ceiling < floor:
                found.append(
                    f"{metric.name} falls from {before.value:g} in validation to {metric.value:g} "
                    "in the test, more than its interval allows: overfit"
                )
    return tuple(dict.fromkeys(found))
