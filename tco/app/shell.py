"""What all pages share: read this before you write one.

A page is a file with one function, wrapped by what it needs, and a line in ``streamlit_app.py``::

    @shell.result_page("Idle waste", "What do we pay for capacity that does not work?")
    def page(shown: shell.Shown) -> None:
        st.altair_chart(...)

- ``result_page`` draws the sidebar, the title and the strip of facts, evaluates the plan of the
  session (``shown.plan``) and calls the page with the answer. While a longer simulation runs, the
  page is called with the answer before, under a yellow strip. ``shown.found`` is the answer under
  the scope of the sidebar, ``shown.whole`` that with all cost, both with ranges from 512 draws;
  ``shown.refined()`` has all 8,192 and takes up to half a second the first time: ask for it at the
  end of a page, and draw over a placeholder.
- ``input_page`` is for pages of inputs: it draws the title, evaluates nothing and passes the plan.
- Change inputs with ``state.change_inputs({path: value})`` in a callback; what does not fit is
  refused in words on the next run, and the plan stays as it was. Never write widget keys of others.
- Set the value of a keyed widget from the plan before it is drawn (see ``_sidebar``); read it in
  its callback only.
- No arithmetic: a figure is a field of the evaluation or a column that ``tco.charts.frames`` or
  another room makes. Any number can be opened with ``open_button``;
  ``card`` draws one with what it means.
- Raise ``TcoError`` for what a person can mend; all else is logged and shown as a reference.
- ``words.plain`` for any text of the user's in markdown; dollars as 'USD', or escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import streamlit as st

from tco.app import state
from tco.app.answers import Reply, answers
from tco.app.faults import told_of
from tco.app.opened import show_opened
from tco.app.words import begun, plain
from tco.domain.cost import Basis, Kind, Payee, Phase
from tco.errors import TcoError
from tco.plan import Evaluation
from tco.rank.scope import Scope
from tco.rank.uncertainty import FIRST_DRAWS
from tco.rank.unit_cost import units_of
from tco.rank.words import amount
from tco.store.plan import Plan

PATIENCE_S = 2.0
"""So long a page waits before it shows the answer before [s]."""
POLL_S = 0.5
SKELETON_PX = 420
CHART_PX = 440
"""Height of a chart with its legend under it."""
SHOWN, STOPPED = "shown", "stopped"
MOST_CHANGES, MOST_TEXT = 12, 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page draws: a plan and its answer."""

    plan: Plan
    reply: Reply

    @property
    def found(self) -> Evaluation:
        """The answer under the scope of the sidebar."""
        return self.reply.seen(self.plan.scope, FIRST_DRAWS)

    @property
    def whole(self) -> Evaluation:
        """The answer with all cost."""
        return self.reply.seen(Scope.ALL, FIRST_DRAWS)

    def refined(self) -> Evaluation:
        """The answer under the scope, with ranges from all draws."""
        return self.reply.refined(self.plan.scope)


def result_page(title: str, asks: str) -> Callable[[Callable[[Shown], None]], Callable[[], None]]:
    """Wrap a page that shows an answer."""

    def wrap(draw: Callable[[Shown], None]) -> Callable[[], None]:
        @wraps(draw)
        def page() -> None:
            with _reported():
                _sidebar()
            with _reported():
                _head(title, asks)
                shown = answered()
                if shown is not None:
                    draw(shown)

        return page

    return wrap


def input_page(title: str, asks: str) -> Callable[[Callable[[Plan], None]], Callable[[], None]]:
    """Wrap a page of inputs."""

    def wrap(draw: Callable[[Plan], None]) -> Callable[[], None]:
        @wraps(draw)
        def page() -> None:
            with _reported():
                _head(title, asks)
                draw(state.plan())

        return page

    return wrap


class _reported:  # noqa: N801 - reads as a word of the with statement
    """Show what went wrong in words; no trace, no path, and inputs stay."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Show an error instead of raising it; Streamlit's own signals pass."""
        if isinstance(error, TcoError):
            st.error(plain(str(error)), icon=":material/warning:")
            return True
        if isinstance(error, Exception):
            st.error(told_of(error), icon=":material/warning:")
            return True
        return False


# ---- sidebar -------------------------------------------------------------------------------------

BASIS_WORDS = {
    Basis.ACCRUAL: "Accrual: spread over its life",
    Basis.CASH: "Cash: when it is paid",
    Basis.PRESENT_VALUE: "Present value of cash",
}
SCOPE_WORDS = {
    Scope.BILLS: "Cloud and API bill",
    Scope.PEOPLE: "Plus people",
    Scope.ALL: "Full TCO",
}


def view_of(key: str, value: Any, write: Callable[[Any], None]) -> dict[str, Any]:
    """Return key and callback of a widget that is a view of the plan.

    Args:
        key: Name of the widget, no other page's.
        value: What it shows now; it is set before the widget is drawn.
        write: Takes the new value into the plan; what is refused is told on the next run.
    """
    st.session_state[key] = value

    def take() -> None:
        state.or_refused(lambda: write(st.session_state[key]))

    return {"key": key, "on_change": take}


