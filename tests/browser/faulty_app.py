"""The app as it is, with a fault of ours on one page and in one change of an input."""

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tco.app import idle, state
from tco.domain.changes import with_inputs
from tco.domain.scenario import Scenario
from tco.domain.source import Path_

NEVER_MONTHS = 60


def _broken_page(*_: object) -> None:
    raise RuntimeError("/srv/secret/page is broken")


def _broken_change(scenario: Scenario, values: Mapping[Path_, Any]) -> Scenario:
    if values.get(("horizon_months",)) == NEVER_MONTHS:
        raise RuntimeError("/srv/secret/change is broken")
    return with_inputs(scenario, values)


if __name__ == "__main__":  # a collector of tests imports every file, and must break nothing
    vars(idle)["capacity_by_option"] = _broken_page
    vars(state)["with_inputs"] = _broken_change
    runpy.run_path(str(Path(__file__).parents[2] / "streamlit_app.py"))
