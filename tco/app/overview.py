"""The overview: what it will cost, which snapshot is cheapest, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.words import money, plain, significant
from tco.charts import frames
from tco.charts.cost import stacked_monthly_cost
from tco.domain.cost import Kind, Phase
from tco.ledger.making import MAKING
from tco.plan import Evaluation
from tco.rank.headline import Against, Headline
from tco.rank.scope import Scope
from tco.rank.score import Answer
from tco.rank.uncertainty import Range
from tco.rank.unit_cost import UnitOfCost, unit_cost_usd
from tco.units import month_start

LOST = (Kind.WASTED, Kind.IDLE)
ABBREVIATIONS = ("api", "llm", "slm")
SCOPES = {
    Scope.BILLS: "the cloud and API bill alone",
    Scope.PEOPLE: "bills and people without the rest",
    Scope.ALL: "the full TCO",
}


@shell.result_page("Overview", "What will it cost, which is cheapest, how sure are we?")
def page(shown: shell.Shown) -> None:
    """Draw the page: first what is quick, then the same over with all draws."""
    found = shown.found
    head = found.headline
    if head is None:
        _nothing_ranked(found)
        return
    _cards(shown, found, head)
    sentence = st.empty()
    with sentence.container():
        _sentence(found, head)
    st.subheader("Ranking by snapshot")
    ranking = st.empty()
    with ranking.container():
        _ranking(shown, found)
    _months(found)
    _against_paid(found)
    exact = shown.refined()
    with ranking.container():
        _ranking(shown, exact)
    with sentence.container():
        _sentence(exact, head)
        _turns(shown, head)


def _nothing_ranked(found: Evaluation) -> None:
    st.warning(
        "No option meets every goal with known figures, so nothing is ranked. Relax a goal under "
        "Assumptions, or add the figure that is missing.",
        icon=":material/warning:",
    )
    _left_out(found)


# ---- cards ---------------------------------------------------------------------------------------


def _cards(shown: shell.Shown, found: Evaluation, head: Headline) -> None:
    best = head.best
    assert best.money is not None
    months = found.scenario.horizon_months
    unit = shown.plan.unit_of_cost
    each = unit_cost_usd(found.scenario, found.requests_answered, best.money, unit)
    share = best.money.idle_share
    when, why = _break_even(found, head)
    opens = partial(shell.open_button, "Open", found, best.option)
    places = st.columns(5)
    with places[0]:
        shell.card(
            "Total cost, USD",
            f"{best.money.basis_usd:,.0f}",
            _saved(head),
            explained=f"Sum of all lines of {plain(best.title)} over {months} months, "
            f"{found.settings.basis} view, {shown.plan.scope}",
            opens=partial(opens, key="open-total"),
        )
    with places[1]:
        shell.card(
            f"USD {unit}",
            significant(each),
            f"{significant(best.money.inference_cost_per_1k_usd)} per 1,000 requests to serve",
            explained="The total over all units. Serving is what to hold against an API's price",
            opens=partial(opens, key="open-serving", phases=[Phase.INFERENCE]),
        )
    with places[2]:
        shell.card(
            "Training and experiments, USD",
            f"{head.making_usd:,.0f}",
            f"{head.experiments_usd:,.0f} of it experiments",
            explained="Lines of the phases experimentation and training, people included",
            opens=partial(opens, key="open-making", phases=MAKING),
        )
    with places[3]:
        shell.card(
            "Idle and wasted, USD",
            f"{best.money.idle_usd:,.0f}",
            "no machines of its own" if share is None else f"{share:.0%} of its machine cost",
            explained="Capacity that was paid for and did not work: booting, waiting, never used",
            opens=partial(opens, key="open-idle", kinds=LOST),
        )
    with places[4]:
        shell.card(
            "Break-even month",
            when,
            why,
            explained="Month by whose end the cheapest has made up what it costs more at first",
        )


def _saved(head: Headline) -> str:
    """Say how much less than the rival it costs."""
    if head.against is None:
        return "nothing else is ranked"
    share = head.against.saved_share
    part = "" if share is None else f" ({share:.0%})"
    return f":green[{head.against.saved_usd:,.0f}{part} cheaper] than {_rival(head.against)}"


def _rival(against: Against) -> str:
    """Name what the cheapest is held against, and say why that."""
    role = "what runs today" if against.runs_today else "the runner-up"
    return f"{role}, {plain(against.rival.title)}"


def _break_even(found: Evaluation, head: Headline) -> tuple[str, str]:
    against = head.against
    if against is None:
        return "none", "nothing else is ranked"
    if against.month is None:
        return "at once", f"never dearer than {_rival(against)}"
    month = month_start(found.scenario.start, against.month - 1)
    return f"{month:%b %Y}", f"month {against.month}, against {_rival(against)}"


# ---- the sentence --------------------------------------------------------------------------------


def _sentence(found: Evaluation, head: Headline) -> None:
    best, against = head.best, head.against
    drawn = found.outlook.uncertainty
    chance = drawn.ranges[best.option].p_cheapest
    parts = [f"**{plain(best.title)}** is the cheapest snapshot that meets every goal."]
    if against is None:
        parts.append("It is the only one.")
    else:
        share = "" if against.saved_share is None else f" ({against.saved_share:.0%})"
        parts.append(
            f"It costs {money(against.saved_usd)}{share} less over the horizon than "
            f"{_rival(against)}, and is cheapest in {chance:.0%} of "
            f"{drawn.draws:,} draws of what is unsure."
        )
    st.markdown(" ".join(parts))


def _turns(shown: shell.Shown, head: Headline) -> None:
    """Say what would make another option the cheapest."""
    flips = shown.found.outlook.flip_sentences
    if flips:
        st.markdown(f"**What would change that:** {plain(flips[0])}.")
    others = [
        f"by {SCOPES[scope]}, **{plain(answer.title)}** is cheapest"
        for scope, answer in shown.whole.cheapest_by_scope.items()
        if answer.option != head.best.option and scope is not shown.plan.scope
    ]
    if others:
        st.markdown(f"**The scope changes the winner:** {'; '.join(others)}.")


# ---- ranking -------------------------------------------------------------------------------------


def _ranking(shown: shell.Shown, found: Evaluation) -> None:
    unit = shown.plan.unit_of_cost
    snapshots = found.ranking.snapshots
    _table(found, snapshots, unit)
    hidden = [answer for answer in found.ranking.options if answer not in snapshots]
    if hidden:
        st.caption(
            "The cheapest option of each snapshot. A rank counts all options, those below too."
        )
        more = "1 more option" if len(hidden) == 1 else f"{len(hidden)} more options"
        with st.expander(f"{more} of the same snapshots"):
            _table(found, hidden, unit)
    _left_out(found)


def _table(found: Evaluation, answers: Sequence[Answer], unit: UnitOfCost) -> None:
    ranges = found.outlook.uncertainty.ranges
    rows = [_row(found, answer, ranges[answer.option], unit) for answer in answers]
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True,
             alt="Options in order of total cost, with ranges")  # fmt: skip


def _row(found: Evaluation, answer: Answer, known: Range, unit: UnitOfCost) -> dict[str, str]:
    profile, cost = answer.profile, answer.money
    assert profile is not None
    assert cost is not None
    p10, p90 = known.total_usd[frames.TEN], known.total_usd[frames.NINETY]
    each = unit_cost_usd(found.scenario, found.requests_answered, cost, unit)
    return {
        "rank": f"{answer.rank}" + (" (within noise)" if answer.is_tied else ""),
        "option": plain(answer.title),
        "total, USD": f"{cost.basis_usd:,.2f}",
        f"{unit}, USD": f"{each:,.4g}",
        "P10 to P90, USD": "beyond what was simulated"
        if p10 is None or p90 is None
        else f"{p10:,.0f} to {p90:,.0f}",
        "chance of cheapest": f"{known.p_cheapest:.0%}",
        "weights": profile.openness.value if profile.openness else "not known",
        "class": _shown(profile.size_class.value) if profile.size_class else "not known",
        "served": _shown(profile.kind.value),
    }


def _shown(word: str) -> str:
    """Write what is an abbreviation in capitals."""
    return word.upper() if word in ABBREVIATIONS else word


def _left_out(found: Evaluation) -> None:
    for heading, answers in (
        ("unproven: a goal rests on a figure that nobody knows", found.ranking.unproven),
        ("left out: a goal is not met, or a part cannot be priced", found.ranking.excluded),
    ):
        if answers:
            with st.expander(f"{len(answers)} {heading}"):
                for answer in answers:
                    cost = "" if answer.money is None else f" ({money(answer.money.basis_usd)})"
                    st.markdown(
                        f"- **{plain(answer.title)}**{cost}: {plain('; '.join(answer.reasons))}"
                    )


# ---- by month ------------------------------------------------------------------------------------


def _months(found: Evaluation) -> None:
    st.subheader("Cost by month")
    titles = {answer.option: answer.title for answer in frames.priced(found)}
    chosen, budget = st.columns([3, 1], vertical_alignment="bottom")
    option = chosen.selectbox("Option", list(titles), format_func=titles.__getitem__)
    goal = found.scenario.goals.budget_usd
    budget.number_input(
        "Budget over the horizon, USD",
        min_value=0.0,
        step=1000.0,
        format="%.0f",
        placeholder="none given",
        help="A goal of this scenario: options that cost more are left out",
        **shell.view_of(
            "budget",
            goal,
            lambda usd: state.change_inputs({("goals", "budget_usd"): usd or None}),
        ),
    )
    parts = frames.monthly_parts(found, option, "phase")
    chart, table = st.tabs(["Chart", "Table"])
    drawn = stacked_monthly_cost(
        parts,
        by="phase",
        title=f"{titles[option]}: cost a month by phase, {found.settings.basis}",
        budget_usd=frames.budget_by_month_usd(found),
    )
    with chart:
        st.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="months",
                        alt=f"Cost a month of {titles[option]} by phase")  # fmt: skip
        shell.open_button("Open this cost", found, option, key="open-months")
    with table:
        wide = parts.pivot_table(index="month", columns="phase", values="cost_usd", aggfunc="sum")
        wide.index = pd.DatetimeIndex(wide.index).strftime("%Y-%m")
        st.dataframe(wide, width="stretch", alt="Cost by month and phase, USD",
                     column_config=dict.fromkeys(wide.columns, MONEY))  # fmt: skip


MONEY = st.column_config.NumberColumn(format="accounting")


def _against_paid(found: Evaluation) -> None:
    table = frames.against_paid(found)
    if table is None:
        return
    st.subheader("Modelled against paid")
    st.table(
        pd.DataFrame(
            {
                "what": [plain(text) for text in table["what"]],
                "requests": [f"{count:,.0f}" for count in table["requests"]],
                "cost, USD": [f"{usd:,.2f}" for usd in table["cost_usd"]],
                "per 1,000 requests, USD": [f"{usd:,.4g}" for usd in table["per_1k_usd"]],
            }
        ),
        border="horizontal",
        hide_index=True,
        alt="What was paid last month beside the modelled first month",
    )
