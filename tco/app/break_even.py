"""Break-even: where options cost the same, plans in stages, and what a monthly budget buys."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.jobs import worked_out
from tco.app.words import money, plain
from tco.charts import frames
from tco.charts.cost import cost_against_volume, cumulative_cost
from tco.plan import Evaluation, volumes
from tco.rank.breakeven import CostAt
from tco.rank.budget import Bought, bought
from tco.rank.comparison import Compared, compared, compared_pair
from tco.rank.score import Answer
from tco.staging import Proposal, StagedPlan, staged_plans
from tco.tasks import Watch

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Multiples of the volume at which cost is drawn against it."""
SIMULATING = "Evaluating other volumes, each with its own simulation"


def break_even(shown: shell.Shown, first: Answer, second: Answer) -> None:
    """Draw the tab for two options that were chosen, and for all pairs."""
    _so_far(shown.found, first, second)
    _pairs(shown, (first.option, second.option))
    _budget(shown)
    _by_volume(shown, [first, second])


def _so_far(found: Evaluation, first: Answer, second: Answer) -> None:
    so_far = frames.cumulative_table(found, [first, second])
    crossing = frames.crossing_month(so_far)
    if crossing is None:
        title = f"They never cross within {found.scenario.horizon_months} months"
    else:
        title = f"Break-even in {crossing:%B %Y}"
    chart, table = st.tabs(["Chart", "Table"])
    drawn = cumulative_cost(so_far, title=title, crossing=crossing)
    chart.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="cumulative",
                       alt=f"Cost so far of {first.title} and {second.title}. {title}")  # fmt: skip
    wide = so_far.pivot_table(index="month", columns="series", values="cost_usd")
    wide.index = pd.DatetimeIndex(wide.index).strftime("%Y-%m")
    table.dataframe(wide, width="stretch", alt="Cost so far by month, USD")


def _watched(whole: Evaluation, with_: state.Materials, watch: Watch) -> tuple[Evaluation, CostAt]:
    """Return the answer and what evaluates it at other volumes, while somebody watches."""
    found = replace(whole, settings=replace(whole.settings, watch=watch))
    at_volume = volumes(found, with_.catalog, with_.measurements)

    def cost_at(factor: float) -> dict[str, float]:
        watch.check()
        return dict(at_volume(factor))

    return found, cost_at


# ---- pairs of options ----------------------------------------------------------------------------


def _compared(
    found: Evaluation, chosen: tuple[str, str], cost_at: CostAt | None
) -> tuple[Compared, ...]:
    """Compare the two that were chosen, where both are ranked, and the pairs with a name."""
    outlook, requests = found.outlook, found.requests_answered
    named = compared(outlook, requests, cost_at)
    ranked = [answer for answer in found.ranking.options if answer.option in chosen]
    if len(ranked) != len(chosen) or any({p.cheaper, p.dearer} == {*chosen} for p in named):
        return named
    cheaper, dearer = ranked
    mine = compared_pair("as chosen", cheaper, dearer, outlook, requests, cost_at)
    return (mine, *named)


def _pairs(shown: shell.Shown, chosen: tuple[str, str]) -> None:
    st.subheader("Where pairs cost the same")
    whole, with_ = shown.whole, state.materials()

    def work(watch: Watch) -> tuple[tuple[Compared, ...], tuple[Proposal, ...]]:
        found, cost_at = _watched(whole, with_, watch)
        pairs = _compared(found, chosen, cost_at)
        return pairs, staged_plans(found, pairs, with_.catalog, with_.measurements)

    place = st.container()
    sought = worked_out(
        f"pairs {shown.reply.key} {' '.join(chosen)}",
        work,
        label="Find volumes, and plans in stages",
        says=SIMULATING,
    )
    if sought is None:
        pairs = _compared(shown.found, chosen, None)
        st.caption(
            "Volumes are simulated anew, at full TCO, which may take a minute. For options whose "
            "costs cross, the cheapest month to go from one to the other is looked for, too."
        )
    else:
        pairs, proposals = sought
        st.subheader("Plans in stages")
        for proposal in proposals:
            st.markdown(f"- {plain(proposal.sentence(money))}")
            # Without its migration stated it would count as free, as an option of the scenario.
            if isinstance(proposal, StagedPlan) and proposal.move.stated_in is not None:
                name = proposal.answer.option
                st.button("Add to the scenario", key=f"add-{name}", on_click=_add, args=(proposal,))
        if not proposals:
            st.info("No two options cross, by month or by volume, so there is nothing to stage.")
    place.markdown("\n".join(f"- {plain(pair.sentence)}" for pair in pairs))


def _add(proposed: StagedPlan) -> None:
    candidate = proposed.candidate(state.plan().edited).model_dump(mode="json")
    state.change_inputs({("candidates", proposed.answer.option): candidate})


# ---- a budget ------------------------------------------------------------------------------------


def _budget(shown: shell.Shown) -> None:
    st.subheader("What a monthly budget buys")
    whole, with_ = shown.whole, state.materials()
    months = whole.scenario.horizon_months
    usd_per_month = st.number_input(
        "Budget a month, USD",
        min_value=1.0,
        value=None,
        step=500.0,
        format="%.0f",
        placeholder="such as 5,000",
        key="buys-usd-per-month",
        help=f"On average over the {months} months, against the full TCO",
    )
    if usd_per_month is None:
        return
    each_month_usd = float(usd_per_month)

    def work(watch: Watch) -> Bought:
        found, cost_at = _watched(whole, with_, watch)
        requests, goal = found.requests_answered, found.scenario.goals.quality
        return bought(found.ranking, goal, each_month_usd, months, requests, cost_at)

    found = worked_out(
        f"budget {shown.reply.key} {each_month_usd}",
        work,
        label="Find volume and quality",
        says=SIMULATING,
    )
    if found is not None:
        for sentence in found.sentences(money):
            st.markdown(f"- {plain(sentence)}")


# ---- by volume -----------------------------------------------------------------------------------


def _by_volume(shown: shell.Shown, answers: list[Answer]) -> None:
    st.subheader("Cost per 1,000 requests against volume")
    options = tuple(answer.option for answer in answers)
    whole, with_ = shown.whole, state.materials()

    def work(watch: Watch) -> pd.DataFrame:
        found, _ = _watched(whole, with_, watch)
        points = []
        for factor in FACTORS:
            watch.check()
            points.append(
                frames.volume_points(found, factor, options, with_.catalog, with_.measurements)
            )
        return pd.concat(points, ignore_index=True)

    table = worked_out(
        f"volumes {shown.reply.key} {' '.join(options)}",
        work,
        label="Evaluate other volumes",
        says=SIMULATING,
    )
    if table is None:
        return
    if table.empty:
        st.info("Neither option can carry other volumes as it is described.")
        return
    drawn = cost_against_volume(
        table,
        title="Full TCO per 1,000 requests",
        today=shown.plan.volumes[shown.plan.volume_factor],
    )
    st.altair_chart(
        drawn,
        width="stretch",
        height=shell.CHART_PX,
        key="by-volume",
        alt="Cost per 1,000 against volume",
    )
    st.dataframe(table, hide_index=True, width="stretch", alt="The same as a table")
