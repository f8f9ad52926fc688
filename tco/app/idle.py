"""Idle waste: what capacity did, why part of it did not work, and what would recover that."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.jobs import worked_out
from tco.app.words import begun, plain
from tco.charts import frames
from tco.charts.cost import stacked_monthly_cost
from tco.charts.idle import idle_heat_map, week_of_fleet
from tco.charts.week_frames import heat_table, replicas_table
from tco.domain.cost import Kind
from tco.hosting import Effort
from tco.hosting.seen_week import fleets_of, seen_week
from tco.ledger.waste import CapacityUse, capacity_by_option
from tco.plan import Evaluation
from tco.recover import Recovery, Verdict, recover
from tco.sim.seen_week import SeenWeek
from tco.tasks import Kept, Watch, user_cache

LOST = (Kind.WASTED, Kind.IDLE)
MEANINGS = {
    "booting": "starting, and not yet able to answer",
    "draining": "finishing its last requests, taking no more",
    "spare replicas": "kept ready so that one may fail",
    "minimum floor": "below the least number that is always kept",
    "scale-down delay": "no longer needed, kept in case load comes back",
    "head-room the latency goal needs": "free so that answers come in time",
    "rest": "more than the hour needs, and no rule asks for it",
    "night and weekend": "needed in the busiest hour, not in this one",
    "peak head-room": "room above the need of the busiest hour",
    "unallocated capacity": "part of a machine that no replica fits on",
}
"""Causes as the simulation names them; those of runs and commitments explain themselves."""


@shell.result_page("Idle waste", "What do we pay for capacity that does not work, and why?")
def page(shown: shell.Shown) -> None:
    """Draw the page."""
    found = shown.found
    used = capacity_by_option(found.ledger)
    titles = {answer.option: answer.title for answer in frames.priced(found)}
    options = [option for option in titles if option in used]
    if not options:
        st.info(
            "No option pays for dedicated capacity, so none has idle cost: requests are paid for "
            "one by one."
        )
        return
    option = st.selectbox("Option", options, format_func=titles.__getitem__, key="idle-option")
    _cards(found, used[option])
    _causes(used[option])
    _months(found, option, titles[option])
    _week(shown, option)
    _recoverable(shown, option)
    _every_option(used, titles)


def _cards(found: Evaluation, use: CapacityUse) -> None:
    opens = partial(shell.open_button, "Open", found, use.option)
    share = use.lost_share or 0.0
    dearest = use.wastes[0] if use.wastes else None
    places = st.columns(4)
    with places[0]:
        shell.card(
            "Capacity paid for, USD",
            f"{use.paid_usd:,.2f}",
            f"over {found.scenario.horizon_months} months, nominal",
            explained="Machines and commitments of every phase, by the hour or by the month",
            opens=partial(opens, key="open-paid", kinds=(Kind.USED, *LOST, Kind.SHARED)),
        )
    with places[1]:
        shell.card(
            "Of it worked, USD",
            f"{use.used_usd:,.2f}",
            f"{use.shared_usd:,.2f} more was shared out",
            explained="Capacity that was busy with requests or runs that led on",
            opens=partial(opens, key="open-used", kinds=[Kind.USED]),
        )
    with places[2]:
        shell.card(
            "Idle and wasted, USD",
            f"{use.lost_usd:,.2f}",
            f"{share:.1%} of what is paid for",
            explained="Paid for and not busy: waiting, starting, never used, led nowhere",
            opens=partial(opens, key="open-lost-capacity", kinds=LOST),
        )
    with places[3]:
        shell.card(
            "Dearest cause, USD",
            "none" if dearest is None else f"{dearest.usd:,.2f}",
            "everything worked" if dearest is None else plain(dearest.cause),
            explained="The first cause that applies to each hour that was not busy",
        )


def _causes(use: CapacityUse) -> None:
    st.subheader("Why it did not work")
    rows = [
        {
            "cause": plain(begun(waste.cause)),
            "what it means": MEANINGS.get(waste.cause, ""),
            "capacity": waste.family.value,
            "kind": waste.kind.value,
            "USD": f"{waste.usd:,.2f}",
        }
        for waste in use.wastes
    ]
    if not rows:
        st.info("Every hour that is paid for is used.")
        return
    st.table(rows, border="horizontal", hide_index=True, alt="Causes of waste, the dearest first")


def _months(found: Evaluation, option: str, title: str) -> None:
    rows = found.ledger[(found.ledger["option"] == option) & found.ledger["kind"].isin(LOST)]
    if rows.empty:
        return
    says = f"{title}: money lost a month, by cause"
    chart, table = st.tabs(["By month", "Table"])
    drawn = stacked_monthly_cost(rows, by="cause", title=says)
    chart.altair_chart(drawn, width="stretch", height=shell.CHART_PX, key="lost-months", alt=says)
    wide = rows.pivot_table(index="month", columns="cause", values="cost_usd", aggfunc="sum")
    wide.index = pd.DatetimeIndex(wide.index).strftime("%Y-%m")
    table.dataframe(
        wide,
        width="stretch",
        alt="Lost by month and cause, USD",
        column_config=dict.fromkeys(wide.columns, USD),
    )


USD = st.column_config.NumberColumn(format="%.2f")


# ---- a simulated week ----------------------------------------------------------------------------


def _week(shown: shell.Shown, option: str) -> None:
    st.subheader("A simulated week of the busiest month")
    found, with_ = shown.whole, state.materials()
    if option not in found.scenario.candidates:
        st.info("What runs today is known by its bill, so there is no fleet to simulate.")
        return
    fleets = fleets_of(found.scenario, option, found.requests)
    if not fleets:
        st.info("This option serves on no machines of its own; its waste is that of its runs.")
        return
    name = option
    if len(fleets) > 1 or option not in fleets:
        name = st.selectbox("Fleet", list(fleets), key="idle-fleet",
                            format_func=lambda one: fleets[one].candidate.title)  # fmt: skip
    part = fleets[name]

    def work(watch: Watch) -> SeenWeek:
        effort = Effort(Kept(user_cache(), watch), "quick")
        return seen_week(found.scenario, part, with_.catalog, with_.measurements, effort)

    week = worked_out(
        f"week {shown.reply.key} {option} {name}",
        work,
        label="Simulate the week",
        says="Simulating every request of a week",
        at_once=True,
    )
    if week is not None:
        _draw_week(week)


def _draw_week(week: SeenWeek) -> None:
    changes = "It never changes its size"
    if week.cold_starts or week.scale_downs:
        changes = (
            f"It was enlarged **{week.cold_starts:,}** times (each a cold start of a replica) and "
            f"made smaller **{week.scale_downs:,}** times; starting took "
            f"**{week.booting_hours:,.1f}** replica-hours"
        )
    st.markdown(
        f"**{week.mean_idle_share:.1%}** of what the fleet holds does not work over the week. "
        f"{changes}. {sum(week.requests):,.0f} requests came."
    )
    heat, steps, table = st.tabs(["Idle by hour", "Fleet step by step", "Table"])
    hours = heat_table(week)
    says = f"Idle share of each hour of the week, {week.mean_idle_share:.1%} over all"
    heat.altair_chart(idle_heat_map(hours, title=says), width="stretch", key="heat", alt=says)
    says = "Replicas held against replicas that work"
    steps.altair_chart(
        week_of_fleet(replicas_table(week), axis="replicas", title=says),
        width="stretch", key="week", alt=says,
    )  # fmt: skip
    if not week.steps:
        steps.caption("The fleet changes too often to draw each step: held is the hour's mean.")
    table.dataframe(hours, hide_index=True, width="stretch", alt="The week, hour by hour",
                    column_config={"idle_share": st.column_config.NumberColumn(
                        "idle", format="percent")})  # fmt: skip


# ---- what would recover it -----------------------------------------------------------------------


def _recoverable(shown: shell.Shown, option: str) -> None:
    st.subheader("What would recover it")
    found, with_ = shown.whole, state.materials()
    if option not in found.scenario.candidates:
        st.info("What runs today is not described, so nothing in it can be changed.")
        return

    def work(watch: Watch) -> Recovery:
        watched = replace(found, settings=replace(found.settings, watch=watch))
        return recover(watched, option, with_.catalog, with_.measurements)

    recovery = worked_out(
        f"recover {shown.reply.key} {option}",
        work,
        label="Try every measure",
        says="Trying measures; each is simulated and priced anew",
    )
    if recovery is None:
        st.caption(
            "Right-sizing, batching, autoscaling, schedules, sharing, shorter commitments, fewer "
            "lost runs: each is tried alone, then all that save together. It may take a minute."
        )
        return
    _draw_recovery(recovery)


def _draw_recovery(recovery: Recovery) -> None:
    if recovery.chosen:
        names = ", then ".join(recovery.chosen)
        st.markdown(
            f"Together ({names}) they save **USD {recovery.saved_usd:,.2f}** against the plan as "
            f"it is; USD {recovery.left_usd:,.2f} of waste stays, the price of the goals."
        )
    else:
        st.markdown("No measure saves: what is left is the price of the goals.")
    causes = [
        {
            "cause": plain(begun(one.cause)),
            "today, USD": f"{one.usd:,.2f}",
            "recoverable, USD": f"{one.recovered_usd:,.2f}",
            "stays, USD": f"{one.left_usd:,.2f}",
        }
        for one in recovery.causes
    ]
    st.table(causes, border="horizontal", hide_index=True, alt="Waste that is recoverable or not")
    st.markdown("**Each measure alone**; savings overlap and do not add up.")
    trials = [
        {
            "measure": trial.measure.value,
            "comes to": trial.verdict.value,
            "saves, USD": "" if trial.saved_usd is None else f"{trial.saved_usd:,.2f}",
            "because": plain("; ".join(trial.reasons)),
        }
        for trial in recovery.trials
        if trial.verdict is not Verdict.NOTHING_TO_CHANGE
    ]
    st.table(trials, border="horizontal", hide_index=True, alt="Measures, one at a time")


def _every_option(used: dict[str, CapacityUse], titles: dict[str, str]) -> None:
    st.subheader("Every option beside the others")
    rows = [
        {
            "option": plain(titles.get(option, option)),
            "paid for": f"{use.paid_usd:,.2f}",
            "worked": f"{use.used_usd:,.2f}",
            "wasted": f"{use.wasted_usd:,.2f}",
            "idle": f"{use.idle_usd:,.2f}",
            "shared": f"{use.shared_usd:,.2f}",
            "lost": f"{use.lost_share or 0.0:.1%}",
        }
        for option, use in used.items()
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="What capacity did, by option, USD")
    st.caption(
        "USD over the horizon, nominal. Options that pay by the request have no capacity of their "
        "own and no row."
    )
