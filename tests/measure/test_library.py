"""Operating points, found by exactly what they were measured on."""

from pathlib import Path
from typing import Any

import pytest

from tco.domain.curve import ServiceCurve
from tco.domain.measured import Measured
from tco.domain.record import Evidence
from tco.errors import InputError, MissingFigureError
from tco.measure.library import Measurements
from tco.measure.measured_files import write_measured
from tco.measure.published import CONSTANTS as TABLE
from tests.conftest import ROOT
from tests.measure.sweeps import batch, measured, shipped

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


# Curves


def stored(folder: Path, *sweeps: Measured) -> Measurements:
    loaded(folder, ROW)
    for sweep in sweeps:
        write_measured(sweep, folder / "measurements")
    return Measurements.load(folder)


def sweep(name: str, slope: float = 0.1, **changes) -> Measured:
    return measured([batch(n, slope * n) for n in (1, 2, 4)], id=name, **changes)


def seconds_of_one(curve: ServiceCurve) -> float:
    return float(curve.table(1)[0][0])


def test_a_measurement_file_becomes_a_curve(tmp_path: Path):
    curve = stored(tmp_path, sweep("mine")).curve("net", "Card", 1, "rt", "fp16")
    assert seconds_of_one(curve) == pytest.approx(0.1)
    assert curve.sources == ("made by hand",)


@pytest.mark.parametrize("place", range(5))
def test_no_curve_stands_in_for_another(tmp_path: Path, place: int):
    asked: list[Any] = ["net", "Card", 1, "rt", "fp16"]
    asked[place] = 2 if place == 2 else "other"
    with pytest.raises(MissingFigureError, match=r"no measurement of .* Near it: "):
        stored(tmp_path, sweep("mine")).curve(*asked)


def test_of_the_same_five_the_better_grade_is_taken_and_never_from_another_runtime(tmp_path: Path):
    found = stored(
        tmp_path,
        sweep("published", 0.3, evidence="published"),
        sweep("imported", 0.2),
        sweep("other", 0.1, evidence="imported", runtime={"name": "better"}),
    )
    assert seconds_of_one(found.curve("net", "Card", 1, "rt", "fp16")) == pytest.approx(0.2)


def test_a_rented_processor_is_not_the_one_that_was_measured(tmp_path: Path):
    on_cpu = sweep("mine", hardware={"name": "EPYC 7B13", "accelerator_count": 0})
    found = stored(tmp_path, on_cpu)
    exact = found.curve("net", "EPYC 7B13", 0, "rt", "fp16")
    unnamed = {"name": "CPU", "accelerator_count": 0, "processor": "EPYC 7B13"}
    same = Measurements((), "", (sweep("other", hardware=unnamed),))
    assert same.curve("net", "CPU", 0, "rt", "fp16").evidence is Evidence.ESTIMATED
    rented = found.curve("net", "CPU", 0, "rt", "fp16")
    assert (exact.evidence, rented.evidence) == (Evidence.IMPORTED, Evidence.ESTIMATED)
    assert rented.sources[-1].startswith("measured on EPYC 7B13; the processor that is rented")


def test_a_broken_measurement_file_is_told_with_the_others(tmp_path: Path):
    stored(tmp_path, sweep("mine"))
    for name in ("one", "two"):
        (tmp_path / "measurements" / f"{name}.json").write_text('{"format": "measurement/9"}')
    with pytest.raises(InputError) as refusal:
        Measurements.load(tmp_path)
    told = [str(finding) for finding in refusal.value.findings]
    assert len(told) == 2
    assert all("expected 'measurement/1', found \"measurement/9\"" in text for text in told)


def test_the_shipped_sweeps_have_curves_for_llms_and_classic_models():
    found = shipped()
    for asked in [
        ("llama-3.1-8b-instruct", "H100-SXM", 1, "vLLM", "bf16"),
        ("llama-3.1-8b-instruct", "A100-40GB", 1, "vLLM, 2024", "bf16"),
        ("qwen3-30b-a3b-instruct", "H100-SXM", 2, "vLLM", "bf16"),
        ("llama-3.1-70b-instruct", "B200", 2, "vLLM", "bf16"),
        ("llama-3.1-405b-instruct-fp8", "H100-SXM", 8, "vLLM", "fp8"),
        ("bert-base-uncased", "T4", 1, "TensorRT", "int8"),
        ("resnet-50-v1.5", "A100-80GB", 1, "Triton with ONNX Runtime and TensorRT", "fp16"),
    ]:
        curve = found.curve(*asked)
        assert curve.evidence is Evidence.PUBLISHED
        low, high = curve.range
        assert high >= 4 * low
