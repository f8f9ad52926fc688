"""Inputs changed one by one, told by their place, refused in words."""

import pytest

from tco.domain.changes import changes, with_inputs
from tco.errors import TcoError
from tests.shipped import loaded

NAME = "ticket-classification/base"
VOLUME = ("workload", "requests_per_month", "likely")


def test_a_changed_input_is_told_with_what_it_was():
    before = loaded(NAME)
    after = with_inputs(before, {VOLUME: 5e6, ("goals", "budget_usd"): 90_000.0})
    found = {change.key: (change.before, change.after) for change in changes(before, after)}
    assert found == {
        "workload.requests_per_month.likely": (3e6, 5e6),
        "goals.budget_usd": (None, 90_000.0),
    }


def test_nothing_changed_is_the_same_scenario():
    before = loaded(NAME)
    assert with_inputs(before, {}).digest == before.digest
    assert changes(before, before) == ()


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (VOLUME, -1, "below the least allowed"),
        (("horizon_months",), 0, "horizon_months"),
        (("candidates", "nobody", "title"), "x", "has no place"),
        (("horizon_months",), 1, "lies after the horizon"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(path, value, says):
    with pytest.raises(TcoError, match=says):
        with_inputs(loaded(NAME), {path: value})
