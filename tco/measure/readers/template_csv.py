"""Our own plain table: one row a point, the unit in the name of every column."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from tco.domain.measured import Energy, EnergyMethod, EnergyScope, Kind, Phase, Point, Spread, Unit
from tco.domain.record import Evidence
from tco.errors import nearest
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading

TOOL = "table"
REQUIRED = ("phase", "seconds")
COLUMNS = (
    *REQUIRED, "batch", "input_size", "context_tokens", "concurrency", "offered_per_s",
    "input_tokens", "output_tokens", "seconds_p90", "seconds_p95", "seconds_p99", "ttft_s",
    "tpot_s", "throughput_per_s", "throughput_unit", "completed", "failed", "window_s", "energy_j",
    "energy_scope", "energy_method", "peak_host_gib", "peak_device_gib",
)  # fmt: skip
EXAMPLE = """\
phase,batch,input_size,seconds,seconds_p95,throughput_per_s,throughput_unit,energy_j,energy_scope,energy_method
forward,1,128,0.0041,0.0044,243,items,0.21,board,counter
forward,8,128,0.0102,0.0110,784,items,0.62,board,counter
forward,32,128,0.0331,0.0349,966,items,2.10,board,counter
"""
WRONG_UNITS = ("_ms", "_us", "_ns", "_kwh", "_wh", "_mj", "_kj")
UNIT_OF = {Phase.FORWARD: Unit.ITEMS, Phase.REQUEST: Unit.REQUESTS, Phase.TRAIN_STEP: Unit.ITEMS}


def recognises(content: Content) -> bool:
    """Tell it by the columns that every row must have."""
    return not content.is_json and "phase" in content.header


def read(content: Content, about: About) -> Reading:
    """Read the rows; a column that we do not know is refused, since its unit is not known."""
    rows = list(content.row_fields())
    for column in content.header:
        if column not in COLUMNS:
            wrong = column.lower().endswith(WRONG_UNITS)
            problem = "expected seconds and joules, found another unit" if wrong else (
                f"expected one of our columns; nearest: {nearest(column, COLUMNS)}"
            )  # fmt: skip
            action = "convert it and rename the column" if wrong else "rename it or take it out"
            raise rows[0].refusal(column, problem, action)
    for column in REQUIRED:
        if column not in content.header:
            raise rows[0].refusal(column, "expected this column, found none", "add it")
    points = tuple(_point(row) for row in rows)
    phases = {point.phase for point in points}
    kind = Kind.CLASSIC
    if Phase.REQUEST in phases:
        kind = Kind.ENDPOINT
    elif phases & {Phase.DECODE, Phase.PREFILL}:
        kind = Kind.LLM
    elif Phase.TRAIN_STEP in phases:
        kind = Kind.TRAINING
    return Reading(
        tool=TOOL,
        kind=kind,
        measured_in="server" if kind is Kind.ENDPOINT else "process",
        points=points,
    )


def _point(row: Fields) -> Point:
    phase = _word(row, "phase", Phase)
    assert phase is not None
    energy = None
    if row.has("energy_j"):
        scope = _word(row, "energy_scope", EnergyScope)
        method = _word(row, "energy_method", EnergyMethod)
        if scope is None or method is None:
            missing = "energy_scope" if scope is None else "energy_method"
            raise row.refusal(
                missing, "expected it beside energy_j, found nothing", "say whose energy, and how"
            )
        modelled = method is EnergyMethod.MODELLED
        energy = Energy(
            joules=row.positive("energy_j"),
            scope=scope,
            method=method,
            evidence=Evidence.ESTIMATED if modelled else Evidence.IMPORTED,
        )
    plain = (
        "batch",
        "context_tokens",
        "concurrency",
        "offered_per_s",
        "input_tokens",
        "output_tokens",
        "throughput_per_s",
        "window_s",
        "peak_host_gib",
        "peak_device_gib",
    )
    whole = ("input_size", "completed", "failed")
    cells: dict[str, Any] = {
        **{key: row.maybe_positive(key) for key in plain},
        **{key: _whole(row, key) for key in whole},
    }
    return Point(
        phase=phase,
        seconds=_seconds(row),
        ttft_s=_median(row, "ttft_s"),
        tpot_s=_median(row, "tpot_s"),
        throughput_unit=_word(row, "throughput_unit", Unit) or UNIT_OF.get(phase, Unit.TOKENS),
        energy=energy,
        **cells,
    )  # fmt: skip


Word = TypeVar("Word", bound=StrEnum)


def _word(row: Fields, key: str, words: type[Word]) -> Word | None:
    found = row.text(key)
    if found is None:
        return None
    known = [word.value for word in words]
    if found not in known:
        problem = f"expected one of {', '.join(known)}, found '{found}'"
        raise row.refusal(key, problem, "correct the cell")
    return words(found)


def _whole(row: Fields, key: str) -> int | None:
    found = row.maybe(key)
    if found is not None and found != int(found):
        raise row.refusal(key, f"expected a whole number, found {found:g}", "correct the cell")
    return None if found is None else int(found)


def _seconds(row: Fields) -> Spread:
    quantiles = {q: row.maybe_positive(f"seconds_{q}") for q in ("p90", "p95", "p99")}
    known = [row.positive("seconds"), *(value for value in quantiles.values() if value)]
    if known != sorted(known):
        problem = f"expected median, p90, p95 and p99 in order, found {known}"
        raise row.refusal("seconds", problem, "correct the row")
    return Spread.model_validate({"median": known[0], **quantiles})


def _median(row: Fields, key: str) -> Spread | None:
    found = row.maybe_positive(key)
    return None if found is None else Spread(median=found)
