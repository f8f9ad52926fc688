"""What the cheapest is held against: what runs today where something does, else the runner-up."""

from tests.cases import worked_plans
from tests.shipped import evaluated


def test_what_runs_today_comes_first_with_what_it_costs_more():
    found = worked_plans.evaluated("incumbent")
    best, today = found.ranking.options[:2]
    head = found.headline
    assert head is not None
    assert head.against is not None
    assert head.against.runs_today
    assert head.against.rival.option == "keep-as-is"
    assert best.money is not None
    assert today.money is not None
    assert head.against.saved_usd == today.money.basis_usd - best.money.basis_usd


def test_else_it_is_the_next_snapshot_however_that_is_served():
    found = evaluated("ticket-classification/base")
    head = found.headline
    assert head is not None
    assert head.against is not None
    assert not head.against.runs_today
    assert head.against.rival == found.ranking.snapshots[1]
