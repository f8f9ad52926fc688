"""One scenario: a business question, its traffic and goals, and options that could answer it."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tco.domain.business import Business
from tco.domain.criteria import Criteria, TypedScore
from tco.domain.deployment import ComposedDeployment, Deployment, Switching
from tco.domain.goals import Goals, StatedFacts
from tco.domain.history import ExperimentHistory
from tco.domain.lifecycle import Lifecycle
from tco.domain.months import MonthNumber
from tco.domain.organisation import Organisation
from tco.domain.price import PricePath
from tco.domain.record import Identifier, Record, Text, UsdEstimate, wrong_at
from tco.domain.route import RouteDeployment
from tco.domain.search_space import SearchSpace
from tco.domain.snapshot import Metric, Snapshot
from tco.domain.workload import Workload
from tco.units import month_start

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


PAYROLL = "payroll"
"""Seller of one's own people's hours, for discounts and price paths."""


class Candidate(Record):
    """One option: a snapshot and how it is served, with what only this option costs."""

    title: Text
    snapshot: Identifier | None = Field(
        default=None, description="absent for cascades, routes and stages"
    )
    deployment: Deployment
    only_in_routes: bool = Field(
        default=False,
        description="whether it answers nothing by itself, such as a search before an answer: a "
        "step of routes, never ranked",
    )
    lifecycle: Lifecycle = Lifecycle()
    quality: tuple[Metric, ...] = ()
    facts: StatedFacts = StatedFacts()
    scores: dict[Identifier, TypedScore] = Field(
        default_factory=dict,
        description="scores by criterion that no figure yields, each with its reason",
    )

    @model_validator(mode="after")
    def _names_a_snapshot(self) -> Self:
        is_composed = isinstance(self.deployment, ComposedDeployment)
        if is_composed and self.snapshot is not None:
            raise ValueError("an option that is made of others takes its snapshots from them")
        if not is_composed and self.snapshot is None:
            raise ValueError("snapshot is missing")
        if is_composed and self.only_in_routes:
            raise ValueError("only_in_routes goes with a plain option, which a route is made of")
        return self


class Incumbent(Record):
    """What runs today: ranked as 'keep as is'."""

    title: Text
    last_month_requests: Annotated[float, Field(gt=0, le=1e15)]
    last_month_bill_usd: UsdEstimate
    fixed_share: Annotated[float, Field(ge=0, le=1)] = Field(
        description="share of the bill that does not follow volume [-]"
    )
    contract_end_month: MonthNumber | None = Field(
        default=None, description="month of the horizon in which its contract ends"
    )
    option: Identifier | None = Field(
        default=None,
        description="option that describes what runs today: its modelled month stands beside the "
        "bill; absent: the bill alone is known",
    )
    source: Text


class Scenario(Record):
    """One way the world may go for one use case, resolved: organisation and snapshots inside."""

    format: Literal["scenario/1"]
    use_case: Identifier
    name: Identifier
    title: Text
    question: Text = Field(description="what the people who decide want to know")
    start: Annotated[date, Field(ge=EARLIEST, le=LATEST)] = Field(
        description="first day of the first month, UTC"
    )
    horizon_months: Annotated[int, Field(ge=1, le=120)]
    price_date: Annotated[date, Field(ge=EARLIEST, le=LATEST)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 20261121
    workload: Workload
    goals: Goals
    criteria: Criteria | None = None
    candidates: Annotated[dict[Identifier, Candidate], Field(min_length=1)]
    lifecycle: Lifecycle = Field(
        default=Lifecycle(), description="what every option costs alike, the incumbent too"
    )
    incumbent: Incumbent | None = None
    business: Business | None = Field(
        default=None,
        description="what answers are worth, what faults cost and whose requests they are; beside "
        "the total cost, never in it",
    )
    price_paths: dict[Identifier, PricePath] = Field(
        default_factory=dict,
        description="yearly drift, shocks, end of sale by pattern, such as openai/* or people.*; a "
        "price follows the narrowest drift that names it, and the shocks of every path that does",
    )
    organisation: Organisation
    snapshots: dict[Identifier, Snapshot]
    histories: dict[Identifier, ExperimentHistory] = Field(
        default_factory=dict,
        description="tracked runs that options refer to, from scenarios/histories",
    )
    staging: Switching | None = Field(
        default=None,
        description="what any switch between two options takes, for the staged plans that "
        "'tco rank --break-even' proposes; no part of the question",
    )
    optimize: dict[Identifier, SearchSpace] = Field(
        default_factory=dict,
        description="deployments that 'tco optimize' tries, by option; no part of the question",
    )

    @property
    def id(self) -> str:
        """Use case and name, as people type it."""
        return f"{self.use_case}/{self.name}"

    @property
    def months(self) -> tuple[date, ...]:
        """First day of each month of the horizon."""
        return _months(self.start, self.horizon_months)

    @property
    def digest(self) -> str:
        """sha256 of the resolved canonical JSON, but for where a cheaper plan is sought."""
        question = self.model_dump(mode="json", exclude={"optimize", "staging"})
        canonical = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def illustrative(self) -> bool:
        """Whether any figure of the scenario is assumed."""
        return _holds_an_assumption(self.model_dump(mode="python"))

    @property
    def options(self) -> tuple[str, ...]:
        """The candidates that could answer by themselves; the others are steps of routes."""
        return tuple(name for name, known in self.candidates.items() if not known.only_in_routes)

    @field_validator("start")
    @classmethod
    def _is_first_of_a_month(cls, start: date) -> date:
        if start.day != 1:
            raise ValueError("not the first of a month")
        return start

    @field_validator("workload")
    @classmethod
    def _covers_the_horizon(cls, workload: Workload, fields: ValidationInfo) -> Workload:
        table, months = workload.monthly_requests, fields.data.get("horizon_months")
        if table is not None and months is not None and len(table) != months:
            says = f"has {len(table)} months, the horizon {months}"
            raise wrong_at("monthly_requests", says=says)
        return workload

    @model_validator(mode="after")
    def _knows_what_runs_today(self) -> Self:
        described = None if self.incumbent is None else self.incumbent.option
        if described is not None and described not in self.candidates:
            says = f"no option '{described}'; there are {', '.join(self.candidates)}"
            raise wrong_at("incumbent", "option", says=says)
        return self

    @model_validator(mode="after")
    def _knows_its_baseline(self) -> Self:
        baseline = self.goals.baseline
        if baseline is not None and baseline.option not in self.candidates:
            says = f"no option '{baseline.option}'; there are {', '.join(self.candidates)}"
            raise wrong_at("goals", "baseline", "option", says=says)
        return self

    @model_validator(mode="after")
    def _sends_classes_that_come(self) -> Self:
        known = self.workload.classes or {}
        for option, candidate in self.candidates.items():
            if not isinstance(candidate.deployment, RouteDeployment):
                continue
            for name, step in candidate.deployment.steps.items():
                for kind in step.escalate_by_class or {}:
                    if kind not in known:
                        says = f"no class '{kind}'; the workload has {', '.join(known) or 'none'}"
                        at = ("candidates", option, "deployment", "steps", name)
                        raise wrong_at(*at, "escalate_by_class", says=says)
        return self

    @model_validator(mode="after")
    def _optimizes_its_options(self) -> Self:
        for option in self.optimize:
            if option not in self.candidates:
                says = f"no option '{option}'; there are {', '.join(self.candidates)}"
                raise wrong_at("optimize", option, says=says)
        return self


@lru_cache(maxsize=64)
def _months(start: date, count: int) -> tuple[date, ...]:
    return tuple(month_start(start, k) for k in range(count))


def _holds_an_assumption(value: Any) -> bool:
    if isinstance(value, dict):
        if value.get("evidence") == "assumed":
            return True
        return any(_holds_an_assumption(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_an_assumption(part) for part in value)
    return False
