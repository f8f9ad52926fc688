"""Uploads: a person's own files, looked at before they count, for this session alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.words import plain
from tco.domain.changes import estimates
from tco.errors import TcoError
from tco.store.brought import (
    File,
    Kind,
    measurement_in,
    prices_in,
    scenario_in,
    snapshots_in,
    workload_in,
)
from tco.store.plan import Plan

MOST_MB = 5
MOST_SHOWN = 50
HELP = {
    Kind.SCENARIO: ("yaml", "yml", "json"),
    Kind.PRICES: ("csv",),
    Kind.SNAPSHOTS: ("csv", "yaml", "yml"),
    Kind.LOG: ("csv", "parquet"),
    Kind.MEASUREMENT: ("json",),
}
ASKS = {
    Kind.SCENARIO: "A scenario file, or the JSON of the Scenarios page",
    Kind.PRICES: "A price table; its name tells which, such as instances.csv or people.csv",
    Kind.SNAPSHOTS: "A snapshot file, or a CSV with one snapshot a row",
    Kind.LOG: "A request log with arrival_s or timestamp, and tokens where they are known",
    Kind.MEASUREMENT: "A measurement file that 'tco measure' wrote",
}


@shell.input_page("Uploads", "Bring your own files: looked at first, then used in this session.")
def page(plan: Plan) -> None:
    """Draw the page."""
    st.caption(
        "Nothing here is shared: what you bring counts for your session alone and is gone when it "
        "ends. A file with a problem changes nothing; every problem is listed with its row."
    )
    kind = st.selectbox(
        "What do you bring?",
        list(Kind),
        format_func=lambda one: str(one).capitalize(),
        key="upload-kind",
    )
    assert kind is not None
    brought = st.file_uploader(
        ASKS[kind], type=list(HELP[kind]), key=f"upload-{kind}", max_upload_size=MOST_MB
    )
    if brought is not None:
        file = File(kind, brought.name, brought.getvalue())
        try:
            LOOKS[kind](plan, file)
        except TcoError as error:
            _problems(error)
    _kept()


def _problems(error: TcoError) -> None:
    lines = str(error).splitlines()
    st.error(
        f"Not taken; what was there before stays in force. {len(lines)} "
        f"{'problem' if len(lines) == 1 else 'problems'}:",
        icon=":material/warning:",
    )
    st.markdown("\n".join(f"- {plain(line)}" for line in lines[:MOST_SHOWN]))
    if len(lines) > MOST_SHOWN:
        st.caption(f"and {len(lines) - MOST_SHOWN} more")


def _take(label: str, act: Callable[[], None], says: str) -> None:
    def taken() -> None:
        state.or_refused(act)
        st.toast(says, icon=":material/check:")

    st.button(label, type="primary", on_click=taken, key="upload-take")


# ---- one look a kind -----------------------------------------------------------------------------


def _scenario(_: Plan, file: File) -> None:
    scenario = scenario_in(file, state.library())
    st.markdown(
        f"**{plain(scenario.title)}**: {scenario.horizon_months} months from "
        f"{scenario.start:%B %Y}, {len(scenario.candidates)} options, "
        f"{len(estimates(scenario))} estimates"
    )
    rows = [
        {"option": plain(one.title), "snapshot": plain(one.snapshot or "several")}
        for one in scenario.candidates.values()
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Options of the scenario")

    def open_it() -> None:
        state.open_scenario(scenario)
        state.put(state.plan())

    _take("Open this scenario", open_it, "Opened; it is kept as a draft")


def _prices(_: Plan, file: File) -> None:
    table, lines = prices_in(file)
    st.markdown(f"**{len(lines)} rows** of the price table {plain(table.name)}")
    cells = [{"row": line.number, **dict(line.values)} for line in lines]
    rows = pd.DataFrame(cells)
    st.dataframe(rows.astype(str), hide_index=True, width="stretch", alt="Prices as they were read")
    _take("Use these prices", lambda: state.bring(file), "Prices are in force in this session")


def _snapshots(plan: Plan, file: File) -> None:
    found = snapshots_in(file, state.library())
    st.table(
        [
            {
                "snapshot": plain(one.id),
                "name": f"{plain(one.name)} {plain(one.version)}",
                "task": plain(one.task),
                "weights": one.openness.value,
                "replaces": "one of this scenario"
                if one.id in plan.edited.snapshots
                else "nothing",
            }
            for one in found
        ],
        border="horizontal",
        hide_index=True,
        alt="Snapshots as they were read",
    )
    values: dict[Any, Any] = {("snapshots", one.id): one.model_dump(mode="json") for one in found}
    st.caption("An option takes a snapshot by its id: change it under Assumptions or in the file.")
    _take("Put them into this scenario", lambda: state.change_inputs(values), "Taken over")


def _log(plan: Plan, file: File) -> None:
    fit = workload_in(file)
    st.markdown(f"**{fit.times_s.size:,} requests** were read and fitted to a workload.")
    for note in fit.notes:
        st.caption(plain(note))
    block = dict(fit.block)
    if "tokens" not in block:
        block["tokens"] = plan.edited.workload.model_dump(mode="json").get("tokens")
    st.json(block, expanded=1)
    values: dict[Any, Any] = {("workload",): block}
    _take("Plan with this workload", lambda: state.change_inputs(values), "Workload taken over")


def _measurement(_: Plan, file: File) -> None:
    measured = measurement_in(file)
    st.markdown(
        f"**{plain(measured.id)}**: {plain(measured.subject.snapshot)} on "
        f"{plain(measured.hardware.name)}, {plain(measured.runtime.name)}, "
        f"{plain(measured.precision)}, {len(measured.points)} points, {measured.evidence.value}"
    )
    for doubt in measured.doubts:
        st.caption(plain(doubt))
    _take("Use this measurement", lambda: state.bring(file), "It is in force in this session")


LOOKS: dict[Kind, Callable[[Plan, File], None]] = {
    Kind.SCENARIO: _scenario,
    Kind.PRICES: _prices,
    Kind.SNAPSHOTS: _snapshots,
    Kind.LOG: _log,
    Kind.MEASUREMENT: _measurement,
}


def _kept() -> None:
    files = state.brought()
    if not files:
        return
    st.subheader("In force in this session")
    for file in files:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(file.name)}**, {file.kind.value}")
            st.button("Take out", key=f"drop-{file.kind}-{file.name}",
                      on_click=state.drop, args=(file,))  # fmt: skip
