"""Results of sweeps that a person may look at: folders in one place, by name and never by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tco.errors import NotFoundError
from tco.store.brought import MOST_BYTES
from tco.sweep import Found, Manifest, read_file, read_folder
from tco.sweep.table import MANIFEST, read_manifest

MOST_ROWS = 1_000_000
MOST_UNPACKED_BYTES = 500_000_000
MOST_FOLDERS = 200


@dataclass(frozen=True, slots=True)
class ResultsShelf:
    """The folders of results that lie in one place."""

    root: Path

    def names(self) -> list[str]:
        """Names of folders with results, the latest first; what leads elsewhere is none."""
        found = [path for path in self.root.glob(f"*/{MANIFEST}") if self._is_inside(path)]
        found.sort(key=lambda path: -path.stat().st_mtime)
        return [path.parent.name for path in found[:MOST_FOLDERS]]

    def _is_inside(self, path: Path) -> bool:
        return path.resolve() == self.root.resolve() / path.parent.name / MANIFEST

    def manifest(self, name: str) -> Manifest:
        """Return what a folder says of itself."""
        return read_manifest(self._folder(name))

    def read(self, name: str) -> Found:
        """Read the results of a folder."""
        return read_folder(self._folder(name), most_rows=MOST_ROWS)

    def _folder(self, name: str) -> Path:
        names = self.names()
        if name not in names:
            raise NotFoundError("results", name, names, "Choose one of the list.")
        return self.root / name


def brought_results(name: str, raw: bytes) -> Found:
    """Read results from one file that a person brings."""
    return read_file(
        raw,
        name,
        most_rows=MOST_ROWS,
        most_bytes=MOST_BYTES,
        most_unpacked_bytes=MOST_UNPACKED_BYTES,
    )
