"""Drawn or recorded traffic as a fleet takes it: ranks, tokens, deadlines, time of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tco.domain.service import BatchService
from tco.errors import NotFoundError, TcoError
from tco.sim.run import NONE_WHOLE, NOTHING, Requests
from tco.traffic import requests as traffic

Array = NDArray[np.float64]


def offered(
    trace: traffic.Requests,
    arrivals_s: Array | None = None,
    *,
    figures: BatchService | None = None,
    served_first: Sequence[str] = (),
    jobs_come_last: bool = True,
) -> Requests:
    """Return requests as a fleet takes them.

    Args:
        trace: Requests in order of arrival.
        arrivals_s: When they come, if not when the trace says so [s].
        figures: Seconds a token; without any, tokens are counted and take no time.
        served_first: Classes that go before all others.
        jobs_come_last: Whether requests with a deadline go behind those without.
    """
    ranks = _ranks(trace, served_first)
    due_s = NOTHING if trace.deadline_s is None else trace.deadline_s
    if due_s.size and jobs_come_last:
        ranks = np.maximum(ranks if ranks.size else 0, np.isfinite(due_s).astype(np.int64))
    return Requests(
        trace.arrival_s if arrivals_s is None else arrivals_s,
        ranks=ranks,
        own_s=NOTHING if figures is None else _own_s(trace, figures),
        input_tokens=_tokens(trace.input_tokens),
        output_tokens=_tokens(trace.output_tokens),
        due_s=due_s,
    )


def with_engine_columns(
    requests: Requests, cached_share: float, adapters: int, random: np.random.Generator
) -> Requests:
    """Add what an LLM engine looks at: tokens in its prefix cache, and adapters.

    Args:
        requests: With their tokens.
        cached_share: Share of each prompt that is in the cache [-].
        adapters: Number of adapters that requests ask for, each equally often; 0 for none.
        random: Draws the adapters.
    """
    count = requests.arrivals_s.size
    return replace(
        requests,
        cached_tokens=np.floor(requests.input_tokens * cached_share) if cached_share else NOTHING,
        adapters=random.integers(adapters, size=count) if adapters else NONE_WHOLE,
    )


def _tokens(tokens: NDArray[np.int64] | None) -> Array:
    return NOTHING if tokens is None else np.asarray(tokens, dtype=np.float64)


def _own_s(trace: traffic.Requests, figures: BatchService) -> Array:
    """Return what the tokens of each request take [s]; empty where tokens do not matter."""
    if not figures.depends_on_tokens:
        return np.empty(0)
    own_s = np.zeros(trace.count)
    for name, tokens, seconds in (
        ("input_tokens", trace.input_tokens, figures.per_input_token_s),
        ("output_tokens", trace.output_tokens, figures.per_output_token_s),
    ):
        if seconds > 0:
            if tokens is None:
                raise TcoError(
                    f"the service takes seconds by {name} and the trace has no column {name}; "
                    "add the column, or leave the figure out of the service file"
                )
            own_s += seconds * tokens
    return own_s


def _ranks(trace: traffic.Requests, first: Sequence[str]) -> NDArray[np.int64]:
    """Return 0 for requests that are served first and 1 for the others; empty if all are alike."""
    if not first:
        return NONE_WHOLE
    if trace.kind is None:
        raise TcoError(
            "the deployment serves some classes first and the trace has no column class; "
            "add the column, or leave queue.served_first out"
        )
    for name in first:
        if name not in trace.classes:
            action = f"The trace has {', '.join(trace.classes)}; correct queue.served_first."
            raise NotFoundError("class", name, trace.classes, action)
    numbers = [number for number, name in enumerate(trace.classes) if name in first]
    return np.where(np.isin(trace.kind, numbers), 0, 1).astype(np.int64)
