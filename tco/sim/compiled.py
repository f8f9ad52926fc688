"""How kernels are compiled: kept on disk, without the interpreter's lock, without counting owners.

The arrays that a kernel works on belong to its caller, who keeps them for as long as it runs.
Counting references to them for every request would take several times as long as the simulation
itself. A compiled function must therefore neither make arrays nor return any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "forceinline": True, "_nrt": False}
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function of a kernel when it is first called."""
    made: Function = njit(**OPTIONS)(function)
    return made
