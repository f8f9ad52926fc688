"""What a scenario names has to be in it: options of steps, sellers of price paths, its months."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tco.domain.deployment import (
    CascadeDeployment,
    ComposedDeployment,
    Deployment,
    StagedDeployment,
)
from tco.domain.route import RouteDeployment
from tco.domain.scenario import Scenario
from tco.domain.source import Document, Path_
from tco.errors import Finding, nearest


def broken_references(scenario: Scenario, document: Document) -> list[Finding]:
    """Find what names nothing in a scenario, and months after its end."""
    findings = []
    plain = {
        option
        for option, candidate in scenario.candidates.items()
        if not isinstance(candidate.deployment, ComposedDeployment)
    }
    for option, candidate in scenario.candidates.items():
        deployment = candidate.deployment
        for path, name in _named_in(deployment):
            if name not in plain:
                problem = "has steps of its own" if name in scenario.candidates else "is no option"
                at = ("candidates", option, "deployment", *path, "option")
                findings.append(
                    document.finding(
                        at, f"'{name}' {problem}", "name a plain option", nearest(name, plain)
                    )
                )
    used = {
        name
        for candidate in scenario.candidates.values()
        for _, name in _named_in(candidate.deployment)
    }
    for option, candidate in scenario.candidates.items():
        if candidate.only_in_routes and option not in used:
            at = ("candidates", option, "only_in_routes")
            problem, action = "no route goes through it", "name it in a step, or take it out"
            findings.append(document.finding(at, problem, action))
    for name, snapshot in scenario.snapshots.items():
        if snapshot.id != name:
            problem = f"'{snapshot.id}' in the snapshot '{name}'"
            at = ("snapshots", name, "id")
            findings.append(document.finding(at, problem, "make the two agree"))
    return findings + _idle_paths(scenario, document) + _months_outside(scenario, document)


def _named_in(deployment: Deployment) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the options that a deployment names, each with its place in it."""
    if isinstance(deployment, CascadeDeployment):
        return [(("steps", k), step.option) for k, step in enumerate(deployment.steps)]
    if isinstance(deployment, RouteDeployment):
        return [(("steps", name), step.option) for name, step in deployment.steps.items()]
    if isinstance(deployment, StagedDeployment):
        return [(("stages", k), stage.option) for k, stage in enumerate(deployment.stages)]
    return []


def _idle_paths(scenario: Scenario, document: Document) -> list[Finding]:
    """Find patterns of price paths that name nothing an option buys: they would change nothing.

    A pattern with a slash names a listed price by its seller; what stands before is checked.
    """
    known = set(_sellers_in(scenario.model_dump()))
    return [
        document.finding(
            ("price_paths", name, "applies_to", number),
            f"no option buys from '{seller}'",
            "name a seller or API provider of an option, such as openai/*, or people.*",
            nearest(seller, known),
        )
        for name, path in scenario.price_paths.items()
        for number, pattern in enumerate(path.applies_to)
        for seller, slash, _ in [pattern.partition("/")]
        if slash and not any(fnmatchcase(buyable, seller) for buyable in known)
    ]


def _sellers_in(part: Any) -> Iterator[str]:
    """Yield every seller and API provider that a plan names."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("seller", "provider") and isinstance(value, str):
                yield value
            else:
                yield from _sellers_in(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _sellers_in(value)


def _months_outside(scenario: Scenario, document: Document) -> list[Finding]:
    horizon = scenario.horizon_months
    holders: list[tuple[Path_, Any]] = [(("lifecycle",), scenario.lifecycle)]
    holders += [
        (("candidates", option, "lifecycle"), candidate.lifecycle)
        for option, candidate in scenario.candidates.items()
    ]
    months: list[tuple[Path_, int | None]] = []
    for path, lifecycle in holders:
        months += [
            ((*path, "one_off", name, "month"), item.month)
            for name, item in lifecycle.one_off.items()
        ]
        for group in ("people", "monthly"):
            for name, item in getattr(lifecycle, group).items():
                here = (*path, group, name, "months")
                months += [
                    ((*here, "first"), item.months.first),
                    ((*here, "last"), item.months.last),
                ]
    months += [
        (("price_paths", name, "shocks", number, "month"), shock.month)
        for name, path in scenario.price_paths.items()
        for number, shock in enumerate(path.shocks)
    ]
    for option, candidate in scenario.candidates.items():
        if isinstance(candidate.deployment, StagedDeployment):
            path = ("candidates", option, "deployment", "stages")
            months += [
                ((*path, number, "from_month"), stage.from_month)
                for number, stage in enumerate(candidate.deployment.stages)
            ]
    return [
        document.finding(
            path, f"month {month} lies after the horizon of {horizon}", "choose a month inside it"
        )
        for path, month in months
        if month is not None and month > horizon
    ]
