"""Functions, scale-to-zero, spot shares and APIs are searched whole: as trying everything finds."""

from pathlib import Path
from typing import Any

import pytest

from tco.domain.deployment import ApiDeployment, SelfHostedDeployment
from tco.domain.serverless import ServerlessDeployment
from tco.optimize.space import space_of
from tco.optimize.trial import Question
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

GPU: dict[str, Any] = {
    "machines": [{"seller": "acme-cloud", "region": "north", "instance_type": "gpu-1"}],
    "purchases": ["on_demand"],
    "scaling": ["static"],
    "replicas": [1, 2],
}
FUNCTION: dict[str, Any] = {
    "kind": "serverless",
    "seller": "acme-cloud",
    "region": "north",
    "prices": {
        "duration": "function-time",
        "calls": "function-calls",
        "provisioned": "function-kept-warm",
    },
    "memory_gib": 2,
    "seconds": 3.6,
    "cold_start": 40.0,
    "keep_alive": 60,
    "most_instances": 100,
    "bills_cold_start": True,
}
LIMITS = {"requests_per_minute": 600, "source": "made up"}
RETRY = {"tries": 3, "first_wait_s": 1, "longest_wait_s": 30, "jitter_share": 0.2}


@pytest.fixture(scope="module")
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prices")


def with_functions(tmp: Path, ms: float, **changes: Any) -> Question:
    space = GPU | {"functions": [FUNCTION], "provisioned_instances": [0, 1, 4]}
    return question(tmp, space | changes, **goal(ms))


def test_a_function_is_found_where_it_costs_less_than_a_machine(tmp: Path):
    meet = check_against_all(with_functions(tmp, 60_000))
    kinds = [type(trial.choice.deployment) for trial in meet]
    assert kinds[0] is ServerlessDeployment
    assert SelfHostedDeployment in kinds


def test_instances_are_kept_warm_where_a_cold_start_would_miss_the_goal(tmp: Path):
    words = []
    for ms in (60_000, 8_500):
        [best, *_] = check_against_all(with_functions(tmp, ms, replicas=[4]))
        words.append(best.choice.words)
    assert words[0].endswith("none kept warm")
    assert words[1].endswith(("1 kept warm", "4 kept warm"))


def test_where_instances_cannot_be_kept_warm_it_says_so(tmp: Path):
    prices = {"duration": "function-time", "calls": "function-calls"}
    space = space_of(with_functions(tmp, 60_000, functions=[FUNCTION | {"prices": prices}]))
    assert any("prices.provisioned does not say what that costs" in n for n in space.not_tried)
    assert sum(isinstance(c.deployment, ServerlessDeployment) for c in space.choices) == 1


def test_an_option_on_demand_is_searched_by_what_is_kept_warm(tmp: Path):
    """Two are kept warm as it is written; nothing asks for them, so none is cheaper."""
    plan = worked_plans.scenario("serverless")
    asked = Question(plan, "kept-warm", catalog(tmp), worked_plans.measurements())
    kept = {
        choice.deployment.provisioned
        for choice in space_of(asked).choices
        if isinstance(choice.deployment, ServerlessDeployment)
    }
    # A million calls of 0.1205 s keep 0.045 of an instance busy on the mean, and one at the most.
    assert kept == {0, 1, 2}
    check_against_all(asked)
    found = search(asked).run()
    assert found.best is not None
    assert found.best.choice.deployment.provisioned == 0  # type: ignore[union-attr]
    assert found.saving_usd is not None
    assert found.saving_usd > 0


@pytest.mark.slow
def test_knative_lets_a_fleet_sleep(tmp: Path):
    space = GPU | {
        "scaling": ["static", "knative"],
        "minimum_replicas": [0],
        "targets_per_replica": [1.0],
    }
    meet = check_against_all(question(tmp, space, workload={"requests_per_month": 3_000}))
    assert "0 to 2 replicas, 0.7 requests each by knative" in meet[0].choice.words


def test_every_share_of_spot_machines_is_tried(tmp: Path):
    space = GPU | {
        "machines": [GPU["machines"][0] | {"instance_type": "gpu-2"}],
        "purchases": ["spot"],
        "on_demand_instances": [0, 1, 3],
        "replicas": [4],
    }
    spot = {
        "machine": {"purchase": "spot"},
        "interruptions": {"preset": "contended", "notice_s": 120, "fallback": "none"},
        "boot": BOOT,
    }
    own = {"own": {"deployment": spot}}
    asked = question(tmp, space, candidates=own, **goal(20_000))
    meet = check_against_all(asked)
    words = [trial.choice.words for trial in meet]
    # Where nobody stands in, spot machines alone leave requests waiting for an hour and more; and
    # four replicas lie on two machines, of which no three can be spared.
    assert [text.rsplit(", ", 1)[1] for text in words] == ["machines never taken: 1"]
    assert not search(asked).run().refusals


def test_an_api_with_limits_is_its_own_floor(tmp: Path):
    """What has no bound is simulated at once, so that nothing is left out for a guess."""
    api = {"deployment": {"limits": LIMITS, "retry": RETRY}}
    plan = worked_plans.changed(worked_plans.scenario("api-tokens"), candidates={"big": api})
    asked = Question(plan, "big", catalog(tmp), worked_plans.measurements())
    made = search(asked)
    found = made.run()
    assert found.best is not None
    assert isinstance(found.best.choice.deployment, ApiDeployment)
    for number, trial in all_tried(asked).items():
        assert made.floors[number].cost_usd == trial.cost_usd  # type: ignore[union-attr]
