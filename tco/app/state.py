"""The one plan of a session: a scenario, what was changed in it, and how it is looked at.

Widgets are views of it: before a widget is drawn its value is set from the plan, and its callback
writes to the plan. No page reads the widgets of another.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from tco.app.faults import told_of
from tco.data import data_folder, user_overlay
from tco.domain.changes import with_inputs
from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.domain.source import Path_
from tco.errors import TcoError
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate
from tco.prices import Catalog
from tco.rank.uncertainty import FIRST_DRAWS
from tco.store.brought import File, tables_with
from tco.store.files import MOST_TITLE, DeletedError, FileStore, Store
from tco.store.link import read_link
from tco.store.plan import Plan, plan_of
from tco.tasks import Watch, digest_of, user_cache

FIRST = "ticket-classification/base"
"""The worked example that a newcomer sees."""
SAVED = "saved/"
PLAN, KEPT, TOLD, WHO, BROUGHT = "on-hand", "kept", "told", "who", "brought"
ADDRESS = "plan"
"""What the address calls the id of a kept plan."""


@dataclass(frozen=True)
class Materials:
    """Prices and measurements that plans are evaluated with."""

    catalog: Catalog
    measurements: Measurements


# ---- what a session holds ------------------------------------------------------------------------


def library() -> Library:
    """Return the shipped scenarios."""
    return Library(data_folder().scenarios, user_overlay() / "snapshots")


def plan() -> Plan:
    """Return the plan of this session; to begin with that of the address, or the worked example."""
    if PLAN not in st.session_state:
        st.session_state[PLAN] = Plan(*(shipped(FIRST),) * 2)
        or_refused(_open_address)
        _clear_address()
    found: Plan = st.session_state[PLAN]
    return found


def _open_address() -> None:
    """Open what the address of the page asks for: a link, a kept plan, a shipped scenario."""
    values = st.query_params.to_dict()
    if "link" in values:
        read = read_link(values)
        begin(read.plan)
        _keep(read.plan)
        _tell_ignored(read.refused)
        if read.prices_digest != materials().catalog.digest:
            tell("This link was made with other price tables, so its figures may have been others.")
    elif ADDRESS in values:
        open_kept(values[ADDRESS])
    else:
        name = values.pop("scenario", None)
        known = {known for names in scenario_names().values() for known in names}
        if name in known:
            open_named(str(name))
        elif name is not None:
            values["scenario"] = name
        _tell_ignored([f"{name[:40]}={value[:40]}" for name, value in values.items()])


def _clear_address() -> None:
    """Leave nothing in the address but the plan that is kept; each write adds to the history."""
    kept = kept_as()
    left = {} if kept is None else {ADDRESS: kept}
    if st.query_params.to_dict() != left:
        st.query_params.from_dict(left)


def _tell_ignored(values: Sequence[str]) -> None:
    if values:
        count = "1 value" if len(values) == 1 else f"{len(values)} values"
        verb = "was" if len(values) == 1 else "were"
        tell(f"{count} in this link {verb} not valid and {verb} ignored: {', '.join(values)}")


def put(new: Plan) -> None:
    """Make this the plan of the session, and keep it in the user's folder."""
    st.session_state[PLAN] = new
    _keep(new)


def begin(new: Plan, kept_as: str | None = None) -> None:
    """Begin on a plan; nothing is written before something is changed."""
    st.session_state[PLAN] = new
    st.session_state[KEPT] = kept_as


def open_scenario(scenario: Scenario) -> None:
    """Begin on a scenario; how it is looked at stays as it was."""
    before: Plan | None = st.session_state.get(PLAN)
    fresh = Plan(scenario, scenario)
    if before is not None:
        fresh = replace(fresh, basis=before.basis, scope=before.scope, unit=before.unit)
    begin(fresh)


# ---- kept plans ----------------------------------------------------------------------------------


def store() -> Store:
    """Return where this person's plans are kept: a folder of their own where people sign in."""
    return _store(owner())


def owner() -> str:
    """Return the name of this person's folders."""
    if st.user.get("is_logged_in"):
        return hashlib.sha256(str(st.user.get("email")).encode()).hexdigest()[:16]
    return "local"


@st.cache_resource
def _store(whose: str) -> Store:
    return FileStore(user_overlay() / "plans" / whose)


def kept_as() -> str | None:
    """Return the id under which the session's plan is kept; None while nothing was changed."""
    found: str | None = st.session_state.get(KEPT)
    return found


def _keep(new: Plan) -> None:
    """Write the plan down, so that nothing is lost on refresh, crash or restart."""
    try:
        if kept_as() is None:
            _keep_anew(new)
        else:
            try:
                store().write(str(kept_as()), new.as_data())
            except DeletedError:
                _keep_anew(new)
                tell("This scenario was deleted in another window; you go on with a copy of it.")
    except TcoError as error:
        tell(f"Your changes hold for this session only. {error}")


def _keep_anew(new: Plan) -> None:
    scenario = new.origin
    st.session_state[KEPT] = store().add(
        new.as_data(), scenario.title[:MOST_TITLE], scenario.use_case, is_draft=True
    )


