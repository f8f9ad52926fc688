"""Tests of speed on machines that others use, too."""

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

import pytest

TRIES = 3
NAP_S = 0.005
BUSY_S = 0.02
"""So late a nap ends only where somebody else has the processors."""


class _Forgetful(Protocol):
    def forget(self) -> None: ...


Server = TypeVar("Server", bound=_Forgetful)


class Bystander:
    """Naps beside a test; how late it wakes tells how busy the machine is."""

    def __enter__(self) -> "Bystander":
        self.latest_s = 0.0
        self._over = threading.Event()
        self._naps = threading.Thread(target=self._nap)
        self._naps.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._naps.join()

    def _nap(self) -> None:
        while not self._over.is_set():
            began_s = time.perf_counter()
            time.sleep(NAP_S)
            self.latest_s = max(self.latest_s, time.perf_counter() - began_s - NAP_S)


def on_a_calm_moment(test: Callable[[Server], Any]) -> Callable[[Server], None]:
    """Give a test of speed three tries; where none fell on a calm moment, nothing was learnt."""

    @wraps(test)
    def tried(server: Server) -> None:
        late_s = []
        for _ in range(TRIES):
            with Bystander() as beside:
                try:
                    test(server)
                except AssertionError as error:
                    failure = error
                else:
                    return
            server.forget()
            late_s.append(beside.latest_s)
        if min(late_s) < BUSY_S:
            raise failure
        pytest.skip(f"a busy machine: naps of 5 ms ended {min(late_s):.3f} s late, three times")

    return tried
