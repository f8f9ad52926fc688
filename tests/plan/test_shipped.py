"""What must hold of the money in every shipped scenario."""

from itertools import pairwise

import pytest

from tco.domain.cost import Basis
from tco.ledger import book
from tco.ledger.bridge import bridge
from tco.ledger.explain import open_option
from tco.ledger.expression import Driver, leaves_of
from tco.ledger.finance import total_on_basis_usd
from tests.cases.opened import first_amount, products_of
from tests.shipped import NAMES, evaluated

SAME = 1e-9
"""Relative: float sums in another order."""


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_passes_its_checks_and_holds_every_total(name: str):
    found = evaluated(name)
    rows = found.ledger
    assert book.findings(rows) == []
    for option, usd in found.model.totals_usd().items():
        own = rows[rows["option"] == option]
        assert usd[0] == pytest.approx(book.total_usd(own), rel=SAME, abs=SAME)
        capacity = own[own["kind"] != "none"]
        assert book.capacity_usd(own) == pytest.approx(book.total_usd(capacity), rel=SAME)
    for answer in found.ranking.options:
        assert answer.money is not None
        own = rows[rows["option"] == answer.option]
        assert answer.money.tco_usd == book.total_usd(own)


@pytest.mark.parametrize("name", NAMES)
def test_cash_and_accrual_have_the_same_sum_and_present_value_at_no_rate_too(name: str):
    found = evaluated(name)
    for option in found.model.totals_usd():
        own = found.ledger[found.ledger["option"] == option]
        for basis in Basis:
            total = total_on_basis_usd(own, found.scenario.months, basis, 0.0)
            assert total == pytest.approx(book.total_usd(own), rel=SAME, abs=SAME)


@pytest.mark.parametrize(("old", "new"), list(pairwise(NAMES)))
def test_a_bridge_between_any_two_scenarios_sums_to_the_difference(old: str, new: str):
    before, after = evaluated(old), evaluated(new)
    for first in before.model.totals_usd():
        for second in after.model.totals_usd():
            found = bridge(before.model, first, after.model, second)
            scale = max(abs(found.old_usd), abs(found.new_usd), 1.0)
            assert sum(found.parts_usd.values()) == pytest.approx(
                found.new_usd - found.old_usd, abs=SAME * scale
            )


@pytest.mark.parametrize("name", NAMES)
def test_every_opened_number_can_be_followed_with_a_calculator(name: str):
    found = evaluated(name)
    for option, usd in found.model.totals_usd().items():
        tree = open_option(found.model, option)
        assert first_amount(tree) == pytest.approx(usd[0], abs=0.005 + SAME * usd[0])
        parts = sum(map(first_amount, tree.parts))
        assert parts == pytest.approx(first_amount(tree), abs=0.005 * (len(tree.parts) + 1))
        for product, cost in products_of(tree):
            # Nine digits: to the cent up to a million dollars, and as exact beyond.
            assert product == pytest.approx(cost, abs=0.006, rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_opens_to_what_it_costs(name: str):
    found = evaluated(name)
    months = list(found.scenario.months)
    for option, rows in found.ledger.groupby("option", sort=False):
        # Every line is opened in the first month in which it costs anything.
        firsts = rows.groupby(["phase", "item", "kind", "cause"], sort=False)["month"].min()
        for month in sorted(set(firsts.dt.date)):
            tree = open_option(found.model, str(option), months.index(month))
            opened = [line for phase in tree.parts for line in phase.parts]
            costs = rows[(rows["month"].dt.date == month) & (rows["cost_usd"] != 0)]
            assert len(opened) == len(costs)
            assert sorted(map(first_amount, opened)) == pytest.approx(
                sorted(costs["cost_usd"]), abs=0.005 + SAME
            )
            assert all(line.parts for line in opened), "down to quantity and price"
            texts = [line.text for line in opened]
            assert all(any(text.startswith(item) for text in texts) for item in costs["item"])


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_one_name_are_one_figure(name: str):
    known: dict[str, tuple[object, ...]] = {}
    for line in evaluated(name).model.lines:
        for expression in line.expressions:
            for leaf in leaves_of(expression):
                if isinstance(leaf, Driver):
                    figure = (leaf.likely, leaf.low, leaf.high, leaf.unit, leaf.evidence)
                    assert known.setdefault(leaf.name, figure) == figure, leaf.name
    assert known
