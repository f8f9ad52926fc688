"""Longer work beside the script: asked for, followed, cancelled, and shown when it is there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import streamlit as st

from tco.app import state
from tco.app.words import plain
from tco.errors import TcoError
from tco.tasks import StoppedError, Watch

MOST_KEPT = 64
PATIENCE_S, POLL_S = 0.5, 0.5
CHANGED_MIND = "changed-mind"
"""What a session has asked for, or stopped, against what a page does by itself."""
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work of one session."""

    watch: Watch = field(default_factory=Watch)
    future: Future[Any] = field(default_factory=Future)

    def work(self, work: Callable[[Watch], Any]) -> None:
        """Work it out; whatever goes wrong is raised where the result is asked for."""
        try:
            self.future.set_result(work(self.watch))
        except BaseException as error:
            self.future.set_exception(error)

    def is_there_within(self, seconds: float) -> bool:
        """Wait a moment for it [s]; tell whether it has come to an end, good or bad."""
        try:
            self.future.exception(timeout=seconds)
        except TimeoutError:
            return False
        return True


@dataclass(slots=True)
class Jobs:
    """The work of all sessions, each under a key of its own."""

    _known: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, key: str, work: Callable[[Watch], Any]) -> Job:
        """Return a piece of work; begin on it if that was not done before."""
        with self._lock:
            job = self._known.get(key)
            if job is None or job.watch.is_stopped:
                job = self._known[key] = Job()
                threading.Thread(target=job.work, args=(work,), daemon=True).start()
            self._known.move_to_end(key)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)[1].watch.stop()
            return job

    def stop(self, key: str) -> None:
        """End a piece of work."""
        with self._lock:
            job = self._known.pop(key, None)
            if job is not None:
                job.watch.stop()


@st.cache_resource
def _jobs() -> Jobs:
    return Jobs()


def worked_out(
    name: str, work: Callable[[Watch], T], *, label: str, says: str, at_once: bool = False
) -> T | None:
    """Return what some work found; None before it is asked for, while it goes on, and if it fails.

    Args:
        name: What it is and what it rests on; another name is other work.
        work: Does it, and looks at the watch now and then.
        label: Of the button that asks for it.
        says: What is going on, while it is.
        at_once: Whether it begins without a press of the button.
    """
    key = f"{state.who()} {name}"
    changed: set[str] = st.session_state.setdefault(CHANGED_MIND, set())
    if (key in changed) == at_once:
        st.button(label, key=f"ask-{name}", on_click=_turn, args=(key,))
        return None
    job = _jobs().ask(key, work)
    if not job.is_there_within(PATIENCE_S):
        _strip(job, key, says)
        return None
    try:
        return cast("T", job.future.result())
    except StoppedError:
        st.info("It was stopped.", icon=":material/block:")
    except TcoError as error:
        st.warning(plain(str(error)), icon=":material/warning:")
    except Exception:
        _jobs().stop(key)  # what failed is tried anew by the next run
        raise
    st.button("Try again", key=f"again-{name}", on_click=_jobs().stop, args=(key,))
    return None


def _turn(key: str) -> None:
    changed: set[str] = st.session_state[CHANGED_MIND]
    changed ^= {key}


@st.fragment(run_every=POLL_S)
def _strip(job: Job, key: str, says: str) -> None:
    if job.future.done():
        st.rerun()
    told, stop = st.columns([5, 1], vertical_alignment="center")
    watch = job.watch
    told.progress(watch.done / watch.wanted if watch.wanted else 0.0, text=says)
    if stop.button("Cancel", key=f"stop-{key}", width="stretch"):
        _jobs().stop(key)
        _turn(key)
        st.rerun()
