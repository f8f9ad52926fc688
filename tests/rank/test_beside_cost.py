"""Who is beaten in everything, what criteria say, what quality figures are worth."""

from typing import Any

import pytest
from pydantic import ValidationError

from tco.domain.criteria import Criteria, CutPoints, Profile, TypedScore
from tco.domain.goals import Goals
from tco.domain.record import Evidence
from tco.domain.snapshot import Metric
from tco.rank.criteria import scorecard
from tco.rank.goals import Facts, LatencyFact, Verdict, Work, judge
from tco.rank.quality import warnings
from tests import shipped
from tests.cases import worked_plans
from tests.rank.test_goals import QUALITY, f1, facts

CASCADE = worked_plans.scenario("cascade")


@pytest.mark.parametrize("name", ["document-extraction/base", "ticket-classification/base"])
def test_a_dominated_option_names_what_is_no_worse_in_anything(name: str):
    places = shipped.evaluated(name).outlook.places
    by_option = {place.option: place.figures for place in places}
    beaten = [place for place in places if place.dominated_by]
    assert beaten
    for place in beaten:
        for other in place.dominated_by:
            assert set(by_option[other]) == set(place.figures)
            assert all(by_option[other][key] <= place.figures[key] for key in place.figures)
    cheapest = min(places, key=lambda place: place.figures["cost"])
    assert cheapest.dominated_by == ()


def test_a_point_of_quality_has_a_price_against_the_cheapest():
    found = shipped.evaluated("document-extraction/base")
    price = found.outlook.point_prices["gemini-batch"]
    money = {a.option: a.money.basis_usd for a in found.ranking.options if a.money}
    extra = money["gemini-batch"] - money["open-api"]
    assert price.against == "open-api"
    assert price.usd_per_point == pytest.approx(extra / ((0.955 - 0.95) * 100), rel=1e-9)


# ---- criteria -----------------------------------------------------------------------------------


def test_figures_score_by_cut_points_and_the_rest_by_what_people_typed():
    criteria = Criteria(weights={"latency_and_throughput": 0.5, "task_fit": 0.3, "memory": 0.2})
    known = facts(device_memory_gib=(15.0,))  # p95 400 ms
    card = scorecard(criteria, known, {"task_fit": TypedScore(score=4, reason="pilot")})
    assert {name: scored.score for name, scored in card.scores.items()} == {
        "latency_and_throughput": 3, "task_fit": 4, "memory": 3,
    }  # fmt: skip
    assert "cut points 50, 200, 1000, 5000" in card.scores["latency_and_throughput"].reason
    assert card.weighted == pytest.approx(0.5 * 3 + 0.3 * 4 + 0.2 * 3)


@pytest.mark.parametrize(("requests_per_s", "score"), [(1000, 3), (50, 3), (5, 2), (0.5, 1)])
def test_of_latency_and_throughput_the_weaker_counts(requests_per_s: float, score: int):
    criteria = Criteria(weights={"latency_and_throughput": 1})
    card = scorecard(criteria, facts(requests_per_s=requests_per_s), {})
    assert card.scores["latency_and_throughput"].score == score


