"""What one deployment costs and whether it meets the goals, through the one cost model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tco.assemble import build_option
from tco.domain.cost import Basis
from tco.domain.goals import Goals
from tco.domain.scenario import Scenario
from tco.errors import TcoError
from tco.hosting import Effort, Usage
from tco.ledger.expression import Expression, driver
from tco.ledger.model import CostModel
from tco.measure.library import Measurements
from tco.optimize.choice import Choice
from tco.plan import requests_of
from tco.prices import Catalog
from tco.rank.goals import Facts, Miss, Work, judge
from tco.rank.view import View
from tco.rank.work import work_of

CENTS = 2


@dataclass(frozen=True)
class Question:
    """One option of a scenario, and all that its cost rests on."""

    scenario: Scenario
    option: str
    catalog: Catalog
    measurements: Measurements
    basis: Basis = Basis.ACCRUAL

    @cached_property
    def measured(self) -> Measurements:
        """The measurements with the data-sheet figures of the catalogue."""
        return self.measurements.with_hardware(self.catalog.accelerators)

    @cached_property
    def requests(self) -> Expression:
        """Requests of each month [1/month]."""
        return requests_of(self.scenario)

    @cached_property
    def priced(self) -> frozenset[tuple[str, ...]]:
        """Seller, region, instance type and purchase of all that has a price on the day."""
        on = self.scenario.price_date
        names = ("seller", "region", "instance_type", "purchase")
        return frozenset(
            tuple(str(entry.values[name]) for name in names)
            for entry in self.catalog.rows("instances")
            if entry.start <= on
        )

    def bar(self, effort: Effort) -> Facts | None:
        """Return what is known of the option that sets the bar; None where no other does."""
        baseline = self.scenario.goals.baseline
        if baseline is None or baseline.option == self.option:
            return None
        built = build_option(
            self.scenario,
            baseline.option,
            self.requests,
            self.catalog,
            self.measured,
            effort,
        )
        return built.profile.facts


@dataclass(frozen=True, slots=True)
class Trial:
    """A deployment evaluated: its cost, and what keeps it from being chosen."""

    choice: Choice
    cost_usd: float
    """On the question's basis."""
    misses: tuple[Miss, ...]
    unproven: tuple[str, ...]
    p95_ms: float | None
    usage: tuple[Usage, ...]

    @property
    def is_feasible(self) -> bool:
        """Whether it meets every goal with known figures."""
        return not self.misses and not self.unproven

    @property
    def place(self) -> tuple[float, int]:
        """Order by cost to the cent, then by place in the space."""
        return round(self.cost_usd, CENTS), self.choice.number

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it cannot be chosen."""
        return (*(miss.text for miss in self.misses), *self.unproven)

    @property
    def widest_miss(self) -> float:
        """The largest share by which it misses a goal [-]; infinite where no number mends it."""
        shares = [float("inf") if miss.by is None else miss.by for miss in self.misses]
        return float("inf") if self.unproven else max(shares, default=0.0)


def _total_usd(view: View, option: str) -> float:
    """Return the likely cost [USD]; what needs nothing at the least has no line."""
    totals = view.totals_usd({})
    return float(totals[option][0]) if option in totals else 0.0


def _asks_for_work(goals: Goals) -> bool:
    """Tell whether a goal is set on people, time or carbon."""
    asked = (goals.co2e_kg_at_most, goals.ready_by_month, goals.team_fte)
    return any(goal is not None for goal in asked)


def tried(question: Question, choice: Choice, effort: Effort, bar: Facts | None) -> Trial:
    """Evaluate a deployment.

    Args:
        question: The option and what its cost rests on.
        choice: How it is served.
        effort: Where simulated results come from.
        bar: What is known of the option that sets the bar.

    Raises:
        WantedError: If its simulation has not been worked out yet.
        TcoError: If it cannot be evaluated, with the reason.
    """
    scenario = choice.applied_to(question.scenario, question.option)
    built = build_option(
        scenario,
        question.option,
        question.requests,
        question.catalog,
        question.measured,
        effort,
    )
    model = CostModel(scenario.months, tuple(built.lines))
    organisation = scenario.organisation
    rate = driver(
        "organisation.discount_rate_per_year", "1/year", organisation.discount_rate_per_year
    )
    nominal_usd = _total_usd(View(model, Basis.CASH, rate), question.option)
    cost_usd = nominal_usd
    if question.basis is Basis.PRESENT_VALUE:
        cost_usd = _total_usd(View(model, question.basis, rate), question.option)
    if not cost_usd < float("inf"):
        raise TcoError("its cost has no figure")
    work = Work()
    if _asks_for_work(scenario.goals):
        hours = organisation.hours_per_fte_year.likely
        work = work_of(model, hours_per_fte_year=hours).get(question.option, work)
    facts = built.profile.facts
    verdict = judge(scenario.goals, facts, nominal_usd, work, bar)
    latency = facts.latency
    return Trial(
        choice,
        cost_usd,
        tuple(verdict.misses),
        tuple(verdict.unproven),
        None if latency is None else latency.ms.get("p95"),
        built.usage,
    )
