"""The scenarios of a person: saved, duplicated, renamed, deleted with undo, with their history."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlencode

import streamlit as st

from tco.app import shell, state
from tco.app.words import plain
from tco.domain.changes import changes
from tco.store.files import MOST_TITLE, Saved
from tco.store.link import link_values
from tco.store.plan import Plan

MOST_SHOWN = 60


@shell.input_page("Scenarios", "What have I saved, and in what do two of them differ?")
def page(plan: Plan) -> None:
    """Draw the page."""
    _this(plan)
    _mine()
    _side_by_side(plan)


# ---- the plan at hand ----------------------------------------------------------------------------


def _this(plan: Plan) -> None:
    st.subheader("This scenario")
    kept = state.kept_as()
    about = None if kept is None else state.store().about(kept)
    if about is None:
        st.markdown(
            f"**{plain(plan.origin.title)}**, as it is shipped. Nothing was changed yet: the first "
            "change is kept as a draft, and nothing shipped is ever overwritten."
        )
    elif about.is_draft:
        st.markdown(
            f"**{plain(about.title)}**, a draft with {len(plan.changes)} changed inputs, written "
            f"{_when(about.changed_at)}. Its address finds it again; a title lists it below."
        )
    else:
        st.markdown(f"**{plain(about.title)}**, saved; last written {_when(about.changed_at)}.")
    title, save = st.columns([4, 1], vertical_alignment="bottom")
    title.text_input(
        "Title", key="save-title", max_chars=MOST_TITLE,
        placeholder=about.title if about else plan.origin.title,
    )  # fmt: skip
    save.button("Save", on_click=_save, type="primary", width="stretch", key="save")
    link, file = st.columns(2)
    with link.popover("Copy link", width="stretch", icon=":material/link:"):
        st.markdown(
            "Carries every input and how it is looked at; whoever opens it sees the same digest."
        )
        st.code(link_to(plan), language=None, wrap_lines=True)
    file.download_button(
        "Download as JSON",
        json.dumps(plan.scenario.model_dump(mode="json"), indent=1),
        f"{plan.scenario.use_case}-{plan.scenario.name}-{plan.digest[:8]}.json",
        "application/json",
        on_click="ignore",
        width="stretch",
        icon=":material/download:",
    )


def link_to(plan: Plan) -> str:
    """Return the link that carries a plan, under the address of this server."""
    values = urlencode(link_values(plan, state.materials().catalog.digest))
    parts = (st.context.url or "").split("?")[0].split("/")
    return f"{'/'.join(parts[:3])}/?{values}"


def _save() -> None:
    typed = str(st.session_state["save-title"])

    def save() -> None:
        state.save_as(typed or state.plan().origin.title[:MOST_TITLE])
        st.session_state["save-title"] = ""
        st.toast("Saved", icon=":material/check:")

    state.or_refused(save)


# ---- the list ------------------------------------------------------------------------------------


def _mine() -> None:
    st.subheader("Saved")
    deleted = st.session_state.get("deleted")
    if deleted is not None:
        said, undo = st.columns([4, 1], vertical_alignment="center")
        said.info(f"Deleted: {plain(deleted[1])}", icon=":material/delete:")
        undo.button("Undo", on_click=_undo_delete, width="stretch", key="undo-delete")
    saved = state.store().saved()
    if not saved:
        st.info("Nothing saved yet. Change an input, give it a title above, and save.")
    for one in saved[:MOST_SHOWN]:
        _row(one)


def _row(one: Saved) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(one.title)}**  \n{one.use_case.replace('-', ' ').capitalize()}, "
            f"{_when(one.changed_at)}"
        )
        here = one.id == state.kept_as()
        st.button(
            "Open here" if not here else "Open now",
            key=f"open-{one.id}",
            disabled=here,
            on_click=state.or_refused,
            args=(lambda: state.open_kept(one.id),),
        )
        with st.popover("Rename"):
            st.text_input("New title", one.title, key=f"title-{one.id}", max_chars=MOST_TITLE)
            st.button("Rename", key=f"rename-{one.id}", on_click=_rename, args=(one.id,))
        st.button(
            "Duplicate",
            key=f"copy-{one.id}",
            on_click=state.or_refused,
            args=(lambda: _duplicate(one.id),),
        )
        with st.popover("History"):
            for version in state.store().history(one.id):
                st.button(
                    f"Go back to {_when(version.begun_at)}",
                    key=f"version-{one.id}-{version.number}",
                    on_click=state.or_refused,
                    args=(lambda number=version.number: state.open_kept(one.id, number),),
                )
        if st.button("Delete", key=f"delete-{one.id}"):
            _confirm_delete(one)


def _rename(id_: str) -> None:
    typed = str(st.session_state[f"title-{id_}"])
    state.or_refused(lambda: state.store().rename(id_, typed))


def _duplicate(id_: str) -> None:
    state.store().duplicate(id_)


@st.dialog("Delete this scenario?")
def _confirm_delete(one: Saved) -> None:
    st.markdown(f"**{plain(one.title)}** leaves the list. You can undo it on this page.")
    if st.button("Delete", type="primary", key="delete-for-good"):
        state.store().delete(one.id)
        if state.kept_as() == one.id:
            state.begin(state.plan())
        st.session_state["deleted"] = (one.id, one.title)
        st.rerun()


def _undo_delete() -> None:
    id_, _ = st.session_state.pop("deleted")
    state.or_refused(lambda: state.store().restore(id_))


# ---- side by side --------------------------------------------------------------------------------


def _side_by_side(plan: Plan) -> None:
    st.subheader("Side by side")
    names = {
        name: f"{use_case.replace('-', ' ').capitalize()}: {words}"
        for use_case, known in state.scenario_names().items()
        for name, words in known.items()
    }
    first = list(names).index(plan.origin.id) if plan.origin.id in names else 0
    other = st.selectbox("Compare this scenario with", list(names), index=first,
                         format_func=names.__getitem__, key="beside")  # fmt: skip
    found = changes(state.scenario_named(other), plan.scenario)
    if not found:
        st.info("No input differs.")
        return
    rows = [
        {
            "input": plain(change.key),
            plain(names[other]): plain(shell.short(change.before)),
            "this scenario": plain(shell.short(change.after)),
        }
        for change in found[:MOST_SHOWN]
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Inputs that differ")
    if len(found) > MOST_SHOWN:
        st.caption(f"and {len(found) - MOST_SHOWN} more")


def _when(at: str) -> str:
    return f"{datetime.fromisoformat(at):%d %b %Y, %H:%M} UTC"
