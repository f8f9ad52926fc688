"""The meters' adapters: NVML on a stand-in of its library, RAPL on files, codecarbon itself."""

import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tco.domain.measured import EnergyMethod, EnergyScope
from tco.domain.record import Evidence
from tco.errors import NotFoundError, TcoError
from tco.measure import meters
from tco.measure.meter import MeterLostError, NoMeter, SourceMeter
from tco.measure.nvml_meter import NvmlSource, open_nvml
from tco.measure.rapl_meter import RaplSource, open_rapl

GIB = 2**30


class NVMLError(Exception):
    def __init__(self, value: int, text: str = "") -> None:
        super().__init__(text)
        self.value = value


def library(**answers):
    """What NVIDIA's library answers on a machine with one board; errors are raised."""
    said = {
        "nvmlDeviceGetCount": 1,
        "nvmlDeviceGetHandleByIndex": "handle",
        "nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
        "nvmlSystemGetDriverVersion": b"570.1",
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 * GIB),
        "nvmlDeviceGetTotalEnergyConsumption": 123_456,
        "nvmlDeviceGetPowerUsage": 350_000,
        "nvmlDeviceGetTemperature": 55,
        "nvmlDeviceGetClockInfo": 1980,
        "nvmlDeviceGetCurrentClocksThrottleReasons": 0,
        "nvmlDeviceGetComputeRunningProcesses": [
            SimpleNamespace(pid=os.getpid(), usedGpuMemory=3 * GIB),
            SimpleNamespace(pid=1, usedGpuMemory=9 * GIB),
        ],
        **answers,
    }

    def question(answer):
        def ask(*_arguments):
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    constants = {
        "NVML_TEMPERATURE_GPU": 0,
        "NVML_CLOCK_SM": 1,
        "NVML_ERROR_NOT_SUPPORTED": 3,
        "NVML_ERROR_NO_PERMISSION": 4,
        "nvmlClocksThrottleReasonSwPowerCap": 4,
        "nvmlClocksThrottleReasonSwThermalSlowdown": 32,
        "nvmlClocksThrottleReasonHwThermalSlowdown": 64,
        "nvmlClocksThrottleReasonHwSlowdown": 8,
        "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": 128,
    }
    functions = {name: question(answer) for name, answer in said.items()}
    return SimpleNamespace(NVMLError=NVMLError, **functions, **constants)


def test_a_board_is_read_in_joules_and_watts():
    source = NvmlSource(library())
    [part] = source.read().parts
    assert (part.counter_j, part.power_w, part.temperature_c) == (123.456, 350.0, 55.0)
    assert (part.process_gib, part.throttled_by) == (3.0, ())
    assert (source.driver, source.memory_gib, source.count) == ("570.1", 80.0, 1)
    assert source.scope is EnergyScope.BOARD


def test_why_clocks_are_held_down_is_said():
    nvml = library(nvmlDeviceGetCurrentClocksThrottleReasons=4 | 64)
    assert NvmlSource(nvml).read().parts[0].throttled_by == ("its power cap", "heat")


def test_what_a_board_cannot_tell_is_missing():
    nvml = library(nvmlDeviceGetTotalEnergyConsumption=NVMLError(3, "Not Supported"))
    assert NvmlSource(nvml).read().parts[0].counter_j is None


def test_a_board_that_is_gone_is_an_error():
    nvml = library(nvmlDeviceGetPowerUsage=NVMLError(15, "GPU is lost"))
    with pytest.raises(MeterLostError, match="GPU 0 stopped answering: GPU is lost"):
        NvmlSource(nvml).read()


def test_boards_open_here_or_say_why_not():
    found = open_nvml()
    assert isinstance(found, NvmlSource) or any(
        sign in found for sign in ("comes with NVIDIA's driver", "shows no board", "is missing")
    )


def package(root: Path, name: str, energy_uj: int, *, span_uj: int = 1_000_000) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{span_uj}\n")
    return folder


