"""Plans kept in a folder: one folder a plan, one file a version; nothing entered is lost.

``Store`` is what the app relies on, so that a database can take over: give it another class with
the same methods. A plan is a draft until somebody saves it under a title; drafts are found by
their id alone and not listed.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from tco.data import write_whole
from tco.errors import NotFoundError, TcoError

ONE_VERSION = timedelta(minutes=5)
"""Changes within this time of one another are one version."""
MOST_VERSIONS = 50
DRAFTS_LAST = timedelta(days=60)
MOST_TITLE = 120
_ID = re.compile(r"[0-9a-f]{16}")
Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """What is known of a kept plan without opening it."""

    id: str
    title: str
    use_case: str
    changed_at: str
    """When it was last written, UTC, ISO 8601."""
    is_draft: bool
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a plan."""

    number: int
    begun_at: str
    """When it was first written, UTC, ISO 8601."""


class Store(Protocol):
    """Where plans are kept."""

    def saved(self) -> list[Saved]:
        """Return the plans that have a title, the latest first."""

    def about(self, id_: str) -> Saved:
        """Return what is known of one plan, deleted or not."""

    def content(self, id_: str, version: int | None = None) -> Content:
        """Return a plan's data, the latest version if none is named."""

    def history(self, id_: str) -> list[Version]:
        """Return its versions, the latest first."""

    def add(self, content: Mapping[str, Any], title: str, use_case: str, *, is_draft: bool) -> str:
        """Keep a new plan; return its id."""

    def write(self, id_: str, content: Mapping[str, Any]) -> None:
        """Keep a plan's new state; a deleted plan is not written."""

    def rename(self, id_: str, title: str) -> None:
        """Give a plan another title; a draft is listed from then on."""

    def duplicate(self, id_: str) -> str:
        """Keep a copy of a plan's latest state; return its id."""

    def delete(self, id_: str) -> None:
        """Take a plan off the list; ``restore`` brings it back."""

    def restore(self, id_: str) -> None:
        """Bring a deleted plan back."""


class DeletedError(TcoError):
    """The plan was deleted, perhaps in another window."""


