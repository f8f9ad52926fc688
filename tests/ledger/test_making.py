"""What making a model costs, by hand and against the ledger."""

import pandas as pd
import pytest

from tco.domain.cost import Phase
from tco.domain.experiments import Fate
from tco.ledger import book
from tco.ledger.making import Making, making, passed_in
from tests.shipped import evaluated

MONTHS = pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"])


def by_month(*usd: float) -> pd.Series:
    return pd.Series(usd, index=MONTHS)


def test_serving_passes_making_in_the_month_that_puts_it_ahead_for_good():
    made = by_month(30, 0, 80, 0)  # a second run in March takes the lead back
    assert passed_in(made, by_month(40, 40, 20, 40)) == MONTHS[3]
    assert passed_in(by_month(100, 0, 0, 0), by_month(40, 40, 40, 40)) == MONTHS[2]


def test_serving_that_never_leads_passes_never_and_one_that_always_leads_at_once():
    assert passed_in(by_month(100, 0, 0, 0), by_month(20, 20, 20, 20)) is None
    assert passed_in(by_month(100, 0, 0, 0), by_month(25, 25, 25, 25)) is None  # level is not ahead
    assert passed_in(by_month(0, 0, 0, 0), by_month(1, 1, 1, 1)) == MONTHS[0]


def test_the_multiple_is_all_runs_over_the_final_one():
    runs: dict[str, float] = {
        Fate.FINAL: 10.0,
        Fate.FINISHED: 30.0,
        Fate.FAILED: 6.0,
        Fate.ABANDONED: 3.0,
        Fate.DUPLICATE: 1.0,
    }
    one = Making("a", runs, 100.0, 20.0, 5.0, {})
    assert one.search_multiple == pytest.approx(5.0)
    assert one.lost_usd == pytest.approx(10.0)
    assert one.whole_usd == pytest.approx(175.0)
    none = Making("a", dict.fromkeys(runs, 0.0), 100.0, 20.0, 5.0, {})
    assert none.search_multiple is None


@pytest.mark.parametrize("option", ["encoder", "slm", "llm-api"])
def test_the_parts_are_the_three_phases_of_the_ledger_to_the_cent(option: str):
    found = evaluated("ticket-classification/base")
    one = making(found.model, found.ledger, option)
    rows = found.ledger[found.ledger["option"] == option]
    phases = (Phase.EXPERIMENTATION, Phase.TRAINING, Phase.DATA)
    whole = book.total_usd(rows[rows["phase"].isin(phases)])
    assert one.whole_usd == pytest.approx(whole, abs=0.005)


def test_training_again_is_found_where_the_plan_states_it():
    found = evaluated("ticket-classification/base")
    assert making(found.model, found.ledger, "encoder").retraining_usd
    assert making(found.model, found.ledger, "llm-api").retraining_usd == {}
