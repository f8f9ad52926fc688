"""Goals one by one: met, failed by how much, unproven."""

from typing import Any

import pytest

from tco.domain.goals import Custody, Goals
from tco.domain.record import Evidence
from tco.domain.snapshot import Metric
from tco.rank.goals import Facts, LatencyFact, Verdict, judge

DIGEST = "sha256:" + "a" * 64
QUALITY = {"metric": "F1", "at_least": 0.8, "task": "sorting", "test_set": "q3"}


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "custody": frozenset({Custody.CLOUD_ACCOUNT}),
        "licences": frozenset({"mit"}),
        "interpretability": (3,),
        "latency": LatencyFact({"p50": 100.0, "p95": 400.0}, Evidence.MEASURED, "a run"),
        "completion_hours": None,
        "quality": ((f1(0.85),),),
    }
    return Facts(**known | changes)


def f1(value: float, **changes: Any) -> Metric:
    stated = {
        "name": "F1", "value": value, "split": "test", "task": "sorting", "test_set": "q3",
        "evidence": "measured", "source": "own run",
    }  # fmt: skip
    return Metric.model_validate(stated | changes)


def held(known: Facts, total_usd: float = 0.0, **goals: Any) -> Verdict:
    return judge(Goals.model_validate(goals), known, total_usd)


def test_no_goal_is_always_met():
    nothing = facts(
        latency=None, interpretability=(None,), quality=((),), custody=frozenset({Custody.OWN_SITE})
    )
    assert held(nothing) == Verdict()


@pytest.mark.parametrize(
    ("goals", "changes"),
    [
        ({"latency_ms": {"p50": 100, "p95": 400}}, {}),
        ({"completion_hours": 1}, {"completion_hours": 1.0}),
        ({"completion_hours": 1}, {"latency": LatencyFact({"p99": 3.6e6}, Evidence.STATED, "s")}),
        ({"quality": QUALITY | {"at_least": 0.85}}, {}),
        ({"quality": QUALITY}, {"quality": ((f1(0.85),), (f1(0.9),))}),
        ({"custody": ["cloud_account", "own_site"]}, {}),
        ({"licences": ["mit", "apache-2.0"]}, {}),
        ({"interpretability_at_least": 3}, {}),
        ({"budget_usd": 100}, {}),
    ],
)
def test_a_goal_is_met_up_to_its_very_bound(goals, changes):
    assert held(facts(**changes), 100.0, **goals) == Verdict()


@pytest.mark.parametrize(
    ("goals", "changes", "reason"),
    [
        (
            {"latency_ms": {"p95": 320}},
            {},
            "p95 latency 400 ms, goal 320 ms (25% over)",
        ),
        (
            {"completion_hours": 1},
            {"completion_hours": 24.0},
            "answers within 24 h, goal 1 h (2300% over)",
        ),
        (
            {"completion_hours": 0.5},
            {"latency": LatencyFact({"p99": 7.2e6}, Evidence.STATED, "s")},
            "answers within 2 h, goal 0.5 h (300% over)",
        ),
        (
            {"quality": QUALITY | {"at_least": 0.9}},
            {},
            "F1 on q3 is 0.85, goal at least 0.9 (0.05 short)",
        ),
        (
            {"quality": QUALITY},
            {"quality": ((f1(0.9),), (f1(0.7),))},
            "F1 on q3 is 0.7, goal at least 0.8 (0.1 short)",
        ),
        (
            {"quality": QUALITY},
            {"quality": ((f1(0.9), f1(0.75)),)},
            "F1 on q3 is 0.75, goal at least 0.8 (0.05 short)",
        ),
        (
            {"custody": ["own_site"]},
            {"custody": frozenset({Custody.CLOUD_ACCOUNT, Custody.API_VENDOR})},
            "data would go to api_vendor, cloud_account; allowed: own_site",
        ),
        (
            {"licences": ["mit"]},
            {"licences": frozenset({"mit", "gpl", "bsl"})},
            "licence bsl, gpl is not on the list: mit",
        ),
        (
            {"interpretability_at_least": 4},
            {"interpretability": (5, 2, None)},
            "interpretability 2 of 5, goal at least 4",
        ),
        ({"budget_usd": 80}, {}, "costs $100, budget $80 (25% over)"),
    ],
)
def test_a_failed_goal_says_by_how_much(goals, changes, reason: str):
    verdict = held(facts(**changes), 100.0, **goals)
    assert (verdict.failed, verdict.unproven) == ([reason], [])


@pytest.mark.parametrize(
    ("goals", "changes", "reason"),
    [
        ({"latency_ms": {"p99": 500}}, {}, "its p99 latency is not known, goal 500 ms"),
        (
            {"latency_ms": {"p50": 500}},
            {"latency": None},
            "its p50 latency is not known, goal 500 ms",
        ),
        ({"completion_hours": 8}, {}, "its completion time is not known, goal 8 h"),
        (
            {"completion_hours": 8},
            {"latency": None},
            "its completion time is not known, goal 8 h",
        ),
        (
            {"interpretability_at_least": 4},
            {"interpretability": (5, None)},
            "nobody has scored its interpretability, goal at least 4 of 5",
        ),
        ({"quality": QUALITY}, {"quality": ((),)}, "no figure for F1 on q3, goal at least 0.8"),
        (
            {"quality": QUALITY},
            {"quality": ((f1(0.9, split="validation"),),)},
            "only a validation figure for F1 on q3, goal at least 0.8",
        ),
        (
            {"quality": QUALITY},
            {"quality": ((f1(0.9, task="other"), f1(0.9, test_set="q2"), f1(0.9, name="F2")),)},
            "not comparable: its F1 is of other, q3, goal at least 0.8",
        ),
        (
            {"quality": QUALITY | {"test_set_digest": DIGEST}},
            {},
            "not comparable: its F1 on q3 was taken on other contents of the set, "
            "goal at least 0.8",
        ),
        (
            {"quality": QUALITY},
            {"quality": ((f1(0.9),), ())},
            "no figure for F1 on q3, goal at least 0.8",
        ),
    ],
)
def test_a_goal_on_an_unknown_figure_is_unproven(goals, changes, reason: str):
    assert held(facts(**changes), **goals) == Verdict(unproven=[reason])


def test_every_reason_is_told_at_once():
    verdict = held(
        facts(latency=None, open_questions=("its contract ends",)),
        100.0,
        latency_ms={"p50": 1, "p95": 2},
        budget_usd=50,
        licences=["gpl"],
    )
    assert verdict.failed == [
        "licence mit is not on the list: gpl",
        "costs $100, budget $50 (100% over)",
    ]
    assert verdict.unproven == [
        "its contract ends",
        "its p50 latency is not known, goal 1 ms",
        "its p95 latency is not known, goal 2 ms",
    ]


def test_what_runs_today_is_held_against_the_budget_alone():
    today = facts(latency=None, accepted_as_it_is=True, quality=())
    strict: dict[str, Any] = {
        "latency_ms": {"p95": 1}, "quality": QUALITY, "licences": ["gpl"],
    }  # fmt: skip
    assert held(today, **strict) == Verdict()
    assert held(today, 100.0, **strict, budget_usd=80).failed == [
        "costs $100, budget $80 (25% over)"
    ]
