"""Replay of a recorded stream, faster, slower or larger, without losing a row or a token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tco.errors import TcoError
from tco.traffic.requests import Requests

MOST_ROWS = 500_000_000


def in_order(requests: Requests) -> Requests:
    """Sort by arrival, keeping the order of ties; times stay as they are."""
    if np.all(np.diff(requests.arrival_s) >= 0):
        return requests
    return _taken(requests, np.argsort(requests.arrival_s, kind="stable"))


def scaled_in_time(requests: Requests, factor: float) -> Requests:
    """Stretch time: 2 takes twice as long at half the rate. Every row and every token is kept.

    Deadlines keep their distance from the arrival.
    """
    _is_positive("time", factor)
    arrival_s = requests.arrival_s * factor
    deadline_s = requests.deadline_s
    if deadline_s is not None:
        deadline_s = deadline_s - requests.arrival_s + arrival_s
    return replace(requests, arrival_s=arrival_s, deadline_s=deadline_s)


def scaled_in_rate(requests: Requests, factor: float, random: np.random.Generator) -> Requests:
    """Raise or lower the rate over the same span; bursts and slow movement stay where they are.

    A factor of 2.5 is every row twice and half of the rows once more, chosen evenly along the
    recording. Rows are the rounded product, tokens of a whole factor are its exact multiple. Copies
    come at a moment between their row and the next, so that they do not pile up in ties.
    """
    _is_positive("rate", factor)
    rows = requests.count
    total = round(rows * factor)
    if total > MOST_ROWS:
        raise TcoError(f"a replay of {total:,} rows does not fit; scale by less")
    if rows == 0:
        return requests
    copies = np.diff(np.floor((np.arange(rows + 1) * total) / rows + 0.5)).astype(np.int64)
    chosen = np.repeat(np.arange(rows), copies)
    is_copy = np.concatenate(([False], chosen[1:] == chosen[:-1]))
    last_s = requests.arrival_s[-1]
    gaps = np.diff(requests.arrival_s, append=last_s)
    later_s = np.where(is_copy, random.random(chosen.size) * gaps[chosen], 0.0)
    taken = _taken(requests, chosen)
    moved = replace(taken, arrival_s=taken.arrival_s + later_s)
    if taken.deadline_s is not None:
        moved = replace(moved, deadline_s=taken.deadline_s + later_s)
    return in_order(moved)


def _taken(requests: Requests, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Requests:
    columns = {
        name: column[rows]
        for name in ("arrival_s", "input_tokens", "output_tokens", "kind", "deadline_s")
        if (column := getattr(requests, name)) is not None
    }
    return replace(requests, **columns)


def _is_positive(what: str, factor: float) -> None:
    if not 0 < factor < float("inf"):
        raise TcoError(
            f"the {what} of a replay cannot be scaled by {factor:g}; use a factor over 0"
        )
