"""Functions on demand inside a plan: what is refused, and what moves their cost."""

import pytest

from tests.cases import worked_plans
from tests.cases.worked_plans import evaluation_of

BASE = worked_plans.scenario("serverless")
COLD = {"candidates": {"warm": None, "kept-warm": None}}


def reasons(**changes) -> str:
    found = evaluation_of(BASE, **changes)
    [left_out] = (*found.ranking.excluded, *found.ranking.unproven)
    return " ".join(left_out.reasons)


def cold_with(workload=None, **deployment):
    return {
        "candidates": {**COLD["candidates"], "cold": {"deployment": deployment}},
        **({} if workload is None else {"workload": workload}),
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (cold_with(seconds={"likely": 10.0}, most_instances=2), "the cap lies below the load"),
        (cold_with(prices={"duration": "storage"}), "sells storage by the GB-month"),
        (cold_with(prices={"duration": "function-tme"}), "function-t"),
        (cold_with(prices={"calls": "egress"}), "sells egress by the GB; a function needs"),
        (
            cold_with({"batch_jobs": {"share": 0.5, "start_hour_utc": 1, "deadline_hours": 5}}),
            "the workload has batch jobs",
        ),
    ],
)
def test_what_a_function_cannot_do_is_said_with_the_reason(changes, message):
    assert message in reasons(**changes)


def cost_of(option: str, **changes) -> float:
    rows = evaluation_of(BASE, **changes).ledger
    return float(rows.loc[rows["option"] == option, "cost_usd"].sum())


def test_twice_the_memory_costs_twice_the_duration_and_the_calls_the_same():
    calls = 60.0
    doubled = cost_of("cold", **cold_with(memory_gib=4))
    assert doubled - calls == pytest.approx(2 * (cost_of("cold", **COLD) - calls))


def test_a_cap_that_is_met_now_and_then_asks_what_a_lost_request_costs():
    changes = cold_with(seconds={"likely": 2.0}, most_instances=5)
    assert "at its cap of 5 instances it refuses" in reasons(**changes)


def test_keeping_alive_longer_starts_cold_less_often_and_costs_less():
    costs = [cost_of("cold", **cold_with(keep_alive={"likely": s})) for s in (0.0, 2.0, 20.0)]
    assert costs[0] > costs[1] > costs[2]
