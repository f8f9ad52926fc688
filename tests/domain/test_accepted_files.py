"""What the checks let pass can be evaluated, or is refused in words."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tco.check import check_file
from tco.domain.loading import Library
from tco.domain.source import read_yaml
from tco.errors import TcoError
from tco.measure.library import Measurements
from tco.plan import evaluate
from tco.prices import Catalog
from tests.conftest import ROOT
from tests.domain import breaking

GOOD = Path(__file__).parent / "library"
BASE = GOOD / "case" / "base.yaml"


class Tables:
    """The shipped tables, read once; hypothesis shows this short name and not their rows."""

    def __init__(self) -> None:
        self.prices = Catalog.load(ROOT / "pricing")
        self.measurements = Measurements.load(ROOT / "benchmarks")


@pytest.fixture(scope="module")
def tables() -> Tables:
    return Tables()


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(raw=breaking.other_numbers(read_yaml(BASE).data))
def test_a_scenario_with_other_numbers_is_answered_or_refused_in_words(
    tables: Tables, tmp_path: Path, raw: bytes
):
    path = tmp_path / "other.yaml"
    path.write_bytes(raw)
    library = Library(GOOD)
    if check_file(path, library):
        return
    scenario = library.load_scenario(path)
    try:
        found = evaluate(scenario, tables.prices, tables.measurements)
    except TcoError as error:
        told = str(error)
    else:
        told = " ".join(r for a in found.ranking.excluded for r in a.reasons) or "ranked"
    assert told
    assert "Error" not in told
