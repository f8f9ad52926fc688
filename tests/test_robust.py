"""Choices over several scenarios, by hand and by what must hold of any costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.errors import TcoError
from tco.robust import best_mix, costs_by_snapshot, held_against, robust, standings
from tests.cases import worked_plans

COSTS = {
    "low": {"api": 10.0, "own": 50.0, "middle": 25.0},
    "high": {"api": 200.0, "own": 80.0, "middle": 110.0, "special": 60.0},
}
USD = st.floats(1.0, 1e9)
TABLES = st.integers(1, 4).flatmap(
    lambda choices: st.lists(st.lists(USD, min_size=choices, max_size=choices), min_size=2)
).map(
    lambda rows: {
        f"s{number}": {f"c{place}": usd for place, usd in enumerate(row)}
        for number, row in enumerate(rows)
    }
)  # fmt: skip


def test_regrets_by_hand():
    own, *others = standings(COSTS)
    assert [one.choice for one in (own, *others)] == ["own", "middle", "api"]
    assert own.regret_usd == {"low": 40.0, "high": 20.0}  # the best of high is no choice in low
    assert own.worst_regret_usd == 40.0
    assert own.worst_scenario == "low"
    assert own.worst_ratio == 5.0
    least_ratio = min(standings(COSTS), key=lambda one: one.worst_ratio)
    assert least_ratio.choice == "middle"
    assert least_ratio.worst_ratio == 2.5


@given(costs=TABLES)
def test_the_least_regretted_is_regretted_least(costs: dict[str, dict[str, float]]):
    found = standings(costs)
    assert len(found) == len(costs["s0"])
    assert all(one.worst_regret_usd >= found[0].worst_regret_usd for one in found)
    for name in costs:
        assert min(one.regret_usd[name] for one in found) == 0
        assert min(one.ratio[name] for one in found) == 1


@given(costs=TABLES, factor=st.floats(0.01, 100))
def test_in_another_currency_the_choice_is_the_same(
    costs: dict[str, dict[str, float]], factor: float
):
    scaled = {n: {c: usd * factor for c, usd in known.items()} for n, known in costs.items()}
    for before, after in zip(
        sorted(standings(costs), key=lambda one: one.choice),
        sorted(standings(scaled), key=lambda one: one.choice),
        strict=True,
    ):
        assert after.worst_regret_usd == pytest.approx(
            factor * before.worst_regret_usd, rel=1e-6, abs=1e-6 * factor * 1e3
        )
        assert after.worst_ratio == pytest.approx(before.worst_ratio)


@given(costs=TABLES, more=st.floats(0, 1e6))
def test_what_is_dominated_changes_no_regret(costs: dict[str, dict[str, float]], more: float):
    worse = {name: {**known, "worse": known["c0"] + more} for name, known in costs.items()}
    before = {one.choice: one.regret_usd for one in standings(costs)}
    after = {one.choice: one.regret_usd for one in standings(worse)}
    assert {choice: after[choice] for choice in before} == before


def test_where_no_choice_is_left_there_is_none():
    assert standings({"low": {"a": 1.0}, "high": {"b": 1.0}}) == ()
    assert standings({"low": {"a": 1.0}, "high": {}}) == ()


def test_a_mix_by_hand():
    # One is cheap in the one scenario and dear in the other, and costs follow the volume.
    full = {"dry": {"a": 100.0, "b": 300.0}, "wet": {"a": 300.0, "b": 100.0}}
    own = {
        share: {n: {o: share * usd for o, usd in known.items()} for n, known in full.items()}
        for share in (0.25, 0.5, 0.75)
    }
    best = {"dry": 110.0, "wet": 110.0}
    shared = {"dry": 10.0, "wet": 10.0}
    mix = best_mix(own, shared, best, to_beat_usd=200.0)
    assert mix is not None
    assert mix.shares == {"a": 0.5, "b": 0.5}
    assert mix.standing.cost_usd == {"dry": 210.0, "wet": 210.0}
    assert mix.standing.worst_regret_usd == 100.0
    assert best_mix(own, shared, best, to_beat_usd=100.0) is None
    within = best_mix(own, shared, best, to_beat_usd=200.0, budget_usd={"dry": 180.0})
    assert within is not None
    assert within.shares == {"b": 0.25, "a": 0.75}
    assert within.standing.worst_regret_usd == 150.0
    assert best_mix(own, shared, best, to_beat_usd=200.0, budget_usd={"dry": 150.0}) is None


def test_a_ratio_is_never_below_one():
    assert held_against("a", {"x": 0.5}, {"x": 1.0}).ratio == {"x": 1.0}


def test_two_scenarios_through_the_cost_model():
    base = worked_plans.scenario("cascade")
    dearer = {"applies_to": ("smallvendor/*",), "shocks": [{"name": "x", "month": 1, "change": 30}]}
    shock = worked_plans.evaluation_of(base, name="shock", price_paths={"dearer": dearer})
    first = worked_plans.evaluated("cascade")
    found = robust([first, shock], worked_plans.catalog(), worked_plans.measurements())
    costs = costs_by_snapshot([first, shock])
    assert found.scenarios == ("cascade", "shock")
    assert {one.choice for one in found.standings} == set(costs["shock"])
    for one in found.standings:
        assert one.cost_usd == {name: costs[name][one.choice] for name in costs}
    if found.mix is not None:
        assert found.least_regret is not None
        assert found.mix.standing.worst_regret_usd < found.least_regret.worst_regret_usd


def test_one_scenario_is_too_few():
    found = worked_plans.evaluated("cascade")
    with pytest.raises(TcoError, match="two scenarios or more"):
        robust([found], worked_plans.catalog(), worked_plans.measurements())
