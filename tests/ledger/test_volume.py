"""Requests a month, and the tokens behind one request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.workload import Workload
from tco.errors import MissingFigureError
from tco.ledger.option import likely_months
from tco.ledger.volume import monthly_requests, tokens_per_request
from tests.cases import worked_plans

SNAPSHOT = worked_plans.scenario("sessions").snapshots["big-thinking"]
STEADY = {"shape": "steady"}


def workload(**fields) -> Workload:
    return Workload.model_validate({"profile": STEADY, **fields})


def months(horizon: int, **fields) -> list[float]:
    return list(likely_months(monthly_requests(workload(**fields), horizon), horizon))


@given(first=st.floats(1, 1e9), growth=st.floats(-0.9, 5))
def test_growth_compounds_by_the_month(first: float, growth: float):
    found = months(25, requests_per_month=first, growth_per_year=growth)
    assert found[0] == first
    assert found[12] == pytest.approx(first * (1 + growth), rel=1e-12)
    assert found[24] == pytest.approx(first * (1 + growth) ** 2, rel=1e-12)


def test_growth_that_may_come_is_a_driver_even_where_none_is_likely():
    grows = {"likely": 0, "low": -0.1, "high": 0.3}
    found = monthly_requests(workload(requests_per_month=10, growth_per_year=grows), 3)
    assert likely_months(found, 3).tolist() == [10.0] * 3
    plain = monthly_requests(workload(requests_per_month=10, growth_per_year=0), 3)
    assert type(found) is not type(plain)


def test_a_table_is_taken_as_it_is():
    assert months(3, monthly_requests=(3, 0, 5)) == [3.0, 0.0, 5.0]


def test_users_take_up_a_service_in_a_straight_line():
    drivers = {
        "users": 1000, "active_share": 0.5, "requests_per_user_month": 20,
        "adoption": {"start_share": 0.2, "full_after_months": 4},
    }  # fmt: skip
    found = months(6, volume_drivers=drivers, growth_per_year=0)
    assert found == pytest.approx([2000, 4000, 6000, 8000, 10000, 10000], rel=1e-12)
    everybody = {name: value for name, value in drivers.items() if name != "adoption"}
    assert months(2, volume_drivers=everybody, growth_per_year=0) == [10000.0] * 2


def tokens(sessions=None, **sizes) -> dict[str, float]:
    size = {"input": 200, "output": 100, "cached_input_share": 0.25} | sizes
    found = tokens_per_request(
        workload(requests_per_month=1, growth_per_year=0, tokens=size, sessions=sessions), SNAPSHOT
    )
    return {
        name: float(likely_months(getattr(found, name), 1)[0])
        for name in ("calls", "fresh_input", "cached_input", "output", "reasoning")
    }


def by_turns(turns: int, tools: int, *, history: bool) -> dict[str, float]:
    """Play a whole session call by call, and share it out over the turns."""
    sent = answered = calls = 0
    before = 0
    for _ in range(turns):
        context = before + 200
        for _ in range(tools + 1):
            sent += context
            calls += 1
            context += 50 + 300
        answered += 100 + tools * 50
        before += (200 + 100) if history else 0
    return {
        "calls": calls / turns,
        "fresh_input": sent / turns * 0.75,
        "cached_input": sent / turns * 0.25,
        "output": answered / turns,
        "reasoning": calls / turns * 100,
    }


@given(turns=st.integers(1, 12), tools=st.integers(0, 6), history=st.booleans())
def test_a_session_sends_what_its_calls_send_one_by_one(turns: int, tools: int, *, history: bool):
    sessions = {
        "turns": turns, "history_sent_again": history, "tool_calls_per_request": tools,
        "tool_result_tokens": 300, "tool_call_tokens": 50,
    }  # fmt: skip
    assert tokens(sessions) == pytest.approx(by_turns(turns, tools, history=history), rel=1e-12)


def test_without_sessions_a_request_is_one_call():
    assert tokens() == {
        "calls": 1.0, "fresh_input": 150.0, "cached_input": 50.0, "output": 100.0,
        "reasoning": 100.0,
    }  # fmt: skip


def test_tokens_that_nobody_stated_are_not_made_up():
    plain = workload(requests_per_month=1, growth_per_year=0)
    with pytest.raises(MissingFigureError, match=r"add workload\.tokens"):
        tokens_per_request(plain, SNAPSHOT)
    sized = workload(
        requests_per_month=1,
        growth_per_year=0,
        tokens={"input": 1, "output": 1, "cached_input_share": 0},
    )
    classic = SNAPSHOT.model_copy(update={"tokens": None, "uses_tokens": False})
    with pytest.raises(MissingFigureError, match="is a classic model without tokens"):
        tokens_per_request(sized, classic)
