"""Training and experiments: what making each model costs, what of it led nowhere, when it pays."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from tco.app import shell
from tco.app.words import plain
from tco.charts import frames
from tco.charts.cost import cumulative_cost, stacked_monthly_cost
from tco.domain.cost import Phase
from tco.domain.experiments import Fate
from tco.ledger.making import LED_NOWHERE, MAKING, Making, making
from tco.plan import Evaluation
from tco.rank.score import Answer

MADE = (*MAKING, Phase.DATA)


@shell.result_page(
    "Training & experiments", "What does making each model cost, and what of it led nowhere?"
)
def page(shown: shell.Shown) -> None:
    """Draw the page."""
    found = shown.found
    answers = {answer.option: answer for answer in frames.priced(found)}
    if not answers:
        st.info("No option has a price yet; Overview says why.")
        return
    made = {option: making(found.model, found.ledger, option) for option in answers}
    with_runs = [name for name, one in made.items() if one.search_multiple is not None]
    option = st.selectbox(
        "Option",
        list(answers),
        index=list(answers).index(with_runs[0]) if with_runs else 0,
        format_func=lambda name: answers[name].title,
        key="made-option",
    )
    _cards(found, answers[option], made[option])
    _table(found, answers, made)
    _against_serving(found, answers[option])
    _by_month(found, answers[option])
    _again(made[option])


def _cards(found: Evaluation, answer: Answer, made: Making) -> None:
    opens = partial(shell.open_button, "Open", found, answer.option)
    multiple = made.search_multiple
    passed = frames.serving_passes_making(found, answer.option)
    places = st.columns(4)
    with places[0]:
        shell.card(
            "To make it, USD",
            f"{made.whole_usd:,.0f}",
            f"{made.people_usd:,.0f} of it people",
            explained="Experiments, training and data over the horizon, nominal; training again "
            "is a running cost and stands below",
            opens=partial(opens, key="open-made", phases=MADE),
        )
    with places[1]:
        shell.card(
            "Final run, USD",
            f"{made.runs_usd[Fate.FINAL]:,.2f}",
            "no run planned as machine time"
            if multiple is None
            else f"all runs cost {multiple:,.1f} times as much",
            explained="Machine time of the runs that made the model that serves",
            opens=partial(opens, key="open-final", phases=[Phase.TRAINING]),
        )
    with places[2]:
        shell.card(
            "Runs that led nowhere, USD",
            f"{made.lost_usd:,.2f}",
            ", ".join(f"{fate} {made.runs_usd[fate]:,.2f}" for fate in LED_NOWHERE),
            explained="Machine time of runs that failed, were given up, or repeated another",
            opens=partial(opens, key="open-lost", phases=[Phase.EXPERIMENTATION]),
        )
    with places[3]:
        shell.card(
            "Inference passes training",
            "never" if passed is None else f"{passed:%b %Y}",
            "within the horizon" if passed is None else "for good, by the end of that month",
            explained="Month by whose end serving has cost more so far than experiments and "
            "training",
        )


def _table(found: Evaluation, answers: dict[str, Answer], made: dict[str, Making]) -> None:
    st.subheader("Every option beside the others")
    rows = []
    for option, answer in answers.items():
        one = made[option]
        multiple, passed = one.search_multiple, frames.serving_passes_making(found, option)
        rows.append(
            {
                "option": plain(answer.title),
                "final run": _cell(one.runs_usd[Fate.FINAL]),
                "other finished runs": _cell(one.runs_usd[Fate.FINISHED]),
                **{f"{fate}": _cell(one.runs_usd[fate]) for fate in LED_NOWHERE},
                "multiple": r"\-" if multiple is None else f"{multiple:,.1f} x",
                "people": _cell(one.people_usd),
                "data": _cell(one.data_usd),
                "other": _cell(one.rest_usd),
                "in all": _cell(one.whole_usd),
                "inference passes it": "never" if passed is None else f"{passed:%b %Y}",
            }
        )
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True,
             alt="What making each option's model costs, USD")  # fmt: skip
    st.caption(
        "USD over the horizon, nominal. The multiple is all runs over the final one. Other: "
        "machines to develop on, tuning by vendors, and amounts that are stated as a whole. "
        "A dash: nothing of the kind is planned."
    )


def _cell(usd: float) -> str:
    return f"{usd:,.2f}" if usd else r"\-"


def _against_serving(found: Evaluation, answer: Answer) -> None:
    st.subheader("Making it against serving it")
    so_far = frames.making_and_serving(found, answer.option)
    passed = frames.serving_passes_making(found, answer.option)
    title = (
        "Inference never costs more than training and experiments within the horizon"
        if passed is None
        else f"Inference passes training and experiments in {passed:%B %Y}"
    )
    chart, table = st.tabs(["Chart", "Table"])
    drawn = cumulative_cost(so_far, title=title, crossing=passed, crossing_word="inference passes")
    chart.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="made-served", alt=title)
    wide = so_far.pivot_table(index="month", columns="series", values="cost_usd", sort=False)
    wide.index = pd.DatetimeIndex(wide.index).strftime("%Y-%m")
    table.dataframe(wide, width="stretch", alt="Cost so far by month, USD",
                    column_config=dict.fromkeys(wide.columns, USD))  # fmt: skip


USD = st.column_config.NumberColumn(format="%.2f")


def _by_month(found: Evaluation, answer: Answer) -> None:
    parts = frames.monthly_parts(found, answer.option, "phase")
    parts = parts[parts["phase"].isin(MADE)]
    if parts.empty:
        return
    st.subheader("When it is spent")
    chart, table = st.tabs(["Chart", "Table"])
    title = f"{answer.title}: making the model, by month and phase, {found.settings.basis}"
    drawn = stacked_monthly_cost(parts, by="phase", title=title)
    chart.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="made-months", alt=title)
    wide = parts.pivot_table(index="month", columns="phase", values="cost_usd", aggfunc="sum")
    wide.index = pd.DatetimeIndex(wide.index).strftime("%Y-%m")
    table.dataframe(wide, width="stretch", alt="Cost by month and phase, USD",
                    column_config=dict.fromkeys(wide.columns, USD))  # fmt: skip


def _again(made: Making) -> None:
    st.subheader("Training again")
    again = made.retraining_usd
    if not again:
        st.info("No retraining is planned for this option; state one under Assumptions.")
        return
    st.markdown(f"Paid in {len(again)} months of the horizon, as part of operation.")
    table = pd.DataFrame(
        {"month": [f"{month:%Y-%m}" for month in again], "cost_usd": list(again.values())}
    )
    st.dataframe(table, hide_index=True, width="content", alt="Each retraining, USD",
                 column_config={"cost_usd": st.column_config.NumberColumn(
                     "retraining, USD", format="%.2f")})  # fmt: skip
