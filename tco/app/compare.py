"""Options side by side: cost by phase, what a choice rests on, and where two cost the same."""

from __future__ import annotations

from typing import Any

import streamlit as st

from tco.app import shell, state
from tco.app.break_even import break_even
from tco.app.words import plain, significant
from tco.charts import frames
from tco.charts.cost import waterfall
from tco.charts.ranking import pareto
from tco.plan import Evaluation
from tco.rank.pairs import sides
from tco.rank.pareto import QUALITY
from tco.rank.score import Answer
from tco.rank.traits import TYPED_ROWS, Compared, How, Trait

MOST, FEWEST = 4, 2
MARKS = {
    How.COMPUTED: ":blue-badge[computed]",
    How.RECORD: ":gray-badge[from the record]",
    How.TYPED: ":violet-badge[typed]",
    How.UNKNOWN: ":orange-badge[nobody has said]",
}
FRONT_COLUMNS = {
    "total_usd": st.column_config.NumberColumn("total, USD", format="accounting"),
    "dominated_by": st.column_config.TextColumn("beaten by"),
}


@shell.result_page("Compare", "In what do the options differ, and where do two cost the same?")
def page(shown: shell.Shown) -> None:
    """Draw the page."""
    found = shown.found
    known = {answer.option: answer for answer in frames.priced(found)}
    if len(known) < FEWEST:
        st.info("There is only one option with a price; add another one to compare.")
        return
    answers = _chosen(found, known)
    if len(answers) < FEWEST:
        st.info("Choose two options or more.")
        return
    side, even, front = st.tabs(["Side by side", "Break-even", "Cost against quality"])
    with side:
        _cards(found, answers)
        _traits(found, answers)
        _type_in(found, answers)
        _bridge(found, answers)
    with even:
        break_even(shown, *answers[:2])
    with front:
        _front(found)


def _chosen(found: Evaluation, known: dict[str, Answer]) -> list[Answer]:
    titles = {option: answer.title for option, answer in known.items()}
    presets = {"The cheapest": list(known)[:3]} | {
        question.capitalize(): [side.answer.option for side in pair]
        for question, pair in sides(found.ranking).items()
    }
    names, picks = st.columns([1, 3], vertical_alignment="bottom")
    names.selectbox(
        "Question", list(presets), key="compare-question", on_change=_ask_again,
        help="Sets the options: the cheapest of each side that meets every goal",
    )  # fmt: skip
    question = st.session_state["compare-question"]
    wanted = st.session_state.get("compared")
    chosen = [option for option in wanted or presets[question] if option in known]
    picks.multiselect(
        "Options",
        list(known),
        format_func=titles.__getitem__,
        max_selections=MOST,
        **shell.view_of("compare-options", list(dict.fromkeys(chosen))[:MOST], _keep_chosen),
    )
    return [known[option] for option in dict.fromkeys(chosen)][:MOST]


def _ask_again() -> None:
    st.session_state.pop("compared", None)


def _keep_chosen(options: list[str]) -> None:
    st.session_state["compared"] = options


# ---- side by side --------------------------------------------------------------------------------


def _cards(found: Evaluation, answers: list[Answer]) -> None:
    for column, answer in zip(st.columns(len(answers)), answers, strict=True):
        assert answer.money is not None
        with column.container(border=True, height="stretch"):
            place = "not ranked" if answer.rank is None else f"rank {answer.rank}"
            st.markdown(f"**{plain(answer.title)}**  \n:small[{place}]")
            st.metric(
                "Total, USD",
                f"{answer.money.basis_usd:,.0f}",
                f"{significant(answer.money.cost_per_1k_usd)} per 1,000 requests",
                delta_color="off",
                delta_arrow="off",
            )
            shell.open_button("Open", found, answer.option, key=f"open-{answer.option}")


def _traits(found: Evaluation, answers: list[Answer]) -> None:
    st.subheader("What the choice rests on")
    table = Compared(found.scenario, found.model, found.ledger).table(answers)
    rows = [
        {"": row} | {plain(a.title): _cell(cell) for a, cell in zip(answers, cells, strict=True)}
        for row, cells in table.items()
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Options side by side")


def _cell(trait: Trait) -> str:
    if trait.how is How.UNKNOWN:
        return MARKS[trait.how]
    return f"{plain(trait.text)} {MARKS[trait.how]}"


def _type_in(found: Evaluation, answers: list[Answer]) -> None:
    mine = {a.option: a.title for a in answers if a.option in found.scenario.candidates}
    if not mine:
        return
    with st.expander("Type in what no figure yields"), st.form("type-in", border=False):
        option = st.selectbox("Option", list(mine), format_func=mine.__getitem__)
        row = st.selectbox("Row", list(TYPED_ROWS), format_func=TYPED_ROWS.__getitem__)
        score = st.slider("Score, 1 the worst and 5 the best", 1, 5, 3)
        reason = st.text_input("Reason", placeholder="why, and who says so")
        if st.form_submit_button("Keep"):
            path = ("candidates", option, "scores", row)
            state.change_inputs({path: {"score": score, "reason": reason}})
            st.rerun()


def _bridge(found: Evaluation, answers: list[Answer]) -> None:
    first, second = answers[:2]
    st.subheader("From one to the other")
    by = st.radio("Parts", ["phase", "payee", "category"], horizontal=True, key="compare-parts")
    steps = frames.difference_steps(found, first, second, by)
    chart, table = st.tabs(["Chart", "Table"])
    end = f"{second.title} " if second.title in steps else second.title
    drawn = waterfall(steps, start=first.title, end=end,
                      title=f"From {first.title} to {second.title}, nominal USD")  # fmt: skip
    chart.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="bridge",
                       alt=f"Differences in cost from {first.title} to {second.title}")  # fmt: skip
    rows = [{"step": plain(step), "USD": f"{usd:,.2f}"} for step, usd in steps.items()]
    table.table(rows, border="horizontal", hide_index=True, alt="The same steps as a table")


# ---- cost against quality ------------------------------------------------------------------------


def _front(found: Evaluation) -> None:
    goal = found.scenario.goals.quality
    table = frames.pareto_table(found, QUALITY)
    if goal is None or table.empty:
        st.info("No ranked option has a figure for a quality goal; state one under Assumptions.")
        return
    drawn: Any = pareto(
        table,
        across=QUALITY,
        axis=f"{goal.metric} on {goal.test_set}",
        title="Cost against quality: what lies on the line is beaten by nothing",
        more_is_better=True,
    )
    st.altair_chart(
        drawn, width="stretch", height=shell.CHART_PX, key="pareto", alt="Cost against quality"
    )
    st.dataframe(table, hide_index=True, width="stretch", column_config=FRONT_COLUMNS,
                 alt="Cost, quality, and who beats whom")  # fmt: skip
