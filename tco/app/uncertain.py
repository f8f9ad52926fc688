"""Uncertainty: ranges of every option, what moves them, what would flip the answer, budgets."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tco.app import shell
from tco.app.words import plain
from tco.charts import frames
from tco.charts.uncertainty import fan, tornado
from tco.plan import Evaluation
from tco.rank.score import Answer
from tco.rank.uncertainty import Range
from tco.rank.words import amount, in_words

MOST_FLIPS = 12
UNKNOWN = "beyond what was simulated"


@shell.result_page("Uncertainty", "How sure is the answer, and what would change it?")
def page(shown: shell.Shown) -> None:
    """Draw the page: first what is quick, then the same over with all draws."""
    found = shown.found
    titles = {answer.option: answer.title for answer in found.ranking.options}
    if not titles:
        st.info("Nothing is ranked, so there is no range to show; Overview says why.")
        return
    option = st.selectbox(
        "Option", list(titles), format_func=titles.__getitem__, key="unsure-option"
    )
    answer = next(answer for answer in found.ranking.options if answer.option == option)
    head = st.empty()
    with head.container():
        _cards(found, answer)
        _every_option(found)
    exact = shown.refined()
    with head.container():
        _cards(exact, answer)
        _every_option(exact)
    _fan(exact, answer)
    _budgets(exact, answer)
    _tornado(exact, answer)
    _flips(exact)


def _usd(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _cards(found: Evaluation, answer: Answer) -> None:
    drawn = found.outlook.uncertainty
    known = drawn.ranges[answer.option]
    assert answer.money is not None
    low, middle, high = (known.total_usd[p] for p in (frames.TEN, frames.FIFTY, frames.NINETY))
    places = st.columns(4)
    with places[0]:
        shell.card("P10, USD", _usd(low), "1 in 10 worlds costs less",
                   explained="A tenth of the draws of what is unsure lies below")  # fmt: skip
    with places[1]:
        shell.card("P50, USD", _usd(middle), f"the likely case is {answer.money.basis_usd:,.0f}",
                   explained="Half of the draws lie below; the likely case takes every input at "
                   "its likely value")  # fmt: skip
    with places[2]:
        shell.card("P90, USD", _usd(high), "9 in 10 worlds cost less",
                   explained="Nine tenths of the draws lie below")  # fmt: skip
    with places[3]:
        shell.card("Chance of being the cheapest", f"{known.p_cheapest:.0%}",
                   f"of {drawn.draws:,} draws, all options in the same worlds",
                   explained="Share of the draws in which it costs the least of all options that "
                   "meet every goal at likely values; ties are split")  # fmt: skip
    st.caption(
        f"{drawn.draws:,} draws of {len(drawn.drivers)} inputs with a range, seed {drawn.seed}; "
        f"{found.settings.basis} view. A range's low and high are its 5th and 95th percentile."
    )


def _every_option(found: Evaluation) -> None:
    st.subheader("Every option in the same worlds")
    ranges = found.outlook.uncertainty.ranges
    rows = [_row(answer, ranges[answer.option]) for answer in found.ranking.options]
    st.table(rows, border="horizontal", hide_index=True, alt="Ranges of every ranked option, USD")
    st.caption("USD. Regret: what it costs more than the cheapest of the same draw.")


def _row(answer: Answer, known: Range) -> dict[str, str]:
    levels = {f"P{level}": _usd(usd) for level, usd in known.total_usd.items()}
    return {
        "option": plain(answer.title),
        **levels,
        "cheapest in": f"{known.p_cheapest:.1%}",
        "mean regret": f"{known.expected_regret_usd:,.0f}",
        "worst regret": f"{known.worst_regret_usd:,.0f}",
        "not simulated in": f"{known.unknown_share:.1%}",
    }


def _fan(found: Evaluation, answer: Answer) -> None:
    st.subheader("Month by month")
    table = frames.fan_table(found, answer.option)
    says = f"{answer.title}: likely path, and P10 to P90 of each month"
    chart, cells = st.tabs(["Chart", "Table"])
    chart.altair_chart(fan(table, title=says), width="stretch", key="fan", alt=says)
    chart.caption("Percentiles of months do not add up to those of the total.")
    wide = table.set_index("month")
    wide.index = pd.DatetimeIndex(wide.index).strftime("%Y-%m")
    cells.dataframe(wide, width="stretch", alt="Likely cost and percentiles by month, USD",
                    column_config=dict.fromkeys(wide.columns, USD))  # fmt: skip


USD = st.column_config.NumberColumn(format="%.2f")


def _budgets(found: Evaluation, answer: Answer) -> None:
    st.subheader("How much to ask for")
    known = found.outlook.uncertainty.ranges[answer.option]
    if not known.budgets:
        st.info("Too many draws lie beyond what was simulated to state a budget.")
        return
    assert answer.money is not None
    rows = [
        {
            "level": f"P{budget.level}",
            "kept in": f"{budget.level} of 100 worlds",
            "likely path, USD": f"{answer.money.basis_usd:,.2f}",
            "contingency, USD": f"{budget.contingency_usd:,.2f}",
            "budget, USD": f"{budget.total_usd:,.2f}",
        }
        for budget in known.budgets
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Budget levels with contingency")
    st.caption(
        "A budget is the likely path by month and one contingency line, so that its months sum to "
        "the level of the total. Export writes it in that form."
    )


def _tornado(found: Evaluation, answer: Answer) -> None:
    st.subheader("What moves it most")
    table = frames.tornado_table(found, answer.option)
    if table.empty:
        st.info("No input of this option has a range.")
        return
    assert answer.money is not None
    says = f"{answer.title}: each input from its low to its high, all others likely"
    chart, cells = st.tabs(["Chart", "Table"])
    drawn = tornado(
        table.assign(driver=[in_words(name) for name in table["driver"]]),
        likely_usd=answer.money.basis_usd,
        title=says,
    )
    chart.altair_chart(drawn, width="stretch", key="tornado", alt=says)
    cells.dataframe(table, hide_index=True, width="stretch", alt="Drivers and what they do, USD",
                    column_config={"low_usd": USD, "high_usd": USD})  # fmt: skip


def _flips(found: Evaluation) -> None:
    st.subheader("What would make another option the cheapest")
    outlook = found.outlook
    for sentence in outlook.flip_sentences:
        st.markdown(f"- {plain(sentence)}.")
    flips = [flip for flip in outlook.flips if flip.is_verified][:MOST_FLIPS]
    if not flips:
        st.info("No single input, followed up to a hundred times its value, changes the winner.")
        return
    titles = {answer.option: answer.title for answer in found.ranking.options}
    rows = [
        {
            "input": plain(in_words(flip.driver.name)),
            "today": f"{amount(flip.driver.likely)} {plain(flip.driver.unit)}",
            "flips at": amount(flip.value),
            "change": "" if flip.change is None else f"{flip.change:+.0%}",
            "within its range": "yes" if flip.is_within_range else "no",
            "then cheapest": plain(titles.get(flip.winner, flip.winner)),
        }
        for flip in flips
    ]
    with st.expander(f"The {len(rows)} nearest, one input at a time"):
        st.table(rows, border="horizontal", hide_index=True, alt="Values that flip the answer")
