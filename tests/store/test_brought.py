"""What a person brings is read strictly, named as they named it, and laid over nobody else's."""

import json

import pytest

from tco.domain.scenario import Scenario
from tco.errors import InputError, NotFoundError
from tco.prices.schema import PEOPLE
from tco.store.brought import (
    MOST_BYTES,
    File,
    Kind,
    measurement_in,
    prices_in,
    scenario_in,
    snapshots_in,
    tables_with,
    workload_in,
)
from tests.conftest import ROOT
from tests.shipped import LIBRARY, data, loaded

PEOPLE_HEADER = ",".join(PEOPLE.column_names)
PERSON = "ml_engineer,99,USD,80,120,hour,2026-11-01,2026-11-01,our contract,stated,,,"
SNAPSHOT = (
    "id,name,version,task,architecture,licence,source,openness,uses_tokens,approach,parameters\n"
    "own-model,Own,1.0,ticket-classification,encoder,MIT,our store,open,no,full fine-tune,{}\n"
)


def prices(*rows: str, name: str = "people.csv") -> File:
    return File(Kind.PRICES, name, "\n".join([PEOPLE_HEADER, *rows]).encode())


# ---- prices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("-5", "people.csv:2"),
        ("NaN", "people.csv:2"),
        ("1e309", "people.csv:2"),
        ("=1+1", "people.csv:2"),
    ],
)
def test_a_bad_price_is_named_with_its_row(cell: str, problem: str):
    with pytest.raises(InputError) as caught:
        prices_in(prices(PERSON.replace(",99,", f",{cell},")))
    assert problem in str(caught.value)
    assert "price" in str(caught.value)


def test_wrong_columns_another_encoding_and_too_many_bytes_are_refused():
    with pytest.raises(InputError, match=r"people\.csv"):
        prices_in(File(Kind.PRICES, "people.csv", b"role,cost\nx,1\n"))
    with pytest.raises(InputError, match="UTF-8"):
        prices_in(File(Kind.PRICES, "people.csv", PEOPLE_HEADER.encode("utf-16")))
    with pytest.raises(InputError, match="at most 5,000,000"):
        prices_in(File(Kind.PRICES, "people.csv", b"x" * (MOST_BYTES + 1)))
    with pytest.raises(NotFoundError, match="people"):
        prices_in(prices(PERSON, name="peple.csv"))


def test_own_prices_lie_over_the_shipped_ones_and_leave_them_as_they_are():
    shipped, _ = data()
    own, _ = tables_with(ROOT / "pricing", ROOT / "benchmarks", [], [prices(PERSON)])
    day = shipped.as_of
    assert float(own.person("ml_engineer", on=day).usd) == pytest.approx(99.0)
    assert float(shipped.person("ml_engineer", on=day).usd) != pytest.approx(99.0)
    assert own.digest != shipped.digest


# ---- scenarios, snapshots, logs, measurements ----------------------------------------------------


def test_a_scenario_comes_back_from_its_own_json():
    scenario = loaded("ticket-classification/base")
    raw = json.dumps(scenario.model_dump(mode="json")).encode()
    read = scenario_in(File(Kind.SCENARIO, "mine.json", raw), LIBRARY)
    assert isinstance(read, Scenario)
    assert read.digest == scenario.digest


def test_a_broken_scenario_is_named_as_it_was_brought_without_our_folders():
    raw = b"format: scenario/1\nuse_case: 3\n"
    with pytest.raises(InputError) as caught:
        scenario_in(File(Kind.SCENARIO, "../../etc/mine.yaml", raw), LIBRARY)
    assert "mine.yaml:2" in str(caught.value)
    assert "/tmp" not in str(caught.value)


def test_a_file_cannot_reach_beyond_its_folder():
    raw = b"extends: ../../../../etc/passwd\n"
    with pytest.raises(InputError, match="leaves"):
        scenario_in(File(Kind.SCENARIO, "mine.yaml", raw), LIBRARY)
    assert File(Kind.LOG, "..\\..\\a b.csv", b"").safe_name == "a-b.csv"
    assert File(Kind.LOG, "../..", b"").safe_name == "file"


def test_a_table_of_snapshots_is_read_row_by_row():
    [one] = snapshots_in(File(Kind.SNAPSHOTS, "own.csv", SNAPSHOT.format("22e6").encode()), LIBRARY)
    assert (one.id, one.parameters, one.uses_tokens) == ("own-model", 22_000_000, False)


@pytest.mark.parametrize("cell", ["-1", "many", "1e309", "=2"])
def test_a_bad_cell_of_a_snapshot_is_named_with_its_row(cell: str):
    with pytest.raises(InputError, match=r"own\.csv:2: parameters"):
        snapshots_in(File(Kind.SNAPSHOTS, "own.csv", SNAPSHOT.format(cell).encode()), LIBRARY)


def test_a_log_becomes_a_workload_and_bad_rows_are_named():
    rows = "\n".join(f"{second * second / 50},{100},{20}" for second in range(400))
    raw = f"arrival_s,input_tokens,output_tokens\n{rows}\n".encode()
    assert "tokens" in workload_in(File(Kind.LOG, "log.csv", raw)).block
    with pytest.raises(InputError, match=r"log\.csv.*line 3"):
        workload_in(File(Kind.LOG, "log.csv", b"arrival_s\n1\nnan\n"))


def test_a_measurement_is_read_and_joins_the_shipped_ones():
    path = next((ROOT / "benchmarks" / "measurements").glob("*.json"))
    whole = json.loads(path.read_bytes()) | {"id": "own-run"}
    file = File(Kind.MEASUREMENT, "own-run.json", json.dumps(whole).encode())
    assert measurement_in(file).id == "own-run"
    _, known = tables_with(ROOT / "pricing", ROOT / "benchmarks", [], [file])
    assert "own-run" in {one.id for one in known.servings}
    with pytest.raises(InputError, match=r"called 'other\.json'"):
        measurement_in(File(Kind.MEASUREMENT, "other.json", json.dumps(whole).encode()))
