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


@pytest.fixture(scope="module")
def tables() -> tuple[Catalog, Measurements]:
    return Catalog.load(ROOT / "pricing"), Measurements.load(ROOT / "benchmarks")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(raw=breaking.other_numbers(read_yaml(BASE).data))
def test_a_scenario_with_other_numbers_is_answered_or_refused_in_words(
    tables: tuple[Catalog, Measurements], tmp_path: Path, raw: bytes
):
    path = tmp_path / "other.yaml"
    path.write_bytes(raw)
    library = Library(GOOD)
    if check_file(path, library):
        return
    scenario = library.load_scenario(path)
    try:
        found = evaluate(scenario, *tables)
    except TcoError as error:
        told = str(error)
    else:
        told = " ".join(r for a in found.ranking.excluded for r in a.reasons) or "ranked"
    assert told
    assert "Error" not in told
