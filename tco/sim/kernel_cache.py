"""Whether the kernel has to be compiled before it runs, which takes seconds and is said."""

from __future__ import annotations

from pathlib import Path

from tco.sim import batch_kernel


def is_compiled() -> bool:
    """Tell whether this machine keeps the compiled kernel; true where nothing is compiled."""
    stats = getattr(batch_kernel.advance, "stats", None)
    if stats is None or stats.cache_path is None:
        return stats is None
    return any(Path(stats.cache_path).glob("batch_kernel.advance-*.nbi"))
