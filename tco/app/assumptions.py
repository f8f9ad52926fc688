"""Assumptions: every number behind the answer, with unit, range, source and grade, to be edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.words import begun, plain
from tco.charts.price_frames import price_table, price_tables
from tco.domain.changes import Held, estimates, plain_numbers
from tco.domain.record import Evidence
from tco.domain.source import Path_
from tco.plan import Evaluation
from tco.prices.audit import OLD_AFTER_DAYS
from tco.rank.words import in_words
from tco.store.plan import Plan

ORGANISATION = "organisation"
FIELDS = {
    "value": "likely",
    "low": "low",
    "high": "high",
    "evidence": "evidence",
    "source or reason": "source",
}
"""Columns that can be edited, and the key of each beside the value."""
NUMBERS = st.column_config.NumberColumn(format="%.6g")
KEY = st.column_config.TextColumn("key in the scenario's file", width="large")
NEVER_EMPTY = st.column_config.NumberColumn(format="%.6g", required=True)


@shell.input_page("Assumptions", "What does the answer rest on, who says so, how sure is it?")
def page(plan: Plan) -> None:
    """Draw the page."""
    held = estimates(plan.edited)
    own = [one for one in held if one.path[0] != ORGANISATION]
    firm = [one for one in held if one.path[0] == ORGANISATION]
    mine, ours, alone, all_drivers, prices = st.tabs(
        ["This scenario", "Organisation", "Counts and goals", "Everything behind the cost",
         "Prices & sources"]
    )  # fmt: skip
    with mine:
        st.caption(
            f"{len(own)} estimates of this scenario alone, the least certain first. Low and high "
            "are the 5th and 95th percentile. Blank: nobody has said."
        )
        _estimates(plan, own, "scenario")
    with ours:
        st.caption(
            "What finance owns for all scenarios: it stands in scenarios/organisation.yaml. An "
            "edit here holds for this scenario only and is listed as a change."
        )
        _estimates(plan, firm, ORGANISATION)
    with alone:
        st.caption("Numbers without a range: horizon, volume, goals, sizes of fleets, months.")
        _plain_numbers(plan)
    _reset(plan)
    with prices:
        _prices()
    with all_drivers:
        shown = shell.answered()
        if shown is not None:
            _drivers(shown.whole)


# ---- editing -------------------------------------------------------------------------------------


def _found(keys: Sequence[str], where: str) -> tuple[list[int], str]:
    """Return the rows that a search leaves, by their keys or by their words, and the search."""
    words = st.text_input(
        "Search", key=f"search-{where}", placeholder="part of a name, such as hours or price",
        help="Apply changes before you search for something else",
    )  # fmt: skip
    wanted = [n for n, key in enumerate(keys) if words.lower() in f"{key}\n{in_words(key)}".lower()]
    if not wanted:
        st.info(f"Nothing is called '{plain(words)}'; search for a shorter part of its name.")
    return wanted, words


def _estimates(plan: Plan, held: Sequence[Held], where: str) -> None:
    left, words = _found([one.key for one in held], where)
    if not left:
        return
    rows = [held[n] for n in left]
    names = [one.key.removesuffix(".likely") for one in rows]
    table = pd.DataFrame(
        {
            "input": [begun(in_words(name)) for name in names],
            "value": [one.likely for one in rows],
            "low": [one.low for one in rows],
            "high": [one.high for one in rows],
            "evidence": [one.evidence for one in rows],
            "source or reason": [one.source for one in rows],
            "key": names,
        }
    ).astype({"low": float, "high": float})
    key = f"assumed-{where}-{plan.edited.digest[:16]}-{words}"
    st.data_editor(
        table,
        key=key,
        hide_index=True,
        width="stretch",
        height=420,
        disabled=["input", "key"],
        column_config={
            "input": st.column_config.TextColumn("input", width="large"),
            "value": NEVER_EMPTY,
            "low": NUMBERS,
            "high": NUMBERS,
            "evidence": st.column_config.SelectboxColumn(
                options=[grade.value for grade in Evidence], required=True
            ),
            "source or reason": st.column_config.TextColumn(width="large"),
            "key": KEY,
        },
    )

    def apply() -> None:
        edited: dict[int, dict[str, Any]] = st.session_state[key]["edited_rows"]
        state.change_inputs(
            {
                (*rows[row].path[:-1], FIELDS[column]): value
                for row, cells in edited.items()
                for column, value in cells.items()
            }
        )

    st.button("Apply changes", on_click=apply, key=f"apply-{where}", type="primary")


def _plain_numbers(plan: Plan) -> None:
    numbers = plain_numbers(plan.edited)
    left, words = _found([one.key for one in numbers], "plain")
    if not left:
        return
    rows = [numbers[n] for n in left]
    table = pd.DataFrame(
        {
            "input": [begun(in_words(one.key)) for one in rows],
            "value": [float(one.value) for one in rows],
            "key": [one.key for one in rows],
        }
    )
    key = f"plain-{plan.edited.digest[:16]}-{words}"
    st.data_editor(
        table, key=key, hide_index=True, width="stretch", height=420, disabled=["input", "key"],
        column_config={"input": st.column_config.TextColumn(width="large"), "value": NUMBERS,
                       "key": KEY},
    )  # fmt: skip

    def apply() -> None:
        edited: dict[int, dict[str, Any]] = st.session_state[key]["edited_rows"]
        values: dict[Path_, Any] = {}
        for row, cells in edited.items():
            typed = cells["value"]
            values[rows[row].path] = None if typed is None else rows[row].as_typed(typed)
        state.change_inputs(values)

    st.button("Apply changes", on_click=apply, key="apply-plain", type="primary")


def _reset(plan: Plan) -> None:
    if not plan.changes:
        return
    st.subheader("Changed against the scenario as it was opened")
    names = {change.key: change for change in plan.changes}
    one, reset, every = st.columns([4, 1, 1], vertical_alignment="bottom")
    chosen = one.selectbox(
        "Changed input",
        list(names),
        format_func=lambda key: (
            f"{key}: {shell.short(names[key].before)} is now {shell.short(names[key].after)}"
        ),
        key="reset-one",
    )
    change = names[chosen]
    reset.button("Reset it", width="stretch", key="reset",
                 on_click=state.change_inputs, args=({change.path: change.before},))  # fmt: skip
    every.button("Reset all", width="stretch", key="reset-all", on_click=state.undo_changes)


# ---- what the cost rests on ----------------------------------------------------------------------


def _drivers(found: Evaluation) -> None:
    drivers = found.model.drivers()
    st.caption(
        f"{len(drivers)} named figures, prices included, whose arithmetic is the cost of all "
        "options; Overview opens each number down to them."
    )
    table = pd.DataFrame(
        {
            "figure": list(drivers),
            "value": [one.likely for one in drivers.values()],
            "unit": [one.unit for one in drivers.values()],
            "low": [one.low for one in drivers.values()],
            "high": [one.high for one in drivers.values()],
            "evidence": [one.evidence.value for one in drivers.values()],
            "date": [one.checked_on for one in drivers.values()],
            "source": [one.source for one in drivers.values()],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        height=480,
        alt="Every figure that the cost rests on",
        column_config={
            "figure": st.column_config.TextColumn(width="large"),
            **dict.fromkeys(("value", "low", "high"), NUMBERS),
            "source": st.column_config.TextColumn(width="large"),
        },
    )


def _prices() -> None:
    catalog = state.materials().catalog
    names = price_tables(catalog)
    name = st.selectbox(
        "Price table",
        list(names),
        format_func=lambda one: f"{one.replace('_', ' ').capitalize()} ({names[one]} rows)",
        key="price-table",
    )
    words = st.text_input("Search in its rows", key="price-search", placeholder="any part of a row")
    table = price_table(catalog, name, datetime.now(UTC).date())
    has_words = table.apply(lambda row: words.lower() in " ".join(map(str, row)).lower(), axis=1)
    st.dataframe(
        table[has_words], hide_index=True, width="stretch", height=480,
        alt=f"Rows of the table {name}",
        column_config={"source": st.column_config.TextColumn(width="large")},
    )  # fmt: skip
    st.caption(
        f"Rows older than {OLD_AFTER_DAYS} days say so. Prices of tokens that are not listed here "
        "come from the price package and stand under 'Everything behind the cost'. Bring your own "
        "prices under Uploads."
    )
