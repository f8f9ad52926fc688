"""Priced APIs inside a plan: what gets in the way of calls, and what it does to cost and goals."""

import re
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tco.domain.deployment import ApiDeployment
from tests.cases import worked_plans
from tests.cases.worked_plans import evaluation_of, laid_over

BASE = worked_plans.scenario("api-tokens")
SESSIONS = worked_plans.scenario("sessions")
LATENCY: dict[str, Any] = {
    "p50": 1000,
    "p95": 3000,
    "p99": 6000,
    "evidence": "stated",
    "source": "timed",
}
RETRY = {"tries": 4, "first_wait_s": 0.5, "longest_wait_s": 8, "jitter_share": 0.25}
DAY: dict[str, Any] = {
    "shape": "daily_weekly",
    "peak_hour_utc": 14,
    "night_to_peak": 0.2,
    "weekend_to_weekday": 1,
}
FULL_USD = 12075.0
"""What the tokens cost where nothing gets in the way; ``tests/cases/worked/api-tokens``."""


def plan(base=BASE, *, workload: dict[str, Any] | None = None, goals=None, **deployment):
    changes: dict[str, Any] = {
        "candidates": {"big": {"deployment": {"latency_ms": LATENCY, **deployment}}}
    }
    more = {"workload": workload, "goals": goals}
    changes |= {name: figures for name, figures in more.items() if figures}
    return evaluation_of(base, **changes)


def limits(**figures):
    return {"source": "the vendor's page", **figures}


def tokens_usd(found) -> float:
    rows = found.ledger
    return float(rows.loc[rows["category"] == "tokens", "cost_usd"].sum())


def reasons(found) -> str:
    left_out = (*found.ranking.excluded, *found.ranking.unproven)
    return " ".join(reason for each in left_out for reason in each.reasons)


def latency_of(found) -> Any:
    answers = [*found.ranking.options, *found.ranking.unproven]
    return answers[0].profile.facts.latency


def test_a_limit_that_is_never_felt_changes_neither_cost_nor_latency():
    found = plan(limits=limits(requests_per_minute=6000), retry=RETRY)
    assert tokens_usd(found) == pytest.approx(FULL_USD, rel=1e-12)
    for name, ms in latency_of(found).ms.items():
        assert ms == pytest.approx(LATENCY[name], rel=0.02)


def test_a_limit_below_the_mean_load_is_refused_with_the_backlog_and_the_limit_that_is_needed():
    found = plan(limits=limits(input_tokens_per_minute=20_000))
    # February: a million requests in 672 hours, 24,802 a minute of 1,000 tokens each.
    assert "the calls of month 2" in reasons(found)
    assert re.search(r"More than 24,80\d a minute are needed", reasons(found))
    # A quarter of the input is read from the cache: 18,601 a minute where that does not count.
    narrow = {"input_tokens_per_minute": 20_000, "cached_input_counts": False}
    assert reasons(plan(limits=limits(**narrow, queue_s=3600))) == ""


def test_a_peak_above_the_limit_waits_or_is_lost_and_both_are_told():
    narrow = limits(requests_per_minute=30)
    lost = plan(workload={"profile": DAY}, limits=narrow)
    assert re.search(r"\d+\.\d% of the requests of the busiest month are lost", reasons(lost))
    assert tokens_usd(lost) < 0.97 * FULL_USD
    waits = plan(workload={"profile": DAY}, limits={**narrow, "queue_s": 100_000})
    assert tokens_usd(waits) == pytest.approx(FULL_USD, rel=1e-9)
    assert latency_of(waits).ms["p95"] > 60 * LATENCY["p95"]
    assert "s waited on the mean" in latency_of(waits).source


def test_what_is_lost_is_not_billed():
    found = plan(workload={"profile": DAY}, limits=limits(requests_per_minute=30))
    [percent] = re.findall(r"([\d.]+)% of requests lost", latency_of(found).source)
    share = float(percent) / 100
    rows = found.ledger[found.ledger["month"] == found.ledger["month"].unique()[1]]
    assert float(rows["cost_usd"].sum()) == pytest.approx(FULL_USD / 3 * (1 - share), rel=2e-4)


def test_a_call_that_is_given_up_is_paid_again_where_the_vendor_bills_it():
    timed = {**RETRY, "timeout_s": 3.0}
    billed = plan(retry={**timed, "bills_timed_out": True})
    # One in twenty takes longer than 3 s; the fourth try is given up too, and lost.
    tries = 1 + 0.05 + 0.05**2 + 0.05**3
    assert tokens_usd(billed) == pytest.approx(FULL_USD * tries, rel=1e-3)
    free = plan(retry={**timed, "bills_timed_out": False})
    assert tokens_usd(free) == pytest.approx(FULL_USD, rel=1e-4)