def test_packages_are_counted_without_their_parts(tmp_path: Path):
    package(tmp_path, "intel-rapl:0", 2_000_000, span_uj=10_000_000)
    package(tmp_path, "intel-rapl:1", 500_000)
    package(tmp_path, "intel-rapl:0:0", 1)
    found = open_rapl(tmp_path)
    assert isinstance(found, RaplSource)
    assert [part.counter_j for part in found.read().parts] == [2.0, 0.5]
    assert found.scope is EnergyScope.CPU


def test_a_counter_that_wraps_goes_on_and_one_that_falls_does_not(tmp_path: Path):
    folder = package(tmp_path, "intel-rapl:0", 900_000)
    found = open_rapl(tmp_path)
    assert isinstance(found, RaplSource)
    (folder / "energy_uj").write_text("100000")
    assert found.read().parts[0].counter_j == pytest.approx(1.1)
    (folder / "energy_uj").write_text("50000")
    assert found.read().parts[0].counter_j == pytest.approx(1.05)  # the window will refuse it


def test_a_package_that_goes_is_an_error(tmp_path: Path):
    folder = package(tmp_path, "intel-rapl:0", 1)
    found = open_rapl(tmp_path)
    assert isinstance(found, RaplSource)
    (folder / "energy_uj").unlink()
    with pytest.raises(MeterLostError, match="intel-rapl:0 stopped answering"):
        found.read()


def test_no_packages_are_said(tmp_path: Path):
    assert "shows no package counters" in str(open_rapl(tmp_path))


def test_packages_without_a_range_are_said(tmp_path: Path):
    (tmp_path / "intel-rapl:0").mkdir()
    assert "cannot be read" in str(open_rapl(tmp_path))


@pytest.fixture
def _quiet_log():
    logger = logging.getLogger("codecarbon")
    before = list(logger.handlers)
    yield
    logger.handlers[:] = before


@pytest.mark.usefixtures("_quiet_log")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    ("country", "low_g", "high_g"), [("FRA", 15, 120), ("ZZZ", None, None), (None, None, None)]
)
def test_codecarbon_only_ever_estimates(country, low_g, high_g):
    pytest.importorskip("codecarbon")
    from tco.measure.codecarbon_meter import CodecarbonMeter, open_codecarbon

    meter = open_codecarbon(country)
    assert isinstance(meter, CodecarbonMeter)
    meter.start()
    time.sleep(1.05)
    found = meter.stop()
    assert found.joules is not None
    assert (found.evidence, found.method) == (Evidence.ESTIMATED, EnergyMethod.MODELLED)
    assert found.scope is EnergyScope.HOST
    assert any("flat" in note and "memory" in note for note in found.notes)
    if country == "ZZZ":
        assert "codecarbon does not know this country" in found.notes
    if low_g is None:
        assert meter.grid_g_per_kwh is None  # never the world's average
    else:
        assert low_g < meter.grid_g_per_kwh < high_g


def test_meters_are_asked_in_order_and_say_why_not(monkeypatch):
    monkeypatch.setattr(meters, "open_nvml", lambda: "no driver")
    monkeypatch.setattr(meters, "open_rapl", lambda: "no counters")
    monkeypatch.setattr(meters, "open_codecarbon", lambda _country: "not installed")
    found = meters.open_meters("auto")
    assert found.missing == {
        "nvml": "no driver",
        "rapl": "no counters",
        "codecarbon": "not installed",
    }
    found.meter.start()
    assert found.meter.stop().withheld == "no driver; no counters; not installed"
    with pytest.raises(TcoError, match="the meter 'rapl' does not work here: no counters"):
        meters.open_meters("rapl")


def test_the_counter_of_a_board_is_taken_before_any_model(monkeypatch):
    source = NvmlSource(library())
    monkeypatch.setattr(meters, "open_nvml", lambda: source)
    found = meters.open_meters("auto")
    assert isinstance(found.meter, SourceMeter)
    assert found.meter.source is source
    assert found.boards is source
    unmetered = meters.open_meters("none")
    assert isinstance(unmetered.meter, NoMeter)
    assert unmetered.boards is source  # its name and driver are still told


def test_an_unknown_meter_hears_which_there_are():
    with pytest.raises(NotFoundError, match="Near it: nvml"):
        meters.open_meters("nvm")
