"""What runs today against the options: savings, paybacks, the last bill beside its model."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.assemble import INCUMBENT
from tco.ledger.incumbent import Payback, _paid_back, check_bill, paybacks
from tco.plan import Evaluation
from tests.cases import worked_plans

BASE = worked_plans.scenario("incumbent")
BUILD = {
    "title": "building it", "usd": {"likely": 12_000}, "phase": "deployment", "month": 1,
    "payee": "other",
}  # fmt: skip
RANGED = {"likely": 100, "low": 50, "high": 400, "evidence": "assumed", "source": "a guess"}


def plan(**changes: Any) -> Evaluation:
    return worked_plans.evaluation_of(BASE, **changes)


def big_against(found: Evaluation, rate: float) -> Payback:
    [one] = paybacks(found.ledger, INCUMBENT, found.scenario.months, rate)
    assert one.option == "big"
    return one


def test_savings_pay_back_what_was_laid_out():
    """Kept 10,100, 13,100, 16,100 a month; Big 2,900, 4,300, 5,700 and 12,000 to build it."""
    found = plan(candidates={"big": {"lifecycle": {"one_off": {"build": BUILD}}}})
    one = big_against(found, 0.0)
    assert one.saving_usd == pytest.approx(-4_800 + 8_800 + 10_400)
    assert one.most_laid_out_usd == pytest.approx(4_800)
    assert one.roi == pytest.approx(14_400 / 4_800)
    assert (one.payback_month, one.discounted_payback_month) == (2, 2)
    assert one.saving_pv_usd == pytest.approx(one.saving_usd)


def test_todays_money_pays_back_later():
    build = {**BUILD, "usd": {"likely": 15_900}}
    found = plan(candidates={"big": {"lifecycle": {"one_off": {"build": build}}}})
    one = big_against(found, 1.0)
    factors = 2.0 ** -((np.arange(3) + 0.5) / 12)
    assert one.saving_pv_usd == pytest.approx(np.array([-8_700, 8_800, 10_400]) @ factors)
    assert (one.payback_month, one.discounted_payback_month) == (2, 3)


def test_an_option_that_takes_nothing_up_front_has_no_return_on_it():
    one = big_against(plan(), 0.1)
    assert one.saving_usd == pytest.approx(39_300 - 12_900)
    assert (one.payback_month, one.most_laid_out_usd, one.roi) == (1, 0.0, None)


def test_an_option_that_never_pays_back_says_so():
    build = {**BUILD, "usd": {"likely": 30_000}}
    found = plan(candidates={"big": {"lifecycle": {"one_off": {"build": build}}}})
    one = big_against(found, 0.0)
    assert (one.payback_month, one.discounted_payback_month) == (None, None)
    assert one.roi == pytest.approx(-3_600 / 22_800)


def test_nothing_is_compared_where_nothing_runs_today():
    found = plan(incumbent=None)
    assert paybacks(found.ledger, INCUMBENT, found.scenario.months, 0.1) == ()


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_a_payback_is_the_first_month_that_nothing_follows(saved: list[int]):
    so_far = np.cumsum(np.array(saved, dtype=np.float64))
    found = _paid_back(so_far)
    if found is None:
        assert so_far[-1] < 0
    else:
        assert (so_far[found - 1 :] >= 0).all()
        assert found == 1 or so_far[found - 2] < 0


# ---- the last bill ------------------------------------------------------------------------------


def test_the_modelled_month_stands_beside_the_bill():
    """A million requests of 1,000 tokens at $2 and 100 at $8 a million: 2,000 + 800."""
    found = plan(
        incumbent={"option": "big", "last_month_requests": 2_000_000},
        workload={"tokens": {"output": RANGED}},
    )
    checked = check_bill(found.model, found.scenario.incumbent)
    assert checked is not None
    assert checked.modelled_usd == pytest.approx(2 * (2_000 + 800))
    assert checked.gap_usd == pytest.approx(10_000 - 5_600)
    first, second = checked.suspects
    assert first.item.startswith("output tokens")
    assert first.movable_usd == pytest.approx(2 * 800 * 3), "four times as long at most"
    assert (second.item.split(",")[0], second.movable_usd) == ("fresh input tokens", 0.0)


def test_a_bill_below_its_model_looks_for_what_may_be_less():
    changes = {"option": "big", "last_month_bill_usd": {"likely": 100}}
    found = plan(incumbent=changes, workload={"tokens": {"output": RANGED}})
    checked = check_bill(found.model, found.scenario.incumbent)
    assert checked is not None
    assert checked.gap_usd == pytest.approx(100 - 2_800)
    assert checked.suspects[0].movable_usd == pytest.approx(800 / 2)


def test_a_bill_alone_is_held_against_nothing():
    assert check_bill(plan().model, BASE.incumbent) is None


def test_what_runs_today_has_to_be_an_option_of_the_scenario():
    with pytest.raises(ValueError, match="no option 'bigg'; there are big"):
        plan(incumbent={"option": "bigg"})


def test_an_option_that_was_left_out_describes_nothing():
    """Its reason stands with the option; the ranking is not lost for it."""
    found = plan(incumbent={"option": "big"})
    assert check_bill(found.model.of([]), found.scenario.incumbent) is None


def test_rows_of_a_simulated_fleet_are_suspects_too():
    base = worked_plans.scenario("commitment-level")
    today = {
        "title": "today", "last_month_requests": 100_000, "last_month_bill_usd": 1e6,
        "fixed_share": 0, "option": "singly", "source": "a bill",
    }  # fmt: skip
    found = worked_plans.evaluation_of(base, incumbent=today)
    checked = check_bill(found.model, found.scenario.incumbent)
    assert checked is not None
    assert all(one.movable_usd >= 0 for one in checked.suspects)
