"""A scope counts some lines; goals are judged on all of them."""

import pytest

from tco.domain.cost import Payee
from tco.plan import in_scope
from tco.rank.scope import Scope
from tests.shipped import evaluated

NAME = "ticket-classification/base"


@pytest.mark.parametrize("scope", list(Scope))
def test_money_of_each_option_is_the_sum_of_the_rows_that_count(scope):
    seen = in_scope(evaluated(NAME), scope)
    totals = []
    for answer in seen.ranking.options:
        assert answer.money is not None
        totals.append(answer.money.basis_usd)
        rows = seen.ledger[seen.ledger["option"] == answer.option]
        assert answer.money.tco_usd == pytest.approx(rows["cost_usd"].sum(), rel=1e-12)
    assert totals == sorted(totals)
    assert [answer.rank for answer in seen.ranking.options] == list(range(1, len(totals) + 1))


def test_scopes_hold_one_another_and_leave_the_ranked_as_they_are():
    whole = evaluated(NAME)
    bills, people = (in_scope(whole, scope) for scope in (Scope.BILLS, Scope.PEOPLE))
    assert in_scope(whole, Scope.ALL) is whole
    assert set(bills.ledger["payee"]) <= {Payee.CLOUD, Payee.API_VENDOR, Payee.HARDWARE}
    assert set(people.ledger["payee"]) - set(bills.ledger["payee"]) == {Payee.PAYROLL}
    names = [{a.option for a in x.ranking.options} for x in (whole, bills, people)]
    assert names[0] == names[1] == names[2]
    assert bills.outlook.uncertainty.ranges.keys() == names[0]


def test_the_bill_of_what_runs_today_counts_whoever_sends_it():
    seen = in_scope(evaluated("fraud-scoring/base"), Scope.BILLS)
    kept = seen.ledger[seen.ledger["option"] == "keep-as-is"]
    assert kept["cost_usd"].sum() > 0
