"""Measurement files: whole or refused, with what was expected, what was found and where."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tco.domain.measured import (
    Effort,
    Energy,
    EnergyMethod,
    EnergyScope,
    Environment,
    Hardware,
    Kind,
    MachineLoad,
    Measured,
    Phase,
    Point,
    Runtime,
    Spread,
    Subject,
    Unit,
)
from tco.domain.record import Evidence
from tco.errors import InputError
from tco.measure.measured_files import measured_files, read_measured, write_measured
from tests.conftest import ROOT


def measured() -> Measured:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return Measured(
        format="measurement/1",
        id="small",
        kind=Kind.CLASSIC,
        subject=Subject(snapshot="small", source="made here", weights="trained"),
        hardware=Hardware(name="CPU", accelerator_count=0),
        runtime=Runtime(name="onnxruntime"),
        precision="fp32",
        measured_in="process",
        evidence=Evidence.MEASURED,
        source="a test",
        effort=Effort(quick=True, least_inferences=1, least_seconds=1, most_seconds=2, repeats=2),
        points=(
            Point(
                phase=Phase.FORWARD,
                batch=2,
                seconds=Spread(median=0.01, p90=0.02, repeat_medians=(0.01, 0.011)),
                throughput_per_s=200.0,
                throughput_unit=Unit.ITEMS,
                energy=Energy(
                    joules=0.5,
                    scope=EnergyScope.BOARD,
                    method=EnergyMethod.COUNTER,
                    evidence=Evidence.MEASURED,
                ),
            ),
        ),
        environment=Environment(
            started_at=now,
            finished_at=now,
            system="Linux",
            seed=0,
            load=MachineLoad(before=0.1, after=0.2),
        ),
    )


def test_what_is_written_is_read_again(tmp_path: Path):
    path = write_measured(measured(), tmp_path / "measurements")
    assert path.name == "small.json"
    assert read_measured(path) == measured()
    assert measured_files(tmp_path) == [path]
    assert measured().points[0].seconds.repeat_spread == pytest.approx(0.1 / 1.1, rel=0.02)


def refusals(path: Path) -> list[str]:
    with pytest.raises(InputError) as refusal:
        read_measured(path)
    return [str(finding).removeprefix(str(path)) for finding in refusal.value.findings]


def changed(tmp_path: Path, change) -> Path:
    path = write_measured(measured(), tmp_path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data, indent=1))
    return path


def test_a_truncated_file_is_refused(tmp_path: Path):
    path = write_measured(measured(), tmp_path)
    path.write_text(path.read_text()[:-40])
    [told] = refusals(path)
    assert "not whole JSON" in told
    assert "copy the file again" in told


def test_a_foreign_version_says_what_was_expected_and_found(tmp_path: Path):
    path = changed(tmp_path, lambda data: data.update(format="measurement/9"))
    [told] = refusals(path)
    assert told.startswith(": format: expected 'measurement/1', found \"measurement/9\"")


def test_a_wrong_unit_is_found_by_its_name_and_line(tmp_path: Path):
    def to_milliseconds(data):
        data["points"][0]["seconds"]["median_ms"] = data["points"][0]["seconds"].pop("median")

    told = " ".join(refusals(changed(tmp_path, to_milliseconds)))
    assert "points[0].seconds.median_ms: unknown key; nearest: median" in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["points"][0]["seconds"].update(p90=0.001), "p95 and p99 are not in order"),
        (lambda d: d["points"][0]["seconds"].pop("median"), "neither a median nor a mean"),
        (lambda d: d["points"].append(d["points"][0]), "the same setting stands there twice"),
        (lambda d: d["points"][0].update(energy_withheld="x"), "given and withheld at once"),
        (lambda d: d["points"][0].update(concurrency=1, offered_per_s=2.0), "closed or open"),
        (lambda d: d["points"][0].update(pause_s=0.03), "who pauses is in a closed loop"),
        (lambda d: d["points"][0].pop("batch"), "needs its batch"),
        (lambda d: d["subject"].update(weights="random"), "random weights is 'estimated'"),
        (lambda d: d["points"][0]["energy"].update(method="modelled"), "'estimated' at best"),
        (lambda d: d.pop("environment"), "says how to repeat it"),
        (lambda d: d.update(id="other"), "'other' in a file called 'small.json'"),
        (lambda d: d.update(points=[]), "points"),
    ],
)
def test_a_contradiction_is_refused(tmp_path: Path, change, says: str):
    assert says in " ".join(refusals(changed(tmp_path, change)))


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path):
    assert "cannot be read" in refusals(tmp_path / "none.json")[0]
    other = tmp_path / "small.json"
    other.write_bytes(b"\xff\xfe{}")
    assert "not UTF-8 text" in refusals(other)[0]


@pytest.mark.parametrize("path", measured_files(ROOT / "benchmarks"), ids=lambda path: path.stem)
def test_every_shipped_measurement_reads(path: Path):
    found = read_measured(path)
    assert found.effort is None or not found.effort.quick
    assert not found.interrupted