@dataclass(slots=True)
class FileStore:
    """Plans under one folder."""

    root: Path
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def saved(self) -> list[Saved]:
        """Return the plans that have a title, the latest first."""
        known = [self._about(folder) for folder in self._folders()]
        listed = [one for one in known if one and not one.is_draft and not one.is_deleted]
        return sorted(listed, key=lambda one: one.changed_at, reverse=True)

    def about(self, id_: str) -> Saved:
        """Return what is known of one plan, deleted or not."""
        found = self._about(self._folder(id_))
        if found is None:
            raise NotFoundError(
                "saved scenario", id_, [one.id for one in self.saved()], "Open one of the list."
            )
        return found

    def content(self, id_: str, version: int | None = None) -> Content:
        """Return a plan's data, the latest version if none is named."""
        self.about(id_)
        numbers = self._numbers(id_)
        wanted = max(numbers, default=0) if version is None else version
        if wanted not in numbers:
            raise TcoError(
                f"version {wanted} of '{self.about(id_).title}' is no longer kept; "
                f"the last {MOST_VERSIONS} are"
            )
        return dict(self._read(self._file(id_, wanted))["content"])

    def history(self, id_: str) -> list[Version]:
        """Return its versions, the latest first."""
        self.about(id_)
        return [
            Version(number, self._read(self._file(id_, number))["begun_at"])
            for number in sorted(self._numbers(id_), reverse=True)
        ]

    def add(self, content: Mapping[str, Any], title: str, use_case: str, *, is_draft: bool) -> str:
        """Keep a new plan; return its id."""
        with self._lock:
            self._drop_old_drafts()
            id_ = secrets.token_hex(8)
            self._make(self._folder(id_))
            self._write_version(id_, 1, content, _now())
            self._note(Saved(id_, _checked(title), use_case, _now(), is_draft))
            return id_

    def write(self, id_: str, content: Mapping[str, Any]) -> None:
        """Keep a plan's new state; a deleted plan is not written."""
        with self._lock:
            known = self.about(id_)
            if known.is_deleted:
                raise DeletedError(f"'{known.title}' was deleted; restore it, or go on with a copy")
            last = max(self._numbers(id_), default=0)
            number, begun_at = last + 1, _now()
            if last:
                before = self._read(self._file(id_, last))
                if before["content"] == dict(content):
                    return
                if _age(before["begun_at"]) < ONE_VERSION:
                    number, begun_at = last, before["begun_at"]
            self._write_version(id_, number, content, begun_at)
            self._note(replace(known, changed_at=_now()))
            for old in sorted(self._numbers(id_))[:-MOST_VERSIONS]:
                self._file(id_, old).unlink(missing_ok=True)

    def rename(self, id_: str, title: str) -> None:
        """Give a plan another title; a draft is listed from then on."""
        with self._lock:
            known = self.about(id_)
            self._note(replace(known, title=_checked(title), is_draft=False))

    def duplicate(self, id_: str) -> str:
        """Keep a copy of a plan's latest state; return its id."""
        known = self.about(id_)
        title = f"Copy of {known.title}"[:MOST_TITLE]
        return self.add(self.content(id_), title, known.use_case, is_draft=False)

    def delete(self, id_: str) -> None:
        """Take a plan off the list; ``restore`` brings it back."""
        with self._lock:
            self._note(replace(self.about(id_), is_deleted=True))

    def restore(self, id_: str) -> None:
        """Bring a deleted plan back."""
        with self._lock:
            self._note(replace(self.about(id_), is_deleted=False))

    # ---- files ----------------------------------------------------------------------------------

    def _folders(self) -> list[Path]:
        return [path for path in self.root.glob("*") if _ID.fullmatch(path.name)]

    def _folder(self, id_: str) -> Path:
        if not _ID.fullmatch(id_):
            raise NotFoundError("saved scenario", id_[:40], [], "Open one of the list.")
        return self.root / id_

    def _file(self, id_: str, number: int) -> Path:
        return self._folder(id_) / f"{number:06}.json"

    def _numbers(self, id_: str) -> list[int]:
        files = self._folder(id_).glob("*.json")
        return [int(file.stem) for file in files if file.stem.isdigit()]

    def _about(self, folder: Path) -> Saved | None:
        """Return what its note says; a folder without one was never finished."""
        note = folder / "about.json"
        if not note.is_file():
            return None
        try:
            return Saved(**self._read(note))
        except TypeError:
            raise TcoError(f"{note} was changed by hand and cannot be read; move it away") from None

    def _note(self, saved: Saved) -> None:
        text = json.dumps(asdict(saved), indent=1)
        write_whole(self._folder(saved.id) / "about.json", text.encode())

    def _write_version(
        self, id_: str, number: int, content: Mapping[str, Any], begun_at: str
    ) -> None:
        held = {"begun_at": begun_at, "content": dict(content)}
        write_whole(self._file(id_, number), json.dumps(held, allow_nan=False).encode())

    def _drop_old_drafts(self) -> None:
        for folder in self._folders():
            known = self._about(folder)
            if known and known.is_draft and _age(known.changed_at) > DRAFTS_LAST:
                shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _read(file: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(file.read_bytes()))
        except (OSError, ValueError) as error:
            raise TcoError(f"{file} cannot be read ({error}); move it away") from None

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise TcoError(f"{folder} cannot be made: {error.strerror}; free some room") from None


def _checked(title: str) -> str:
    title = " ".join(title.split())
    if not title or len(title) > MOST_TITLE:
        raise TcoError(f"a title has 1 to {MOST_TITLE} characters; this has {len(title)}")
    return title


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _age(at: str) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(at)
