"""Every shipped scenario loads and ranks, and leaves options out for honest reasons only."""

from pathlib import Path

import pytest

from tco.domain.cost import Phase
from tco.domain.deployment import CascadeDeployment, StagedDeployment
from tco.domain.record import Evidence
from tco.domain.snapshot import Approach, Openness, SizeClass
from tco.rank.score import OptionKind
from tests.conftest import ROOT
from tests.shipped import LIBRARY, NAMES, evaluated, loaded

USE_CASES = {
    "ticket-classification",
    "support-chat",
    "document-extraction",
    "semantic-search",
    "fraud-scoring",
    "clinical-coding",
    "coding-assistant",
    "internal-tool",
    "image-tagging",
    "document-summaries",
}
HONEST = (
    "interpretability",
    "latency",
    "answers within",
    "goal at least",
    "data would go to",
    "is not stated",
    "what a lost request costs",
)


def test_the_ten_use_cases_are_there():
    assert {name.split("/")[0] for name in NAMES} == USE_CASES


@pytest.mark.parametrize("use_case", sorted(USE_CASES))
def test_each_use_case_has_its_four_scenarios(use_case: str):
    own = {name.split("/")[1] for name in NAMES if name.startswith(f"{use_case}/")}
    assert own >= {"base", "high-volume", "low-volume", "price-shock"}


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_bears_the_name_of_its_file(name: str):
    assert loaded(name).id == name


@pytest.mark.parametrize("name", NAMES)
def test_something_can_be_ranked_and_nothing_fails_for_want_of_data(name: str):
    ranking = evaluated(name).ranking
    assert len(ranking.options) >= 2
    for answer in (*ranking.unproven, *ranking.excluded):
        assert answer.money is not None, f"{answer.option}: {answer.reasons}"
        for reason in answer.reasons:
            assert any(words in reason for words in HONEST), f"{answer.option}: {reason}"


@pytest.mark.parametrize("name", NAMES)
def test_a_ranked_option_costs_something_for_people_and_for_serving(name: str):
    for answer in evaluated(name).ranking.options:
        assert answer.money is not None
        assert answer.money.people_usd > 0, answer.option
        assert answer.money.inference_cost_per_1k_usd > 0, answer.option


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_assumed_somewhere_so_that_the_scenario_is_marked_illustrative(name: str):
    assert loaded(name).illustrative


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("/price-shock")])
def test_a_price_shock_changes_prices_and_no_volume(name: str):
    base = loaded(name.replace("price-shock", "base"))
    assert loaded(name).price_paths
    assert loaded(name).workload == base.workload


@pytest.mark.parametrize("use_case", sorted(USE_CASES))
def test_volumes_are_in_the_order_of_their_names(use_case: str):
    low, base, high = (
        evaluated(f"{use_case}/{name}").requests_answered
        / loaded(f"{use_case}/{name}").horizon_months
        for name in ("low-volume", "base", "high-volume")
    )
    assert low < base / 5
    assert base * 5 < high


@pytest.mark.parametrize("use_case", sorted(USE_CASES))
def test_a_variant_is_written_as_what_differs(use_case: str):
    folder = ROOT / "scenarios" / use_case
    for path in folder.glob("*.yaml"):
        extends = any(line.startswith("extends:") for line in path.read_text().splitlines())
        assert extends == (path.name != "base.yaml"), path


def test_between_them_all_kinds_of_option_occur():
    profiles = [
        answer.profile
        for name in NAMES
        for group in ("options", "unproven", "excluded")
        for answer in getattr(evaluated(name).ranking, group)
    ]
    assert {profile.kind for profile in profiles} == set(OptionKind)
    assert {profile.openness for profile in profiles} - {None} == set(Openness)
    assert {profile.size_class for profile in profiles} - {None} == set(SizeClass)


def test_between_them_all_ways_to_a_model_occur():
    used = [snapshot for name in NAMES for snapshot in loaded(name).snapshots.values()]
    assert {snapshot.training.approach for snapshot in used} == set(Approach)


def test_between_them_routes_stages_and_incumbents_occur():
    deployments = [c.deployment for name in NAMES for c in loaded(name).candidates.values()]
    assert any(isinstance(deployment, CascadeDeployment) for deployment in deployments)
    assert any(isinstance(deployment, StagedDeployment) for deployment in deployments)
    assert any(loaded(name).incumbent is not None for name in NAMES)


def test_between_them_the_phases_of_a_model_cost_money():
    phases = {Phase(phase) for name in NAMES for phase in evaluated(name).ledger["phase"]}
    assert phases >= set(Phase) - {Phase.RETIREMENT}


def test_every_snapshot_is_used_and_every_parent_is_known():
    used = {snapshot for name in NAMES for snapshot in loaded(name).snapshots}
    assert used == set(LIBRARY.snapshot_ids())
    for name in LIBRARY.snapshot_ids():
        parent = LIBRARY.load_snapshot(snapshot_file(name)).training.parent
        assert parent is None or parent in LIBRARY.snapshot_ids(), f"{name}: parent {parent}"


def snapshot_file(name: str) -> Path:
    return ROOT / "scenarios" / "snapshots" / f"{name}.yaml"


@pytest.mark.parametrize("use_case", sorted(USE_CASES))
def test_no_price_or_speed_is_claimed_better_than_it_is_known(use_case: str):
    grades = set(evaluated(f"{use_case}/base").ledger["evidence"])
    assert Evidence.MEASURED not in grades
    assert Evidence.IMPORTED not in grades


def test_high_volume_favours_models_of_ones_own_and_low_volume_an_api():
    winners = {name: evaluated(name).ranking.options[0] for name in NAMES}
    for use_case in ("ticket-classification", "support-chat", "document-extraction"):
        low = winners[f"{use_case}/low-volume"].profile
        high = winners[f"{use_case}/high-volume"].profile
        assert low is not None
        assert high is not None
        assert low.kind == OptionKind.API
        assert high.kind == OptionKind.SELF_HOSTED