def _look(**changed: Any) -> None:
    state.put(replace(state.plan(), **changed))


def _sidebar() -> None:
    plan = state.plan()
    with st.sidebar:
        _scenario_picker(plan)
        volumes = plan.volumes
        st.select_slider(
            "Requests a month at the start",
            list(volumes),
            format_func=lambda factor: f"{amount(volumes[factor])} ({factor:g} x)",
            help="This scenario's volume and multiples of it; growth and the week stay as they are",
            **view_of("volume", plan.volume_factor, lambda f: _look(volume_factor=f)),
        )
        st.selectbox(
            "Horizon",
            plan.horizons_months,
            format_func=lambda months: f"{months} months",
            **view_of(
                "horizon",
                plan.edited.horizon_months,
                lambda months: state.change_inputs({("horizon_months",): months}),
            ),
        )
        st.selectbox(
            "View of time",
            list(Basis),
            format_func=BASIS_WORDS.__getitem__,
            **view_of("basis", plan.basis, lambda basis: _look(basis=basis)),
        )
        st.selectbox(
            "Unit cost",
            list(units_of(plan.scenario)),
            format_func=begun,
            **view_of("unit", plan.unit_of_cost, lambda unit: _look(unit=unit)),
        )
        st.selectbox(
            "Scope",
            list(Scope),
            format_func=SCOPE_WORDS.__getitem__,
            help="Which cost counts in totals and in the order. Goals are judged on the full TCO, "
            "the total cost of ownership",
            **view_of("scope", plan.scope, lambda scope: _look(scope=scope)),
        )


def _scenario_picker(plan: Plan) -> None:
    names = state.scenario_names()
    use_case, here = plan.origin.use_case, state.name_of_plan()
    names.setdefault(use_case, {}).setdefault(here, plan.origin.name.replace("-", " ").capitalize())
    st.selectbox(
        "Use case",
        list(names),
        format_func=lambda name: str(name).replace("-", " ").capitalize(),
        **view_of("use-case", use_case, lambda name: state.open_named(next(iter(names[name])))),
    )
    st.selectbox(
        "Scenario",
        list(names[use_case]),
        format_func=names[use_case].__getitem__,
        **view_of("scenario", here, state.open_named),
    )


# ---- every page ----------------------------------------------------------------------------------

LOOK = """<style>
.st-key-plan { display: none; }
.stMainBlockContainer { padding: 3.2rem 2.5rem 3rem; }
[data-testid="stSidebarHeader"] { height: 2rem; }
[data-testid="stSidebarNavLink"] { margin-top: 0; margin-bottom: 0; min-height: 1.6rem; }
[data-testid="stMetricValue"] { font-size: 1.55rem; }
[data-testid="stMetricLabel"] p { white-space: normal; }
[data-testid="stTable"] td, [data-testid="stTable"] th { padding: 0.3rem 0.5rem; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 3.2rem 1rem 2rem; }
  [data-testid="stTable"] td, [data-testid="stTable"] th { min-width: 5.5rem; }
}
</style>"""
"""Room for the figures: words of a card wrap instead of being cut off."""


def every_page() -> None:
    """Draw what every page has and nobody sees: the look, and the plan's id in the address.

    A refresh finds the plan again by its id. A hidden field is bound to the address, so that the
    list of pages carries the id along and each page stands once in the browser's history. Written
    by the page itself it would stand twice, bare and with its plan, and going back would take two
    steps.
    """
    st.html(LOOK)
    with _reported():
        state.plan()  # opens what the address asks for
        st.session_state[state.ADDRESS] = state.kept_as() or ""
        st.text_input("Plan", key=state.ADDRESS, bind="query-params")


# ---- head of the page ----------------------------------------------------------------------------


def _head(title: str, asks: str) -> None:
    plan = state.plan()
    scenario = plan.scenario
    st.title(title)
    st.caption(f"{asks} **{plain(scenario.title)}**")
    for message in state.told():
        st.warning(plain(message), icon=":material/warning:")
    badge = ":orange-badge[Illustrative: some figures are assumed]" if plan.is_illustrative else ""
    strip = st.container(horizontal=True, vertical_alignment="center")
    strip.markdown(
        f"{badge} :blue-badge[Estimate, not a quote] :gray-badge[Prices of "
        f"{scenario.price_date:%d %b %Y}] :gray-badge[USD, {plan.basis}, "
        f"{SCOPE_WORDS[plan.scope]}] :gray-badge[Digest {plan.digest[:8]}]"
    )
    if plan.changes:
        with strip.popover(f"{len(plan.changes)} changed", width="content"):
            _changes(plan)


