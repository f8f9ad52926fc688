"""The best level to commit to, held against trying every level."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.prices.commitment import (
    Term,
    best_layers,
    best_level,
    cash_by_month_usd,
    remainder,
    spread_usd_per_hour,
)

demands = st.lists(st.integers(0, 8), min_size=1, max_size=30).map(lambda d: np.array(d, float))
fractions = st.lists(st.floats(0, 8, width=16), min_size=1, max_size=20).map(np.array)
prices = st.integers(1, 200).map(lambda cents: cents / 100)
lengths = st.integers(1, 40)


def cost_of(demand, level, price, term):
    periods = -(-len(demand) // term.hours)
    committed = level * term.usd_per_hour * term.hours * periods
    return committed + price * np.maximum(demand - level, 0).sum()


def cost_of_layers(demand, long_level, short_levels, price, long, short):
    total = long_level * long.usd_per_hour * long.hours * -(-len(demand) // long.hours)
    for period, level in enumerate(short_levels):
        wanted = demand[period * short.hours : (period + 1) * short.hours]
        total += level * short.usd_per_hour * short.hours
        total += price * np.maximum(wanted - long_level - level, 0).sum()
    return total


@given(demand=demands, price=prices, committed=prices, hours=lengths)
def test_no_whole_level_is_cheaper(demand, price, committed, hours):
    term = Term(committed, hours)
    best = best_level(demand, on_demand_usd_per_hour=price, term=term, step=1.0)
    every = [cost_of(demand, level, price, term) for level in range(10)]
    assert best.cost_usd == pytest.approx(min(every), abs=1e-9)
    assert cost_of(demand, best.level, price, term) == pytest.approx(best.cost_usd, abs=1e-9)


@given(demand=fractions, price=prices, committed=prices, hours=lengths)
def test_no_fraction_is_cheaper(demand, price, committed, hours):
    term = Term(committed, hours)
    best = best_level(demand, on_demand_usd_per_hour=price, term=term)
    # Cost is straight between two demands, so its least value lies at one of them or at 0.
    every = [cost_of(demand, level, price, term) for level in [0.0, *demand]]
    assert best.cost_usd == pytest.approx(min(every), rel=1e-9, abs=1e-9)


@given(
    demand=fractions,
    price=prices,
    committed=prices,
    hours=lengths,
    step=st.sampled_from([0.5, 2.0]),
)
def test_no_level_of_a_coarser_step_is_cheaper(demand, price, committed, hours, step):
    term = Term(committed, hours)
    best = best_level(demand, on_demand_usd_per_hour=price, term=term, step=step)
    every = [cost_of(demand, level, price, term) for level in step * np.arange(20)]
    assert best.cost_usd == pytest.approx(min(every), rel=1e-9, abs=1e-9)


@given(
    demand=st.lists(st.integers(0, 4), min_size=1, max_size=12).map(lambda d: np.array(d, float)),
    price=prices,
    long_usd=prices,
    short_usd=prices,
    long_hours=st.integers(4, 14),
    short_hours=st.integers(4, 8),
)
def test_no_pair_of_layers_is_cheaper(demand, price, long_usd, short_usd, long_hours, short_hours):
    long, short = Term(long_usd, long_hours), Term(short_usd, short_hours)
    best = best_layers(demand, on_demand_usd_per_hour=price, long=long, short=short, step=1.0)
    periods = -(-len(demand) // short_hours)
    every = [
        cost_of_layers(demand, long_level, short_levels, price, long, short)
        for long_level in range(5)
        for short_levels in itertools.product(range(5), repeat=periods)
    ]
    assert best.cost_usd == pytest.approx(min(every), abs=1e-9)
    again = cost_of_layers(demand, best.long_level, best.short_levels, price, long, short)
    assert again == pytest.approx(best.cost_usd, abs=1e-9)


@given(demand=fractions, price=prices, long_usd=prices, short_usd=prices, hours=lengths)
def test_layers_are_never_dearer_than_one_term_or_none(demand, price, long_usd, short_usd, hours):
    long, short = Term(long_usd, 3 * hours), Term(short_usd, hours)
    both = best_layers(demand, on_demand_usd_per_hour=price, long=long, short=short)
    for term in (long, short):
        one = best_level(demand, on_demand_usd_per_hour=price, term=term)
        assert both.cost_usd <= one.cost_usd + 1e-9 * one.cost_usd + 1e-9
        assert one.saving_usd >= -1e-9
    assert both.saving_usd >= -1e-9


@given(demand=fractions, price=prices, committed=prices, hours=lengths)
def test_what_is_unused_and_what_is_used_make_up_what_is_billed(demand, price, committed, hours):
    term = Term(committed, hours)
    best = best_level(demand, on_demand_usd_per_hour=price, term=term)
    billed = best.level * hours * -(-len(demand) // hours)
    assert best.unused_unit_hours == pytest.approx(billed - np.minimum(demand, best.level).sum())
    assert best.unused_usd == pytest.approx(committed * best.unused_unit_hours)
    assert best.unused_unit_hours >= -1e-9


def test_a_working_week_by_hand():
    # 10 units on 50 hours of a week, 2 on the other 118. At 60 % of the price a unit must be busy
    # in more than 60 % of hours: the lower 2 always are, the other 8 in 50/168 = 29.8 %.
    demand = np.array([10.0] * 50 + [2.0] * 118)
    best = best_level(demand, on_demand_usd_per_hour=1.0, term=Term(0.6, 168), step=1.0)
    assert best.level == 2
    assert best.cost_usd == pytest.approx(0.6 * 2 * 168 + 8 * 50)  # 201.60 + 400
    assert best.on_demand_usd == pytest.approx(10 * 50 + 2 * 118)  # 736
    assert best.saving_usd == pytest.approx(134.4)
    assert best.unused_usd == 0
    assert best.break_even_utilisation == pytest.approx(0.6)


def test_a_short_term_covers_the_season_that_the_long_term_does_not():
    # One unit all through, three more in the second of two periods only.
    demand = np.array([1.0] * 10 + [4.0] * 10)
    best = best_layers(
        demand, on_demand_usd_per_hour=1.0, long=Term(0.4, 20), short=Term(0.6, 10), step=1.0
    )
    # Three units for half the time: long 0.4 x 20 = 8, short 0.6 x 10 = 6, singly 10.
    assert best.long_level == 1
    assert best.short_levels == (0, 3)
    assert best.cost_usd == pytest.approx(8 + 18)
    assert best.unused_usd == 0


def test_a_term_that_outlasts_the_plan_is_billed_to_its_end():
    demand = np.ones(100)
    short_plan = best_level(demand, on_demand_usd_per_hour=1.0, term=Term(0.5, 8760))
    assert short_plan.level == 0
    assert best_level(demand, on_demand_usd_per_hour=1.0, term=Term(0.5, 100)).level == 1


def test_a_running_commitment_is_worth_what_it_replaces():
    rest = remainder(
        np.array([1.0, 3.0, 5.0]), level=3, usd_per_hour=0.5, on_demand_usd_per_hour=2.0
    )
    assert rest.due_usd == pytest.approx(4.5)  # 3 units x 3 h x 0.5
    assert rest.replaces_usd == pytest.approx(14)  # (1 + 3 + 3) x 2
    assert rest.net_usd == pytest.approx(9.5)
    assert rest.unused_unit_hours == 2


def test_upfront_money_is_paid_at_once_and_spread_over_the_term():
    hours = np.full(24, 730.0)
    cash = cash_by_month_usd(
        upfront_usd=876, usd_per_hour=0.5, term_months=12, hours_by_month=hours
    )
    assert cash[0] == pytest.approx(876 + 365)
    assert cash[1:12] == pytest.approx(365)
    assert cash[12:] == pytest.approx(0)
    spread = spread_usd_per_hour(upfront_usd=876, usd_per_hour=0.5, term_months=12)
    assert spread * 8760 == pytest.approx(cash.sum())


@pytest.mark.parametrize("demand", [[-1.0], [np.nan], [[1.0]], [np.inf]])
def test_a_demand_that_is_none_is_refused(demand):
    with pytest.raises(ValueError, match="0 or more"):
        best_level(np.array(demand), on_demand_usd_per_hour=1, term=Term(0.5, 10))


@pytest.mark.parametrize(
    ("price", "term"), [(0, Term(0.5, 10)), (1, Term(-1, 10)), (1, Term(1, 0))]
)
def test_prices_and_terms_that_are_none_are_refused(price, term):
    with pytest.raises(ValueError, match="above 0"):
        best_level(np.ones(3), on_demand_usd_per_hour=price, term=term)