def test_outages_without_retries_lose_their_share_and_with_them_next_to_nothing():
    outages = {"per_month": 73, "minutes": 60}  # a tenth of 730 hours
    lost = plan(outages=outages)
    assert tokens_usd(lost) == pytest.approx(0.9 * FULL_USD, rel=2e-3)
    assert "10." in reasons(lost) or "9.9" in reasons(lost)
    patient = {"tries": 12, "first_wait_s": 60, "longest_wait_s": 600, "jitter_share": 0}
    kept = plan(outages=outages, retry=patient)
    assert tokens_usd(kept) == pytest.approx(FULL_USD, rel=1e-9)
    assert latency_of(kept).ms["p99"] > 1_000_000, "somebody waits out an hour"


def test_what_falls_over_is_paid_elsewhere():
    other = {"provider": "bigvendor", "model": "big-1", "tier": "standard", "latency_ms": LATENCY}
    found = plan(outages={"per_month": 73, "minutes": 60}, fall_over=other)
    assert tokens_usd(found) == pytest.approx(FULL_USD, rel=1e-9)
    rows = found.ledger
    elsewhere = rows[rows["item"].str.contains("fallen over to")]
    assert float(elsewhere["cost_usd"].sum()) == pytest.approx(0.1 * FULL_USD, rel=0.02)
    assert "answered by the other vendor" in latency_of(found).source


def bought(units: int, **more):
    # A call is 1,000 tokens in and 300 out, which count four times: 2,200.
    figures = {"tokens_per_minute_per_unit": 2200, "output_token_weight": 4}
    return {"units": units, **figures, "usd_per_unit_hour": 0.5, "above": "pay_as_you_go", **more}


def test_throughput_bought_ahead_is_paid_by_the_hour_and_spares_the_tokens_it_takes():
    found = plan(workload={"profile": DAY}, provisioned=bought(18))
    rows = found.ledger[found.ledger["category"] == "provisioned throughput"]
    by_kind = rows.groupby("kind")["quantity"].sum()
    hours = 24 * (31 + 28 + 31)
    assert by_kind.sum() == pytest.approx(18 * hours, rel=1e-12)
    assert set(rows.loc[rows["kind"] == "idle", "cause"]) == {"provisioned and not asked for"}
    # What the units took is what was not paid by token.
    spared = 1 - tokens_usd(found) / FULL_USD
    assert by_kind["used"] * 60 * 2200 == pytest.approx(spared * 3e6 * 2200, rel=2e-3)
    assert 0.4 < spared < 0.8


def test_throughput_that_refuses_what_comes_above_it_must_carry_the_mean():
    refused = plan(provisioned=bought(12, above="refuse"))
    assert "tokens of the provisioned throughput a minute" in reasons(refused)
    assert tokens_usd(plan(provisioned=bought(60, above="refuse"))) == 0.0


def test_latency_by_tokens_gives_the_first_word_too():
    figures = {"p50": 10, "p95": 20, "evidence": "stated", "source": "timed"}
    token = {"ttft": LATENCY, "per_output_token": figures}
    found = plan(latency_ms=None, token_latency_ms=token, goals={"ttft_ms": {"p95": 3200}})
    [answer] = found.ranking.options
    facts = answer.profile.facts
    assert facts.ttft.ms["p95"] == pytest.approx(3000, rel=0.02)
    # Half of 300 tokens take more than 3 s; first words and pace are drawn apart.
    assert facts.latency.ms["p50"] > 3000 + 1000
    assert tokens_usd(found) == pytest.approx(FULL_USD, rel=1e-12)


def test_sessions_with_tools_are_called_call_by_call():
    [option] = SESSIONS.candidates
    changed: dict[str, Any] = {"candidates": {option: {"deployment": {
        "latency_ms": LATENCY, "limits": limits(requests_per_minute=1e6)}}}}  # fmt: skip
    free, limited = evaluation_of(SESSIONS), evaluation_of(SESSIONS, **changed)
    assert tokens_usd(limited) == pytest.approx(tokens_usd(free), rel=1e-12)
    assert latency_of(limited).ms["p50"] == pytest.approx(1000, rel=0.02)


