"""One measurement in a process of its own: other models leave no heap, threads or caches behind.

``python -m tco.measure.worker`` reads a request as JSON from its input and writes the measurement's
file, or only answers once, by which a load time is taken. What goes wrong is said in words.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from tco.domain.measure_job import EndpointJob, Job
from tco.domain.record import Record
from tco.errors import TcoError, printable
from tco.measure.codecarbon_meter import CodecarbonMeter
from tco.measure.endpoint_runner import EndpointHarness, runtime_of
from tco.measure.harness import FULL, QUICK, Harness, Progress
from tco.measure.measured_files import write_measured
from tco.measure.meters import Meters, open_meters
from tco.measure.model_files import load_jobs
from tco.measure.run_record import Beginning, Ran, measured_of
from tco.measure.runners import open_runner

MODULE = "tco.measure.worker"
ANSWERED = "answered"
BAD = 2
MOST_LOAD_S = 900


class Request(Record):
    """What a worker is asked to do."""

    file: Path
    name: str
    out: Path | None = Field(default=None, description="folder of the result; none: answer once")
    quick: bool = False
    meter: str = "auto"
    country: str | None = None
    loads: int = 0
    accelerator_names: tuple[str, ...] = ()


def job_of(request: Request) -> Job:
    """Read the job that a request names."""
    return load_jobs(request.file).measurements[request.name]


def measure(request: Request, tell: Callable[[Progress], None]) -> Path:
    """Make one measurement and write its file."""
    job = job_of(request)
    beginning = Beginning.now()
    loads_s = [load_time_s(request) for _ in range(_loads(request, job))]
    meters = open_meters(request.meter, country=request.country)
    effort = QUICK if request.quick else FULL
    if isinstance(job, EndpointJob):
        runtime, place, parameters = runtime_of(job), None, None
        swept = EndpointHarness(effort, meters.meter, tell).sweep(job)
    else:
        opened = open_runner(job, request.file.parent)
        runtime, place, parameters = opened.runtime, opened.place, opened.parameters
        swept = Harness(effort, meters.meter, tell).sweep(opened.runner)
    ran = Ran(
        name=request.name,
        job=job,
        runtime=runtime,
        place=place,
        parameters=parameters,
        boards=meters.boards,
        accelerator_names=request.accelerator_names,
        load_times_s=loads_s,
        grid_g_per_kwh=_grid(meters),
        effort=effort,
        beginning=beginning,
    )
    assert request.out is not None
    return write_measured(measured_of(ran, swept), request.out)


def _loads(request: Request, job: Job) -> int:
    """A server is loaded by others; a function of the user's may need what only it knows."""
    return 0 if isinstance(job, EndpointJob) else request.loads


def _grid(meters: Meters) -> float | None:
    return meters.meter.grid_g_per_kwh if isinstance(meters.meter, CodecarbonMeter) else None


def load_time_s(request: Request) -> float:
    """Start a fresh process and time it to its first answer [s]."""
    once = request.model_copy(update={"out": None})
    started_s = time.perf_counter()
    with start(once) as worker:
        assert worker.stdout is not None
        said = worker.stdout.readline().strip()
        answered_s = time.perf_counter()
        worker.wait(MOST_LOAD_S)
    if said != ANSWERED:
        raise TcoError(f"{request.name} gave no first answer in a fresh process")
    return answered_s - started_s


def start(request: Request) -> subprocess.Popen[str]:
    """Start a worker on a request; its messages go where ours go."""
    worker = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdin is not None
    worker.stdin.write(request.model_dump_json())
    worker.stdin.close()
    return worker


def run(request: Request) -> Path | None:
    """Make a measurement in a fresh process; none if it failed, with its reason on the screen.

    Ctrl-C reaches the worker too: it keeps what is finished, and we wait for that.
    """
    interrupted = False
    with start(request) as worker:
        assert worker.stdout is not None
        while True:
            try:
                said = worker.stdout.read().strip()
                status = worker.wait()
                break
            except KeyboardInterrupt:
                interrupted = True
    if status == 0 and said:
        return Path(said)
    if interrupted:
        raise KeyboardInterrupt
    return None


def answer_once(request: Request) -> None:
    """Load the model and make its first call."""
    runner = open_runner(job_of(request), request.file.parent).runner
    runner.prepare(runner.settings()[0])()


@dataclass
class Teller:
    """Tells a person how far a sweep is: one line renewed at a terminal, few lines elsewhere."""

    name: str
    every_s: float = 10.0
    _last_s: float = -1e9

    def __call__(self, progress: Progress) -> None:
        """Tell it, not too often."""
        terminal = sys.stderr.isatty()
        now_s = time.perf_counter()
        if not terminal and now_s - self._last_s < self.every_s:
            return
        self._last_s = now_s
        left = "" if progress.left_s is None else f", {progress.left_s:.0f} s left"
        text = f"{self.name}: {progress.done} of {progress.total}{left}  {progress.next_setting}"
        end = "" if terminal and progress.done < progress.total else "\n"
        sys.stderr.write(f"\r\x1b[K{text}{end}" if terminal else f"{text}\n")
        sys.stderr.flush()


def main() -> int:
    """Do what the request on the input asks; the file's path or a word goes to the output."""
    try:
        request = Request.model_validate(json.load(sys.stdin))
        if request.out is None:
            answer_once(request)
            said = ANSWERED
        else:
            said = str(measure(request, Teller(request.name)))
    except TcoError as error:
        sys.stderr.write(f"tco: {printable(str(error))}\n")
        return BAD
    except KeyboardInterrupt:
        return BAD  # nothing was there to keep; whoever started us says that it was stopped
    sys.stdout.write(said + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
