"""A Python function of the user's, timed like any runtime."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from tco.domain.measure_job import CallableJob
from tco.domain.measured import Phase
from tco.errors import TcoError
from tco.measure.harness import Call, Setting


class CallableRunner:
    """Calls what ``make(batch, input_size)`` gives; the user's code waits for its own device."""

    def __init__(self, job: CallableJob) -> None:
        self._job = job
        self._make = _function(job.function)

    def settings(self) -> list[Setting]:
        """Give batches for each input size."""
        sizes: tuple[int | None, ...] = self._job.input_sizes or (None,)
        return [
            Setting(Phase.FORWARD, batch, float(batch), input_size=size)
            for size in sizes
            for batch in self._job.batches
        ]

    def prepare(self, setting: Setting) -> Call:
        """Ask the user's function for the call."""
        call = self._make(setting.batch, setting.input_size)
        if not callable(call):
            raise TcoError(
                f"{self._job.function} gave {type(call).__name__} for {setting}; it must return "
                "a function without arguments, the call that is timed"
            )
        found: Call = call
        return found

    def peak_device_gib(self) -> float | None:
        """Know nothing of the device."""
        return None


def _function(name: str) -> Callable[[int, int | None], Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise TcoError(f"{name}: {error}; run where Python finds the module") from None
    except AttributeError:
        raise TcoError(f"{name}: the module '{module}' has no '{attribute}'") from None
    if not callable(found):
        raise TcoError(f"{name} is no function")
    make: Callable[[int, int | None], Any] = found
    return make
