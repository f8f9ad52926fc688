"""How much of the cost is looked at: the bill of cloud and APIs, with people, or all of it.

Goals are judged on all of it. A scope leaves out lines, and orders what is ranked anew.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import pandas as pd

from tco.domain.cost import Payee
from tco.ledger.finance import total_on_basis_usd
from tco.ledger.model import CostModel
from tco.rank.score import Answer, Ranking, Terms, by_option_of, in_order, money_of

INCUMBENT_BILL = "incumbent"
"""Category of the bill for what runs today: whoever sends it, it is one."""


class Scope(StrEnum):
    """What part of the cost counts."""

    BILLS = "cloud and API bill"
    PEOPLE = "plus people"
    ALL = "full TCO"


PAYEES = {
    Scope.BILLS: {Payee.CLOUD, Payee.API_VENDOR, Payee.HARDWARE},
    Scope.PEOPLE: {Payee.CLOUD, Payee.API_VENDOR, Payee.HARDWARE, Payee.PAYROLL},
    Scope.ALL: set(Payee),
}


def belongs(scope: Scope, payee: str, category: str) -> bool:
    """Tell whether a line counts.

    >>> belongs(Scope.BILLS, "payroll", "people"), belongs(Scope.BILLS, "other", "incumbent")
    (False, True)
    """
    return payee in PAYEES[scope] or category == INCUMBENT_BILL


def model_within(model: CostModel, scope: Scope) -> CostModel:
    """Return the lines that count."""
    lines = (line for line in model.lines if belongs(scope, line.payee, line.category))
    return CostModel(model.months, tuple(lines))


def rows_within(rows: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Return the rows of the ledger that count."""
    counts = rows["payee"].isin(PAYEES[scope]) | (rows["category"] == INCUMBENT_BILL)
    return rows[counts].reset_index(drop=True)


def ranking_within(ranking: Ranking, rows: pd.DataFrame, terms: Terms) -> Ranking:
    """Return a ranking with the money of some rows alone, in the order of that money.

    Args:
        ranking: The ranking by all cost.
        rows: The rows that count.
        terms: How money is counted.
    """
    by_option, none = by_option_of(rows), rows.iloc[:0]

    def counted(answers: tuple[Answer, ...]) -> list[Answer]:
        return [
            answer
            if answer.money is None
            else replace(answer, money=money_of(by_option.get(answer.option, none), terms))
            for answer in answers
        ]

    options = [
        # What simulation leaves open was worked out for all cost, and says nothing here.
        replace(answer, rank=number, is_tied=False)
        for number, answer in enumerate(in_order(counted(ranking.options)), start=1)
    ]
    unproven = in_order(counted(ranking.unproven))
    return Ranking(tuple(options), tuple(unproven), tuple(counted(ranking.excluded)))


def cheapest_within(ranking: Ranking, rows: pd.DataFrame, terms: Terms) -> dict[Scope, Answer]:
    """Return the cheapest ranked option under every scope; empty where nothing is ranked.

    Args:
        ranking: The ranking by all cost.
        rows: All rows of the ledger.
        terms: How money is counted.
    """
    found = {}
    for scope in Scope if ranking.options else ():
        by_option = by_option_of(rows_within(rows, scope))
        cost = {
            answer.option: total_on_basis_usd(
                by_option.get(answer.option, rows.iloc[:0]),
                terms.months,
                terms.basis,
                terms.discount_rate_per_year,
            )
            for answer in ranking.options
        }
        found[scope] = min(ranking.options, key=lambda answer: round(cost[answer.option], 2))
    return found
