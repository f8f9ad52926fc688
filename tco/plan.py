"""The whole way from a scenario to a ranking, in one function: read ``evaluate`` first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import pandas as pd

from tco.assemble import INCUMBENT, Built, build_incumbent, build_option
from tco.data import data_folder
from tco.domain.cost import Basis
from tco.domain.loading import Library
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.errors import TcoError
from tco.hosting import Effort, Usage
from tco.ledger import book
from tco.ledger.expression import Expression, Series, driver
from tco.ledger.model import CostLine, CostModel
from tco.ledger.option import likely_months
from tco.ledger.volume import monthly_requests
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.rank.breakeven import CostAt
from tco.rank.headline import Headline, headline
from tco.rank.outlook import Outlook
from tco.rank.scope import Scope, cheapest_within, model_within, ranking_within, rows_within
from tco.rank.score import Answer, OptionProfile, Ranking, Terms, rank_options
from tco.rank.uncertainty import DRAWS
from tco.rank.view import View
from tco.rank.work import work_of
from tco.tasks import Kept, WantedError, Watch
from tco.traffic.rate import event_factors


@dataclass(frozen=True, slots=True)
class Settings:
    """How to evaluate; nothing here changes the question."""

    basis: Basis = Basis.ACCRUAL
    fidelity: Literal["quick", "full"] = "quick"
    """quick: a ladder of sampled weeks; full: every request of every month."""
    cache: Path | None = None
    """Folder for simulated results; None: nothing is kept."""
    draws: int = DRAWS
    """How often uncertain figures are drawn, beside the likely case."""
    watch: Watch | None = None
    """Through which somebody follows and may stop the simulation."""
    kept: Kept | None = None
    """Where simulated results come from, in place of ``cache`` and ``watch``."""


@dataclass(frozen=True)
class Evaluation:
    """The answer to one scenario: the cost model, its ledger and the ranking drawn from it."""

    scenario: Scenario
    settings: Settings
    model: CostModel
    ledger: pd.DataFrame
    requests: Expression
    ranking: Ranking
    usage: dict[str, tuple[Usage, ...]]
    catalog_digest: str
    measurements_digest: str

    @property
    def requests_answered(self) -> float:
        """Requests over the horizon, likely case [-]."""
        return float(likely_months(self.requests, self.scenario.horizon_months).sum())

    @cached_property
    def terms(self) -> Terms:
        """How money is counted."""
        return _terms(self.scenario, self.requests_answered, self.settings)

    @cached_property
    def headline(self) -> Headline | None:
        """The cheapest option and what it is held against; None where nothing is ranked."""
        return headline(self.outlook, self.ledger)

    @cached_property
    def cheapest_by_scope(self) -> dict[Scope, Answer]:
        """The option that would be cheapest if other cost counted."""
        return cheapest_within(self.ranking, self.ledger, self.terms)

    @cached_property
    def outlook(self) -> Outlook:
        """Ranges, flip values and what else follows, worked out when asked for."""
        organisation = self.scenario.organisation
        name = "organisation.discount_rate_per_year"
        rate = driver(name, "1/year", organisation.discount_rate_per_year)
        ranked = self.model.of(answer.option for answer in self.ranking.options)
        hours = organisation.hours_per_fte_year.likely
        return Outlook(
            self.scenario,
            self.ranking,
            View(ranked, self.settings.basis, rate),
            work_of(self.model, hours_per_fte_year=hours),
            self.settings.draws,
        )


def evaluate(
    scenario: Scenario,
    catalog: Catalog,
    measurements: Measurements,
    *,
    settings: Settings | None = None,
) -> Evaluation:
    """Rank the options of a scenario by total cost of ownership.

    Traffic and usage are simulated for each option, turned into lines of the one cost model with
    the prices of the day, and held against the goals. An option that cannot be evaluated is left
    out with its reason; it never becomes a number.
    """
    settings = settings or Settings()
    kept = settings.kept or Kept(settings.cache, settings.watch)
    effort = Effort(kept, settings.fidelity)
    measurements = measurements.with_hardware(catalog.accelerators)
    requests = requests_of(scenario)
    answered = float(likely_months(requests, scenario.horizon_months).sum())
    if answered == 0:
        raise TcoError(
            f"the workload of {scenario.id} has no request in any of its {scenario.horizon_months} "
            "months, so there is nothing to plan; state a volume"
        )
    lines: list[CostLine] = []
    profiles: list[OptionProfile] = []
    usage: dict[str, tuple[Usage, ...]] = {}
    left_out: dict[str, tuple[str, str]] = {}
    for option, built in _build(scenario, requests, catalog, measurements, effort).items():
        if isinstance(built, TcoError):
            left_out[option] = (scenario.candidates[option].title, str(built))
            continue
        lines += built.lines
        profiles.append(built.profile)
        usage[option] = built.usage
    if scenario.incumbent is not None:
        try:
            built = build_incumbent(scenario, requests, catalog)
        except TcoError as error:
            left_out[INCUMBENT] = (scenario.incumbent.title, str(error))
        else:
            lines += built.lines
            profiles.append(built.profile)
    model = CostModel(scenario.months, tuple(lines))
    rows = book.ledger(model, tags=scenario.organisation.tags)
    broken = book.findings(rows)
    if broken:
        raise TcoError("the ledger breaks its own rules: " + "; ".join(broken))
    ranking = rank_options(
        profiles,
        rows,
        scenario.goals,
        left_out,
        work_of(model, hours_per_fte_year=scenario.organisation.hours_per_fte_year.likely),
        _terms(scenario, answered, settings),
    )
    return Evaluation(
        scenario,
        settings,
        model,
        rows,
        requests,
        ranking,
        usage,
        catalog.digest,
        measurements.digest,
    )


def in_scope(found: Evaluation, scope: Scope) -> Evaluation:
    """Return an evaluation with the lines that count under a scope alone."""
    if scope is Scope.ALL:
        return found
    rows = rows_within(found.ledger, scope)
    return replace(
        found,
        model=model_within(found.model, scope),
        ledger=rows,
        ranking=ranking_within(found.ranking, rows, found.terms),
    )


def with_draws(found: Evaluation, draws: int) -> Evaluation:
    """Return an evaluation whose ranges rest on another number of draws."""
    return replace(found, settings=replace(found.settings, draws=draws))


def _terms(scenario: Scenario, answered: float, settings: Settings) -> Terms:
    rate = scenario.organisation.discount_rate_per_year.likely
    return Terms(scenario.months, answered, settings.basis, rate)


def _build(
    scenario: Scenario,
    requests: Expression,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
) -> dict[str, Built | TcoError]:
    """Build every option, or say why not; simulations that are missing are worked out together."""
    found: dict[str, Built | TcoError] = {}
    left = list(scenario.options)
    while left:
        wanted = {}
        for option in left:
            try:
                found[option] = build_option(
                    scenario, option, requests, catalog, measurements, effort
                )
            except WantedError as missing:
                wanted[option] = missing.task
            except TcoError as error:
                found[option] = error
        effort.kept.work_out(list(wanted.values()))
        left = list(wanted)
    return {option: found[option] for option in scenario.options}


def requests_of(scenario: Scenario) -> Expression:
    """Return the requests of each month [1/month]; dated events come on top of the volume."""
    workload, horizon = scenario.workload, scenario.horizon_months
    requests = monthly_requests(workload, horizon)
    if not workload.events:
        return requests
    factors = tuple(float(f) for f in event_factors(workload, scenario.start, horizon))
    titles = "; ".join(event.title for event in workload.events)
    return requests * Series("workload.events", "-", factors, Evidence.STATED, titles)


def costs_at_volume(
    found: Evaluation, factor: float, catalog: Catalog, measurements: Measurements
) -> dict[str, float]:
    """Evaluate a plan anew at a multiple of its volume; return the cost of each option [USD].

    Only options that still meet every goal but the budget are there: a fleet that cannot carry the
    volume as it is described has no cost at it.
    """
    scenario = found.scenario
    scaled = scenario.model_copy(update={"workload": scenario.workload.scaled(factor)})
    ranking = evaluate(scaled, catalog, measurements, settings=found.settings).ranking
    answers = [*ranking.options]
    answers += [a for a in ranking.excluded if {miss.goal for miss in a.misses} == {"budget"}]
    return {a.option: a.money.basis_usd for a in answers if a.money is not None}


def volumes(found: Evaluation, catalog: Catalog, measurements: Measurements) -> CostAt:
    """Return what evaluates a plan at multiples of its volume; each is evaluated once."""

    @cache
    def cost_at(factor: float) -> dict[str, float]:
        return costs_at_volume(found, factor, catalog, measurements)

    return cost_at


def load_scenario(name: str | Path, *, data: Path | None = None) -> Scenario:
    """Load a scenario by 'use-case/name' from the data folder, or by path.

    Args:
        name: ``ticket-classification/base``, or a file that ends in ``.yaml``.
        data: Folder with ``pricing/``, ``scenarios/`` and ``benchmarks/``; found if not given.
    """
    library = Library(data_folder(data).scenarios)
    return library.load_scenario(library.find(str(name)))


def rank(
    scenario: str | Path | Scenario,
    *,
    data: Path | None = None,
    settings: Settings | None = None,
) -> Ranking:
    """Rank a scenario's options with the prices and measurements of the data folder."""
    folder = data_folder(data)
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, data=data)
    catalog, measurements = Catalog.load(folder.pricing), Measurements.load(folder.benchmarks)
    return evaluate(scenario, catalog, measurements, settings=settings).ranking
