"""A small plan with machines of one and of two cards in two regions, and every way to serve it."""

from functools import cache
from pathlib import Path
from typing import Any

from tco.errors import TcoError
from tco.hosting import Effort
from tco.optimize.search import Search
from tco.optimize.space import space_of
from tco.optimize.trial import Question, Trial, tried
from tco.prices import Catalog
from tco.tasks import Kept, WantedError
from tests.cases import worked_plans

HEAD = (
    "seller,region,instance_type,accelerator,accelerator_count,accelerator_memory_gib,vcpus,"
    "memory_gib,purchase,plan,price,currency,unit,billing_increment_s,minimum_s,checked_on,source,"
    "evidence"
)
MACHINES = (
    ("acme-cloud,north,gpu-1,Testcard,1,80,8,64", "on_demand,,5.50", 1),
    ("acme-cloud,north,gpu-1,Testcard,1,80,8,64", "commit_1y,reserved,3.40", 1),
    ("acme-cloud,south,gpu-1,Testcard,1,80,8,64", "on_demand,,5.10", 3600),
    ("acme-cloud,south,gpu-2,Testcard,2,80,16,128", "on_demand,,9.00", 1),
    ("beta-cloud,south,cpu-4,,,,16,64", "on_demand,,0.40", 1),
)
BOOT = {"low_s": 60, "likely_s": 120, "high_s": 240, "source": "made up"}
KEPT = Kept()
"""Simulated once for all tests of a process."""


@cache
def catalog(tmp: Path) -> Catalog:
    tmp.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{machine},{price},USD,instance-hour,{billed_s},{max(60, billed_s)},"
        "2026-01-01,made up,published"
        for machine, price, billed_s in MACHINES
    ]
    (tmp / "instances.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    return Catalog.load(worked_plans.DATA.pricing, overlays=[tmp])


def question(tmp: Path, space: dict[str, Any] | None = None, **changes: Any) -> Question:
    """Ask for the cheapest deployment of a small model with some traffic by day."""
    base: dict[str, Any] = {
        "workload": {
            "monthly_requests": None,
            "requests_per_month": 60_000,
            "growth_per_year": 0,
            "profile": {"shape": "nightly", "start_hour_utc": 20, "window_hours": 12},
        },
        "optimize": {"own": {"boot": BOOT, **(space or {})}},
    }
    plan = worked_plans.laid_over(worked_plans.scenario("static-fleet").model_dump(), base)
    scenario = type(worked_plans.scenario("static-fleet")).model_validate(
        worked_plans.laid_over(plan, changes)
    )
    return Question(scenario, "own", catalog(tmp), worked_plans.measurements())


def search(asked: Question) -> Search:
    return Search(asked, Effort(KEPT, "quick"), space_of(asked))


def all_tried(asked: Question) -> dict[int, Trial | str]:
    """Simulate every deployment of the space; a text says why one cannot be."""
    found: dict[int, Trial | str] = {}
    effort = Effort(KEPT, "quick")
    for choice in space_of(asked).choices:
        while choice.number not in found:
            try:
                found[choice.number] = tried(asked, choice, effort, asked.bar(effort))
            except WantedError as missing:
                KEPT.work_out([missing.task])
            except TcoError as error:
                found[choice.number] = str(error)
    return found


def goal(ms: float) -> dict[str, Any]:
    return {"goals": {"latency_ms": {"p95": ms}}}


def check_against_all(asked: Question) -> list[Trial]:
    """Hold a search against trying everything; return the trials that meet the goals in order."""
    made = search(asked)
    found = made.run()
    everything = all_tried(asked)
    trials = {n: trial for n, trial in everything.items() if isinstance(trial, Trial)}
    meet = sorted((t for t in trials.values() if t.is_feasible), key=lambda t: t.place)
    best = None if found.best is None else found.best.place
    assert best == (meet[0].place if meet else None)
    for number, trial in trials.items():
        floor = made.floors[number]
        assert floor.cost_usd <= trial.cost_usd * (1 + 1e-9), trial.choice.words
        assert floor.is_feasible or not trial.is_feasible, trial.choice.words
    assert found.counts.deployments == len(everything)
    parts = (found.counts.evaluated, found.counts.too_dear, found.counts.missing_goals)
    assert sum(parts) + found.counts.refused == len(everything)
    return meet
