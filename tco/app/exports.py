"""Export: the plan on screen as files, through the same door as the command line."""

from __future__ import annotations

import mimetypes
from dataclasses import replace
from typing import Any, cast

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.jobs import worked_out
from tco.app.words import plain
from tco.charts import frames
from tco.errors import TcoError
from tco.export.files import LEVELS, Format, Wanted, export_files, with_recovery, with_scenarios
from tco.export.finance_files import parse_accounts, parse_approved
from tco.plan import Evaluation
from tco.rank.comparison import compared
from tco.rank.scope import Scope
from tco.tasks import Watch, digest_of

WORDS = {
    Format.WORKBOOK: "Excel workbook with live formulas",
    Format.SUMMARY: "One-page PDF",
    Format.REPORT: "Full report, PDF",
    Format.BUDGET: "Monthly budget, CSV",
    Format.BUDGET_WIDE: "Monthly budget, months across, CSV",
    Format.FOCUS: "FOCUS-shaped forecast, CSV",
    Format.JSON: "All answers, JSON",
    Format.MARKDOWN: "Summary, Markdown",
    Format.ROWS: "Every row of the ledger, Parquet",
    Format.PNG: "Charts, PNG",
    Format.SVG: "Charts, SVG",
}
STYLES = {"comma": "1,234.56 between commas", "semicolon": "1234,56 between semicolons"}
MOST_MB = 1


@shell.input_page("Export", "The answer as files, each with the digest that is on screen.")
def page(_: Any) -> None:
    """Draw the page."""
    shown = shell.answered()
    if shown is None:
        return
    titles = {answer.option: answer.title for answer in frames.priced(shown.whole)}
    if not titles:
        st.info("No option has a price yet, so there is nothing to export; Overview says why.")
        return
    if shown.plan.digest != state.plan().digest:
        st.info("Files are made when the answer for the new inputs is there.")
        return
    if shown.plan.scope is not Scope.ALL:
        st.info(
            f"Files hold the full TCO. The scope on screen is "
            f"'{shell.SCOPE_WORDS[shown.plan.scope]}', so its totals are smaller."
        )
    wanted, name = _wanted(titles)
    if wanted is None:
        return
    tries = Format.REPORT in wanted.formats and st.checkbox(
        "Try for the report what would recover the waste", value=True, key="export-recovery",
        help="Each measure is a changed plan that is simulated and priced anew; it may take a "
        "minute. Without it the report says that it was not tried.",
    )  # fmt: skip
    _files(shown, wanted, f"{name} {tries}", tries=tries)


def _wanted(titles: dict[str, str]) -> tuple[Wanted | None, str]:
    formats = st.multiselect(
        "Files",
        list(WORDS),
        default=[Format.WORKBOOK, Format.SUMMARY, Format.BUDGET],
        format_func=WORDS.__getitem__,
        key="export-formats",
    )
    left, middle, right = st.columns(3)
    option = left.selectbox(
        "Option of budget and charts", list(titles), format_func=titles.__getitem__,
        key="export-option", help="The workbook, reports and data hold every option",
    )  # fmt: skip
    level = middle.selectbox(
        "Level of the budget", list(LEVELS), key="export-level",
        help="P80: the likely path plus one contingency line, so that its months sum to the total "
        "that is kept in 80 of 100 worlds",
    )  # fmt: skip
    label = right.text_input(
        "Version", "forecast", max_chars=60, key="export-label",
        help="Stands in each row, such as budget, forecast or Q3 forecast",
    )  # fmt: skip
    with st.expander("Accounts, approved budget and decimal signs"):
        style = st.radio("Decimal signs of CSV files", list(STYLES), key="export-style",
                         format_func=STYLES.__getitem__, horizontal=True)  # fmt: skip
        accounts = st.file_uploader(
            "Accounts: a CSV with phase, category, gl_account, cost_centre", type="csv",
            key="export-accounts", max_upload_size=MOST_MB,
        )  # fmt: skip
        approved = st.file_uploader(
            "Approved budget: a CSV with month and approved_usd", type="csv",
            key="export-approved", max_upload_size=MOST_MB,
        )  # fmt: skip
    if not formats:
        st.info("Choose a file.")
        return None, ""
    try:
        mapping = None if accounts is None else parse_accounts(accounts.getvalue(), accounts.name)
        budget = None if approved is None else parse_approved(approved.getvalue(), approved.name)
    except TcoError as error:
        st.error(plain(str(error)), icon=":material/warning:")
        return None, ""
    if mapping is not None:
        st.dataframe(mapping, hide_index=True, alt="Accounts as they were read")
    wanted = Wanted(
        formats, option, label, level, cast("Any", style), accounts=mapping, approved_usd=budget
    )
    rests_on = {
        "formats": [str(one) for one in formats],
        "option": option,
        "label": label,
        "level": level,
        "style": style,
        "accounts": _text(mapping),
        "approved": None if budget is None else {str(k): usd for k, usd in budget.items()},
    }
    return wanted, digest_of(rests_on)


def _text(table: pd.DataFrame | None) -> str | None:
    return None if table is None else table.to_csv()


def _files(shown: shell.Shown, wanted: Wanted, name: str, *, tries: bool) -> None:
    tables, library = state.materials(), state.library()
    materials = tables.catalog, tables.measurements
    scenario_file = library.file_of(shown.plan.origin)

    def work(watch: Watch) -> dict[str, bytes]:
        found: Evaluation = shown.reply.refined(Scope.ALL)
        watch.check()
        crossings = compared(found.outlook, found.requests_answered, None)
        asked = replace(wanted, crossings=crossings)
        watch.wanted += len(wanted.formats)
        asked = with_scenarios(found, asked, library, scenario_file, *materials, watch=watch)
        if tries:
            asked = with_recovery(found, asked, *materials, watch=watch)
        files: dict[str, bytes] = {}
        for form in wanted.formats:
            watch.check()
            files |= export_files(found, replace(asked, formats=[form]))
            watch.done += 1
        return files

    files = worked_out(
        f"export {shown.reply.key} {name}", work, label="Make the files", says="Writing files"
    )
    if files is None:
        return
    st.markdown(f"Ready, for the digest **{shown.plan.digest[:8]}**:")
    for file, content in files.items():
        st.download_button(
            f"{file} ({len(content):,} bytes)",
            content,
            file,
            mimetypes.guess_type(file)[0] or "application/octet-stream",
            key=f"download-{file}",
            on_click="ignore",
            icon=":material/download:",
        )
    st.caption(
        "Estimate, not a quote. Ranges in files rest on all draws. In the workbook, percentiles "
        "and steps of capacity are values, everything else is formulas."
    )
