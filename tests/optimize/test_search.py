"""The search finds what trying everything finds, and leaves out only what it may."""

import os
from pathlib import Path
from typing import Any

import pytest

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.loading import Library
from tco.errors import TcoError
from tco.optimize.document import found_document, scenario_text, with_found
from tco.optimize.space import space_of
from tco.optimize.trial import Question, Trial
from tco.plan import evaluate
from tests.cases import worked_plans
from tests.optimize.plans import (
    BOOT,
    all_tried,
    catalog,
    check_against_all,
    goal,
    question,
    search,
)

REPLICAS = int(os.environ.get("TCO_REPLICAS", "8"))
IS_LARGE = "TCO_REPLICAS" in os.environ
"""Sizes of static fleets in the largest space; 250 make it two thousand deployments."""

SMALL: dict[str, Any] = {
    "machines": [
        {"seller": "acme-cloud", "region": region, "instance_type": machine}
        for region, machine in (("north", "gpu-2"), ("north", "gpu-1"))
    ],
    "purchases": ["on_demand"],
    "replicas": [1, 2, 3],
    "minimum_replicas": [0, 1],
    "target_busy_shares": [0.6],
    "targets_per_replica": [1.0],
    "scaling": ["static", "queue_length"],
}
BURSTS = {
    "kind": "on_off",
    "on_mean_s": 600,
    "off_mean_s": 1800,
    "client_shares": [0.5, 0.5],
}
LATE_SELDOM = {"goals": {"latency_ms": {"p95": 8500, "p99": 9000}}}
"""The p95 of other tests, which a simulation rests on: so it need not be done again."""
BY_BATCH = {"base_seconds": 2.0, "seconds_per_item": 0.8, "max_batch": 4}


@pytest.fixture(scope="module")
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prices")


def in_batches(ms: float) -> dict[str, Any]:
    own = {"deployment": {"service": {"seconds": None, "parallel": None, **BY_BATCH}}}
    return {"candidates": {"own": own}, **goal(ms)}


def test_the_search_finds_what_trying_everything_finds(tmp: Path):
    meet = check_against_all(question(tmp, SMALL, **goal(8500)))
    assert len(meet) > 5


@pytest.mark.parametrize(
    "changes",
    [goal(6500), goal(3000), {"goals": {"regions": ["south"]}}],
    ids=["tight goal", "impossible goal", "one region"],
)
def test_the_search_finds_the_cheapest_static_fleet(tmp: Path, changes: dict[str, Any]):
    check_against_all(question(tmp, SMALL | {"scaling": ["static"], "purchases": None}, **changes))


def test_spot_machines_are_tried_where_the_option_says_what_takes_them_away(tmp: Path):
    space = SMALL | {"scaling": ["static"], "purchases": ["on_demand", "spot"], "replicas": [2, 3]}
    spot = {
        "machine": {"purchase": "spot"},
        "interruptions": {"preset": "advisor", "notice_s": 120, "fallback": "on_demand"},
        "boot": BOOT,
    }
    meet = check_against_all(
        question(tmp, space, candidates={"own": {"deployment": spot}}, **goal(8500))
    )
    assert "spot" in meet[0].choice.words
    assert any("on demand" in trial.choice.words for trial in meet)
    silent = space_of(question(tmp, space, **goal(8500)))
    assert any("does not say how often they are taken back" in note for note in silent.not_tried)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        LATE_SELDOM,
        *([goal(3000), {"goals": {"regions": ["south"]}}] if IS_LARGE else []),
        *([{"workload": {"bursts": BURSTS}}] if IS_LARGE else []),
    ],
)
def test_the_search_finds_it_under_any_goal(tmp: Path, changes: dict[str, Any]):
    everything = SMALL | {"scaling": ["static", "hpa", "queue_length", "keda"]}
    check_against_all(question(tmp, everything | {"purchases": None}, **changes))


@pytest.mark.slow
def test_it_holds_for_batches_too(tmp: Path):
    space = SMALL | {"batch_sizes": [1, 4], "batch_waits_s": [0.0], "minimum_replicas": [1]}
    meet = check_against_all(question(tmp, space | {"machines": SMALL["machines"][1:]},
                                      **in_batches(9000)))  # fmt: skip
    batches = [trial.choice.deployment.batch for trial in meet]  # type: ignore[union-attr]
    assert {1 if batch is None else batch.max_size for batch in batches} == {1, 4}


@pytest.mark.slow
def test_it_holds_for_a_space_of_every_kind(tmp: Path):
    space = {
        "replicas": list(range(1, REPLICAS)),
        "minimum_replicas": [0, 1, 2] if IS_LARGE else [1],
        "target_busy_shares": [0.4, 0.6, 0.8] if IS_LARGE else [0.6],
        "targets_per_replica": [0.5, 1.0] if IS_LARGE else [1.0],
    }
    asked = question(tmp, space, **LATE_SELDOM)
    assert len(space_of(asked).choices) > REPLICAS
    check_against_all(asked)