def _changes(plan: Plan) -> None:
    st.markdown(f"Against **{plain(plan.origin.title)}**, as it was opened:")
    rows = [
        {"input": change.key, "was": short(change.before), "is": short(change.after)}
        for change in plan.changes[:MOST_CHANGES]
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Changed inputs")
    if len(plan.changes) > MOST_CHANGES:
        st.caption(f"and {len(plan.changes) - MOST_CHANGES} more")
    st.button("Undo all changes", on_click=state.undo_changes, key="undo-changes")


def short(value: Any) -> str:
    """Write the value of an input so that it fits into a table."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return amount(value)
    text = str(value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} ..."


# ---- the answer ----------------------------------------------------------------------------------


def answered() -> Shown | None:
    """Return what to draw: the plan's answer, or the one before while it is worked out."""
    plan, with_ = state.plan(), state.materials()
    key, who = state.key_of(plan, with_), state.who()
    if st.session_state.get(STOPPED) == key:
        _stopped_strip()
        return _before()
    reply = answers().ask(who, key, state.work_of(plan, with_))
    try:
        is_there = reply.is_there_within(PATIENCE_S)
    except Exception:
        answers().forget(key)  # what failed is tried anew by the next run
        raise
    if is_there:
        st.session_state[SHOWN] = (plan, key)
        if reply.watch.lost:
            _lost_strip(key)
        return Shown(plan, reply)
    _waiting_strip(reply, key)
    before = _before()
    if before is None:
        st.skeleton(height=SKELETON_PX)
    return before


def _before() -> Shown | None:
    """Return the last answer of this session, if it is still kept."""
    last: tuple[Plan, str] | None = st.session_state.get(SHOWN)
    if last is None:
        return None
    plan, key = last
    reply = answers().known(key)
    if reply is None:
        return None
    st.warning(
        f"Shown for the previous inputs, digest {plan.digest[:8]}", icon=":material/hourglass_top:"
    )
    return Shown(plan, reply)


@st.fragment(run_every=POLL_S)
def _waiting_strip(reply: Reply, key: str) -> None:
    if reply.is_done:
        st.rerun()
    watch = reply.watch
    told, stop = st.columns([5, 1], vertical_alignment="center")
    told.progress(
        watch.done / watch.wanted if watch.wanted else 0.0,
        text=f"Simulating traffic for these inputs: {watch.done} of {watch.wanted} runs done"
        if watch.wanted
        else "Working out the answer for these inputs",
    )

    def leave() -> None:
        answers().leave(state.who(), key)
        st.session_state[STOPPED] = key

    if stop.button("Cancel", key="cancel", width="stretch"):
        leave()
        st.rerun()


def _lost_strip(key: str) -> None:
    told, again = st.columns([5, 1], vertical_alignment="center")
    told.warning(
        "A worker process died while it simulated these inputs, twice, perhaps for want of memory. "
        "The options that need it are left out below. The inputs are kept.",
        icon=":material/warning:",
    )
    again.button(
        "Try again", key="try-again", on_click=answers().forget, args=(key,), width="stretch"
    )


def _stopped_strip() -> None:
    told, again, back = st.columns([4, 1, 1], vertical_alignment="center")
    told.info(
        "The simulation for these inputs was stopped; the inputs are kept.", icon=":material/block:"
    )
    again.button("Simulate", on_click=lambda: st.session_state.pop(STOPPED), width="stretch")
    if st.session_state.get(SHOWN) is not None:
        back.button("Go back", on_click=_go_back, width="stretch", help="to the inputs shown below")


def _go_back() -> None:
    plan, _ = st.session_state[SHOWN]
    st.session_state.pop(STOPPED)
    state.put(plan)


# ---- figures -------------------------------------------------------------------------------------


def card(
    label: str, value: str, note: str, *, explained: str, opens: Callable[[], None] | None = None
) -> None:
    """Draw a figure with what it means.

    Args:
        label: What it is, with its unit.
        value: The figure.
        note: What it means, in markdown.
        explained: How it is made, shown when asked for.
        opens: Draws the button that opens it, such as a ``partial`` of ``open_button``.
    """
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(label, value, help=explained)
        st.markdown(f":small[{note}]")
        if opens is not None:
            opens()


# ---- every number opens --------------------------------------------------------------------------


def open_button(
    label: str,
    found: Evaluation,
    option: str,
    *,
    key: str,
    phases: Sequence[Phase] | None = None,
    kinds: Sequence[Kind] | None = None,
    payees: Sequence[Payee] | None = None,
) -> None:
    """Draw a button that opens a number down to quantity, price, source, date and evidence."""
    if st.button(label, key=key, type="tertiary", icon=":material/search:"):
        wanted = {"phase": phases, "kind": kinds, "payee": payees}
        rows = found.ledger[found.ledger["option"] == option]
        for column, words in wanted.items():
            if words is not None:
                rows = rows[rows[column].isin(words)]
        show_opened(found, option, rows)
