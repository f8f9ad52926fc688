"""Ranges: draws match what was stated, options meet the same draws, probabilities add up."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.cost import Basis
from tco.domain.record import Evidence
from tco.ledger.book import ledger
from tco.ledger.expression import Lookup, Series
from tco.ledger.finance import by_month_usd
from tco.rank.uncertainty import drawn, uncertainty, values_at
from tco.rank.view import View
from tests.cases import worked_plans
from tests.rank.plans import RATE, figure, known, line, view

SEED = 20261121
PRICE = figure("price", 10.0, 8.0, 15.0)
VOLUME = figure("volume", 100.0, 60.0, 130.0)
TWO = (line("a", VOLUME, PRICE), line("b", VOLUME * 0.5, figure("other", 19.0, 15.0, 26.0)))


@given(
    low=st.floats(0, 1e6),
    below=st.floats(0, 1e6),
    above=st.floats(0, 1e6),
    unit=st.sampled_from("x-"),
)
def test_low_likely_and_high_are_the_5th_50th_and_95th_percentile(low, below, above, unit):
    driver = figure("x", low + below, low, low + below + above, unit)
    found = values_at(driver, np.array([0.05, 0.5, 0.95]))
    assert found == pytest.approx([driver.low, driver.likely, driver.high], rel=1e-9, abs=1e-9)


def test_draws_hold_the_stated_percentiles():
    values = drawn([PRICE, VOLUME], 4096, seed=SEED)["price"][1:]
    assert np.mean(values < 8.0) == pytest.approx(0.05, abs=0.001)
    assert np.mean(values < 10.0) == pytest.approx(0.5, abs=0.001)
    assert np.mean(values > 15.0) == pytest.approx(0.05, abs=0.001)


def test_draw_0_is_the_likely_case_and_drivers_are_drawn_independently():
    table = drawn([PRICE, VOLUME], 4096, seed=SEED)
    assert (table["price"][0], table["volume"][0]) == (10.0, 100.0)
    assert abs(np.corrcoef(table["price"][1:], table["volume"][1:])[0, 1]) < 0.02


def test_shares_stay_shares_and_counts_stay_positive():
    share, count = figure("s", 0.9, 0.5, 0.98, "-"), figure("c", 1.0, 0.0, 9.0)
    table = drawn([share, count], 1024, seed=SEED)
    assert table["s"].max() <= 1
    assert table["c"].min() >= 0


def test_one_more_driver_leaves_the_draws_of_the_others_as_they_were():
    alone = drawn([PRICE], 256, seed=SEED)["price"]
    assert drawn([PRICE, VOLUME], 256, seed=SEED)["price"].tolist() == alone.tolist()
    assert drawn([PRICE], 256, seed=SEED + 1)["price"].tolist() != alone.tolist()


def test_a_total_of_one_driver_has_its_percentiles():
    """Twelve months at 7 a unit: the total is a multiple of the driver."""
    found = uncertainty(view([line("a", 7.0, PRICE)]), draws=8192, seed=SEED).ranges["a"]
    expected = 12 * 7 * values_at(PRICE, np.array([0.1, 0.5, 0.8, 0.9]))
    assert [found.total_usd[level] for level in (10, 50, 80, 90)] == pytest.approx(
        expected.tolist(), rel=1e-3
    )


@given(factor=st.floats(0.01, 100))
@settings(max_examples=20)
def test_scaling_all_prices_scales_every_percentile(factor: float):
    scaled = [replace(x, unit_price_usd=x.unit_price_usd * factor) for x in TWO]
    before = uncertainty(view(TWO), draws=256, seed=SEED).ranges
    after = uncertainty(view(scaled), draws=256, seed=SEED).ranges
    for option in ("a", "b"):
        for level in (10, 50, 90):
            was, now = known(before[option].total_usd[level]), known(after[option].total_usd[level])
            assert now == pytest.approx(was * factor, rel=1e-9)


def test_chances_add_up_to_one_and_a_tie_is_split():
    twin = replace(TWO[0], option="twin")
    ranges = uncertainty(view([*TWO, twin]), draws=512, seed=SEED).ranges
    assert math.fsum(found.p_cheapest for found in ranges.values()) == pytest.approx(1, rel=1e-12)
    assert ranges["a"].p_cheapest == ranges["twin"].p_cheapest > 0


def test_a_dominated_option_changes_nothing_for_the_others():
    worse = [replace(TWO[0], option="worse"), line("worse", 1.0, figure("extra", 5.0, 4.0, 9.0))]
    before = uncertainty(view(TWO), draws=512, seed=SEED).ranges
    after = uncertainty(view([*TWO, *worse]), draws=512, seed=SEED).ranges
    assert {option: after[option] for option in before} == before
    assert after["worse"].p_cheapest == 0


def test_regret_is_what_a_choice_costs_more_than_the_best_of_each_draw():
    ranges = uncertainty(view(TWO), draws=2048, seed=SEED).ranges
    table = drawn(view(TWO).drivers().values(), 2048, seed=SEED)
    a, b = (view(TWO).totals_usd(table)[option][1:] for option in ("a", "b"))
    assert ranges["a"].expected_regret_usd == pytest.approx(np.maximum(a - b, 0).mean(), rel=1e-9)
    assert ranges["a"].worst_regret_usd == pytest.approx(np.maximum(a - b, 0).max(), rel=1e-9)
    assert ranges["a"].p_cheapest == pytest.approx(np.mean(a < b), rel=1e-9)


def test_a_budget_is_the_likely_path_and_a_contingency():
    found = uncertainty(view(TWO), draws=512, seed=SEED).ranges["a"]
    assert [budget.level for budget in found.budgets] == [50, 80, 90]
    for budget in found.budgets:
        assert budget.total_usd == found.total_usd[budget.level]
        assert budget.total_usd - budget.contingency_usd == pytest.approx(12_000, rel=1e-12)


def test_beyond_what_was_simulated_an_option_never_wins_and_its_percentile_is_unknown():
    table = Lookup("t", "x", VOLUME, (0.0, 100.0), (0.0, 100.0), Evidence.ESTIMATED, "simulated: x")
    lines = [line("cheap", table, 1.0), line("dear", VOLUME, 2.0)]
    ranges = uncertainty(view(lines), draws=2048, seed=SEED).ranges
    assert ranges["cheap"].unknown_share == pytest.approx(0.5, abs=0.01)
    assert ranges["cheap"].p_cheapest == pytest.approx(0.5, abs=0.01)
    assert ranges["cheap"].total_usd[90] is None
    assert known(ranges["cheap"].total_usd[10]) < 1200
    assert math.fsum(found.p_cheapest for found in ranges.values()) == pytest.approx(1)


def test_what_has_no_range_is_certain():
    found = uncertainty(view([line("a", 2.0, 3.0)]), draws=512, seed=SEED)
    assert (found.draws, found.drivers) == (1, ())
    assert set(found.ranges["a"].total_usd.values()) == {72.0}


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("name", ["asset", "growth-and-prices", "static-fleet"])
def test_the_likely_draw_is_the_ledger_month_by_month(name: str, basis: Basis):
    evaluation = worked_plans.evaluated(name)
    rows = ledger(evaluation.model)
    found = View(evaluation.model, basis, RATE).by_month_usd({"nothing": np.zeros(3)})
    for option, by_month in found.items():
        own = rows[rows["option"] == option]
        expected = by_month_usd(own, evaluation.scenario.months, basis, RATE.likely)
        for draw in by_month:
            assert draw.tolist() == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-9)


def test_present_value_discounts_at_the_drawn_rate():
    late = line("a", Series("end", "-", (0.0,) * 11 + (1.0,), Evidence.STATED, "x"), 100.0)
    seen = view([late], basis=Basis.PRESENT_VALUE)
    assert "rate" in seen.drivers()
    found = seen.totals_usd({"rate": np.array([0.0, 0.5])})["a"]
    assert found.tolist() == pytest.approx([100.0, 100.0 * 1.5 ** (-11.5 / 12)], rel=1e-12)


def coverage(width: float, worlds: int = 2000) -> float:
    """Draw truths from the stated ranges, plan with ranges of another width; share held."""
    drivers = [PRICE, VOLUME, figure("fee", 300.0, 200.0, 500.0)]
    total = line("a", VOLUME, PRICE), line("a", 1.0, drivers[2])
    truth = view(total).totals_usd(drawn(drivers, worlds, seed=SEED + 7))["a"][1:]
    narrow = [
        figure(
            driver.name,
            driver.likely,
            driver.likely - (driver.likely - known(driver.low)) * width,
            driver.likely + (known(driver.high) - driver.likely) * width,
        )
        for driver in drivers
    ]
    planned = view([line("a", narrow[1], narrow[0]), line("a", 1.0, narrow[2])])
    held = uncertainty(planned, draws=8192, seed=SEED).ranges["a"].total_usd
    return float(np.mean((truth >= known(held[10])) & (truth <= known(held[90]))))


def test_p10_to_p90_holds_four_truths_in_five_and_halved_ranges_do_not():
    assert 0.775 <= coverage(1.0) <= 0.825
    assert coverage(0.5) < 0.775


def test_a_draw_that_divides_by_nothing_has_no_cost():
    found = view([line("a", 1.0 * VOLUME / figure("models", 2.0), 3.0)]).totals_usd(
        {"models": np.array([2.0, 0.0])}
    )["a"]
    assert found[0] == pytest.approx(12 * 150.0)
    assert np.isnan(found[1])
