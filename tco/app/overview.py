"""The overview page: which snapshot is cheapest under a scenario, and why not the others."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from tco.charts.cost import stacked_monthly_cost
from tco.data import data_folder
from tco.domain.cost import Basis
from tco.domain.loading import Library
from tco.errors import TcoError
from tco.ledger.explain import open_option
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate
from tco.prices import Catalog
from tco.rank.score import Answer
from tco.tasks import user_cache

KEPT_EVALUATIONS = 64
NO_TREND: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off"}
"""The line under a card says what its number means, not where it is going."""


@st.cache_data(max_entries=KEPT_EVALUATIONS, show_spinner="Simulating traffic and pricing it …")
def _evaluation(name: str, basis: str, digest: str) -> Evaluation:
    """Evaluate once; ``digest`` is there to be part of the key."""
    folder = data_folder()
    library = Library(folder.scenarios)
    scenario = library.load_scenario(library.find(name))
    return evaluate(
        scenario,
        Catalog.load(folder.pricing),
        Measurements.load(folder.benchmarks),
        settings=Settings(basis=Basis(basis), cache=user_cache()),
    )


def page() -> None:
    """Draw the page."""
    st.title("TCO planner")
    try:
        _draw()
    except TcoError as error:
        st.error(str(error))


def _draw() -> None:
    library = Library(data_folder().scenarios)
    names = [f"{path.parent.name}/{path.stem}" for path in library.scenario_paths()]
    use_cases = list(dict.fromkeys(name.split("/")[0] for name in names))
    use_case = st.sidebar.selectbox("Use case", use_cases)
    scenario_name = st.sidebar.selectbox(
        "Scenario", [name for name in names if name.startswith(f"{use_case}/")]
    )
    basis = st.sidebar.radio("View of time", [str(basis) for basis in Basis])
    scenario = library.load_scenario(library.find(scenario_name))
    found = _evaluation(scenario_name, basis, scenario.digest)
    st.subheader(scenario.title)
    st.write(scenario.question)
    badge = (
        ":orange-badge[Illustrative: some figures are assumed] " if scenario.illustrative else ""
    )
    st.caption(
        f"{badge}{scenario.horizon_months} months from {scenario.start:%B %Y}, "
        f"{found.requests_answered:,.0f} requests, prices of {scenario.price_date}, {basis} basis, "
        f"nominal USD, scenario {scenario.digest[:8]}"
    )
    ranked = found.ranking.options
    if not ranked:
        st.warning("No option meets every goal with known figures.")
    else:
        _draw_cards(found, ranked[0])
        _draw_ranking(found)
        _draw_option(found)
    _draw_left_out(found)


def _draw_cards(found: Evaluation, best: Answer) -> None:
    money = best.money
    assert money is not None
    snapshots = found.ranking.snapshots
    lead = "It is the only one that meets every goal."
    if len(snapshots) > 1 and snapshots[1].money is not None:
        saved = snapshots[1].money.basis_usd - money.basis_usd
        lead = f"The next snapshot, {snapshots[1].title}, costs USD {saved:,.0f} more."
    st.markdown(f"**{best.title}** is the cheapest snapshot that meets the goals. {lead}")
    cards = st.columns(4)
    months = found.scenario.horizon_months
    basis = f"over {months} months"
    cards[0].metric("Total cost", f"${money.basis_usd:,.0f}", basis, border=True, **NO_TREND)
    serving = f"${money.inference_cost_per_1k_usd:,.4g} of it for serving"
    cards[1].metric(
        "Cost per 1,000 requests",
        f"${money.cost_per_1k_usd:,.4g}",
        serving,
        border=True,
        **NO_TREND,
    )
    people = f"{money.people_usd / money.tco_usd:.0%} of the total" if money.tco_usd else "none"
    cards[2].metric("People", f"${money.people_usd:,.0f}", people, border=True, **NO_TREND)
    share = "no machines of its own"
    if money.idle_share is not None:
        share = f"{money.idle_share:.0%} of its machines"
    cards[3].metric("Idle and wasted", f"${money.idle_usd:,.0f}", share, border=True, **NO_TREND)


def _draw_ranking(found: Evaluation) -> None:
    st.dataframe(
        pd.DataFrame([_row(answer) for answer in found.ranking.options]),
        hide_index=True,
        width="stretch",
        column_config={
            "total": st.column_config.NumberColumn(format="dollar"),
            "per 1,000": st.column_config.NumberColumn(format="$%.4f"),
            "p95 ms": st.column_config.NumberColumn(format="localized"),
        },
    )


def _row(answer: Answer) -> dict[str, object]:
    profile, money = answer.profile, answer.money
    assert profile is not None
    assert money is not None
    p95_ms = answer.latency.ms.get("p95") if answer.latency else None
    return {
        "rank": answer.rank,
        "option": answer.title,
        "served": profile.kind.value,
        "weights": profile.openness.value if profile.openness else None,
        "class": profile.size_class.value if profile.size_class else None,
        "total": money.basis_usd,
        "per 1,000": money.cost_per_1k_usd,
        "p95 ms": None if p95_ms is None else round(p95_ms),
    }


def _draw_option(found: Evaluation) -> None:
    titles = {answer.option: answer.title for answer in found.ranking.options}
    option = st.selectbox("Open an option", list(titles), format_func=lambda name: titles[name])
    rows = found.ledger[found.ledger["option"] == option]
    chart, tree, table = st.tabs(["By month", "Why this number", "Rows"])
    drawn = stacked_monthly_cost(rows, by="phase", title=f"Cost a month of {titles[option]}")
    chart.altair_chart(drawn, width="stretch")
    tree.code("\n".join(open_option(found.model, option).lines()), language=None)
    table.dataframe(rows, hide_index=True, width="stretch")


def _draw_left_out(found: Evaluation) -> None:
    for heading, answers in (
        ("Unproven: a goal rests on a figure that nobody knows", found.ranking.unproven),
        ("Left out: a goal is not met, or a part cannot be priced", found.ranking.excluded),
    ):
        if answers:
            st.markdown(f"**{heading}**")
            for answer in answers:
                st.markdown(f"- {answer.title}: {'; '.join(answer.reasons)}")
