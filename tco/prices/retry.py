"""Asking again when a service is busy: a little later each time, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tco.errors import PriceSourceError

Answer = TypeVar("Answer")
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0
MOST_TRIES = 6


class Busy(Exception):  # noqa: N818 - not an error yet: the next try may succeed
    """The service asks us to come back later."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        """How long the service asks us to wait [s], None if it does not say."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How to wait and whom to tell; tests wait for nothing."""

    sleep: Callable[[float], None]
    tell: Callable[[str], None]

    def call(self, what: str, ask: Callable[[], Answer]) -> Answer:
        """Ask until an answer comes; waits double up to a limit.

        Raises:
            PriceSourceError: After the last try.
        """
        for attempt in range(MOST_TRIES):
            try:
                return ask()
            except Busy as busy:
                if attempt == MOST_TRIES - 1:
                    raise PriceSourceError(
                        f"{what} stayed busy after {MOST_TRIES} tries ({busy}). Try again later."
                    ) from None
                wait_s = min(busy.wait_s or FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S)
                self.tell(f"{what} is busy ({busy}); again in {wait_s:g} s")
                self.sleep(wait_s)
        raise AssertionError("unreachable")  # pragma: no cover
