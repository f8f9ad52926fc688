"""The published tables: what their sources say, read strictly, and foretold well enough."""

import csv
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from tco.domain.measured import EnergyMethod, EnergyScope, Kind, Measured, Point
from tco.domain.record import Evidence
from tco.errors import InputError
from tco.measure.curve_fit import best_line
from tco.measure.curve_step import step_seconds
from tco.measure.published import BATCHES, CONSTANTS, STEPS, read_published
from tests.conftest import ROOT
from tests.measure.sweeps import shipped

FACTS = ROOT.parent / "shared" / "measurements"
PUBLISHED = [m for m in shipped().sweeps if m.evidence is Evidence.PUBLISHED]
STEP_HEADER = (
    "snapshot,accelerator,accelerator_count,runtime,precision,sequences,seconds_per_token,"
    "output_tokens,output_tokens_per_s,energy_j_per_output_token,energy_scope,evidence,source,"
    "as_of,checked_on\n"
)
STEP = "net,H100,1,vLLM,bf16,8,0.01,300,790,0.5,board,published,a run,,2026-11-21\n"


def tables(folder: Path, steps: str) -> Path:
    (folder / "published").mkdir()
    (folder / CONSTANTS).write_text("snapshot\n")
    (folder / STEPS).write_text(STEP_HEADER + steps)
    return folder


def problems(folder: Path, steps: str) -> str:
    with pytest.raises(InputError) as refusal:
        read_published(tables(folder, steps))
    return str(refusal.value)


def test_rows_of_one_key_are_one_sweep_with_joules_of_a_step(tmp_path):
    rows = STEP + STEP.replace(",8,", ",16,") + STEP.replace("bf16", "fp8")
    found = read_published(tables(tmp_path, rows)).sweeps
    assert [len(sweep.points) for sweep in found] == [2, 1]
    energy = found[0].points[0].energy
    assert energy is not None
    assert energy.joules == 0.5 * 8
    assert (energy.scope, energy.method) == (EnergyScope.BOARD, EnergyMethod.COUNTER)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("0.01", "fast", ":2: seconds_per_token: Input should be a valid number"),
        ("board", "", ":2: energy_scope: joules and their scope come together"),
        ("published", "hearsay", ":2: evidence: Input should be"),
        ("bf16", "bf16,extra", ":2: "),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_and_column(tmp_path, old, new, told):
    assert told in problems(tmp_path, STEP.replace(old, new, 1))


def test_the_same_batch_twice_is_refused(tmp_path):
    assert "net on 1 x H100 with vLLM, bf16, 8 comes twice" in problems(tmp_path, STEP + STEP)


def gap(_: Measured, point: Point) -> float:
    return point.seconds.typical


def joules(_: Measured, point: Point) -> float:
    assert point.energy is not None
    return point.energy.joules


@pytest.mark.parametrize(
    ("kind", "figure", "most", "least_sweeps"),
    [
        (Kind.LLM, gap, 0.08, 22),
        (Kind.LLM, step_seconds, 0.08, 22),
        (Kind.LLM, joules, 0.11, 22),
        (Kind.CLASSIC, gap, 0.065, 19),
    ],
)
def test_points_that_were_left_out_are_foretold(kind, figure, most, least_sweeps):
    misses = []
    for sweep in PUBLISHED:
        numbers = np.array([point.batch for point in sweep.points], dtype=float)
        if sweep.kind is kind and np.unique(numbers).size >= 3:
            seen = np.array([figure(sweep, point) for point in sweep.points])
            found = best_line(numbers, seen)[1]
            assert found is not None
            misses.append(found)
    assert len(misses) >= least_sweeps
    assert median(np.concatenate(misses)) <= most


def test_no_row_comes_from_a_source_whose_licence_is_share_alike_or_missing():
    text = "".join((ROOT / "benchmarks" / table).read_text() for table in (STEPS, BATCHES)).lower()
    for name in ("neuron", "llama.cpp", "qwen3 speed", "nim llm"):
        assert name not in text


@pytest.mark.skipif(not FACTS.is_dir(), reason="the facts that the table was made of are not here")
def test_every_batch_of_the_facts_is_in_the_table_unchanged():
    with (FACTS / "llm.csv").open() as file:
        facts = [row for row in csv.DictReader(file) if row["source"].startswith("ML.ENERGY")]
    with (ROOT / "benchmarks" / STEPS).open() as file:
        table = [row for row in csv.DictReader(file) if row["source"].startswith("ML.ENERGY")]
    assert len(table) == len(facts) == 141

    said = sorted(
        (float(f["concurrency_or_batch"]), float(f["output_tokens_per_s"]),
         round(float(f["tpot_ms"]) / 1000, 7)) for f in facts
    )  # fmt: skip
    kept = sorted(
        (float(t["sequences"]), float(t["output_tokens_per_s"]),
         round(float(t["seconds_per_token"]), 7)) for t in table
    )  # fmt: skip
    for one, other in zip(kept, said, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
