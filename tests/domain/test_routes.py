"""Routes as people write them: what is refused, where, and what is near."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tco.domain.deployment import CascadeDeployment, Deployment
from tco.domain.route import RouteDeployment, RouteStep, in_order, share_reaching


def route(**steps) -> RouteDeployment:
    made = TypeAdapter(Deployment).validate_python({"kind": "route", "steps": steps})
    assert isinstance(made, RouteDeployment)
    return made


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (
            {"plan": {"option": "a", "after": ["say"]}, "say": {"option": "b", "after": ["plan"]}},
            "the steps form a circle: plan after say after plan",
        ),
        (
            {"retrieve": {"option": "a"}, "say": {"option": "b", "after": ["retreive"]}},
            "'say' comes after 'retreive', which is no step. Near it: retrieve",
        ),
        (
            {"old": {"option": "a", "share": 0.9}, "new": {"option": "b", "share": 0.2}},
            "the shares where requests enter sum to 1.1, not 1: old 0.9 + new 0.2",
        ),
        (
            {"a": {"option": "a"}, "b": {"option": "b", "after": ["a"], "escalate": 1.2}},
            "likely is 1.2, above the most allowed, 1",
        ),
        (
            {"a": {"option": "a"}, "b": {"option": "b", "after": ["a"], "escalate": -0.1}},
            "likely is -0.1, below the least allowed, 0",
        ),
        (
            {"a": {"option": "a"}, "b": {"option": "b", "after": ["a"], "share": 1, "escalate": 1}},
            "give one of share, escalate and escalate_by_class",
        ),
        ({"a": {"option": "a"}, "b": {"option": "b", "escalate": 0.5}}, "escalate needs 'after'"),
        ({"a": {"option": "a"}, "b": {"option": "b", "takes": "refused"}}, "refused needs 'after'"),
        ({"a": {"option": "a"}}, "at least 2"),
    ],
)
def test_a_broken_route_is_told_why(steps, says):
    with pytest.raises(ValidationError) as told:
        route(**steps)
    assert says in str(told.value)


def test_a_problem_of_a_route_is_placed_at_its_step():
    with pytest.raises(ValidationError) as told:
        route(retrieve={"option": "a"}, say={"option": "b", "after": ["retreive"]})
    [error] = told.value.errors()
    assert error["ctx"]["path"] == ("steps", "say", "after")


def test_a_cascade_is_a_route():
    cascade = CascadeDeployment.model_validate(
        {"kind": "cascade", "steps": [{"option": "a", "escalate": 0.2}, {"option": "b"}]}
    )
    assert dict(cascade.route) == {
        "a": RouteStep(option="a"),
        "b": RouteStep.model_validate({"option": "b", "after": ("a",), "escalate": 0.2}),
    }


def test_shares_that_come_to_a_step():
    steps = route(
        ask={"option": "a"},
        hard={"option": "b", "after": ["ask"], "escalate": 0.5},
        odd={"option": "c", "after": ["ask"], "escalate": 0.2},
        check={"option": "d", "after": ["hard", "odd"]},
        say={"option": "e", "after": ["ask", "check"]},
    ).route
    sent = {"hard": 0.5, "odd": 0.2}
    assert {name: share_reaching(steps, name, sent) for name in steps} == pytest.approx(
        {"ask": 1.0, "hard": 0.5, "odd": 0.2, "check": 0.5 + 0.5 * 0.2, "say": 1.0}
    )


def test_ways_of_a_split_exclude_one_another():
    steps = route(
        old={"option": "a", "share": 0.9},
        new={"option": "b", "share": 0.1},
        log={"option": "c", "after": ["old", "new"]},
        look={"option": "d", "after": ["new"], "escalate": 0.5},
    ).route
    sent = {"old": 0.9, "new": 0.1, "look": 0.5}
    assert share_reaching(steps, "log", sent) == pytest.approx(1.0)
    assert share_reaching(steps, "look", sent) == pytest.approx(0.05)


def test_steps_stand_behind_those_they_come_after_and_else_as_written():
    assert in_order({"c": ["b"], "b": ["a"], "a": [], "d": []}) == ("a", "b", "c", "d")
