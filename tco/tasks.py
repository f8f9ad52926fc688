"""Work that need not be done twice, and work done side by side.

Results are kept on disk under the digest of what they rest on. What is missing is worked out in one
pool of processes, which survives a worker that dies.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from tco.data import write_whole
from tco.errors import InfeasibleError, TcoError

Result = dict[str, Any]
LOG = logging.getLogger(__name__)
WORTH_A_POOL_S = 3.0
"""Starting workers takes about as long as two seconds of work."""
WORTH_STOPPING_S = 1.0
"""What takes longer is not done in a process that answers people."""
MOST_WORKERS = 8
POLITENESS = 10
"""Whoever waits for a page goes first."""
LIVES = 2
"""A task that kills so many workers is at fault itself."""


def user_cache() -> Path:
    """Return the folder for results that can be worked out again; it need not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tco-planner"


def digest_of(parts: Mapping[str, Any]) -> str:
    """Return the sha256 of plain data in canonical form.

    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    """
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def source_digest(folder: Path) -> str:
    """Return the sha256 of all modules of a package: other code, other results."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """Return the installed versions of packages that results depend on."""
    return {package: version(package) for package in packages}


class Task(Protocol):
    """A piece of work as plain data, so that another process can do it."""

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""

    @property
    def about_s(self) -> float:
        """How long it takes, roughly [s]."""

    def work(self) -> Result:
        """Work it out."""


class StoppedError(Exception):
    """Nobody waits for the work any longer."""


LOOK_S = 0.2
"""How often workers and the lock are looked away from, to see whether anybody still waits [s]."""


@dataclass(slots=True, eq=False)
class Watch:
    """How far work has come, for who waits; and their word that they wait no longer."""

    done: int = 0
    wanted: int = 0
    lost: int = 0
    """Tasks whose workers died: refused for now, and worth another try."""
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def stop(self) -> None:
        """End the work; what it has worked out so far is kept."""
        self._stop.set()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody waits any longer."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise if nobody waits any longer."""
        if self.is_stopped:
            raise StoppedError


class WantedError(Exception):
    """A result is not there yet; whoever asked can come back when it is."""

    def __init__(self, task: Task) -> None:
        self.task = task
        super().__init__(f"{type(task).__name__} {task.key} has not been worked out")


@dataclass(frozen=True, slots=True)
class Kept:
    """Results on disk; without a folder they last as long as this object."""

    folder: Path | None = None
    watch: Watch | None = None
    """Given, anything that takes a while is done by workers, where it can be stopped."""
    _here: dict[str, Result | TcoError] = field(default_factory=dict, repr=False, compare=False)

    def of(self, task: Task) -> Result:
        """Return the result of a task, or raise ``WantedError``; a failure is raised again."""
        found = self._here.get(task.key) or self._on_disk(task.key)
        if found is None:
            raise WantedError(task)
        if isinstance(found, TcoError):
            raise found
        return found

    def work_out(self, tasks: Sequence[Task]) -> None:
        """Work out tasks, side by side where that pays, and keep each as soon as it is there."""
        tasks = list({task.key: task for task in tasks}.values())
        watch = self.watch or Watch()
        watch.wanted += len(tasks)
        about_s = sum(task.about_s for task in tasks)
        is_shared = len(tasks) > 1 and about_s > WORTH_A_POOL_S
        if is_shared or (self.watch is not None and about_s > WORTH_STOPPING_S):
            for number, outcome in side_by_side(tasks, watch):
                self._keep(tasks[number].key, outcome)
                watch.done += 1
            return
        for task in tasks:
            watch.check()
            self._keep(task.key, outcome_of(task))
            watch.done += 1

    def _keep(self, key: str, outcome: Result | TcoError) -> None:
        self._here[key] = outcome
        if self.folder is None or isinstance(outcome, TcoError):
            return
        path = self._path(key)
        # A folder that cannot be written to costs time only: it can all be worked out again.
        with suppress(OSError, TcoError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(outcome, allow_nan=False).encode())

    def _on_disk(self, key: str) -> Result | None:
        """Return what lies on disk; a file that cannot be read is as good as none."""
        if self.folder is None:
            return None
        with suppress(OSError, ValueError):
            found = json.loads(self._path(key).read_bytes())
            if isinstance(found, dict):
                return found
        return None

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.json"


def outcome_of(task: Task) -> Result | TcoError:
    """Return the result, or the refusal; anything else is a fault and is raised.

    What went through a file comes back as lists and plain keys, so what did not does too.
    """
    try:
        return dict(json.loads(json.dumps(task.work(), allow_nan=False)))
    except TcoError as error:
        return error


# ---- the pool -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loan:
    """What many tasks rest on and is too much to send with each: every worker is sent it once."""

    key: str
    value: Any


_BORROWED: dict[str, Any] = {}


def borrowed(key: str) -> Any:
    """Return, in a worker, what was lent to it."""
    return _BORROWED[key]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    holds: str | None = None
    """Key of what was lent to it."""