def test_what_nobody_scored_stays_unscored():
    card = scorecard(Criteria(profile=Profile.ACCURACY_FIRST), facts(), {})
    assert card.weighted is None
    assert "task_fit" in card.unscored
    assert "task_fit" not in card.scores


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_adds_up(profile: Profile):
    assert sum(Criteria(profile=profile).in_force.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"weights": {"task_fit": 0.5}}, "add up to 0.5, not to 1"),
        ({}, "give a profile or weights"),
        (
            {"profile": "speed-first", "weights": {"latency_and_throughput": 0.4, "own": 0.6}},
            "at least 0.6, not 0.4",
        ),
    ],
)
def test_weights_that_do_not_hold_are_refused(stated: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        Criteria.model_validate(stated)


def test_cut_points_rise():
    with pytest.raises(ValidationError, match="must rise"):
        CutPoints(latency_p95_ms=(50, 40, 60, 70))


# ---- goals beside latency and money -------------------------------------------------------------


NO_WORK = Work()


def verdict(known: Facts, work: Work = NO_WORK, **goals: Any) -> Verdict:
    return judge(Goals.model_validate(goals), known, 0.0, work)


@pytest.mark.parametrize(
    ("goals", "changes", "work", "reason", "by"),
    [
        ({"ttft_ms": {"p95": 200}},
         {"ttft": LatencyFact({"p95": 250.0}, Evidence.STATED, "s")}, {},
         "p95 time to the first token 250 ms, goal 200 ms (25% over)", 0.25),
        ({"availability_at_least": 0.999}, {"availability": 0.9}, {},
         "availability 0.9, goal at least 0.999", 0.0991),
        ({"regions": ["eu"]}, {"regions": ("us", None)}, {},
         "data would be worked on in us; allowed: eu", None),
        ({"instance_types": ["a"]}, {"instances": {"b": 1}}, {}, "runs on b; allowed: a", None),
        ({"instance_quota": {"a": 2}}, {"instances": {"a": 3}}, {},
         "takes 3 a, quota 2 (50% over)", 0.5),
        ({"device_memory_gib_at_most": 16}, {"device_memory_gib": (10.0, 24.0)}, {},
         "device memory 24 GiB, goal at most 16 GiB (50% over)", 0.5),
        ({"package_mb_at_most": 100}, {"package_mb": (110.0,)}, {},
         "package size 110 MB, goal at most 100 MB (10% over)", 0.1),
        ({"fairness_at_least": 4}, {"fairness": (2,)}, {}, "fairness 2 of 5, goal at least 4", 0.5),
        ({"co2e_kg_at_most": 100}, {}, {"co2e_kg": 150.0},
         "carbon 150 kg, goal at most 100 kg (50% over)", 0.5),
        ({"ready_by_month": 2}, {}, {"ready_month": 3},
         "its work before use ends in month 3, deadline month 2 (50% over)", 0.5),
        ({"team_fte": {"ml": 1.0}}, {}, {"team_fte": {"ml": 1.5}},
         "takes 1.5 FTE of ml, the team has 1 (50% over)", 0.5),
        ({"team_fte": {}}, {}, {"team_fte": {"ml": 1.5}},
         "takes 1.5 FTE of ml; the team has none", None),
        ({"labelled_examples_at_hand": 400}, {"labelled_examples": (500,)}, {},
         "need of labelled examples 500, goal at most 400 (25% over)", 0.25),
    ],
)  # fmt: skip
def test_each_goal_fails_by_a_stated_share(goals, changes, work, reason, by):
    found = verdict(facts(**changes), Work(**work), **goals)
    assert found.failed == [reason]
    assert found.misses[0].by == (None if by is None else pytest.approx(by, rel=1e-2))


@pytest.mark.parametrize(
    "goals",
    [
        {"ttft_ms": {"p50": 1}},
        {"availability_at_least": 0.9},
        {"regions": ["eu"]},
        {"device_memory_gib_at_most": 1},
        {"package_mb_at_most": 1},
        {"fairness_at_least": 1},
        {"co2e_kg_at_most": 1},
        {"labelled_examples_at_hand": 1},
    ],
)
def test_each_goal_on_an_unknown_figure_is_unproven(goals):
    unknown = facts(regions=(None,), labelled_examples=(None,), device_memory_gib=(None,))
    found = verdict(unknown, **goals)
    assert found.failed == []
    assert len(found.unproven) == 1


def test_what_does_not_beat_the_baseline_by_the_margin_fails():
    goals = Goals.model_validate(
        {"quality": QUALITY, "baseline": {"option": "b", "better_by": 0.05}}
    )
    bar = facts(quality=((f1(0.82),),))
    better, same = facts(quality=((f1(0.87),),)), facts(quality=((f1(0.83),),))
    assert judge(goals, better, 0.0, baseline=bar).failed == []
    assert judge(goals, bar, 0.0).failed == [], "the bar itself is held against the floor alone"
    assert judge(goals, same, 0.0, baseline=bar).failed == [
        "F1 0.83 does not beat the baseline b (0.82) by 5%: it takes 0.861"
    ]


def test_a_near_miss_is_listed_apart_and_the_nearest_is_named():
    cost = {
        a.option: a.money.tco_usd
        for a in worked_plans.evaluated("cascade").ranking.options
        if a.money
    }
    ranking = worked_plans.evaluation_of(CASCADE, goals={"budget_usd": cost["small"] / 1.1}).ranking
    assert ranking.options == ()
    assert [answer.option for answer in ranking.near_misses] == ["small"]
    assert ranking.nearest is not None
    assert ranking.nearest.misses[0].by == pytest.approx(0.1, rel=1e-6)
    assert ranking.nearest.misses[0].relaxed_to == f"${cost['small']:,.0f}"


# ---- quality figures ----------------------------------------------------------------------------


def test_a_test_below_the_interval_of_validation_is_overfit():
    before = f1(0.9, split="validation", low=0.87, high=0.93)
    assert warnings([before, f1(0.88)]) == ()
    [text] = warnings([before, f1(0.8)])
    assert text.endswith("overfit")


def test_a_public_score_is_labelled():
    public: Metric = f1(0.9, is_public_benchmark=True)
    [text] = warnings([public])
    assert "public benchmark" in text
