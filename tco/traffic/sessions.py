"""From requests of people to calls of a model: history sent again, prompt caches, tool loops.

Turn k of a session sends the k - 1 earlier exchanges again. Behind each request stand further calls
that bring the result of a tool. What a call has in common with the one before it may lie in the
prefix cache; how much of it does is set so that the cached share of all input is what the workload
says, which is what is priced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tco.domain.workload import Sessions, Workload
from tco.errors import InfeasibleError
from tco.traffic.requests import sized
from tco.traffic.tokens import in_whole_tokens

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NO_REAL = np.empty(0)
NO_WHOLE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class CallShape:
    """How requests become calls of one model, at likely values."""

    workload: Workload
    input_factor: float
    output_factor: float
    reasoning_tokens: float
    """Hidden tokens of each call [tokens]."""
    cached_share: float
    """Of all input tokens [-]."""
    call_s: float
    """From one call of a request to the next [s]."""
    adapters: int = 0

    @property
    def per_request(self) -> float:
        """Calls behind a request [-]."""
        sessions = self.workload.sessions
        return 1.0 if sessions is None else 1.0 + sessions.tool_calls_per_request.likely


class ModelCalls(NamedTuple):
    """Calls of a model in order of arrival."""

    arrivals_s: Array
    input_tokens: Whole
    cached_tokens: Whole
    output_tokens: Whole
    owners: Whole
    """Number of the request that each belongs to."""
    adapters: Whole
    """Adapter that each asks for; empty if there is none."""

    def part(self, which: slice | NDArray[np.intp]) -> ModelCalls:
        """Return some of them."""
        return ModelCalls._make(column[which] if column.size else column for column in self)

    def then(self, later: ModelCalls) -> ModelCalls:
        """Return these and others, in order of arrival."""
        both = ModelCalls._make(map(np.concatenate, zip(self, later, strict=True)))
        return both.part(np.argsort(both.arrivals_s, kind="stable"))


NO_CALLS = ModelCalls(NO_REAL, NO_WHOLE, NO_WHOLE, NO_WHOLE, NO_WHOLE, NO_WHOLE)


def draw_calls(
    shape: CallShape,
    times_s: Array,
    clock_s: Array,
    by_hour: Array,
    random: np.random.Generator,
    *,
    first_owner: int = 0,
) -> ModelCalls:
    """Draw the calls behind requests.

    Args:
        shape: How requests become calls.
        times_s: When the requests come, ascending [s].
        clock_s: The same as times of day, from a midnight on [s].
        by_hour: Requests in each hour of the day, for classes.
        random: Source of the draws.
        first_owner: Number of the first request.
    """
    drawn = sized(shape.workload, clock_s, by_hour, random)
    if drawn.input_tokens is None or drawn.output_tokens is None:
        raise InfeasibleError("a language model serves by tokens, and the workload states none")
    asked = drawn.input_tokens.astype(np.float64)
    answered = drawn.output_tokens.astype(np.float64)
    sessions = shape.workload.sessions
    history = np.zeros(times_s.size)
    if sessions is not None and sessions.history_sent_again:
        history = _history(sessions.turns.likely, asked + answered, random)
    request, number = _numbered(sessions, times_s.size, random)
    context = (asked + history)[request]
    wrote = brought = 0.0
    if sessions is not None:
        wrote, brought = sessions.tool_call_tokens.likely, sessions.tool_result_tokens.likely
    inputs = context + number * (wrote + brought)
    repeated = np.where(number == 0, history[request], inputs - brought)
    is_last = np.append(request[1:] != request[:-1], True) if request.size else request == 0
    outputs = np.where(is_last, answered[request], wrote)
    cached = _cached(inputs, repeated, shape.cached_share, request, random)
    found = ModelCalls(
        times_s[request] + number * shape.call_s,
        _whole(inputs * shape.input_factor, random),
        np.floor(cached * shape.input_factor).astype(np.int64),
        _whole(outputs * shape.output_factor + shape.reasoning_tokens, random),
        request + first_owner,
        random.integers(shape.adapters, size=times_s.size)[request] if shape.adapters else NO_WHOLE,
    )
    return found.part(np.argsort(found.arrivals_s, kind="stable"))


def _whole(tokens: Array, random: np.random.Generator) -> Whole:
    """Round at random so that the mean stays; a model reads and writes one token at least."""
    return np.maximum(1, in_whole_tokens(tokens, random))


def _history(turns: float, exchange: Array, random: np.random.Generator) -> Array:
    """Return the tokens of earlier exchanges; each request is any turn of its session."""
    lengths = np.floor(turns + random.random(exchange.size))
    earlier = np.floor(random.random(exchange.size) * lengths)
    history = np.zeros(exchange.size)
    for number in range(int(earlier.max(initial=0))):
        others = exchange[random.permutation(exchange.size)]
        history += np.where(earlier > number, others, 0.0)
    return history


def _numbered(
    sessions: Sessions | None, requests: int, random: np.random.Generator
) -> tuple[Whole, Whole]:
    """Return the request of each call, and the call's number within it."""
    tools = 0.0 if sessions is None else sessions.tool_calls_per_request.likely
    counts = 1 + np.floor(tools + random.random(requests)).astype(np.int64)
    request = np.repeat(np.arange(requests), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return request, np.arange(request.size) - first


def _cached(
    inputs: Array, repeated: Array, share: float, request: Whole, random: np.random.Generator
) -> Array:
    """Return what of each call lies in the cache, the mean being the share of all input.

    Where less is cached than repeats, some requests find their history and others do not; where
    more is, a part of the rest is common to all, as instructions are.
    """
    wanted, there = share * float(inputs.sum()), float(repeated.sum())
    if wanted <= there:
        found = random.random(int(request[-1]) + 1 if request.size else 0)
        return np.where(found[request] < wanted / there if there > 0 else False, repeated, 0.0)
    rest = inputs - repeated
    return repeated + rest * ((wanted - there) / float(rest.sum()))


def call_stream(
    shape: CallShape,
    blocks: Iterable[tuple[Array, Array]],
    by_hour: Array,
    random: np.random.Generator,
) -> Iterator[ModelCalls]:
    """Yield the calls behind blocks of requests, in order of arrival over all blocks.

    Args:
        shape: How requests become calls.
        blocks: Times of requests from the start, and times of day [s].
        by_hour: Requests in each hour of the day, for classes.
        random: Source of the draws.
    """  # fmt: skip
    held, owners = NO_CALLS, 0
    for times_s, clock_s in blocks:
        if not times_s.size:
            continue
        fresh = draw_calls(shape, times_s, clock_s, by_hour, random, first_owner=owners)
        owners += times_s.size
        both = held.then(fresh) if held.arrivals_s.size else fresh
        # Calls behind the last request may come among those of the next block.
        cut = int(np.searchsorted(both.arrivals_s, times_s[-1], side="right"))
        held = both.part(slice(cut, None))
        yield both.part(slice(cut))
    if held.arrivals_s.size:
        yield held
