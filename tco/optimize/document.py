"""What a search has found: as plain data, and as a scenario file with the deployments it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import yaml

from tco.domain.scenario import Scenario
from tco.optimize.search import Found
from tco.optimize.trial import Trial

PAGE_WIDTH = 120


def found_document(found: Found) -> dict[str, Any]:
    """Write what was found for one option as plain data."""
    document: dict[str, Any] = {
        "option": found.option,
        "written": None if found.written is None else _trial(found.written),
        "found": [_trial(trial) for trial in found.cheapest],
        "searched": asdict(found.counts),
        "refusals": found.refusals,
        "not_tried": list(found.not_tried),
    }
    if found.saving_usd is not None:
        document["saving_usd"] = found.saving_usd
    if found.nearest is not None:
        document["nearest"] = _trial(found.nearest) | {
            "relax": [
                {"goal": miss.goal, "to": miss.relaxed_to, "by": miss.by}
                for miss in found.nearest.misses
            ]
        }
    return document


def _trial(trial: Trial) -> dict[str, Any]:
    document: dict[str, Any] = {
        "in_words": trial.choice.words,
        "snapshot": trial.choice.snapshot,
        "cost_usd": trial.cost_usd,
        "meets_goals": trial.is_feasible,
        "reasons": list(trial.reasons),
        "deployment": trial.choice.deployment.model_dump(mode="json", exclude_unset=True),
    }
    if trial.p95_ms is not None:
        document["p95_ms"] = trial.p95_ms
    return document


def with_found(scenario: Scenario, results: Sequence[Found]) -> Scenario:
    """Return the scenario with every option served as it was found to be cheapest."""
    for found in results:
        if found.best is not None:
            scenario = found.best.choice.applied_to(scenario, found.option)
    return scenario


def scenario_text(scenario: Scenario) -> str:
    """Write a scenario as a file that needs no other: what it extends is written out."""
    plain = scenario.model_dump(mode="json", exclude_unset=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=PAGE_WIDTH)
