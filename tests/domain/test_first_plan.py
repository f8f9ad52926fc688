"""A newcomer's answers become a whole scenario; what is pasted is read or refused by month."""

from typing import Any

import pytest

from tco.domain.changes import changes, estimates, with_inputs
from tco.domain.first_plan import Place, Said, Volume, Wait, first_scenario, months_pasted
from tco.errors import TcoError
from tests.shipped import NAMES, loaded

NAME = "ticket-classification/base"
BASES = [name for name in NAMES if name.endswith("/base")]


def made_of(example, said) -> Any:
    return first_scenario(example, said)


def said(**changed):
    given: dict[str, Any] = {
        "title": "Sort our mail",
        "volume": Volume(requests_per_month=5000.0),
        "wait": Wait.NOBODY,
        "place": Place.ANYWHERE,
    }
    return Said(**(given | changed))


@pytest.mark.parametrize("name", BASES)
def test_every_example_becomes_a_valid_scenario_of_ones_own(name):
    example = loaded(name)
    made = made_of(example, said())
    assert (made.name, made.title) == ("mine", "Sort our mail")
    assert made.workload.requests_per_month.likely == 5000.0
    assert made.incumbent is None
    assert made.candidates.keys() == example.candidates.keys()


def test_answers_become_goals():
    made = made_of(
        loaded(NAME),
        said(wait=Wait.SECOND, place=Place.CLOUD, quality_at_least=0.9, ready_by_month=6,
             labelled_examples=800),
    )  # fmt: skip
    goals = made.goals
    assert goals.latency_ms.p95 == 1000.0
    assert [place.value for place in goals.custody] == ["cloud_account", "own_site"]
    assert (goals.quality.at_least, goals.ready_by_month) == (0.9, 6)
    assert goals.labelled_examples_at_hand == 800
    later = made_of(loaded(NAME), said(wait=Wait.DAY))
    assert (later.goals.completion_hours, later.goals.latency_ms) == (24.0, None)


def test_pasted_months_set_the_horizon_and_users_multiply():
    made = made_of(loaded(NAME), said(volume=Volume(monthly_requests=(1e6,) * 36)))
    assert made.workload.monthly_requests == (1e6,) * 36
    assert made.horizon_months == 36
    made = made_of(loaded(NAME), said(volume=Volume(users=200.0, requests_per_user_month=30.0)))
    assert made.workload.volume_drivers.users.likely == 200.0


def test_fixed_fleets_grow_with_the_volume_and_never_shrink():
    fleet = ("candidates", "frozen-encoder", "deployment", "replicas")
    example = loaded(NAME)  # 4 replicas for 3 million a month
    grown = made_of(example, said(volume=Volume(requests_per_month=7.6e6)))
    assert grown.candidates[fleet[1]].deployment.replicas == 11  # 4 x 2.53, rounded up
    small = made_of(example, said(volume=Volume(requests_per_month=1e3)))
    assert small.candidates[fleet[1]].deployment.replicas == 4


@pytest.mark.parametrize(
    "volume",
    [Volume(requests_per_month=0.0), Volume(), Volume(monthly_requests=(0.0, 0.0))],
)
def test_a_plan_without_requests_is_refused(volume):
    with pytest.raises(TcoError, match="needs requests"):
        made_of(loaded(NAME), said(volume=volume))


@pytest.mark.parametrize(
    ("text", "months"),
    [("1\n2\n3", 3), ("1\t2\t3\n", 3), ("1,200,000;900", 2), (" 1 000 \r\n2", 2), ("0\n5", 2)],
)
def test_a_column_or_a_row_of_a_spreadsheet_is_read(text, months):
    assert len(months_pasted(text)) == months


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\nabc\n-3", "month 2: 'abc' is not a number.*month 3: '-3'"),
        ("1.200.000", "month 1"),
        ("nan", "month 1"),
        ("=1+1", "month 1"),
        ("", "0 months were pasted"),
        ("1\n" * 121, "121 months were pasted"),
    ],
)
def test_what_is_no_number_is_named_by_its_month(text, says):
    with pytest.raises(TcoError, match=says):
        months_pasted(text)


def test_every_number_of_a_scenario_is_listed_at_a_path_that_can_be_changed():
    scenario = loaded(NAME)
    held = estimates(scenario)
    assert held[0].evidence == "assumed"
    for one in held[:: max(1, len(held) // 12)]:
        if one.low not in (None, one.likely):
            after = with_inputs(scenario, {one.path: one.low})
            assert [change.path for change in changes(scenario, after)] == [one.path]
