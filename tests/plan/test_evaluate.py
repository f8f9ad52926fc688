"""The whole way in one function: repeatable, and open about what it cannot do."""

import json
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import tco
from tco import plan
from tco.domain.scenario import Scenario
from tco.errors import NotFoundError, TcoError
from tco.ledger import book
from tco.sim import static_fleet
from tests.cases import worked_plans
from tests.conftest import ROOT


@pytest.mark.parametrize("name", ["static-fleet", "cascade", "commitment"])
def test_evaluating_twice_gives_the_same_answer(name: str):
    once, again = (worked_plans.evaluation_of(worked_plans.scenario(name)) for _ in range(2))
    pd.testing.assert_frame_equal(once.ledger, again.ledger, check_exact=True)
    assert once.ranking == again.ranking
    assert once.usage == again.usage


def test_the_digest_is_that_of_the_content_and_not_of_the_order_of_keys():
    scenario = worked_plans.scenario("cascade")
    turned = json.loads(
        json.dumps(scenario.model_dump(mode="json")),
        object_pairs_hook=lambda pairs: dict(reversed(pairs)),
    )
    again = Scenario.model_validate(turned)
    assert list(again.candidates) != list(scenario.candidates)
    assert again.digest == scenario.digest
    other = worked_plans.changed(scenario, seed=1)
    assert other.digest != scenario.digest


def test_the_order_of_candidates_changes_no_figure():
    scenario = worked_plans.scenario("commitment")
    fields = scenario.model_dump()
    fields["candidates"] = dict(reversed(fields["candidates"].items()))
    turned = worked_plans.evaluation_of(Scenario.model_validate(fields)).ranking
    found = worked_plans.evaluated("commitment").ranking
    assert [(a.option, a.money, a.latency) for a in turned.options] == [
        (a.option, a.money, a.latency) for a in found.options
    ]


def test_all_options_meet_the_same_arrivals(monkeypatch: pytest.MonkeyPatch):
    streams = []
    answer = static_fleet._finish_s

    def watched(fleet, chunks, **options):
        streams.append(np.concatenate([chunk.arrivals_s for chunk in chunks]))
        return answer(fleet, chunks, **options)

    monkeypatch.setattr(static_fleet, "_finish_s", watched)
    own = worked_plans.scenario("commitment").candidates["own"].model_dump()
    faster = own | {"deployment": own["deployment"] | {"service": {"seconds": 3.24, "parallel": 1}}}
    worked_plans.evaluation_of(
        worked_plans.scenario("commitment"), seed=4711, candidates={"faster": faster}
    )
    first, *others = streams
    assert len(others) == 1, "two fleets that are alike are simulated once"
    assert all(np.array_equal(first, other) for other in others)


def test_a_plan_without_any_request_is_refused():
    with pytest.raises(TcoError, match="no request in any of its 3 months"):
        worked_plans.evaluation_of(
            worked_plans.scenario("incumbent"), workload={"monthly_requests": (0, 0, 0)}
        )


def test_months_without_requests_cost_no_tokens():
    found = worked_plans.evaluation_of(
        worked_plans.scenario("incumbent"), workload={"monthly_requests": (0, 0, 5e5)}
    )
    tokens = found.ledger[found.ledger["category"] == "tokens"]
    assert set(tokens["month"].dt.month) == {3}
    assert found.requests_answered == 5e5


def test_an_option_that_cannot_carry_the_load_is_left_out_and_the_rest_ranked():
    own = worked_plans.scenario("static-fleet").candidates["own"].model_dump()
    alone = own | {"deployment": own["deployment"] | {"replicas": 1}}
    found = worked_plans.evaluation_of(
        worked_plans.scenario("static-fleet"), candidates={"alone": alone}
    )
    assert [a.option for a in found.ranking.options] == ["own"]
    assert "At least 2 replicas are needed" in found.ranking.excluded[0].reasons[0]
    assert set(found.ledger["option"]) == {"own"}
    assert set(found.usage) == {"own"}


def test_a_ledger_that_breaks_its_rules_is_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(book, "findings", lambda rows: ["1 rows are not q x p"])
    with pytest.raises(TcoError, match="the ledger breaks its own rules: 1 rows are not q x p"):
        worked_plans.evaluation_of(worked_plans.scenario("asset"))


def test_scenarios_load_by_name_and_by_path():
    path = worked_plans.FOLDER / "asset" / "scenario.yaml"
    by_path = tco.load_scenario(path, data=worked_plans.DATA.root)
    assert by_path == worked_plans.scenario("asset")
    assert tco.load_scenario("ticket-classification/base", data=ROOT).name == "base"
    with pytest.raises(NotFoundError, match="no scenario 'ticket-clasification/base'"):
        tco.load_scenario("ticket-clasification/base", data=ROOT)


def test_ranking_by_name_by_path_and_by_scenario_agree():
    path = worked_plans.FOLDER / "asset" / "scenario.yaml"
    ranked = worked_plans.evaluated("asset").ranking
    for scenario in (path, worked_plans.scenario("asset")):
        assert plan.rank(scenario, data=worked_plans.DATA.root) == ranked


def test_the_public_names_are_all_there():
    assert all(not isinstance(getattr(tco, name), ModuleType) for name in tco.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = tco.nonsense


def test_rank_stays_the_function_although_a_folder_has_its_name():
    assert "tco.rank.goals" in sys.modules, "the folder has been imported"
    public = vars(tco)["__getattr__"]("rank")
    assert public is plan.rank
    assert "rank" not in vars(tco), "its import has not taken the function's place"
