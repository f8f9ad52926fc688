"""The page on units and signs, written from the words of the ledger: it is never out of date."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from tco.domain.cost import (
    LEDGER_COLUMNS,
    Basis,
    Behaviour,
    Flow,
    Kind,
    Nature,
    Payee,
    Phase,
)
from tco.domain.record import Evidence

MEANINGS: dict[StrEnum, str] = {
    Phase.EXPERIMENTATION: "trying models and ideas, also those that came to nothing",
    Phase.TRAINING: "making or tuning the model that serves, and doing so again later",
    Phase.DATA: "collecting, labelling, licensing and keeping data",
    Phase.DEPLOYMENT: "putting it into service, and switching from one option to another",
    Phase.INFERENCE: "answering requests: tokens or machine hours",
    Phase.OPERATION: "keeping it running: watching, on-call, support",
    Phase.GOVERNANCE: "review, audit, compliance",
    Phase.PLATFORM: "tools and platforms that the model stands on",
    Phase.RETIREMENT: "taking it out of service",
    Kind.USED: "it worked",
    Kind.WASTED: "it was given to a replica and did not work; `cause` says why",
    Kind.IDLE: "paid for and given to nobody; `cause` says why",
    Kind.SHARED: "paid for together with others; this is the part borne here",
    Kind.NONE: "the row buys no capacity",
    Flow.OPEX: "an expense of its month",
    Flow.CAPEX: "an asset: `life_months` says for how long it is of use",
    Flow.CREDIT: "money that comes back; the only rows with a negative cost",
    Nature.ONE_OFF: "paid once",
    Nature.RUN: "paid as long as it runs",
    Behaviour.FIXED: "the same whatever the volume",
    Behaviour.VARIABLE: "in proportion to the volume",
    Behaviour.STEP: "in whole machines: the same until one more is needed",
    Payee.CLOUD: "whoever rents out machines and services by use",
    Payee.API_VENDOR: "whoever answers requests for a price a token",
    Payee.HARDWARE: "whoever sells machines",
    Payee.PAYROLL: "one's own people",
    Payee.OTHER: "anybody else",
    Basis.ACCRUAL: "an asset is spread evenly over its life; what is left of it at the end of the "
    "plan is written off in the last month",
    Basis.CASH: "a row counts in the month in which it is paid",
    Basis.PRESENT_VALUE: "cash x (1 + r)^-((k + 0.5) / 12), k months after the start, at the "
    "organisation's yearly rate r",
    Evidence.MEASURED: "by our own harness on the hardware named",
    Evidence.IMPORTED: "read from the result file of another tool",
    Evidence.STATED: "by those who own the plan, about their own firm",
    Evidence.PUBLISHED: "a price list or a cited figure",
    Evidence.ESTIMATED: "scaled or modelled from other figures",
    Evidence.ASSUMED: "a labelled assumption with a range",
}

_TOP = """\
# Units and signs

Written from `tco/domain/cost.py` by `make golden`; edit it there.

**One row** of the ledger is one thing bought in one month: `quantity` x `unit_price_usd` =
`cost_usd`. Every total, chart and ranking is a sum over rows and nothing else.

**Units** stand in every name: `energy_kwh`, `usd_per_hour`, `started_s`. Money is US dollars, not
rounded inside: only what you read is rounded to the cent. Rates are per second, shares are
fractions (0.25 is 25 %).

**Signs.** A cost is positive. A credit is negative, by a negative unit price; a quantity never is.

**Months.** A plan starts on the first of a month, UTC, and counts months from 1. A month has its
real hours: 744 in January, 672 or 696 in February. 730 hours only convert prices that a vendor
quotes per month, and settle what is left of a commitment after the plan has ended.

**Empty is not zero.** A cell is empty where the figure does not apply or nobody knows it; 0 is a
figure.

**A total** is nominal unless it says otherwise. Cash and accrual move money between months and have
the same sum; present value is smaller where the rate is above zero."""

_SECTIONS: tuple[tuple[str, str, type[StrEnum]], ...] = (
    ("Bases", "Which view of time a total takes; it is always named beside the total.", Basis),
    ("Phases", "Where in the life of a model the money goes.", Phase),
    ("Kinds", "What became of capacity that was paid for. Idle money is wasted + idle.", Kind),
    ("Flows", "How accountants see it.", Flow),
    ("Natures", "Once, or for as long as it runs.", Nature),
    ("Behaviours", "How it follows volume.", Behaviour),
    ("Payees", "Who gets the money.", Payee),
    (
        "Evidence",
        "How well a figure is known, best first. A row wears the worse grade of its quantity and "
        "its price.",
        Evidence,
    ),
)


def text() -> str:
    """Return the page."""
    columns = ((f"`{each.name}`", each.unit, each.meaning) for each in LEDGER_COLUMNS)
    parts = [_TOP, "## Columns of the ledger", _table(("column", "unit", "meaning"), columns)]
    for title, lead, words in _SECTIONS:
        rows = ((word.value, MEANINGS[word]) for word in words)
        parts += [f"## {title}", lead, _table(("word", "meaning"), rows)]
    return "\n\n".join(parts) + "\n"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
