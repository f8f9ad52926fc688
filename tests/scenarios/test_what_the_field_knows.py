"""The shipped answers, held against what the field knows of APIs and models of one's own.

Low and spiky volume favours an API, since a fleet of one's own stands idle; high, steady, narrow
volume a small model of one's own, since its next request costs next to nothing; the crossing lies
between.
Where the scenarios say otherwise, docs/decisions names the rows.
"""

import pytest

from tco.domain.snapshot import SMALL_MODEL_PARAMETERS
from tco.plan import costs_at_volume
from tco.rank.score import Answer, OptionKind
from tests.shipped import data, evaluated, loaded

LOW = ("internal-tool/low-volume", "ticket-classification/low-volume")
BETWEEN = "ticket-classification/base"
HIGH = "ticket-classification/high-volume"

ON_DEVICES = "on-laptops"
"""Whose devices are there anyway, so that their idle hours are nobody's cost here."""


def answers(name: str) -> dict[str, Answer]:
    """Every option that has a cost, ranked or not."""
    ranking = evaluated(name).ranking
    every = (*ranking.options, *ranking.unproven, *ranking.excluded)
    return {answer.option: answer for answer in every if answer.money is not None}


def kind(answer: Answer) -> OptionKind:
    assert answer.profile is not None
    return answer.profile.kind


def usd(name: str, option: str) -> float:
    money = answers(name)[option].money
    assert money is not None
    return money.tco_usd


def usd_per_1k(name: str, option: str) -> float:
    money = answers(name)[option].money
    assert money is not None
    return money.inference_cost_per_1k_usd


@pytest.mark.parametrize("name", LOW)
def test_at_low_volume_an_api_comes_first_and_own_fleets_stand_idle(name: str):
    assert kind(evaluated(name).ranking.options[0]) is OptionKind.API
    own = [each for each in answers(name).values() if kind(each) is OptionKind.SELF_HOSTED]
    fleets = [each for each in own if each.option != ON_DEVICES]
    assert fleets
    for each in fleets:
        assert each.money is not None
        assert each.money.idle_share is not None
        assert each.money.idle_share > 0.95


def test_at_low_volume_every_api_is_cheaper_than_every_ranked_fleet():
    ranked = [kind(each) for each in evaluated(LOW[1]).ranking.options]
    assert ranked[:2] == [OptionKind.API, OptionKind.API]
    assert OptionKind.API not in ranked[2:]


def test_at_high_volume_a_small_model_of_ones_own_comes_first():
    first = evaluated(HIGH).ranking.options[0]
    assert kind(first) is OptionKind.SELF_HOSTED
    assert first.profile is not None
    for snapshot in first.profile.snapshots:
        parameters = loaded(HIGH).snapshots[snapshot].parameters
        assert parameters is not None
        assert parameters < SMALL_MODEL_PARAMETERS


def test_the_reason_is_what_the_next_request_costs():
    for api in ("open-api", "llm-api"):
        assert usd_per_1k(HIGH, api) == pytest.approx(usd_per_1k(LOW[1], api), rel=0.01)
    for own in ("encoder", "slm"):
        assert usd_per_1k(HIGH, own) < usd_per_1k(BETWEEN, own) / 5
        assert usd_per_1k(BETWEEN, own) < usd_per_1k(LOW[1], own) / 10


def test_the_crossing_lies_between_with_nothing_changed_but_the_volume():
    high, between = (loaded(name).workload.requests_per_month for name in (HIGH, BETWEEN))
    assert high is not None
    assert between is not None
    factor = high.likely / between.likely
    beyond = costs_at_volume(evaluated(BETWEEN), factor, *data())
    for api in ("open-api", "llm-api"):
        assert usd(BETWEEN, api) < usd(BETWEEN, "encoder")
        assert beyond[api] > beyond["encoder"]


def test_a_small_language_model_of_ones_own_overtakes_the_large_one_by_api():
    assert usd(BETWEEN, "slm") > usd(BETWEEN, "llm-api")
    assert usd(HIGH, "slm") < usd(HIGH, "llm-api")


def test_a_small_language_model_of_ones_own_stays_dearer_than_a_cheap_open_one_by_api():
    """Otherwise than the rule of thumb has it: the decision record of it names the rows."""
    rows = evaluated(HIGH).ledger
    own = rows[rows["option"] == "slm"]
    compute = own[own["category"] == "compute"]["cost_usd"].sum()
    tokens = rows[(rows["option"] == "open-api") & (rows["category"] == "tokens")]
    assert usd(HIGH, "slm") > usd(HIGH, "open-api")
    assert compute > tokens["cost_usd"].sum()
