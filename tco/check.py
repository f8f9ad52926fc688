"""Validates any file that a person wrote, and says everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tco.domain.loading import Library
from tco.domain.source import read_yaml
from tco.errors import Finding, InputError, nearest


def check_files(paths: Sequence[Path], library: Library) -> list[Finding]:
    """Return the findings of all files; none means that all are fine."""
    findings: list[Finding] = []
    for path in paths:
        findings += check_file(path, library)
    return findings


def check_file(path: Path, library: Library) -> list[Finding]:
    """Return the findings of one file."""
    try:
        _loader_of(path, library)(path)
    except InputError as error:
        return list(error.findings)
    return []


def _loader_of(path: Path, library: Library) -> Callable[[Path], Any]:
    """Choose the loader by the file's ``format``, or by what it extends."""
    loaders: dict[str, Callable[[Path], Any]] = {
        "scenario/1": library.load_scenario,
        "snapshot/1": library.load_snapshot,
        "organisation/1": library.load_organisation,
    }
    document = read_yaml(path)
    if "extends" in document.data:
        return library.load_scenario
    stated = document.data.get("format")
    if not isinstance(stated, str) or stated not in loaders:
        problem = "missing" if stated is None else f"'{stated}' is not known"
        raise InputError(
            [
                document.finding(
                    ("format",),
                    problem,
                    f"write one of {', '.join(loaders)}",
                    nearest(str(stated), loaders) if stated is not None else None,
                )
            ]
        )
    return loaders[stated]