def open_kept(id_: str, version: int | None = None) -> None:
    """Begin on a kept plan, or on one of its versions."""
    known = store().about(id_)
    if known.is_deleted:
        raise TcoError(f"'{known.title}' was deleted; restore it under Scenarios")
    begin(plan_of(store().content(id_, version), known.title), id_)
    if version is not None:
        _keep(plan())


def save_as(title: str) -> None:
    """Keep the plan under a title, where the list shows it."""
    if kept_as() is None:
        _keep_anew(plan())
    store().rename(str(kept_as()), title)


def scenario_names() -> dict[str, dict[str, str]]:
    """Return what can be opened, by use case: names, and how people read them."""
    found: dict[str, dict[str, str]] = {}
    for path in library().scenario_paths():
        use_case, name = path.parent.name, path.stem
        words = name.replace("-", " ").capitalize()
        found.setdefault(use_case, {})[f"{use_case}/{name}"] = words
    for saved in store().saved():
        found.setdefault(saved.use_case, {})[f"{SAVED}{saved.id}"] = f"My: {saved.title}"
    return found


def name_of_plan() -> str:
    """Return the name of the plan among ``scenario_names``."""
    id_ = kept_as()
    if id_ is not None and not store().about(id_).is_draft:
        return f"{SAVED}{id_}"
    return plan().origin.id


def open_named(name: str) -> None:
    """Begin on a scenario by its name."""
    if name.startswith(SAVED):
        open_kept(name.removeprefix(SAVED))
    else:
        open_scenario(shipped(name))


def scenario_named(name: str) -> Scenario:
    """Return the scenario of a name, without opening it."""
    if name.startswith(SAVED):
        id_ = name.removeprefix(SAVED)
        return plan_of(store().content(id_), store().about(id_).title).scenario
    return shipped(name)


def undo_changes() -> None:
    """Take back every change of inputs since the scenario was opened."""
    before = plan()
    put(replace(before, edited=before.origin, volume_factor=1.0))


def change_inputs(values: Mapping[Path_, Any]) -> None:
    """Change inputs by path, all or none; a value that does not fit is refused in words."""

    def changed() -> None:
        before = plan()
        put(replace(before, edited=with_inputs(before.edited, values)))

    or_refused(changed)


def or_refused(act: Callable[[], None]) -> None:
    """Do something, or keep everything as it is and have the next run say why."""
    try:
        act()
    except TcoError as error:
        tell(f"Not changed: {error}")
    except Exception as error:
        tell(told_of(error))


def tell(message: str) -> None:
    """Have the next page say something, once."""
    st.session_state.setdefault(TOLD, []).append(message)


def told() -> list[str]:
    """Return what is to be said, once."""
    found: list[str] = st.session_state.pop(TOLD, [])
    return found


def who() -> str:
    """Return a word that tells this session from others."""
    return str(st.session_state.setdefault(WHO, secrets.token_hex(8)))


def materials() -> Materials:
    """Return prices and measurements: with this session's own where it brought some."""
    return _materials(tuple(brought()))


def brought() -> list[File]:
    """Return the price tables and measurements that this session brought."""
    found: list[File] = st.session_state.get(BROUGHT, [])
    return found


def bring(file: File) -> None:
    """Lay a file over the shipped ones in this session; refused if they do not fit together."""
    others = [kept for kept in brought() if (kept.kind, kept.name) != (file.kind, file.name)]
    _materials((*others, file))
    st.session_state[BROUGHT] = [*others, file]


def drop(file: File) -> None:
    """Take a file out again."""
    st.session_state[BROUGHT] = [kept for kept in brought() if kept != file]


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={File: File.digest})
def _materials(files: tuple[File, ...]) -> Materials:
    """Read the tables; who brought the same files, byte for byte, shares what was read."""
    folder, own = data_folder(), user_overlay()
    overlays = [own] if own.is_dir() else []
    return Materials(*tables_with(folder.pricing, folder.benchmarks, overlays, files))


@st.cache_resource(max_entries=64)
def shipped(name: str) -> Scenario:
    """Return a shipped scenario by 'use-case/name'."""
    shelf = library()
    return shelf.load_scenario(shelf.find(name))


# ---- from a plan to its answer -------------------------------------------------------------------


def key_of(one: Plan, with_: Materials) -> str:
    """Return what an answer rests on: scenario, prices, measurements, view of time."""
    return digest_of(
        {
            "scenario": one.digest,
            "prices": with_.catalog.digest,
            "measurements": with_.measurements.digest,
            "basis": one.basis.value,
        }
    )


def work_of(one: Plan, with_: Materials) -> Callable[[Watch], Evaluation]:
    """Return what evaluates a plan, while somebody watches."""

    def work(watch: Watch) -> Evaluation:
        settings = Settings(basis=one.basis, cache=user_cache(), draws=FIRST_DRAWS, watch=watch)
        return evaluate(one.scenario, with_.catalog, with_.measurements, settings=settings)

    return work
