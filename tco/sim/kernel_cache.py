"""The compiled kernel on disk: whether it is there, and that it is not out of date."""

from __future__ import annotations

from pathlib import Path

from tco.sim import (
    batch_kernel,
    compiled,
    dispatch_kernel,
    kernel_layout,
    latency_bins,
    line_kernel,
    llm_apart,
    llm_kernel,
    llm_schedule,
    llm_state,
    llm_steps,
    llm_tally,
    serverless,
)

PARTS = (
    batch_kernel,
    compiled,
    dispatch_kernel,
    kernel_layout,
    latency_bins,
    line_kernel,
    llm_apart,
    llm_kernel,
    llm_schedule,
    llm_state,
    llm_steps,
    llm_tally,
    serverless,
)


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
    changed_s = max(Path(str(part.__file__)).stat().st_mtime for part in PARTS)
    for part in PARTS:
        name = part.__name__.rpartition(".")[2]
        for index in folder.glob(f"{name}.*.nbi"):
            if index.stat().st_mtime < changed_s:
                index.unlink(missing_ok=True)


def _folder() -> Path | None:
    stats = getattr(batch_kernel.advance, "stats", None)
    return None if stats is None or stats.cache_path is None else Path(stats.cache_path)