def test_a_cache_holds_what_sessions_repeat():
    [option] = SESSIONS.candidates
    sessions, tokens = SESSIONS.workload.sessions, SESSIONS.workload.tokens
    changed: dict[str, Any] = {
        "candidates": {option: {"deployment": {"prompt_cache": {"hit_share": 0.5}}}}
    }
    found = evaluation_of(SESSIONS, **changed)
    assert f"candidates.{option}.deployment.prompt_cache.hit_share" in found.model.drivers()
    rows = found.ledger
    assert sessions is not None
    assert tokens is not None
    asked, answered = tokens.input.likely, tokens.output.likely
    tools = sessions.tool_calls_per_request.likely
    wrote, brought = sessions.tool_call_tokens.likely, sessions.tool_result_tokens.likely
    history = (sessions.turns.likely - 1) / 2 * (asked + answered)
    history *= sessions.history_sent_again
    later = [asked + history + call * (wrote + brought) for call in range(1, int(tools) + 1)]
    repeated = history + sum(sent - brought for sent in later)
    sums = rows.groupby(rows["item"].str.split(" tokens").str[0])["quantity"].sum()
    whole = sums["fresh input"] + sums["cached input"]
    share = 0.5 * repeated / (asked + history + sum(later))
    assert sums["cached input"] / whole == pytest.approx(share, rel=1e-12)
    assert "workload.sessions" in reasons(plan(prompt_cache={"hit_share": 0.5}))


def test_options_of_one_snapshot_each_have_the_hits_of_their_own_cache():
    [option] = SESSIONS.candidates
    twin = SESSIONS.candidates[option].model_dump()
    changed: dict[str, Any] = {"candidates": {
        option: {"deployment": {"prompt_cache": {"hit_share": 0.5}}},
        "twin": laid_over(twin, {"deployment": {"prompt_cache": {"hit_share": 0.1}}}),
    }}  # fmt: skip
    rows = evaluation_of(SESSIONS, **changed).ledger
    cached = rows[rows["item"].str.startswith("cached input")].groupby("option")["quantity"].sum()
    assert cached["twin"] == pytest.approx(0.2 * cached[option], rel=1e-12)


BATCHES = {
    "submit_every_hours": 6,
    "answered_after_hours": {"p50": 2, "p95": 8, "p99": 20, "evidence": "stated", "source": "log"},
    "window_hours": 24,
    "expired": "sent_again",
}


def batches(**changes):
    given: dict[str, Any] = {"tier": "batch", "batches": {**BATCHES, **changes}}
    return plan(goals={"completion_hours": 26}, **given)


def test_batches_wait_to_be_handed_over_and_then_for_the_vendor():
    found = batches()
    [answer] = found.ranking.options
    random = np.random.default_rng(5)
    known = np.log([2.0, 8.0, 20.0])
    score = random.standard_normal(400_000)
    hours = np.exp(np.interp(score, [0.0, 1.644854, 2.326348], known))
    slope = (known[2] - known[1]) / (2.326348 - 1.644854)
    above, below = score > 2.326348, score < 0
    hours[above] = 20 * np.exp(slope * (score[above] - 2.326348))
    hours[below] = 2 * np.exp((known[1] - known[0]) / 1.644854 * score[below])
    again = hours > 24
    hours[again] = 24 + random.permutation(hours[~again])[: again.sum()]
    expected = np.quantile(6 * random.random(hours.size) + hours, 0.99)
    assert answer.profile.facts.completion_hours == pytest.approx(expected, rel=0.02)


def test_batches_that_expire_and_are_not_sent_again_are_lost_and_not_billed():
    found = batches(window_hours=8, expired="lost")
    assert re.search(r"(4.9|5.0|5.1)% of the requests are in batches that expire", reasons(found))
    full = tokens_usd(batches())
    assert tokens_usd(found) == pytest.approx(0.95 * full, rel=2e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limits": {"source": "x"}}, "name a limit"),
        ({"limits": limits(burst_requests=3, tokens_per_minute=5)}, "burst_requests goes with"),
        ({"retry": RETRY}, "retry needs something to get in the way"),
        ({"retry": {**RETRY, "timeout_s": 5}}, "who pays for such a call"),
        ({"retry": {**RETRY, "longest_wait_s": 0.1}}, "longest_wait_s is shorter"),
        ({"outages": {"per_month": 30, "minutes": 600}}, "300 hours a month of outages"),
        (
            {"outages": {"per_month": {"likely": 2, "low": 1, "high": 4}, "minutes": 60}},
            "a range on per_month would change nothing",
        ),
        (
            {"outages": {"per_month": 2, "minutes": {"likely": 60, "low": 6, "high": 90}}},
            "a range on minutes would change nothing",
        ),
        ({"batches": BATCHES}, "batches go with tier batch"),
        ({"tier": "batch", "batches": BATCHES, "completion_hours": 3}, "not both"),
        ({"tier": "batch", "batches": {**BATCHES, "window_hours": 1}}, "half of the batches"),
        ({"token_latency_ms": {"ttft": LATENCY, "per_output_token": LATENCY}}, "not both"),
    ],
)
def test_what_does_not_fit_together_is_said(changes, message):
    plain = {"kind": "api", "provider": "a", "model": "b", "tier": "standard"}
    with pytest.raises(ValidationError, match=message):
        ApiDeployment.model_validate({**plain, "latency_ms": LATENCY, **changes})
