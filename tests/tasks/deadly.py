"""Tasks for worker processes, importable there."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tco.errors import NotFoundError


@dataclass(frozen=True)
class Square:
    """Squares a number and says in which process."""

    number: int
    about_s: float = 100.0

    @property
    def key(self) -> str:
        return f"square-{self.number}"

    def work(self):
        return {"square": self.number**2, "pid": os.getpid()}


@dataclass(frozen=True)
class Killer:
    """Kills its own process, as one that takes all memory does, so many times."""

    marks: str
    times: int
    about_s: float = 100.0

    @property
    def key(self) -> str:
        return f"killer-{self.times}"

    def work(self):
        mark = Path(self.marks)
        before = len(list(mark.iterdir()))
        if before < self.times:
            (mark / str(before)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"survived": before}


@dataclass(frozen=True)
class Refused:
    """Is refused with an error that cannot be sent as it is."""

    key: str = "refused"
    about_s: float = 100.0

    def work(self):
        raise NotFoundError("thing", "x", ["y"], "Look again.")


@dataclass(frozen=True)
class Sleeper:
    """Takes long."""

    seconds: float
    key: str = "sleeper"
    about_s: float = 100.0

    def work(self):
        time.sleep(self.seconds)
        return {"slept": self.seconds}
