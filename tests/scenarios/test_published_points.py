"""The published table says what its sources say, and fits the machines that can be rented."""

import csv
import re
from collections import Counter

import pytest

from tco.measure.library import Measurements
from tests.conftest import ROOT

TABLE = ROOT / "benchmarks" / "published" / "constant_service.csv"
ROWS = Measurements.load(ROOT / "benchmarks").rows
BATCH = re.compile(r"mean running batch ([\d.]+), ([\d.]+) output tokens/s")


def test_each_key_occurs_once():
    keys = Counter(
        (row.snapshot, row.accelerator, row.accelerator_count, row.runtime, row.precision)
        for row in ROWS
    )
    assert [key for key, count in keys.items() if count > 1] == []


def test_accelerators_are_named_as_in_the_price_tables():
    with (ROOT / "pricing" / "instances.csv").open(encoding="utf-8") as file:
        known = {row["accelerator"] for row in csv.DictReader(file)} | {"CPU"}
    assert {row.accelerator for row in ROWS} <= known


def test_no_row_comes_from_a_source_whose_licence_forbids_it():
    text = TABLE.read_text().lower()
    for name in ("neuron", "llama.cpp", "sglang", "h20"):
        assert name not in text.replace("h200", "")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.snapshot}-{row.runtime}")
def test_a_row_is_checked_sourced_and_scoped(row):
    assert row.source
    assert (row.energy_j_per_request is None) == (row.energy_scope is None)


def test_seconds_of_a_running_batch_follow_from_the_figures_that_the_source_gives():
    found = [(row, BATCH.search(row.source)) for row in ROWS if "ML.ENERGY" in row.source]
    assert len(found) > 20
    for row, figures in found:
        assert figures is not None, row.source
        batch, tokens_per_s = map(float, figures.groups())
        assert row.parallel == round(batch)
        assert row.output_tokens is not None
        assert row.seconds == pytest.approx(batch * row.output_tokens / tokens_per_s, rel=2e-3)
