"""Answers for all sessions: each plan is evaluated once, beside the script, and can be stopped.

An evaluation is never changed once it is there, so sessions that ask the same share it. What takes
longer than a moment goes on in a thread, with its simulations in the pool of processes; the page
shows the answer before meanwhile. A session that asks for something else waits no longer for what
it asked before, and work that nobody waits for is stopped.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import streamlit as st

from tco.plan import Evaluation, in_scope, with_draws
from tco.rank.scope import Scope
from tco.rank.uncertainty import DRAWS
from tco.tasks import StoppedError, Watch

MOST_KEPT = 48
Work = Callable[[Watch], Evaluation]


@dataclass(slots=True, eq=False)
class Reply:
    """One plan's answer, there or on its way."""

    key: str
    watch: Watch = field(default_factory=Watch)
    waiting: set[str] = field(default_factory=set)
    _future: Future[Evaluation] = field(default_factory=Future)
    _views: dict[tuple[Scope, int], Evaluation] = field(default_factory=dict)

    def work(self, work: Work) -> None:
        """Work it out; whatever goes wrong is raised where the answer is asked for."""
        try:
            self._future.set_result(work(self.watch))
        except BaseException as error:
            self._future.set_exception(error)

    def is_there_within(self, seconds: float) -> bool:
        """Wait a moment for it [s]; tell whether it is there, or why it never will be."""
        try:
            self._future.result(timeout=seconds)
        except TimeoutError:
            return False
        except StoppedError:
            return False
        return True

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come."""
        return self._future.done()

    def seen(self, scope: Scope, draws: int) -> Evaluation:
        """Return the answer under a scope, with ranges from so many draws; kept for next time."""
        wanted = (scope, draws)
        if wanted not in self._views:
            whole = self._future.result()
            if whole.settings.draws == draws:
                self._views[wanted] = in_scope(whole, scope)
            else:
                first = self.seen(scope, whole.settings.draws)
                self._views[wanted] = with_draws(first, draws)
        return self._views[wanted]

    def refined(self, scope: Scope) -> Evaluation:
        """Return the answer with ranges from all draws."""
        return self.seen(scope, DRAWS)


@dataclass(slots=True)
class Answers:
    """What has been asked, the latest last."""

    _replies: OrderedDict[str, Reply] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, who: str, key: str, work: Work) -> Reply:
        """Return the reply to a plan; begin on it if nobody has asked before."""
        with self._lock:
            reply = self._replies.get(key)
            if reply is None or reply.watch.is_stopped:
                reply = self._replies[key] = Reply(key)
                threading.Thread(target=reply.work, args=(work,), daemon=True).start()
            reply.waiting.add(who)
            self._replies.move_to_end(key)
            for other in list(self._replies.values()):
                if other is not reply:
                    self._leave(other, who)
            while len(self._replies) > MOST_KEPT:
                self._replies.popitem(last=False)
            return reply

    def known(self, key: str | None) -> Reply | None:
        """Return a reply that is there already."""
        reply = self._replies.get(key or "")
        return reply if reply is not None and reply.is_done and reply.is_there_within(0) else None

    def leave(self, who: str, key: str) -> None:
        """Wait no longer."""
        with self._lock:
            reply = self._replies.get(key)
            if reply is not None:
                self._leave(reply, who)

    def forget(self, key: str) -> None:
        """Drop an answer, so that the next to ask has it worked out anew."""
        with self._lock:
            self._replies.pop(key, None)

    @staticmethod
    def _leave(reply: Reply, who: str) -> None:
        reply.waiting.discard(who)
        if not reply.waiting and not reply.is_done:
            reply.watch.stop()


@st.cache_resource
def answers() -> Answers:
    """Return the answers of this server."""
    return Answers()
