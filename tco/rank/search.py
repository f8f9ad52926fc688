"""Where a difference changes its sign: the search behind flip values and break-even points.

Many questions are searched at once, because one evaluation of the cost model answers many draws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tco.ledger.expression import Array

SECTIONS = 16
ROUNDS = 12
"""Sixteen sections twelve times over: 48 bits of a step, as fine as floats are."""


def first_changes(leads: Array, points: Array) -> tuple[Array, Array]:
    """Return the first step of each row over which its lead is lost, as two ends; NaN where none.

    A step that begins or ends where nothing is known changes nothing, and ends the search.

    Args:
        leads: How far ahead the first of two is, at each point (rows x points); positive at first.
        points: Where, in order of distance from today, of the same shape.
    """
    is_lost = leads < 0
    is_open = np.logical_and.accumulate(~np.isnan(leads), axis=1)
    hits = is_lost & is_open
    hits[:, 0] = False
    at = hits.argmax(axis=1)
    rows = np.arange(len(points))
    found = hits.any(axis=1)
    before = np.where(found, points[rows, np.maximum(at - 1, 0)], np.nan)
    after = np.where(found, points[rows, at], np.nan)
    return before, after


def narrowed(lead_at: Callable[[Array], Array], before: Array, after: Array) -> tuple[Array, Array]:
    """Narrow the steps in which leads are lost until their ends are neighbours.

    Args:
        lead_at: Leads of each row at some points (rows x points).
        before: End of each step at which the lead still holds, of shape (rows,).
        after: The end at which it is lost.

    Returns:
        The two ends again: the lead holds at the first and is lost at the second.
    """
    shares = np.linspace(0.0, 1.0, SECTIONS + 1)[np.newaxis, :]
    for _ in range(ROUNDS):
        points = before[:, np.newaxis] + (after - before)[:, np.newaxis] * shares
        points[:, -1] = after
        if (points[:, 1] == points[:, 0]).all():
            break
        leads = lead_at(points)
        leads[:, 0], leads[:, -1] = 0.0, -1.0  # known from the round before
        before, after = first_changes(leads, points)
    return before, after
