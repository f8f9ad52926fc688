"""Operating points, found by exactly what they were measured on."""

from pathlib import Path

import pytest

from tco.domain.record import Evidence
from tco.errors import InputError, MissingFigureError
from tco.measure.library import TABLE, Measurements
from tests.conftest import ROOT

HEADER = (
    "snapshot,accelerator,accelerator_count,runtime,precision,parallel,seconds,"
    "shows_latency,input_tokens,output_tokens,energy_j_per_request,energy_scope,evidence,source,as_of,checked_on"
)
ROW = "m,H100,1,vLLM,bf16,32,3.5,true,,400,,,published,a paper,,2026-01-01"


def loaded(folder: Path, *rows: str, encoding: str = "utf-8") -> Measurements:
    file = folder / TABLE
    file.parent.mkdir(parents=True)
    file.write_text("\n".join([HEADER, *rows]), encoding=encoding)
    return Measurements.load(folder)


def problems(folder: Path, *rows: str, encoding: str = "utf-8") -> list[str]:
    with pytest.raises(InputError) as refusal:
        loaded(folder, *rows, encoding=encoding)
    return [str(finding).partition(f"{TABLE.name}")[2] for finding in refusal.value.findings]


def test_a_point_is_found_by_all_of_its_key(tmp_path: Path):
    found = loaded(tmp_path, ROW, encoding="utf-8-sig").constant_service(
        "m", "H100", 1, "vLLM", "bf16"
    )
    assert (found.parallel, found.seconds, found.input_tokens) == (32, 3.5, None)
    assert found.evidence is Evidence.PUBLISHED


@pytest.mark.parametrize(
    "asked",
    [
        ("m", "H100", 2, "vLLM", "bf16"),
        ("m", "H100", 1, "vLLM", "fp8"),
        ("m", "H100", 1, "SGLang", "bf16"),
        ("m", "B200", 1, "vLLM", "bf16"),
    ],
)
def test_no_point_stands_in_for_another(tmp_path: Path, asked):
    with pytest.raises(MissingFigureError, match="Near it: m on 1 x H100 with vLLM, bf16"):
        loaded(tmp_path, ROW).constant_service(*asked)


def test_an_unknown_snapshot_hears_which_there_are(tmp_path: Path):
    with pytest.raises(MissingFigureError, match="no measurement of zzzz on 9 x T4 with"):
        loaded(tmp_path, ROW).constant_service("zzzz", "T4", 9, "?", "int8")


def test_every_problem_is_told_with_its_line(tmp_path: Path):
    bad = ROW.replace("3.5", "-1").replace("published", "hearsay")
    found = problems(tmp_path, ROW, bad)
    assert [text.split(";")[0][:20] for text in found] == [
        ":3: seconds: Input s",
        ":3: evidence: Input ",
    ]


def test_the_same_point_twice_is_refused(tmp_path: Path):
    assert problems(tmp_path, ROW, ROW.replace("3.5", "4")) == [
        ": m on 1 x H100 with vLLM, bf16 comes twice; keep one of the rows"
    ]


def test_another_encoding_is_refused(tmp_path: Path):
    assert problems(tmp_path, ROW.replace("paper", "papier à"), encoding="latin-1") == [
        ": not UTF-8 text; save it as 'CSV UTF-8'"
    ]


def test_a_missing_table_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read: No such file or directory"):
        Measurements.load(tmp_path)


def test_the_shipped_table_loads_and_its_digest_is_that_of_its_bytes():
    once, again = (Measurements.load(ROOT / "benchmarks") for _ in range(2))
    assert once.rows
    assert once.digest == again.digest
