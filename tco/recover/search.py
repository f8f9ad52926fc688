"""What would recover waste: every measure evaluated for itself, and all chosen ones together.

Nothing is estimated from shares of a bill: a measure changes the scenario, and the changed scenario
is simulated and priced anew. Savings overlap, so they are never summed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tco.domain.scenario import Scenario
from tco.errors import NotFoundError, TcoError
from tco.ledger.waste import CapacityUse, capacity_by_option, capacity_use
from tco.measure.library import Measurements
from tco.plan import Evaluation
from tco.prices import Catalog
from tco.rank.score import Answer
from tco.recover.bench import Bench
from tco.recover.measures import Measure, places, variants

LEAST_INSTANCES = 2
HALF_A_CENT = 0.005


class Verdict(StrEnum):
    """What came of trying a measure."""

    SAVES = "saves"
    SAVES_NOTHING = "saves nothing"
    COSTS_MORE = "costs more"
    BREAKS_A_GOAL = "breaks a goal"
    UNTOLD = "cannot be evaluated"
    NOTHING_TO_CHANGE = "nothing to change"


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a scenario, before and after."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Trial:
    """One measure alone, in its cheapest form that still does what the plan does."""

    measure: Measure
    verdict: Verdict
    saved_usd: float | None = None
    """On the basis of the plan; below zero where it costs more."""
    changes: tuple[Change, ...] = ()
    reasons: tuple[str, ...] = ()
    """Goals that its last form missed, or why that cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class CauseRecovery:
    """One cause of waste, as it is and as it would be with all chosen measures taken [USD]."""

    cause: str
    usd: float
    left_usd: float

    @property
    def recovered_usd(self) -> float:
        """What the chosen measures recover; below zero for a cause that they bring about."""
        return self.usd - self.left_usd


@dataclass(frozen=True, slots=True)
class Recovery:
    """What would recover an option's waste, and what stays."""

    option: str
    before: CapacityUse
    after: CapacityUse
    """With all chosen measures taken together."""
    trials: tuple[Trial, ...]
    chosen: tuple[Measure, ...]
    """Measures taken together, in the order in which they are taken."""
    changes: tuple[Change, ...]
    saved_usd: float
    """Of all chosen measures together, on the plan's basis; savings by measure do not add up."""

    @property
    def causes(self) -> tuple[CauseRecovery, ...]:
        """Every cause before or after, the dearest first."""
        now, then = self.before.by_cause_usd(), self.after.by_cause_usd()
        return tuple(
            CauseRecovery(cause, now.get(cause, 0.0), then.get(cause, 0.0))
            for cause in dict.fromkeys((*now, *then))
        )

    @property
    def recoverable_usd(self) -> float:
        """Waste that the chosen measures take away together [USD]."""
        return self.before.lost_usd - self.after.lost_usd

    @property
    def left_usd(self) -> float:
        """Waste that stays [USD]."""
        return self.after.lost_usd


def recover(
    found: Evaluation,
    option: str,
    catalog: Catalog,
    measurements: Measurements,
    *,
    chosen: Iterable[Measure] | None = None,
    least_instances: int = LEAST_INSTANCES,
    tell: Callable[[str], None] | None = None,
) -> Recovery:
    """Try every measure on an option alone, then the chosen ones together.

    Args:
        found: The plan, evaluated; its settings hold for every trial.
        option: One of its candidates.
        catalog: Prices.
        measurements: Measured speed and energy.
        chosen: Measures to try, and to take together in this order; by default all are tried and
            those that save are taken, the best first, each if it still saves beside those before.
        least_instances: Machines that a fleet of as many or more keeps, so that one may fail.
        tell: Is told what is tried, before it is.
    """
    candidates = found.scenario.candidates
    if option not in candidates:
        raise NotFoundError("candidate", option, candidates, "Only candidates can be changed.")
    bench = Bench.of(found, option, catalog, measurements, least_instances)
    if bench.today.money is None:
        raise TcoError(f"'{option}' could not be evaluated: {'; '.join(bench.today.reasons)}")
    wanted = None if chosen is None else tuple(dict.fromkeys(chosen))
    trials = []
    for measure in wanted or tuple(Measure):
        if tell is not None:
            tell(f"waste of {option}: trying {measure} alone")
        trials.append(_tried(bench, measure))
    if tell is not None:
        tell(f"waste of {option}: taking measures together")
    if wanted is None:
        best_first = sorted(
            (trial for trial in trials if trial.verdict is Verdict.SAVES),
            key=lambda trial: -(trial.saved_usd or 0.0),
        )
        changed, taken = _together(bench, [x.measure for x in best_first], only_if_it_saves=True)
    else:
        changed, taken = _together(bench, wanted, only_if_it_saves=False)
    return Recovery(
        option,
        before=capacity_use(bench.evaluated(bench.scenario).ledger, option),
        after=capacity_use(bench.evaluated(changed).ledger, option),
        trials=tuple(trials),
        chosen=taken,
        changes=tuple(_changes(bench.scenario, changed)),
        saved_usd=_usd(bench, bench.scenario) - _usd(bench, changed),
    )


