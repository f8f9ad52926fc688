"""What making a model costs: runs by what became of them, data, people, and training again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tco.domain.cost import Payee, Phase
from tco.domain.experiments import EXPERIMENT_RUNS, TRAINING_RUN, Fate
from tco.ledger import book
from tco.ledger.model import CostModel

MAKING = (Phase.EXPERIMENTATION, Phase.TRAINING)
LED_NOWHERE = (Fate.FAILED, Fate.ABANDONED, Fate.DUPLICATE)
RETRAINING = "retraining"
"""Begins the name of lines for training again, in the plan of operation and among stated costs."""


@dataclass(frozen=True, slots=True)
class Making:
    """What one option's model takes to be made and kept good [USD, nominal]."""

    option: str
    runs_usd: Mapping[str, float]
    """Machine time of runs by fate: the final one against all others."""
    people_usd: float
    """Work on experiments, training and data."""
    data_usd: float
    """Data without people."""
    rest_usd: float
    """Experiments and training that are neither runs nor people."""
    retraining_usd: Mapping[pd.Timestamp, float]
    """Training again, by month in which it is paid."""

    @property
    def lost_usd(self) -> float:
        """Runs that led nowhere [USD]."""
        return sum(self.runs_usd[fate] for fate in LED_NOWHERE)

    @property
    def search_multiple(self) -> float | None:
        """All runs over the final one [-]; None where no final run is planned as machine time."""
        final_usd = self.runs_usd[Fate.FINAL]
        return sum(self.runs_usd.values()) / final_usd if final_usd > 0 else None

    @property
    def whole_usd(self) -> float:
        """Runs, people, data and the rest; training again is running cost and not in it [USD]."""
        return sum(self.runs_usd.values()) + self.people_usd + self.data_usd + self.rest_usd


def making(model: CostModel, rows: pd.DataFrame, option: str) -> Making:
    """Sum up what one option's model takes.

    Args:
        model: The cost model, whose lines have names.
        rows: The ledger drawn from it.
        option: One of its options.
    """
    own = rows[rows["option"] == option]
    is_payroll = own["payee"] == Payee.PAYROLL
    is_run = own["category"].isin([EXPERIMENT_RUNS, TRAINING_RUN])
    is_data, is_made = own["phase"] == Phase.DATA, own["phase"].isin(MAKING)
    return Making(
        option,
        book.experimentation_usd(own),
        people_usd=book.total_usd(own[is_payroll & (is_made | is_data)]),
        data_usd=book.total_usd(own[is_data & ~is_payroll]),
        rest_usd=book.total_usd(own[is_made & ~is_payroll & ~is_run]),
        retraining_usd=_retraining_usd(model, option),
    )


def _retraining_usd(model: CostModel, option: str) -> dict[pd.Timestamp, float]:
    months = pd.to_datetime(list(model.months))
    found: dict[pd.Timestamp, float] = {}
    for valued in model.of([option]).valued():
        if any(word.startswith(RETRAINING) for word in valued.line.key.split(".")):
            for month, usd in zip(months, valued.cost_usd[0], strict=True):
                if usd:
                    found[month] = found.get(month, 0.0) + float(usd)
    return dict(sorted(found.items()))


def passed_in(made_usd: pd.Series, served_usd: pd.Series) -> pd.Timestamp | None:
    """Return the month by whose end serving has for good cost more than making; None if never.

    Args:
        made_usd: Cost of making by month [USD].
        served_usd: Cost of serving in the same months [USD].
    """
    is_ahead = (served_usd.cumsum() > made_usd.cumsum()).to_numpy()
    if not is_ahead[-1]:
        return None
    behind = np.flatnonzero(~is_ahead)
    return pd.DatetimeIndex(made_usd.index)[behind[-1] + 1 if behind.size else 0]
