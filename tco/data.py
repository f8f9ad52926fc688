"""Where the shipped tables and scenarios lie, and where a user's own rows go.

Look-up order: an explicit folder (``--data``), the variable ``TCO_DATA``, the project in the
current folder, the data packaged with the wheel. Writes never go there but to the user's overlay.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from tco.errors import TcoError

PARTS = ("pricing", "scenarios", "benchmarks")
PACKAGED = Path(__file__).parent / "_data"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """One folder that holds ``pricing/``, ``scenarios/`` and ``benchmarks/``."""

    root: Path
    found_by: str

    @property
    def pricing(self) -> Path:
        """Dated price tables."""
        return self.root / "pricing"

    @property
    def scenarios(self) -> Path:
        """Use cases, snapshots and the organisation."""
        return self.root / "scenarios"

    @property
    def benchmarks(self) -> Path:
        """Measurements and published figures."""
        return self.root / "benchmarks"


def method_text() -> str:
    """Return the page that says how figures are worked out; the wheel carries it."""
    carried = PACKAGED / "docs" / "method.md"
    page = carried if carried.is_file() else Path(__file__).parents[1] / "docs" / "method.md"
    return page.read_text(encoding="utf-8")


def data_folder(explicit: Path | None = None) -> DataFolder:
    """Find the data, or say where it was looked for."""
    if explicit is not None:
        return _whole(explicit, "--data")
    named = os.environ.get("TCO_DATA")
    if named:
        return _whole(Path(named), "the variable TCO_DATA")
    here = Path()
    if all((here / part).is_dir() for part in PARTS):
        return DataFolder(here.resolve(), "the project in the current folder")
    if PACKAGED.is_dir():
        return _whole(PACKAGED, "the installed package")
    return _whole(Path(__file__).parents[1], "the project that this program was installed from")


def _whole(root: Path, found_by: str) -> DataFolder:
    missing = [part for part in PARTS if not (root / part).is_dir()]
    if missing:
        raise TcoError(
            f"{root} (from {found_by}) has no folder {', '.join(missing)}. "
            f"Point --data or TCO_DATA at a folder that holds {', '.join(PARTS)}."
        )
    return DataFolder(root.resolve(), found_by)


def user_overlay() -> Path:
    """Return the folder for a user's own price rows; it need not exist yet."""
    named = os.environ.get("TCO_OVERLAY")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    if base:
        return Path(base) / "tco-planner"
    try:
        return Path.home() / ".local" / "share" / "tco-planner"
    except RuntimeError:
        raise TcoError("there is no home folder; set TCO_OVERLAY to a folder") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: it holds all of the content, or it stays as it was."""
    try:
        target = path.resolve()  # a link stays a link
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if target.exists() and not target.is_file():
            target.write_bytes(content)  # a device or a pipe is written to, never replaced
            return
        temporary = target.with_name(f".{os.getpid()}.{target.name[:200]}.part")
        try:
            temporary.write_bytes(content)
            if target.is_file():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TcoError(
            f"{path} cannot be written: {reason}. Nothing was changed; choose another place."
        ) from None
