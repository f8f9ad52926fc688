"""The figures that a decision opens with: the cheapest option, and what it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tco.ledger import book
from tco.ledger.making import MAKING
from tco.rank.breakeven import month_crossing
from tco.rank.outlook import Outlook
from tco.rank.score import Answer, OptionKind


@dataclass(frozen=True, slots=True)
class Against:
    """The cheapest option held against another."""

    rival: Answer
    runs_today: bool
    """Whether the rival is what runs today; else it is the runner-up."""
    saved_usd: float
    """What the rival costs more over the horizon."""
    saved_share: float | None
    """As a share of the rival's cost; None where that is nothing."""
    month: int | None
    """Month by whose end the cheapest has made up for its dear start; None if it had none."""


@dataclass(frozen=True, slots=True)
class Headline:
    """What the overview says first; every figure is a sum over lines."""

    best: Answer
    against: Against | None
    """None where nothing else is ranked."""
    making_usd: float
    """Experiments and training."""
    experiments_usd: float
    training_usd: float
    totals_usd: Mapping[str, float]
    """Every ranked option's cost, dearest last."""


def headline(outlook: Outlook, rows: pd.DataFrame) -> Headline | None:
    """Return the figures of the cheapest option; None where nothing is ranked.

    Args:
        outlook: The ranking and what stands around it.
        rows: The ledger that it was drawn from.
    """
    options = outlook.ranking.options
    if not options:
        return None
    best = options[0]
    own = rows[rows["option"] == best.option]
    experiments, training = (book.total_usd(own[own["phase"] == phase]) for phase in MAKING)
    rival = rival_of(best, outlook)
    return Headline(
        best,
        None if rival is None else _against(best, rival, outlook),
        experiments + training,
        experiments,
        training,
        {answer.option: answer.money.basis_usd for answer in options if answer.money is not None},
    )


def rival_of(best: Answer, outlook: Outlook) -> Answer | None:
    """Return what the cheapest is held against: what runs today if it is ranked, else who is next.

    Next is the next snapshot, for that is what is chosen between; another way to serve the same
    snapshot only where there is no other.
    """
    others = [answer for answer in outlook.ranking.options if answer.option != best.option]
    snapshots = [answer for answer in outlook.ranking.snapshots if answer.option != best.option]
    return next(filter(_runs_today, others), None) or next(iter(snapshots or others), None)


def _runs_today(answer: Answer) -> bool:
    return answer.profile is not None and answer.profile.kind is OptionKind.INCUMBENT


def _against(best: Answer, rival: Answer, outlook: Outlook) -> Against:
    assert best.money is not None
    assert rival.money is not None
    saved = rival.money.basis_usd - best.money.basis_usd
    whole = rival.money.basis_usd
    month = month_crossing(outlook.view, best.option, rival.option)
    return Against(rival, _runs_today(rival), saved, saved / whole if whole else None, month)
