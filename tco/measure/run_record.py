"""A finished sweep as a measurement file: what was run, where, how to repeat it, what to doubt."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tco.domain.measure_job import EndpointJob, Job, LlmJob, TrainJob
from tco.domain.measured import (
    Effort,
    Environment,
    Hardware,
    Kind,
    LoadTimes,
    MachineLoad,
    Measured,
    Point,
    Runtime,
    Subject,
)
from tco.domain.record import Evidence, worse
from tco.measure import doubts, machine
from tco.measure.harness import Swept
from tco.measure.model_files import digest_of_weights
from tco.measure.nvml_meter import NvmlSource
from tco.units import BYTES_PER_GB

PACKAGES = ("numpy", "torch", "transformers", "onnxruntime", "onnx", "codecarbon", "nvidia-ml-py")
OURS = "our harness, `tco measure run`"
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is noted before the first call."""

    at: datetime
    load: float
    others_processors: float | None

    @classmethod
    def now(cls) -> Beginning:
        """Note it, and look for a moment at what else runs: the load lags behind by a minute."""
        at, load, before = datetime.now(UTC), machine.load(), machine.OtherWork.now()
        time.sleep(LOOK_S)
        return cls(at, load, before.others_processors())


@dataclass(frozen=True, slots=True)
class Ran:
    """Everything around a sweep that its file must say."""

    name: str
    job: Job
    runtime: Runtime
    place: Path | None
    parameters: float | None
    boards: NvmlSource | None
    accelerator_names: Sequence[str]
    load_times_s: Sequence[float]
    grid_g_per_kwh: float | None
    effort: Effort
    beginning: Beginning


def measured_of(ran: Ran, swept: Swept) -> Measured:
    """Put a sweep and everything around it together."""
    random = ran.job.weights == "random"
    return Measured(
        format="measurement/1",
        id=ran.name,
        kind=_kind(ran.job),
        subject=_subject(ran),
        hardware=_hardware(ran),
        runtime=ran.runtime,
        precision=ran.job.precision,
        measured_in="server" if isinstance(ran.job, EndpointJob) else "process",
        evidence=Evidence.MEASURED,
        source=OURS,
        effort=ran.effort,
        points=tuple(_graded(point) if random else point for point in swept.points),
        idle=swept.idle,
        load_times=LoadTimes(seconds=tuple(ran.load_times_s)) if ran.load_times_s else None,
        environment=_environment(ran, swept),
        interrupted=swept.interrupted,
        doubts=(*_machine_doubts(ran.beginning), *swept.doubts),
        notes=(*ran.job.notes, *swept.notes),
    )


def _kind(job: Job) -> Kind:
    match job:
        case EndpointJob():
            return Kind.ENDPOINT
        case LlmJob():
            return Kind.LLM
        case TrainJob():
            return Kind.TRAINING
        case _:
            return Kind.CLASSIC


def _subject(ran: Ran) -> Subject:
    trained = ran.job.weights == "trained" and ran.place is not None
    digest = digest_of_weights(ran.place) if trained and ran.place is not None else None
    return Subject(
        snapshot=ran.job.snapshot,
        digest=digest,
        source=ran.job.source,
        weights=ran.job.weights,
        parameters=ran.parameters or None,
        size_gb=_size_gb(ran.place) if trained and ran.place is not None else None,
    )


def _size_gb(place: Path) -> float | None:
    files = [place] if place.is_file() else [f for f in place.glob("*") if f.suffix != ".json"]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return size / BYTES_PER_GB if size else None


def _hardware(ran: Ran) -> Hardware:
    if isinstance(ran.job, EndpointJob) and ran.job.hardware is not None:
        count = ran.job.accelerator_count or 0
        return Hardware(name=ran.job.hardware, accelerator_count=count)
    name, count, memory_gib = "CPU", 0, None
    if ran.runtime.device == "cuda":
        name, count = "unknown CUDA device", 1
        if ran.boards is not None:
            name = accelerator_name(ran.boards.board_name, ran.accelerator_names)
            memory_gib = ran.boards.memory_gib
    return Hardware(
        name=name,
        accelerator_count=count,
        processor=machine.processor(),
        cores=machine.usable_processors(),
        memory_gib=machine.memory_gib(),
        accelerator_memory_gib=memory_gib,
    )


def accelerator_name(board: str, known: Sequence[str]) -> str:
    """Call a board as the price tables do, if they know it; the longest name that fits.

    >>> accelerator_name("NVIDIA H100 80GB HBM3", ["H100-PCIE", "H100-SXM", "A100-80GB"])
    'H100-SXM'
    >>> accelerator_name("NVIDIA A100-SXM4-80GB", ["A100-40GB", "A100-80GB"])
    'A100-80GB'
    >>> accelerator_name("NVIDIA L40S", ["L4", "L40S"])
    'L40S'
    """
    words = set(board.upper().replace("-", " ").split())
    if {"H100", "HBM3"} <= words:
        words.add("SXM")  # only that form of it has this memory, and its name leaves the form out
    fits = [name for name in known if set(name.upper().replace("-", " ").split()) <= words]
    return max(fits, key=len, default=board)


def _environment(ran: Ran, swept: Swept) -> Environment:
    others = swept.others_processors
    return Environment(
        started_at=ran.beginning.at,
        finished_at=datetime.now(UTC),
        system=platform.platform(terse=True),
        container=machine.container(),
        governor=machine.governor(),
        clock_mhz=machine.clock_mhz(),
        driver=ran.boards.driver if ran.boards is not None else None,
        grid_g_per_kwh=ran.grid_g_per_kwh,
        versions={"python": platform.python_version(), **_versions()},
        code_version=code_version(),
        seed=ran.job.seed,
        load=MachineLoad(before=ran.beginning.load, after=machine.load(), others_processors=others),
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def code_version() -> str:
    """Return the planner's version, with the commit where it runs from a working tree."""
    plain = version("tco-planner")
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - a fixed command
        return f"{plain} ({told.stdout.strip()})"
    return plain


def _graded(point: Point) -> Point:
    """Random weights: the speed is the architecture's, joules depend on the numbers."""
    if point.energy is None:
        return point
    grade = worse(point.energy.evidence, Evidence.ESTIMATED)
    return point.model_copy(update={"energy": point.energy.model_copy(update={"evidence": grade})})


def _machine_doubts(beginning: Beginning) -> list[str]:
    others = beginning.others_processors
    if others is None or others <= doubts.BUSY_PROCESSORS:
        return []
    return [f"other programs kept {others:.1f} processors busy before the start"]
