"""Kinds of requests with hours of their own: which kind comes when, with shares that hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tco.domain.demand import RequestClass
from tco.errors import TcoError
from tco.traffic.tokens import Tokens, draw_sizes
from tco.units import HOURS_PER_DAY, SECONDS_PER_HOUR

Array = NDArray[np.float64]
ROUNDS = 2_000
CLOSE = 1e-9
TOO_FAR = 1e-4


def shares_by_hour(classes: dict[str, RequestClass], requests_by_hour: Array) -> Array:
    """Return the share of each class in each hour of the day [-], hours as rows.

    The weights by hour say how a class moves; its stated share of all requests must hold as well.
    Both are met by proportional fitting: scale the rows, scale the columns, until neither moves.

    Args:
        classes: Shares and weights by hour.
        requests_by_hour: Requests in each hour of the day [-].
    """
    total = float(requests_by_hour.sum())
    volume = requests_by_hour / total if total > 0 else np.full(HOURS_PER_DAY, 1 / HOURS_PER_DAY)
    stated = np.array([each.share for each in classes.values()])
    stated = stated / stated.sum()
    table = np.array([each.by_hour or (1.0,) * HOURS_PER_DAY for each in classes.values()]).T
    table = np.where(volume[:, None] > 0, table, 0.0)
    if np.any(table.sum(axis=1)[volume > 0] == 0):
        hour = int(np.argmax((table.sum(axis=1) == 0) & (volume > 0)))
        raise TcoError(f"classes: requests come at {hour:02d}:00 UTC, but no class has a weight")
    for _ in range(ROUNDS):
        rows = table.sum(axis=1, keepdims=True)
        table = table * np.divide(volume[:, None], rows, out=np.zeros_like(rows), where=rows > 0)
        columns = table.sum(axis=0)
        if np.max(np.abs(columns - stated)) < CLOSE:
            break
        factor = np.divide(stated, columns, out=np.zeros_like(columns), where=columns > 0)
        table = table * factor
    columns = (table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300)).T @ volume
    far = int(np.argmax(np.abs(columns - stated)))
    if abs(columns[far] - stated[far]) > TOO_FAR:
        name = list(classes)[far]
        raise TcoError(
            f"classes: '{name}' should be {stated[far]:.1%} of all requests, but its hours allow "
            f"{columns[far]:.1%}; widen by_hour or change the share"
        )
    rows = table.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(table, rows, out=np.zeros_like(table), where=rows > 0))


def draw_classes(
    classes: dict[str, RequestClass],
    arrival_s: Array,
    requests_by_hour: Array,
    random: np.random.Generator,
) -> tuple[NDArray[np.int16], Tokens, Tokens]:
    """Draw the class of each request by the hour in which it comes, and its size.

    Returns:
        Number of the class in the order of ``classes``, input tokens, output tokens.
    """
    until = np.cumsum(shares_by_hour(classes, requests_by_hour), axis=1)
    hour = (arrival_s // SECONDS_PER_HOUR).astype(np.int64) % HOURS_PER_DAY
    ranks = random.random(arrival_s.size)
    kind = np.zeros(arrival_s.size, dtype=np.int16)
    for number in range(len(classes) - 1):
        kind += ranks >= until[hour, number]
    inputs = np.zeros(arrival_s.size, dtype=np.int64)
    outputs = np.zeros(arrival_s.size, dtype=np.int64)
    for number, each in enumerate(classes.values()):
        mine = kind == number
        inputs[mine], outputs[mine] = draw_sizes(each.sizes, int(mine.sum()), random)
    return kind, inputs, outputs
