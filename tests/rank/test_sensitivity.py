"""Flip values hold on one side and fail on the other; tornados are what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.record import Evidence
from tco.ledger.expression import Lookup
from tco.rank.sensitivity import flip_sentences, flips, tornado
from tests import shipped
from tests.rank.plans import figure, line, view

VOLUME = figure("workload.requests", 100.0, 60.0, 130.0)
API = (line("api", VOLUME, figure("price.api", 10.0)),)
OWN = (line("own", 1.0, figure("rent", 1500.0, 900.0, 2500.0)),)


def by_driver(found):
    return {flip.driver.name: flip for flip in found}


def test_flip_values_are_those_of_the_closed_form():
    """API: volume x price a month. Own: rent a month. They cross at volume x price = rent."""
    found = by_driver(flips(view([*API, *OWN]), "api"))
    assert found["workload.requests"].value == pytest.approx(150.0, rel=1e-9)
    assert found["price.api"].value == pytest.approx(15.0, rel=1e-9)
    assert found["rent"].value == pytest.approx(1000.0, rel=1e-9)
    assert {flip.winner for flip in found.values()} == {"own"}
    assert all(flip.is_verified for flip in found.values())
    assert found["rent"].is_within_range
    assert not found["workload.requests"].is_within_range


@given(price=st.floats(0.1, 100), rent=st.floats(1, 1e5), fee=st.floats(0, 1e4))
@settings(max_examples=40)
def test_each_flip_value_flips_the_order_between_just_before_and_just_after(price, rent, fee):
    lines = [
        line("api", VOLUME, figure("price.api", price)),
        line("own", 1.0, figure("rent", rent)),
        line("third", VOLUME * 0.5, figure("price.third", price)),
        line("third", 1.0, figure("fee", fee)),
    ]
    seen = view(lines)
    likely = {name: total[0] for name, total in seen.totals_usd({}).items()}
    winner = min(likely, key=lambda name: likely[name])
    for flip in flips(seen, winner):
        step = 1e-7 * (flip.value - flip.driver.likely)
        around = {flip.driver.name: np.array([flip.value - step, flip.value + step])}
        totals = seen.totals_usd(around)
        rivals = np.minimum.reduce([total for name, total in totals.items() if name != winner])
        before, after = rivals - totals[winner]
        scale = 1e-9 * max(likely.values())
        assert before >= -scale
        assert after <= scale


def test_nothing_flips_where_one_option_is_alone_or_always_cheaper():
    assert flips(view(API), "api") == ()
    never = [line("low", VOLUME, 1.0), line("high", VOLUME, 2.0)]
    assert flips(view(never), "low") == ()


def test_no_flip_is_looked_for_beyond_what_was_simulated():
    reach = Lookup("t", "x", VOLUME, (0.0, 140.0), (0.0, 140.0), Evidence.ESTIMATED, "simulated: x")
    lines = [line("api", reach, figure("price.api", 10.0)), *OWN]
    assert "workload.requests" not in by_driver(flips(view(lines), "api"))


def test_the_sentence_says_where_from_where_to_and_how_far():
    found = flips(view([*API, *OWN]), "api")
    assert flip_sentences(found, {"own": "Own GPU"}) == (
        "Own GPU becomes the cheapest if rent falls from 1,500 to 1,000 x, 33% from today; "
        "within its range of 900 to 2,500",
        "Own GPU becomes the cheapest if price.api".replace("price.api", "the price of api")
        + " rises from 10 to 15 x, 50% from today",
        "Own GPU becomes the cheapest if requests rises from 100 to 150 x, 50% from today; "
        "outside its range of 60 to 130",
    )


def test_a_tornado_is_the_cost_at_low_and_at_high_widest_first():
    lines = [*API, line("api", 1.0, figure("fee", 5.0, 0.0, 10.0))]
    first, second = tornado(view(lines), "api")
    assert (first.driver.name, first.at_low_usd, first.at_high_usd) == (
        "workload.requests", 12 * 605.0, 12 * 1305.0,
    )  # fmt: skip
    assert (second.driver.name, second.width_usd) == ("fee", 120.0)


@pytest.mark.parametrize("name", ["ticket-classification/base", "document-extraction/base"])
def test_every_flip_value_of_a_shipped_scenario_is_verified(name: str):
    found = shipped.evaluated(name).outlook.flips
    assert found
    assert all(flip.is_verified for flip in found)
