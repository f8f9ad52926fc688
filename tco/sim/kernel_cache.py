"""The compiled kernel on disk: whether it is there, and that it is not out of date."""

from __future__ import annotations

from pathlib import Path

from tco.sim import batch_kernel

HERE = Path(__file__).parent
MAKES_COMPILED = "from tco.sim.compiled import compiled"
ALSO = ("compiled.py", "kernel_layout.py")
"""What compiled code is made with, beside the files that hold it."""


def is_compiled(*, of_steps: bool = False) -> bool:
    """Tell whether this machine keeps the compiled kernel; true where nothing is compiled.

    Args:
        of_steps: Ask for the kernel of LLM steps, not of batches.
    """
    folder = _folder()
    if folder is None:
        return getattr(batch_kernel.advance, "stats", None) is None
    return any(folder.glob(f"{'llm' if of_steps else 'batch'}_kernel.advance-*.nbi"))


def drop_outdated() -> None:
    """Forget compiled code that is older than any of its parts.

    Numba sees when the file of a function has changed, and not when one of those that it calls has.
    """
    folder = _folder()
    if folder is None:
        return
    files = parts()
    changed_s = max(file.stat().st_mtime for file in files)
    for file in files:
        for index in folder.glob(f"{file.stem}.*.nbi"):
            if index.stat().st_mtime < changed_s:
                index.unlink(missing_ok=True)


def parts() -> list[Path]:
    """Return the files that compiled code depends on."""
    files = sorted(HERE.glob("*.py"))
    return [f for f in files if f.name in ALSO or MAKES_COMPILED in f.read_text(encoding="utf-8")]


def _folder() -> Path | None:
    stats = getattr(batch_kernel.advance, "stats", None)
    return None if stats is None or stats.cache_path is None else Path(stats.cache_path)
