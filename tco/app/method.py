"""Method: what the figures mean, the arithmetic of this plan, and what is not in it."""

from __future__ import annotations

import re

import pandas as pd
import streamlit as st

from tco.app import shell
from tco.app.words import plain
from tco.charts import frames
from tco.data import method_text
from tco.domain.cost import LEDGER_COLUMNS
from tco.domain.record import Evidence
from tco.ledger.coverage import State, coverage
from tco.ledger.explain import open_option
from tco.plan import Evaluation

GRADES = {
    Evidence.MEASURED: "by our harness, with everything needed to repeat it",
    Evidence.IMPORTED: "from another tool's result file",
    Evidence.STATED: "by people about their own firm",
    Evidence.PUBLISHED: "a cited figure",
    Evidence.ESTIMATED: "scaled or modelled from other figures",
    Evidence.ASSUMED: "a labelled default with a range",
}
GLOSSARY = {
    "Total cost of ownership (TCO)": "everything an option costs over the horizon: machines or "
    "API, people, data, training, operation, governance, leaving",
    "Cost per 1,000 requests": "the whole TCO over all requests answered, times 1,000; a request "
    "is what a user sends, however many model calls stand behind it",
    "Snapshot": "one pinned model: name, version, digest",
    "Token": "a piece of a word; vendors of language models bill by the million",
    "Inference": "a model answering requests, after its training",
    "Idle and wasted": "capacity that is paid for and does not work: starting, waiting, unused",
    "Accrual, cash": "accrual spreads commitments and assets over their life; cash counts money "
    "when it is paid",
    "Present value": "cash discounted by the organisation's rate to the start of the plan",
    "P10, P50, P90": "1, 5 and 9 in 10 drawn worlds cost less",
    "Contingency": "what a budget level asks for above the likely path",
    "Break-even month": "month by whose end a dear start has been made up",
    "One-off and run cost": "paid once, or as long as the thing runs",
    "Committed spend": "what is owed whether or not it is used",
}


@shell.result_page("Method", "What do the figures mean, and what is not in them?")
def page(shown: shell.Shown) -> None:
    """Draw the page."""
    found = shown.whole
    how, arithmetic, missing, words = st.tabs(
        ["How it is worked out", "The arithmetic of this plan", "What is in it", "Words and units"]
    )
    with how:
        _method()
    with arithmetic:
        _arithmetic(found)
    with missing:
        _coverage(found)
    with words:
        _words()


def _method() -> None:
    st.markdown(
        "Traffic is simulated first and yields quantities: machine-hours, tokens, requests, "
        "joules. Prices meet them in one place, line by line; every total, chart and file is a sum "
        "over these lines. **Utilisation is an output, never an input.**"
    )
    for title, text in sections(method_text()):
        with st.expander(title):
            st.markdown(text)


def sections(text: str) -> list[tuple[str, str]]:
    r"""Return the second-level sections of a page; links to other files become their words.

    >>> sections("# All\n\n## One\n\nSee [that](other.md).\n")
    [('One', 'See that.')]
    """
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        title, _, body = part.partition("\n")
        unlinked = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", body.strip()).replace("$", r"\$")
        found.append((title.strip(), unlinked))
    return found


def _arithmetic(found: Evaluation) -> None:
    titles = {answer.option: answer.title for answer in frames.priced(found)}
    if not titles:
        st.info("No option has a price yet; Overview says why.")
        return
    option = st.selectbox("Option", list(titles), format_func=titles.__getitem__, key="method-of")
    st.caption("Each line is quantity x unit price, opened down to its inputs and their sources.")
    st.code("\n".join(open_option(found.model, option).lines()), language=None, wrap_lines=True,
            height=560)  # fmt: skip


def _coverage(found: Evaluation) -> None:
    titles = {answer.option: answer.title for answer in frames.priced(found)}
    covered = coverage(found.scenario, found.ledger)
    marks = {
        State.PRICED: ":green-badge[priced]",
        State.NONE: ":gray-badge[nothing to pay]",
        State.ELSEWHERE: ":blue-badge[in another line]",
        State.SILENT: ":orange-badge[nobody has said]",
    }
    rows: dict[str, dict[str, str]] = {}
    for one in covered:
        cells = rows.setdefault(one.option, {"option": plain(titles.get(one.option, one.option))})
        cells[one.phase.value] = marks[one.state]
    st.table(list(rows.values()), border="horizontal", hide_index=True,
             alt="Which phases of its life each option prices")  # fmt: skip
    reasons = [f"- {plain(titles.get(x.option, x.option))}, {x.phase.value}: {plain(x.reason)}"
               for x in covered if x.reason]  # fmt: skip
    if reasons:
        with st.expander(f"{len(reasons)} reasons why a phase has no price of its own"):
            st.markdown("\n".join(reasons))
    st.caption(
        "Taxes are not in any figure. An estimate, not a quote: prices are those of "
        f"{found.scenario.price_date:%d %B %Y}."
    )


def _words() -> None:
    grades = [{"grade": grade.value, "meaning": text} for grade, text in GRADES.items()]
    terms = [{"term": term, "meaning": text} for term, text in GLOSSARY.items()]
    columns = pd.DataFrame(
        [(one.name, one.unit, plain(one.meaning)) for one in LEDGER_COLUMNS],
        columns=["column", "unit", "meaning"],
    )
    for title, table in {
        "Words": terms,
        "Grades of evidence, best first": grades,
        "Columns of the ledger": columns,
    }.items():
        st.subheader(title)
        st.table(table, border="horizontal", hide_index=True, alt=title)
