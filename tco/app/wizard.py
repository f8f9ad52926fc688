"""A first scenario from a few answers; everything that was taken over is listed to be put right."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.words import begun, plain
from tco.domain.changes import estimates
from tco.domain.first_plan import NAME, Place, Said, Volume, Wait, first_scenario, months_pasted
from tco.domain.scenario import Scenario
from tco.errors import TcoError
from tco.store.plan import Plan

WAYS = ("Requests a month", "Users and what each asks", "Months from a spreadsheet")
KEEP: dict[str, Any] = {"persist_state": "session"}
"""What was typed is still there when one comes back to the page."""
MOST_MONTHS = 60


@shell.input_page("New scenario", "A complete plan from seven answers; change any of it later.")
def page(plan: Plan) -> None:
    """Draw the page."""
    with st.container(border=True):
        example = _task()
        said = _answers(example)
        if st.button("Make the scenario", type="primary", key="new-make") and said is not None:
            scenario = first_scenario(example, said)
            state.begin(Plan(scenario, scenario))
            state.put(state.plan())
            st.rerun()
    if plan.origin.name == NAME:
        _taken_over(plan)


def _task() -> Scenario:
    names = {
        name: state.shipped(name).title
        for known in state.scenario_names().values()
        for name in known
        if name.endswith("/base")
    }
    chosen = st.selectbox(
        "1. What is the task most like?", list(names), format_func=names.__getitem__,
        key="new-task", help="Its candidates, request sizes and people are your start", **KEEP,
    )  # fmt: skip
    example = state.shipped(str(chosen))
    titles = "; ".join(candidate.title for candidate in example.candidates.values())
    st.caption(f"Candidates to begin with: {plain(titles)}")
    return example


def _answers(example: Scenario) -> Said | None:
    title = st.text_input("Title", f"My plan: {example.title.split(':')[0]}", max_chars=120,
                          key=f"new-title-{example.use_case}", **KEEP)  # fmt: skip
    volume = _volume()
    left, right = st.columns(2)
    wait = left.selectbox("3. How fast must an answer be?", list(Wait), index=list(Wait).index(
        Wait.NOBODY), format_func=begun, key="new-wait", **KEEP)  # fmt: skip
    place = right.selectbox("4. Where may the data go?", list(Place), format_func=begun,
                            key="new-place", **KEEP)  # fmt: skip
    goal = example.goals.quality
    quality = None
    left, middle, right = st.columns(3)
    if goal is not None:
        quality = left.number_input(f"5. How good: {goal.metric} at least", value=goal.at_least,
                                    min_value=0.0, max_value=1.0, step=0.01,
                                    key=f"new-quality-{example.use_case}", **KEEP)  # fmt: skip
    month = middle.number_input("6. Ready by the end of month", value=None, min_value=1,
                                max_value=60, placeholder="any time", key="new-month",
                                **KEEP)  # fmt: skip
    labels = right.number_input("7. Labelled examples at hand", value=None, min_value=0, step=1000,
                                placeholder="not known", key="new-labels", **KEEP)  # fmt: skip
    if volume is None:
        return None
    return Said(title, volume, wait, place, quality, month, labels)


def _volume() -> Volume | None:
    way = st.radio("2. How many requests?", WAYS, horizontal=True, key="new-way", **KEEP)
    if way == WAYS[0]:
        count = st.number_input("Requests in the first month", 1.0, 1e12, 1e6, 1e5, format="%.0f",
                                key="new-requests", **KEEP)  # fmt: skip
        return Volume(requests_per_month=count)
    if way == WAYS[1]:
        left, right = st.columns(2)
        users = left.number_input("Users", 1.0, 1e10, 5000.0, 100.0, format="%.0f",
                                  key="new-users", **KEEP)  # fmt: skip
        each = right.number_input("Requests of a user a month", 0.1, 1e6, 40.0, 1.0,
                                  key="new-each", **KEEP)  # fmt: skip
        return Volume(users=users, requests_per_user_month=each)
    text = st.text_area("Paste one number a month, a column or a row", height=110, key="new-pasted",
                        placeholder="1,000,000\n1,050,000\n...", **KEEP)  # fmt: skip
    if not text.strip():
        st.info("Paste 36 months for a plan of three years.")
        return None
    try:
        months = months_pasted(text)
    except TcoError as error:
        st.error(plain(str(error)), icon=":material/warning:")
        return None
    st.caption(f"{len(months)} months; the plan will have as many")
    return Volume(monthly_requests=months)


# ---- what was taken over -------------------------------------------------------------------------


def _taken_over(plan: Plan) -> None:
    held = estimates(plan.edited)
    st.subheader("What this plan assumes")
    st.markdown(
        f"Your scenario is ready: open **Overview** for the answer. It rests on {len(held)} "
        "numbers, the least certain first. Put right what you know better, and apply."
    )
    table = pd.DataFrame(
        {
            "input": [one.key.removesuffix(".likely") for one in held],
            "value": [one.likely for one in held],
            "low": [one.low for one in held],
            "high": [one.high for one in held],
            "evidence": [one.evidence for one in held],
            "belongs to": [OWNERS.get(str(one.path[0]), "this scenario") for one in held],
            "source or reason": [one.source or "stated in the example" for one in held],
        }
    )
    key = f"taken-over-{plan.edited.digest[:16]}"
    st.data_editor(
        table,
        key=key,
        hide_index=True,
        width="stretch",
        height=420,
        disabled=["input", "evidence", "belongs to", "source or reason"],
        column_config={
            name: st.column_config.NumberColumn(format="%.6g") for name in ("value", "low", "high")
        },
    )

    def apply() -> None:
        changed = st.session_state[key]["edited_rows"]
        values = {
            (*held[row].path[:-1], COLUMNS[column]): value
            for row, cells in changed.items()
            for column, value in cells.items()
        }
        state.or_refused(lambda: state.change_inputs(values))

    st.button("Apply changes", on_click=apply, key="taken-over-apply")


OWNERS = {"organisation": "organisation", "snapshots": "snapshot"}
COLUMNS = {"value": "likely", "low": "low", "high": "high"}
