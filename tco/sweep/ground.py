"""What every cell of a sweep rests on, and the code that works cells out."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import tco
from tco.domain.cost import Basis
from tco.domain.scenario import Scenario
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.tasks import versions_of

FIGURES_REST_ON = ("genai-prices", "numba", "numpy", "pandas", "scipy", "tco-planner")
"""Packages whose version may change a figure."""
CODE = "code of tco"


@cache
def here() -> dict[str, str]:
    """Return which code works cells out in this process: other code, other results."""
    folder = Path(tco.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return {CODE: digest.hexdigest()[:16], "Python": python, **versions_of(FIGURES_REST_ON)}


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Say in what two places are not the same.

    >>> differences({"numpy": "2.4.6"}, {"numpy": "2.4.5"})
    ['numpy 2.4.5, here 2.4.6']
    """
    names = dict.fromkeys([*ours, *theirs])
    return [
        f"{name} {theirs.get(name, 'missing')}, here {ours.get(name, 'missing')}"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]


@dataclass(frozen=True)
class Ground:
    """What every cell of a sweep rests on; each worker is given it once."""

    scenarios: Mapping[str, Scenario]
    """By the name that the sweep gives."""
    catalog: Catalog
    measurements: Measurements
    basis: Basis
    fidelity: Literal["quick", "full"]
    code: Mapping[str, str]
    """Of the process that asks."""
