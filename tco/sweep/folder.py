"""A folder of results: parts that are written whole, and a manifest that says what they are.

What lies in the parts counts; the manifest follows them. So a sweep that is killed at any moment
loses the cells at work and those that ended since the last part, and no cell is ever there twice.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pyarrow.parquet as pq

from tco.data import write_whole
from tco.errors import TcoError
from tco.sweep.question import Question
from tco.sweep.table import (
    ANSWERED,
    MANIFEST,
    AxisColumn,
    Done,
    Manifest,
    Part,
    Work,
    read_manifest,
    read_part,
    schema_of,
    table_of,
)

try:
    import fcntl
except ImportError:  # nothing of the kind on this system: two sweeps into one folder are unguarded
    fcntl = None  # type: ignore[assignment]

MOST_ROWS = 50_000
"""Rows of one part."""
LEAST_S, SHARE = 2.0, 0.05
"""A cell that ends so many seconds, or this share of the run, after the last part writes the next.

A kill costs what has ended since, and the cells that are at work.
"""
LOCK = ".lock"


@dataclass(slots=True)
class ResultFolder:
    """Where the results of one sweep go."""

    root: Path
    question: Question
    done: set[str] = field(default_factory=set)
    """Cells that lie in parts."""
    refused: int = 0
    work: Work = field(default_factory=Work)
    _axes: tuple[AxisColumn, ...] = ()
    _parts: list[Part] = field(default_factory=list)
    _last: int = 0
    _waiting: dict[str, list[Done]] = field(default_factory=dict)
    _rows_waiting: int = 0
    _began_s: float = field(default_factory=time.monotonic)
    _written_s: float = field(default_factory=time.monotonic)
    _lock: IO[Any] | None = None

    @classmethod
    def opened(cls, root: Path, question: Question, *, resume: bool) -> ResultFolder:
        """Begin a folder, or go on with one that holds the same sweep.

        Raises:
            TcoError: If it holds results already and these are not to be gone on with, or if they
                are of another sweep.
        """
        folder = cls(root, question, _axes=question.axes)
        there = (root / MANIFEST).exists()
        if there:
            before = read_manifest(root)
            if not resume:
                raise TcoError(
                    f"{root} holds a sweep already, {before.done:,} of {before.cells:,} cells "
                    "done. Go on with it by --resume, or choose another folder with --out."
                )
            _check_same(before, folder.manifest, root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            folder._take_lock()
            if there:
                folder._read_parts(before)
            folder._write_manifest()
        except BaseException as error:
            folder.close()
            if isinstance(error, OSError):
                raise TcoError(
                    f"{root} cannot be written to: {error.strerror}. Choose another folder with "
                    "--out."
                ) from None
            raise
        return folder

    def _take_lock(self) -> None:
        if fcntl is None:
            return
        self._lock = (self.root / LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TcoError(
                f"another 'tco sweep run' is writing to {self.root}; wait for it, or choose "
                "another folder with --out"
            ) from None

    def close(self) -> None:
        """Let others write to the folder."""
        if self._lock is not None:
            self._lock.close()

    def _read_parts(self, before: Manifest) -> None:
        """Take in what lies there, in the manifest or not yet; clear up what was half written."""
        self.work = before.work
        for half in self.root.rglob(".*.part"):
            half.unlink(missing_ok=True)
        schema, asked = schema_of(self._axes), set(self.question.keys.values())
        scenarios = {f"scenario={_quoted(id_)}": id_ for id_ in self.question.scenario_ids}
        for path in sorted(self.root.glob("rows/scenario=*/part-*.parquet")):
            name = path.relative_to(self.root).as_posix()
            scenario = scenarios.get(path.parent.name)
            if scenario is None:
                raise TcoError(
                    f"{path} lies under a scenario that is not of this sweep. Take it out of the "
                    "folder and run again with --resume."
                )
            table = read_part(self.root, name, schema)
            status = dict(zip(table["cell"].to_pylist(), table["status"].to_pylist(), strict=True))
            strange = status.keys() - asked
            if strange:
                raise TcoError(
                    f"{path} holds {len(strange)} cells that are not of this sweep. Take it out of "
                    "the folder and run again with --resume."
                )
            twice = self.done & set(status)
            if twice:
                raise TcoError(
                    f"{path} holds {len(twice)} cells that lie in another part too. Delete it and "
                    "run again with --resume."
                )
            self.done |= set(status)
            self.refused += sum(one != ANSWERED for one in status.values())
            self._parts.append(
                Part(path=name, scenario=scenario, rows=table.num_rows, cells=len(status))
            )
            self._last = max(self._last, int(path.stem.removeprefix("part-")))

    @property
    def manifest(self) -> Manifest:
        """What the folder holds now."""
        sweep, question = self.question.sweep, self.question
        return Manifest(
            format="sweep-results/1",
            name=sweep.name,
            title=sweep.title,
            question=sweep.question,
            digest=question.digest,
            basis=sweep.basis,
            fidelity=sweep.fidelity,
            is_full_grid=question.is_full_grid,
            replications=sweep.replications,
            axes=self._axes,
            cells=len(question.cells),
            done=len(self.done),
            refused=self.refused,
            parts=tuple(self._parts),
            work=self.work,
            rests_on=question.rests_on,
            sweep=sweep.model_dump(mode="json"),
        )

    def add(self, done: Done) -> None:
        """Take in a cell; what has come together is written down when it is time."""
        scenario = self.question.ground.scenarios[done.cell.scenario].id
        self._waiting.setdefault(scenario, []).append(done)
        self._rows_waiting += max(1, len(done.rows))
        now_s = time.monotonic()
        due_s = max(LEAST_S, SHARE * (now_s - self._began_s))
        if self._rows_waiting >= MOST_ROWS or now_s - self._written_s >= due_s:
            self.write()

    def write(self) -> None:
        """Write down what has come together."""
        for scenario, waiting in list(self._waiting.items()):
            cells = list({one.key: one for one in waiting if one.key not in self.done}.values())
            if not cells:
                del self._waiting[scenario]
                continue
            table = table_of(self._axes, cells)
            written = io.BytesIO()
            pq.write_table(table, written, compression="zstd")
            number = self._last + 1
            name = f"rows/scenario={_quoted(scenario)}/part-{number:06}.parquet"
            path = self.root / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, written.getvalue())
            except (OSError, TcoError) as error:
                raise TcoError(
                    f"{error} The {len(self.done):,} cells written before are kept; make room and "
                    "run again with --resume."
                ) from None
            self._last = number
            self._parts.append(
                Part(path=name, scenario=scenario, rows=table.num_rows, cells=len(cells))
            )
            self.done |= {one.key for one in cells}
            self.refused += sum(one.message is not None for one in cells)
            del self._waiting[scenario]
        self._rows_waiting = 0
        self._written_s = time.monotonic()
        self._write_manifest()

    def _write_manifest(self) -> None:
        text = self.manifest.model_dump_json(indent=2) + "\n"
        write_whole(self.root / MANIFEST, text.encode())


def _quoted(scenario: str) -> str:
    return quote(scenario, safe="").lower()


def _check_same(before: Manifest, now: Manifest, root: Path) -> None:
    """Refuse to go on with another sweep, and say in what it is another."""
    if before.digest == now.digest:
        return
    changed = [
        str(name)
        for name in dict.fromkeys([*before.rests_on, *now.rests_on])
        if before.rests_on.get(name) != now.rests_on.get(name)
    ]
    what = f"other {', '.join(changed)}" if changed else "other cells"
    raise TcoError(
        f"{root} holds this sweep with {what}, so its results cannot stand beside new ones. Choose "
        "another folder with --out; simulations that were worked out are used again."
    )
