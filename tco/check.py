"""Validates any file that a person wrote, and says everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.domain.source import Document
from tco.errors import Finding, InputError, nearest
from tco.ledger.gaps import gaps
from tco.measure.measured_files import read_measured
from tco.measure.model_files import load_jobs


def check_files(paths: Sequence[Path], library: Library) -> list[Finding]:
    """Return the findings of all files; none means that all are fine."""
    findings = [finding for path in paths for finding in check_file(path, library)]
    return list(dict.fromkeys(findings))  # what several files share is said once


def check_file(path: Path, library: Library) -> list[Finding]:
    """Return the findings of one file."""
    try:
        if path.suffix == ".json":
            read_measured(path)
        else:
            found = _loader_of(path, library)(path)
            if isinstance(found, Scenario):
                return _gaps(found, library.document(path))
    except InputError as error:
        return list(error.findings)
    return []


def _gaps(scenario: Scenario, document: Document) -> list[Finding]:
    """Find phases that one option prices and another is silent about."""
    return [
        document.finding(
            ("candidates", gap.option, "lifecycle", "coverage"),
            gap.problem,
            f"price it, or write '{gap.phase}: {{none: why}}' or 'included_in: where'",
        )
        for gap in gaps(scenario)
    ]


def _loader_of(path: Path, library: Library) -> Callable[[Path], Any]:
    """Choose the loader by the file's ``format``, or by what it extends."""
    loaders: dict[str, Callable[[Path], Any]] = {
        "scenario/1": library.load_scenario,
        "snapshot/1": library.load_snapshot,
        "experiment-history/1": library.load_history,
        "organisation/1": library.load_organisation,
        "measure/1": load_jobs,
        "sweep/1": library.load_sweep,
    }
    document = library.document(path)
    if "extends" in document.data:
        return library.load_scenario
    stated = document.data.get("format")
    if isinstance(stated, str) and stated in loaders:
        return loaders[stated]
    problem = "missing" if stated is None else f"'{str(stated)[:60]}' is not known"
    near = None if stated is None else nearest(str(stated), loaders)
    action = f"write one of {', '.join(loaders)}"
    raise InputError([document.finding(("format",), problem, action, near)])
