"""Sweeps: what thousands of what-ifs show together, read from the results of ``tco sweep run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.words import plain
from tco.charts.sweeps import drivers, regions
from tco.data import user_overlay
from tco.store.results import ResultsShelf, brought_results
from tco.sweep import Manifest
from tco.sweep.report import CHEAPEST, NOBODY, Report
from tco.sweep.table import as_one_file

MOST_MB = 5
MOST_DRIVERS, MOST_MESSAGES = 12, 20
BROUGHT = "A file that you bring"


@shell.input_page(
    "Sweeps", "Which snapshot wins where, and which driver decides? The plan on hand:"
)
def page(_: Any) -> None:
    """Draw the page."""
    report = _chosen()
    if report is None:
        return
    manifest = report.manifest
    _facts(manifest)
    choices = report.choices()
    if choices.empty:
        st.info("No option meets the goals in any cell.")
    else:
        _regions(report)
        _choices(choices)
        _drivers(report)
    _refusals(report.refusals())
    st.download_button(
        "All rows as Parquet",
        lambda: as_one_file(report.found),
        file_name=f"{manifest.name}-{manifest.digest[:8]}.parquet",
        mime="application/vnd.apache.parquet",
        key="sweep-download",
        on_click="ignore",
    )


# ---- what is looked at ---------------------------------------------------------------------------


def _shelf() -> ResultsShelf:
    return ResultsShelf(user_overlay() / "sweeps" / state.owner())


def _chosen() -> Report | None:
    shelf = _shelf()
    names = [*shelf.names(), BROUGHT]
    st.caption(
        "Results come from 'tco sweep run', which writes them where this list looks, or as one "
        "file from 'tco sweep report --export'. What you bring is yours alone, for this session."
    )
    name = st.selectbox("Results", names, key="sweep-name", format_func=plain)
    if name != BROUGHT:
        manifest = shelf.manifest(str(name))
        return _read(str(shelf.root), str(name), manifest.digest, manifest.done)
    brought = st.file_uploader(
        "A Parquet file of results", type="parquet", key="sweep-file", max_upload_size=MOST_MB
    )
    if brought is None:
        return None
    return Report.of(brought_results(brought.name, brought.getvalue()))


@st.cache_resource(max_entries=4, show_spinner="Reading the results")
def _read(root: str, name: str, digest: str, done: int) -> Report:
    """Read results once for all who look at them, and anew when more has been done."""
    return Report.of(ResultsShelf(Path(root)).read(name))


def _facts(manifest: Manifest) -> None:
    st.subheader(plain(manifest.title))
    st.markdown(plain(manifest.question))
    left = "" if manifest.is_complete else " :orange-badge[Not complete: 'tco sweep run --resume']"
    st.markdown(
        f":gray-badge[{manifest.done:,} of {manifest.cells:,} cells] "
        f":gray-badge[{manifest.refused:,} refused] :gray-badge[USD, {manifest.basis}] "
        f":gray-badge[Digest {manifest.digest[:8]}]{left}"
    )


# ---- what it shows -------------------------------------------------------------------------------


def _regions(report: Report) -> None:
    titles = {axis.name: axis.title for axis in report.axes}
    if len(titles) < 2:  # noqa: PLR2004 - two axes make a plane
        st.info("Who wins where is drawn over two axes, and this sweep has one.")
        return
    left, right = st.columns(2)
    across = left.selectbox(
        "From left to right", list(titles), format_func=titles.__getitem__, key="sweep-x"
    )
    others = [name for name in titles if name != across]
    up = right.selectbox("From below", others, format_func=titles.__getitem__, key="sweep-y")
    assert across is not None
    assert up is not None
    table = report.regions(across, up)
    says = f"Who is the cheapest by {titles[across]} and {titles[up]}"
    chart, cells = st.tabs(["Chart", "Table"])
    drawn = regions(table, across=titles[across], up=titles[up], nobody=NOBODY, title=says)
    chart.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="sweep-regions", alt=says)
    chart.caption("Paler where it wins fewer of the cells that lie there; other axes count over.")
    shown = table[["x_label", "y_label", "winner", "share", "cells"]]
    shown.columns = pd.Index([titles[across], titles[up], "cheapest", "share", "cells"])
    cells.dataframe(shown, hide_index=True, width="stretch", alt=says)


def _choices(table: pd.DataFrame) -> None:
    st.subheader("The choice that is never far from the best")
    rows = [
        {
            "snapshot": plain(str(row.snapshot)),
            "wins": f"{row.won_share:.0%}",
            "worst regret": f"{row.worst_regret_usd:,.0f}",
            "mean regret": f"{row.mean_regret_usd:,.0f}",
            "cells": f"{row.cells:,}",
            "a choice": "yes" if row.is_choice else "no: in some cells it meets no goals",
        }
        for row in table.itertuples(index=False)
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Regret of every snapshot, USD")
    st.caption("USD. Regret: what it costs more than the cheapest of the same cell.")


def _drivers(report: Report) -> None:
    st.subheader("What decides the cost")
    of = st.selectbox("Cost of", [CHEAPEST, *report.snapshots], key="sweep-of", format_func=plain)
    table = report.effects(str(of)).head(MOST_DRIVERS)
    if table.empty:
        st.info("The cost is the same everywhere, or there are too few cells to tell.")
        return
    titles = {axis.name: axis.title for axis in report.axes}
    words = [
        titles[one] + (f" and {titles[other]}" if other else "")
        for one, other in zip(table["axis"], table["with"], strict=True)
    ]
    says = f"What each axis explains of the cost of {of}, and two together beyond that"
    drawn = drivers(table.assign(driver=words, alone=table["with"] == ""), title=says)
    st.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="sweep-drivers", alt=says)


def _refusals(table: pd.DataFrame) -> None:
    if table.empty:
        return
    st.subheader("Cells that were refused")
    rows = [
        {"cells": f"{cells:,}", "why": plain(str(message))}
        for message, cells in table.head(MOST_MESSAGES).itertuples(index=False)
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Why cells were refused")
