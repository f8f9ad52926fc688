"""A Dask scheduler and workers as processes of their own, on the loopback; each ended by its id."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT

WAIT_S = 240.0


@dataclass
class Servers:
    """A cluster that a test starts and ends."""

    folder: Path
    scheduler: "subprocess.Popen[bytes]"
    address: str
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @classmethod
    def started(cls, folder: Path) -> "Servers":
        file = folder / "scheduler.json"
        scheduler = _process(
            folder, "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", file,
        )  # fmt: skip
        until(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        return cls(folder, scheduler, json.loads(file.read_text())["address"])

    def add_worker(self, **settings: str) -> "subprocess.Popen[bytes]":
        """Start a worker with one thread and a cache of its own.

        ``settings`` are variables of its environment.
        """
        number = len(self.workers)
        worker = _process(
            self.folder, "dask_worker", self.address, "--host", "127.0.0.1", "--no-nanny",
            "--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--name", f"w{number}",
            "--local-directory", self.folder / f"w{number}",
            XDG_CACHE_HOME=str(self.folder / f"cache-{number}"), **settings,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def kill(self, worker: "subprocess.Popen[bytes]") -> None:
        """End a worker at once, as a machine that is taken away does."""
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(WAIT_S)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):  # the scheduler last, or workers wait
            if process.poll() is None:
                process.kill()
                process.wait(WAIT_S)


def until(true) -> None:
    """Wait for something, and fail if it does not come."""
    began_s = time.monotonic()
    while not true():
        assert time.monotonic() - began_s < WAIT_S, "waited in vain"
        time.sleep(0.05)


def _process(
    folder: Path, name: str, *arguments: object, **settings: str
) -> "subprocess.Popen[bytes]":
    settings.setdefault("PYTHONPATH", str(ROOT))
    log = (folder / f"{name}-{time.monotonic_ns()}.log").open("wb")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", *map(str, arguments)],
            env={**os.environ, **settings},
            cwd=folder,  # what lies in the current folder would come first
            stdout=log,
            stderr=log,
        )