def cheapest_that_wastes(found: Evaluation) -> str | None:
    """Return the first of the ranking that wastes anything; of none ranked, the first at all."""
    used = capacity_by_option(found.ledger)
    ranked = [answer.option for answer in found.ranking.options]
    for name in (*ranked, *used):
        if name in used and used[name].lost_usd > 0 and name in found.scenario.candidates:
            return name
    return None


def _usd(bench: Bench, scenario: Scenario) -> float:
    usd = bench.usd(scenario)
    assert usd is not None
    return usd


def _tried(bench: Bench, measure: Measure) -> Trial:
    """Try one measure on the plan as it is."""
    best, refused = _taken(bench, bench.scenario, measure)
    if best is None and refused is None:
        return Trial(measure, Verdict.NOTHING_TO_CHANGE)
    if best is None:
        assert refused is not None
        works = refused.money is not None
        verdict = Verdict.BREAKS_A_GOAL if works else Verdict.UNTOLD
        return Trial(measure, verdict, reasons=refused.reasons)
    saved = _usd(bench, bench.scenario) - _usd(bench, best)
    if abs(saved) < HALF_A_CENT:
        return Trial(measure, Verdict.SAVES_NOTHING)
    verdict = Verdict.SAVES if saved > 0 else Verdict.COSTS_MORE
    return Trial(measure, verdict, saved, tuple(_changes(bench.scenario, best)))


def _taken(
    bench: Bench, scenario: Scenario, measure: Measure
) -> tuple[Scenario | None, Answer | None]:
    """Return the plan with a measure taken in its cheapest form, or an answer that it refused.

    Of several fleets each is changed where that saves; where none does, the least dear is returned.
    """
    changed, dearer = scenario, []
    refused: Answer | None = None
    for place in places(measure, bench):
        best: Scenario | None = None
        for variant in variants(measure, changed, place, bench):
            if not bench.still_does(variant):
                refused = bench.answer(variant)
            elif best is None or _usd(bench, variant) < _usd(bench, best):
                best = variant
        if best is not None and _usd(bench, best) < _usd(bench, changed):
            changed = best
        elif best is not None:
            dearer.append(best)
    if changed is not scenario:
        return changed, None
    return min(dearer, key=lambda plan: _usd(bench, plan), default=None), refused


def _together(
    bench: Bench, measures: Iterable[Measure], *, only_if_it_saves: bool
) -> tuple[Scenario, tuple[Measure, ...]]:
    """Take measures one after the other, each on the plan as those before it left it."""
    scenario, taken = bench.scenario, []
    for measure in measures:
        changed, refused = _taken(bench, scenario, measure)
        if changed is None:
            if not only_if_it_saves and refused is not None:
                why = "; ".join(refused.reasons)
                raise TcoError(f"{measure} cannot be taken after those before it: {why}")
            continue
        if only_if_it_saves and _usd(bench, scenario) - _usd(bench, changed) < HALF_A_CENT:
            continue
        scenario = changed
        taken.append(measure)
    return scenario, tuple(taken)


# ---- what was changed ---------------------------------------------------------------------------


def _changes(before: Scenario, after: Scenario) -> Iterator[Change]:
    """Yield every value that differs, under its path in the scenario."""
    yield from _differing("", before.model_dump(mode="json"), after.model_dump(mode="json"))


def _differing(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}.{key}" if path else str(key)
            yield from _differing(inner, before.get(key), after.get(key))
        return
    yield Change(path, before, after)
