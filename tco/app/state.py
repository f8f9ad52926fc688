"""The one plan of a session: a scenario, what was changed in it, and how it is looked at.

Widgets are views of it: before a widget is drawn its value is set from the plan, and its callback
writes to the plan. No page reads the widgets of another.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import streamlit as st

from tco.data import data_folder, user_overlay
from tco.domain.changes import Change, changes, with_inputs
from tco.domain.cost import Basis
from tco.domain.loading import Library
from tco.domain.scenario import Scenario
from tco.domain.source import Path_
from tco.errors import TcoError
from tco.ledger.option import likely_months
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate, requests_of
from tco.prices import Catalog
from tco.rank.scope import Scope
from tco.rank.uncertainty import FIRST_DRAWS
from tco.rank.unit_cost import UnitOfCost, units_of
from tco.tasks import Watch, digest_of, user_cache

FIRST = "ticket-classification/base"
"""The worked example that a newcomer sees."""
VOLUME_FACTORS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
HORIZONS_MONTHS = (12, 24, 36, 48, 60)
PLAN, REFUSED, WHO, MATERIALS = "plan", "refused", "who", "materials"


@dataclass(frozen=True)
class Materials:
    """Prices and measurements that plans are evaluated with."""

    catalog: Catalog
    measurements: Measurements


@dataclass(frozen=True)
class Plan:
    """What a person works on."""

    origin: Scenario
    """The scenario as it was opened: changes are told against it."""
    edited: Scenario
    """The same with inputs changed, at the volume that it states."""
    volume_factor: float = 1.0
    """Multiple of that volume, from the slider [-]."""
    basis: Basis = Basis.ACCRUAL
    scope: Scope = Scope.ALL
    unit: UnitOfCost = UnitOfCost.REQUESTS
    saved_as: str | None = None
    """Id under which the plan is kept in the user's folder; None for a shipped scenario."""

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario that is evaluated."""
        if self.volume_factor == 1.0:
            return self.edited
        workload = self.edited.workload.scaled(self.volume_factor)
        return self.edited.model_copy(update={"workload": workload})

    @cached_property
    def digest(self) -> str:
        """Digest of the scenario, as files and links carry it."""
        return self.scenario.digest

    @cached_property
    def is_illustrative(self) -> bool:
        """Whether any figure is assumed."""
        return self.scenario.illustrative

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Inputs that are not as they were when the scenario was opened."""
        return changes(self.origin, self.scenario)

    @cached_property
    def volumes(self) -> dict[float, float]:
        """Requests of the first month at each place of the slider [1/month]."""
        factors = sorted({*VOLUME_FACTORS, self.volume_factor})
        return {factor: _first_month(self.edited, factor) for factor in factors}

    @property
    def horizons_months(self) -> list[int]:
        """Horizons to choose from."""
        known = {self.origin.horizon_months, self.edited.horizon_months}
        return sorted({*HORIZONS_MONTHS, *known})

    @property
    def unit_of_cost(self) -> UnitOfCost:
        """The unit that costs are shown in; requests where the workload cannot tell another."""
        return self.unit if self.unit in units_of(self.scenario) else UnitOfCost.REQUESTS


def _first_month(scenario: Scenario, factor: float) -> float:
    scaled = scenario.model_copy(update={"workload": scenario.workload.scaled(factor)})
    return float(likely_months(requests_of(scaled), scaled.horizon_months)[0])


# ---- what a session holds ------------------------------------------------------------------------


def library() -> Library:
    """Return the shipped scenarios."""
    return Library(data_folder().scenarios)


def plan() -> Plan:
    """Return the plan of this session; the worked example to begin with."""
    if PLAN not in st.session_state:
        open_scenario(shipped(FIRST))
    found: Plan = st.session_state[PLAN]
    return found


def put(new: Plan) -> None:
    """Make this the plan of the session."""
    st.session_state[PLAN] = new


def open_scenario(scenario: Scenario, *, saved_as: str | None = None) -> None:
    """Begin on a scenario; how it is looked at stays as it was."""
    before: Plan | None = st.session_state.get(PLAN)
    fresh = Plan(scenario, scenario, saved_as=saved_as)
    if before is not None:
        fresh = replace(fresh, basis=before.basis, scope=before.scope, unit=before.unit)
    put(fresh)


def scenario_names() -> dict[str, dict[str, str]]:
    """Return what can be opened, by use case: names, and how people read them."""
    found: dict[str, dict[str, str]] = {}
    for path in library().scenario_paths():
        use_case, name = path.parent.name, path.stem
        words = name.replace("-", " ").capitalize()
        found.setdefault(use_case, {})[f"{use_case}/{name}"] = words
    return found


def open_named(name: str) -> None:
    """Begin on a scenario by its name."""
    open_scenario(shipped(name))


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
        st.session_state[REFUSED] = str(error)


def take_refused() -> str | None:
    """Return why the last change was refused, once."""
    found: str | None = st.session_state.pop(REFUSED, None)
    return found


def who() -> str:
    """Return a word that tells this session from others."""
    return str(st.session_state.setdefault(WHO, secrets.token_hex(8)))


def materials() -> Materials:
    """Return prices and measurements: this session's own where it brought some."""
    own: Materials | None = st.session_state.get(MATERIALS)
    return own or _shared_materials()


@st.cache_resource
def _shared_materials() -> Materials:
    folder, own = data_folder(), user_overlay()
    overlays = [own] if own.is_dir() else []
    return Materials(
        Catalog.load(folder.pricing, overlays=overlays),
        Measurements.load(folder.benchmarks, overlays=[own]),
    )


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
