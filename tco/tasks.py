"""Work that need not be done twice: results kept on disk under the digest of what they rest on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tco.data import write_whole
from tco.errors import TcoError

Result = dict[str, Any]


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


@dataclass(frozen=True, slots=True)
class Kept:
    """Results on disk; without a folder nothing is kept."""

    folder: Path | None = None

    def result(self, key: str, work_out: Callable[[], Result]) -> Result:
        """Return the result under a key, worked out and kept if it is not there.

        A file that cannot be read is as good as none, and a folder that cannot be written to costs
        time only: what is kept here can always be worked out again.
        """
        if self.folder is None:
            return work_out()
        path = self.folder / key[:2] / f"{key}.json"
        with suppress(OSError, ValueError):
            found = json.loads(path.read_bytes())
            if isinstance(found, dict):
                return found
        result = work_out()
        with suppress(OSError, TcoError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(result, allow_nan=False).encode())
        return result