def test_a_fleet_that_sleeps_beats_one_that_stands_where_the_goal_allows(tmp: Path):
    found = search(question(tmp, SMALL, **goal(8500))).run()
    assert found.best is not None
    deployment = found.best.choice.deployment
    assert isinstance(deployment, SelfHostedDeployment)
    assert deployment.autoscaler is not None
    assert found.saving_usd is not None
    assert found.saving_usd > 0
    assert found.written is not None
    assert found.saving_usd == found.written.cost_usd - found.best.cost_usd


def test_static_fleets_are_as_cheap_as_their_floor_says(tmp: Path):
    asked = question(tmp, SMALL | {"scaling": ["static"]})
    made = search(asked)
    made.run()
    trials = [t for t in all_tried(asked).values() if isinstance(t, Trial)]
    assert len(trials) > 5
    for trial in trials:
        floor = made.floors[trial.choice.number]
        assert floor.cost_usd == pytest.approx(trial.cost_usd, rel=1e-12)


def test_what_is_written_is_the_answer_where_it_costs_no_more(tmp: Path):
    space = SMALL | {"scaling": ["static"], "machines": SMALL["machines"][:1]}
    own = {"deployment": {"replicas": 2}}
    found = search(question(tmp, space, candidates={"own": own})).run()
    assert found.best is not None
    assert found.best.choice.number == 0  # one replica pays for the same machine of two cards
    assert found.saving_usd == 0


def test_where_nothing_meets_the_goals_the_nearest_says_what_to_relax(tmp: Path):
    found = search(question(tmp, SMALL | {"scaling": ["static"]}, **goal(3000))).run()
    assert found.best is None
    assert found.nearest is not None
    [relax] = found_document(found)["nearest"]["relax"]
    assert relax["goal"] == "p95 latency"
    assert relax["to"] == "3,600 ms"
    assert relax["by"] == pytest.approx(0.2)


def test_a_region_that_is_not_allowed_is_not_tried(tmp: Path):
    asked = question(tmp, {"scaling": ["static"]}, goals={"regions": ["south"]})
    tried = [c.deployment for c in space_of(asked).choices[1:]]
    assert tried
    assert {d.machine.region for d in tried if isinstance(d, SelfHostedDeployment)} == {"south"}


def test_a_figure_of_one_card_says_nothing_of_a_processor(tmp: Path):
    machine = {"seller": "beta-cloud", "region": "south", "instance_type": "cpu-4"}
    space = space_of(question(tmp, {"machines": [machine]}))
    assert len(space.choices) == 1
    assert any("the service figure is of Testcard" in note for note in space.not_tried)


def test_without_a_boot_time_nothing_that_scales_is_tried(tmp: Path):
    space = space_of(question(tmp, {"boot": None}))
    assert any("no boot time is stated" in note for note in space.not_tried)
    fleets = [c.deployment for c in space.choices]
    assert all(d.autoscaler is None for d in fleets if isinstance(d, SelfHostedDeployment))


def test_spare_replicas_are_kept_and_paid_for(tmp: Path):
    one = {"machines": SMALL["machines"][1:2], "scaling": ["static"], "replicas": [1]}
    costs = []
    for spare in (0, 1):
        machine = {"instance_type": "gpu-1"}
        own = {"deployment": {"machine": machine, "replicas": 1, "spare_replicas": spare}}
        found = search(question(tmp, one, candidates={"own": own})).run()
        assert found.best is not None
        assert found.best.choice.deployment.spare_replicas == spare  # type: ignore[union-attr]
        costs.append(found.best.cost_usd)
    assert costs[1] == pytest.approx(2 * costs[0])


def test_the_written_scenario_costs_what_was_found(tmp: Path):
    asked = question(tmp, SMALL, **goal(8500))
    found = search(asked).run()
    file = tmp / "found.yaml"
    file.write_text(scenario_text(with_found(asked.scenario, [found])))
    loaded = Library(worked_plans.DATA.scenarios).load_scenario(file)
    ranked = evaluate(loaded, catalog(tmp), worked_plans.measurements()).ranking
    money = {answer.option: answer.money for answer in ranked.options}
    assert found.best is not None
    assert money["own"] is not None
    assert money["own"].basis_usd == pytest.approx(found.best.cost_usd, rel=1e-12)


def test_an_option_with_steps_is_served_by_others(tmp: Path):
    cascade = worked_plans.scenario("cascade")
    asked = Question(cascade, "small-then-big", catalog(tmp), worked_plans.measurements())
    with pytest.raises(TcoError, match="passes requests on to other options"):
        space_of(asked)
