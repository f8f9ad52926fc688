"""Runs as trackers record them, and a table of runs that a tracker exported."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tco.errors import Finding, InputError, TcoError, nearest

MOST_BYTES = 100_000_000
PARAMETER = "param."
"""Columns that begin so hold parameters; other unknown columns hold tags."""
COLUMNS = {
    "run": "name that no other run has",
    "name": "name for people",
    "status": "finished, failed, killed or running",
    "started_at": "date and time, UTC where it says nothing",
    "ended_at": "the same",
    "duration_s": "length [s], where no end is given",
    "parent": "run that started this one",
}
STATUSES = {
    "finished": "FINISHED",
    "completed": "FINISHED",
    "success": "FINISHED",
    "failed": "FAILED",
    "crashed": "FAILED",
    "killed": "KILLED",
    "aborted": "KILLED",
    "stopped": "KILLED",
    "running": "RUNNING",
    "scheduled": "SCHEDULED",
}
"""Words of several trackers, in the words of one."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run as a tracker recorded it; what it did not record is None."""

    run: str
    status: str
    """FINISHED, FAILED, KILLED, RUNNING or SCHEDULED."""
    name: str | None = None
    began: datetime | None = None
    ended: datetime | None = None
    last_metric: datetime | None = None
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


def moment(milliseconds: float | None) -> datetime | None:
    """Read a time in milliseconds since 1970, UTC; 0 and None are no time.

    >>> moment(1781078400000)
    datetime.datetime(2026, 6, 10, 8, 0, tzinfo=datetime.timezone.utc)
    """
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(float(milliseconds) / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        raise TcoError(f"{milliseconds} is no time in milliseconds since 1970") from None


def read_runs(path: Path, names: Mapping[str, str]) -> list[TrackedRun]:
    """Read a CSV of runs; ``names`` says which columns hold what, where they have other names.

    Raises:
        InputError: With every finding of every row.
    """
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise TcoError(f"{path} has {len(content):,} bytes, more than {MOST_BYTES:,}; split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TcoError(f"{path} is not UTF-8; save it as 'CSV UTF-8'") from None
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise TcoError(f"{path} is not readable as CSV: {error}") from None
    header = [] if not rows else list(rows[0])
    columns = {role: names.get(role, role) for role in COLUMNS}
    missing = [
        columns[role] for role in ("run", "status", "started_at") if columns[role] not in header
    ]
    if missing:
        action = "name them with --column, such as started_at=Created"
        raise InputError(
            [
                Finding(str(path), 1, name, "no such column", action, nearest(name, header))
                for name in missing
            ]
        )
    findings: list[Finding] = []
    runs = [_run(row, columns, (str(path), line), findings) for line, row in enumerate(rows, 2)]
    _find_doubles(runs, str(path), findings)
    if findings:
        raise InputError(findings)
    return [run for run in runs if run is not None]


def _find_doubles(runs: list[TrackedRun | None], path: str, findings: list[Finding]) -> None:
    seen: set[str] = set()
    for line, run in enumerate(runs, 2):
        if run is not None and run.run in seen:
            action = "give each run its own name, or remove the copy"
            findings.append(Finding(path, line, "run", f"'{run.run}' comes twice", action))
        seen |= {run.run} if run is not None else set()


def _run(
    row: Mapping[str | None, object],
    columns: Mapping[str, str],
    place: tuple[str, int],
    findings: list[Finding],
) -> TrackedRun | None:
    cells = {str(name): str(cell).strip() for name, cell in row.items() if name and cell}
    if None in row:
        found = Finding(*place, "", "more cells than the header has", "quote text with commas")
        findings.append(found)
        return None
    known = {role: cells.get(column, "") for role, column in columns.items()}
    before = len(findings)

    def wrong(role: str, problem: str, action: str) -> None:
        findings.append(Finding(*place, columns[role], problem, action))

    status = STATUSES.get(known["status"].lower())
    if status is None:
        wrong("status", f"'{known['status'][:40]}' is not known", f"write {', '.join(STATUSES)}")
    if not known["run"]:
        wrong("run", "the cell is empty", "give the run a name")
    times = {}
    for role in ("started_at", "ended_at"):
        try:
            times[role] = _time(known[role])
        except ValueError:
            wrong(role, f"'{known[role][:40]}' is no time", "write 2026-06-10T08:00:00Z")
    try:
        seconds = float(known["duration_s"]) if known["duration_s"] else None
    except ValueError:
        wrong("duration_s", f"'{known['duration_s'][:40]}' is no number", "write seconds")
    if len(findings) > before:
        return None
    began, ended = times["started_at"], times["ended_at"]
    if ended is None and seconds is not None and began is not None:
        ended = began + timedelta(seconds=seconds)
    others = {name: cell for name, cell in cells.items() if name not in columns.values()}
    assert status is not None
    return TrackedRun(
        known["run"],
        status,
        known["name"] or None,
        began,
        ended,
        parent=known["parent"] or None,
        tags={name: cell for name, cell in others.items() if not name.startswith(PARAMETER)},
        params={
            name.removeprefix(PARAMETER): cell
            for name, cell in others.items()
            if name.startswith(PARAMETER)
        },
    )


def _time(text: str) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