@dataclass(slots=True)
class _Waiting:
    """Tasks that nobody is at: those of a worker that died first."""

    source: Iterator[Task | None]
    again: list[tuple[int, Task]] = field(default_factory=list)
    _count: int = 0

    def next(self) -> tuple[int, Task] | None:
        """Return the next task with its number, if there is one to be begun now."""
        if self.again:
            return self.again.pop()
        task = next(self.source, None)
        if task is None:
            return None
        self._count += 1
        return self._count - 1, task


@dataclass(slots=True)
class Pool:
    """Worker processes, started when first needed and kept for the next time.

    Each has a pipe of its own, so that a death is known together with the task it was at.
    """

    size: int
    _workers: list[_Worker] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self, tasks: Iterable[Task | None], watch: Watch | None = None, loan: Loan | None = None
    ) -> Iterator[tuple[int, Result | TcoError]]:
        """Yield the number and outcome of each task as it ends.

        Whoever stops in the middle, by Ctrl-C or over the watch, keeps what has come so far; the
        workers are ended with what they were at.

        Args:
            tasks: Looked at when a worker is free; None says that the next one has to wait until
                another has ended.
            watch: Through which somebody may stop it.
            loan: What tasks find with ``borrowed``.
        """
        watch = watch or Watch()
        with self._my_turn(watch):
            waiting = _Waiting(iter(tasks))
            lives: defaultdict[int, int] = defaultdict(lambda: LIVES)
            at: dict[int, tuple[_Worker, int, Task]] = {}
            is_done = False
            try:
                while True:
                    self._hand_out(waiting, at, loan)
                    if not at:
                        break
                    watch.check()
                    for pipe in wait([worker.pipe for worker, *_ in at.values()], LOOK_S):
                        worker, number, task = at.pop(id(pipe))
                        try:
                            yield number, _received(worker.pipe.recv())
                        except (EOFError, OSError):
                            self._bury(worker)
                            lives[number] -= 1
                            if lives[number] > 0:
                                LOG.warning("a worker died; its task is begun again in a new one")
                                waiting.again.append((number, task))
                                continue
                            watch.lost += 1
                            yield (
                                number,
                                TcoError(
                                    f"its simulation killed {LIVES} worker processes, perhaps for "
                                    "want of memory; try a smaller volume, or close other programs"
                                ),
                            )
                is_done = True
            finally:
                if not is_done:
                    self.close()

    @contextmanager
    def _my_turn(self, watch: Watch) -> Iterator[None]:
        """Wait until the workers are free."""
        while not self._lock.acquire(timeout=LOOK_S):
            watch.check()
        try:
            yield
        finally:
            self._lock.release()

    def _hand_out(
        self, waiting: _Waiting, at: dict[int, tuple[_Worker, int, Task]], loan: Loan | None
    ) -> None:
        """Give every free worker a task; start one where there are fewer than there may be."""
        while len(at) < self.size and (turn := waiting.next()) is not None:
            busy = {id(worker) for worker, *_ in at.values()}
            free = [worker for worker in self._workers if id(worker) not in busy]
            worker = free[0] if free else self._start()
            at[id(worker.pipe)] = (worker, *turn)
            # One that has died meanwhile is found out when it is listened to.
            with suppress(BrokenPipeError, ConnectionResetError):
                if loan is not None and worker.holds != loan.key:
                    worker.pipe.send(loan)
                    worker.holds = loan.key
                worker.pipe.send(turn[1])

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        make = multiprocessing.get_context("spawn").Process
        process = make(target=_serve, args=(theirs,), daemon=True, name="tco-worker")
        with _without_main_module():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _bury(self, worker: _Worker) -> None:
        self._workers = [other for other in self._workers if other is not worker]
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()

    def close(self) -> None:
        """End all workers, whatever they are at."""
        for worker in list(self._workers):
            self._bury(worker)


@cache
def the_pool() -> Pool:
    """Return the one pool of this process: a worker a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Pool(max(1, min(MOST_WORKERS, cores or 1)))


def side_by_side(
    tasks: Sequence[Task], watch: Watch | None = None
) -> Iterator[tuple[int, Result | TcoError]]:
    """Yield the number and outcome of each task as it ends."""
    return the_pool().run(tasks, watch)


def _serve(pipe: Connection) -> None:
    """Do tasks in a worker process until the other end is closed; Ctrl-C is for the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(POLITENESS)
    with suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            if isinstance(task, Loan):
                _BORROWED.clear()
                _BORROWED[task.key] = task.value
                continue
            try:
                outcome = outcome_of(task)
                if isinstance(outcome, TcoError):  # some cannot be sent as they are
                    pipe.send(("refused", str(outcome)))
                else:
                    pipe.send(("done", outcome))
            except Exception as error:
                pipe.send(("fault", f"{type(error).__name__}: {error}"))


def _die_with_parent() -> None:
    """End this process, whatever it is at, when the one that started it is gone or killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _received(answer: tuple[str, Any]) -> Result | TcoError:
    kind, outcome = answer
    if kind == "fault":
        raise RuntimeError(f"a worker failed: {outcome}")
    return InfeasibleError(outcome) if kind == "refused" else dict(outcome)


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the program's main module while a worker starts.

    A new process would run it again: a script without a guard, or a page of the app.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
